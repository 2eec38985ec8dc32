//! The directory of the copies of a cache.

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use kiwi_store::{Error, Head, Id, Name, Result, network_filesystem};
use xxhash_rust::xxh3::xxh3_64;

use super::copy::{Copied, CopyMode, WriteLock};
use super::file;
use super::header::{Header, millis, time};
use crate::texts::Texts;

const COPY: &str = "kiwi";
const CHECKED: &str = "checked";
const UNFINISHED: &str = "tmp";
const LOCK: &str = "lock";

/// Where the copies of a cache of a store are: `DIR/CACHE-STORE/`, where `STORE` is a hash of the store's address.
pub(super) struct Directory {
    path: PathBuf,
    cache: Name,
    store: String,
}

/// A copy that is there.
pub(super) struct Found {
    path: PathBuf,
    file: File,
    pub(super) header: Header,
}

impl Directory {
    pub(super) fn open(dir: &Path, cache: &Name, store: &str) -> Result<Self> {
        let path = dir.join(format!("{cache}-{:08x}", xxh3_64(store.as_bytes()) as u32));
        let cannot = |error: io::Error| unusable(dir, &format!("it cannot be used: {error}"));
        DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(cannot)?;
        check_owner(dir, &path)?;
        if let Some(network) = network_filesystem(&path).map_err(cannot)? {
            return Err(unusable(
                dir,
                &format!("it is on {network}: copies are shared by the processes of one machine only"),
            ));
        }
        Ok(Self { path, cache: cache.clone(), store: store.to_owned() })
    }

    /// The newest copy. `None`: there is none.
    pub(super) fn newest(&self) -> Result<Option<Found>> {
        let mut newest: Option<(SystemTime, PathBuf)> = None;
        for path in self.files()? {
            // Another process may have removed it meanwhile.
            let Ok(written) = fs::metadata(&path).and_then(|metadata| metadata.modified()) else { continue };
            if path.extension().is_some_and(|kind| kind == COPY)
                && newest.as_ref().is_none_or(|(time, _)| *time <= written)
            {
                newest = Some((written, path));
            }
        }
        let Some((_, path)) = newest else { return Ok(None) };
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed(&path, &error)),
        };
        let header = file::header(&file).map_err(|error| of_file(&path, &error))?;
        if (header.cache.as_str(), header.store.as_str()) != (self.cache.as_str(), self.store.as_str()) {
            let message =
                format!("{}: it is a copy of `{}` in {}: remove it", path.display(), header.cache, header.store);
            return Err(Error::value(message));
        }
        Ok(Some(Found { path, file, header }))
    }

    /// Locks the right to write. `None`: another process has it.
    pub(super) fn try_lock(&self) -> Result<Option<WriteLock>> {
        let path = self.path.join(LOCK);
        let open = File::options().create(true).truncate(false).write(true).open(&path);
        let file = open.map_err(|error| self.failed(&path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(WriteLock(file))),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(self.failed(&path, &error)),
        }
    }

    /// Writes a copy, removes all others, and opens it. To be called under the lock only.
    pub(super) fn write(&self, head: &Head, texts: &Texts, mode: CopyMode) -> Result<Texts> {
        let path = self.file(head.id, COPY);
        let unfinished = self.path.join(format!("{}-{}.{UNFINISHED}", head.id, Id::random()));
        // What a process has left that was killed while it wrote.
        self.remove(|name| name.extension().is_some_and(|kind| kind == UNFINISHED));
        // It is proved before it takes the place of another.
        let written = file::write(&unfinished, self.cache.as_str(), &self.store, head, texts)
            .map_err(|error| self.failed(&path, &error))
            .and_then(|()| self.read(&unfinished, mode))
            .and_then(|written| {
                fs::rename(&unfinished, &path).map_err(|error| self.failed(&path, &error))?;
                Ok(written)
            });
        let written = written.inspect_err(|_| {
            // A disk that is full has room again.
            let _ = fs::remove_file(&unfinished);
        })?;
        let kept = [path.clone(), self.file(head.id, CHECKED), self.path.join(LOCK)];
        self.remove(|name| !kept.contains(&name.to_owned()));
        Ok(written.texts)
    }

    fn read(&self, path: &Path, mode: CopyMode) -> Result<Copied> {
        let file = File::open(path).map_err(|error| self.failed(path, &error))?;
        let header = file::header(&file).map_err(|error| of_file(path, &error))?;
        file::read(file, &header, mode).map_err(|error| of_file(path, &error))
    }

    /// Writes down when the source was last known to have the copy of this snapshot, if it is there.
    pub(super) fn checked(&self, id: Id, at: SystemTime) -> Result<()> {
        if !self.file(id, COPY).exists() {
            return Ok(());
        }
        let path = self.file(id, CHECKED);
        let unfinished = self.path.join(format!("{id}-{}.{UNFINISHED}", std::process::id()));
        match fs::write(&unfinished, millis(at).to_string()).and_then(|()| fs::rename(&unfinished, &path)) {
            // Whoever writes a copy at this moment has removed it: that copy says itself when it was checked.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(self.failed(&path, &error)),
            Ok(()) => Ok(()),
        }
    }

    fn file(&self, id: Id, kind: &str) -> PathBuf {
        self.path.join(format!("{id}.{kind}"))
    }

    fn files(&self) -> Result<Vec<PathBuf>> {
        let failed = |error: io::Error| self.failed(&self.path, &error);
        let entries = fs::read_dir(&self.path).map_err(failed)?;
        Ok(entries.filter_map(|entry| Some(entry.ok()?.path())).collect())
    }

    /// Removes files. One that cannot be removed is only in the way.
    fn remove(&self, which: impl Fn(&Path) -> bool) {
        for path in self.files().unwrap_or_default().iter().filter(|path| which(path)) {
            let _ = fs::remove_file(path);
        }
    }

    fn failed(&self, path: &Path, error: &io::Error) -> Error {
        Error::unavailable(format!("{}: {error}", path.display()))
    }
}

impl Found {
    /// Its entries. When the source was last known to have them may be known better than when the copy was written.
    pub(super) fn read(self, mode: CopyMode) -> Result<Copied> {
        let Self { path, file, header } = self;
        let mut copied = file::read(file, &header, mode).map_err(|error| of_file(&path, &error))?;
        let checked = fs::read_to_string(path.with_extension(CHECKED)).ok().and_then(|text| text.trim().parse().ok());
        if let Some(at) = checked.map(time).filter(|at| *at <= SystemTime::now()) {
            copied.head.checked_at = copied.head.checked_at.max(at);
        }
        Ok(copied)
    }
}

/// A directory that others can write to could hold anything.
fn check_owner(dir: &Path, path: &Path) -> Result<()> {
    // A file of this process has its user, whatever the platform calls that.
    let probe = path.join(format!("{}-{}.{UNFINISHED}", std::process::id(), Id::random()));
    let ours = File::create_new(&probe).and_then(|file| file.metadata()).map(|file| file.uid());
    let _ = fs::remove_file(&probe);
    let ours =
        ours.map_err(|error| unusable(dir, &format!("nothing can be written to {}: {error}", path.display())))?;
    for checked in [dir, path] {
        let metadata = fs::metadata(checked).map_err(|error| unusable(dir, &error.to_string()))?;
        if metadata.uid() != ours {
            return Err(unusable(
                dir,
                &format!("{} belongs to another user: choose a directory of this user", checked.display()),
            ));
        }
        if metadata.mode() & 0o022 != 0 {
            let message =
                format!("other users can write to {}: chmod go-w, or choose another directory", checked.display());
            return Err(unusable(dir, &message));
        }
    }
    Ok(())
}

fn unusable(dir: &Path, why: &str) -> Error {
    Error::invalid(format!("`{}` is not a directory for copies: {why}", dir.display()))
}

fn of_file(path: &Path, error: &Error) -> Error {
    let message = format!("{}: {error}", path.display());
    if error.is_value() { Error::value(message) } else { Error::unavailable(message) }
}
