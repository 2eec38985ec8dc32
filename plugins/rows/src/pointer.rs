//! JSON pointers (RFC 6901), followed while a document is read.

use std::io::Read;
use std::str::FromStr;

use kiwi_loader::Error;
use struson::reader::{JsonReader, JsonStreamReader, ValueType};

use crate::json::of_reader;

/// A path into a JSON document; the empty one is the document itself.
#[derive(Debug)]
pub struct Pointer(Vec<String>);

impl FromStr for Pointer {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let Some(path) = text.strip_prefix('/') else {
            return Err(Error::invalid_settings(format_args!("`pointer`: `{text}` does not begin with `/`")));
        };
        Ok(Self(path.split('/').map(|step| step.replace("~1", "/").replace("~0", "~")).collect()))
    }
}

impl Pointer {
    /// Reads on to the value it points at.
    pub(crate) fn follow(&self, reader: &mut JsonStreamReader<impl Read>) -> Result<(), Error> {
        for (depth, step) in self.0.iter().enumerate() {
            let found = match reader.peek().map_err(of_reader)? {
                ValueType::Object => enter_object(reader, step)?,
                ValueType::Array => enter_array(reader, step)?,
                _ => false,
            };
            if !found {
                let path = self.0[..=depth].join("/");
                return Err(Error::other(format_args!("the document has nothing at `/{path}`: see `pointer`")));
            }
        }
        Ok(())
    }
}

fn enter_object(reader: &mut JsonStreamReader<impl Read>, name: &str) -> Result<bool, Error> {
    reader.begin_object().map_err(of_reader)?;
    while reader.has_next().map_err(of_reader)? {
        if reader.next_name().map_err(of_reader)? == name {
            return Ok(true);
        }
        reader.skip_value().map_err(of_reader)?;
    }
    Ok(false)
}

fn enter_array(reader: &mut JsonStreamReader<impl Read>, index: &str) -> Result<bool, Error> {
    let Ok(index) = index.parse::<usize>() else { return Ok(false) };
    reader.begin_array().map_err(of_reader)?;
    for _ in 0..index {
        if !reader.has_next().map_err(of_reader)? {
            return Ok(false);
        }
        reader.skip_value().map_err(of_reader)?;
    }
    reader.has_next().map_err(of_reader)
}
