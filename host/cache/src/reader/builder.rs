//! How a reader is set up.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use super::Address;
use crate::store::{Layout, Store};
use crate::{Error, Name, Result};

/// How old a copy may get where nothing else is said.
const DEFAULT_RELOAD_TTL: Duration = Duration::from_secs(60);

/// Sets up a reader: made by `builder` of either `Cache`, ended by `connect`.
#[derive(Debug)]
#[must_use = "nothing happens until `connect`"]
pub struct Builder<C> {
    name: Result<Name>,
    address: Option<Address>,
    key_prefix: Option<String>,
    layout: Option<Layout>,
    settings: Settings,
    reader: PhantomData<fn() -> C>,
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

impl<C> Builder<C> {
    pub(super) fn new(name: Result<Name>) -> Self {
        let settings = Settings { reload_ttl: DEFAULT_RELOAD_TTL, wait: Duration::ZERO, without: Without::Fail };
        Self { name, address: None, key_prefix: None, layout: None, settings, reader: PhantomData }
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

    /// Checks what was set, and opens the store.
    pub(super) fn open(self) -> Result<(Arc<dyn Store>, Name, Settings)> {
        let name = self.name?;
        if self.settings.reload_ttl.is_zero() {
            return Err(Error::invalid("reload_ttl is 0: expected how old a copy may get, such as 60 s").of(&name));
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
        Ok((store, name, self.settings))
    }
}
