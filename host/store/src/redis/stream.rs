//! The byte stream to a server, which everything else here talks through.

use std::io;
use std::path::PathBuf;
#[cfg(feature = "tls")]
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::select_ok;
#[cfg(feature = "tls")]
use kiwi_tls::TlsOptions;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream, lookup_host};
#[cfg(feature = "tls")]
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

use super::options::Address;
#[cfg(feature = "tls")]
use crate::Error;
use crate::Result;

/// Bytes in both directions.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Opens streams to one server. The one seam to the network: a test gives a peer that follows a script.
#[async_trait]
pub(super) trait Connect: Send + Sync {
    /// Opens one more stream.
    async fn connect(&self) -> io::Result<Box<dyn Stream>>;
}

/// A socket of the operating system.
pub(super) enum Socket {
    Tcp {
        host: String,
        port: u16,
        #[cfg(feature = "tls")]
        tls: Option<TlsOptions>,
    },
    Unix(PathBuf),
}

impl Socket {
    /// Checks the files that TLS needs, and does not connect.
    pub(super) fn new(address: &Address) -> Result<Self> {
        Ok(match address {
            #[cfg(feature = "tls")]
            Address::Tcp { host, port, tls } => {
                if let Some(Err(error)) = tls.as_ref().map(TlsOptions::client_config) {
                    return Err(unusable(&error));
                }
                Self::Tcp { host: host.clone(), port: *port, tls: tls.clone() }
            }
            #[cfg(not(feature = "tls"))]
            Address::Tcp { host, port, .. } => Self::Tcp { host: host.clone(), port: *port },
            Address::Unix(path) => Self::Unix(path.clone()),
        })
    }
}

#[cfg(feature = "tls")]
fn unusable(error: &kiwi_tls::Error) -> Error {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    Error::invalid(format!("{error}{cause}; check `ca`, `cert` and `key` in the store's URL (`rediss://HOST?ca=FILE`)"))
}

#[async_trait]
impl Connect for Socket {
    async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        Ok(match self {
            #[cfg(feature = "tls")]
            Self::Tcp { host, port, tls: Some(options) } => {
                // Read again for each connection: certificates are renewed while this runs.
                let config = options.client_config().map_err(io::Error::other)?;
                let connector = TlsConnector::from(Arc::new(config));
                let name = ServerName::try_from(host.clone())
                    .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
                Box::new(connector.connect(name, tcp(host, *port).await?).await?)
            }
            Self::Tcp { host, port, .. } => Box::new(tcp(host, *port).await?),
            Self::Unix(path) => Box::new(UnixStream::connect(path).await?),
        })
    }
}

/// When a peer that sends nothing is asked for a sign of life, and how often before the connection counts as lost.
/// A router or firewall between us may forget a connection that is idle, and a machine that is gone closes nothing.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(15);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_PROBES: u32 = 3;

/// Tries all addresses of a host at the same time, so that one that does not answer delays nothing.
async fn tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let addresses = lookup_host((host, port)).await?;
    let attempts: Vec<_> = addresses.map(|address| Box::pin(TcpStream::connect(address))).collect();
    if attempts.is_empty() {
        return Err(io::Error::other(format!("`{host}` has no address")));
    }
    let (stream, _) = select_ok(attempts).await?;
    set_options(&stream)?;
    Ok(stream)
}

fn set_options(stream: &TcpStream) -> io::Result<()> {
    // A small command must not wait until the one before is acknowledged.
    stream.set_nodelay(true)?;
    let keepalive =
        TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_INTERVAL).with_retries(KEEPALIVE_PROBES);
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(&keepalive)?;
    // What was sent is to be acknowledged within the same time.
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(KEEPALIVE_IDLE + KEEPALIVE_INTERVAL * KEEPALIVE_PROBES))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_tcp_stream_delays_nothing_and_notices_that_its_peer_is_gone() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = tcp("127.0.0.1", listener.local_addr().unwrap().port()).await.unwrap();
        let socket = SockRef::from(&stream);
        assert!(socket.tcp_nodelay().unwrap() && socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), KEEPALIVE_IDLE);
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), KEEPALIVE_INTERVAL);
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), KEEPALIVE_PROBES);
    }
}
