//! Values in MySQL's binary form, written as JSON.

use std::io::Write;

use mysql_async::consts::{ColumnFlags, ColumnType};
use mysql_async::{Column, Value};

use crate::outside::sql::datetime::fraction_of_a_second;
use crate::outside::sql::json;

/// The character set of bytes that are no text.
const BINARY: u16 = 63;

/// How a column's values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// As they come, also where they come as digits.
    Number,
    Bit,
    Date,
    DateTime,
    Time,
    /// MySQL's own type. MariaDB's JSON is text.
    Json,
    Text,
    Bytes,
}

impl Kind {
    pub(super) fn of(column: &Column) -> Self {
        use ColumnType::*;
        match column.column_type() {
            MYSQL_TYPE_TINY
            | MYSQL_TYPE_SHORT
            | MYSQL_TYPE_INT24
            | MYSQL_TYPE_LONG
            | MYSQL_TYPE_LONGLONG
            | MYSQL_TYPE_FLOAT
            | MYSQL_TYPE_DOUBLE
            | MYSQL_TYPE_DECIMAL
            | MYSQL_TYPE_NEWDECIMAL
            | MYSQL_TYPE_YEAR => Self::Number,
            MYSQL_TYPE_BIT => Self::Bit,
            MYSQL_TYPE_DATE | MYSQL_TYPE_NEWDATE => Self::Date,
            MYSQL_TYPE_DATETIME | MYSQL_TYPE_DATETIME2 | MYSQL_TYPE_TIMESTAMP | MYSQL_TYPE_TIMESTAMP2 => Self::DateTime,
            MYSQL_TYPE_TIME | MYSQL_TYPE_TIME2 => Self::Time,
            MYSQL_TYPE_JSON => Self::Json,
            MYSQL_TYPE_GEOMETRY => Self::Bytes,
            _ if column.character_set() == BINARY && column.flags().contains(ColumnFlags::BINARY_FLAG) => Self::Bytes,
            _ => Self::Text,
        }
    }
}

/// Writes a value, with this between date and time.
///
/// # Errors
/// Its text is not UTF-8.
pub(super) fn write(out: &mut Vec<u8>, kind: Kind, value: &Value, separator: char) -> Result<(), String> {
    match (kind, value) {
        (_, Value::NULL) => out.extend_from_slice(b"null"),
        (Kind::Number | Kind::Json, Value::Bytes(bytes)) => out.extend_from_slice(bytes),
        (Kind::Bit, Value::Bytes(bytes)) => {
            json::integer(out, bytes.iter().fold(0, |number: u64, byte| number << 8 | u64::from(*byte)));
        }
        (Kind::Text | Kind::Date | Kind::DateTime | Kind::Time, Value::Bytes(bytes)) => json::text(out, bytes)?,
        (Kind::Bytes, Value::Bytes(bytes)) => json::base64(out, bytes),
        (_, Value::Int(number)) => json::integer(out, *number),
        (_, Value::UInt(number)) => json::integer(out, *number),
        (_, Value::Float(number)) => json::float32(out, *number),
        (_, Value::Double(number)) => json::float(out, *number),
        (_, Value::Date(year, month, day, hours, minutes, seconds, micros)) => {
            // Writing to memory does not fail.
            let _ = write!(out, "\"{year:04}-{month:02}-{day:02}");
            if kind != Kind::Date {
                let _ = write!(out, "{separator}{hours:02}:{minutes:02}:{seconds:02}");
                fraction_of_a_second(out, u64::from(*micros));
            }
            out.push(b'"');
        }
        (_, Value::Time(is_negative, days, hours, minutes, seconds, micros)) => {
            let (sign, hours) = (if *is_negative { "-" } else { "" }, u64::from(*days) * 24 + u64::from(*hours));
            let _ = write!(out, "\"{sign}{hours:02}:{minutes:02}:{seconds:02}");
            fraction_of_a_second(out, u64::from(*micros));
            out.push(b'"');
        }
    }
    Ok(())
}

/// A type as the database spells it, as far as its protocol tells.
pub(super) fn type_name(column: &Column) -> String {
    let name = format!("{:?}", column.column_type());
    name.trim_start_matches("MYSQL_TYPE_").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(kind: Kind, value: Value) -> String {
        let mut out = Vec::new();
        write(&mut out, kind, &value, ' ').unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values_are_written_as_the_database_shows_them() {
        assert_eq!(written(Kind::Number, Value::Bytes(b"1.10".to_vec())), "1.10");
        assert_eq!(written(Kind::Bit, Value::Bytes(vec![1, 2])), "258");
        assert_eq!(written(Kind::Date, Value::Date(0, 0, 0, 0, 0, 0, 0)), "\"0000-00-00\"");
        assert_eq!(written(Kind::DateTime, Value::Date(2026, 1, 2, 3, 4, 5, 60)), "\"2026-01-02 03:04:05.000060\"");
        assert_eq!(written(Kind::Time, Value::Time(true, 34, 22, 59, 59, 999_999)), "\"-838:59:59.999999\"");
        assert_eq!(written(Kind::Bytes, Value::Bytes(vec![0])), "\"AA==\"");
        assert_eq!(written(Kind::Number, Value::Float(0.1)), "0.1");
    }
}
