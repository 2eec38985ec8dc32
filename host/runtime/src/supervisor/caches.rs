//! The caches that a host runs at the moment.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use kiwi_store::{Error, Layout, Name, Store};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::definition::cache::{Cache, Definition};
use crate::definition::config::CacheConfig;
use crate::definition::plugin_error::PluginError;
use crate::definition::prepare::Skipped;

/// One cache of a host.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) cache: Cache,
    /// Notified when its data is found to be missing or lost.
    pub(crate) gone: Notify,
    /// Notified when the store says that it is overdue.
    pub(crate) overdue: Notify,
    /// Notified when its hash has been behind what is published for a while.
    pub(crate) behind: Notify,
    /// How many looks in a row have found it behind.
    pub(crate) looks_behind: AtomicU32,
    /// It replaces a definition that loaded something else: its first load must not wait until it is due.
    pub(crate) is_changed: bool,
    /// Cancelled when the cache is removed or gets another definition.
    pub(crate) replaced: CancellationToken,
}

/// Why a cache does not run here.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(crate) message: String,
    pub(crate) since: Instant,
}

/// All caches of a host, and the store as it must be opened for them.
#[derive(Clone, Debug)]
pub(crate) struct Caches {
    /// Knows in what layout each cache stands.
    pub(crate) store: Arc<dyn Store>,
    pub(crate) entries: Vec<Arc<Entry>>,
}

impl Caches {
    pub(crate) fn none(store: Arc<dyn Store>) -> Self {
        Self { store, entries: Vec::new() }
    }

    pub(crate) fn find(&self, name: &Name) -> Option<&Arc<Entry>> {
        self.entries.iter().find(|entry| entry.cache.name() == name)
    }

    pub(crate) fn names(&self) -> Vec<Name> {
        self.entries.iter().map(|entry| entry.cache.name().clone()).collect()
    }

    /// With more caches, and with other definitions of those that are there. Those whose layout the store
    /// does not have are left out, and returned.
    pub(crate) fn with(&self, definitions: Vec<Definition>) -> (Self, Vec<Skipped>) {
        let (mut fit, mut skipped) = (Vec::new(), Vec::new());
        for definition in definitions {
            // Every store has hashes.
            let is_hash = definition.config.layout == Layout::Hash;
            match if is_hash { Ok(()) } else { self.store.with_layouts(&[layout(&definition)]).map(drop) } {
                Ok(()) => fit.push(definition),
                Err(error) => skipped.push(skipped_by_store(definition, &error)),
            }
        }
        let layouts: Vec<_> = fit.iter().map(layout).collect();
        let store = match self.store.with_layouts(&layouts) {
            Ok(store) => store,
            Err(error) => {
                skipped.extend(fit.drain(..).map(|definition| skipped_by_store(definition, &error)));
                Arc::clone(&self.store)
            }
        };
        let mut entries = self.entries.clone();
        let mut places: HashMap<Name, usize> = self.names().into_iter().zip(0..).collect();
        for definition in fit {
            match places.get(&definition.config.name) {
                Some(&place) => {
                    let before = &entries[place].cache;
                    let is_changed = !definition.loads_the_same(&before.definition);
                    entries[place] = new_entry(before.redefined(definition), is_changed);
                }
                None => {
                    places.insert(definition.config.name.clone(), entries.len());
                    entries.push(new_entry(Cache::new(definition), false));
                }
            }
        }
        (Self { store, entries }, skipped)
    }

    /// Without one cache. `None`: there is no such cache.
    pub(crate) fn without(&self, name: &Name) -> Option<Self> {
        self.find(name)?;
        let entries = self.entries.iter().filter(|entry| entry.cache.name() != name).cloned().collect();
        Some(Self { store: Arc::clone(&self.store), entries })
    }
}

fn layout(definition: &Definition) -> (Name, Layout) {
    (definition.config.name.clone(), definition.config.layout.clone())
}

fn skipped_by_store(definition: Definition, error: &Error) -> Skipped {
    let CacheConfig { name, loader, .. } = &definition.config;
    Skipped { cache: name.clone(), error: PluginError::of(loader, error.to_string()) }
}

fn new_entry(cache: Cache, is_changed: bool) -> Arc<Entry> {
    Arc::new(Entry {
        cache,
        gone: Notify::new(),
        overdue: Notify::new(),
        behind: Notify::new(),
        looks_behind: AtomicU32::new(0),
        is_changed,
        replaced: CancellationToken::new(),
    })
}
