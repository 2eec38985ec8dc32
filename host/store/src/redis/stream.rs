//! The byte stream to a server, which everything else here talks through.

use std::io;
use std::path::PathBuf;
#[cfg(feature = "tls")]
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::select_ok;
#[cfg(feature = "tls")]
use kiwi_tls::TlsOptions;
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

/// Tries all addresses of a host at the same time, so that one that does not answer delays nothing.
async fn tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let addresses = lookup_host((host, port)).await?;
    let attempts: Vec<_> = addresses.map(|address| Box::pin(TcpStream::connect(address))).collect();
    if attempts.is_empty() {
        return Err(io::Error::other(format!("`{host}` has no address")));
    }
    select_ok(attempts).await.map(|(stream, _)| stream)
}
