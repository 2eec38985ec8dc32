//! Numbers as they are written, compared by their value and without rounding.

use serde_json::value::RawValue;

/// The value of a number as JSON writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    is_negative: bool,
    /// Without zeros at either end; empty for zero.
    digits: String,
    /// The power of ten of the last digit.
    exponent: i64,
}

impl Decimal {
    /// `None`: the text is not a number as JSON writes it, or its exponent has more than 18 digits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if !is_number(text) {
            return None;
        }
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (is_negative, mantissa) = match mantissa.strip_prefix('-') {
            Some(mantissa) => (true, mantissa),
            None => (false, mantissa),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = [whole, fraction].concat();
        let digits = all.trim_end_matches('0');
        let zeros = i64::try_from(all.len() - digits.len()).ok()?;
        let exponent =
            exponent.parse::<i64>().ok()?.checked_sub(fraction.len().try_into().ok()?)?.checked_add(zeros)?;
        match digits.trim_start_matches('0') {
            "" => Some(Self { is_negative: false, digits: String::new(), exponent: 0 }),
            digits => Some(Self { is_negative, digits: digits.to_owned(), exponent }),
        }
    }
}

/// Whether a text is a number as JSON writes it, and nothing else.
pub(crate) fn is_number(text: &str) -> bool {
    text.starts_with(|first: char| first == '-' || first.is_ascii_digit())
        && serde_json::from_str::<&RawValue>(text).is_ok_and(|value| value.get() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn are_equal(a: &str, b: &str) -> bool {
        Decimal::parse(a).unwrap() == Decimal::parse(b).unwrap()
    }

    #[test]
    fn numbers_are_equal_by_value() {
        for (a, b) in [("1", "1.0"), ("-0.0", "0"), ("1200", "1.2e3"), ("0.05", "5E-2"), ("1e+2", "100")] {
            assert!(are_equal(a, b), "{a} {b}");
        }
        for (a, b) in [("1", "-1"), ("1", "10"), ("1152921504606846977", "1152921504606846976"), ("0.1", "0.10001")] {
            assert!(!are_equal(a, b), "{a} {b}");
        }
    }

    #[test]
    fn only_numbers_as_json_writes_them_are_numbers() {
        for number in ["0", "-1", "1.10", "1E+400", "12345678901234567890"] {
            assert!(is_number(number), "{number}");
        }
        for other in ["", " 1", "1 ", "+1", "01", "1.", ".5", "NaN", "1,000", "0x1", "true", "\"1\"", "[1]", "-"] {
            assert!(!is_number(other), "{other}");
        }
        assert_eq!(Decimal::parse("1e99999999999999999999"), None);
    }
}
