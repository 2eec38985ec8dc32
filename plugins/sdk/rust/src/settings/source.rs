//! The table that derived settings are taken out of, and how one value is read.

use serde::de::value::Error as NoValue;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};

use super::problem::Problem;

/// The settings that have not been taken yet.
#[derive(Debug)]
pub struct Source(pub(super) Map<String, Value>);

impl Source {
    /// A setting without a default: it is required, unless its type can do without a value, as an `Option` can.
    pub fn get<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, Problem> {
        match self.0.remove(name) {
            Some(value) => deserialize(value).map_err(|problem: Problem| problem.inside(name)),
            None => absent().ok_or_else(|| Problem::missing(name)),
        }
    }

    /// A required setting.
    pub fn required<T>(&mut self, name: &str, read: impl FnOnce(Value) -> Result<T, Problem>) -> Result<T, Problem> {
        let value = self.0.remove(name).ok_or_else(|| Problem::missing(name))?;
        read(value).map_err(|problem| problem.inside(name))
    }

    /// A setting that has a default.
    pub fn or_else<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(Value) -> Result<T, Problem>,
        default: impl FnOnce() -> T,
    ) -> Result<T, Problem> {
        match self.0.remove(name) {
            Some(value) => read(value).map_err(|problem| problem.inside(name)),
            None => Ok(default()),
        }
    }

    /// A setting whose default is JSON text.
    ///
    /// # Panics
    /// The default is not valid for the type.
    pub fn or_json<T>(
        &mut self,
        name: &str,
        read: impl Fn(Value) -> Result<T, Problem>,
        default: &str,
    ) -> Result<T, Problem> {
        self.or_else(name, &read, || valid_default(name, read(json(default))))
    }
}

/// Reads one value. A problem names the place inside it.
pub fn deserialize<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let problem = Problem::new(error.inner());
        if path == "." { problem } else { problem.inside(&path) }
    })
}

/// The value of a default that is JSON text.
///
/// # Panics
/// The default is not valid for the type.
pub fn json_default<T: DeserializeOwned>(name: &str, default: &str) -> T {
    valid_default(name, deserialize(json(default)))
}

/// The derive macro made this text of a literal.
pub(super) fn json(default: &str) -> Value {
    serde_json::from_str(default).expect("the default is JSON")
}

pub(super) fn valid_default<T>(name: &str, default: Result<T, Problem>) -> T {
    default.unwrap_or_else(|problem| panic!("the default of the setting `{name}` is not valid for its type: {problem}"))
}

/// What a type is without a value, if it can do without one.
pub(super) fn absent<T: DeserializeOwned>() -> Option<T> {
    T::deserialize(Absent).ok()
}

/// A value that is not there: only an `Option` accepts it.
struct Absent;

impl<'de> Deserializer<'de> for Absent {
    type Error = NoValue;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, NoValue> {
        Err(NoValue::custom("there is no value"))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NoValue> {
        visitor.visit_none()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
