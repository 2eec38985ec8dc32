//! The file of a copy, and how it proves itself.
//!
//! | bytes | what |
//! | --- | --- |
//! | 8 | `KIWICOPY` |
//! | 4 | the format, little-endian |
//! | 4 | the length of the header, little-endian |
//! | some | the header: JSON, see [`Header`] |
//! | 8 | the xxh3-64 of the header, little-endian |
//! | rest | for each table its places and its rows, each at a multiple of 64: see [`texts`](crate::texts) |
#![allow(unsafe_code, reason = "mapping a file is: see `map`")]

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use bytes::Bytes;
use kiwi_store::{Error, Head, PARTITIONS, Result, Root};
use memmap2::Mmap;
use xxhash_rust::xxh3::xxh3_64;

use super::copy::{Copied, CopyMode};
use super::header::{FORMAT, Header, TableEntry};
use crate::table::Hasher;
use crate::texts::{TextTable, Texts};

const MAGIC: &[u8; 8] = b"KIWICOPY";
const START: usize = 16;
/// The longest header: it has some 150 bytes for each of the 64 tables.
const MAX_HEADER: usize = 1 << 20;
const ALIGNMENT: usize = 64;

/// Writes a copy to a new file.
pub(super) fn write(path: &Path, cache: &str, store: &str, head: &Head, texts: &Texts) -> io::Result<()> {
    let entry = |table: &TextTable| TableEntry {
        len: table.len(),
        places_at: 0,
        places: table.places().len(),
        rows_at: 0,
        rows: table.rows().len(),
        places_sum: xxh3_64(table.places()),
    };
    let mut header = Header::new(cache, store, head, texts.hasher().seed(), texts.tables().iter().map(entry).collect());
    // The offsets are written with as many digits as the largest can have, so that they do not change the header's length.
    let header_room = serde_json::to_vec(&header)?.len() + header.tables.len() * 2 * 20;
    let mut at = (START + header_room + 8).next_multiple_of(ALIGNMENT);
    for table in &mut header.tables {
        table.places_at = at;
        table.rows_at = (at + table.places).next_multiple_of(ALIGNMENT);
        at = (table.rows_at + table.rows).next_multiple_of(ALIGNMENT);
    }
    let mut line = serde_json::to_vec(&header)?;
    line.resize(header_room, b' ');
    let mut out = Counted { out: BufWriter::with_capacity(1 << 20, File::create_new(path)?), written: 0 };
    out.put(MAGIC)?;
    out.put(&FORMAT.to_le_bytes())?;
    out.put(&u32::try_from(line.len()).map_err(io::Error::other)?.to_le_bytes())?;
    out.put(&line)?;
    out.put(&xxh3_64(&line).to_le_bytes())?;
    for (table, entry) in texts.tables().iter().zip(&header.tables) {
        out.pad_to(entry.places_at)?;
        out.put(table.places())?;
        out.pad_to(entry.rows_at)?;
        out.put(table.rows())?;
    }
    out.pad_to(at)?;
    out.out.flush()
}

struct Counted {
    out: BufWriter<File>,
    written: usize,
}

impl Counted {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written += bytes.len();
        self.out.write_all(bytes)
    }

    fn pad_to(&mut self, at: usize) -> io::Result<()> {
        self.put(&[0; ALIGNMENT][..at - self.written])
    }
}

/// The header of a copy.
///
/// # Errors
/// It is not a copy, is damaged, or of another version of this library (`is_value`).
pub(super) fn header(file: &File) -> Result<Header> {
    let mut start = [0; START];
    file.read_exact_at(&mut start, 0).map_err(|_| damaged("it is shorter than a copy can be"))?;
    let (magic, numbers) = start.split_at(8);
    let [format, length] = [0, 4].map(|at| u32::from_le_bytes([0, 1, 2, 3].map(|byte| numbers[at + byte])));
    if magic != MAGIC {
        return Err(damaged("it is not a copy"));
    }
    if format != FORMAT {
        return Err(Error::value(format!(
            "it has format {format}, and this program reads format {FORMAT}: it is written again by whoever loads the cache next"
        )));
    }
    let length = length as usize;
    if length > MAX_HEADER {
        return Err(damaged("its header is too long"));
    }
    let mut line = vec![0; length + 8];
    file.read_exact_at(&mut line, START as u64).map_err(|_| damaged("it ends within its header"))?;
    let (line, sum) = line.split_at(length);
    if sum != xxh3_64(line).to_le_bytes() {
        return Err(damaged("its header does not match its checksum"));
    }
    serde_json::from_slice(line).map_err(|error| damaged(&format!("its header cannot be read: {error}")))
}

/// The entries of a copy, proved by their root, their number and their places.
pub(super) fn read(mut file: File, header: &Header, mode: CopyMode) -> Result<Copied> {
    let unreadable = |error: io::Error| Error::unavailable(format!("it cannot be read: {error}"));
    let content = match mode {
        CopyMode::Mapped => map(&file).map_err(unreadable)?,
        CopyMode::Read => {
            let mut content = Vec::new();
            file.read_to_end(&mut content).map_err(unreadable)?;
            content.into()
        }
    };
    let tables = header.tables.iter().map(|entry| table(&content, entry));
    let tables = tables.collect::<Option<Vec<TextTable>>>().ok_or_else(|| damaged("it is truncated"))?;
    let head = header.head();
    if !matches!(tables.len(), 1 | PARTITIONS) {
        return Err(damaged("it has another number of tables than a copy has"));
    }
    if prove(&tables, &header.tables)? != (head.root, head.entries) {
        return Err(damaged("its entries do not match their root"));
    }
    Ok(Copied { head, texts: Texts::new(Hasher::of_seed(header.seed), tables) })
}

fn map(file: &File) -> io::Result<Bytes> {
    // SAFETY: The memory would change, or be gone, if the file were changed or truncated. Nobody does that: a copy is written under
    // another name and is renamed when it is complete, its directory belongs to this user alone, and it is never opened for writing
    // again. Whoever cannot rely on that reads copies instead of mapping them.
    let map = unsafe { Mmap::map(file)? };
    Ok(Bytes::from_owner(map))
}

fn table(content: &Bytes, entry: &TableEntry) -> Option<TextTable> {
    let part = |at: usize, len: usize| {
        let end = at.checked_add(len).filter(|end| *end <= content.len())?;
        Some(content.slice(at..end))
    };
    Some(TextTable::new(part(entry.rows_at, entry.rows)?, part(entry.places_at, entry.places)?, entry.len))
}

/// The root of the rows, and their number. Half of the tables are read in another thread.
fn prove(tables: &[TextTable], entries: &[TableEntry]) -> Result<(Root, u64)> {
    let of = |tables: &[TextTable], entries: &[TableEntry]| -> Result<(Root, u64)> {
        let (mut root, mut len) = (Root::default(), 0);
        for (table, entry) in tables.iter().zip(entries) {
            if !table.has_places() || xxh3_64(table.places()) != entry.places_sum {
                return Err(damaged("its places do not match their checksum"));
            }
            let (part, rows) = table.prove().ok_or_else(|| damaged("its rows cannot be read"))?;
            if rows != table.len() {
                return Err(damaged("a table has another number of rows than it says"));
            }
            root.add_part(part);
            len += rows as u64;
        }
        Ok((root, len))
    };
    let half = tables.len() / 2;
    std::thread::scope(|scope| {
        let other = scope.spawn(|| of(&tables[half..], &entries[half..]));
        let (mut root, len) = of(&tables[..half], &entries[..half])?;
        let (other_root, other_len) = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        root.add_part(other_root);
        Ok((root, len + other_len))
    })
}

fn damaged(what: &str) -> Error {
    Error::value(format!("{what}: it is written again by whoever loads the cache next"))
}
