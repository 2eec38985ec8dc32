//! How many failures a reader tolerates: kiwi-cache's `max_attempts`, a pure count.

/// How many attempts `get_or_refill` makes to load a first snapshot, and what a read returns when they fail: see
/// [`Builder::max_attempts`](crate::Builder::max_attempts). A failure is a load that failed, a host that published
/// nothing in time, or a store that was away.
///
/// ```no_run
/// # async fn example() -> Result<(), kiwi_cache::Error> {
/// use kiwi_cache::{Attempts, Cache};
///
/// let airlines: Cache<String> = Cache::builder("airlines")
///     .store("redis://127.0.0.1:6379")
///     .start_missing()
///     .max_attempts(Attempts::FailAfter(3))
///     .connect()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Attempts {
    /// One attempt for each read. If it fails, and no other host has published meanwhile, the read fails with
    /// `is_missing` and has the failure as its `source()`.
    #[default]
    ReadAsMissing,
    /// So many attempts, one right after the other. If all of them fail, the read fails with the last failure as it
    /// is, such as `is_load_failed` or `is_unavailable`. Failures are counted over the reader's life, not for each
    /// read, and after the last one the count starts again. 0 counts as 1.
    FailAfter(u32),
}

/// The numbers of kiwi-cache's `max_attempts`, for services that move from it: negative is
/// [`ReadAsMissing`](Attempts::ReadAsMissing), `n` is [`FailAfter(n)`](Attempts::FailAfter), and 0 is the same as 1.
///
/// ```
/// use kiwi_cache::Attempts;
///
/// assert_eq!(Attempts::from(-1), Attempts::ReadAsMissing);
/// assert_eq!(Attempts::from(3), Attempts::FailAfter(3));
/// ```
impl From<i32> for Attempts {
    fn from(max_attempts: i32) -> Self {
        u32::try_from(max_attempts).map_or(Self::ReadAsMissing, Self::FailAfter)
    }
}

/// Counts the failures of one reader over its life: a success does not reset the count.
#[derive(Debug)]
pub(crate) struct Failures {
    bears: Attempts,
    count: u32,
}

/// What a failure leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The read finds nothing, and the next read makes another attempt.
    ReadAsMissing,
    /// Another attempt is made immediately.
    Retry,
    /// The read fails with this failure, and the count starts again.
    Fail,
}

impl Failures {
    pub(crate) fn new(bears: Attempts) -> Self {
        Self { bears, count: 0 }
    }

    pub(crate) fn failed(&mut self) -> Next {
        let Attempts::FailAfter(attempts) = self.bears else { return Next::ReadAsMissing };
        self.count += 1;
        if self.count < attempts {
            return Next::Retry;
        }
        self.count = 0;
        Next::Fail
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn none_and_one_fail_with_the_first_failure() {
        for max in [0, 1] {
            let mut failures = Failures::new(max.into());
            assert_eq!([failures.failed(), failures.failed()], [Next::Fail, Next::Fail], "{max}");
        }
    }

    proptest! {
        #[test]
        fn the_nth_failure_is_returned_and_then_the_count_starts_again(max in 1..50i32, rounds in 1..5usize) {
            let mut failures = Failures::new(max.into());
            for _ in 0..rounds {
                for _ in 1..max {
                    prop_assert_eq!(failures.failed(), Next::Retry);
                }
                prop_assert_eq!(failures.failed(), Next::Fail);
            }
        }

        #[test]
        fn a_negative_number_never_fails_with_the_failure(max in i32::MIN..0, count in 1..100usize) {
            let mut failures = Failures::new(max.into());
            for _ in 0..count {
                prop_assert_eq!(failures.failed(), Next::ReadAsMissing);
            }
        }
    }
}
