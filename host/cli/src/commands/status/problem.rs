//! What goes wrong with a cache on some host: a failed load that the store counts, or a trouble that a host reports.

use std::time::{Duration, SystemTime};

use kiwi_store::{Failing, HostState, Trouble};

/// What goes wrong with a cache on some host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Problem<'a> {
    pub(super) kind: &'a str,
    pub(super) message: &'a str,
    /// How often in a row.
    pub(super) times: u32,
    /// When that began.
    pub(super) since: SystemTime,
    /// When it happened last, where that is known.
    pub(super) at: Option<SystemTime>,
    pub(super) host: &'a str,
    /// Before this, the host does not try again. `None`: that is not in the store.
    pub(super) retry_at: Option<SystemTime>,
}

/// What kind of problem, as far as `status` treats them differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// A load failed.
    Load,
    /// A load succeeded, but a guard refused its map.
    Guard,
    /// The store is full, refuses or cannot be reached from the host.
    Store,
    /// The host could not start the cache.
    Plugin,
}

impl<'a> Problem<'a> {
    /// Loads that failed, as the store counts them.
    pub(super) fn counted(failing: &'a Failing) -> Self {
        Self {
            kind: &failing.last.kind,
            message: &failing.last.message,
            times: failing.times,
            since: failing.since,
            at: Some(failing.last.at),
            host: &failing.host,
            retry_at: Some(failing.retry_at),
        }
    }

    /// A trouble that a host reports.
    pub(super) fn reported(host: &'a HostState) -> Option<Self> {
        let Trouble { kind, message, times, lasted } = host.report.trouble.as_ref()?;
        let since = host.seen.checked_sub(*lasted).unwrap_or(SystemTime::UNIX_EPOCH);
        let (times, host) = (*times, &host.report.host);
        Some(Self { kind, message, times, since, at: None, host, retry_at: None })
    }

    pub(super) fn class(&self) -> Class {
        match self.kind {
            "guard" | "empty" => Class::Guard,
            "store" | "store-unavailable" => Class::Store,
            "plugin" => Class::Plugin,
            _ => Class::Load,
        }
    }

    /// The time until the host tries again, if it waits.
    pub(super) fn backoff(&self, now: SystemTime) -> Option<Duration> {
        self.retry_at?.duration_since(now).ok().filter(|left| !left.is_zero())
    }
}
