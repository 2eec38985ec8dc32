//! The loader of a cache whose map was given to this command.

use std::io::{self, BufReader};
use std::sync::atomic::{AtomicBool, Ordering};

use kiwi_host::{Limits, LoadError, Loader, Output};
use kiwi_store::Batch;
use tokio::sync::mpsc;

use super::problem::{Problem, Result};
use super::shape::Shape;

/// What a map from standard input leaves as its mark, so that `status` knows on any machine that no host loads it. It
/// means nothing to a plugin that loads the cache later, as marks of other loaders do not.
pub(crate) const MARK: &str = "published from standard input";

/// As large as the batches that are sent to the store.
const BATCH_ENTRIES: usize = 500;
const BATCH_BYTES: usize = 256 << 10;
/// Batches on their way at a time: rows are read while those before them are loaded.
const BATCHES_IN_FLIGHT: usize = 4;
/// How much of standard input is read at a time.
const BUFFER_BYTES: usize = 256 << 10;

/// Loads the rows on standard input, once.
pub(crate) struct Given {
    shape: Shape,
    limits: Limits,
    expected_rows: Option<u64>,
    is_taken: AtomicBool,
}

/// Some entries, and the line of each.
#[derive(Default)]
struct Lines {
    entries: Batch,
    lines: Vec<u64>,
}

impl Given {
    pub(crate) fn new(shape: Shape, limits: Limits, expected_rows: Option<u64>) -> Self {
        Self { shape, limits, expected_rows, is_taken: AtomicBool::new(false) }
    }
}

impl Loader for Given {
    async fn load_from_source(&self, out: &mut Output) -> std::result::Result<(), LoadError> {
        if self.is_taken.swap(true, Ordering::Relaxed) {
            return Err(LoadError::other("standard input was read already: run the command again"));
        }
        let (sender, mut arriving) = mpsc::channel(BATCHES_IN_FLIGHT);
        let (shape, limits, expected_rows) = (self.shape.clone(), self.limits.clone(), self.expected_rows);
        // Nothing can interrupt a read: where the load ends before its rows do, the thread ends with the process.
        let reading = tokio::task::spawn_blocking(move || read(shape, &limits, expected_rows, sender));
        let mut emitted = 0;
        while let Some(Lines { entries, lines }) = arriving.recv().await {
            out.emit_batch(&entries).await.map_err(|error| at_line(error, emitted, &lines))?;
            emitted += lines.len() as u64;
        }
        // Only this tells the end of the rows from a reader that has failed.
        match reading.await {
            Ok(Ok(())) => {}
            Ok(Err(problem)) => return Err(LoadError::other(problem)),
            Err(_) => {
                return Err(LoadError::other("kiwi-host itself panicked while it read the rows; please report it"));
            }
        }
        out.set_mark(MARK);
        Ok(())
    }

    fn shares_source(&self) -> bool {
        false
    }
}

/// Says in which line the entry is that was refused.
fn at_line(error: LoadError, emitted: u64, lines: &[u64]) -> LoadError {
    let place = error.entry().and_then(|number| usize::try_from(number.checked_sub(emitted + 1)?).ok());
    match place.and_then(|place| lines.get(place)) {
        Some(line) => error.context(format_args!("line {line}")),
        None => error,
    }
}

/// Reads standard input to its end.
fn read(shape: Shape, limits: &Limits, expected: Option<u64>, sender: mpsc::Sender<Lines>) -> Result<()> {
    let text = BufReader::with_capacity(BUFFER_BYTES, io::stdin().lock());
    let (mut batch, mut rows, mut last_line) = (Lines::default(), 0, 0);
    let send = |batch: &mut Lines| {
        let next = Lines {
            entries: Batch::with_capacity(batch.entries.len(), batch.entries.bytes()),
            lines: Vec::with_capacity(batch.lines.len()),
        };
        let gone = |_| Problem::new("the load has ended");
        sender.blocking_send(std::mem::replace(batch, next)).map_err(gone)
    };
    shape.read(text, limits, |line, key, value| {
        rows += 1;
        last_line = line;
        if let Some(expected) = expected.filter(|expected| rows > *expected) {
            return Err(Problem::at(line, format_args!("this is row {rows}, and `--expect-rows` says {expected}")));
        }
        batch.entries.push(key, value);
        batch.lines.push(line);
        if batch.entries.len() < BATCH_ENTRIES && batch.entries.bytes() < BATCH_BYTES {
            return Ok(());
        }
        send(&mut batch)
    })?;
    if let Some(expected) = expected.filter(|expected| rows != *expected) {
        return Err(Problem::at(
            last_line.max(1),
            format_args!(
                "the rows end after {rows}, and `--expect-rows` says {expected}: their producer has probably failed; run \
                 it again"
            ),
        ));
    }
    send(&mut batch)
}
