//! How a reader is set up.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kiwi_store::{Error, Layout, Name, Result};

use crate::address::Address;
use crate::attempts::Attempts;
use crate::copies::{CopyMode, CopySettings};
use crate::held::Held;
use crate::metrics::{Metrics, ReaderMetrics};
use crate::refill::Refill;
use crate::settings::{RefillSettings, ReloadSettings, Updates, WithoutSnapshot};
use crate::snapshot::{MissingHook, Snapshot};
use crate::source::Source;
use crate::stored::Stored;
use crate::text::KeptText;

/// The directory for copies, where none is set.
const COPY_DIR: &str = "KIWI_COPY_DIR";

/// Sets up a reader. Its `builder` makes it, and `connect`, `open` or `fixed` makes the reader of it.
///
/// ```no_run
/// # async fn example() -> Result<(), kiwi_cache::Error> {
/// use kiwi_cache::{Builder, Cache};
/// use std::time::Duration;
///
/// let builder: Builder<Cache<f64>> = Cache::builder("rates").store("redis://127.0.0.1:6379");
/// let rates = builder.reload_ttl(Duration::from_secs(5)).wait_for(Duration::from_secs(30)).connect().await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing happens until `connect`, `open` or `fixed`"]
pub struct Builder<C: Reader> {
    name: Result<Name>,
    address: Option<Address>,
    key_prefix: Option<String>,
    layout: Option<Layout>,
    metrics: Metrics,
    reload: ReloadSettings<C::Value>,
    refill: RefillSettings,
    copy_dir: Option<PathBuf>,
    copy_mode: CopyMode,
    uses_copies: bool,
}

/// What a [`Builder`] sets up: one of the readers of this crate, and nothing else.
pub trait Reader: sealed::Sealed {
    /// The type of its values.
    type Value: Stored + ?Sized;
}

/// A reader that holds a copy: [`Cache`](crate::Cache) or [`blocking::Cache`](crate::blocking::Cache). Only its
/// [`Builder`] has the settings of a copy.
pub trait HoldsCopy: Reader {}

pub(crate) mod sealed {
    /// Keeps other crates from implementing [`Reader`](super::Reader).
    pub trait Sealed {}
}

/// A cache in a store that was opened, and the settings of the reader that holds a copy of it.
pub(crate) struct Opened<V: Stored + ?Sized> {
    pub(crate) source: Source,
    pub(crate) reload: ReloadSettings<V>,
    pub(crate) refill: RefillSettings,
}

impl<C: Reader> Builder<C> {
    pub(crate) fn new(name: Result<Name>) -> Self {
        let (reload, refill) = (ReloadSettings::default(), RefillSettings::default());
        Self {
            name,
            address: None,
            key_prefix: None,
            layout: None,
            metrics: Metrics::default(),
            reload,
            refill,
            copy_dir: None,
            copy_mode: CopyMode::Mapped,
            uses_copies: true,
        }
    }

    /// The store: a URL, or one that is open already. There is no default.
    pub fn store(mut self, store: impl Into<Address>) -> Self {
        self.address = Some(store.into());
        self
    }

    /// The prefix of each key in Redis: the host's `key_prefix`, if it is not `kiwi:`.
    pub fn key_prefix(mut self, key_prefix: impl Into<String>) -> Self {
        self.key_prefix = Some(key_prefix.into());
        self
    }

    /// The layout of the cache in Redis. It is needed only where kiwi-cache alone has written the cache:
    /// readers find the layout of what a host has published.
    pub fn layout(mut self, layout: Layout) -> Self {
        self.layout = Some(layout);
        self
    }

    /// Reports to the metrics of the service what the reader does in the store, and what fails there.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), kiwi_cache::Error> {
    /// use kiwi_cache::{Cache, Name, ReaderEvent};
    ///
    /// let airlines: Cache<String> = Cache::builder("airlines")
    ///     .store("redis://127.0.0.1:6379")
    ///     .metrics(|cache: &Name, event: &ReaderEvent| {
    ///         if let Some(status) = event.kiwi_cache_status() {
    ///             println!("kiwicache:1|c|#name:{cache},status:{status}");
    ///         }
    ///     })
    ///     .connect()
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn metrics(mut self, metrics: impl ReaderMetrics + 'static) -> Self {
        self.metrics = Metrics::new(metrics);
        self
    }

    /// Checks the name and opens the store, for a reader without a copy.
    pub(crate) fn open_source(self) -> Result<Source> {
        let Self { name, address, key_prefix, layout, metrics, .. } = self;
        let name = name?;
        let no_store = || Error::invalid("no store given: set one with `store`, such as redis://127.0.0.1:6379");
        let address = address.ok_or_else(no_store);
        let store = address.and_then(|address| address.open(key_prefix)).map_err(|error| error.of(&name))?;
        let store = match layout {
            Some(layout) => store.with_layouts(&[(name.clone(), layout)])?,
            None => store,
        };
        Ok(Source { name, store, metrics })
    }
}

impl<C: HoldsCopy> Builder<C> {
    /// How old the copy may get before the store is polled again. Default: 60 s. A poll costs next to
    /// nothing while the snapshot is the same.
    ///
    /// New snapshots usually arrive sooner: the store announces them, and the reader then polls at once. An
    /// announcement may be lost, so this is what you can rely on.
    pub fn reload_ttl(mut self, reload_ttl: Duration) -> Self {
        self.reload.reload_ttl = reload_ttl;
        self
    }

    /// Only polls, every [`reload_ttl`](Self::reload_ttl), and does not listen for announcements of new snapshots: for a
    /// Redis that has no connection to spare. All other readers of this process with the same server and user share one.
    pub fn poll_only(mut self) -> Self {
        self.reload.updates = Updates::Polled;
        self
    }

    /// How long `connect` waits for a first snapshot if the store or the cache is not there yet. By default
    /// `connect` polls once and does not wait.
    pub fn wait_for(mut self, wait_for: Duration) -> Self {
        self.reload.wait_for = wait_for;
        self
    }

    /// Lets `connect` succeed with nothing loaded: reads fail with `is_missing` until the first snapshot is
    /// loaded, and `last_error` has the reason. For a service that can work without the data.
    pub fn start_missing(mut self) -> Self {
        self.reload.without_snapshot = WithoutSnapshot::Start;
        self
    }

    /// Gives a value for a key that a snapshot does not have, as `__missing__` of a Python dict does: the
    /// value of another key, or a `static` one. Reads of a key (`get`, `get_many`, `snapshot["key"]`) call the
    /// hook; `contains_key`, `len` and iteration ignore it. Reads of keys that are there cost nothing more.
    ///
    /// Each of these reads calls the hook once; a [`Ref`](crate::Ref) then keeps the value that it gave. The snapshot that it
    /// is given has no hook.
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
        self.reload.missing = Some(Arc::new(hook));
        self
    }

    /// How many attempts `get_or_refill` makes, and what a read returns when they fail. Default:
    /// [`Attempts::ReadAsMissing`]. It also takes the numbers of kiwi-cache's `max_attempts`.
    pub fn max_attempts(mut self, max_attempts: impl Into<Attempts>) -> Self {
        self.refill.max_attempts = max_attempts.into();
        self
    }

    /// How long `get_or_refill` waits for a host that was asked to load. Default: 30 s.
    pub fn refill_timeout(mut self, refill_timeout: Duration) -> Self {
        self.refill.timeout = refill_timeout;
        self
    }

    /// Lets `get_or_refill` load through the host that this program embeds, instead of asking a host through
    /// the store. `refill_timeout` then does not apply: the load has its own timeout.
    pub fn refill_by(mut self, host: Arc<dyn Refill>) -> Self {
        self.refill.host = Some(host);
        self
    }

    /// Keeps the text of each snapshot in memory too: for a host in this program, which publishes it again
    /// when the store has lost it and the source is not available. Such a reader loads every snapshot whole.
    pub fn keep_text(mut self, text: Arc<KeptText>) -> Self {
        self.reload.kept_text = Some(text);
        self
    }

    /// Keeps a copy of each snapshot in a directory, so that a service starts with it while the store is away: [`Stale`](crate::State::Stale),
    /// with the age that it has. All processes of this machine that name the same directory share one copy: one of them
    /// loads a map and writes it, and the others map it into their memory.
    ///
    /// The directory is created, for this user alone. Copies are not written on network file systems. A copy proves itself when it is
    /// read: what is damaged, of another store or of another version is not used, and is written again. It is at most five
    /// minutes behind what this process serves.
    ///
    /// Without this setting, the variable `KIWI_COPY_DIR` names the directory; if it is not set either, there are no copies.
    ///
    /// ```no_run
    /// # fn example() -> Result<(), kiwi_cache::Error> {
    /// use kiwi_cache::blocking::Cache;
    ///
    /// let airlines: Cache<str> =
    ///     Cache::builder("airlines").store("redis://127.0.0.1:6379").copy_dir("/var/cache/my-service").connect()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// With values as JSON text (`Cache<str>`) the memory is shared. Values of any other type are parsed into memory of each
    /// process, and the whole map is loaded again for each new copy.
    pub fn copy_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.copy_dir = Some(dir.into());
        self
    }

    /// Uses no copy on disk, whatever `KIWI_COPY_DIR` says: for a program that is to show what is published now, or nothing.
    pub fn without_copy(mut self) -> Self {
        self.uses_copies = false;
        self
    }

    /// Reads copies into memory instead of mapping them: for a directory whose files others may truncate, which would end
    /// a process that has them mapped.
    pub fn copy_in_memory(mut self) -> Self {
        self.copy_mode = CopyMode::Read;
        self
    }

    /// Begins with this, without asking the store.
    pub(crate) fn holding(mut self, held: Option<Arc<Held<C::Value>>>) -> Self {
        self.reload.takes_over = true;
        self.reload.held = held;
        self
    }

    /// Checks the name, for a reader that needs no store.
    pub(crate) fn without_store(self) -> Result<(Name, Option<MissingHook<C::Value>>)> {
        Ok((self.name?, self.reload.missing))
    }

    /// Checks the settings, and opens the store.
    pub(crate) fn open_copy(mut self) -> Result<Opened<C::Value>> {
        let (mut reload, refill) = (std::mem::take(&mut self.reload), std::mem::take(&mut self.refill));
        if let (Ok(name), Err(error)) = (&self.name, reload.check().and_then(|()| refill.check())) {
            return Err(error.of(name));
        }
        let dir = self
            .copy_dir
            .take()
            .or_else(|| std::env::var_os(COPY_DIR).filter(|dir| !dir.is_empty()).map(PathBuf::from));
        // A copy would not have the text that is to be kept.
        let dir = dir.filter(|_| self.uses_copies && reload.kept_text.is_none());
        reload.copies = dir.map(|dir| CopySettings { dir, mode: self.copy_mode });
        Ok(Opened { source: self.open_source()?, reload, refill })
    }
}

impl<C: Reader> fmt::Debug for Builder<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("name", &self.name)
            .field("address", &self.address)
            .field("key_prefix", &self.key_prefix)
            .field("layout", &self.layout)
            .field("metrics", &self.metrics)
            .field("reload", &self.reload)
            .field("refill", &self.refill)
            .field("copy_dir", &self.copy_dir)
            .finish_non_exhaustive()
    }
}
