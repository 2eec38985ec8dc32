//! A TOML value as text, as a number, as a table, or as JSON. Messages show no value but integers.

use serde_json::{Map, Number};
use toml_edit::{Array, Item, Key, TableLike, Value};

pub(crate) fn text(item: &Item) -> Result<&str, String> {
    item.as_str().ok_or_else(|| mismatch("a string", item))
}

pub(crate) fn table(item: &Item) -> Result<&dyn TableLike, String> {
    item.as_table_like().ok_or_else(|| mismatch("a table", item))
}

/// A list that has nothing but strings.
pub(crate) fn texts(item: &Item) -> Result<&Array, String> {
    let list = item.as_array().filter(|items| items.iter().all(Value::is_str));
    list.ok_or_else(|| mismatch("a list of strings", item))
}

/// A whole number that is not negative.
pub(crate) fn number(item: &Item) -> Option<u64> {
    item.as_integer()?.try_into().ok()
}

/// The message for a value of the wrong type.
pub(crate) fn mismatch(expected: &str, item: &Item) -> String {
    match item.as_integer() {
        Some(integer) => format!("expected {expected}, found {integer}"),
        None if item.is_array() || item.is_inline_table() || item.is_array_of_tables() => {
            format!("expected {expected}, found an {}", item.type_name())
        }
        None => format!("expected {expected}, found a {}", item.type_name()),
    }
}

/// A table as the JSON object that a loader gets as its settings.
pub(crate) fn json_object(table: &dyn TableLike) -> Result<Map<String, serde_json::Value>, String> {
    let entry = |(key, item): (&str, &Item)| {
        let value = json(item).map_err(|message| format!("{}: {message}", quoted(key)))?;
        Ok((key.to_owned(), value))
    };
    table.iter().map(entry).collect()
}

/// A key as it is written in TOML, with quotes if it needs them.
pub(crate) fn quoted(key: &str) -> String {
    Key::new(key).display_repr().into_owned()
}

fn json(item: &Item) -> Result<serde_json::Value, String> {
    Ok(match item {
        Item::None => serde_json::Value::Null,
        Item::Value(value) => json_value(value)?,
        Item::Table(table) => json_object(table)?.into(),
        Item::ArrayOfTables(tables) => {
            tables.iter().map(|table| json_object(table).map(serde_json::Value::from)).collect::<Result<_, String>>()?
        }
    })
}

fn json_value(value: &Value) -> Result<serde_json::Value, String> {
    Ok(match value {
        Value::String(text) => text.value().as_str().into(),
        Value::Integer(integer) => (*integer.value()).into(),
        Value::Float(float) => {
            let number = Number::from_f64(*float.value());
            number.ok_or("expected a number that JSON can represent")?.into()
        }
        Value::Boolean(flag) => (*flag.value()).into(),
        Value::Datetime(datetime) => datetime.value().to_string().into(),
        Value::Array(items) => items.iter().map(json_value).collect::<Result<_, String>>()?,
        Value::InlineTable(table) => json_object(table)?.into(),
    })
}
