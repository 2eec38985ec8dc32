//! The records of an environment's `meta` table: small, and JSON, so that people can read them with
//! LMDB's own tools.

use std::fmt::Display;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use heed::types::{Bytes, Str};
use heed::{Database, RoTxn, RwTxn};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::failure::Result;
use crate::Publish;
use crate::{Error, Head, Id, Push, Root, Token, Ttl};

/// The table of records.
#[derive(Clone, Copy)]
pub(super) struct Meta<'t>(pub(super) Database<'t, Str, Bytes>);

impl Meta<'_> {
    pub(super) fn get<R: Record>(self, txn: &RoTxn<'_>) -> Result<Option<R>> {
        let Some(json) = self.0.get(txn, R::KEY)? else { return Ok(None) };
        let unreadable = |error| {
            Error::wrong_type(format!("its record `{}` cannot be read: another program has written it; delete the cache with `kiwi-host forget`", R::KEY)).because(error)
        };
        Ok(Some(serde_json::from_slice(json).map_err(|error: serde_json::Error| unreadable(error))?))
    }

    pub(super) fn put<R: Record>(self, txn: &mut RwTxn<'_>, record: &R) -> Result<()> {
        let json = serde_json::to_vec(record).expect("a record of texts and numbers is JSON");
        Ok(self.0.put(txn, R::KEY, &json)?)
    }

    pub(super) fn delete<R: Record>(self, txn: &mut RwTxn<'_>) -> Result<()> {
        self.0.delete(txn, R::KEY)?;
        Ok(())
    }
}

/// A record of the table, under one key.
pub(super) trait Record: Serialize + DeserializeOwned {
    const KEY: &'static str;
}

/// How the tables are to be read. A later build that changes their meaning increases this.
#[derive(Serialize, Deserialize)]
pub(super) struct Format(pub(super) u32);

impl Record for Format {
    const KEY: &'static str = "format";
}

/// Which of the two data tables.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Slot {
    A,
    B,
}

impl Slot {
    pub(super) fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// What is published.
#[derive(Serialize, Deserialize)]
pub(super) struct Published {
    pub(super) loaded: Loaded,
    pub(super) checked: Checked,
}

impl Record for Published {
    const KEY: &'static str = "published";
}

/// What a load has published, and in which table.
#[derive(Serialize, Deserialize)]
pub(super) struct Loaded {
    #[serde(with = "text")]
    pub(super) id: Id,
    pub(super) seq: u64,
    pub(super) entries: u64,
    pub(super) bytes: u64,
    #[serde(with = "text")]
    pub(super) root: Root,
    pub(super) at: Millis,
    pub(super) slot: Slot,
    /// The bytes of all recorded changes.
    pub(super) changes_bytes: u64,
}

/// What each refill updates, also when it finds nothing changed.
#[derive(Serialize, Deserialize)]
pub(super) struct Checked {
    pub(super) mark: Option<String>,
    pub(super) at: Millis,
    /// `None`: never.
    pub(super) expires_at: Option<Millis>,
    cache_ttl_ms: u64,
    refill_interval_ms: u64,
}

impl Checked {
    pub(super) fn new(publish: &Publish, now: Millis) -> Self {
        Self {
            mark: publish.mark.clone(),
            at: now,
            expires_at: now.plus_ttl(publish.cache_ttl),
            cache_ttl_ms: publish.cache_ttl.as_millis(),
            refill_interval_ms: millis(publish.refill_interval),
        }
    }

    /// As a head says, to be kept from now on.
    pub(super) fn as_in(head: &Head, now: Millis) -> Self {
        Self {
            mark: head.mark.clone(),
            at: head.checked_at.into(),
            expires_at: now.plus_ttl(head.cache_ttl),
            cache_ttl_ms: head.cache_ttl.as_millis(),
            refill_interval_ms: millis(head.refill_interval),
        }
    }
}

impl Published {
    pub(super) fn is_expired(&self, now: Millis) -> bool {
        self.checked.expires_at.is_some_and(|expires_at| expires_at <= now)
    }

    pub(super) fn into_head(self) -> Head {
        let Self { loaded, checked } = self;
        Head {
            id: loaded.id,
            seq: loaded.seq,
            entries: loaded.entries,
            bytes: loaded.bytes,
            root: loaded.root,
            mark: checked.mark,
            loaded_at: loaded.at.into(),
            checked_at: checked.at.into(),
            cache_ttl: Ttl::from_millis(checked.cache_ttl_ms),
            refill_interval: Duration::from_millis(checked.refill_interval_ms),
            push: Push::Hint,
        }
    }
}

/// Who may refill.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Refill {
    /// Only who has this token.
    Held {
        #[serde(with = "text")]
        token: Token,
        until: Millis,
        #[serde(default)]
        host: String,
    },
    /// Anybody. Older hosts wrote it: their back-off was for all definitions.
    Backoff { until: Millis },
}

impl Record for Refill {
    const KEY: &'static str = "refill";
}

impl Refill {
    pub(super) fn is_held_by(&self, asking: Token) -> bool {
        matches!(self, Self::Held { token, .. } if *token == asking)
    }
}

/// Whose entries are in the table that is not published.
#[derive(Serialize, Deserialize)]
pub(super) struct Staging(#[serde(with = "text")] pub(super) Token);

impl Record for Staging {
    const KEY: &'static str = "staging";
}

/// A moment of the system's clock, in milliseconds since 1970.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Millis(u64);

impl Millis {
    pub(super) fn now() -> Self {
        SystemTime::now().into()
    }

    pub(super) fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }

    /// `None`: never.
    pub(super) fn plus_ttl(self, ttl: Ttl) -> Option<Self> {
        match ttl {
            Ttl::For(_) => Some(Self(self.0.saturating_add(ttl.as_millis()))),
            Ttl::Forever => None,
        }
    }

    /// How long until then; zero if it has passed.
    pub(super) fn since(self, now: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(now.0))
    }
}

impl From<SystemTime> for Millis {
    fn from(time: SystemTime) -> Self {
        Self(time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, millis))
    }
}

impl From<Millis> for SystemTime {
    fn from(time: Millis) -> Self {
        Self::UNIX_EPOCH.checked_add(Duration::from_millis(time.0)).unwrap_or(Self::UNIX_EPOCH)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Serializes values as their text.
pub(super) mod text {
    use super::*;

    pub(in crate::embedded) fn serialize<T: Display, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(in crate::embedded) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err = Error>,
        D: Deserializer<'de>,
    {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
