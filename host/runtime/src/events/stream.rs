//! The stream of events, and who listens to it.

use std::fmt;
use std::sync::Arc;

use kiwi_store::{Error, Result};

use super::event::{CacheEvent, Event, Label};
use super::listener::Listener;
use super::log::Log;
use super::metrics::Metrics;

/// Where events go. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Events(Arc<[Box<dyn Listener>]>);

impl Events {
    /// Events that are logged, and sent to statsd where `metrics` says so.
    pub(crate) fn new(metrics: Metrics) -> Self {
        let mut listeners: Vec<Box<dyn Listener>> = vec![Box::new(Log::default())];
        listeners.extend(metrics.into_statsd().map(|statsd| Box::new(statsd) as Box<dyn Listener>));
        Self(listeners.into())
    }

    pub(crate) fn emit(&self, event: &Event<'_>) {
        for listener in &*self.0 {
            listener.heard(event);
        }
    }

    /// The events of one cache.
    pub(crate) fn of<'a>(&'a self, label: &'a Label) -> CacheEvents<'a> {
        CacheEvents { events: self, label }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("listeners", &self.0.len()).finish()
    }
}

/// Where the events of one cache go.
#[derive(Clone, Copy)]
pub(crate) struct CacheEvents<'a> {
    events: &'a Events,
    label: &'a Label,
}

impl CacheEvents<'_> {
    pub(crate) fn emit(self, event: CacheEvent<'_>) {
        self.events.emit(&Event::Cache(self.label, event));
    }

    /// Passes on the result of a call of the store, and reports it if it failed.
    pub(crate) fn store_call<T>(self, result: Result<T>) -> Result<T> {
        result.inspect_err(|error| self.store_failed(error))
    }

    /// Reports that a call of the store failed.
    pub(crate) fn store_failed(self, error: &Error) {
        self.emit(CacheEvent::StoreCallFailed { error });
    }
}
