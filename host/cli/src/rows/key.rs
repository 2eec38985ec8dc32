//! Which fields of a row are its key, as the command line says it.

use kiwi_rows::Key;
use kiwi_store::{Error, Result};

/// The fields of these names. One that begins with `/` is a JSON pointer. None at all: each row has its own key.
pub(super) fn key(written: &[String], separator: &str) -> Result<Key> {
    match written.iter().find(|written| matches!(written.as_str(), "" | "/")) {
        Some(written) => Err(Error::invalid(format!(
            "--key: `{written}` is not the name of a field (expected for example `id`, or `/name/common`)"
        ))),
        None => Ok(Key::new(written, separator)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_no_field_has_is_refused() {
        assert_eq!(key(&["a/b".to_owned(), "/name/0".to_owned()], ":").unwrap().fields.len(), 2);
        for invalid in ["", "/"] {
            assert!(key(&[invalid.to_owned()], ":").unwrap_err().is_invalid());
        }
    }
}
