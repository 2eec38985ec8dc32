//! Names of members that values have in common: they become strings of Python once, with their hash.

use std::sync::{Mutex, MutexGuard};

use pyo3::prelude::*;
use pyo3::types::PyString;

/// How many names are kept. Another name with the same place replaces one.
const PLACES: usize = 512;
/// A longer text is seldom a name.
const MAX_BYTES: usize = 64;

static NAMES: Mutex<Names> = Mutex::new(Names(Vec::new()));

/// The names that were seen last, each at the place of its hash.
struct Names(Vec<Option<(Box<str>, Py<PyString>)>>);

/// For the decoding of one value. Nobody waits for it: decoding a number may give the GIL to a thread that decodes too, which
/// then makes each string anew.
pub(crate) struct Known(Option<MutexGuard<'static, Names>>);

impl Known {
    pub(crate) fn new() -> Self {
        Self(NAMES.try_lock().ok())
    }

    pub(crate) fn get<'py>(&mut self, py: Python<'py>, name: &str) -> Bound<'py, PyString> {
        let Some(Names(places)) = self.0.as_deref_mut() else { return PyString::new(py, name) };
        if name.len() > MAX_BYTES {
            return PyString::new(py, name);
        }
        if places.is_empty() {
            places.resize_with(PLACES, || None);
        }
        let place = &mut places[place(name)];
        if let Some((known, string)) = place
            && &**known == name
        {
            return string.bind(py).clone();
        }
        let string = PyString::new(py, name);
        *place = Some((name.into(), string.clone().unbind()));
        string
    }
}

/// FNV-1a: names are short.
fn place(name: &str) -> usize {
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    (hash ^ (hash >> 32)) as usize % PLACES
}
