//! The directory of a store: one environment for each cache, each open once in this process.

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};

use super::environment::{Environment, FileId};
use super::failure::Result;
use crate::{Error, Id, Name, network_filesystem};

/// Beside the environment's own files: locked by the holder of the lease.
pub(super) const LEASE_FILE: &str = "lease";

/// Beside the environment's own files: its time is when a reader last asked.
pub(super) const ASK_FILE: &str = "ask";

/// What every store on one directory in this process shares: LMDB must not open a file twice.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    environments: Mutex<Environments>,
}

type Environments = HashMap<Name, Arc<Environment>>;

static OPEN: LazyLock<Mutex<HashMap<PathBuf, Weak<Directory>>>> = LazyLock::new(Mutex::default);

impl Directory {
    /// Opens a directory, and creates it if there is none.
    pub(super) fn open(path: &Path) -> Result<Arc<Self>> {
        make_private(path)?;
        let path = fs::canonicalize(path)?;
        if let Some(network) = network_filesystem(&path)? {
            return Err(refused(&path, network).into());
        }
        let mut open = lock(&OPEN);
        if let Some(directory) = open.get(&path).and_then(Weak::upgrade) {
            return Ok(directory);
        }
        open.retain(|_, directory| directory.strong_count() > 0);
        let directory = Arc::new(Self { path: path.clone(), environments: Mutex::default() });
        open.insert(path, Arc::downgrade(&directory));
        Ok(directory)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the files of a cache are.
    pub(super) fn of(&self, cache: &Name) -> PathBuf {
        self.path.join(cache.as_str())
    }

    /// The environment of a cache, if there is one.
    pub(super) fn find(&self, cache: &Name) -> Result<Option<Arc<Environment>>> {
        self.find_among(&mut lock(&self.environments), cache)
    }

    fn find_among(&self, environments: &mut Environments, cache: &Name) -> Result<Option<Arc<Environment>>> {
        let path = self.of(cache);
        let Some(file) = FileId::of(&path)? else {
            // It was forgotten, perhaps by another process: its file takes up disk space until it is closed.
            environments.remove(cache);
            return Ok(None);
        };
        if let Some(environment) = environments.get(cache)
            && environment.file() == file
        {
            return Ok(Some(Arc::clone(environment)));
        }
        environments.remove(cache);
        let _guard = self.guard()?;
        if FileId::of(&path)?.is_none() {
            return Ok(None);
        }
        let environment = Arc::new(Environment::open(&path)?);
        environments.insert(cache.clone(), Arc::clone(&environment));
        Ok(Some(environment))
    }

    /// The environment of a cache, created if there is none.
    pub(super) fn find_or_make(&self, cache: &Name) -> Result<Arc<Environment>> {
        // Under one lock: an environment that another thread creates in between would be open already, and
        // LMDB would wait forever for it to be closed.
        let mut environments = lock(&self.environments);
        if let Some(environment) = self.find_among(&mut environments, cache)? {
            return Ok(environment);
        }
        let _guard = self.guard()?;
        make_private(&self.of(cache))?;
        let environment = Arc::new(Environment::open(&self.of(cache))?);
        environments.insert(cache.clone(), Arc::clone(&environment));
        Ok(environment)
    }

    /// Closes the environment of a cache as soon as nobody uses it; the next use opens it again.
    pub(super) fn close(&self, cache: &Name) {
        lock(&self.environments).remove(cache);
    }

    /// The names of all environments, sorted.
    pub(super) fn names(&self) -> Result<Vec<Name>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let Some(name) = entry.file_name().to_str().and_then(|name| name.parse::<Name>().ok()) else { continue };
            // Files of other programs may be beside ours: `file:.` is a store, too.
            if entry.file_type()?.is_dir() && FileId::of(&self.of(&name))?.is_some() {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Deletes the environment of a cache. A process that has it open notices that at its next
    /// step. `false`: there was none.
    pub(super) fn forget(&self, cache: &Name) -> Result<bool> {
        let mut environments = lock(&self.environments);
        let _guard = self.guard()?;
        environments.remove(cache);
        let there = FileId::of(&self.of(cache))?.is_some();
        if there {
            // Moved first, so that no process finds half of it: LMDB's lock file does not fit another data file.
            fs::rename(self.of(cache), self.path.join(format!("{FORGOTTEN}{}", Id::random())))?;
        }
        // All of them: a process may have been killed at this point before.
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_name().to_str().is_some_and(|name| name.starts_with(FORGOTTEN)) {
                remove_environment(&entry.path())?;
            }
        }
        Ok(there)
    }

    /// Keeps other processes from opening and deleting environments as long as it lives.
    fn guard(&self) -> Result<File> {
        let guard = File::create(self.path.join(".guard"))?;
        guard.lock()?;
        Ok(guard)
    }
}

/// No cache's name begins with a dot.
const FORGOTTEN: &str = ".forgotten-";

/// A poisoned lock is fine here: at worst the map lacks an environment, which is then opened again.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn make_private(path: &Path) -> Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    Ok(())
}

/// Only our own files: any other file in it makes this fail.
fn remove_environment(path: &Path) -> io::Result<()> {
    for file in ["data.mdb", "lock.mdb", LEASE_FILE, ASK_FILE] {
        match fs::remove_file(path.join(file)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::remove_dir(path)
}

fn refused(path: &Path, network: &str) -> Error {
    Error::invalid(format!(
        "{} is on a network file system ({network}), where the embedded store would damage its data: choose a \
         directory on a local disk with `file:DIR`, or share the caches through Redis with `redis://HOST`",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::sync::{Barrier, mpsc};
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_refusal_of_a_network_file_system_says_what_to_do() {
        let error = refused(Path::new("/mnt/share"), "NFS");
        let text = error.to_string();
        assert!(error.is_invalid() && text.contains("/mnt/share") && text.contains("NFS"), "{text}");
        assert!(text.contains("local disk") && text.contains("redis://"), "{text}");
    }

    #[test]
    fn directories_are_for_their_user_alone_and_shared_in_the_process() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("new/kiwi");
        let directory = Directory::open(&path).unwrap();
        assert!(Arc::ptr_eq(&directory, &Directory::open(&parent.path().join("new/../new/kiwi")).unwrap()));
        let cache = "airlines".parse().unwrap();
        assert!(directory.find(&cache).unwrap().is_none());
        directory.find_or_make(&cache).unwrap();
        for made in [path.clone(), directory.of(&cache)] {
            assert_eq!(fs::metadata(&made).unwrap().permissions().mode() & 0o777, 0o700, "{}", made.display());
        }
    }

    #[test]
    fn threads_that_make_the_same_environment_get_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let directory = Directory::open(dir.path()).unwrap();
        for round in 0..50 {
            let cache: Name = format!("c{round}").parse().unwrap();
            let (together, (made, arriving)) = (Arc::new(Barrier::new(4)), mpsc::channel());
            for _ in 0..4 {
                let (directory, cache) = (Arc::clone(&directory), cache.clone());
                let (together, made) = (Arc::clone(&together), made.clone());
                thread::spawn(move || {
                    together.wait();
                    made.send(directory.find_or_make(&cache).unwrap())
                });
            }
            // A thread that waits forever must not make this test wait forever.
            let next = || arriving.recv_timeout(Duration::from_secs(30)).expect("no thread waits for another");
            let first = next();
            assert!((1..4).all(|_| Arc::ptr_eq(&first, &next())));
        }
    }

    #[test]
    fn a_replaced_environment_is_opened_again() {
        let dir = tempfile::tempdir().unwrap();
        let directory = Directory::open(dir.path()).unwrap();
        let cache = "airlines".parse().unwrap();
        let before = directory.find_or_make(&cache).unwrap().file();
        // An operator cleans up by hand, and another process starts over.
        fs::rename(directory.of(&cache), dir.path().join(".away")).unwrap();
        assert!(directory.find(&cache).unwrap().is_none());
        let after = directory.find_or_make(&cache).unwrap();
        assert_ne!(after.file(), before);
        assert!(Arc::ptr_eq(&after, &directory.find(&cache).unwrap().unwrap()));
    }
}
