//! What reads see: one snapshot, and the values of it that were decoded.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString};

use crate::decoder::Decoder;
use crate::held::Snapshot;

/// How many keys are remembered, at most, that were read once.
const MAX_READ_ONCE: usize = 16 << 10;

/// A snapshot, and a memo of decoded values. The memo belongs to this snapshot alone, so that no read finds a value of
/// another one in it.
pub(crate) struct View {
    pub(crate) snapshot: Snapshot,
    pub(crate) name: String,
    memo: PyOnceLock<Py<PyDict>>,
    /// How many bytes of JSON text the values in the memo were decoded from.
    memo_bytes: AtomicUsize,
    max_memo_bytes: usize,
    /// Parts of the hashes of keys that were read and are not in the memo, each at the place of its hash: a key that is read
    /// again is worth a place in the memo. Who reads every key of a large map once fills it with nothing.
    read_once: OnceLock<Box<[AtomicU32]>>,
    /// How many reads were not of the memo.
    misses: AtomicUsize,
}

impl View {
    pub(crate) fn new(snapshot: Snapshot, max_memo_bytes: usize) -> Self {
        let (memo, memo_bytes, read_once) = (PyOnceLock::new(), AtomicUsize::new(0), OnceLock::new());
        Self {
            name: snapshot.name(),
            snapshot,
            memo,
            memo_bytes,
            max_memo_bytes,
            read_once,
            misses: AtomicUsize::new(0),
        }
    }

    /// The value of a key, if the snapshot has it.
    #[inline]
    pub(crate) fn get<'py>(&self, key: &Bound<'py, PyAny>, decoder: &Decoder) -> PyResult<Option<Bound<'py, PyAny>>> {
        if let Some(memo) = self.memo.get(key.py())
            && let Some(value) = memo.bind(key.py()).get_item(key)?
        {
            return Ok(Some(value));
        }
        self.decode(key, decoder)
    }

    fn decode<'py>(&self, key: &Bound<'py, PyAny>, decoder: &Decoder) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = key.py();
        let Some(text_key) = text(key)? else { return Ok(None) };
        let text_key = text_key.to_cow()?;
        let Some(text) = self.snapshot.get(&text_key) else { return Ok(None) };
        let value = decoder.value(py, &self.name, &text_key, text)?;
        let bytes = text_key.len() + text.len();
        if bytes <= self.max_memo_bytes && self.is_worth_a_place(key)? {
            let memo = self.memo.get_or_init(py, || PyDict::new(py).unbind()).bind(py);
            if self.memo_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes > self.max_memo_bytes {
                // Keys that are read often come back at once.
                memo.clear();
                self.memo_bytes.store(bytes, Ordering::Relaxed);
            }
            memo.set_item(key, &value)?;
        }
        Ok(Some(value))
    }

    fn is_worth_a_place(&self, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        // Python keeps the hash of a string in it.
        let hash = key.hash()? as u64;
        let places = self.read_once.get_or_init(|| {
            let places = self.snapshot.len().clamp(1, MAX_READ_ONCE).next_power_of_two();
            (0..places).map(|_| AtomicU32::new(0)).collect()
        });
        let part = (hash >> 32) as u32 | 1;
        let place = &places[hash as usize & (places.len() - 1)];
        // Two keys that are read in turn may have one place. One of eight is taken in any case, so that they get in too.
        let is_lucky = self.misses.fetch_add(1, Ordering::Relaxed) % 8 == 7;
        Ok(place.swap(part, Ordering::Relaxed) == part || is_lucky)
    }

    pub(crate) fn contains(&self, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(match text(key)? {
            Some(key) => self.snapshot.contains(&key.to_cow()?),
            None => false,
        })
    }

    /// As `d[key]`.
    pub(crate) fn item<'py>(&self, key: &Bound<'py, PyAny>, decoder: &Decoder) -> PyResult<Bound<'py, PyAny>> {
        self.get(key, decoder)?.ok_or_else(|| PyKeyError::new_err(key.clone().unbind()))
    }
}

/// A key as text. Keys of other types are in no map; those that no dict could have are a `TypeError`, as with a dict.
fn text<'a, 'py>(key: &'a Bound<'py, PyAny>) -> PyResult<Option<&'a Bound<'py, PyString>>> {
    match key.cast::<PyString>() {
        Ok(key) => Ok(Some(key)),
        Err(_) => key.hash().map(|_| None),
    }
}
