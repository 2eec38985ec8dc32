//! The name of this host, for other machines.

use kiwi_store::Id;

use crate::printable;

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
        Self { id: Id::random(), name: format!("{machine} (process {})", std::process::id()) }
    }
}
