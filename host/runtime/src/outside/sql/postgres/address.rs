//! Where a server listens, and the connection to it.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::time::{Instant, timeout};
use tokio_postgres::config::Host;

/// A connection of either kind.
pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

/// The part of the time until then that the next of so many attempts gets.
pub(super) fn share(until: Instant, attempts: usize) -> Duration {
    let left = until.saturating_duration_since(Instant::now());
    left / u32::try_from(attempts.max(1)).unwrap_or(u32::MAX)
}

/// Where a server was found.
#[derive(Clone, Debug)]
pub(super) enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl Address {
    /// Connects to a host, and says where it was found: a name may lead elsewhere the next time. Each address that the name
    /// has gets its part of the time.
    ///
    /// # Errors
    /// The last address did not answer.
    pub(super) async fn connect(host: &Host, port: u16, until: Instant) -> io::Result<(Self, Socket)> {
        match host {
            Host::Unix(directory) => {
                let address = Self::Unix(directory.join(format!(".s.PGSQL.{port}")));
                Ok((address.clone(), address.again().await?))
            }
            Host::Tcp(name) => {
                let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
                let addresses: Vec<_> = lookup_host((name.as_str(), port)).await?.map(Self::Tcp).collect();
                for (place, address) in addresses.iter().enumerate() {
                    match timeout(share(until, addresses.len() - place), address.again()).await {
                        Ok(Ok(socket)) => return Ok((address.clone(), socket)),
                        Ok(Err(error)) => last = error,
                        Err(_) => {
                            last = io::Error::new(io::ErrorKind::TimedOut, "no answer in time: is the address right?");
                        }
                    }
                }
                Err(last)
            }
        }
    }

    /// Connects to the same place again.
    pub(super) async fn again(&self) -> io::Result<Socket> {
        Ok(match self {
            Self::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Socket::Tcp(stream)
            }
            Self::Unix(path) => Socket::Unix(UnixStream::connect(path).await?),
        })
    }
}
