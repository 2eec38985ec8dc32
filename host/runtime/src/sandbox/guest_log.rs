//! What a guest says: its log lines, standard output and standard error, bounded.

use std::borrow::Cow;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use kiwi_store::Name;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use crate::outside::load_secrets::LoadSecrets;
use crate::printable;

/// As much of standard error as goes with an error.
const TAIL_BYTES: usize = 8 << 10;
/// A line longer than this is cut.
const LINE_BYTES: usize = 8 << 10;
/// What a line costs besides its text: a guest must not fill a disk with empty lines.
const LINE_COST: u64 = 64;

/// How important a line is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

impl Level {
    /// Whether anybody reads lines of this level.
    fn is_enabled(self) -> bool {
        match self {
            Self::Trace => tracing::enabled!(tracing::Level::TRACE),
            Self::Debug => tracing::enabled!(tracing::Level::DEBUG),
            Self::Info => tracing::enabled!(tracing::Level::INFO),
            Self::Warn => tracing::enabled!(tracing::Level::WARN),
            Self::Error => tracing::enabled!(tracing::Level::ERROR),
        }
    }
}

/// The log of one load. Cheap to clone; all clones are one log.
#[derive(Clone, Debug)]
pub(super) struct GuestLog(Arc<Mutex<Log>>);

#[derive(Debug)]
struct Log {
    cache: Name,
    /// Bytes that may still be logged. Beyond them lines are dropped.
    left: u64,
    tail: Vec<u8>,
    secrets: LoadSecrets,
}

impl GuestLog {
    /// A log that shows none of these secrets.
    pub(super) fn new(cache: Name, max_bytes: u64, secrets: LoadSecrets) -> Self {
        Self(Arc::new(Mutex::new(Log { cache, left: max_bytes, tail: Vec::new(), secrets })))
    }

    /// Writes one line to the host's log, under the cache's name, cut where it is too long.
    pub(super) fn line(&self, level: Level, line: &str) {
        self.write(level, |secrets| secrets.scrub(line));
    }

    /// Writes a part of a line as a line.
    fn part_of_a_line(&self, level: Level, part: &str) {
        self.write(level, |secrets| secrets.scrub_part(part));
    }

    fn write<'l>(&self, level: Level, scrubbed: impl FnOnce(&LoadSecrets) -> Cow<'l, str>) {
        // What nobody reads costs nothing: a flood at debug level must not use up what warnings need.
        if !level.is_enabled() {
            return;
        }
        let mut log = self.lock();
        if log.left == 0 {
            return;
        }
        // Before it is cut: nobody would find half of a secret.
        let line =
            printable::line(&scrubbed(&log.secrets), LINE_BYTES.min(usize::try_from(log.left).unwrap_or(usize::MAX)));
        log.left = log.left.saturating_sub(line.len() as u64 + LINE_COST);
        let cache = &log.cache;
        match level {
            Level::Trace => tracing::trace!(%cache, "{line}"),
            Level::Debug => tracing::debug!(%cache, "{line}"),
            Level::Info => tracing::info!(%cache, "{line}"),
            Level::Warn => tracing::warn!(%cache, "{line}"),
            Level::Error => tracing::error!(%cache, "{line}"),
        }
        if log.left == 0 {
            tracing::warn!(%cache, "the plugin has logged more than `limits.log_bytes` allows: dropping further lines of this load");
        }
    }

    /// The last of what the guest wrote to standard error.
    pub(super) fn stderr_tail(&self) -> String {
        let log = self.lock();
        let tail = String::from_utf8_lossy(&log.tail);
        printable::text(&log.secrets.scrub_part(tail.trim()), 2 * TAIL_BYTES)
    }

    /// A standard stream whose lines become log lines.
    pub(super) fn stdout(&self) -> StandardStream {
        StandardStream::new(self.clone(), Level::Info)
    }

    /// As `stdout`; its tail is kept for errors.
    pub(super) fn stderr(&self) -> StandardStream {
        StandardStream::new(self.clone(), Level::Warn)
    }

    fn keep_tail(&self, bytes: &[u8]) {
        let mut log = self.lock();
        log.tail.extend_from_slice(&bytes[bytes.len().saturating_sub(TAIL_BYTES)..]);
        let surplus = log.tail.len().saturating_sub(TAIL_BYTES);
        log.tail.drain(..surplus);
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A guest's standard output or standard error.
#[derive(Debug)]
pub(super) struct StandardStream {
    log: GuestLog,
    level: Level,
    line: Vec<u8>,
    /// Whether the line began before what is kept of it.
    goes_on: bool,
}

impl StandardStream {
    fn new(log: GuestLog, level: Level) -> Self {
        Self { log, level, line: Vec::new(), goes_on: false }
    }

    fn accept(&mut self, bytes: &[u8]) {
        if matches!(self.level, Level::Warn) {
            self.log.keep_tail(bytes);
        }
        for part in bytes.split_inclusive(|&byte| byte == b'\n') {
            for piece in part.chunks(LINE_BYTES) {
                self.line.extend_from_slice(piece);
                let has_ended = self.line.ends_with(b"\n");
                if has_ended || self.line.len() >= LINE_BYTES {
                    self.end_line(!has_ended);
                }
            }
        }
    }

    fn end_line(&mut self, goes_on: bool) {
        if !self.line.is_empty() {
            let line = String::from_utf8_lossy(&self.line);
            match self.goes_on || goes_on {
                true => self.log.part_of_a_line(self.level, &line),
                false => self.log.line(self.level, &line),
            }
            self.line.clear();
        }
        self.goes_on = goes_on;
    }
}

impl Drop for StandardStream {
    fn drop(&mut self) {
        self.end_line(false);
    }
}

impl StdoutStream for StandardStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(Self::new(self.log.clone(), self.level))
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(Self::new(self.log.clone(), self.level))
    }
}

impl IsTerminal for StandardStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

/// Written at once, never in the background: what a guest said before it trapped must be there.
impl OutputStream for StandardStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.accept(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(64 << 10)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for StandardStream {
    async fn ready(&mut self) {}
}

impl AsyncWrite for StandardStream {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        self.accept(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tracing::level_filters::LevelFilter;
    use tracing_subscriber::Registry;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn lines_that_nobody_reads_do_not_use_up_the_budget() {
        let log = GuestLog::new("airlines".parse().unwrap(), 1_000, LoadSecrets::default());
        let left = || log.lock().left;
        tracing::subscriber::with_default(Registry::default().with(LevelFilter::INFO), || {
            (0..1_000).for_each(|_| log.line(Level::Debug, "a line that the filter drops"));
            assert_eq!(left(), 1_000);
            log.line(Level::Info, "a line");
            assert!(left() < 1_000);
        });
    }
}
