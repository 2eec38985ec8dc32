//! What stands at the start of a copy on disk.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kiwi_store::{Head, Id, Root};
use serde::{Deserialize, Serialize};

/// A copy of another format is written by another version of this library.
pub(super) const FORMAT: u32 = 1;

/// What a copy is of, and where its tables are. In the file it is one line of JSON.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) cache: String,
    /// The store, without a password.
    pub(super) store: String,
    #[serde(with = "as_text")]
    pub(super) id: Id,
    pub(super) seq: u64,
    pub(super) entries: u64,
    pub(super) bytes: u64,
    #[serde(with = "as_text")]
    root: Root,
    loaded_at_ms: u64,
    /// When the source was last known to have it, at the time of writing.
    checked_at_ms: u64,
    refill_interval_ms: u64,
    written_at_ms: u64,
    /// How keys were hashed.
    pub(super) seed: u64,
    pub(super) tables: Vec<TableEntry>,
}

/// Where a table is. All offsets are from the start of the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct TableEntry {
    pub(super) len: usize,
    pub(super) places_at: usize,
    pub(super) places: usize,
    pub(super) rows_at: usize,
    pub(super) rows: usize,
    /// The xxh3-64 of its places. The rows are proved by the root.
    pub(super) places_sum: u64,
}

impl Header {
    pub(super) fn new(cache: &str, store: &str, head: &Head, seed: u64, tables: Vec<TableEntry>) -> Self {
        let Head { id, seq, entries, bytes, root, loaded_at, checked_at, refill_interval, .. } = *head;
        Self {
            cache: cache.to_owned(),
            store: store.to_owned(),
            id,
            seq,
            entries,
            bytes,
            root,
            loaded_at_ms: millis(loaded_at),
            checked_at_ms: millis(checked_at),
            refill_interval_ms: u64::try_from(refill_interval.as_millis()).unwrap_or(u64::MAX),
            written_at_ms: millis(SystemTime::now()),
            seed,
            tables,
        }
    }

    /// The head of the snapshot that it is a copy of.
    pub(super) fn head(&self) -> Head {
        let mut head = Head::new(self.id, self.entries, self.bytes, self.root);
        head.seq = self.seq;
        head.loaded_at = time(self.loaded_at_ms);
        head.checked_at = time(self.checked_at_ms);
        head.refill_interval = Duration::from_millis(self.refill_interval_ms);
        head
    }

    pub(super) fn written_at(&self) -> SystemTime {
        time(self.written_at_ms)
    }
}

pub(super) fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A time that no clock can have is the start of all times.
pub(super) fn time(millis: u64) -> SystemTime {
    UNIX_EPOCH.checked_add(Duration::from_millis(millis)).unwrap_or(UNIX_EPOCH)
}

/// What has a text, as that.
mod as_text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
