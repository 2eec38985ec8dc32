//! What a reader reports to the metrics of its service.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kiwi_store::{Error, ErrorKind, Id, Name};

/// Counts what readers report: see [`Builder::metrics`](crate::Builder::metrics).
///
/// Any function of these two arguments is one. It is called by the task that polls the store, so it must be quick and
/// must not panic. Reads from memory are not reported: nothing may slow them down.
///
/// ```
/// use kiwi_cache::{Name, ReaderEvent, ReaderMetrics};
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// #[derive(Default)]
/// struct StoreErrors(AtomicU64);
///
/// impl ReaderMetrics for StoreErrors {
///     fn report(&self, _cache: &Name, event: &ReaderEvent) {
///         if event.kiwi_cache_status() == Some("redis_error") {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
/// ```
pub trait ReaderMetrics: Send + Sync {
    /// Something has happened to the reader of this cache.
    fn report(&self, cache: &Name, event: &ReaderEvent);
}

impl<F: Fn(&Name, &ReaderEvent) + Send + Sync> ReaderMetrics for F {
    fn report(&self, cache: &Name, event: &ReaderEvent) {
        self(cache, event);
    }
}

/// What a reader reports.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ReaderEvent {
    /// A poll found another snapshot, which was loaded and is held now.
    #[non_exhaustive]
    Reloaded {
        /// Which snapshot.
        id: Id,
        /// Its number, for people.
        seq: u64,
        /// How many entries it has.
        entries: usize,
        /// What was loaded.
        loaded: Loaded,
        /// How long the poll and the load took.
        took: Duration,
    },
    /// A poll found the snapshot that is held.
    #[non_exhaustive]
    Unchanged {
        /// How long the poll took.
        took: Duration,
    },
    /// A hint told of another snapshot that must be loaded whole. The load was put off, because all readers of a large map
    /// have heard it at the same moment; until then the last snapshot is served.
    #[non_exhaustive]
    PutOff {
        /// Which snapshot.
        id: Id,
        /// For how long, unless [`reload`](crate::Cache::reload) is called or the next poll is due before.
        by: Duration,
        /// How long the poll took.
        took: Duration,
    },
    /// A poll, a load, the request to a host or, without a copy, a read of the store failed.
    #[non_exhaustive]
    Failed {
        /// Why. `is_missing` means that the store works, and has no snapshot.
        error: Error,
    },
    /// `get_or_refill` had the source loaded, through [`Builder::refill_by`](crate::Builder::refill_by).
    #[non_exhaustive]
    Refilled {
        /// How long that took.
        took: Duration,
    },
    /// `get_or_refill` had the source loaded, through [`Builder::refill_by`](crate::Builder::refill_by), and that
    /// failed.
    #[non_exhaustive]
    RefillFailed {
        /// Why.
        error: Error,
        /// How long it took to fail.
        took: Duration,
    },
}

/// What was loaded of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Loaded {
    /// The whole map.
    Whole,
    /// The deltas that led to it from the snapshot that was held.
    Deltas,
}

impl ReaderEvent {
    /// What Python's `KiwiCache` (0.4.5) counts for this event, as the `status` of its counter `kiwicache`.
    ///
    /// | status | event |
    /// | --- | --- |
    /// | `redis_error` | [`Failed`](Self::Failed) or [`RefillFailed`](Self::RefillFailed) because of the store: it is unavailable, refuses access, is full, or has other data than expected |
    /// | `load_error` | [`RefillFailed`](Self::RefillFailed) because of the source |
    /// | `success` | [`Refilled`](Self::Refilled): kiwi-cache counts what is saved |
    /// | none | all others: it counts neither reloads nor a cache that is missing |
    ///
    /// A host counts its own refills. If the service embeds one with metrics, count only `redis_error` here.
    #[must_use]
    pub fn kiwi_cache_status(&self) -> Option<&'static str> {
        match self {
            Self::Refilled { .. } => Some("success"),
            Self::Failed { error } | Self::RefillFailed { error, .. } => match error.kind() {
                ErrorKind::LoadFailed => Some("load_error"),
                ErrorKind::Unavailable
                | ErrorKind::Denied
                | ErrorKind::WrongType
                | ErrorKind::Full
                | ErrorKind::NewerFormat => Some("redis_error"),
                _ => None,
            },
            Self::Reloaded { .. } | Self::Unchanged { .. } | Self::PutOff { .. } => None,
        }
    }
}

/// The metrics of one reader: none by default.
#[derive(Clone, Default)]
pub(crate) struct Metrics(Option<Arc<dyn ReaderMetrics>>);

impl Metrics {
    pub(crate) fn new(metrics: impl ReaderMetrics + 'static) -> Self {
        Self(Some(Arc::new(metrics)))
    }

    pub(crate) fn report(&self, cache: &Name, event: &ReaderEvent) {
        if let Some(metrics) = &self.0 {
            metrics.report(cache, event);
        }
    }

    /// Reports a failure, if it is one.
    pub(crate) fn report_failure<T>(&self, cache: &Name, outcome: &Result<T, Error>) {
        if let (Some(metrics), Err(error)) = (&self.0, outcome) {
            metrics.report(cache, &ReaderEvent::Failed { error: error.clone() });
        }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Metrics(set)" } else { "Metrics(none)" })
    }
}
