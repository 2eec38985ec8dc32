//! Which rows are kept: those whose fields have the values of the setting `filter`.

use std::fmt;

use kiwi_loader::{SettingKind, SettingValue};
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::column::boolean;
use crate::decimal::Decimal;

/// The values that a field may have. There is at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted(Vec<Scalar>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Scalar {
    Text(String),
    Number(Decimal),
    Boolean(bool),
}

impl Accepted {
    /// Whether a JSON value is one of these. Numbers are compared by their value.
    pub(crate) fn accepts(&self, value: &RawValue) -> bool {
        let value = match value.get().as_bytes().first() {
            Some(b'"') => serde_json::from_str(value.get()).map(Scalar::Text).ok(),
            Some(b't' | b'f') => Some(Scalar::Boolean(value.get() == "true")),
            _ => Decimal::parse(value.get()).map(Scalar::Number),
        };
        value.is_some_and(|value| self.0.contains(&value))
    }

    /// Whether a CSV text is one of these: a number or a boolean is compared with what the text says.
    pub(crate) fn accepts_text(&self, text: &str) -> bool {
        self.0.iter().any(|accepted| match accepted {
            Scalar::Text(accepted) => accepted == text,
            Scalar::Number(accepted) => Decimal::parse(text.trim()).is_some_and(|number| number == *accepted),
            Scalar::Boolean(accepted) => boolean(text) == Some(*accepted),
        })
    }
}

impl SettingValue for Accepted {
    const KIND: SettingKind = SettingKind::Any;
}

impl<'de> Deserialize<'de> for Accepted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrSeveral;
        impl<'de> Visitor<'de> for OneOrSeveral {
            type Value = Accepted;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a number, a boolean, or an array of them")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Accepted, E> {
                Ok(Accepted(vec![Scalar::Text(text.to_owned())]))
            }

            fn visit_bool<E: Error>(self, boolean: bool) -> Result<Accepted, E> {
                Ok(Accepted(vec![Scalar::Boolean(boolean)]))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Accepted, E> {
                one_number(&number.to_string())
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Accepted, E> {
                one_number(&number.to_string())
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Accepted, E> {
                one_number(&serde_json::Number::from_f64(number).map(|number| number.to_string()).unwrap_or_default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Accepted, A::Error> {
                let mut accepted = Vec::new();
                while let Some(Accepted(value)) = values.next_element()? {
                    accepted.extend(value);
                }
                if accepted.is_empty() { Err(Error::invalid_length(0, &self)) } else { Ok(Accepted(accepted)) }
            }
        }
        deserializer.deserialize_any(OneOrSeveral)
    }
}

fn one_number<E: Error>(text: &str) -> Result<Accepted, E> {
    let number = Decimal::parse(text).ok_or_else(|| E::custom(format_args!("{text} is not a number")))?;
    Ok(Accepted(vec![Scalar::Number(number)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(setting: &str) -> Accepted {
        serde_json::from_str(setting).unwrap()
    }

    fn accepts(setting: &str, value: &str) -> bool {
        read(setting).accepts(serde_json::from_str(value).unwrap())
    }

    #[test]
    fn a_value_is_accepted_by_type_and_value() {
        for (setting, value) in [
            (r#""é""#, r#""\u00e9""#),
            ("1", "1.0"),
            ("0.1", "1e-1"),
            ("true", "true"),
            (r#"["FR", 7, false]"#, "false"),
            ("9007199254740993", "9007199254740993"),
        ] {
            assert!(accepts(setting, value), "{setting} {value}");
        }
        for (setting, value) in [
            ("1", r#""1""#),
            (r#""true""#, "true"),
            ("9007199254740993", "9007199254740992"),
            (r#""""#, "null"),
            (r#"["a", "b"]"#, r#"["a"]"#),
            ("true", "false"),
        ] {
            assert!(!accepts(setting, value), "{setting} {value}");
        }
    }

    #[test]
    fn a_text_of_csv_is_read_as_what_it_is_compared_with() {
        assert!(read("3").accepts_text(" 3.0") && read("true").accepts_text("T") && read(r#""""#).accepts_text(""));
        assert!(!read("3").accepts_text("") && !read("false").accepts_text("") && !read(r#""3""#).accepts_text("3.0"));
    }

    #[test]
    fn the_setting_is_refused_unless_it_can_accept_something() {
        for invalid in ["null", "[]", "{}", "[null]", r#"{"not": 1}"#] {
            assert!(serde_json::from_str::<Accepted>(invalid).is_err(), "{invalid}");
        }
    }
}
