//! The names of a cache's keys in Redis.

use crate::{Name, Token};

/// The keys of one cache. All have the hash tag `{name}`, so that they share a slot in a cluster
/// and a script may name them together.
pub(super) struct Keys {
    /// Hash: key -> JSON text. No key when the map is empty.
    pub(super) data: String,
    /// Hash: what the data is, and the last error.
    pub(super) meta: String,
    /// Hash: the token of the refill's lease, and until when.
    pub(super) lease: String,
    /// Stream: the deltas between the last snapshots.
    pub(super) changes: String,
    /// Not a key: where commits are announced.
    pub(super) channel: String,
}

impl Keys {
    pub(super) fn new(prefix: &str, cache: &Name) -> Self {
        let data = format!("{prefix}{{{cache}}}");
        Self {
            meta: format!("{data}:meta"),
            lease: format!("{data}:lease"),
            changes: format!("{data}:changes"),
            channel: format!("{prefix}{cache}:changed"),
            data,
        }
    }

    /// Hash: what a holder of the lease has staged so far.
    pub(super) fn staging(&self, token: Token) -> String {
        self.staging_of(&token.to_string())
    }

    /// As [`Keys::staging`], of a token as it stands in the lease.
    pub(super) fn staging_of(&self, token: &str) -> String {
        format!("{}:staging:{token}", self.data)
    }
}

/// The pattern that finds the meta keys of all caches.
pub(super) fn meta_pattern(prefix: &str) -> String {
    let mut pattern = String::with_capacity(prefix.len() + 9);
    for c in prefix.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '\\' | '^' | '-') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern + "{*}:meta"
}

/// The cache a meta key belongs to, unless it is none of ours.
pub(super) fn cache_of_meta(prefix: &str, key: &str) -> Option<Name> {
    key.strip_prefix(prefix)?.strip_prefix('{')?.strip_suffix("}:meta")?.parse().ok()
}
