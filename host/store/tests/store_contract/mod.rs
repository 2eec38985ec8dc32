//! What every store promises, as tests: one body, run on each store.
//!
//! `store_contract!` makes a test of each case in its list; a case that is not in the list is dead
//! code, and the build says so.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kiwi_store::testing::{Fault, FaultyStore, Method, read_whole};
use kiwi_store::{Batch, CommitError, Head, Holder, Id, Name, NotCommitted, Presence, Publishing, Status, Ttl};
use kiwi_store::{Begin, Content, Delta, Due, Lease, Publish, Store};

/// A commit that must be refused for this reason; gives its lease back.
macro_rules! refused {
    ($store:expr, $lease:expr, $publish:expr, $reason:ident $(($what:pat))?) => {
        match $store.commit($lease, $publish).await {
            Err(NotCommitted { lease, reason: CommitError::$reason $(($what))? }) => lease,
            other => panic!("expected {}, got {other:?}", stringify!($reason)),
        }
    };
}

pub(crate) mod delta;
pub(crate) mod hash;
pub(crate) mod hint;
pub(crate) mod lease;
pub(crate) mod lifetime;
pub(crate) mod publish;
pub(crate) mod read;

/// An empty store of its own.
pub(crate) trait Place: Sync {
    /// One more handle on it, as another host or reader has one.
    fn open(&self) -> Arc<dyn Store>;
}

/// Runs every case on the place that the expression makes, each case on one of its own.
#[macro_export]
macro_rules! store_contract {
    ($place:expr) => {
        $crate::store_contract! { $place;
            delta::a_delta_sets_and_removes_and_names_a_new_snapshot,
            delta::a_delta_on_something_else_is_moved_and_changes_nothing,
            delta::a_delta_that_came_through_is_done_when_repeated,
            delta::changes_replay_to_what_is_published,
            delta::changes_from_an_unknown_snapshot_are_a_gap,
            delta::a_swap_is_a_gap_in_the_changes,
            delta::too_many_changes_are_a_gap,
            hint::a_commit_is_announced_to_all_who_subscribed,
            hint::a_cache_that_is_published_for_the_first_time_is_announced,
            hint::a_subscription_outlives_its_store,
            hint::what_publishes_nothing_new_is_not_announced,
            hint::whoever_asks_how_many_listen_is_one_of_them,
            lease::a_missing_cache_is_due,
            lease::a_fresh_cache_is_not_due_unless_always,
            lease::a_cache_is_due_after_its_time,
            lease::another_host_finds_it_busy_even_for_always,
            lease::the_same_token_takes_its_lease_again_with_what_it_staged,
            lease::a_lapsed_lease_goes_to_another_host_without_what_was_staged,
            lease::a_lapsed_lease_nobody_took_still_commits,
            lease::renewing_prolongs_the_lease,
            lease::a_fenced_host_changes_nothing,
            lease::a_released_lease_is_free_at_once,
            lease::a_failure_makes_every_host_back_off,
            lease::a_failure_keeps_the_data_and_success_forgets_the_error,
            lease::the_error_of_a_cache_never_published_is_kept_for_a_while,
            lease::failures_are_counted_over_all_hosts_of_one_definition,
            lease::hosts_report_and_withdraw,
            lifetime::an_expired_snapshot_is_missing,
            lifetime::forever_outlives_every_prolongation,
            lifetime::prolong_extends_the_life_and_nothing_else,
            lifetime::prolong_never_shortens,
            lifetime::prolong_does_not_bring_back_what_expired,
            lifetime::a_touch_extends_the_life,
            hash::the_hash_is_brought_up_to_what_is_published,
            hash::repacking_changes_nothing_that_is_read,
            publish::a_lost_snapshot_is_restored_as_old_as_it_was,
            publish::numbers_continue_where_the_store_has_lost_them,
            publish::a_snapshot_is_visible_whole_at_its_commit_and_not_before,
            publish::a_swap_replaces_every_entry,
            publish::an_empty_map_is_whole,
            publish::the_head_says_what_was_published,
            publish::no_mark_is_not_an_empty_mark,
            publish::a_touch_moves_only_what_it_is_told,
            publish::a_touch_drops_what_was_staged,
            publish::a_touch_of_something_else_is_moved,
            publish::a_swap_that_came_through_is_done_when_repeated,
            publish::staging_of_another_size_is_lost,
            publish::a_key_staged_twice_is_refused_or_keeps_its_last_value,
            publish::only_staged_keys_are_staged,
            publish::keys_and_values_are_kept_byte_for_byte,
            read::a_large_map_comes_in_parts_of_one_snapshot,
            read::a_whole_that_is_replaced_meanwhile_stays_what_it_was,
            read::a_whole_of_a_cache_that_is_deleted_meanwhile_is_all_or_an_error,
            read::get_gives_values_in_the_order_asked,
            read::what_is_looked_up_comes_with_its_head,
            read::nothing_is_published_under_an_unknown_name,
            read::statuses_come_in_the_order_asked,
            read::caches_are_listed_sorted,
            read::what_has_nothing_to_show_is_not_listed,
            read::forget_deletes_everything_of_one_cache,
            read::forget_fences_the_host_that_is_refilling,
            read::a_good_store_passes_its_check,
        }
    };
    ($place:expr; $($topic:ident::$case:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                store_contract::$topic::$case(&$place).await;
            }
        )*
    };
}

/// Longer than any case takes.
const LONG: Duration = Duration::from_secs(300);
/// Short enough to wait for.
const SHORT: Duration = Duration::from_millis(60);

type Map = BTreeMap<String, String>;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn cache() -> Name {
    name("airlines")
}

fn map(entries: &[(&str, &str)]) -> Map {
    entries.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// Polls until it is so.
///
/// # Panics
/// After half a minute.
async fn eventually<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so().await {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until everything published or leased for `SHORT` before this call has run out by the
/// store's own clock.
async fn short_is_over(store: &Arc<dyn Store>) {
    let clock = async || status_of(store, &cache()).await.now;
    let start = clock().await;
    eventually("the store's clock has moved on", async || clock().await > start + SHORT).await;
}

/// Takes the lease, which must be there to take.
async fn go(store: &Arc<dyn Store>) -> Lease {
    go_for(store, &cache(), LONG).await.0
}

async fn go_for(store: &Arc<dyn Store>, cache: &Name, lease_ttl: Duration) -> (Lease, Option<Head>) {
    match store.begin(cache, Holder::anonymous(), lease_ttl, Due::Always).await.unwrap() {
        Begin::Go { lease, base, .. } => (lease, base),
        other => panic!("expected the lease, got {other:?}"),
    }
}

async fn begin_after(store: &Arc<dyn Store>, due: Duration) -> Begin {
    store.begin(&cache(), Holder::anonymous(), LONG, Due::After(due)).await.unwrap()
}

fn publish(cache_ttl: Ttl, content: Content) -> Publish {
    Publish::new(content, cache_ttl, Duration::from_secs(60)).with_mark(Some("v1".into()))
}

/// The swap that publishes exactly this map, once it is staged.
fn swap_to(map: &Map) -> Publish {
    let (entries, bytes) = (map.len() as u64, size(map));
    let root = map.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    publish(Ttl::For(LONG), Content::Swap { id: Id::random(), entries, bytes, root })
}

/// The delta that leads from one published map to another.
fn delta_to(base: Id, old: &Map, new: &Map) -> Publish {
    let set = new.iter().filter(|&(key, value)| old.get(key) != Some(value));
    let delta = Delta {
        set: set.map(|(key, value)| (key.as_str(), value.as_str())).collect(),
        removed: old.keys().filter(|&key| !new.contains_key(key)).cloned().collect(),
    };
    let root = new.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    publish(
        Ttl::For(LONG),
        Content::Delta { id: Id::random(), base, delta, entries: new.len() as u64, bytes: size(new), root },
    )
}

fn size(map: &Map) -> u64 {
    map.iter().map(|(key, value)| (key.len() + value.len()) as u64).sum()
}

/// A commit that publishes and whose reply is lost; gives its lease back.
async fn losing_its_reply(store: &Arc<dyn Store>, lease: Lease, publish: &Publish) -> Lease {
    let faulty = FaultyStore::new(Arc::clone(store));
    faulty.fail_next(Method::Commit, Fault::LostReply);
    refused!(faulty, lease, publish, Failed(_))
}

/// Stages a map in batches of a thousand.
async fn stage(store: &Arc<dyn Store>, lease: &Lease, map: &Map) {
    let entries: Vec<_> = map.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    for part in entries.chunks(1_000) {
        store.stage(lease, &part.iter().copied().collect::<Batch>()).await.unwrap();
    }
}

/// One whole refill that must come through.
async fn refill(store: &Arc<dyn Store>, cache: &Name, map: &Map, cache_ttl: Ttl) -> Head {
    let (lease, _) = go_for(store, cache, LONG).await;
    stage(store, &lease, map).await;
    let mut swap = swap_to(map);
    swap.cache_ttl = cache_ttl;
    store.commit(lease, &swap).await.unwrap();
    head_of(store, cache).await
}

/// Refills the usual cache.
async fn refilled(store: &Arc<dyn Store>, entries: &[(&str, &str)]) -> Head {
    refill(store, &cache(), &map(entries), Ttl::For(LONG)).await
}

async fn status_of(store: &Arc<dyn Store>, cache: &Name) -> Status {
    store.status(cache).await.unwrap()
}

async fn status(store: &Arc<dyn Store>) -> Status {
    status_of(store, &cache()).await
}

async fn head_of(store: &Arc<dyn Store>, cache: &Name) -> Head {
    match status_of(store, cache).await.presence {
        Presence::Whole(head) => head,
        other => panic!("expected a whole snapshot of {cache}, got {other:?}"),
    }
}

/// Everything published, which must be there.
async fn read(store: &Arc<dyn Store>) -> Map {
    entries_of(&read_whole(&**store, &cache()).await.unwrap().expect("something is published").1)
}

fn entries_of(batch: &Batch) -> Map {
    batch.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}
