//! One LMDB environment: the tables of one cache.
//!
//! There are two tables for data. One is published; the other one takes what is staged, and a swap
//! is a record that says they have changed places.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use heed::byteorder::BigEndian;
use heed::types::{Bytes, Str, U64};
use heed::{CommitOrAbort, Database, Env, EnvFlags, EnvOpenOptions, MdbError, RoTxn, RwTxn, WithoutTls};

use super::failure::{Failure, Result};
use super::record::{Format, Meta, Millis, Published, Slot, Staging};
use crate::Error;

/// The longest key that LMDB allows.
pub(super) const MAX_KEY_BYTES: usize = 511;

/// Whether LMDB can take a key: it calls any other length a mistake.
pub(super) fn is_key(key: &str) -> bool {
    (1..=MAX_KEY_BYTES).contains(&key.len())
}

const FORMAT: Format = Format(1);

/// How many read transactions there may be at once, over all processes.
const MAX_READERS: u32 = 2_048;

/// The address space reserved for an environment. It is fixed, because a map cannot grow while
/// another process has it open. It costs no memory and no disk. Not more than this, because a
/// process has 128 TiB on most machines, and the sandbox wants some of it too. The smaller ones are
/// for a process whose address space is limited.
const MAP_SIZES: [usize; 4] = [1 << 38, 1 << 35, 1 << 32, 1 << 30];

pub(super) type Data = Database<'static, Str, Str>;

/// An open environment.
#[derive(Debug)]
pub(super) struct Environment {
    env: Env<WithoutTls>,
    file: FileId,
    tables: Tables,
}

struct Tables {
    meta: Meta<'static>,
    a: Data,
    b: Data,
    /// By `seq`, what led to the snapshot of that number.
    changes: Database<'static, U64<BigEndian>, Bytes>,
}

impl std::fmt::Debug for Tables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tables")
    }
}

impl Environment {
    /// Opens the environment in an existing directory, and creates it if there is none.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let env = open_env(&fs::canonicalize(path)?)?;
        let file = FileId::of(path)?.ok_or_else(|| io::Error::from(ErrorKind::NotFound))?;
        let tables = match open_tables(&env)? {
            Some(tables) => tables,
            None => create_tables(&env)?,
        };
        Ok(Self { env, file, tables })
    }

    /// The file it has open: by now there may be another one at its path.
    pub(super) fn file(&self) -> FileId {
        self.file
    }

    /// The number of the last transaction that was committed, by any process. It is read from memory.
    pub(super) fn last_transaction(&self) -> usize {
        self.env.info().last_txn_id
    }

    /// A consistent view of everything. To be dropped soon: no page it can see is reused.
    pub(super) fn read(&self) -> Result<RoTxn<'_, WithoutTls>> {
        let txn = self.unless_readers_are_full(|| self.env.read_txn())?;
        self.check_format(&txn)?;
        Ok(txn)
    }

    /// The same for a whole load, which goes from thread to thread.
    pub(super) fn read_for_long(&self) -> Result<RoTxn<'static, WithoutTls>> {
        let txn = self.unless_readers_are_full(|| self.env.clone().static_read_txn())?;
        self.check_format(&txn)?;
        Ok(txn)
    }

    fn unless_readers_are_full<T>(&self, read: impl Fn() -> heed::Result<T>) -> Result<T> {
        match read() {
            Err(heed::Error::Mdb(MdbError::ReadersFull)) => {
                self.env.clear_stale_readers()?;
                Ok(read()?)
            }
            txn => Ok(txn?),
        }
    }

    /// The right to write, one at a time over all processes. To be dropped soon as well.
    pub(super) fn write(&self) -> Result<RwTxn<'_>> {
        let txn = self.env.write_txn()?;
        self.check_format(&txn)?;
        Ok(txn)
    }

    fn check_format(&self, txn: &RoTxn<'_>) -> Result<()> {
        match self.meta().get::<Format>(txn)? {
            Some(Format(newer)) if newer > FORMAT.0 => Err(Failure::Explained(Error::format(format!(
                "the data is in format {newer}, and this program reads formats up to {}: update it",
                FORMAT.0
            )))),
            _ => Ok(()),
        }
    }

    /// Frees the pages that processes were reading when they were killed.
    pub(super) fn clear_stale_readers(&self) -> Result<()> {
        self.env.clear_stale_readers()?;
        Ok(())
    }

    pub(super) fn meta(&self) -> Meta<'static> {
        self.tables.meta
    }

    pub(super) fn data(&self, slot: Slot) -> Data {
        match slot {
            Slot::A => self.tables.a,
            Slot::B => self.tables.b,
        }
    }

    pub(super) fn changes(&self) -> Database<'static, U64<BigEndian>, Bytes> {
        self.tables.changes
    }

    /// What is published and has not expired.
    pub(super) fn published(&self, txn: &RoTxn<'_>, now: Millis) -> Result<Option<Published>> {
        Ok(self.meta().get::<Published>(txn)?.filter(|published| !published.is_expired(now)))
    }

    /// Whether all the entries of what is published are there.
    pub(super) fn is_whole(&self, txn: &RoTxn<'_>, published: &Published) -> Result<bool> {
        Ok(self.data(published.loaded.slot).len(txn)? == published.loaded.entries)
    }

    /// What is published, has not expired, and is all there.
    pub(super) fn whole(&self, txn: &RoTxn<'_>, now: Millis) -> Result<Option<Published>> {
        match self.published(txn, now)? {
            Some(published) if self.is_whole(txn, &published)? => Ok(Some(published)),
            _ => Ok(None),
        }
    }

    /// The number of the next snapshot: greater than `after`, and than that of an expired one.
    pub(super) fn next_seq(&self, txn: &RoTxn<'_>, after: u64) -> Result<u64> {
        let published = self.meta().get::<Published>(txn)?;
        Ok(published.map_or(0, |published| published.loaded.seq).max(after) + 1)
    }

    /// The table to stage into: the one that is not published.
    pub(super) fn staging(&self, txn: &RoTxn<'_>) -> Result<Slot> {
        let published = self.meta().get::<Published>(txn)?;
        Ok(published.map_or(Slot::A, |published| published.loaded.slot.other()))
    }

    /// Drops what is staged.
    pub(super) fn clear_staging(&self, txn: &mut RwTxn<'_>) -> Result<()> {
        let slot = self.staging(txn)?;
        self.data(slot).clear(txn)?;
        self.meta().delete::<Staging>(txn)
    }
}

/// Which file it is, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// Of the data file of the environment in a directory, if there is one.
    pub(super) fn of(path: &Path) -> io::Result<Option<Self>> {
        match fs::metadata(path.join("data.mdb")) {
            Ok(metadata) => Ok(Some(Self { device: metadata.dev(), inode: metadata.ino() })),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn open_env(path: &Path) -> Result<Env<WithoutTls>> {
    let mut last = None;
    for map_size in MAP_SIZES {
        match open_env_sized(path, map_size) {
            Err(heed::Error::Io(error)) if error.kind() == ErrorKind::OutOfMemory => last = Some(error),
            Err(heed::Error::EnvAlreadyOpened) => {
                // Another thread is just closing it, or closing a file that was here before.
                if let Some(closing) = heed::env_closing_event(path) {
                    closing.wait();
                }
                return open_env(path);
            }
            opened => return Ok(opened?),
        }
    }
    Err(last.expect("each size was refused").into())
}

#[allow(unsafe_code, reason = "LMDB maps a file")]
fn open_env_sized(path: &Path, map_size: usize) -> heed::Result<Env<WithoutTls>> {
    // Without thread-local reader slots: a read may run on any thread of a pool, and a slot lives as
    // long as its transaction, not as long as the thread.
    let mut options = EnvOpenOptions::new().read_txn_without_tls();
    options.map_size(map_size).max_readers(MAX_READERS).max_dbs(4);
    // SAFETY: NO_META_SYNC keeps the file sound: a power failure may undo the last transaction, which
    // a cache can afford, and each takes one wait for the disk instead of two.
    unsafe { options.flags(EnvFlags::NO_META_SYNC) };
    // SAFETY: the map is read-only (no WRITE_MAP, which would also turn a full disk into SIGBUS), the
    // file is written by LMDB alone under its own locks (no NO_LOCK), and it is not on a network file
    // system. The directory belongs to the user alone (0700), who can damage more than that.
    unsafe { options.open(path) }
}

fn open_tables(env: &Env<WithoutTls>) -> Result<Option<Tables>> {
    let opened = env.open_databases_and_commit(env.read_txn()?, |open, txn| {
        let meta = open.open_database(txn, Some("meta"))?;
        let a = open.open_database(txn, Some("a"))?;
        let b = open.open_database(txn, Some("b"))?;
        let changes = open.open_database(txn, Some("changes"))?;
        Ok::<_, heed::Error>(CommitOrAbort::<_, ()>::Commit((meta, a, b, changes)))
    })?;
    Ok(match opened {
        CommitOrAbort::Commit((Some(meta), Some(a), Some(b), Some(changes))) => {
            Some(Tables { meta: Meta(meta), a, b, changes })
        }
        _ => None,
    })
}

fn create_tables(env: &Env<WithoutTls>) -> Result<Tables> {
    let created = env.create_databases_and_commit(env.write_txn()?, |create, txn| {
        let meta = create.create_database(txn, Some("meta"))?;
        let a = create.create_database(txn, Some("a"))?;
        let b = create.create_database(txn, Some("b"))?;
        let changes = create.create_database(txn, Some("changes"))?;
        Meta(meta).put(txn, &FORMAT)?;
        Ok::<_, Failure>(CommitOrAbort::<_, ()>::Commit((meta, a, b, changes)))
    })?;
    let (meta, a, b, changes) = created.unwrap_commit();
    Ok(Tables { meta: Meta(meta), a, b, changes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_format_is_reported_and_not_touched() {
        let dir = tempfile::tempdir().unwrap();
        let environment = Environment::open(dir.path()).unwrap();
        let mut txn = environment.write().unwrap();
        environment.meta().put(&mut txn, &Format(2)).unwrap();
        txn.commit().unwrap();
        for failure in [environment.read().map(drop).unwrap_err(), environment.write().map(drop).unwrap_err()] {
            let error = failure.explain(dir.path());
            assert!(error.is_newer_format() && error.to_string().contains("format 2"), "{error}");
        }
    }
}
