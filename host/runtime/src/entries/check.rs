//! What an entry must be to be published.

use jiter::Jiter;

use crate::config::limits::Limits;
use crate::failure::{Failure, FailureKind};
use crate::printable;

/// The deepest nesting serde_json reads: whatever the limits say, a reader could not read more.
const MAX_DEPTH: u64 = 127;
/// The longest key LMDB holds.
const MAX_KEY_BYTES: u64 = 511;

/// Checks how large an entry is: a key that is not empty, and neither too long.
///
/// # Errors
/// Names the entry, and what is wrong with it.
pub(crate) fn check_size(key: &str, value: &str, limits: &Limits) -> Result<(), Failure> {
    if key.is_empty() {
        return Err(Failure::new(
            FailureKind::InvalidEntry,
            "an entry has an empty key: expected a key of at least one character",
        ));
    }
    let max_bytes = limits.key_bytes.min(MAX_KEY_BYTES);
    if key.len() as u64 > max_bytes {
        let allowed = printable::bytes(max_bytes);
        let message =
            format!("the key {} has {} bytes, more than the {allowed} allowed", printable::quoted(key), key.len());
        return Err(Failure::limit("key_bytes", message));
    }
    if value.len() as u64 > limits.value_bytes {
        let message = format!(
            "the value of key {} has {} bytes, more than the {} allowed",
            printable::quoted(key),
            value.len(),
            printable::bytes(limits.value_bytes)
        );
        return Err(Failure::limit("value_bytes", message));
    }
    Ok(())
}

/// Checks what a value is: JSON text that every reader can read.
///
/// # Errors
/// Names the entry, and what is wrong with it.
pub(crate) fn check_value(key: &str, value: &str, limits: &Limits) -> Result<(), Failure> {
    check_depth(key, value, limits)?;
    check_json(key, value)
}

/// jiter, unlike serde_json's `IgnoredAny`, also refuses lone surrogates ("\ud800"), which no
/// reader can decode.
fn check_json(key: &str, value: &str) -> Result<(), Failure> {
    let mut json = Jiter::new(value.as_bytes());
    json.next_skip().and_then(|()| json.finish()).map_err(|error| {
        let at = error.get_position(&json);
        Failure::new(
            FailureKind::InvalidEntry,
            format!(
                "the value of key {} is not JSON: {} at {at}; it is {}",
                printable::quoted(key),
                error.error_type,
                printable::quoted(value)
            ),
        )
    })
}

/// Checks how deep a value is nested. Runs before the JSON check, whose own limit is another. Brackets in strings count
/// only where there are enough of them to look closer.
///
/// # Errors
/// Names the entry, and what is allowed.
pub(crate) fn check_depth(key: &str, value: &str, limits: &Limits) -> Result<(), Failure> {
    let deepest = limits.json_depth.min(MAX_DEPTH);
    // What is opened must be closed: a short value needs no counting.
    let is_short = value.len() as u64 <= 2 * deepest;
    let brackets = || value.bytes().filter(|byte| matches!(byte, b'[' | b'{')).count() as u64;
    if !is_short && brackets() > deepest && depth(value) > deepest {
        let message = format!("the value of key {} is nested more than {deepest} deep", printable::quoted(key));
        return Err(Failure::limit("json_depth", message));
    }
    Ok(())
}

fn depth(value: &str) -> u64 {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0u64, 0, false, false);
    for byte in value.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(key: &str, value: &str, limits: &Limits) -> Result<(), Failure> {
        check_size(key, value, limits)?;
        check_value(key, value, limits)
    }

    fn kind(key: &str, value: &str) -> Option<FailureKind> {
        check(key, value, &Limits::default()).err().map(|failure| failure.kind)
    }

    #[test]
    fn an_entry_is_a_key_and_one_json_value() {
        for good in
            ["null", "1.10", "1180591620717411303424", "\"é\"", "[1, {\"a\": [true]}]", " 1 ", r#""\ud83d\ude00""#]
        {
            assert_eq!(kind("k", good), None, "{good}");
        }
        for bad in ["", "nul", "1 2", "{\"a\":}", "'a'", "NaN", r#""\ud800""#, "[1,]", "\"\u{1}\""] {
            assert_eq!(kind("k", bad), Some(FailureKind::InvalidEntry), "{bad}");
        }
        assert_eq!(kind("", "1"), Some(FailureKind::InvalidEntry));
        assert_eq!(kind(&"k".repeat(511), "1"), None);
        assert_eq!(kind(&"k".repeat(512), "1"), Some(FailureKind::Limit));
        assert_eq!(kind("k", &format!("\"{}\"", "x".repeat(1 << 20))), Some(FailureKind::Limit));
    }

    #[test]
    fn nesting_is_counted_outside_of_strings() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(kind("k", &nested(127)), None);
        assert_eq!(kind("k", &nested(128)), Some(FailureKind::Limit));
        assert_eq!(kind("k", &"[".repeat(100_000)), Some(FailureKind::Limit));
        assert_eq!(kind("k", &format!("\"\\\"{}\"", "[".repeat(1000))), None);
        let shallow = Limits { json_depth: 1, ..Limits::default() };
        assert!(check("k", "[1]", &shallow).is_ok());
        assert!(check("k", "[[1]]", &shallow).unwrap_err().message.contains("limits.json_depth"));
    }

    proptest! {
        #[test]
        fn what_is_let_through_is_read_by_serde_json(value in "[\\[\\]{}:,\"a-c\\\\0-9.eEtrufalsn -]{0,24}") {
            if check("k", &value, &Limits::default()).is_ok() {
                prop_assert!(serde_json::from_str::<&serde_json::value::RawValue>(&value).is_ok(), "{}", value);
            }
        }

        #[test]
        fn every_json_value_is_let_through(value in any::<(String, i64, bool)>()) {
            let value = serde_json::json!([{ value.0.clone(): value.1 }, value.2, value.0]);
            prop_assert!(check("k", &value.to_string(), &Limits::default()).is_ok());
        }
    }
}
