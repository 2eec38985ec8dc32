//! Entries put aside until it is known whether they are needed: in memory to a bound, then in a
//! temporary file.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};

use kiwi_cache::Batch;

/// What is kept in memory; the rest goes to the disk.
const MEMORY_BYTES: usize = 8 << 20;

/// Batches in the order they came.
#[derive(Debug, Default)]
pub(crate) struct Spool {
    in_memory: Vec<Batch>,
    bytes_in_memory: usize,
    /// Without a name: it is gone with this, or with the process.
    on_disk: Option<BufWriter<File>>,
}

impl Spool {
    /// Puts a batch aside.
    ///
    /// # Errors
    /// There is no room for temporary files.
    pub(crate) fn push(&mut self, batch: Batch) -> io::Result<()> {
        if self.on_disk.is_none() && self.bytes_in_memory + batch.bytes() <= MEMORY_BYTES {
            self.bytes_in_memory += batch.bytes();
            self.in_memory.push(batch);
            return Ok(());
        }
        let file = match &mut self.on_disk {
            Some(file) => file,
            None => self.on_disk.insert(BufWriter::with_capacity(1 << 18, tempfile::tempfile()?)),
        };
        write(file, &batch)
    }

    /// Whether a key is among what was put aside. Slow: it reads all of it.
    ///
    /// # Errors
    /// As [`Spool::into_batches`].
    pub(crate) fn contains_key(&mut self, key: &str) -> io::Result<bool> {
        let has_key = |batch: &Batch| batch.iter().any(|(known, _)| known == key);
        if self.in_memory.iter().any(has_key) {
            return Ok(true);
        }
        let Some(file) = &mut self.on_disk else { return Ok(false) };
        file.flush()?;
        let end = file.get_mut().stream_position()?;
        file.get_mut().seek(SeekFrom::Start(0))?;
        let mut reader = BufReader::new(file.get_ref().try_clone()?);
        let mut found = false;
        while let (false, Some(batch)) = (found, read(&mut reader)?) {
            found = has_key(&batch);
        }
        file.get_mut().seek(SeekFrom::Start(end))?;
        Ok(found)
    }

    /// Takes everything out again.
    ///
    /// # Errors
    /// The disk does not take or give what was written.
    pub(crate) fn into_batches(self) -> io::Result<impl Iterator<Item = io::Result<Batch>>> {
        let on_disk = match self.on_disk {
            Some(file) => {
                let mut file = file.into_inner()?;
                file.seek(SeekFrom::Start(0))?;
                Some(BufReader::with_capacity(1 << 18, file))
            }
            None => None,
        };
        let from_disk = on_disk.map(|mut file| std::iter::from_fn(move || read(&mut file).transpose()));
        Ok(self.in_memory.into_iter().map(Ok).chain(from_disk.into_iter().flatten()))
    }
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
fn read(file: &mut BufReader<File>) -> io::Result<Option<Batch>> {
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

    #[test]
    fn what_is_put_aside_comes_out_again_whether_it_fits_into_memory_or_not() {
        for batches in [vec![], batches(3, 10), batches(40, 1 << 20)] {
            let mut spool = Spool::default();
            for batch in &batches {
                spool.push(batch.clone()).unwrap();
            }
            assert_eq!(spool.on_disk.is_some(), batches.len() > 8);
            assert!(!spool.contains_key("x").unwrap());
            assert_eq!(spool.contains_key("é").unwrap(), !batches.is_empty());
            let taken: Vec<Batch> = spool.into_batches().unwrap().collect::<io::Result<_>>().unwrap();
            assert!(taken == batches, "{} of {} batches", taken.len(), batches.len());
        }
    }
}
