//! Whether two JSON texts represent the same value. kiwi-cache formats JSON differently from a loader: other spaces and
//! escapes, and maybe another order of members.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// Whether both represent the same value. Numbers must have the same digits: `1.1` is not `1.10`.
pub(super) fn is_same_value(one: &RawValue, other: &RawValue) -> bool {
    let (one, other) = (one.get(), other.get());
    if one == other {
        return true;
    }
    match (one.as_bytes().first(), other.as_bytes().first()) {
        (Some(b'"'), Some(b'"')) => both::<Cow<'_, str>>(one, other).is_some_and(|(one, other)| one == other),
        (Some(b'['), Some(b'[')) => both::<Vec<&RawValue>>(one, other).is_some_and(|(one, other)| {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same_value(one, other))
        }),
        (Some(b'{'), Some(b'{')) => {
            both::<BTreeMap<Cow<'_, str>, &RawValue>>(one, other).is_some_and(|(one, other)| {
                let mut members = one.iter().zip(&other);
                one.len() == other.len()
                    && members.all(|((name, one), (other_name, other))| name == other_name && is_same_value(one, other))
            })
        }
        _ => false,
    }
}

fn both<'a, T: serde::Deserialize<'a>>(one: &'a str, other: &'a str) -> Option<(T, T)> {
    Some((serde_json::from_str(one).ok()?, serde_json::from_str(other).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_same(one: &str, other: &str) -> bool {
        let [one, other] = [one, other].map(|text| RawValue::from_string(text.to_owned()).unwrap());
        is_same_value(&one, &other)
    }

    #[test]
    fn spaces_escapes_and_the_order_of_members_do_not_matter() {
        let of_python = r#"{"name": "Ryanair \u0160", "p": [1.10, null, {}], "q": true}"#;
        assert!(is_same(of_python, r#"{"q":true,"p":[1.10,null,{}],"name":"Ryanair Š"}"#));
        assert!(is_same(r#""\u00e9\/""#, r#""é/""#));
        assert!(is_same("{}", "{ }"));
    }

    #[test]
    fn digits_types_names_and_the_order_of_elements_do_matter() {
        for (one, other) in [
            ("1.10", "1.1"),
            ("1", "\"1\""),
            ("null", "false"),
            ("[]", "{}"),
            ("[1,2]", "[2,1]"),
            ("[1]", "[1,2]"),
            (r#"{"a":1}"#, r#"{"b":1}"#),
            (r#"{"a":1}"#, r#"{"a":1,"b":1}"#),
            (r#"{"a":[1.10]}"#, r#"{"a": [1.1]}"#),
        ] {
            assert!(!is_same(one, other) && !is_same(other, one), "{one} {other}");
        }
    }
}
