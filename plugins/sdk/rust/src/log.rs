//! The [`log`] crate's macros, whose lines go to the host's log under the cache's name.

pub use ::log::{Level, debug, error, info, log, trace, warn};

use ::log::{LevelFilter, Log, Metadata, Record};

use crate::bindings;

struct HostLog;

/// Sends the lines of the [`log`](::log) crate, the loader's and those of the crates it uses, to the host.
pub(crate) fn install() {
    // Fails only where the author has installed another logger: then that one is meant.
    if ::log::set_logger(&HostLog).is_ok() {
        ::log::set_max_level(LevelFilter::Trace);
    }
}

impl Log for HostLog {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let level = match record.level() {
            Level::Error => bindings::log::Level::Error,
            Level::Warn => bindings::log::Level::Warn,
            Level::Info => bindings::log::Level::Info,
            Level::Debug => bindings::log::Level::Debug,
            Level::Trace => bindings::log::Level::Trace,
        };
        bindings::log::write(level, &record.args().to_string());
    }

    fn flush(&self) {}
}
