//! Finds requirements of a host that the directory does not meet.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use super::directory::Directory;
use super::failure::{Failure, Result};
use crate::Finding;
use crate::Id;

/// A map of a hundred thousand entries needs about this much to be staged beside the old one.
const LOW_SPACE: u64 = 64 << 20;

pub(super) fn check(directory: &Directory) -> Vec<Finding> {
    let path = directory.path();
    let mut findings = Vec::new();
    if let Err(failure) = try_writing(path) {
        findings.push(Finding { fatal: true, message: failure.explain(path).to_string() });
    }
    if let Ok(space) = free_space(path)
        && space < LOW_SPACE
    {
        findings.push(Finding { fatal: false, message: low_space(path, space) });
    }
    findings
}

fn try_writing(path: &Path) -> Result<()> {
    let file = path.join(format!(".check-{}", Id::random()));
    // A full disk still creates files, and then refuses what is written to them.
    let written = File::create_new(&file)?.write_all(&[0; 4096]);
    fs::remove_file(&file)?;
    Ok(written?)
}

fn free_space(path: &Path) -> Result<u64> {
    let disk = rustix::fs::statvfs(path).map_err(Failure::from)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

fn low_space(path: &Path, space: u64) -> String {
    format!(
        "only {} MiB are free in {}: a refill needs space for a second copy of its map; free some, or choose another \
         directory with `file:DIR`",
        space >> 20,
        path.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deleted_directory_is_fatal() {
        let dir = tempfile::tempdir().unwrap();
        let directory = Directory::open(dir.path()).unwrap();
        assert!(check(&directory).iter().all(|finding| !finding.fatal));
        fs::remove_dir_all(dir.path()).unwrap();
        assert!(check(&directory).iter().any(|finding| finding.fatal));
    }

    #[test]
    fn low_space_is_given_in_mebibytes() {
        assert!(low_space(Path::new("/data/kiwi"), 5 << 20).contains("only 5 MiB are free in /data/kiwi"));
        assert!(free_space(&std::env::temp_dir()).unwrap() > 0);
    }
}
