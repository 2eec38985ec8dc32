//! NUMERIC: digits to the base of 10,000.

use crate::outside::sql::json;

/// Writes a number with all its digits.
///
/// # Errors
/// It is not as PostgreSQL sends it.
pub(super) fn numeric(out: &mut Vec<u8>, raw: &[u8]) -> Result<(), String> {
    let (words, rest) = raw.as_chunks::<2>();
    let [count, weight, sign, scale, digits @ ..] = words else { return Err(cut()) };
    let (count, weight) = (u16::from_be_bytes(*count), i32::from(i16::from_be_bytes(*weight)));
    if digits.len() != usize::from(count) || !rest.is_empty() {
        return Err(cut());
    }
    match u16::from_be_bytes(*sign) {
        0 => {}
        0x4000 => out.push(b'-'),
        0xD000 => {
            json::plain(out, "Infinity");
            return Ok(());
        }
        0xF000 => {
            json::plain(out, "-Infinity");
            return Ok(());
        }
        _ => {
            json::plain(out, "NaN");
            return Ok(());
        }
    }
    // That of 10,000 to the power of `weight - place`.
    let digit = |place: i32| {
        let digit = usize::try_from(place).ok().and_then(|place| digits.get(place));
        digit.map_or(0, |digit| u16::from_be_bytes(*digit))
    };
    json::integer(out, if weight < 0 { 0 } else { digit(0) });
    for place in 1..=weight {
        four(out, digit(place));
    }
    let scale = usize::from(u16::from_be_bytes(*scale));
    if scale > 0 {
        out.push(b'.');
        let end = out.len() + scale;
        let mut place = weight + 1;
        while out.len() < end {
            four(out, digit(place));
            place += 1;
        }
        out.truncate(end);
    }
    Ok(())
}

fn four(out: &mut Vec<u8>, digit: u16) {
    let ascii = |digit: u16| b'0' + (digit % 10) as u8;
    out.extend_from_slice(&[ascii(digit / 1000), ascii(digit / 100), ascii(digit / 10), ascii(digit)]);
}

fn cut() -> String {
    "the database has sent a number of an unknown form".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(weight: i16, sign: u16, scale: u16, digits: &[u16]) -> String {
        let words = [digits.len() as u16, weight as u16, sign, scale];
        let raw: Vec<u8> = words.iter().chain(digits).flat_map(|word| word.to_be_bytes()).collect();
        let mut out = Vec::new();
        numeric(&mut out, &raw).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn all_digits_are_kept() {
        assert_eq!(written(0, 0, 0, &[]), "0");
        assert_eq!(written(0, 0, 2, &[1, 1000]), "1.10");
        assert_eq!(written(-1, 0x4000, 4, &[1]), "-0.0001");
        assert_eq!(written(-3, 0, 12, &[1234]), "0.000000001234");
        assert_eq!(written(2, 0, 0, &[1]), "100000000");
        assert_eq!(written(1, 0x4000, 10, &[1, 2345, 6780]), "-12345.6780000000");
        assert_eq!(written(0, 0xC000, 0, &[]), "\"NaN\"");
        assert!(numeric(&mut Vec::new(), &[0, 1, 0, 0, 0, 0, 0, 0]).is_err());
    }
}
