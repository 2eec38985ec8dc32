//! Snapshots in Redis: what is written where, and the promises of [`Store`] by its means.
//!
//! Whatever must happen in one step is a Lua script (`*.lua`) or a MULTI. All keys of a cache have
//! one hash tag, and every key has a TTL, save those of a cache that is kept for ever.

mod ask;
mod check;
mod error;
mod head;
mod keys;
mod options;
mod peek;
mod read;
mod record;
mod refill;
mod script;
mod server;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use redis::{Cmd, Value};

pub use options::RedisOptions;

use self::head::{LAYOUT, number, text};
use self::keys::Keys;
use self::peek::SeenWhole;
use self::script::Script;
use self::server::Server;
use crate::store::sealed::Sealed;
use crate::{
    Administration, Asks, Batch, Begin, Changes, Chunk, Commit, Due, Error, Finding, Hints, Id, LastError, Layout,
    Lease, Name, Publish, Publishing, Reading, Result, Scan, Status, Store, Token, Ttl,
};

/// Snapshots in a Redis or Valkey server.
///
/// It holds at most one connection, made by the first call that needs it and again after it was
/// lost, and one more for each [`Store::asks`]. Any Redis client can read a published map: `HGET 'kiwi:{NAME}' KEY`.
#[derive(Clone, Debug)]
pub struct Redis {
    server: Arc<Server>,
    /// Of the caches whose layout we were told.
    layouts: Arc<HashMap<Name, Layout>>,
    seen_whole: Arc<SeenWhole>,
}

impl Redis {
    /// Makes ready, but does not connect: a server that is away shows in the first call.
    ///
    /// # Errors
    /// `is_invalid` if the options cannot be used on this machine, such as unix sockets elsewhere.
    pub fn open(options: &RedisOptions) -> Result<Self> {
        let server = Arc::new(Server::new(options)?);
        Ok(Self { server, layouts: Arc::default(), seen_whole: Arc::default() })
    }

    fn knowing(&self, layouts: &[(Name, Layout)]) -> Self {
        let mut known = HashMap::clone(&self.layouts);
        known.extend(layouts.iter().cloned());
        Self { server: Arc::clone(&self.server), layouts: Arc::new(known), seen_whole: Arc::default() }
    }

    /// A cache whose layout we were not told is read as a hash, until its meta says otherwise.
    fn layout(&self, cache: &Name) -> &Layout {
        self.layouts.get(cache).unwrap_or(&Layout::Hash)
    }

    /// What meta says of the layout, where that is news.
    fn learned(&self, cache: &Name, fields: &[Value]) -> Option<Self> {
        let said = record::said_layout(fields).filter(|_| !self.layouts.contains_key(cache))?;
        Some(self.knowing(&[(cache.clone(), said)]))
    }

    fn keys(&self, cache: &Name) -> Keys {
        Keys::new(&self.server.options.key_prefix, cache, self.layout(cache))
    }

    async fn command(&self, cache: &Name, command: Cmd) -> Result<Value> {
        self.server.command(command).await.map_err(|error| self.server.explain(error).of(cache))
    }

    async fn run(&self, cache: &Name, script: &Script, arguments: impl Fn(&mut Cmd)) -> Result<Vec<Value>> {
        self.server.run(script, arguments).await.map_err(|error| self.server.explain(error).of(cache))
    }

    /// The word a script's reply begins with, unless that tells of an obstacle found before anything was touched.
    fn outcome<'a>(&self, cache: &Name, reply: &'a [Value]) -> Result<&'a str> {
        let word = |index| reply.get(index).and_then(text).unwrap_or_default();
        match word(0) {
            "wrongtype" => Err(Error::wrong_type(format!(
                "expected a {} or nothing at `{}` in Redis at {}, found a {}: delete or rename it, or set another \
                 key_prefix",
                match word(1) {
                    key if key.ends_with(":changes") => "stream",
                    key if key.starts_with("resource:") || key.starts_with("lock:") => "string",
                    _ => "hash",
                },
                word(1),
                self.server.location,
                word(2)
            ))
            .of(cache)),
            "forbidden" => Err(self.server.forbidden(word(1), word(2)).of(cache)),
            "format" => Err(self.server.newer_format(cache, word(1))),
            outcome => Ok(outcome),
        }
    }

    /// Whether a script did its work, rather than finding that we have no right to.
    fn done(&self, cache: &Name, reply: &[Value]) -> Result<bool> {
        match self.outcome(cache, reply)? {
            "done" => Ok(true),
            "fenced" | "missing" => Ok(false),
            _ => Err(self.odd_reply(cache, reply)),
        }
    }

    fn odd_reply(&self, cache: &Name, reply: &[Value]) -> Error {
        self.server.explain(server::odd_reply(&format!("{reply:?}"))).of(cache)
    }
}

#[async_trait]
impl Publishing for Redis {
    async fn begin(&self, cache: &Name, token: Token, lease_ttl: Duration, due: Due) -> Result<Begin> {
        self.take_lease(cache, token, lease_ttl, due).await
    }

    async fn renew(&self, lease: &Lease, lease_ttl: Duration) -> Result<bool> {
        self.renew_lease(lease, lease_ttl).await
    }

    async fn stage(&self, lease: &Lease, batch: &Batch) -> Result<()> {
        self.stage_entries(lease, batch).await
    }

    async fn is_staged(&self, lease: &Lease, key: &str) -> Result<bool> {
        self.is_key_staged(lease, key).await
    }

    async fn commit(&self, lease: &Lease, publish: &Publish) -> Result<Commit> {
        self.publish(lease, publish).await
    }

    async fn fail(&self, lease: &Lease, backoff: Duration, error: &LastError, keep: Ttl) -> Result<()> {
        self.give_up(lease, backoff, error, keep).await
    }

    async fn release(&self, lease: &Lease) -> Result<()> {
        self.give_back(lease).await
    }

    async fn prolong(&self, cache: &Name, cache_ttl: Ttl) -> Result<bool> {
        self.live_on(cache, cache_ttl).await
    }
}

#[async_trait]
impl Reading for Redis {
    fn location(&self) -> &str {
        &self.server.location
    }

    async fn statuses(&self, caches: &[Name]) -> Result<Vec<Result<Status>>> {
        self.look_at(caches).await
    }

    async fn scan(&self, cache: &Name, scan: Scan) -> Result<Chunk> {
        self.read_part(cache, scan).await
    }

    async fn changes(&self, cache: &Name, from: Id) -> Result<Option<Changes>> {
        self.changes_since(cache, from).await
    }

    async fn get(&self, cache: &Name, keys: &[&str]) -> Result<Option<Vec<Option<Bytes>>>> {
        self.values(cache, keys).await
    }

    async fn peek(&self, cache: &Name, keys: &[&str]) -> Result<Option<Vec<Option<Bytes>>>> {
        match self.peek_at(cache, keys).await? {
            // Boxed, because it is large and rare: each read allocates the future that this is a part of.
            None => Box::pin(self.values(cache, keys)).await,
            values => Ok(values),
        }
    }
}

#[async_trait]
impl Hints for Redis {
    async fn ask(&self, cache: &Name) -> Result<()> {
        self.publish_ask(cache).await
    }

    async fn asks(&self, caches: &[Name]) -> Result<Asks> {
        self.listen(caches).await
    }
}

#[async_trait]
impl Administration for Redis {
    async fn caches(&self) -> Result<Vec<Name>> {
        let prefix = &self.server.options.key_prefix;
        let mut caches = BTreeSet::new();
        let mut cursor = b"0".to_vec();
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(&cursor).arg("MATCH").arg(keys::meta_pattern(prefix)).arg("COUNT").arg(1_000);
            let reply = self.server.command(scan).await.map_err(|error| self.server.explain(error))?;
            let Value::Array(parts) = reply else { return Err(self.server.explain(server::odd_reply("to SCAN"))) };
            let Ok([Value::BulkString(next), Value::Array(found)]) = <[Value; 2]>::try_from(parts) else {
                return Err(self.server.explain(server::odd_reply("to SCAN")));
            };
            caches.extend(found.iter().filter_map(|key| keys::cache_of_meta(prefix, text(key)?)));
            if next == b"0" {
                return Ok(caches.into_iter().collect());
            }
            cursor = next;
        }
    }

    async fn forget(&self, cache: &Name) -> Result<bool> {
        let mut layout = redis::cmd("HMGET");
        layout.arg(&self.keys(cache).meta).arg(&LAYOUT);
        let layout = self.command(cache, layout).await?;
        let said = layout.as_sequence().and_then(|fields| self.learned(cache, fields));
        said.as_ref().unwrap_or(self).delete(cache).await
    }

    async fn check(&self) -> Result<Vec<Finding>> {
        self.findings().await
    }
}

impl Store for Redis {
    fn with_layouts(&self, layouts: &[(Name, Layout)]) -> Result<Arc<dyn Store>> {
        Ok(Arc::new(self.knowing(layouts)))
    }
}

impl Sealed for Redis {}

impl Redis {
    async fn delete(&self, cache: &Name) -> Result<bool> {
        let keys = self.keys(cache);
        let mut token = redis::cmd("HGET");
        token.arg(&keys.lease).arg("token");
        let token = self.command(cache, token).await?;
        let token = text(&token).unwrap_or_default();
        let record = keys.whole_record(token);
        let reply = self
            .run(cache, &script::FORGET, |call| {
                call.arg(5 + record.len()).arg(&keys.data).arg(&keys.meta).arg(&keys.lease).arg(&keys.changes);
                call.arg(keys.staging(token)).arg(&record).arg(token);
            })
            .await?;
        self.done(cache, &reply)?;
        Ok(reply.get(1).and_then(number).is_some_and(|deleted| deleted > 0))
    }
}
