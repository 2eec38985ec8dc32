//! What can go wrong on the disk, and how it is explained.

use std::io;
use std::path::Path;

use heed::MdbError;
use rustix::io::Errno;

use crate::Error;

pub(super) type Result<T, E = Failure> = std::result::Result<T, E>;

/// What went wrong, without the cache and the directory.
#[derive(Debug)]
pub(super) enum Failure {
    Lmdb(heed::Error),
    Io(io::Error),
    Explained(Error),
}

impl From<heed::Error> for Failure {
    fn from(error: heed::Error) -> Self {
        match error {
            heed::Error::Io(error) => Self::Io(error),
            error => Self::Lmdb(error),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Errno> for Failure {
    fn from(error: Errno) -> Self {
        Self::Io(error.into())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Explained(error)
    }
}

impl Failure {
    /// Whether LMDB refuses its work until the environment is opened again: it could not write which
    /// state is the newest one, or another process with more address space has made the file larger
    /// than what is mapped here.
    pub(super) fn needs_reopening(&self) -> bool {
        matches!(self, Self::Lmdb(heed::Error::Mdb(MdbError::Panic | MdbError::MapResized)))
    }

    /// Explains it for people.
    pub(super) fn explain(self, dir: &Path) -> Error {
        match self {
            Self::Explained(error) => error,
            Self::Io(error) => explain_io(error, dir),
            Self::Lmdb(error) => explain_lmdb(error, dir),
        }
    }
}

fn explain_io(error: io::Error, dir: &Path) -> Error {
    let dir = dir.display();
    match Errno::from_io_error(&error) {
        Some(Errno::NOSPC | Errno::DQUOT | Errno::FBIG) => Error::full(format!(
            "the disk is full: cannot write in {dir}. What was published stays; free some space, or choose another \
             directory with `file:DIR`"
        )),
        // LMDB gives this when the disk took only part of a write.
        Some(Errno::IO) => Error::full(format!(
            "the disk is full or failing: cannot write in {dir}. What was published stays; free some space, or see the \
             system's log if there is enough"
        )),
        Some(Errno::ACCESS | Errno::PERM | Errno::ROFS) => Error::denied(format!(
            "no permission to read and write in {dir}: use a directory that belongs to the user of this process"
        )),
        Some(Errno::NOMEM) => Error::unavailable(format!(
            "not enough address space to map {dir}: raise the limit (`ulimit -v unlimited`), or use Redis"
        )),
        Some(Errno::MFILE | Errno::NFILE) => Error::unavailable(format!(
            "too many open files for {dir}: raise the limit (`ulimit -n`); each cache takes four"
        )),
        _ => Error::unavailable(format!("cannot read and write in {dir}: {error}")),
    }
    .because(error)
}

fn explain_lmdb(error: heed::Error, dir: &Path) -> Error {
    let dir = dir.display();
    match &error {
        heed::Error::Mdb(MdbError::MapFull) => Error::full(format!(
            "the address space reserved for {dir} is full. What was published stays; raise the limit (`ulimit -v \
             unlimited`), or use Redis"
        )),
        heed::Error::Mdb(MdbError::Invalid | MdbError::VersionMismatch) => Error::wrong_type(format!(
            "`data.mdb` in {dir} is not a file of this store: nothing was touched; choose another directory with \
             `file:DIR`, or move the file away"
        )),
        heed::Error::Mdb(MdbError::Corrupted | MdbError::PageNotFound | MdbError::Incompatible)
        | heed::Error::Decoding(_) => Error::wrong_type(format!(
            "the data in {dir} is damaged ({error}): delete the directory, and the next refill creates it again"
        )),
        heed::Error::Mdb(MdbError::ReadersFull) => Error::unavailable(format!(
            "too many readers in {dir} at once: run fewer processes that read it, or use Redis"
        )),
        _ => Error::unavailable(format!("cannot read and write in {dir}: {error}")),
    }
    .because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_explained() {
        for code in [Errno::NOSPC, Errno::IO, Errno::DQUOT, Errno::FBIG] {
            let error = Failure::from(heed::Error::Io(code.into())).explain(Path::new("/data/kiwi"));
            let text = error.to_string();
            assert!(error.is_full() && text.contains("disk is full") && text.contains("/data/kiwi"), "{text}");
        }
    }

    #[test]
    fn what_kind_it_is_shows_in_the_predicates() {
        let explained = |failure: Failure| failure.explain(Path::new("/data/kiwi"));
        assert!(explained(Failure::from(Errno::ACCESS)).is_denied());
        assert!(explained(Failure::from(Errno::NOMEM)).is_unavailable());
        assert!(explained(Failure::from(heed::Error::Mdb(MdbError::Invalid))).is_wrong_type());
        assert!(explained(Failure::from(heed::Error::Mdb(MdbError::MapFull))).is_full());
        assert!(explained(Failure::from(Error::format("newer"))).is_newer_format());
    }
}
