//! JSON text to objects of Python, with all digits of its numbers.

use jiter::{Jiter, JiterError, Peek};
use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyDict, PyFloat, PyList, PyString, PyType};

use crate::names::Known;

/// How many lists and dicts may be within each other.
const MAX_DEPTH: usize = 200;

/// What numbers with a fraction or an exponent become.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fractions {
    Float,
    Decimal,
}

/// Decodes one JSON text.
pub(crate) fn decode<'py>(py: Python<'py>, json: &str, fractions: Fractions) -> PyResult<Bound<'py, PyAny>> {
    let mut jiter = Jiter::new(json.as_bytes());
    let peek = jiter.peek().map_err(|error| invalid(&jiter, &error))?;
    let value = Decoder { py, fractions, names: Known::new() }.value(&mut jiter, peek, MAX_DEPTH)?;
    jiter.finish().map_err(|error| invalid(&jiter, &error))?;
    Ok(value)
}

struct Decoder<'py> {
    py: Python<'py>,
    fractions: Fractions,
    names: Known,
}

impl<'py> Decoder<'py> {
    fn value(&mut self, jiter: &mut Jiter<'_>, peek: Peek, depth: usize) -> PyResult<Bound<'py, PyAny>> {
        let py = self.py;
        match peek {
            Peek::Null => jiter.known_null().map_err(|error| invalid(jiter, &error)).map(|()| py.None().into_bound(py)),
            Peek::True | Peek::False => {
                let value = jiter.known_bool(peek).map_err(|error| invalid(jiter, &error))?;
                Ok(PyBool::new(py, value).to_owned().into_any())
            }
            Peek::String => match jiter.known_str() {
                Ok(text) => Ok(PyString::new(py, text).into_any()),
                Err(error) => Err(invalid(jiter, &error)),
            },
            Peek::Array => self.list(jiter, depth),
            Peek::Object => self.dict(jiter, depth),
            _ => self.number(jiter, peek),
        }
    }

    fn list(&mut self, jiter: &mut Jiter<'_>, depth: usize) -> PyResult<Bound<'py, PyAny>> {
        let depth = deeper(depth)?;
        let list = PyList::empty(self.py);
        let mut next = jiter.known_array().map_err(|error| invalid(jiter, &error))?;
        while let Some(peek) = next {
            list.append(self.value(jiter, peek, depth)?)?;
            next = jiter.array_step().map_err(|error| invalid(jiter, &error))?;
        }
        Ok(list.into_any())
    }

    fn dict(&mut self, jiter: &mut Jiter<'_>, depth: usize) -> PyResult<Bound<'py, PyAny>> {
        let depth = deeper(depth)?;
        let (py, dict) = (self.py, PyDict::new(self.py));
        let mut key = match jiter.known_object() {
            Ok(key) => key.map(|key| self.names.get(py, key)),
            Err(error) => return Err(invalid(jiter, &error)),
        };
        while let Some(name) = key {
            let peek = jiter.peek().map_err(|error| invalid(jiter, &error))?;
            dict.set_item(name, self.value(jiter, peek, depth)?)?;
            key = match jiter.next_key() {
                Ok(key) => key.map(|key| self.names.get(py, key)),
                Err(error) => return Err(invalid(jiter, &error)),
            };
        }
        Ok(dict.into_any())
    }

    fn number(&self, jiter: &mut Jiter<'_>, peek: Peek) -> PyResult<Bound<'py, PyAny>> {
        let py = self.py;
        let digits = match jiter.known_number_bytes(peek) {
            Ok(digits) => std::str::from_utf8(digits).map_err(|_| PyValueError::new_err("invalid number"))?,
            Err(error) => return Err(invalid(jiter, &error)),
        };
        if digits.contains(['.', 'e', 'E']) {
            return match self.fractions {
                Fractions::Float => {
                    // Rust's own is exact: the nearest float, as in Python.
                    let float: f64 =
                        digits.parse().map_err(|_| PyValueError::new_err(format!("invalid number {digits}")))?;
                    Ok(PyFloat::new(py, float).into_any())
                }
                Fractions::Decimal => decimal(py)?.call1((digits,)),
            };
        }
        match digits.parse::<i64>() {
            Ok(number) => Ok(number.into_pyobject(py)?.into_any()),
            Err(_) => py.import(intern!(py, "builtins"))?.getattr(intern!(py, "int"))?.call1((digits,)),
        }
    }
}

fn deeper(depth: usize) -> PyResult<usize> {
    depth
        .checked_sub(1)
        .ok_or_else(|| PyValueError::new_err(format!("more than {MAX_DEPTH} lists and dicts within each other")))
}

fn decimal<'py>(py: Python<'py>) -> PyResult<&'py Bound<'py, PyType>> {
    static DECIMAL: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    DECIMAL.import(py, "decimal", "Decimal")
}

fn invalid(jiter: &Jiter<'_>, error: &JiterError) -> PyErr {
    PyValueError::new_err(format!("invalid JSON: {}", error.description(jiter)))
}
