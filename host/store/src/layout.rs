//! In what form a cache is stored in Redis.

use std::fmt;
use std::str::FromStr;

use crate::{Error, Result};

/// In what form a cache is stored in Redis. The embedded store has one form, which counts as `Hash`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Layout {
    /// A version for readers that load all of it, and beside it a hash, key -> JSON text, of which any client can HGET one
    /// entry.
    #[default]
    Hash,
    /// A version alone: for a cache that nobody HGETs. A refill then takes less than half of the time, and the map a
    /// fifth of the memory; reading one entry without loading all of it costs more.
    Version,
    /// One JSON record, as Python's kiwi-cache writes and reads it, under kiwi-cache's own lock.
    Record(RecordKey),
    /// Both, published in one commit: for moving from kiwi-cache reader by reader.
    Both(RecordKey),
}

impl Layout {
    /// The record, where the layout has one.
    #[must_use]
    pub fn record_key(&self) -> Option<&RecordKey> {
        match self {
            Self::Hash | Self::Version => None,
            Self::Record(key) | Self::Both(key) => Some(key),
        }
    }

    /// Whether the layout has a hash.
    #[must_use]
    pub fn has_hash(&self) -> bool {
        matches!(self, Self::Hash | Self::Both(_))
    }

    /// Whether the layout has a version, which deltas can lead on from.
    #[must_use]
    pub fn has_version(&self) -> bool {
        !matches!(self, Self::Record(_))
    }

    /// As `status` shows it: `hash`, `version`, `record` or `both`.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Hash => "hash",
            Self::Version => "version",
            Self::Record(_) => "record",
            Self::Both(_) => "both",
        }
    }
}

/// What kiwi-cache calls a resource: the name of the Python class and, if `_key_suffix` gives one, a
/// `:` and the suffix. Its keys in Redis are `resource:` and `lock:` with this behind.
///
/// ```
/// use kiwi_store::RecordKey;
///
/// let key: RecordKey = "Airlines:eu".parse()?;
/// assert_eq!(key.class(), "Airlines");
/// assert_eq!(key.resource(), "resource:Airlines:eu");
/// assert_eq!(key.lock(), "lock:Airlines:eu");
/// # Ok::<(), kiwi_store::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RecordKey(String);

impl RecordKey {
    /// The Python class: the part before the first `:`.
    #[must_use]
    pub fn class(&self) -> &str {
        self.0.split_once(':').map_or(&*self.0, |(class, _)| class)
    }

    /// The key of the record.
    #[must_use]
    pub fn resource(&self) -> String {
        format!("resource:{}", self.0)
    }

    /// The key of the lock that kiwi-cache takes before it loads.
    #[must_use]
    pub fn lock(&self) -> String {
        format!("lock:{}", self.0)
    }
}

impl FromStr for RecordKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.is_empty() || text.starts_with(':') || text.chars().any(char::is_control) {
            return Err(Error::invalid(format!(
                "`{}` is not a valid record key (expected the name of the Python class, and `:SUFFIX` if it has one, \
                 such as `Airlines` or `Airlines:eu`)",
                text.escape_debug()
            )));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_key_is_a_class_and_maybe_a_suffix() {
        for (text, class) in [("Airlines", "Airlines"), ("Airlines:eu", "Airlines"), ("A:b:c", "A")] {
            let key: RecordKey = text.parse().unwrap();
            assert_eq!((key.class(), key.to_string().as_str()), (class, text));
        }
        for bad in ["", ":eu", "Air\nlines"] {
            assert!(bad.parse::<RecordKey>().unwrap_err().is_invalid(), "{bad:?}");
        }
    }
}
