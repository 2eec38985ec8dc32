//! Who may refill a cache.
//!
//! A record names the holder and says until when, as in Redis: a commit checks it in its own
//! transaction. The holder also keeps a file locked, and a lock ends with its process: the
//! lease of a host that was killed is free at once.

use std::collections::HashMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use heed::RwTxn;

use super::directory::{Directory, LEASE_FILE};
use super::environment::Environment;
use super::failure::Result;
use super::failures::{FailedLoad, Failures};
use super::record::{Millis, Published, Refill, Staging};
use crate::{Begin, DefinitionId, Due, Holder, Lease, Name, Token};

/// What names a lease, for the thread that waits for the disk.
pub(super) struct Held {
    pub(super) cache: Name,
    pub(super) token: Token,
    pub(super) definition: DefinitionId,
    pub(super) host: String,
}

impl Held {
    pub(super) fn of(lease: &Lease) -> Self {
        let host = lease.holder().host.clone();
        Self { cache: lease.cache().clone(), token: lease.token(), definition: lease.definition(), host }
    }
}

/// The locked files of one store's leases: dropped with it.
#[derive(Debug, Default)]
pub(super) struct Locks(Mutex<HashMap<Name, (Token, File)>>);

impl Locks {
    fn keep(&self, cache: &Name, token: Token, file: File) {
        self.files().insert(cache.clone(), (token, file));
    }

    /// Unlocks the file of a lease that has ended.
    pub(super) fn drop(&self, holder: &Held) {
        let mut files = self.files();
        if files.get(&holder.cache).is_some_and(|(token, _)| *token == holder.token) {
            files.remove(&holder.cache);
        }
    }

    fn files(&self) -> MutexGuard<'_, HashMap<Name, (Token, File)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A host that asks for a lease.
pub(super) struct Asking {
    pub(super) cache: Name,
    pub(super) holder: Holder,
    pub(super) lease_ttl: Duration,
    pub(super) due: Due,
}

pub(super) fn begin(directory: &Directory, locks: &Locks, asking: Asking) -> Result<Begin> {
    let environment = directory.find_or_make(&asking.cache)?;
    environment.clear_stale_readers()?;
    let file = directory.of(&asking.cache).join(LEASE_FILE);
    let mut txn = environment.write()?;
    let now = Millis::now();
    if let Some(refusal) = refusal(&environment, &txn, &asking, now, &file)? {
        return Ok(refusal);
    }
    let base = environment.whole(&txn, now)?;
    if let (Due::After(interval), Some(base)) = (asking.due, &base) {
        let left = base.checked.at.plus(interval).since(now);
        // More than the interval left: the clock was set back since.
        if !left.is_zero() && left <= interval {
            return Ok(Begin::Fresh { left });
        }
    }

    let Asking { cache, holder, lease_ttl, .. } = asking;
    let token = holder.token;
    let failures = environment.meta().get::<Failures>(&txn)?.unwrap_or_default().times(holder.definition);
    if environment.meta().get::<Staging>(&txn)?.is_none_or(|Staging(owner)| owner != token) {
        environment.clear_staging(&mut txn)?;
        environment.meta().put(&mut txn, &Staging(token))?;
    }
    environment.meta().put(&mut txn, &Refill::Held { token, until: now.plus(lease_ttl), host: holder.host.clone() })?;
    let locked = lock_new_file(&file)?;
    txn.commit()?;
    locks.keep(&cache, token, locked);
    let lease = Lease::new(cache, holder, base.is_some());
    let base = base.map(Published::into_head);
    Ok(Begin::Go { lease, base, base_is_ours: false, failures, max_delta_bytes: u64::MAX })
}

/// Why the lease cannot be taken, whatever is published.
fn refusal(
    environment: &Environment,
    txn: &RwTxn<'_>,
    asking: &Asking,
    now: Millis,
    file: &Path,
) -> Result<Option<Begin>> {
    if let Some(Refill::Held { token, until, .. }) = environment.meta().get::<Refill>(txn)?
        && token != asking.holder.token
        && until > now
        && is_locked(file)?
    {
        return Ok(Some(Begin::Busy { left: until.since(now) }));
    }
    let failures = environment.meta().get::<Failures>(txn)?.unwrap_or_default();
    let left = failures.retry_at(asking.holder.definition).map_or(Duration::ZERO, |retry_at| retry_at.since(now));
    Ok((asking.due != Due::Always && !left.is_zero()).then_some(Begin::Backoff { left }))
}

pub(super) fn renew(directory: &Directory, locks: &Locks, holder: &Held, lease_ttl: Duration) -> Result<bool> {
    if let Some(environment) = directory.find(&holder.cache)? {
        let mut txn = environment.write()?;
        if is_held(&environment, &txn, holder)? {
            let host = match environment.meta().get::<Refill>(&txn)? {
                Some(Refill::Held { host, .. }) => host,
                _ => String::new(),
            };
            let until = Millis::now().plus(lease_ttl);
            environment.meta().put(&mut txn, &Refill::Held { token: holder.token, until, host })?;
            txn.commit()?;
            return Ok(true);
        }
    }
    locks.drop(holder);
    Ok(false)
}

pub(super) fn fail(directory: &Directory, locks: &Locks, holder: &Held, failing: &FailedLoad) -> Result<()> {
    end(directory, locks, holder, |environment, txn| {
        let now = Millis::now();
        environment.meta().delete::<Refill>(txn)?;
        let mut failures = environment.meta().get::<Failures>(txn)?.unwrap_or_default();
        failures.add(holder.definition, failing, now);
        environment.meta().put(txn, &failures)
    })
}

pub(super) fn release(directory: &Directory, locks: &Locks, holder: &Held) -> Result<()> {
    end(directory, locks, holder, |environment, txn| environment.meta().delete::<Refill>(txn))
}

/// Ends a lease without a publication, unless another host has taken it.
fn end(
    directory: &Directory,
    locks: &Locks,
    holder: &Held,
    record: impl FnOnce(&Environment, &mut RwTxn<'_>) -> Result<()>,
) -> Result<()> {
    let recorded = (|| {
        let Some(environment) = directory.find(&holder.cache)? else { return Ok(()) };
        let mut txn = environment.write()?;
        if is_held(&environment, &txn, holder)? {
            environment.clear_staging(&mut txn)?;
            record(&environment, &mut txn)?;
            txn.commit()?;
        }
        Ok(())
    })();
    // Not before: a lease that is held and unlocked is free, and a failure that is not recorded yet keeps nobody away.
    // But also if that fails: a locked file says that a load is running.
    locks.drop(holder);
    recorded
}

/// Whether a lease is still ours. One that has expired is, until another host takes it.
pub(super) fn is_held(environment: &Environment, txn: &RwTxn<'_>, holder: &Held) -> Result<bool> {
    Ok(environment.meta().get::<Refill>(txn)?.is_some_and(|refill| refill.is_held_by(holder.token)))
}

/// Whether a living process holds the lock.
pub(super) fn is_locked(file: &Path) -> io::Result<bool> {
    let file = match File::open(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        file => file?,
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Locks a new file. It replaces one that a holder whose lease has expired may still have locked.
fn lock_new_file(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = File::create_new(path)?;
    file.lock()?;
    Ok(file)
}
