//! The exceptions of kiwi_cache/errors.py, and which of them an error of the reader is.

use kiwi_cache::{Error, ErrorKind};
use pyo3::exceptions::PyException;
use pyo3::import_exception;
use pyo3::prelude::*;

import_exception!(kiwi_cache.errors, CacheMissing);
import_exception!(kiwi_cache.errors, CacheUnavailable);
import_exception!(kiwi_cache.errors, CacheDenied);
import_exception!(kiwi_cache.errors, CacheInvalid);
import_exception!(kiwi_cache.errors, CacheValueError);
import_exception!(kiwi_cache.errors, CacheLoadFailed);
import_exception!(kiwi_cache.errors, CacheClosed);
import_exception!(kiwi_cache.errors, CacheError);

/// An error with its causes, as an exception.
pub(crate) fn exception(error: &Error) -> PyErr {
    let message = message(error);
    match error.kind() {
        ErrorKind::Missing => CacheMissing::new_err(message),
        ErrorKind::Unavailable | ErrorKind::Full => CacheUnavailable::new_err(message),
        ErrorKind::Denied => CacheDenied::new_err(message),
        ErrorKind::Invalid => CacheInvalid::new_err(message),
        ErrorKind::Value | ErrorKind::WrongType | ErrorKind::NewerFormat => CacheValueError::new_err(message),
        ErrorKind::LoadFailed => CacheLoadFailed::new_err(message),
        _ => CacheError::new_err(message),
    }
}

/// An error, and each cause that says more.
fn message(error: &Error) -> String {
    let mut message = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let text = cause.to_string();
        if !message.contains(&text) {
            message = format!("{message}: {text}");
        }
        source = cause.source();
    }
    message
}

pub(crate) fn closed(cache: &str) -> PyErr {
    CacheClosed::new_err(format!("cache `{cache}`: it was closed: connect again to read it"))
}

/// The value of a key could not be decoded, because of what was raised. Ctrl-C and such are not about the value.
pub(crate) fn not_decoded(py: Python<'_>, cache: &str, key: &str, cause: PyErr) -> PyErr {
    if !cause.is_instance_of::<PyException>(py) {
        return cause;
    }
    let message =
        format!("cache `{cache}`: failed to decode the value of key `{}`: {}", key.escape_debug(), cause.value(py));
    let error = CacheValueError::new_err(message);
    // Without the key, the exception is still right.
    let _ = error.value(py).setattr("key", key);
    error.set_cause(py, Some(cause));
    error
}
