//! Numbers and durations for people.

use std::time::Duration;

use bytesize::ByteSize;
use indicatif::HumanCount;

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
}
