//! What every step of a refill needs.

use kiwi_store::{Holder, Result, Store};

use crate::definition::cache::{Cache, Definition};
use crate::definition::standing::Standing;
use crate::events::event::CacheEvent;
use crate::events::stream::{CacheEvents, Events};
use crate::failure::{Failure, FailureKind};

/// What every step of a refill needs: a cache, the store it is published in, and where its events go.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) store: &'a dyn Store,
    pub(crate) cache: &'a Cache,
    pub(crate) events: CacheEvents<'a>,
    /// The name of this host, for people.
    pub(crate) host: &'a str,
}

impl<'a> Context<'a> {
    pub(crate) fn new(store: &'a dyn Store, cache: &'a Cache, events: &'a Events, host: &'a str) -> Self {
        Self { store, cache, events: events.of(&cache.definition.label), host }
    }

    /// Who asks for the lease of a new refill.
    pub(crate) fn holder(self) -> Holder {
        Holder::new(self.definition().id, self.host)
    }

    pub(crate) fn definition(self) -> &'a Definition {
        &self.cache.definition
    }

    pub(crate) fn standing(self) -> &'a Standing {
        &self.cache.standing
    }

    /// The result of a call of the store, a failure of it being reported and the refill's own.
    pub(crate) fn store_call<T>(self, result: Result<T>) -> Result<T, Failure> {
        self.events.store_call(result).map_err(|error| Failure::store(&error))
    }

    /// The store answered, but did not do what it was asked.
    pub(crate) fn store_refused(self, message: impl Into<String>) -> Failure {
        self.events.emit(CacheEvent::StoreRefused);
        Failure::new(FailureKind::Store, message)
    }

    pub(crate) fn lease_lost(self, why: &str) -> Failure {
        self.store_refused(format!("the lease was lost while loading: {why}; nothing was published"))
    }
}
