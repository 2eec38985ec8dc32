//! The names of a cache's keys in Redis.

use std::fmt::Display;

use crate::{Id, Layout, Name, RecordKey};

/// The most keys of the data that one command names.
pub(super) const MAX_KEYS_PER_COMMAND: usize = 1_000;

/// The keys of one cache. All have the hash tag `{name}`, so that they share a slot in a cluster
/// and a script may name them together; only the record has names that kiwi-cache has chosen.
#[derive(Clone)]
pub(super) struct Keys {
    /// Hash: key -> JSON text, for any client. No key when the map is empty.
    pub(super) data: String,
    /// Hash: what the data is, and the last failures.
    pub(super) meta: String,
    /// Hash: the token of the refill's lease, and until when.
    pub(super) lease: String,
    /// Hash: the hosts that keep it warm, or cannot.
    pub(super) hosts: String,
    /// Stream: the deltas that lead from the version to what is published.
    pub(super) log: String,
    /// A channel: commits are announced on it.
    pub(super) channel: String,
    /// A channel: readers that find nothing ask on it.
    pub(super) ask: String,
    /// The keys that are shared with kiwi-cache, where the layout has a record.
    pub(super) record: Option<Record>,
}

/// The keys of a cache that kiwi-cache knows.
#[derive(Clone)]
pub(super) struct Record {
    /// String: the map and the time it was saved, as JSON.
    pub(super) resource: String,
    /// String: exists while somebody loads.
    pub(super) lock: String,
}

impl Keys {
    pub(super) fn new(prefix: &str, cache: &Name, layout: &Layout) -> Self {
        let data = data(prefix, cache);
        Self {
            meta: format!("{data}:meta"),
            lease: format!("{data}:lease"),
            hosts: format!("{data}:hosts"),
            log: format!("{data}:log"),
            channel: format!("{prefix}{cache}:changed"),
            ask: format!("{data}:ask"),
            data,
            record: layout.record_key().map(Record::new),
        }
    }

    /// Hash: what a holder of the lease has staged so far.
    pub(super) fn staging(&self, token: impl Display) -> String {
        format!("{}:staging:{token}", self.data)
    }

    /// Hash: the segments of a version, and its manifest.
    pub(super) fn version(&self, id: Id) -> String {
        format!("{}:v:{id}", self.data)
    }

    /// String: the record that a holder of the lease has sent.
    pub(super) fn staged_record(&self, token: impl Display) -> String {
        format!("{}:record", self.staging(token))
    }

    /// The keys of every script, in the order in which `prelude.lua` names them. `version` is the one that the lease
    /// writes. The last three are left out where the layout has no record, and are nil there.
    pub(super) fn of_scripts(&self, token: impl Display, version: Id) -> Vec<String> {
        let mut keys = vec![
            self.data.clone(),
            self.meta.clone(),
            self.lease.clone(),
            self.log.clone(),
            self.staging(&token),
            self.version(version),
            self.hosts.clone(),
        ];
        if let Some(record) = &self.record {
            keys.extend([record.resource.clone(), self.staged_record(token), record.lock.clone()]);
        }
        keys
    }
}

impl Record {
    fn new(key: &RecordKey) -> Self {
        Self { resource: key.resource(), lock: key.lock() }
    }
}

/// The key of a cache's data.
pub(super) fn data(prefix: &str, cache: &Name) -> String {
    [prefix, "{", cache.as_str(), "}"].concat()
}

/// The pattern that finds the keys that tell of all caches.
pub(super) fn pattern(prefix: &str) -> String {
    let mut pattern = String::with_capacity(prefix.len() + 9);
    for c in prefix.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '\\' | '^' | '-') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern + "{*}:[mh]*"
}

/// The cache that a meta key, or the key of its hosts, belongs to, if it is one of ours.
pub(super) fn cache_of(prefix: &str, key: &str) -> Option<Name> {
    let (cache, key) = key.strip_prefix(prefix)?.strip_prefix('{')?.rsplit_once("}:")?;
    if matches!(key, "meta" | "hosts") { cache.parse().ok() } else { None }
}

/// The cache that is asked for on a channel, if the channel is one of ours.
pub(super) fn cache_of_ask(prefix: &str, channel: &str) -> Option<Name> {
    channel.strip_prefix(prefix)?.strip_prefix('{')?.strip_suffix("}:ask")?.parse().ok()
}
