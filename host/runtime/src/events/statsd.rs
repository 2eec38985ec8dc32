//! Listens for statsd, with the name and the tags that kiwi-cache sends.
//!
//! Sending is a datagram from a thread of its own: a statsd server that is away, or a queue that is full,
//! costs the caches nothing.

use cadence::StatsdClient;
use cadence::prelude::*;

use super::event::{CacheEvent, Event, Label};
use super::listener::Listener;
use super::outcome::Outcome;

/// Sends events to statsd.
pub(super) struct Statsd(StatsdClient);

/// What kiwi-cache counts, in its words.
#[derive(Clone, Copy)]
enum Status {
    /// A refill was committed, with or without changes.
    Success,
    /// A load failed, or returned a map that may not be published.
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

impl Statsd {
    pub(super) fn new(client: StatsdClient) -> Self {
        Self(client)
    }

    fn count(&self, label: &Label, status: Status) {
        let counted = self.0.count_with_tags("kiwicache", 1);
        counted.with_tag("name", &label.metric).with_tag("status", status.as_str()).send();
    }

    /// Counts how an attempt ended, and measures what it published. Where the store is to blame, each of
    /// its failures was counted when it happened.
    fn ended(&self, label: &Label, outcome: &Outcome) {
        match outcome {
            Outcome::Published { .. } | Outcome::Unchanged { .. } => self.count(label, Status::Success),
            Outcome::Failed(failure) if !failure.kind.is_of_the_store() => self.count(label, Status::LoadError),
            _ => {}
        }
        if let Outcome::Published { entries, bytes, .. } = outcome {
            let name = label.cache.as_str();
            self.0.gauge_with_tags("kiwicache.entries", *entries).with_tag("name", name).send();
            self.0.gauge_with_tags("kiwicache.bytes", *bytes).with_tag("name", name).send();
        }
    }
}

impl Listener for Statsd {
    fn heard(&self, event: &Event<'_>) {
        if let Event::TaskDied { task, .. } = event {
            self.0.count_with_tags("kiwicache.restarts", 1).with_tag("task", task).send();
        }
        let Event::Cache(label, event) = event else { return };
        let name = label.cache.as_str();
        match event {
            CacheEvent::StoreCallFailed { .. } | CacheEvent::StoreRefused => self.count(label, Status::RedisError),
            CacheEvent::Restored { .. } => self.count(label, Status::Success),
            CacheEvent::Ended { outcome, .. } => self.ended(label, outcome),
            CacheEvent::Refused { refusal } => {
                let counted = self.0.count_with_tags("kiwicache.refused", 1);
                counted.with_tag("name", name).with_tag("guard", refusal.guard()).send();
            }
            CacheEvent::Loaded { took } => {
                self.0.time_with_tags("kiwicache.load", *took).with_tag("name", name).send();
            }
            CacheEvent::Committed { took } => {
                self.0.time_with_tags("kiwicache.publish", *took).with_tag("name", name).send();
            }
            CacheEvent::Aged { age } => {
                self.0.gauge_with_tags("kiwicache.age", age.as_secs_f64()).with_tag("name", name).send();
            }
            _ => {}
        }
    }
}
