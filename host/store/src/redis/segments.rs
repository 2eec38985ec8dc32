//! The version of a cache: how its segments are written and read.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use futures_util::{StreamExt, TryStreamExt};
use redis::{Cmd, Value};
use serde::{Deserialize, Serialize};

use super::keys::Keys;
use super::meta::{self, FORMAT};
use super::server::Lane;
use super::staging::expire;
use super::store::Redis;
use super::transaction::Transaction;
use crate::merged::Merged;
use crate::packer::{Packer, Segment};
use crate::{Error, Id, Name, PARTITIONS, Part, Result};

/// How many segments a reader has asked for at a time: enough that the server never waits, and not so many that
/// others wait for them.
const WINDOW: usize = 8;

/// How many segments one call compresses at the same time.
const COMPRESSED_AT_ONCE: usize = 2;

/// How long a superseded version is kept for readers that have begun to read it.
const MIN_GRACE: Duration = Duration::from_secs(10);
const MAX_GRACE: Duration = Duration::from_secs(60);

/// The field of a version that is written last.
const MANIFEST: &str = "manifest";

/// What a version holds.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    format: u64,
    /// Into how many partitions the keys are divided, by the highest bits of their xxh3-64.
    partitions: usize,
    entries: u64,
    root: String,
    /// The partition of each segment. Its field is its place here.
    segments: Vec<usize>,
}

impl Manifest {
    pub(super) fn of(packer: &Packer) -> Self {
        Self {
            format: FORMAT,
            partitions: PARTITIONS,
            entries: packer.entries(),
            root: packer.root().to_string(),
            segments: packer.segments().to_vec(),
        }
    }

    /// The segments that hold these partitions, or all segments, those of one partition together.
    fn segments_of(&self, partitions: Option<&[usize]>) -> Vec<usize> {
        let is_wanted = |partition: usize| {
            partitions.is_none_or(|wanted| self.partitions != PARTITIONS || wanted.contains(&partition))
        };
        let mut segments: Vec<usize> =
            (0..self.segments.len()).filter(|&segment| is_wanted(self.segments[segment])).collect();
        segments.sort_by_key(|&segment| self.segments[segment]);
        segments
    }
}

impl Redis {
    /// Compresses and writes segments, a few at the same time: what is compressed is in memory twice.
    pub(super) async fn write_segments(
        &self,
        cache: &Name,
        keys: &Keys,
        version: Id,
        segments: Vec<Segment>,
    ) -> Result<()> {
        let key = keys.version(version);
        let write = |Segment { number, chunk }| {
            let key = &key;
            async move {
                let packed = tokio::task::spawn_blocking(move || chunk.pack()).await;
                let packed =
                    packed.map_err(|error| Error::unavailable(format!("compressing has failed: {error}")).of(cache))?;
                let mut set = redis::cmd("HSET");
                set.arg(key).arg(number).arg(packed);
                let written = self.server.transaction_on(Lane::Bulk, Transaction::of([set, expire(key)])).await;
                written.map(drop).map_err(|error| self.server.explain(error).of(cache))
            }
        };
        stream::iter(segments).map(write).buffer_unordered(COMPRESSED_AT_ONCE).try_collect().await
    }

    /// Writes what a version lacks: the last segments, and then its manifest. May be repeated.
    pub(super) async fn seal(
        &self,
        cache: &Name,
        keys: &Keys,
        version: Id,
        rest: Vec<Segment>,
        manifest: &Manifest,
    ) -> Result<()> {
        self.write_segments(cache, keys, version, rest).await?;
        let manifest = serde_json::to_string(manifest).expect("numbers and texts are JSON");
        let key = keys.version(version);
        let mut set = redis::cmd("HSET");
        set.arg(&key).arg(MANIFEST).arg(manifest);
        let written = self.server.transaction(Transaction::of([set, expire(&key)])).await;
        written.map(drop).map_err(|error| self.server.explain(error).of(cache))
    }

    /// The parts of a version, or those of some partitions, without what deltas have changed since.
    pub(super) async fn parts(
        &self,
        cache: &Name,
        keys: &Keys,
        version: Id,
        partitions: Option<&[usize]>,
        changes: Option<Arc<Merged>>,
    ) -> Result<impl Stream<Item = Result<Part>> + Send + 'static> {
        let key = keys.version(version);
        let manifest = self.manifest(cache, &key).await?;
        let (store, cache) = (self.clone(), cache.clone());
        let fetch = move |segment: usize| {
            let (store, cache, key, changes) = (store.clone(), cache.clone(), key.clone(), changes.clone());
            async move {
                let chunk = store.segment(&cache, &key, segment).await?;
                Ok(Part::of_chunk(chunk, changes))
            }
        };
        Ok(stream::iter(manifest.segments_of(partitions)).map(fetch).buffered(WINDOW))
    }

    async fn manifest(&self, cache: &Name, key: &str) -> Result<Manifest> {
        let mut get = redis::cmd("HGET");
        get.arg(key).arg(MANIFEST);
        let Value::BulkString(json) = self.read_one(cache, get).await? else {
            return Err(gone(key, MANIFEST).of(cache));
        };
        let manifest = serde_json::from_slice::<Manifest>(&json);
        let manifest = manifest.map_err(|error| {
            Error::value(format!(
                "the manifest of `{key}` cannot be read: another program has written it; refill the cache"
            ))
            .because(error)
            .of(cache)
        })?;
        if manifest.format > FORMAT {
            return Err(self.server.newer_format(&manifest.format.to_string()).of(cache));
        }
        Ok(manifest)
    }

    pub(super) async fn segment(&self, cache: &Name, key: &str, segment: usize) -> Result<Bytes> {
        let mut get = redis::cmd("HGET");
        get.arg(key).arg(segment);
        match self.read_one(cache, get).await? {
            Value::BulkString(chunk) => Ok(chunk.into()),
            _ => Err(gone(key, &segment.to_string()).of(cache)),
        }
    }

    async fn read_one(&self, cache: &Name, read: Cmd) -> Result<Value> {
        self.server.command_on(Lane::Bulk, read).await.map_err(|error| self.server.explain(error).of(cache))
    }
}

fn gone(key: &str, field: &str) -> Error {
    Error::missing(format!(
        "`{field}` of `{key}` is gone: it was replaced a while ago, or deleted; read the cache again"
    ))
}

/// How long a version that this refill supersedes is kept.
pub(super) fn grace_millis(refill_interval: Duration) -> u64 {
    meta::millis(refill_interval.saturating_mul(2).clamp(MIN_GRACE, MAX_GRACE))
}
