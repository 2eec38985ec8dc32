//! Holds entries until it is known whether they are needed: in memory up to a bound, then in a temporary
//! file.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};

use kiwi_store::Batch;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

/// What is kept in memory; what is more goes to the disk, all of it.
const MAX_MEMORY_BYTES: usize = 8 << 20;
/// Batches on their way to the disk.
const IN_FLIGHT: usize = 16;

/// Batches in the order they came.
#[derive(Debug)]
pub(crate) struct Spool {
    max_memory_bytes: usize,
    in_memory: Vec<Batch>,
    bytes_in_memory: usize,
    on_disk: Option<Writing>,
}

/// A file that is written in the background. It has no name, so it is gone with this value, or with the
/// process.
#[derive(Debug)]
struct Writing {
    batches: mpsc::Sender<Batch>,
    written: JoinHandle<io::Result<File>>,
}

impl Default for Spool {
    fn default() -> Self {
        Self::with_memory(MAX_MEMORY_BYTES)
    }
}

impl Spool {
    /// An empty one that keeps this many bytes in memory.
    fn with_memory(max_memory_bytes: usize) -> Self {
        Self { max_memory_bytes, in_memory: Vec::new(), bytes_in_memory: 0, on_disk: None }
    }

    /// Adds a batch.
    ///
    /// # Errors
    /// The temporary file cannot be written.
    pub(crate) async fn push(&mut self, batch: Batch) -> io::Result<()> {
        if self.on_disk.is_none() && self.bytes_in_memory + batch.bytes() <= self.max_memory_bytes {
            self.bytes_in_memory += batch.bytes();
            self.in_memory.push(batch);
            return Ok(());
        }
        let writing = match &mut self.on_disk {
            Some(writing) => writing,
            None => self.on_disk.insert(Writing::to(tempfile::tempfile()?)),
        };
        let mut is_written = true;
        self.bytes_in_memory = 0;
        for batch in self.in_memory.drain(..).chain([batch]) {
            is_written &= writing.batches.send(batch).await.is_ok();
        }
        if is_written {
            return Ok(());
        }
        self.end_writing().await.and(Err(io::Error::other("the file was not written to its end")))
    }

    /// Whether a key was added. Slow: it reads everything.
    ///
    /// # Errors
    /// As [`Spool::into_batches`].
    pub(crate) async fn contains_key(&mut self, key: &str) -> io::Result<bool> {
        if self.in_memory.iter().any(|batch| has_key(batch, key)) {
            return Ok(true);
        }
        let Some(mut file) = self.end_writing().await? else { return Ok(false) };
        let key = key.to_owned();
        let (found, file) = off_thread(move || {
            let end = file.stream_position()?;
            file.seek(SeekFrom::Start(0))?;
            let mut reader = BufReader::new(&file);
            let mut found = false;
            while let (false, Some(batch)) = (found, read(&mut reader)?) {
                found = has_key(&batch, &key);
            }
            file.seek(SeekFrom::Start(end))?;
            Ok((found, file))
        })
        .await?;
        self.on_disk = Some(Writing::to(file));
        Ok(found)
    }

    /// Takes all batches out again, in their order.
    ///
    /// # Errors
    /// The temporary file cannot be written or read.
    pub(crate) async fn into_batches(mut self) -> io::Result<impl Iterator<Item = io::Result<Batch>>> {
        let on_disk = match self.end_writing().await? {
            Some(mut file) => {
                file.seek(SeekFrom::Start(0))?;
                Some(BufReader::with_capacity(1 << 18, file))
            }
            None => None,
        };
        let from_disk = on_disk.map(|mut file| std::iter::from_fn(move || read(&mut file).transpose()));
        Ok(self.in_memory.into_iter().map(Ok).chain(from_disk.into_iter().flatten()))
    }

    /// The file with all that was given, if any went to the disk.
    async fn end_writing(&mut self) -> io::Result<Option<File>> {
        let Some(Writing { batches, written }) = self.on_disk.take() else { return Ok(None) };
        drop(batches);
        written.await.map_err(io::Error::other)?.map(Some)
    }
}

impl Writing {
    /// Begins to write to the end of a file.
    fn to(file: File) -> Self {
        let (batches, mut arriving) = mpsc::channel(IN_FLIGHT);
        let written = spawn_blocking(move || {
            let mut file = BufWriter::with_capacity(1 << 18, file);
            while let Some(batch) = arriving.blocking_recv() {
                write(&mut file, &batch)?;
            }
            Ok(file.into_inner()?)
        });
        Self { batches, written }
    }
}

async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}

fn has_key(batch: &Batch, key: &str) -> bool {
    batch.iter().any(|(known, _)| known == key)
}

/// The number of entries, the lengths of each one's key and value, and then all texts.
fn write(file: &mut impl Write, batch: &Batch) -> io::Result<()> {
    file.write_all(&(batch.len() as u64).to_le_bytes())?;
    for (key, value) in batch.iter() {
        file.write_all(&(key.len() as u64).to_le_bytes())?;
        file.write_all(&(value.len() as u64).to_le_bytes())?;
    }
    batch.iter().try_for_each(|(key, value)| {
        file.write_all(key.as_bytes())?;
        file.write_all(value.as_bytes())
    })
}

/// `None` at the end.
fn read(file: &mut impl Read) -> io::Result<Option<Batch>> {
    let Some(entries) = read_number(file)? else { return Ok(None) };
    let cut_off = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let mut lengths = Vec::new();
    for _ in 0..entries {
        let key = read_number(file)?.ok_or_else(cut_off)?;
        lengths.push((key, read_number(file)?.ok_or_else(cut_off)?));
    }
    let (mut batch, mut text) = (Batch::default(), Vec::new());
    for (key, value) in lengths {
        text.resize((key + value) as usize, 0);
        file.read_exact(&mut text)?;
        let text = std::str::from_utf8(&text).map_err(io::Error::other)?;
        let (key, value) = text.split_at_checked(key as usize).ok_or_else(cut_off)?;
        batch.push(key, value);
    }
    Ok(Some(batch))
}

fn read_number(file: &mut impl Read) -> io::Result<Option<u64>> {
    let mut bytes = [0; 8];
    match file.read_exact(&mut bytes) {
        Ok(()) => Ok(Some(u64::from_le_bytes(bytes))),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batches(count: usize, value_bytes: usize) -> Vec<Batch> {
        let batch = |n: usize| {
            let value = n.to_string().repeat(value_bytes / n.to_string().len());
            [("é", value.as_str()), ("k", "")].into_iter().collect()
        };
        (0..count).map(batch).collect()
    }

    #[tokio::test]
    async fn batches_come_out_as_they_went_in_whether_they_fit_into_memory_or_not() {
        for batches in [vec![], batches(3, 10), batches(40, 1 << 20)] {
            let mut spool = Spool::default();
            for batch in &batches {
                spool.push(batch.clone()).await.unwrap();
            }
            assert_eq!(spool.on_disk.is_some(), batches.len() > 8);
            assert!(!spool.contains_key("x").await.unwrap());
            assert_eq!(spool.contains_key("é").await.unwrap(), !batches.is_empty());
            // One more, after all was read.
            spool.push(batches[..].first().cloned().unwrap_or_default()).await.unwrap();
            let mut batches = batches.clone();
            batches.push(batches.first().cloned().unwrap_or_default());
            let taken: Vec<Batch> = spool.into_batches().await.unwrap().collect::<io::Result<_>>().unwrap();
            assert!(taken == batches, "{} of {} batches", taken.len(), batches.len());
        }
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    const KEYS: [&str; 8] = ["", "a", "b", "é", "ab", "key", "a key that is longer", "\0"];

    /// The first byte is how much stays in memory. After it, a byte from 0 to 99 adds an entry to the next batch, and
    /// the others add that batch, or ask for a key.
    #[test]
    fn spool() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let runtime = std::panic::AssertUnwindSafe(runtime);
        bolero::check!().with_iterations(500).with_max_len(100).for_each(|input: &[u8]| {
            let Some((memory, steps)) = input.split_first() else { return };
            runtime.block_on(run(usize::from(*memory), steps)).unwrap();
        });
    }

    async fn run(memory: usize, steps: &[u8]) -> io::Result<()> {
        let (mut spool, mut model, mut next) = (Spool::with_memory(memory), Vec::<Batch>::new(), Batch::default());
        for step in steps {
            let (key, size) = (KEYS[usize::from(step % 8)], usize::from(step / 8));
            match step {
                0..100 => next.push(key, &"é".repeat(size)),
                100..200 => {
                    model.push(next.clone());
                    spool.push(std::mem::take(&mut next)).await?;
                }
                _ => {
                    let is_added = model.iter().any(|batch| batch.iter().any(|(added, _)| added == key));
                    assert_eq!(spool.contains_key(key).await?, is_added, "`{key}`");
                }
            }
        }
        let in_memory: usize = spool.in_memory.iter().map(Batch::bytes).sum();
        assert!(in_memory <= memory && in_memory == spool.bytes_in_memory);
        let taken: Vec<Batch> = spool.into_batches().await?.collect::<io::Result<_>>()?;
        assert_eq!(taken, model);
        Ok(())
    }
}
