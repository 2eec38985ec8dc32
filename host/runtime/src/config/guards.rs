//! What a new map must satisfy before it replaces the published one: a source that answers may still have
//! lost half of its data.

use std::fmt;
use std::str::FromStr;

use kiwi_store::Error;

/// What a new map must satisfy before it replaces the published one. Default: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Guards {
    /// A map with fewer entries is refused.
    pub min_entries: Option<u64>,
    /// A map that is smaller than the published one by more than this is refused.
    pub max_shrink: Option<Percent>,
}

impl Guards {
    /// These guards, and those of `fallback` where these say nothing.
    #[must_use]
    pub fn or(self, fallback: Self) -> Self {
        Self {
            min_entries: self.min_entries.or(fallback.min_entries),
            max_shrink: self.max_shrink.or(fallback.max_shrink),
        }
    }

    /// Whether a map of this many entries may be published. `published` is how many are published
    /// now: `None` when missing or lost, and then there is nothing that could shrink.
    ///
    /// # Errors
    /// The guard that refuses it, with the numbers.
    pub fn check(&self, entries: u64, published: Option<u64>) -> Result<(), Refusal> {
        if let Some(min_entries) = self.min_entries
            && entries < min_entries
        {
            return Err(Refusal::MinEntries { entries, min_entries });
        }
        if let (Some(max_shrink), Some(published)) = (self.max_shrink, published) {
            let shrink = Percent::lost(published, entries);
            if shrink > max_shrink {
                return Err(Refusal::MaxShrink { entries, published, shrink, max_shrink });
            }
        }
        Ok(())
    }
}

/// Why a map that was loaded may not be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It has no entries, and that is not allowed.
    Empty,
    /// It has too few entries.
    MinEntries {
        /// How many it has.
        entries: u64,
        /// How many it must have.
        min_entries: u64,
    },
    /// It is too much smaller than the published one.
    MaxShrink {
        /// How many entries it has.
        entries: u64,
        /// How many are published.
        published: u64,
        /// By how much it is smaller.
        shrink: Percent,
        /// By how much it may be.
        max_shrink: Percent,
    },
}

impl Refusal {
    /// The key of kiwi.toml behind it.
    #[must_use]
    pub fn guard(&self) -> &'static str {
        match self {
            Self::Empty => "allow_empty_data",
            Self::MinEntries { .. } => "min_entries",
            Self::MaxShrink { .. } => "max_shrink",
        }
    }
}

/// The numbers, for people.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the loader returned an empty map"),
            Self::MinEntries { entries, min_entries } => {
                write!(f, "the new map has {}, and `min_entries` requires {min_entries}", counted(*entries))
            }
            Self::MaxShrink { entries, published, shrink, max_shrink } => write!(
                f,
                "the new map has {}, {shrink} fewer than the {published} published, and `max_shrink` allows {max_shrink}",
                counted(*entries)
            ),
        }
    }
}

fn counted(entries: u64) -> String {
    match entries {
        0 => "no entries".to_owned(),
        1 => "1 entry".to_owned(),
        entries => format!("{entries} entries"),
    }
}

/// A part of a whole, from `0%` to `100%`, to a hundredth of a percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent {
    hundredths: u16,
}

impl Percent {
    const WHOLE: Self = Self { hundredths: 10_000 };

    /// How much of `before` is gone where `after` is left. Rounded up, so that more than a limit
    /// stays more than that limit, and reads so.
    fn lost(before: u64, after: u64) -> Self {
        let lost = u128::from(before.saturating_sub(after)) * u128::from(Self::WHOLE.hundredths);
        let hundredths = lost.div_ceil(u128::from(before.max(1)));
        Self { hundredths: u16::try_from(hundredths).unwrap_or(Self::WHOLE.hundredths) }
    }
}

impl FromStr for Percent {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let read = || {
            let number = text.strip_suffix('%')?.trim_end();
            let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
            let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            if !digits(whole) || !digits(part) || part.len() > 2 {
                return None;
            }
            let hundredths = whole.parse::<u16>().ok()?.checked_mul(100)?;
            let hundredths = hundredths.checked_add(format!("{part:0<2}").parse().ok()?)?;
            Some(Self { hundredths }).filter(|percent| *percent <= Self::WHOLE)
        };
        read().ok_or_else(|| {
            let text = text.escape_debug();
            Error::invalid(format!(
                "`{text}` is not a valid percentage: expected one from `0%` to `100%`, for example `30%`"
            ))
        })
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.hundredths / 100, self.hundredths % 100);
        match part {
            0 => write!(f, "{whole}%"),
            part if part % 10 == 0 => write!(f, "{whole}.{}%", part / 10),
            part => write!(f, "{whole}.{part:02}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn percent(text: &str) -> Percent {
        text.parse().unwrap()
    }

    #[test]
    fn a_percentage_is_read_and_written() {
        for (text, written) in [("0%", "0%"), ("30%", "30%"), ("30 %", "30%"), ("12.5%", "12.5%"), ("0.05%", "0.05%")] {
            assert_eq!(percent(text).to_string(), written);
        }
        for text in
            ["30", "%", "-1%", "+1%", "100.01%", "101%", "70000%", "1.%", ".5%", "1.234%", "30%%", "a%", "", "1e1%"]
        {
            let error = text.parse::<Percent>().unwrap_err();
            assert!(error.is_invalid() && error.to_string().contains("from `0%` to `100%`"), "{text}: {error}");
        }
    }

    #[test]
    fn exactly_as_much_as_is_allowed_is_allowed() {
        let guards = Guards { min_entries: Some(100), max_shrink: Some(percent("30%")) };
        assert_eq!(guards.check(140, Some(200)), Ok(()));
        let shrink = percent("30.5%");
        let refusal = Refusal::MaxShrink { entries: 139, published: 200, shrink, max_shrink: percent("30%") };
        assert_eq!(guards.check(139, Some(200)), Err(refusal));
        assert_eq!(guards.check(100, None), Ok(()));
        assert_eq!(guards.check(99, None), Err(Refusal::MinEntries { entries: 99, min_entries: 100 }));
        assert_eq!(Guards::default().check(0, Some(u64::MAX)), Ok(()));
    }

    proptest! {
        #[test]
        fn a_shrink_is_refused_when_it_is_more_than_allowed_to_the_last_entry(
            published in any::<u64>(), entries in any::<u64>(), hundredths in 0u16..=10_000,
        ) {
            let guards = Guards { min_entries: None, max_shrink: Some(Percent { hundredths }) };
            let lost = u128::from(published.saturating_sub(entries));
            let too_much = lost * 10_000 > u128::from(published) * u128::from(hundredths);
            prop_assert_eq!(guards.check(entries, Some(published)).is_err(), too_much);
            prop_assert_eq!(guards.check(entries, None), Ok(()));
        }

        #[test]
        fn near_the_limit_one_entry_decides(published in 1u64..1_000_000, whole in 0u16..100) {
            let max_shrink = Percent { hundredths: whole * 100 };
            let guards = Guards { min_entries: None, max_shrink: Some(max_shrink) };
            // The fewest entries that are still allowed.
            let fewest = (published * (100 - u64::from(whole))).div_ceil(100);
            prop_assert_eq!(guards.check(fewest, Some(published)), Ok(()));
            let refused = guards.check(fewest - 1, Some(published));
            let Err(Refusal::MaxShrink { shrink, .. }) = refused else { panic!("{refused:?}") };
            prop_assert!(shrink > max_shrink, "{shrink} reads as if it were allowed");
        }

        #[test]
        fn a_map_that_does_not_shrink_passes(published in any::<u64>(), more in any::<u64>()) {
            let guards = Guards { min_entries: Some(published), max_shrink: Some(percent("0%")) };
            prop_assert_eq!(guards.check(published.saturating_add(more), Some(published)), Ok(()));
        }
    }
}
