//! Where in a row something is: a field of it, or deeper.

use serde_json::value::RawValue;

use crate::object::Object;
use crate::pointer::{index, steps, with_step};

/// A field of a row, by its name, or by a JSON pointer into the row.
#[derive(Clone, Debug)]
pub struct Field {
    /// As somebody wrote it.
    pub written: String,
    /// The member that it is in.
    pub(crate) name: String,
    /// What leads on from the value of that.
    deeper: Vec<String>,
}

impl Field {
    /// A text that begins with `/` is a JSON pointer, any other a name.
    #[must_use]
    pub fn new(written: &str) -> Self {
        let mut deeper = written.strip_prefix('/').map_or_else(|| vec![written.to_owned()], steps);
        Self { written: written.to_owned(), name: deeper.remove(0), deeper }
    }

    /// The field of this name, whatever it begins with.
    #[must_use]
    pub fn name(name: &str) -> Self {
        Self { written: name.to_owned(), name: name.to_owned(), deeper: Vec::new() }
    }

    /// What a row has there.
    #[must_use]
    pub fn find<'a>(&self, row: &Object<'a>) -> Option<&'a RawValue> {
        self.deeper.iter().try_fold(row.get(&self.name)?, |value, step| go_down(value, step))
    }

    /// What could be written instead, where a row does not have it.
    #[must_use]
    pub fn alternatives(&self, row: &Object<'_>) -> Vec<String> {
        let Some(mut value) = row.get(&self.name) else {
            let is_pointer = self.written.starts_with('/') && self.written != self.name;
            return row.names().map(|name| if is_pointer { with_step("", name) } else { name.to_owned() }).collect();
        };
        let mut pointer = with_step("", &self.name);
        for step in &self.deeper {
            let Some(next) = go_down(value, step) else { break };
            (value, pointer) = (next, with_step(&pointer, step));
        }
        match Object::parse(value.get()) {
            Ok(object) => object.names().map(|name| with_step(&pointer, name)).collect(),
            Err(_) => vec![pointer],
        }
    }
}

fn go_down<'a>(value: &'a RawValue, step: &str) -> Option<&'a RawValue> {
    match value.get().as_bytes().first()? {
        b'{' => {
            let object = Object::parse(value.get()).ok()?;
            // Of two members of one name, parsers take one or the other.
            let is_twice = object.names().filter(|name| *name == step).nth(1).is_some();
            if is_twice { None } else { object.get(step) }
        }
        b'[' => serde_json::from_str::<Vec<&RawValue>>(value.get()).ok()?.get(index(step)?).copied(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = r#"{"id": 1, "name": {"common": "Chad", "a/b": [true, {"x": 2}]}, "/x": 3}"#;

    fn find(field: &str) -> Option<&'static str> {
        Field::new(field).find(&Object::parse(ROW).unwrap()).map(RawValue::get)
    }

    #[test]
    fn a_field_is_a_name_or_a_pointer() {
        assert_eq!((find("id"), find("/id")), (Some("1"), Some("1")));
        assert_eq!(find("/name/common"), Some("\"Chad\""));
        assert_eq!((find("/name/a~1b/0"), find("/name/a~1b/1/x")), (Some("true"), Some("2")));
        assert_eq!(find("/~1x"), Some("3"));
        let twice = Object::parse(r#"{"o": {"a": 1, "a": 2, "b": 3}}"#).unwrap();
        assert!(Field::new("/o/a").find(&twice).is_none() && Field::new("/o/b").find(&twice).is_some());
        for absent in ["common", "/name/a~1b/2", "/name/a~1b/00", "/id/x", "/x", "", "/"] {
            assert_eq!(find(absent), None, "{absent}");
        }
    }

    #[test]
    fn the_alternatives_are_of_the_level_that_it_does_not_have() {
        let alternatives = |field: &str| Field::new(field).alternatives(&Object::parse(ROW).unwrap());
        assert_eq!(alternatives("nmae"), ["id", "name", "/x"]);
        assert_eq!(alternatives("/nmae/common"), ["/id", "/name", "/~1x"]);
        assert_eq!(alternatives("/name/comon"), ["/name/common", "/name/a~1b"]);
        assert_eq!(alternatives("/name/a~1b/1/y"), ["/name/a~1b/1/x"]);
        assert_eq!(alternatives("/id/x"), ["/id"]);
    }
}
