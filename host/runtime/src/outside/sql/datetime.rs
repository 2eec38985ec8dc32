//! Dates and times as text: ISO 8601, with a fraction of six digits or none.

use std::io::Write;

const MICROS_A_DAY: i64 = 86_400_000_000;

/// A day of the proleptic Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Day {
    /// Year 0 is 1 BC.
    pub(super) year: i64,
    pub(super) month: u8,
    pub(super) day: u8,
}

impl Day {
    /// The day so many days after 1 January 1970 (after Howard Hinnant's `civil_from_days`).
    pub(super) fn since_1970(days: i64) -> Self {
        let days = days + 719_468;
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        // Both are in the range of a calendar by now.
        Self { year, month: month as u8, day: day as u8 }
    }

    /// `2026-01-31`; for years before the first one, `0044-03-15`, which ` BC` follows.
    pub(super) fn write(self, out: &mut Vec<u8>) {
        let year = if self.year > 0 { self.year } else { 1 - self.year };
        let (month, day) = (self.month, self.day);
        // Writing to memory does not fail.
        let _ = write!(out, "{year:04}-{month:02}-{day:02}");
    }

    /// What follows the date, or the date and time.
    pub(super) fn write_era(self, out: &mut Vec<u8>) {
        if self.year <= 0 {
            out.extend_from_slice(b" BC");
        }
    }
}

/// `10:11:12`, or `10:11:12.500000`. At most 24:00:00.
pub(super) fn time(out: &mut Vec<u8>, micros: u64) {
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let _ = write!(out, "{hours:02}:{minutes:02}:{seconds:02}");
    fraction_of_a_second(out, fraction);
}

/// `.500000`, or nothing.
pub(super) fn fraction_of_a_second(out: &mut Vec<u8>, micros: u64) {
    if micros > 0 {
        let _ = write!(out, ".{micros:06}");
    }
}

/// A moment, in microseconds since 1970: `2026-01-31T10:11:12`, with this between date and time, and `zone` after it.
pub(super) fn timestamp(out: &mut Vec<u8>, micros: i64, separator: char, zone: &str) {
    let day = Day::since_1970(micros.div_euclid(MICROS_A_DAY));
    day.write(out);
    out.extend_from_slice(separator.encode_utf8(&mut [0; 4]).as_bytes());
    time(out, micros.rem_euclid(MICROS_A_DAY).unsigned_abs());
    out.extend_from_slice(zone.as_bytes());
    day.write_era(out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> String {
        let mut out = Vec::new();
        timestamp(&mut out, micros, 'T', "+00:00");
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_moment_is_written_as_python_writes_it() {
        assert_eq!(at(0), "1970-01-01T00:00:00+00:00");
        assert_eq!(at(-1), "1969-12-31T23:59:59.999999+00:00");
        assert_eq!(at(1_709_164_800_000_100), "2024-02-29T00:00:00.000100+00:00");
        assert_eq!(at(253_402_300_800_000_000), "10000-01-01T00:00:00+00:00");
        // 15 March 44 BC, as `SELECT extract(epoch FROM timestamp '0044-03-15 BC')` gives it.
        assert_eq!(at(-63_517_824_000_000_000), "0044-03-15T00:00:00+00:00 BC");
    }

    #[test]
    fn days_follow_each_other() {
        let mut before = Day::since_1970(-800_000);
        for days in -799_999..100_000 {
            let day = Day::since_1970(days);
            let is_next = (day.year, day.month, day.day) == (before.year, before.month, before.day + 1)
                || day.day == 1 && (day.year, day.month) == (before.year, before.month + 1)
                || day.day == 1 && day.month == 1 && before.month == 12 && day.year == before.year + 1;
            assert!(is_next, "{before:?} {day:?}");
            before = day;
        }
    }
}
