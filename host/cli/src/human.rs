//! Numbers, durations, times and foreign text, as results show them.

use std::time::{Duration, SystemTime};

use bytesize::ByteSize;
use indicatif::HumanCount;

use crate::visible;

/// A duration, rounded down to about two units: `850ms`, `12s`, `4m 10s`, `3h 5m`, `2days 7h`.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let rounded = match seconds {
        0 if duration.as_millis() == 0 => Duration::from_micros(duration.subsec_micros().into()),
        0 => Duration::from_millis(duration.subsec_millis().into()),
        1..3_600 => Duration::from_secs(seconds),
        3_600..86_400 => Duration::from_secs(seconds / 60 * 60),
        _ => Duration::from_secs(seconds / 3_600 * 3_600),
    };
    humantime::format_duration(rounded).to_string()
}

/// A whole number of milliseconds, as JSON shows a duration.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A time to the second: `2026-11-25T02:14:05Z`.
pub(crate) fn time(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(printable_time(time)).to_string()
}

/// A time to the millisecond, as JSON shows it: `2026-11-25T02:14:05.120Z`.
pub(crate) fn exact_time(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(printable_time(time)).to_string()
}

/// RFC 3339 has four digits for the year, and a store may hold any time.
fn printable_time(time: SystemTime) -> SystemTime {
    const END_OF_9999: Duration = Duration::from_secs(253_402_300_799);
    time.clamp(SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + END_OF_9999)
}

/// Text that others wrote, on one line, in visible characters.
pub(crate) fn one_line(text: &str) -> String {
    visible::text(text.trim_end()).into_owned()
}

/// A number of bytes: `812 B`, `4.2 KiB`, `1.0 GiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    ByteSize(bytes).display().iec().to_string()
}

/// A number with thousands separators: `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    HumanCount(number).to_string()
}

/// A number of entries: `1 entry`, `398 entries`.
pub(crate) fn entries(number: u64) -> String {
    let noun = if number == 1 { "entry" } else { "entries" };
    format!("{} {noun}", count(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let durations = [0, 850, 12_000, 250_000, 11_100_000, 200_000_000];
        let durations = durations.map(|ms| duration(Duration::from_millis(ms)));
        assert_eq!(durations, ["0s", "850ms", "12s", "4m 10s", "3h 5m", "2days 7h"]);
        assert_eq!(duration(Duration::from_nanos(42_999)), "42us");
        assert_eq!([0, 812, 4_300, 1 << 30, 1 << 50].map(bytes), ["0 B", "812 B", "4.2 KiB", "1.0 GiB", "1.0 PiB"]);
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0, 1, 2].map(entries), ["0 entries", "1 entry", "2 entries"]);
    }

    #[test]
    fn times_are_rfc_3339_whatever_the_store_holds() {
        let at = |ms| SystemTime::UNIX_EPOCH + Duration::from_millis(ms);
        assert_eq!(time(at(1_764_036_845_120)), "2025-11-25T02:14:05Z");
        assert_eq!(exact_time(at(1_764_036_845_120)), "2025-11-25T02:14:05.120Z");
        assert_eq!(exact_time(at(1_000_000_000_000_000)), "9999-12-31T23:59:59.000Z");
        assert_eq!(time(SystemTime::UNIX_EPOCH - Duration::from_secs(1)), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn foreign_text_stays_on_its_line() {
        let text = "a\nb\u{1b}[31m \u{202e}c\u{2028}d\u{9b} é\n";
        assert_eq!(one_line(text), r"a\nb\u{1b}[31m \u{202e}c\u{2028}d\u{9b} é");
    }
}
