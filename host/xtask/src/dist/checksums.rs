//! SHA256SUMS: the hash of each published file, as `sha256sum --check` reads it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::command::Run;

/// The name of the file.
pub(super) const FILE: &str = "SHA256SUMS";

/// Writes the hashes of all files of a directory, without those in its subdirectories: the same files are in the archives.
pub(super) fn write(dir: &Path) -> Result<()> {
    let mut names = Vec::new();
    for file in fs::read_dir(dir).with_context(|| format!("could not read {}", dir.display()))? {
        let file = file?;
        if file.file_type()?.is_file() && file.file_name() != FILE {
            names.push(file.file_name());
        }
    }
    names.sort();
    // Without names it would read its standard input.
    let sums = match names.is_empty() {
        true => String::new(),
        false => Run::new("sha256sum").current_dir(dir).arg("--").args(&names).capture()?,
    };
    fs::write(dir.join(FILE), sums).with_context(|| format!("could not write {FILE}"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::tempdir;
    use super::*;

    #[test]
    fn every_file_is_in_it_and_sha256sum_agrees() {
        let dir = tempdir("sums");
        write(&dir).unwrap();
        assert_eq!(fs::read_to_string(dir.join(FILE)).unwrap(), "");
        fs::create_dir_all(dir.join("trees")).unwrap();
        fs::write(dir.join("trees/kiwi-host"), "c").unwrap();
        fs::write(dir.join("b.whl"), "b").unwrap();
        fs::write(dir.join("a.tar.gz"), "").unwrap();
        write(&dir).unwrap();
        let sums = fs::read_to_string(dir.join(FILE)).unwrap();
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let b = "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d";
        assert_eq!(sums, format!("{empty}  a.tar.gz\n{b}  b.whl\n"));
        assert!(Run::new("sha256sum").current_dir(&dir).args(["--check", FILE]).succeeds());
        fs::write(dir.join("b.whl"), "B").unwrap();
        assert!(!Run::new("sha256sum").current_dir(&dir).args(["--check", FILE]).succeeds());
        fs::remove_dir_all(&dir).unwrap();
    }
}
