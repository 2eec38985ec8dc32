//! Ends what a server does for a load that has ended: to drop a future cancels nothing there.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::NoTls;

use super::address::Socket;
use super::connect::{Canceller, rustls};

/// The longest that the server is given.
const TIMEOUT: Duration = Duration::from_secs(5);

impl Canceller {
    /// Asks the server to end what it does. If it cannot be reached, it notices later by itself that its client is gone.
    pub(super) async fn cancel(self) {
        let Self { token, address, tls } = self;
        let _ = tokio::time::timeout(TIMEOUT, async move {
            let socket = PatientSocket(address.again().await.ok()?);
            match tls {
                None => token.cancel_query_raw(socket, NoTls).await.ok(),
                Some((config, name)) => {
                    let tls = rustls::<PatientSocket>(&config, &name).ok()?;
                    token.cancel_query_raw(socket, tls).await.ok()
                }
            }
        })
        .await;
    }
}

/// Instead of hanging up it waits until the server does: PgBouncer drops a request whose sender hangs up at once.
struct PatientSocket(Socket);

impl AsyncRead for PatientSocket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for PatientSocket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut byte = [0];
            let mut buffer = ReadBuf::new(&mut byte);
            ready!(Pin::new(&mut self.0).poll_read(cx, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}
