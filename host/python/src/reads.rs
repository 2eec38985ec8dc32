//! The reads of a cache: of what is held now, without I/O and without a lock.

use std::sync::Arc;

use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;

use crate::decoder::Decoder;
use crate::handle::Handle;
use crate::shared::Shared;
use crate::snapshot::{Keys, Snapshot};

/// The base of the classes of Python.
#[pyclass(subclass, frozen, mapping, weakref, module = "kiwi_cache._native")]
pub(crate) struct Reads {
    shared: Arc<Shared>,
    decoder: Py<Decoder>,
    missing: Option<Py<PyAny>>,
}

#[pymethods]
impl Reads {
    #[new]
    fn new(handle: &Handle, decoder: Py<Decoder>, missing: Option<Py<PyAny>>) -> Self {
        Self { shared: Arc::clone(&handle.shared), decoder, missing }
    }

    fn __getitem__<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let view = self.shared.view();
        let Some(view) = view.as_ref() else { return Err(self.shared.no_view()) };
        match view.get(key, self.decoder.get())? {
            Some(value) => Ok(value),
            None => self.absent(key),
        }
    }

    #[pyo3(signature = (key, default=None, /))]
    fn get<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let view = self.shared.view();
        let Some(view) = view.as_ref() else { return Err(self.shared.no_view()) };
        Ok(view.get(key, self.decoder.get())?.or(default))
    }

    fn __contains__(&self, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        match self.shared.view().as_ref() {
            Some(view) => view.contains(key),
            None => Err(self.shared.no_view()),
        }
    }

    fn __len__(&self) -> PyResult<usize> {
        match self.shared.view().as_ref() {
            Some(view) => Ok(view.snapshot.len()),
            None => Err(self.shared.no_view()),
        }
    }

    fn __iter__(&self) -> PyResult<Keys> {
        match self.shared.view().as_ref() {
            Some(view) => Ok(Keys::new(view)),
            None => Err(self.shared.no_view()),
        }
    }

    /// What reads see now.
    fn _snapshot(&self, py: Python<'_>) -> PyResult<Snapshot> {
        match self.shared.view().as_ref() {
            Some(view) => Ok(Snapshot { view: Arc::clone(view), decoder: self.decoder.clone_ref(py) }),
            None => Err(self.shared.no_view()),
        }
    }
}

impl Reads {
    /// The value for a key that the map does not have.
    #[cold]
    fn absent<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        match &self.missing {
            Some(missing) => missing.bind(key.py()).call1((self._snapshot(key.py())?, key)),
            None => Err(PyKeyError::new_err(key.clone().unbind())),
        }
    }
}
