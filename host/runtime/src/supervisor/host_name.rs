//! The name of this host, for other machines.

use std::sync::atomic::{AtomicU32, Ordering};

use kiwi_store::Id;

use crate::printable;

/// How many hosts this process has made.
static HOSTS: AtomicU32 = AtomicU32::new(0);

/// This host, as it reports.
#[derive(Debug)]
pub(crate) struct HostName {
    pub(super) id: Id,
    /// For people: the machine, and the number of the process.
    pub(crate) name: String,
}

impl HostName {
    pub(crate) fn of_this_process() -> Self {
        let machine = hostname::get().unwrap_or_else(|_| "unknown machine".into());
        let machine = printable::line(&machine.to_string_lossy(), 100);
        let process = std::process::id();
        // What a host has run before ends with its success, so no two hosts may have one name.
        let name = match HOSTS.fetch_add(1, Ordering::Relaxed) {
            0 => format!("{machine} (process {process})"),
            others => format!("{machine} (process {process}, host {})", others + 1),
        };
        Self { id: Id::random(), name }
    }
}
