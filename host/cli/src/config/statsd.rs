//! Where metrics go: `statsd = "udp://HOST:PORT"`, or a table that also has a prefix.

use kiwi_store::{Error, Result};

use super::document::Section;

/// A statsd server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Statsd {
    /// Its host and port.
    pub(crate) address: String,
    /// What stands before each metric's name; empty for nothing.
    pub(crate) prefix: String,
}

impl Statsd {
    /// Reads `statsd` of the top level, in either form.
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        if section.holds_text("statsd") {
            return section.text("statsd", parse_address).map(|address| Self { address, prefix: String::new() });
        }
        let mut table = section.section("statsd")?;
        let address = table.text("address", parse_address);
        let prefix = table.text("prefix", |prefix| Ok(prefix.to_owned())).unwrap_or_default();
        let address = table.required("address", address, "`udp://HOST:PORT`");
        table.finish();
        address.map(|address| Self { address, prefix })
    }
}

fn parse_address(text: &str) -> Result<String> {
    let wrong = || {
        Error::invalid(format!(
            "`{}` is no statsd server: expected `udp://HOST:PORT`, for example `udp://127.0.0.1:8125`",
            text.escape_debug()
        ))
    };
    let address = text.strip_prefix("udp://").ok_or_else(wrong)?;
    let (host, port) = address.rsplit_once(':').ok_or_else(wrong)?;
    let fits = !host.is_empty() && !host.contains(['/', '@']) && port.parse::<u16>().is_ok_and(|port| port > 0);
    fits.then(|| address.to_owned()).ok_or_else(wrong)
}
