//! How many failures a reader bears: kiwi-cache's `max_attempts`, a pure count.

/// Counts the failures of one reader, over all its life: no success sets it back.
#[derive(Debug)]
pub(crate) struct Attempts {
    max: i32,
    left: i32,
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

impl Attempts {
    pub(crate) fn new(max: i32) -> Self {
        Self { max, left: max }
    }

    pub(crate) fn failed(&mut self) -> Next {
        if self.max < 0 {
            return Next::ReadAsMissing;
        }
        self.left = self.left.saturating_sub(1);
        if self.left >= 1 {
            return Next::Retry;
        }
        self.left = self.max;
        Next::Fail
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn none_and_one_raise_the_first_failure() {
        for max in [0, 1] {
            let mut attempts = Attempts::new(max);
            assert_eq!([attempts.failed(), attempts.failed()], [Next::Fail, Next::Fail], "{max}");
        }
    }

    proptest! {
        #[test]
        fn the_nth_failure_is_raised_and_then_the_count_begins_anew(max in 1..50i32, rounds in 1..5usize) {
            let mut attempts = Attempts::new(max);
            for _ in 0..rounds {
                for _ in 1..max {
                    prop_assert_eq!(attempts.failed(), Next::Retry);
                }
                prop_assert_eq!(attempts.failed(), Next::Fail);
            }
        }

        #[test]
        fn a_negative_number_never_raises(max in i32::MIN..0, failures in 1..100usize) {
            let mut attempts = Attempts::new(max);
            for _ in 0..failures {
                prop_assert_eq!(attempts.failed(), Next::ReadAsMissing);
            }
        }
    }
}
