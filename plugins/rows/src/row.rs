//! One row that is a JSON object, its values as they are written.

use std::borrow::Cow;
use std::fmt;

use kiwi_loader::Error;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of a JSON object.
pub(crate) struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Object<'a> {
    pub(crate) fn parse(row: &'a str) -> Result<Self, Error> {
        serde_json::from_str(row).map_err(Error::other)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(member, _)| member == name).map(|(_, value)| *value)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }

    /// Only these columns, as a JSON object. A column that it does not have is left out.
    pub(crate) fn pick(&self, columns: &[String]) -> String {
        let mut json = String::from("{");
        for column in columns {
            if let Some(value) = self.get(column) {
                if json.len() > 1 {
                    json.push(',');
                }
                json += &label(column);
                json += value.get();
            }
        }
        json + "}"
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row that is a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some((Name(name), value)) = map.next_entry()? {
            members.push((name, value));
        }
        Ok(Object(members))
    }
}

/// A name, borrowed where it has no escapes. (`Cow` alone is always owned.)
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// The start of a member: its name as JSON text, and the colon.
pub(crate) fn label(name: &str) -> String {
    serde_json::Value::from(name).to_string() + ":"
}
