//! What the rows of a whole text are, by serde_json and csv. `None`: the text is not valid, or its rows are not.

use std::collections::BTreeSet;
use std::fmt;

use csv::ReaderBuilder;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Case;

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

/// The rows of a JSON document: members of an object, or elements of an array.
pub(super) fn document(text: &[u8], case: &Case) -> Option<Rows> {
    let rows = pointed_at(text, case)?;
    if case.has_key {
        let elements: Vec<&RawValue> = serde_json::from_str(rows).ok()?;
        return selected(elements.into_iter().map(|element| (None, compact(element.get()))), case);
    }
    let Members(members) = serde_json::from_str(rows).ok()?;
    selected(members.into_iter().map(|(name, value)| (Some(name), compact(value.get()))), case)
}

pub(super) fn lines(text: &[u8], case: &Case) -> Option<Rows> {
    let lines = without_mark(text).split(|byte| *byte == b'\n');
    let lines = lines.map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let lines: Vec<_> =
        lines.map(|line| Some((None, std::str::from_utf8(line).ok()?.to_owned()))).collect::<Option<_>>()?;
    selected(lines.into_iter(), case)
}

pub(super) fn table(text: &[u8], case: &Case) -> Option<Rows> {
    let text = without_mark(text);
    let mut reader = ReaderBuilder::new().delimiter(if case.has_semicolons { b';' } else { b',' }).from_reader(text);
    let header = reader.headers().ok()?.clone();
    let is_twice = header.iter().any(|name| header.iter().filter(|other| *other == name).count() > 1);
    let place = |name: &str| header.iter().position(|other| other == name).filter(|_| !is_twice);
    let columns: Vec<_> = match &case.columns {
        Some(columns) => columns.iter().map(|column| place(column)).collect::<Option<_>>()?,
        None => (0..header.len()).collect(),
    };
    let key = key_fields(case).iter().map(|name| place(name)).collect::<Option<Vec<_>>>()?;
    let filter = if case.filters { Some(place("n")?) } else { None };
    let mut rows = Rows::new();
    for record in reader.records() {
        let record = record.ok()?;
        let is_accepted = |text: &str| {
            text == "FR" || ["true", "t", "yes", "y", "1"].contains(&text.trim().to_ascii_lowercase().as_str())
        };
        if !filter.is_none_or(|at| is_accepted(&record[at])) {
            continue;
        }
        if key.iter().any(|&at| record[at].is_empty()) {
            if case.skips {
                continue;
            }
            return None;
        }
        let members = columns.iter().map(|&at| format!("{}:{}", quoted(&header[at]), quoted(&record[at])));
        let value = format!("{{{}}}", members.collect::<Vec<_>>().join(","));
        rows.push((key.iter().map(|&at| record[at].to_owned()).collect::<Vec<_>>().join(":"), value));
    }
    without_duplicates(rows)
}

fn key_fields(case: &Case) -> &'static [&'static str] {
    match (case.has_key, case.has_long_key) {
        (true, true) => &["id", "n"],
        (true, false) => &["id"],
        (false, _) => &[],
    }
}

/// The entries of rows that are JSON text, with the name of each if it has one.
fn selected(rows: impl Iterator<Item = (Option<String>, String)>, case: &Case) -> Option<Rows> {
    let mut selected = Rows::new();
    let mut names = Vec::new();
    let mut count = 0;
    for (name, text) in rows {
        count += 1;
        if name.is_some() && case.columns.is_none() && !case.filters {
            selected.push((name?, text));
            continue;
        }
        let Members(members) = serde_json::from_str(&text).ok()?;
        names.extend(members.iter().map(|(name, _)| name.clone()));
        let find = |name: &str| members.iter().find(|(member, _)| member == name).map(|(_, value)| value.get());
        let is_accepted =
            |value: &str| value == "true" || serde_json::from_str::<String>(value).is_ok_and(|text| text == "FR");
        if case.filters && !find("n").is_some_and(is_accepted) {
            continue;
        }
        let key = match name {
            Some(name) => name,
            None => {
                let is_twice = |name: &str| members.iter().filter(|(member, _)| member == name).count() > 1;
                let part = |name: &&str| if is_twice(name) { Err(NoKey::Invalid) } else { key_part(find(name)) };
                let parts = key_fields(case).iter().map(part);
                match parts.collect::<Result<Vec<_>, _>>() {
                    Ok(parts) => parts.join(":"),
                    Err(NoKey::Missing) if case.skips => continue,
                    Err(_) => return None,
                }
            }
        };
        selected.push((key, case.columns.as_ref().map_or(Some(text.clone()), |columns| pick(&text, columns))?));
    }
    let wanted = key_fields(case).iter().copied().chain(case.filters.then_some("n"));
    let wanted = wanted.chain(case.columns.iter().flatten().map(String::as_str));
    let is_unseen = |wanted: &str| !names.iter().any(|name| name == wanted);
    let is_looked_at = count > 0 && (case.has_key || case.columns.is_some() || case.filters);
    if is_looked_at && wanted.into_iter().any(is_unseen) {
        return None;
    }
    without_duplicates(selected)
}

enum NoKey {
    Missing,
    Invalid,
}

fn key_part(value: Option<&str>) -> Result<String, NoKey> {
    match value {
        None | Some("null") => Err(NoKey::Missing),
        Some(text) if text.starts_with('"') => {
            let text: String = serde_json::from_str(text).map_err(|_| NoKey::Invalid)?;
            if text.is_empty() { Err(NoKey::Missing) } else { Ok(text) }
        }
        Some(number) if number.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => Ok(number.to_owned()),
        Some(_) => Err(NoKey::Invalid),
    }
}

fn without_duplicates(rows: Rows) -> Option<Rows> {
    let keys: BTreeSet<&String> = rows.iter().map(|(key, _)| key).collect();
    let is_valid = keys.len() == rows.len() && !keys.iter().any(|key| key.is_empty());
    is_valid.then_some(rows)
}

fn pick(object: &str, columns: &[String]) -> Option<String> {
    let Members(members) = serde_json::from_str(object).ok()?;
    let find = |column: &String| members.iter().find(|(name, _)| name == column);
    let picked = columns.iter().filter_map(find).map(|(name, value)| format!("{}:{}", quoted(name), value.get()));
    Some(format!("{{{}}}", picked.collect::<Vec<_>>().join(",")))
}

/// The value that the pointer leads to in a valid document.
fn pointed_at<'t>(text: &'t [u8], case: &Case) -> Option<&'t str> {
    let mut at = serde_json::from_slice::<&RawValue>(without_mark(text)).ok()?.get();
    for step in case.pointer.iter().flat_map(|pointer| pointer.split('/').skip(1)) {
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
