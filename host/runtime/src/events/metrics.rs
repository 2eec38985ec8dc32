//! Where metrics go.

use std::fmt;
use std::net::{SocketAddr, UdpSocket};

use cadence::{QueuingMetricSink, StatsdClient, UdpMetricSink};
use kiwi_store::{Error, Result};

use super::statsd::Statsd;

/// Datagrams waiting to be sent; more are dropped.
const MAX_WAITING: usize = 4096;

/// Where metrics go: nowhere by default.
///
/// ```
/// use kiwi_host::Metrics;
///
/// let metrics = Metrics::statsd("127.0.0.1:8125", "")?;
/// # drop(metrics);
/// # Ok::<(), kiwi_cache::Error>(())
/// ```
#[derive(Default)]
pub struct Metrics(Option<StatsdClient>);

impl Metrics {
    /// Metrics to a statsd at `HOST:PORT`, with a prefix before each name (none when empty).
    ///
    /// # Errors
    /// The address cannot be resolved (`is_invalid`).
    pub fn statsd(address: &str, prefix: &str) -> Result<Self> {
        let failed = |error: &dyn fmt::Display| {
            Error::invalid(format!(
                "cannot send metrics to `{address}`: {error}; expected HOST:PORT of a statsd server"
            ))
        };
        // An IPv6 socket does not send to an IPv4 address everywhere.
        let socket = match address.parse::<SocketAddr>() {
            Ok(SocketAddr::V4(_)) => UdpSocket::bind(("0.0.0.0", 0)),
            _ => UdpSocket::bind(("::", 0)).or_else(|_| UdpSocket::bind(("0.0.0.0", 0))),
        };
        let socket = socket.map_err(|error| failed(&error))?;
        socket.set_nonblocking(true).map_err(|error| failed(&error))?;
        let sink = UdpMetricSink::from(address, socket).map_err(|error| failed(&error))?;
        let sink = QueuingMetricSink::with_capacity(sink, MAX_WAITING);
        Ok(Self(Some(StatsdClient::from_sink(prefix, sink))))
    }

    pub(super) fn into_statsd(self) -> Option<Statsd> {
        self.0.map(Statsd::new)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Metrics(statsd)" } else { "Metrics(none)" })
    }
}
