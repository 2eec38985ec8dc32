//! Where metrics are sent: `statsd = "udp://HOST:PORT"`, or a table that also has a prefix.

use kiwi_store::{Error, Result};

use super::section::Section;

/// A statsd server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Statsd {
    /// Its host and port.
    pub(crate) address: String,
    /// The prefix of each metric's name; may be empty.
    pub(crate) prefix: String,
}

impl Statsd {
    /// Reads `statsd` of the top level, in either form.
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        if section.is_text("statsd") {
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
    let invalid = || {
        Error::invalid(format!(
            "`{}` is not a valid statsd address (expected `udp://HOST:PORT`, e.g. `udp://127.0.0.1:8125`)",
            text.escape_debug()
        ))
    };
    let address = text.strip_prefix("udp://").ok_or_else(invalid)?;
    let (host, port) = address.rsplit_once(':').ok_or_else(invalid)?;
    let is_valid = !host.is_empty() && !host.contains(['/', '@']) && port.parse::<u16>().is_ok_and(|port| port > 0);
    is_valid.then(|| address.to_owned()).ok_or_else(invalid)
}
