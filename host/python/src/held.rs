//! What is held of a cache, and what keeps it up to date: the only file that names the Rust reader.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use kiwi_cache::blocking::{Cache, Changes, Pause};
use kiwi_cache::{Attempts, Builder, Changed, Name, ReaderEvent, Result, State};
use self_cell::self_cell;

/// A value as it was published: JSON text.
type Value = str;

/// How a reader is set up.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) url: String,
    pub(crate) name: String,
    pub(crate) key_prefix: Option<String>,
    /// Where copies on disk are kept; otherwise the variable `KIWI_COPY_DIR` decides.
    pub(crate) copy_dir: Option<PathBuf>,
    /// The record of kiwi-cache to read where no host publishes the cache.
    pub(crate) record_key: Option<String>,
    pub(crate) reload_ttl: Duration,
    pub(crate) wait_for: Duration,
    pub(crate) start_missing: bool,
    pub(crate) poll_only: bool,
    pub(crate) max_attempts: i32,
    pub(crate) refill_timeout: Duration,
}

/// A reader of one cache, with its thread and connections.
#[derive(Clone)]
pub(crate) struct Held(Cache<Value>);

impl Settings {
    fn builder(&self, report: impl Fn(&ReaderEvent) + Send + Sync + 'static) -> Result<Builder<Cache<Value>>> {
        let mut builder = Cache::builder(self.name.as_str())
            .store(self.url.as_str())
            .reload_ttl(self.reload_ttl)
            .wait_for(self.wait_for)
            .max_attempts(Attempts::from(self.max_attempts))
            .refill_timeout(self.refill_timeout)
            .metrics(move |_: &Name, event: &ReaderEvent| report(event));
        if let Some(key_prefix) = &self.key_prefix {
            builder = builder.key_prefix(key_prefix);
        }
        if let Some(copy_dir) = &self.copy_dir {
            builder = builder.copy_dir(copy_dir);
        }
        if let Some(record_key) = &self.record_key {
            builder = builder.layout(kiwi_cache::store::Layout::Record(record_key.parse()?));
        }
        if self.start_missing {
            builder = builder.start_missing();
        }
        Ok(if self.poll_only { builder.poll_only() } else { builder })
    }

    /// Connects and loads.
    pub(crate) fn connect(&self, report: impl Fn(&ReaderEvent) + Send + Sync + 'static) -> Result<Held> {
        self.builder(report)?.connect().map(Held)
    }
}

impl Held {
    /// A map that is in no store, of JSON texts.
    pub(crate) fn fixed(entries: Vec<(String, String)>) -> Self {
        Self(Cache::fixed_json(entries))
    }

    /// In a child of the process that made it: a reader with the same data, and threads of its own. It returns without
    /// asking the store. What belongs to the parent is forgotten, because its threads do not exist here.
    pub(crate) fn after_fork(
        self,
        settings: &Settings,
        report: impl Fn(&ReaderEvent) + Send + Sync + 'static,
    ) -> Result<Self> {
        let settings = Settings { wait_for: Duration::ZERO, start_missing: true, ..settings.clone() };
        let connected = settings.builder(report).and_then(|builder| builder.taking_over(&self.0).connect());
        std::mem::forget(self);
        connected.map(Self)
    }

    /// Keeps its thread still until the result is dropped.
    pub(crate) fn pause(&self, timeout: Duration) -> Option<Pause> {
        self.0.pause(timeout)
    }

    pub(crate) fn snapshot(&self) -> Result<Snapshot> {
        self.0.snapshot().map(Snapshot)
    }

    /// Loads it through a host, if nothing was loaded yet.
    pub(crate) fn refill_if_missing(&self) -> Result<()> {
        // An empty key is in no map.
        self.0.get_or_refill("").map(drop)
    }

    pub(crate) fn reload(&self) -> Result<()> {
        self.0.reload()
    }

    pub(crate) fn changes(&self) -> Followed {
        Followed(self.0.changes())
    }

    pub(crate) fn state(&self) -> State {
        self.0.state()
    }

    pub(crate) fn age(&self) -> Option<Duration> {
        self.0.age()
    }

    pub(crate) fn last_error(&self) -> Option<kiwi_cache::Error> {
        self.0.last_error()
    }
}

/// The changes of what is held, since they were last taken.
pub(crate) struct Followed(Changes<Value>);

impl Followed {
    /// The next change, if there is one already.
    pub(crate) fn take(&mut self) -> Option<Changed> {
        self.0.next_timeout(Duration::ZERO).ok()
    }
}

/// One whole map.
#[derive(Clone)]
pub(crate) struct Snapshot(Arc<kiwi_cache::Snapshot<Value>>);

impl Snapshot {
    #[inline]
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)
    }

    /// Whether it is the same one in the same place.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn contains(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn name(&self) -> String {
        self.0.cache().to_string()
    }

    pub(crate) fn id(&self) -> kiwi_cache::Id {
        self.0.id()
    }

    pub(crate) fn seq(&self) -> u64 {
        self.0.seq()
    }

    pub(crate) fn loaded_at(&self) -> SystemTime {
        self.0.loaded_at()
    }

    /// All entries, in an order that is the same each time.
    pub(crate) fn entries(&self) -> Entries {
        Entries(Iterated::new(Arc::clone(&self.0), |snapshot| snapshot.iter()))
    }

    /// The keys of values that another snapshot does not have, or has with another text.
    pub(crate) fn changed_since(&self, other: &Self) -> Vec<String> {
        let is_same = |key: &str, json: &str| other.get(key) == Some(json);
        self.0.iter().filter(|(key, json)| !is_same(key, json)).map(|(key, _)| key.to_owned()).collect()
    }
}

/// All entries of a snapshot, which is kept until the end.
pub(crate) struct Entries(Iterated);

type Iter<'a> = kiwi_cache::Iter<'a, Value>;

self_cell!(
    struct Iterated {
        owner: Arc<kiwi_cache::Snapshot<Value>>,
        #[not_covariant]
        dependent: Iter,
    }
);

impl Entries {
    /// Calls a function with the next entry, if there is one.
    pub(crate) fn next<T>(&mut self, read: impl FnOnce(&str, &str) -> T) -> Option<T> {
        self.0.with_dependent_mut(|_, iter| iter.next().map(|(key, json)| read(key, json)))
    }
}
