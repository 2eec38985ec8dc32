//! Durations and sizes as people write them.

use std::time::Duration;

use bytesize::ByteSize;
use kiwi_store::{Error, Result, Ttl};

const MIN_DURATION: Duration = Duration::from_millis(1);
/// Ten years: nobody waits longer, and no sum of such durations overflows.
const MAX_DURATION: Duration = Duration::from_secs(10 * 365 * 86_400);

/// Reads a duration such as `500ms`, `60s`, `5m`, `1h 30m` or `7d`; not zero.
///
/// # Errors
/// It is not a duration, or zero (`is_invalid`).
pub fn parse_duration(text: &str) -> Result<Duration> {
    match humantime::parse_duration(text) {
        Ok(duration) if (MIN_DURATION..=MAX_DURATION).contains(&duration) => Ok(duration),
        _ => Err(Error::invalid(format!(
            "`{}` is not a valid duration: expected for example `500ms`, `60s`, `5m` or `1h 30m`",
            text.escape_debug()
        ))),
    }
}

/// Reads a duration, or `none` for a TTL without end.
///
/// # Errors
/// It is neither (`is_invalid`).
pub fn parse_ttl(text: &str) -> Result<Ttl> {
    if text == "none" {
        return Ok(Ttl::Forever);
    }
    parse_duration(text).map(Ttl::For).map_err(|_| {
        Error::invalid(format!(
            "`{}` is not a valid TTL: expected a duration such as `1h`, or `none` to keep it forever",
            text.escape_debug()
        ))
    })
}

/// Reads a number of bytes such as `64 MiB`, `1GB` or `4096`; not zero.
///
/// # Errors
/// It is not a duration, or zero (`is_invalid`).
pub fn parse_size(text: &str) -> Result<u64> {
    match text.parse::<ByteSize>() {
        Ok(size) if size.as_u64() > 0 => Ok(size.as_u64()),
        _ => Err(Error::invalid(format!(
            "`{}` is not a valid size: expected for example `64 MiB` or `4096`",
            text.escape_debug()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_are_read_as_people_write_them() {
        assert_eq!(parse_duration("1h 30m").unwrap(), Duration::from_secs(5400));
        assert_eq!(parse_duration("500ms").unwrap(), Duration::from_millis(500));
        assert_eq!(parse_ttl("none").unwrap(), Ttl::Forever);
        assert_eq!(parse_ttl("7d").unwrap(), Ttl::For(Duration::from_secs(7 * 86_400)));
        assert_eq!(parse_size("64 MiB").unwrap(), 64 << 20);
        assert_eq!(parse_size("4096").unwrap(), 4096);
        for bad in ["", "0s", "60", "-1s", "soon", "1ns", "11years", "18446744073709551615s"] {
            assert!(parse_duration(bad).unwrap_err().is_invalid(), "{bad}");
            assert!(parse_ttl(bad).unwrap_err().is_invalid(), "{bad}");
        }
        for bad in ["", "0", "-1", "big"] {
            assert!(parse_size(bad).unwrap_err().is_invalid(), "{bad}");
        }
    }
}
