//! What the rows of a whole text are, by serde_json and csv. `None`: the text is not valid, or its rows are not.

use std::fmt;

use csv::ReaderBuilder;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::ShapeSettings;

/// Keys and values.
pub(super) type Rows = Vec<(String, String)>;

pub(super) fn is_json(value: &str) -> bool {
    serde_json::from_str::<&RawValue>(value).is_ok()
}

pub(super) fn is_document(text: &[u8]) -> bool {
    serde_json::from_slice::<&RawValue>(without_mark(text)).is_ok()
}

fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text)
}

/// A JSON object's members, in their order, values as they are written.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

pub(super) fn members(text: &[u8], settings: &ShapeSettings) -> Option<Rows> {
    let Members(members) = serde_json::from_str(document(text, settings)?).ok()?;
    let row = |(key, value): (String, &RawValue)| {
        let value = match &settings.columns {
            None => compact(value.get()),
            Some(columns) => pick(&compact(value.get()), columns)?,
        };
        Some((key, value))
    };
    members.into_iter().map(row).collect()
}

pub(super) fn elements(text: &[u8], settings: &ShapeSettings) -> Option<Rows> {
    let elements: Vec<&RawValue> = serde_json::from_str(document(text, settings)?).ok()?;
    elements.into_iter().map(|element| row(&compact(element.get()), settings)).collect()
}

pub(super) fn lines(text: &[u8], settings: &ShapeSettings) -> Option<Rows> {
    let lines = without_mark(text).split(|byte| *byte == b'\n');
    let lines = lines.map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    lines.map(|line| row(std::str::from_utf8(line).ok()?, settings)).collect()
}

pub(super) fn table(text: &[u8], settings: &ShapeSettings) -> Option<Rows> {
    let delimiter = u8::try_from(settings.delimiter).ok()?;
    let text = without_mark(text);
    let mut reader = ReaderBuilder::new().delimiter(delimiter).from_reader(text);
    let header = reader.headers().ok()?.clone();
    let is_twice = header.iter().any(|name| header.iter().filter(|other| *other == name).count() > 1);
    let place = |name: &str| header.iter().position(|other| other == name);
    let columns: Vec<_> = match &settings.columns {
        Some(columns) => columns.iter().map(|column| place(column)).collect::<Option<_>>()?,
        None => (0..header.len()).collect(),
    };
    let key = place("id").filter(|_| !is_twice)?;
    let mut rows = Rows::new();
    for record in reader.records() {
        let record = record.ok().filter(|record| !record[key].is_empty())?;
        let members = columns.iter().map(|&at| format!("{}:{}", quoted(&header[at]), quoted(&record[at])));
        rows.push((record[key].to_owned(), format!("{{{}}}", members.collect::<Vec<_>>().join(","))));
    }
    Some(rows)
}

fn row(text: &str, settings: &ShapeSettings) -> Option<(String, String)> {
    let Members(members) = serde_json::from_str(text).ok()?;
    let (_, key) = members.iter().find(|(name, _)| name == "id")?;
    let key = match serde_json::from_str::<&RawValue>(key.get()).ok()?.get() {
        text if text.starts_with('"') => serde_json::from_str(text).ok()?,
        number if number.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => number.to_owned(),
        _ => return None,
    };
    let value = match &settings.columns {
        None => text.to_owned(),
        Some(columns) => pick(text, columns)?,
    };
    Some((key, value)).filter(|(key, _)| !key.is_empty())
}

fn pick(object: &str, columns: &[String]) -> Option<String> {
    let Members(members) = serde_json::from_str(object).ok()?;
    let find = |column: &String| members.iter().find(|(name, _)| name == column);
    let picked = columns.iter().filter_map(find).map(|(name, value)| format!("{}:{}", quoted(name), value.get()));
    Some(format!("{{{}}}", picked.collect::<Vec<_>>().join(",")))
}

/// The value that the pointer leads to in a valid document.
fn document<'t>(text: &'t [u8], settings: &ShapeSettings) -> Option<&'t str> {
    let mut at = serde_json::from_slice::<&RawValue>(without_mark(text)).ok()?.get();
    for step in settings.pointer.iter().flat_map(|pointer| pointer.split('/').skip(1)) {
        let step = step.replace("~1", "/").replace("~0", "~");
        at = if at.starts_with('{') {
            let Members(members) = serde_json::from_str(at).ok()?;
            members.into_iter().find(|(name, _)| *name == step)?.1.get()
        } else {
            // RFC 6901: digits, and no zero in front of others.
            let index = step.parse::<usize>().ok().filter(|index| index.to_string() == step)?;
            *serde_json::from_str::<Vec<&RawValue>>(at)
                .ok()?
                .iter()
                .map(|element| element.get())
                .collect::<Vec<_>>()
                .get(index)?
        };
    }
    Some(at)
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// Without the white space outside of strings.
fn compact(json: &str) -> String {
    let (mut is_inside, mut is_escaped) = (false, false);
    let keep = |c: &char| {
        let is_kept = is_inside || !c.is_ascii_whitespace();
        is_inside ^= *c == '"' && !is_escaped;
        is_escaped = *c == '\\' && !is_escaped;
        is_kept
    };
    json.chars().filter(keep).collect()
}
