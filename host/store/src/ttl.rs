//! How long a store keeps data.

use std::time::Duration;

/// How long the store keeps a snapshot if nobody refills it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ttl {
    /// For this long, in whole milliseconds, from each refill or prolongation on.
    For(Duration),
    /// For ever: `cache_ttl = "none"`.
    Forever,
}

impl Ttl {
    /// Milliseconds, 0 for ever: as it stands in the store.
    #[must_use]
    pub fn as_millis(self) -> u64 {
        match self {
            // A TTL of 0 would mean "for ever": the shortest is 1 ms.
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
