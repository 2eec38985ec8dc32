//! How long a store keeps data, as a value. It is set by `redis/scripts/ttl.lua`, and in `embedded/record.rs`;
//! its default comes from the timing in the host's configuration.

use std::time::Duration;

/// How long the store keeps a snapshot if nobody refills it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ttl {
    /// For this long, in whole milliseconds, after each refill or prolongation.
    For(Duration),
    /// Forever: `cache_ttl = "none"`.
    Forever,
}

impl Ttl {
    /// Milliseconds, 0 for forever: as the store keeps it.
    #[must_use]
    pub fn as_millis(self) -> u64 {
        match self {
            // A TTL of 0 would mean forever: the shortest is 1 ms.
            Self::For(duration) => u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).max(1),
            Self::Forever => 0,
        }
    }

    /// The inverse of [`Ttl::as_millis`].
    #[must_use]
    pub fn from_millis(millis: u64) -> Self {
        match millis {
            0 => Self::Forever,
            millis => Self::For(Duration::from_millis(millis)),
        }
    }
}
