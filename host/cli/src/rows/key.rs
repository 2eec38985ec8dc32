//! The key of a row: one of its fields, or several.

use kiwi_store::{Error, Result};

/// How many fields a key may have: the values of so many are looked for in each row.
pub(super) const MAX_FIELDS: usize = 8;

/// Which fields of a row make up its key.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    pub(super) fields: Vec<Field>,
    separator: String,
}

/// One field, as the command line names it.
#[derive(Clone, Debug)]
pub(super) struct Field {
    /// As it is written there.
    pub(super) written: String,
    /// The path to its value, from member to member. Of a name, that name alone.
    pub(super) path: Vec<String>,
}

impl Keys {
    /// The fields of these names. One that begins with `/` is a JSON pointer. None at all: each row has its own key.
    pub(super) fn new(written: Vec<String>, separator: String) -> Result<Self> {
        if written.len() > MAX_FIELDS {
            let found = written.len();
            return Err(Error::invalid(format!("--key: expected at most {MAX_FIELDS} fields, found {found}")));
        }
        let fields = written.into_iter().map(Field::new).collect::<Result<_>>()?;
        Ok(Self { fields, separator })
    }

    /// Adds what one field of a row holds to the row's key.
    ///
    /// # Errors
    /// It is empty.
    pub(super) fn add(&self, key: &mut String, field: &Field, text: &str) -> std::result::Result<(), String> {
        if text.is_empty() {
            return Err(format!("the key `{}` is empty: expected at least one character", field.written));
        }
        if !key.is_empty() {
            key.push_str(&self.separator);
        }
        key.push_str(text);
        Ok(())
    }
}

impl Field {
    fn new(written: String) -> Result<Self> {
        if written.is_empty() || written == "/" {
            return Err(Error::invalid(format!(
                "--key: `{written}` is not the name of a field (expected for example `id`, or `/name/common`)"
            )));
        }
        let path = match written.strip_prefix('/') {
            Some(pointer) => pointer.split('/').map(|step| step.replace("~1", "/").replace("~0", "~")).collect(),
            None => vec![written.clone()],
        };
        Ok(Self { written, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_a_name_or_a_pointer() {
        let path = |written: &str| Field::new(written.to_owned()).unwrap().path;
        assert_eq!(path("a/b"), ["a/b"]);
        assert_eq!(path("/name/0/a~1b~0"), ["name", "0", "a/b~"]);
        assert!(Field::new(String::new()).unwrap_err().is_invalid());
        assert!(Field::new("/".to_owned()).unwrap_err().is_invalid());
    }
}
