//! One whole map of one load, as Python sees it: it never changes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::decoder::Decoder;
use crate::held::Entries;
use crate::view::View;

#[pyclass(subclass, frozen, mapping, weakref, module = "kiwi_cache._native")]
pub(crate) struct Snapshot {
    pub(crate) view: Arc<View>,
    pub(crate) decoder: Py<Decoder>,
}

#[pymethods]
impl Snapshot {
    /// The same snapshot, as an object of a subclass.
    #[new]
    fn new(py: Python<'_>, other: &Self) -> Self {
        Self { view: Arc::clone(&other.view), decoder: other.decoder.clone_ref(py) }
    }

    fn __getitem__<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.view.item(key, self.decoder.get())
    }

    #[pyo3(signature = (key, default=None, /))]
    fn get<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(self.view.get(key, self.decoder.get())?.or(default))
    }

    fn __contains__(&self, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        self.view.contains(key)
    }

    fn __len__(&self) -> usize {
        self.view.snapshot.len()
    }

    fn __iter__(&self) -> Keys {
        Keys::new(&self.view)
    }

    /// The next entries, decoded, from an iterator that `iter_entries` has made.
    fn entries(&self, py: Python<'_>) -> Pairs {
        let entries = Mutex::new(self.view.snapshot.entries());
        Pairs { entries, view: Arc::clone(&self.view), decoder: self.decoder.clone_ref(py) }
    }

    #[getter]
    fn id(&self) -> String {
        self.view.snapshot.id().to_string()
    }

    #[getter]
    fn seq(&self) -> u64 {
        self.view.snapshot.seq()
    }

    /// In seconds since 1970, by the store's clock.
    #[getter]
    fn loaded_at_seconds(&self) -> f64 {
        seconds(self.view.snapshot.loaded_at())
    }

    #[getter]
    fn name(&self) -> &str {
        &self.view.name
    }

    /// The keys whose values another snapshot does not have, or has with another text.
    fn changed_since(&self, py: Python<'_>, other: &Self) -> Vec<String> {
        let (snapshot, other) = (&self.view.snapshot, &other.view.snapshot);
        py.detach(|| snapshot.changed_since(other))
    }

    /// Decodes the value of a key, and forgets it.
    fn check(&self, py: Python<'_>, key: &str) -> PyResult<()> {
        let Some(text) = self.view.snapshot.get(key) else { return Ok(()) };
        self.decoder.get().value(py, &self.view.name, key, text).map(drop)
    }
}

fn seconds(time: SystemTime) -> f64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_secs_f64(),
        Err(before) => -before.duration().as_secs_f64(),
    }
}

/// The keys of a snapshot, one by one.
#[pyclass(frozen, module = "kiwi_cache._native")]
pub(crate) struct Keys(Mutex<Entries>);

impl Keys {
    pub(crate) fn new(view: &View) -> Self {
        Self(Mutex::new(view.snapshot.entries()))
    }
}

#[pymethods]
impl Keys {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyString>> {
        lock(&self.0).next(|key, _| PyString::new(py, key))
    }
}

/// The entries of a snapshot, one by one, as (key, value). Their values are decoded here and not kept: who reads all of a
/// large map needs each of them once.
#[pyclass(frozen, module = "kiwi_cache._native")]
pub(crate) struct Pairs {
    entries: Mutex<Entries>,
    view: Arc<View>,
    decoder: Py<Decoder>,
}

#[pymethods]
impl Pairs {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<(Bound<'py, PyString>, Bound<'py, PyAny>)>> {
        // The lock is not held while a value is decoded: that may call anything, even this.
        let next = lock(&self.entries).next(|key, text| (key.to_owned(), text.to_owned()));
        let Some((key, text)) = next else { return Ok(None) };
        let value = self.decoder.get().value(py, &self.view.name, &key, &text)?;
        Ok(Some((PyString::new(py, &key), value)))
    }
}

fn lock(entries: &Mutex<Entries>) -> std::sync::MutexGuard<'_, Entries> {
    entries.lock().unwrap_or_else(PoisonError::into_inner)
}
