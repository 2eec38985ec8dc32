//! Values of a database as JSON text, appended to a buffer.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Which bytes JSON does not take as they are.
const ESCAPED: [bool; 256] = {
    let mut escaped = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        escaped[byte] = true;
        byte += 1;
    }
    escaped[b'"' as usize] = true;
    escaped[b'\\' as usize] = true;
    escaped
};

/// A string, in quotes.
pub(super) fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut from = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if ESCAPED[usize::from(byte)] {
            out.extend_from_slice(&bytes[from..at]);
            from = at + 1;
            escape(out, byte);
        }
    }
    out.extend_from_slice(&bytes[from..]);
    out.push(b'"');
}

fn escape(out: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match byte {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        _ => {
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }
}

/// Text that a database sends as bytes.
///
/// # Errors
/// It is not UTF-8.
pub(super) fn text(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        format!("its text is not valid UTF-8 (at byte {at}): correct it in the database, or leave the column out")
    })?;
    string(out, text);
    Ok(())
}

/// Text that needs no escaping, such as a date, in quotes.
pub(super) fn plain(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

pub(super) fn integer(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// A number, in the fewest digits that give it back. What JSON has no number for becomes the text that PostgreSQL uses.
pub(super) fn float(out: &mut Vec<u8>, number: f64) {
    match number.is_finite() {
        true => finite(out, &number),
        false => not_finite(out, number),
    }
}

/// As [`float`], with the digits of a shorter number.
pub(super) fn float32(out: &mut Vec<u8>, number: f32) {
    match number.is_finite() {
        true => finite(out, &number),
        false => not_finite(out, number.into()),
    }
}

fn finite(out: &mut Vec<u8>, number: &impl serde::Serialize) {
    // Writing a number to memory does not fail.
    let _ = serde_json::to_writer(out, number);
}

fn not_finite(out: &mut Vec<u8>, number: f64) {
    let text = match number {
        _ if number.is_nan() => "NaN",
        _ if number > 0.0 => "Infinity",
        _ => "-Infinity",
    };
    plain(out, text);
}

/// Bytes as base64, in quotes.
pub(super) fn base64(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    // The slice has the very length that is needed.
    let written = STANDARD.encode_slice(bytes, &mut out[start..]).unwrap_or_default();
    out.truncate(start + written);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_keep_their_digits() {
        assert_eq!(written(|out| float(out, 0.1)), "0.1");
        assert_eq!(written(|out| float32(out, 0.1)), "0.1");
        assert_eq!(written(|out| float(out, f64::NAN)), "\"NaN\"");
        assert_eq!(written(|out| float32(out, f32::NEG_INFINITY)), "\"-Infinity\"");
        assert_eq!(written(|out| integer(out, i64::MIN)), "-9223372036854775808");
        assert_eq!(written(|out| base64(out, b"\0\xff\x10k")), "\"AP8Qaw==\"");
        assert!(text(&mut Vec::new(), b"ab\xff").unwrap_err().contains("at byte 2"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_back(value in any::<String>()) {
            prop_assert_eq!(serde_json::from_str::<String>(&written(|out| string(out, &value))).unwrap(), value);
        }
    }
}
