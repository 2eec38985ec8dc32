//! Which directories and files are not for a plugin: those that hand it the secrets of the host.

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use kiwi_store::{Error, Result};

use crate::config::file_grants::{DirGrant, FileGrant};

/// How long a file system may take to say where a directory is. One that hangs (a lost mount) gives a plugin
/// nothing, so it need not be checked.
const TIMEOUT: Duration = Duration::from_secs(2);

impl DirGrant {
    /// Refuses a directory that would hand secrets to the plugin: one that contains a `.env` or one of
    /// `kept` (kiwi.toml, an embedded store), or that is itself inside of one of these. Symbolic links are followed. A
    /// directory that does not exist yet passes.
    ///
    /// # Errors
    /// What it contains, and what to grant instead.
    pub fn check(&self, kept: &[&Path]) -> Result<()> {
        let (directory, kept): (_, Vec<PathBuf>) = (self.path.clone(), kept.iter().map(|&path| path.into()).collect());
        match look(move || find_secret(&directory, &kept)) {
            Some(secret) => Err(Error::invalid(self.refusal(&secret))),
            None => Ok(()),
        }
    }

    /// The sentence that refuses a directory for what is in it.
    pub(crate) fn refusal(&self, secret: &Path) -> String {
        format!(
            "the directory `{}` is not for a plugin to read: `{}` is in it; grant the files that the plugin reads \
             instead, such as files = [{:?}], or move its data to a directory of its own",
            self.guest_path.escape_debug(),
            secret.display(),
            example(&self.guest_path)
        )
    }
}

impl FileGrant {
    /// Refuses a file that is one of `kept`, such as one with a secret that the plugin must not see. Symbolic links are
    /// followed. A file that does not exist yet passes.
    ///
    /// # Errors
    /// Which of them it is.
    pub fn check(&self, kept: &[&Path]) -> Result<()> {
        let (file, kept): (_, Vec<PathBuf>) = (self.path.clone(), kept.iter().map(|&path| path.into()).collect());
        let is_kept = move || {
            let real = file.canonicalize().ok()?;
            kept.into_iter().find(|kept| kept.canonicalize().is_ok_and(|kept| kept == real))
        };
        match look(is_kept) {
            Some(secret) => Err(Error::invalid(format!(
                "the file `{}` is not for a plugin to read: it holds a secret (`{}`)",
                self.guest_path.escape_debug(),
                secret.display()
            ))),
            None => Ok(()),
        }
    }
}

/// Looks at files on a thread of its own, for a while. The thread may outlive this: nobody can interrupt a file system
/// that hangs.
fn look(find: impl FnOnce() -> Option<PathBuf> + Send + 'static) -> Option<PathBuf> {
    let (found, finding) = mpsc::sync_channel(1);
    let looking = std::thread::Builder::new().name("kiwi-grants".into());
    let begun = looking.spawn(move || found.send(find()));
    begun.ok().and_then(|_| finding.recv_timeout(TIMEOUT).ok()).flatten()
}

/// A `.env` in the directory, where programs keep their passwords.
pub(crate) fn env_file(directory: &Path) -> Option<PathBuf> {
    let path = directory.join(".env");
    path.symlink_metadata().is_ok().then_some(path)
}

fn find_secret(directory: &Path, kept: &[PathBuf]) -> Option<PathBuf> {
    let real = directory.canonicalize().ok()?;
    let is_kept = |kept: &&PathBuf| {
        // Where it is, and where a symbolic link leads to.
        let parent = kept.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
        let named = parent.canonicalize().ok().zip(kept.file_name()).map(|(parent, name)| parent.join(name));
        let resolved = kept.canonicalize().ok();
        let around = named.iter().chain(&resolved).any(|kept| kept.starts_with(&real));
        around || resolved.is_some_and(|kept| real.starts_with(kept))
    };
    kept.iter().find(is_kept).cloned().or_else(|| env_file(directory))
}

/// A file below a directory, as an example of what to grant.
fn example(guest_path: &str) -> String {
    match guest_path.trim_end_matches('/').trim_start_matches("./") {
        "" | "." => "airlines.csv".to_owned(),
        directory => format!("{directory}/airlines.csv"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_directory_with_secrets_is_refused() {
        let base = tempfile::tempdir().unwrap();
        let base = base.path();
        let (config, store) = (base.join("conf/kiwi.toml"), base.join("var/store"));
        for dir in ["conf/data", "conf/app", "conf/link-target", "var/store/airlines", "var/data"] {
            fs::create_dir_all(base.join(dir)).unwrap();
        }
        fs::write(&config, "").unwrap();
        fs::write(base.join("conf/app/.env"), "PASSWORD=x").unwrap();
        symlink(base.join("conf"), base.join("conf/data/up")).unwrap();
        symlink(base.join("conf/data"), base.join("conf/linked")).unwrap();
        let check = |dir: &str| DirGrant::new(dir, &base.join("conf")).check(&[&config, &store]);

        for fine in ["data", "./data/", "linked", "../var/data", "absent"] {
            assert!(check(fine).is_ok(), "{fine}: {:?}", check(fine));
        }
        let file = |path: &str| FileGrant::new(path, &base.join("conf")).unwrap().check(&[&config]);
        symlink(&config, base.join("conf/data/other.toml")).unwrap();
        assert!(file("data/airlines.csv").is_ok());
        for bad in ["kiwi.toml", "data/other.toml", "data/../kiwi.toml"] {
            let error = file(bad).unwrap_err();
            assert!(error.is_invalid() && error.to_string().contains("holds a secret"), "{bad}: {error}");
        }
        for (bad, what) in [
            (".", "kiwi.toml"),
            ("", "kiwi.toml"),
            ("..", "kiwi.toml"),
            ("/", "kiwi.toml"),
            ("data/up", "kiwi.toml"),
            ("../var", "store"),
            ("../var/store", "store"),
            ("../var/store/airlines", "store"),
            ("app", ".env"),
        ] {
            let error = check(bad).unwrap_err();
            assert!(error.is_invalid(), "{bad}");
            assert!(error.to_string().contains(what) && error.to_string().contains("files = ["), "{bad}: {error}");
        }
    }
}
