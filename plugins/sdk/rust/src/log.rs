//! The macros of the crate [`log`](mod@::log), whose lines go to the host's log under the cache's name.
//!
//! ```
//! use kiwi_loader::{log, testing};
//!
//! let host = testing::Host::new();
//! host.run(|| log::warn!("row {} has no rate", 17));
//! assert_eq!(host.log()[0].message, "row 17 has no rate");
//! ```

pub use ::log::{Level, debug, error, info, log, trace, warn};

use ::log::{LevelFilter, Log, Metadata, Record};

use crate::host;

struct HostLog;

/// Sends the lines of the [`log`](::log) crate, the loader's and those of the crates it uses, to the host.
pub(crate) fn install() {
    // This fails only if the author has installed another logger, which is then the one to use.
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
            Level::Error => host::log::Level::Error,
            Level::Warn => host::log::Level::Warn,
            Level::Info => host::log::Level::Info,
            Level::Debug => host::log::Level::Debug,
            Level::Trace => host::log::Level::Trace,
        };
        host::log::write(level, &record.args().to_string());
    }

    fn flush(&self) {}
}
