//! From the JSON text of a value to what a read returns.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::error::not_decoded;
use crate::json::{self, Fractions};

/// How values are decoded.
#[pyclass(frozen, module = "kiwi_cache._native")]
pub(crate) struct Decoder {
    first: Decode,
    /// A function of what was decoded, such as the constructor of a model.
    then: Option<Py<PyAny>>,
}

enum Decode {
    Native(Fractions),
    Text,
    /// A function of the bytes.
    Call(Py<PyAny>),
}

#[pymethods]
impl Decoder {
    /// `first` is `"native"`, `"decimal"`, `"text"`, or a function of the bytes.
    #[new]
    fn new(first: &Bound<'_, PyAny>, then: Option<Py<PyAny>>) -> PyResult<Self> {
        let decode = match first.cast::<PyString>() {
            Err(_) => Decode::Call(first.clone().unbind()),
            Ok(name) => match &*name.to_cow()? {
                "native" => Decode::Native(Fractions::Float),
                "decimal" => Decode::Native(Fractions::Decimal),
                "text" => Decode::Text,
                other => {
                    return Err(crate::error::CacheInvalid::new_err(format!(
                        "invalid `decode`: `{}` (expected \"native\", \"decimal\", \"text\", or a function of bytes such as \
                         orjson.loads)",
                        other.escape_debug()
                    )));
                }
            },
        };
        Ok(Self { first: decode, then })
    }
}

impl Decoder {
    /// The value of a key.
    pub(crate) fn value<'py>(
        &self,
        py: Python<'py>,
        cache: &str,
        key: &str,
        text: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.decode(py, text).map_err(|cause| not_decoded(py, cache, key, cause))
    }

    fn decode<'py>(&self, py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
        let value = match &self.first {
            Decode::Native(fractions) => json::decode(py, text, *fractions)?,
            Decode::Text => PyString::new(py, text).into_any(),
            Decode::Call(decode) => decode.bind(py).call1((PyBytes::new(py, text.as_bytes()),))?,
        };
        match &self.then {
            None => Ok(value),
            Some(then) => then.bind(py).call1((value,)),
        }
    }
}
