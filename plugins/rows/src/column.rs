//! What a CSV column holds, which itself has only texts.

use kiwi_loader::SettingValue;

use crate::decimal::is_number;

/// The type of the values of a CSV column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SettingValue)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    /// Numbers, whose digits are kept.
    Number,
    /// Booleans.
    Boolean,
}

impl ColumnType {
    /// Its name with its article, for messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Number => "a number as JSON writes it",
            Self::Boolean => "a boolean (`true` or `false`, `t` or `f`, `yes` or `no`, `y` or `n`, `1` or `0`)",
        }
    }

    /// The JSON value of a text; an empty one is null.
    pub(crate) fn json(self, text: &str) -> Option<&str> {
        let text = text.trim();
        match self {
            _ if text.is_empty() => Some("null"),
            Self::Number => is_number(text).then_some(text),
            Self::Boolean => boolean(text).map(|boolean| if boolean { "true" } else { "false" }),
        }
    }
}

/// What programs write for booleans.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    let is_one_of = |texts: [&str; 5]| texts.iter().any(|known| text.trim().eq_ignore_ascii_case(known));
    match text {
        _ if is_one_of(["true", "t", "yes", "y", "1"]) => Some(true),
        _ if is_one_of(["false", "f", "no", "n", "0"]) => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_digits() {
        let json = |text| ColumnType::Number.json(text);
        assert_eq!((json("1.10"), json(" -0.0 "), json("1e400")), (Some("1.10"), Some("-0.0"), Some("1e400")));
        assert_eq!((json(""), json("  ")), (Some("null"), Some("null")));
        assert_eq!((json("07"), json("1,5"), json("n/a")), (None, None, None));
    }

    #[test]
    fn booleans_are_what_programs_write() {
        let json = |text| ColumnType::Boolean.json(text);
        assert_eq!((json("TRUE"), json("y"), json("1")), (Some("true"), Some("true"), Some("true")));
        assert_eq!((json("f"), json(" No "), json("0")), (Some("false"), Some("false"), Some("false")));
        assert_eq!((json(""), json("maybe"), json("2")), (Some("null"), None, None));
    }
}
