//! What reads see: one snapshot, and the values of it that were decoded.

use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString};

use crate::decoder::Decoder;
use crate::held::Snapshot;

/// A snapshot, and a memo of decoded values. The memo belongs to this snapshot alone, so that no read finds a value of
/// another one in it.
pub(crate) struct View {
    pub(crate) snapshot: Snapshot,
    pub(crate) name: String,
    memo: PyOnceLock<Py<PyDict>>,
    /// How many bytes of JSON text the values in the memo were decoded from.
    memo_bytes: AtomicUsize,
    max_memo_bytes: usize,
}

impl View {
    pub(crate) fn new(snapshot: Snapshot, max_memo_bytes: usize) -> Self {
        let (memo, memo_bytes) = (PyOnceLock::new(), AtomicUsize::new(0));
        Self { name: snapshot.name(), snapshot, memo, memo_bytes, max_memo_bytes }
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
        if bytes <= self.max_memo_bytes {
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
