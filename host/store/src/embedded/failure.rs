//! What can go wrong on the disk, and how it is said in plain words.

use std::io;
use std::path::Path;

use heed::MdbError;
use rustix::io::Errno;

use crate::Error;

pub(super) type Result<T, E = Failure> = std::result::Result<T, E>;

/// Something went wrong, and nobody has yet said for which cache and directory.
#[derive(Debug)]
pub(super) enum Failure {
    Lmdb(heed::Error),
    Io(io::Error),
    Told(Error),
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
        Self::Told(error)
    }
}

impl Failure {
    /// Whether LMDB refuses its work until the environment is opened again: it could not write which
    /// state is the newest one, or another process with more address space has made the file larger
    /// than what is mapped here.
    pub(super) fn needs_reopening(&self) -> bool {
        matches!(self, Self::Lmdb(heed::Error::Mdb(MdbError::Panic | MdbError::MapResized)))
    }

    /// Says it for people.
    pub(super) fn explain(self, dir: &Path) -> Error {
        match self {
            Self::Told(error) => error,
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
            "the disk is full or failing: cannot write in {dir}. What was published stays; free some space, and look \
             into the system's log if there is enough"
        )),
        Some(Errno::ACCESS | Errno::PERM | Errno::ROFS) => Error::denied(format!(
            "no right to read and write in {dir}: the embedded store expects a directory of the user it runs as"
        )),
        Some(Errno::NOMEM) => Error::unavailable(format!(
            "no address space left to map {dir}: raise the limit (`ulimit -v unlimited`), or use Redis"
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
            "{dir} holds a `data.mdb` that is not of this store: nothing was touched; choose another directory with \
             `file:DIR`, or move it away"
        )),
        heed::Error::Mdb(MdbError::Corrupted | MdbError::PageNotFound | MdbError::Incompatible)
        | heed::Error::Decoding(_) => Error::wrong_type(format!(
            "the data in {dir} is damaged ({error}): delete the directory, and the next refill makes it anew"
        )),
        heed::Error::Mdb(MdbError::ReadersFull) => Error::unavailable(format!(
            "too many readers in {dir} at once: expected fewer processes reading at the same moment; use Redis for more"
        )),
        _ => Error::unavailable(format!("cannot read and write in {dir}: {error}")),
    }
    .because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_said_in_plain_words() {
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
