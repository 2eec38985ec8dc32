//! What a server sends, bounded: tokio-postgres takes messages of a gigabyte into memory.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

/// Each message begins with its type, and its length without the type.
const HEAD: usize = 5;

/// The error of a message that is too long.
#[derive(Debug)]
pub(super) struct TooLong {
    pub(super) bytes: usize,
}

impl std::fmt::Display for TooLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the server has sent a row of {} bytes", self.bytes)
    }
}

impl std::error::Error for TooLong {}

/// A stream of a server's messages, which fails before one that is too long is taken in.
pub(super) struct Bounded<S> {
    stream: S,
    max: usize,
    head: [u8; HEAD],
    /// How many bytes of the next message's head were read.
    of_head: usize,
    /// How many bytes of the message under way follow.
    rest: usize,
}

impl<S> Bounded<S> {
    pub(super) fn new(stream: S, max: usize) -> Self {
        Self { stream, max, head: [0; HEAD], of_head: 0, rest: 0 }
    }

    fn check(&mut self, mut bytes: &[u8]) -> Result<(), TooLong> {
        while !bytes.is_empty() {
            if self.rest > 0 {
                let skipped = self.rest.min(bytes.len());
                self.rest -= skipped;
                bytes = &bytes[skipped..];
                continue;
            }
            let taken = (HEAD - self.of_head).min(bytes.len());
            self.head[self.of_head..self.of_head + taken].copy_from_slice(&bytes[..taken]);
            self.of_head += taken;
            bytes = &bytes[taken..];
            if self.of_head == HEAD {
                let [_, length @ ..] = self.head;
                let length = u32::from_be_bytes(length) as usize;
                if length > self.max {
                    return Err(TooLong { bytes: length });
                }
                self.rest = length.saturating_sub(HEAD - 1);
                self.of_head = 0;
            }
        }
        Ok(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let checked = self.check(&buffer.filled()[before..]);
        Poll::Ready(checked.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error)))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S: TlsStream + Unpin> TlsStream for Bounded<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.stream.channel_binding()
    }
}

/// TLS, with what comes out of it bounded.
pub(super) struct BoundedTls<T> {
    pub(super) tls: T,
    pub(super) max: usize,
}

impl<S, T> TlsConnect<S> for BoundedTls<T>
where
    S: Send + 'static,
    T: TlsConnect<S> + Send + 'static,
    T::Future: Send,
{
    type Stream = Bounded<T::Stream>;
    type Error = T::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Stream, Self::Error>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        let (connecting, max) = (self.tls.connect(stream), self.max);
        Box::pin(async move { Ok(Bounded::new(connecting.await?, max)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_measured_by_its_head_in_whatever_pieces_it_comes() {
        let message = |length: u32, body: usize| [&b"D"[..], &length.to_be_bytes(), &vec![7; body]].concat();
        let stream = [message(4, 0), message(104, 100), message(14, 10)].concat();
        for size in 1..stream.len() {
            let mut bounded = Bounded::new((), 104);
            stream.chunks(size).for_each(|piece| bounded.check(piece).unwrap());
            assert_eq!((bounded.of_head, bounded.rest), (0, 0));
            let error = message(105, 0).chunks(size).find_map(|piece| bounded.check(piece).err());
            assert_eq!(error.unwrap().bytes, 105);
        }
    }
}
