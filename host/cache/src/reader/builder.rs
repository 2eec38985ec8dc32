//! How a reader is set up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::missing::Hook;
use super::read_through::{ReadThrough, Source};
use super::reload::Reload;
use super::{Address, Cache, KeptText, Refill, Snapshot, blocking};
use serde::de::DeserializeOwned;

use kiwi_store::{Error, Name, Result};
use kiwi_store::{Layout, Store};

/// How old a copy may get where nothing else is said.
const DEFAULT_RELOAD_TTL: Duration = Duration::from_secs(60);
/// How long a read waits for a host that was asked, where nothing else is said.
const DEFAULT_REFILL_TIMEOUT: Duration = Duration::from_secs(30);

/// Sets up a reader: made by `builder` of either `Cache`, ended by `connect` or `fixed`.
#[must_use = "nothing happens until `connect` or `fixed`"]
pub struct Builder<C: Reader> {
    name: Result<Name>,
    address: Option<Address>,
    key_prefix: Option<String>,
    layout: Option<Layout>,
    settings: Settings,
    missing: Option<Hook<C::Value>>,
    max_attempts: i32,
    refill_timeout: Duration,
    refill_by: Option<Arc<dyn Refill>>,
    text: Option<Arc<KeptText>>,
}

/// What a [`Builder`] sets up: [`Cache`] or [`blocking::Cache`], and nothing else.
pub trait Reader: sealed::Sealed {
    /// The type of its values.
    type Value;
}

impl<V> Reader for Cache<V> {
    type Value = V;
}

impl<V> Reader for blocking::Cache<V> {
    type Value = V;
}

mod sealed {
    pub trait Sealed {}
    impl<V> Sealed for super::Cache<V> {}
    impl<V> Sealed for super::blocking::Cache<V> {}
}

/// How a reader behaves.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) reload_ttl: Duration,
    pub(super) wait: Duration,
    pub(super) without: Without,
}

/// What `connect` does when there is no first snapshot, and waiting is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Without {
    Fail,
    Start,
}

/// What `open` gives for `connect` to go on with.
pub(super) struct Opened<V> {
    pub(super) name: Name,
    store: Arc<dyn Store>,
    settings: Settings,
    missing: Option<Hook<V>>,
    text: Option<Arc<KeptText>>,
    source: Source,
    max_attempts: i32,
}

impl<V: DeserializeOwned> Opened<V> {
    /// The two ways to a snapshot: by time, and by a read that finds none.
    pub(super) fn into_parts(self) -> (Reload<V>, ReadThrough) {
        let read_through = ReadThrough::new(Arc::clone(&self.store), self.name.clone(), self.source, self.max_attempts);
        (Reload::new(self.store, self.name, self.settings, self.missing, self.text), read_through)
    }
}

impl<C: Reader> Builder<C> {
    pub(super) fn new(name: Result<Name>) -> Self {
        let settings = Settings { reload_ttl: DEFAULT_RELOAD_TTL, wait: Duration::ZERO, without: Without::Fail };
        Self {
            name,
            address: None,
            key_prefix: None,
            layout: None,
            settings,
            missing: None,
            max_attempts: -1,
            refill_timeout: DEFAULT_REFILL_TIMEOUT,
            refill_by: None,
            text: None,
        }
    }

    /// The store: a URL, or one that is open already. There is no default.
    pub fn store(mut self, store: impl Into<Address>) -> Self {
        self.address = Some(store.into());
        self
    }

    /// What stands before each key in Redis, if the host has it otherwise than `kiwi:`.
    pub fn key_prefix(mut self, key_prefix: impl Into<String>) -> Self {
        self.key_prefix = Some(key_prefix.into());
        self
    }

    /// In what form the cache stands in Redis. Only needed where kiwi-cache alone has written it: what a
    /// host has published says so itself.
    pub fn layout(mut self, layout: Layout) -> Self {
        self.layout = Some(layout);
        self
    }

    /// How old the copy may get before the store is looked at again: 60 s unless said here. A look
    /// costs next to nothing while the snapshot is the same.
    pub fn reload_ttl(mut self, reload_ttl: Duration) -> Self {
        self.settings.reload_ttl = reload_ttl;
        self
    }

    /// Lets `connect` wait this long for a first snapshot, while the store or the cache is not there
    /// yet. Without it, `connect` looks once.
    pub fn wait_for(mut self, wait: Duration) -> Self {
        self.settings.wait = wait;
        self
    }

    /// Lets `connect` succeed with nothing loaded: reads then say `is_missing` until the first
    /// snapshot comes, and `last_error` says why. For a service that can do without.
    pub fn start_missing(mut self) -> Self {
        self.settings.without = Without::Start;
        self
    }

    /// What stands in for a key that a snapshot does not have, as `__missing__` of a Python dict: the
    /// value of another key, or one that is `static`. Reads of a key (`get`, `snapshot["key"]`) ask it;
    /// `contains_key`, `len` and iteration do not know of it. A key that is there costs nothing more.
    ///
    /// It must give the same each time for one key of one snapshot, because a [`Ref`](super::Ref) asks
    /// it again at each look at the value. The snapshot it is given has no such hook itself.
    ///
    /// ```
    /// use kiwi_cache::Cache;
    ///
    /// let fees: Cache<u64> = Cache::builder("fees")
    ///     .missing(|fees, _airline| fees.get("default"))
    ///     .fixed([("FR", 25), ("default", 10)])?;
    /// assert_eq!((*fees.get("FR")?.unwrap(), *fees.get("XX")?.unwrap()), (25, 10));
    /// assert!(!fees.contains_key("XX")?);
    /// # Ok::<(), kiwi_cache::Error>(())
    /// ```
    pub fn missing(
        mut self,
        hook: impl for<'a> Fn(&'a Snapshot<C::Value>, &str) -> Option<&'a C::Value> + Send + Sync + 'static,
    ) -> Self {
        self.missing = Some(Arc::new(hook));
        self
    }

    /// How many failures `get_or_refill` bears, as in kiwi-cache. A failure is a load that failed, a host
    /// that published nothing in time, or a store that was away.
    ///
    /// - Negative, which is the default: one try for each read, and a read that still finds nothing says
    ///   `is_missing`, with the failure as its `source()`.
    /// - 0 and 1: the first failure is given as it is, such as `is_load_failed` or `is_unavailable`.
    /// - More: so many tries, one right after the other, and the last failure is given as it is. They are
    ///   counted over the reader's life, not read by read; after that one the count begins anew.
    pub fn max_attempts(mut self, max_attempts: i32) -> Self {
        self.max_attempts = max_attempts;
        self
    }

    /// How long `get_or_refill` waits for a host that was asked to load: 30 s unless said here.
    pub fn refill_timeout(mut self, refill_timeout: Duration) -> Self {
        self.refill_timeout = refill_timeout;
        self
    }

    /// Has `get_or_refill` load by the host that this program embeds, with no need to ask through the
    /// store, and with no `refill_timeout`: the load has a limit of its own.
    pub fn refill_by(mut self, host: Arc<dyn Refill>) -> Self {
        self.refill_by = Some(host);
        self
    }

    /// Keeps the text of each snapshot as well, in memory: for a host in this program, which puts it back
    /// when the store has lost it and the source is away. Such a reader loads every snapshot whole.
    pub fn keep_text(mut self, text: Arc<KeptText>) -> Self {
        self.text = Some(text);
        self
    }

    /// Checks the name, for a reader that needs no store.
    pub(super) fn unopened(self) -> Result<(Name, Option<Hook<C::Value>>)> {
        Ok((self.name?, self.missing))
    }

    /// Checks what was set, and opens the store.
    pub(super) fn open(self) -> Result<Opened<C::Value>> {
        let name = self.name?;
        if self.settings.reload_ttl.is_zero() {
            return Err(Error::invalid("reload_ttl is 0: expected how old a copy may get, such as 60 s").of(&name));
        }
        if self.refill_timeout.is_zero() {
            let message = "refill_timeout is 0: expected how long to wait for a host that was asked, such as 30 s";
            return Err(Error::invalid(message).of(&name));
        }
        let Some(address) = self.address else {
            return Err(
                Error::invalid("no store is named: set one with `store`, such as redis://127.0.0.1:6379").of(&name)
            );
        };
        let mut store = address.open(self.key_prefix).map_err(|error| error.of(&name))?;
        if let Some(layout) = self.layout {
            store = store.with_layouts(&[(name.clone(), layout)])?;
        }
        let source = match self.refill_by {
            Some(host) => Source::Embedded(host),
            None => Source::Asked { timeout: self.refill_timeout },
        };
        let (settings, missing, max_attempts) = (self.settings, self.missing, self.max_attempts);
        Ok(Opened { name, store, settings, missing, text: self.text, source, max_attempts })
    }
}

impl<C: Reader> fmt::Debug for Builder<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("name", &self.name)
            .field("address", &self.address)
            .field("key_prefix", &self.key_prefix)
            .field("layout", &self.layout)
            .field("settings", &self.settings)
            .field("max_attempts", &self.max_attempts)
            .field("refill_timeout", &self.refill_timeout)
            .finish_non_exhaustive()
    }
}
