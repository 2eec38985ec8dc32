//! Statsd metrics, with the name and the tags that kiwi-cache sends.
//!
//! Only this module names `cadence`. Sending is a datagram from a thread of its own: a statsd that
//! is away, or a queue that is full, costs the caches nothing.

use std::fmt;
use std::net::UdpSocket;
use std::time::Duration;

use cadence::prelude::*;
use cadence::{QueuingMetricSink, StatsdClient, UdpMetricSink};
use kiwi_store::{Error, Name, RecordKey, Result};

use crate::cache::Cache;
use crate::config::Refusal;
use crate::outcome::Outcome;

/// Datagrams waiting to be sent; more are dropped.
const MOST_WAITING: usize = 4096;

/// Where metrics go: nowhere by default.
#[derive(Default)]
pub struct Metrics(Option<StatsdClient>);

impl Metrics {
    /// Metrics to a statsd at `HOST:PORT`, with a prefix before each name (none when empty).
    ///
    /// # Errors
    /// The address cannot be resolved (`is_invalid`).
    pub fn statsd(address: &str, prefix: &str) -> Result<Self> {
        let failed = |error: &dyn fmt::Display| {
            Error::invalid(format!("metrics cannot be sent to `{address}`: {error}; expected HOST:PORT of a statsd"))
        };
        let socket =
            UdpSocket::bind(("::", 0)).or_else(|_| UdpSocket::bind(("0.0.0.0", 0))).map_err(|error| failed(&error))?;
        socket.set_nonblocking(true).map_err(|error| failed(&error))?;
        let socket = match address.parse::<std::net::SocketAddr>() {
            // An IPv6 socket does not send to an IPv4 address everywhere.
            Ok(std::net::SocketAddr::V4(_)) => {
                let socket = UdpSocket::bind(("0.0.0.0", 0)).map_err(|error| failed(&error))?;
                socket.set_nonblocking(true).map_err(|error| failed(&error))?;
                socket
            }
            _ => socket,
        };
        let sink = UdpMetricSink::from(address, socket).map_err(|error| failed(&error))?;
        let sink = QueuingMetricSink::with_capacity(sink, MOST_WAITING);
        Ok(Self(Some(StatsdClient::from_sink(prefix, sink))))
    }

    /// Counts a status of kiwi-cache, under the name that kiwi-cache has for it.
    pub(crate) fn count(&self, cache: &Cache, status: Status) {
        let Some(statsd) = &self.0 else { return };
        let name = cache.config.layout.record_key().map_or(cache.name.as_str(), RecordKey::class);
        let counted = statsd.count_with_tags("kiwicache", 1);
        counted.with_tag("name", name).with_tag("status", status.as_str()).send();
    }

    /// Passes on what a call of the store came to, and counts it if it failed.
    pub(crate) fn store_call<T>(&self, cache: &Cache, result: Result<T>) -> Result<T> {
        if result.is_err() {
            self.count(cache, Status::RedisError);
        }
        result
    }

    /// Counts what a refill came to, and measures what it published. Where the store is to blame, each
    /// of its failures was counted when it happened.
    pub(crate) fn refilled(&self, cache: &Cache, outcome: &Outcome) {
        match outcome {
            Outcome::Published { .. } | Outcome::Unchanged { .. } => self.count(cache, Status::Success),
            Outcome::Failed(failure) if failure.kind.is_of_the_store() => {}
            Outcome::Failed(_) => self.count(cache, Status::LoadError),
            Outcome::Fresh { .. } | Outcome::Busy { .. } | Outcome::Backoff { .. } | Outcome::Abandoned => {}
        }
        let Some(statsd) = &self.0 else { return };
        if let Outcome::Published { entries, bytes, .. } = outcome {
            let name = cache.name.as_str();
            statsd.gauge_with_tags("kiwicache.entries", *entries).with_tag("name", name).send();
            statsd.gauge_with_tags("kiwicache.bytes", *bytes).with_tag("name", name).send();
        }
    }

    /// Counts a map that was loaded and may not be published, by the guard that refused it.
    pub(crate) fn refused(&self, cache: &Name, refusal: &Refusal) {
        let Some(statsd) = &self.0 else { return };
        let counted = statsd.count_with_tags("kiwicache.refused", 1);
        counted.with_tag("name", cache.as_str()).with_tag("guard", refusal.guard()).send();
    }

    /// How long the loader took, and the commit after it.
    pub(crate) fn timed(&self, cache: &Name, step: Step, took: Duration) {
        let Some(statsd) = &self.0 else { return };
        let metric = match step {
            Step::Load => "kiwicache.load",
            Step::Publish => "kiwicache.publish",
        };
        statsd.time_with_tags(metric, took).with_tag("name", cache.as_str()).send();
    }

    /// How long ago a cache was last found to stand, in seconds.
    pub(crate) fn age(&self, cache: &Name, age: Duration) {
        let Some(statsd) = &self.0 else { return };
        statsd.gauge_with_tags("kiwicache.age", age.as_secs_f64()).with_tag("name", cache.as_str()).send();
    }
}

/// What kiwi-cache counts, in its words.
#[derive(Clone, Copy)]
pub(crate) enum Status {
    /// A refill was committed, be it with nothing changed.
    Success,
    /// A load failed, or gave a map that may not be published.
    LoadError,
    /// A call of the store failed, or the store did not do what it was asked.
    RedisError,
}

impl Status {
    fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::LoadError => "load_error",
            Self::RedisError => "redis_error",
        }
    }
}

/// A step of a refill that is timed.
#[derive(Clone, Copy)]
pub(crate) enum Step {
    Load,
    Publish,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Metrics(statsd)" } else { "Metrics(none)" })
    }
}
