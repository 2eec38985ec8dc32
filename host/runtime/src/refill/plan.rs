//! Decides what of a load is published: nothing, what has changed, or the whole map. No I/O.

use std::time::Duration;

use kiwi_store::{Batch, Head, Layout};

use super::context::Context;
use super::delivery::{Bound, Changes, Delivered};
use super::spool::Spool;
use crate::config::guards::Refusal;
use crate::definition::config::CacheConfig;
use crate::entries::intake::Totals;
use crate::events::event::CacheEvent;
use crate::failure::{Failure, FailureKind};
use crate::loader::mark::Ended;

/// How long all other clients wait while Redis takes one key of a delta: 11 ms for 100,000 keys, as measured on an idle
/// machine with two cores. (The plain hash follows in steps of their own.)
const STALL_PER_KEY: Duration = Duration::from_nanos(110);
/// The largest delta: readers are given it as well.
const MAX_DELTA_BYTES: u64 = 16 << 20;
/// Up to this many keys, a delta is not compared with the size of its map.
const SMALL_DELTA: usize = 16;

/// What is to be published of a load.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) action: Action,
    /// The mark to commit with it, as it stands in the store.
    pub(super) mark: Option<String>,
}

/// What is to be done.
#[derive(Debug)]
pub(super) enum Action {
    /// Nothing changed: the published snapshot stays, and its life is extended.
    Touch { base: Head },
    /// Only what changed is written over the base.
    Change { base: Head, set: Batch, removed: usize, max_bytes: usize, whole: Spool, totals: Totals },
    /// The whole map replaces what is published. `rest` is what is not staged yet.
    Replace { rest: Option<Spool>, totals: Totals },
}

/// Why a load is not published.
#[derive(Debug)]
pub(super) enum NotPublished {
    Refused { refusal: Refusal, message: String },
    Contract(&'static str),
}

impl NotPublished {
    /// Reports a refusal, and makes the refill's failure of it.
    pub(super) fn report(self, context: Context<'_>) -> Failure {
        match self {
            Self::Refused { refusal, message } => {
                context.events.emit(CacheEvent::Refused { refusal: &refusal });
                let kind = if refusal == Refusal::Empty { FailureKind::Empty } else { FailureKind::Guard };
                Failure::new(kind, message)
            }
            Self::Contract(message) => Failure::new(FailureKind::Contract, message),
        }
    }
}

/// Whether what is published can be changed by deltas. A record is always written whole.
pub(super) fn takes_deltas(config: &CacheConfig) -> bool {
    matches!(config.layout, Layout::Hash | Layout::Version)
}

/// How much may change for only that to be written, where the store takes deltas of so many bytes. `None`: what is
/// published takes no deltas.
pub(super) fn bound(config: &CacheConfig, base: &Head, max_delta_bytes: u64) -> Option<Bound> {
    if !takes_deltas(config) {
        return None;
    }
    // Where most of a map changes, a delta writes more than the map: readers are given it, too.
    let half = usize::try_from(base.entries / 2).unwrap_or(usize::MAX).max(SMALL_DELTA);
    let keys = config.max_stall.as_nanos() / STALL_PER_KEY.as_nanos();
    let bytes = usize::try_from(max_delta_bytes.min(MAX_DELTA_BYTES)).unwrap_or(usize::MAX);
    Some(Bound { keys: half.min(usize::try_from(keys).unwrap_or(usize::MAX)), bytes })
}

/// Decides what of a load is published.
///
/// # Errors
/// A guard refuses the map; or the loader says `unchanged` where nothing is published.
pub(super) fn decide(
    config: &CacheConfig,
    base: Option<&Head>,
    ended: Ended,
    mark: Option<String>,
    delivered: Delivered,
    changes: Option<Changes>,
) -> Result<Plan, NotPublished> {
    let totals = match (ended, base) {
        (Ended::Unchanged, Some(base)) => {
            let mark = mark.or_else(|| base.mark.clone());
            return Ok(Plan { action: Action::Touch { base: base.clone() }, mark });
        }
        // `Marks::conclude` accepts `unchanged` only with a published mark, which comes from the base.
        (Ended::Unchanged, None) => return Err(NotPublished::Contract("`unchanged`, but nothing is published")),
        (Ended::Map(totals), Some(base)) if is_same(config, totals, base) => {
            return Ok(Plan { action: Action::Touch { base: base.clone() }, mark });
        }
        (Ended::Map(totals), _) => totals,
    };
    config.admit(totals.entries, base.map(|base| base.entries)).map_err(|refusal| {
        let message = config.explain(&refusal);
        NotPublished::Refused { refusal, message }
    })?;
    let action = match (delivered, base, changes) {
        (Delivered::Spooled { all, changed }, Some(base), Some(changes)) if changes.fit(&changed) => {
            let (removed, max_bytes) = (changes.removed, changes.bound.bytes);
            Action::Change { base: base.clone(), set: changed, removed, max_bytes, whole: all, totals }
        }
        (Delivered::Spooled { all, .. }, _, _) => Action::Replace { rest: Some(all), totals },
        (Delivered::Staged, _, _) => Action::Replace { rest: None, totals },
    };
    Ok(Plan { action, mark })
}

/// Whether a map is what is published already. An empty one that is not allowed any more is not: it must be
/// refused.
fn is_same(config: &CacheConfig, totals: Totals, base: &Head) -> bool {
    let is_allowed = totals.entries > 0 || config.allow_empty_data;
    is_allowed && (totals.root, totals.entries) == (base.root, base.entries)
}

#[cfg(test)]
mod tests {
    use kiwi_store::{Id, Root};

    use super::*;

    fn config() -> CacheConfig {
        CacheConfig::new("airlines".parse().unwrap(), "file.wasm")
    }

    fn totals(entries: &[(&'static str, &'static str)]) -> Totals {
        let batch: Batch = entries.iter().copied().collect();
        let root = entries.iter().copied().collect::<Root>();
        Totals { entries: entries.len() as u64, bytes: batch.bytes() as u64, root }
    }

    fn head(entries: &[(&'static str, &'static str)]) -> Head {
        let Totals { entries, bytes, root } = totals(entries);
        let mut head = Head::new(Id::random(), entries, bytes, root);
        head.mark = Some("before".to_owned());
        head
    }

    fn spooled(changed: &[(&'static str, &'static str)]) -> Delivered {
        Delivered::Spooled { all: Spool::default(), changed: changed.iter().copied().collect() }
    }

    const OLD: &[(&str, &str)] = &[("a", "1"), ("b", "2")];
    const NEW: &[(&str, &str)] = &[("a", "1"), ("b", "3")];

    #[test]
    fn the_same_map_touches_what_is_published_whatever_was_staged() {
        let base = head(OLD);
        for delivered in [Delivered::Staged, spooled(&[])] {
            let plan = decide(&config(), Some(&base), Ended::Map(totals(OLD)), None, delivered, None).unwrap();
            assert!(matches!(plan.action, Action::Touch { .. }) && plan.mark.is_none(), "{plan:?}");
        }
        // `unchanged` keeps the mark that is published.
        let plan = decide(&config(), Some(&base), Ended::Unchanged, None, Delivered::Staged, None).unwrap();
        assert!(matches!(plan.action, Action::Touch { .. }) && plan.mark.as_deref() == Some("before"), "{plan:?}");
    }

    #[test]
    fn few_changes_are_written_alone_and_many_as_a_whole_map() {
        let base = head(OLD);
        let bound = Bound { keys: 2, bytes: 100 };
        let plan = |changes| {
            let delivered = spooled(&[("b", "3")]);
            decide(&config(), Some(&base), Ended::Map(totals(NEW)), None, delivered, changes).unwrap().action
        };
        let changes = |removed| Some(Changes { removed, bound });
        assert!(matches!(plan(changes(1)), Action::Change { removed: 1, .. }));
        assert!(matches!(plan(changes(2)), Action::Replace { rest: Some(_), .. }));
        // Not known what has changed.
        assert!(matches!(plan(None), Action::Replace { rest: Some(_), .. }));
    }

    #[test]
    fn a_map_that_is_staged_already_is_swapped_in() {
        let plan = decide(&config(), None, Ended::Map(totals(NEW)), None, Delivered::Staged, None).unwrap();
        assert!(matches!(plan.action, Action::Replace { rest: None, .. }), "{plan:?}");
    }

    #[test]
    fn an_empty_map_is_refused_even_where_an_empty_one_is_published() {
        let base = head(&[]);
        let refused = decide(&config(), Some(&base), Ended::Map(totals(&[])), None, Delivered::Staged, None);
        assert!(matches!(refused, Err(NotPublished::Refused { refusal: Refusal::Empty, .. })), "{refused:?}");
        let allowed = CacheConfig { allow_empty_data: true, ..config() };
        let plan = decide(&allowed, Some(&base), Ended::Map(totals(&[])), None, Delivered::Staged, None).unwrap();
        assert!(matches!(plan.action, Action::Touch { .. }), "{plan:?}");
    }

    #[test]
    fn a_record_takes_no_delta_and_a_stall_bounds_one() {
        let base = head(OLD);
        let record = CacheConfig { layout: Layout::Record("Airlines".parse().unwrap()), ..config() };
        assert!(bound(&record, &base, u64::MAX).is_none());
        assert_eq!(bound(&config(), &base, u64::MAX).unwrap().keys, SMALL_DELTA);
        let never = CacheConfig { max_stall: Duration::ZERO, ..config() };
        assert_eq!(bound(&never, &base, u64::MAX).unwrap().keys, 0);
    }
}
