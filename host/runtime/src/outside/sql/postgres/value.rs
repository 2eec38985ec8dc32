//! Values in PostgreSQL's binary form, written as JSON.

use super::kind::Kind;
use super::numeric::numeric;
use crate::outside::sql::datetime::{self, Day};
use crate::outside::sql::json;

/// 1 January 2000, where PostgreSQL's calendar begins, in days since 1970.
const DAYS_TO_2000: i64 = 10_957;
const MICROS_TO_2000: i64 = DAYS_TO_2000 * 86_400_000_000;

/// Writes a value, with this between date and time.
///
/// # Errors
/// It is not as PostgreSQL sends it, or its text is not UTF-8.
pub(super) fn write(out: &mut Vec<u8>, kind: Kind, raw: &[u8], separator: char) -> Result<(), String> {
    match kind {
        Kind::Bool => out.extend_from_slice(if raw == [0] { b"false" } else { b"true" }),
        Kind::Int2 => json::integer(out, i16::from_be_bytes(sized(raw)?)),
        Kind::Int4 => json::integer(out, i32::from_be_bytes(sized(raw)?)),
        Kind::Int8 => json::integer(out, i64::from_be_bytes(sized(raw)?)),
        Kind::Oid => json::integer(out, u32::from_be_bytes(sized(raw)?)),
        Kind::Float4 => json::float32(out, f32::from_be_bytes(sized(raw)?)),
        Kind::Float8 => json::float(out, f64::from_be_bytes(sized(raw)?)),
        Kind::Numeric => numeric(out, raw)?,
        Kind::Date => date(out, i32::from_be_bytes(sized(raw)?)),
        Kind::Time => {
            out.push(b'"');
            datetime::time(out, u64::from_be_bytes(sized(raw)?));
            out.push(b'"');
        }
        Kind::Timestamp => timestamp(out, i64::from_be_bytes(sized(raw)?), separator, ""),
        Kind::TimestampTz => timestamp(out, i64::from_be_bytes(sized(raw)?), separator, "+00:00"),
        Kind::Uuid => uuid(out, sized(raw)?),
        Kind::Json => out.extend_from_slice(raw),
        Kind::Jsonb => match raw {
            [1, json @ ..] => out.extend_from_slice(json),
            _ => return Err("the database has sent `jsonb` of an unknown version".to_owned()),
        },
        Kind::Bytea => json::base64(out, raw),
        Kind::Text => json::text(out, raw)?,
    }
    Ok(())
}

fn sized<const N: usize>(raw: &[u8]) -> Result<[u8; N], String> {
    raw.try_into().map_err(|_| format!("the database has sent {} bytes where {N} were expected", raw.len()))
}

fn date(out: &mut Vec<u8>, days: i32) {
    match days {
        i32::MAX => json::plain(out, "infinity"),
        i32::MIN => json::plain(out, "-infinity"),
        _ => {
            let day = Day::since_1970(i64::from(days) + DAYS_TO_2000);
            out.push(b'"');
            day.write(out);
            day.write_era(out);
            out.push(b'"');
        }
    }
}

fn timestamp(out: &mut Vec<u8>, micros: i64, separator: char, zone: &str) {
    match micros {
        i64::MAX => json::plain(out, "infinity"),
        i64::MIN => json::plain(out, "-infinity"),
        _ => {
            out.push(b'"');
            datetime::timestamp(out, micros.saturating_add(MICROS_TO_2000), separator, zone);
            out.push(b'"');
        }
    }
}

fn uuid(out: &mut Vec<u8>, raw: [u8; 16]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for (place, byte) in raw.into_iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
    }
    out.push(b'"');
}
