//! The text of a record, as kiwi-cache writes and reads it:
//! `{"data": {KEY: VALUE, ...}, "timestamp": SECONDS}`, with these two members and no other. Values are
//! kept as text, so that numbers keep their digits.

use std::borrow::Cow;
use std::fmt;
use std::io::Write;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::Batch;

const BEGINNING: &str = r#"{"data": {"#;
/// As long as the final end, which the script writes over it because only the server knows the time.
const END: &str = r#"}, "timestamp": 0000000000.000000}"#;

/// The record of one refill: the entries that were staged so far.
#[derive(Clone, Default)]
pub(crate) struct RecordText(String);

impl RecordText {
    pub(crate) fn push(&mut self, key: &str, value: &str) {
        let text = &mut self.0;
        text.push_str(if text.is_empty() { BEGINNING } else { ", " });
        text.push_str(&serde_json::to_string(key).expect("a text is JSON"));
        text.push_str(": ");
        text.push_str(value);
    }

    fn begun(&self) -> &str {
        if self.0.is_empty() { BEGINNING } else { &self.0 }
    }

    /// How long the whole record will be.
    pub(crate) fn bytes(&self) -> usize {
        self.begun().len() + END.len()
    }

    pub(crate) fn write_to(&self, mut out: impl Write) {
        let written = out.write_all(self.begun().as_bytes()).and_then(|()| out.write_all(END.as_bytes()));
        written.expect("memory takes what is written to it");
    }

    /// Whether it has a key. Slow: it reads all of it.
    pub(crate) fn contains_key(&self, key: &str) -> bool {
        let whole = format!("{}}}}}", self.begun());
        let parsed: Parsed = serde_json::from_str(&whole).unwrap_or_default();
        parsed.data.is_some_and(|data| data.0.iter().any(|(staged, _)| staged == key))
    }
}

/// Its length: the entries may be secret, and many.
impl fmt::Debug for RecordText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecordText({} bytes)", self.bytes())
    }
}

/// A record as it was read.
#[derive(Default)]
pub(crate) struct Parsed {
    data: Option<Data>,
    timestamp: Option<Option<f64>>,
    has_more: bool,
}

impl Parsed {
    /// The entries and when they were saved, since 1970; of what has these two members and no others.
    pub(crate) fn complete(self) -> Option<(Batch, Duration)> {
        let (data, timestamp) = (self.data?, self.timestamp?);
        let saved_at = timestamp.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        (!self.has_more).then(|| (data.0, saved_at.unwrap_or_default()))
    }
}

impl<'de> Deserialize<'de> for Parsed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Parsed;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with `data` and `timestamp`")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Parsed, A::Error> {
                let mut parsed = Parsed::default();
                while let Some(name) = members.next_key::<Cow<'_, str>>()? {
                    match &*name {
                        "data" => parsed.data = Some(members.next_value()?),
                        "timestamp" => parsed.timestamp = Some(members.next_value()?),
                        _ => {
                            members.next_value::<serde::de::IgnoredAny>()?;
                            parsed.has_more = true;
                        }
                    }
                }
                Ok(parsed)
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// The map in a record: values as they stand in it.
struct Data(Batch);

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Data;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of keys and values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Data, A::Error> {
                let mut batch = Batch::default();
                while let Some(key) = entries.next_key::<Cow<'_, str>>()? {
                    batch.push(&key, entries.next_value::<&RawValue>()?.get());
                }
                Ok(Data(batch))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(json: &[u8]) -> Option<(Batch, Duration)> {
        serde_json::from_slice::<Parsed>(json).ok()?.complete()
    }

    proptest! {
        #[test]
        fn what_is_pushed_is_read_back(entries in prop::collection::vec((".*", any::<(i64, String)>()), 0..20)) {
            let mut record = RecordText::default();
            let mut batch = Batch::default();
            for (key, value) in &entries {
                let value = serde_json::to_string(value).unwrap();
                record.push(key, &value);
                batch.push(key, &value);
                prop_assert!(record.contains_key(key));
            }
            let mut json = Vec::new();
            record.write_to(&mut json);
            prop_assert_eq!(json.len(), record.bytes());
            let json = String::from_utf8(json).unwrap().replace("0000000000.000000", "1700000000.123456");
            let (read, saved_at) = parse(json.as_bytes()).unwrap();
            prop_assert_eq!(read, batch);
            prop_assert_eq!(saved_at.as_secs(), 1_700_000_000);
        }

        #[test]
        fn no_bytes_make_it_panic(json in ".*") {
            let _ = parse(json.as_bytes());
        }
    }
}

#[cfg(test)]
mod fuzz {
    use serde_json::Value;

    use super::*;

    /// What a byte from 128 on stands for. Below that it stands for itself.
    const PIECES: &[&str] = &[
        r#"{"data": {"#,
        r#"}, "timestamp": 1700000000.123456}"#,
        r#""timestamp":"#,
        r#"{"timestamp":null,"data":{"#,
        r#""data":{"#,
        r#""FR":"#,
        r#""\u00e9":"#,
        r#""\ud800":"#,
        r#"{"n": 1.10, "o": [1e400]}"#,
        "-1e308",
        "1e400",
        "18446744073709551616",
        ", ",
        "}}",
        "\u{feff}",
        "é",
    ];

    /// A record is what serde_json reads as an object of exactly `data` and `timestamp`, and is read back as written.
    #[test]
    fn records() {
        bolero::check!().with_iterations(10_000).with_max_len(64).for_each(|input: &[u8]| {
            let piece = |byte: &u8| match byte.checked_sub(128) {
                None => char::from(*byte).to_string(),
                Some(index) => PIECES[usize::from(index) % PIECES.len()].to_owned(),
            };
            let json: String = input.iter().map(piece).collect();
            let read = serde_json::from_str::<Parsed>(&json).ok().and_then(Parsed::complete);
            let oracle: Option<Value> = serde_json::from_str(&json).ok();
            let members = oracle.as_ref().and_then(Value::as_object);
            // serde_json refuses numbers and depths here that a record may hold, so `oracle` may be missing.
            let is_record = members.is_some_and(|members| {
                let is_time = |time: &Value| time.is_null() || time.is_number();
                members.len() == 2
                    && members.get("data").is_some_and(Value::is_object)
                    && members.get("timestamp").is_some_and(is_time)
            });
            let Some((entries, _)) = read else {
                // Of a repeated member, only the last counts for `oracle`.
                let may_repeat = json.matches("data").count() + json.matches("timestamp").count() > 2;
                assert!(!is_record || may_repeat || json.contains("\\u"), "{json}");
                return;
            };
            assert!(is_record || members.is_none(), "{json}");
            if let Some(data) = members.and_then(|members| members["data"].as_object()) {
                let last = entries.iter().map(|(key, value)| (key.to_owned(), serde_json::from_str(value).unwrap()));
                assert_eq!(&last.collect::<serde_json::Map<_, _>>(), data, "{json}");
            }
            assert_eq!(written_and_read(&entries), entries, "{json}");
        });
    }

    /// Writes a record as a host does, and reads it.
    fn written_and_read(entries: &Batch) -> Batch {
        let mut record = RecordText::default();
        entries.iter().for_each(|(key, value)| record.push(key, value));
        assert!(entries.iter().all(|(key, _)| record.contains_key(key)));
        let mut json = Vec::new();
        record.write_to(&mut json);
        assert_eq!(json.len(), record.bytes());
        let time = b"1700000000.123456}";
        let begin = json.len() - time.len();
        json[begin..].copy_from_slice(time);
        serde_json::from_slice::<Parsed>(&json).unwrap().complete().unwrap().0
    }
}
