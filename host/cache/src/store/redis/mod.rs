//! Snapshots in Redis.
use super::{Begin, Chunk, Commit, Delta, Due, Finding, Lease, Publish, Scan};
use crate::{Batch, Error, Id, LastError, Name, Result, Status, Token, Ttl};
use bytes::Bytes;
use std::fmt;
use std::time::Duration;

/// How to reach a Redis.
#[derive(Clone)]
pub struct RedisOptions {
    /// With password: never shown.
    url: String,
    /// What stands before each key and channel: `kiwi:` by default.
    pub key_prefix: String,
}
impl fmt::Display for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.url.len())
    }
}
impl fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.url.len())
    }
}
/// A Redis.
#[derive(Debug)]
pub struct Redis {}
impl Redis {
    /// Opens.
    ///
    /// # Errors
    /// Stub.
    pub fn open(_: &RedisOptions) -> Result<Self> {
        Err(Error::invalid("stub"))
    }
}
#[async_trait::async_trait]
impl super::Store for Redis {
    fn location(&self) -> &str {
        "stub"
    }
    async fn begin(&self, _: &Name, _: Token, _: Duration, _: Due) -> Result<Begin> {
        Err(Error::invalid("stub"))
    }
    async fn renew(&self, _: &Lease, _: Duration) -> Result<bool> {
        Err(Error::invalid("stub"))
    }
    async fn stage(&self, _: &Lease, _: &Batch) -> Result<()> {
        Err(Error::invalid("stub"))
    }
    async fn is_staged(&self, _: &Lease, _: &str) -> Result<bool> {
        Err(Error::invalid("stub"))
    }
    async fn commit(&self, _: &Lease, _: &Publish) -> Result<Commit> {
        Err(Error::invalid("stub"))
    }
    async fn fail(&self, _: &Lease, _: Duration, _: &LastError, _: Ttl) -> Result<()> {
        Err(Error::invalid("stub"))
    }
    async fn release(&self, _: &Lease) -> Result<()> {
        Err(Error::invalid("stub"))
    }
    async fn prolong(&self, _: &Name, _: Id, _: Ttl) -> Result<bool> {
        Err(Error::invalid("stub"))
    }
    async fn statuses(&self, _: &[Name]) -> Result<Vec<Status>> {
        Err(Error::invalid("stub"))
    }
    async fn scan(&self, _: &Name, _: Scan) -> Result<Chunk> {
        Err(Error::invalid("stub"))
    }
    async fn changes(&self, _: &Name, _: Id) -> Result<Option<Vec<Delta>>> {
        Err(Error::invalid("stub"))
    }
    async fn get(&self, _: &Name, _: &[&str]) -> Result<Option<Vec<Option<Bytes>>>> {
        Err(Error::invalid("stub"))
    }
    async fn caches(&self) -> Result<Vec<Name>> {
        Err(Error::invalid("stub"))
    }
    async fn forget(&self, _: &Name) -> Result<bool> {
        Err(Error::invalid("stub"))
    }
    async fn check(&self) -> Result<Vec<Finding>> {
        Err(Error::invalid("stub"))
    }
}
