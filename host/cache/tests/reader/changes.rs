//! Following the changes of a copy, and waiting until it is fresh.

use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kiwi_cache::{Cache, Changed, Changes, Keys, Loaded, ReaderEvent, State, blocking};

use crate::place::{Directory, Place};
use crate::publisher::Publisher;
use crate::{LONG, SHORT, eventually, on_both_stores};

on_both_stores!(
    a_delta_names_its_keys_and_a_whole_load_names_none,
    a_change_between_two_waits_is_not_missed,
    a_wait_that_is_given_up_loses_nothing,
    a_follower_that_lags_gets_the_newest_and_all_keys,
    the_first_snapshot_is_a_change,
    changes_end_with_the_cache,
    a_blocking_follower_waits_until_its_timeout,
    a_service_may_wait_until_its_copy_is_fresh,
    waiting_until_fresh_ends_with_the_reason,
    much_that_has_changed_is_delivered_first_and_then_loaded_whole_without_a_word,
);

/// A map large enough for a delta of one key to be applied.
fn numbered() -> Vec<(String, String)> {
    (0..100).map(|n| (format!("key-{n}"), n.to_string())).collect()
}

/// A reader that loads what is new when it is told to: it polls too seldom to matter.
async fn reader(place: &impl Place) -> Cache<u64> {
    Cache::builder("airlines").store(place.url()).reload_ttl(LONG).poll_only().connect().await.unwrap()
}

fn keys(changed: &Changed) -> Option<Vec<&str>> {
    match &changed.keys {
        Keys::Some(keys) => Some(keys.iter().collect()),
        _ => None,
    }
}

async fn gives_nothing(changes: &mut Changes<u64>) -> bool {
    tokio::time::timeout(SHORT, changes.next()).await.is_err()
}

async fn a_delta_names_its_keys_and_a_whole_load_names_none(place: impl Place) {
    let publisher = Publisher::new(&place);
    publisher.publish(&numbered()).await;
    let airlines = reader(&place).await;
    let (mut changes, mut others) = (airlines.changes(), airlines.changes());
    let head = publisher.change(&[("key-7", "70")]).await;
    airlines.reload().await.unwrap();
    for follower in [&mut changes, &mut others] {
        let changed = follower.next().await.unwrap();
        assert_eq!((changed.id, changed.seq, keys(&changed)), (head.id, head.seq, Some(vec!["key-7"])));
    }
    assert_eq!(airlines.id(), Some(head.id), "what was announced is served");

    publisher.change(&[("key-1", "1")]).await;
    publisher.change(&[("key-2", "2"), ("key-1", "2")]).await;
    airlines.reload().await.unwrap();
    let changed = changes.next().await.unwrap();
    let mut both = keys(&changed).unwrap();
    both.sort_unstable();
    assert_eq!(both, ["key-1", "key-2"], "two deltas that were applied together");

    publisher.touch().await;
    airlines.reload().await.unwrap();
    assert!(gives_nothing(&mut changes).await, "it is the same snapshot");
    let head = publisher.publish(&[("key-1", "1")]).await;
    airlines.reload().await.unwrap();
    let changed = changes.next().await.unwrap();
    assert_eq!((changed.id, keys(&changed)), (head.id, None));
}

async fn a_change_between_two_waits_is_not_missed(place: impl Place) {
    let publisher = Publisher::new(&place);
    publisher.publish(&numbered()).await;
    let airlines = reader(&place).await;
    let mut changes = airlines.changes();
    for value in ["10", "11", "12"] {
        publisher.change(&[("key-1", value)]).await;
        airlines.reload().await.unwrap();
    }
    let snapshot = changes.changed().await.unwrap();
    assert_eq!((snapshot["key-1"], Some(snapshot.id())), (12, airlines.id()), "the newest of three");
    assert!(tokio::time::timeout(SHORT, changes.changed()).await.is_err(), "it was seen");
    assert!(gives_nothing(&mut changes).await, "it was seen");

    let waiting = tokio::spawn(async move { changes.changed().await.unwrap()["key-1"] });
    publisher.change(&[("key-1", "13")]).await;
    airlines.reload().await.unwrap();
    assert_eq!(waiting.await.unwrap(), 13);
}

async fn a_wait_that_is_given_up_loses_nothing(place: impl Place) {
    let publisher = Publisher::new(&place);
    publisher.publish(&numbered()).await;
    let airlines = reader(&place).await;
    let mut changes = airlines.changes();
    for value in ["10", "11"] {
        assert!(gives_nothing(&mut changes).await);
        publisher.change(&[("key-1", value)]).await;
        airlines.reload().await.unwrap();
        assert_eq!(keys(&changes.next().await.unwrap()), Some(vec!["key-1"]));
    }
    assert!(tokio::time::timeout(SHORT, changes.changed()).await.is_err());
    publisher.change(&[("key-1", "12")]).await;
    airlines.reload().await.unwrap();
    assert_eq!(changes.changed().await.unwrap()["key-1"], 12);
}

async fn a_follower_that_lags_gets_the_newest_and_all_keys(place: impl Place) {
    let publisher = Publisher::new(&place);
    publisher.publish(&numbered()).await;
    let airlines = reader(&place).await;
    let mut changes = airlines.changes();
    for value in 0..40 {
        publisher.change(&[("key-1", &value.to_string())]).await;
        airlines.reload().await.unwrap();
    }
    let changed = changes.next().await.unwrap();
    assert_eq!((Some(changed.id), keys(&changed)), (airlines.id(), None));
    assert!(gives_nothing(&mut changes).await);
}

async fn the_first_snapshot_is_a_change(place: impl Place) {
    let builder = Cache::<u64>::builder("airlines").store(place.url()).reload_ttl(SHORT).start_missing();
    let airlines = builder.connect().await.unwrap();
    let mut changes = airlines.changes();
    let head = Publisher::new(&place).publish(&[("FR", "1")]).await;
    let changed = changes.next().await.unwrap();
    assert_eq!((changed.id, keys(&changed)), (head.id, None));
}

async fn changes_end_with_the_cache(place: impl Place) {
    Publisher::new(&place).publish(&[("FR", "1")]).await;
    for airlines in [reader(&place).await, Cache::fixed([("FR", 1)])] {
        let (mut changes, mut others) = (airlines.changes(), airlines.changes());
        assert!(gives_nothing(&mut changes).await);
        drop(airlines);
        assert!(changes.next().await.is_none());
        assert!(others.changed().await.is_none());
    }
}

async fn a_blocking_follower_waits_until_its_timeout(place: impl Place) {
    let publisher = Publisher::new(&place);
    publisher.publish(&numbered()).await;
    let builder = blocking::Cache::<u64>::builder("airlines").store(place.url()).reload_ttl(SHORT);
    let airlines = builder.connect().unwrap();
    let (mut changes, mut others) = (airlines.changes(), airlines.changes());
    assert_eq!(changes.next_timeout(SHORT).unwrap_err(), RecvTimeoutError::Timeout);
    assert_eq!(changes.changed_timeout(SHORT).unwrap_err(), RecvTimeoutError::Timeout);

    // Inside a task of a runtime too, and for longer than any clock counts.
    publisher.change(&[("key-1", "10")]).await;
    assert_eq!(keys(&changes.next_timeout(Duration::MAX).unwrap()), Some(vec!["key-1"]));
    assert_eq!(others.changed().unwrap()["key-1"], 10);
    let waiting = std::thread::spawn(move || changes.map(|changed| changed.seq).collect::<Vec<_>>());
    publisher.change(&[("key-1", "11")]).await;
    eventually("it is loaded", async || airlines.seq() == Some(3)).await;
    drop(airlines);
    assert_eq!(waiting.join().unwrap(), [3], "the iterator ends with the cache");
    assert_eq!(others.changed_timeout(LONG).unwrap_err(), RecvTimeoutError::Disconnected);
}

async fn a_service_may_wait_until_its_copy_is_fresh(place: impl Place) {
    let mut publisher = Publisher { refill_interval: SHORT, ..Publisher::new(&place) };
    let builder = || Cache::<u64>::builder("airlines").store(place.url()).reload_ttl(SHORT).start_missing();
    let airlines = builder().connect().await.unwrap();
    let (fresh, _) = tokio::join!(airlines.wait_until_fresh(LONG), publisher.publish(&[("FR", "1")]));
    fresh.unwrap();
    assert_eq!(*airlines.get("FR").unwrap().unwrap(), 1);

    eventually("nobody has checked it", async || airlines.state() == State::Stale).await;
    let error = airlines.wait_until_fresh(SHORT).await.unwrap_err();
    assert!(error.is_unavailable() && error.to_string().contains("still stale after 50ms"), "{error}");
    publisher.refill_interval = LONG;
    let (fresh, ()) = tokio::join!(airlines.wait_until_fresh(LONG), publisher.touch());
    fresh.unwrap();
    assert_eq!(airlines.state(), State::Fresh);
}

async fn waiting_until_fresh_ends_with_the_reason(place: impl Place) {
    let airlines = Cache::<u64>::builder("airlines").store(place.url()).start_missing().connect().await.unwrap();
    let blocking = blocking::Cache::<u64>::builder("airlines").store(place.url()).start_missing().connect().unwrap();
    for error in [airlines.wait_until_fresh(SHORT).await.unwrap_err(), blocking.wait_until_fresh(SHORT).unwrap_err()] {
        assert!(error.is_missing() && error.cache().is_some(), "{error}");
        let cause = std::error::Error::source(&error).expect("why the last poll failed").to_string();
        assert!(cause.contains("kiwi-host run") && !error.to_string().contains(&cause), "{error}: {cause}");
    }
}

#[test]
fn a_fixed_cache_is_fresh_and_never_changes() {
    let fixed = blocking::Cache::fixed([("FR", 1)]);
    fixed.wait_until_fresh(Duration::ZERO).unwrap();
    assert_eq!(fixed.changes().next_timeout(SHORT).unwrap_err(), RecvTimeoutError::Timeout);
}

#[tokio::test(start_paused = true)]
async fn an_hour_of_waiting_for_a_fresh_copy_takes_no_time_where_the_clock_is_paused() {
    let place = Directory::new();
    let builder = Cache::<u64>::builder("airlines").store(place.url()).start_missing();
    let airlines = builder.connect().await.unwrap();
    let (began, clock) = (std::time::Instant::now(), tokio::time::Instant::now());
    let hour = Duration::from_secs(3600);
    assert!(airlines.wait_until_fresh(hour).await.unwrap_err().is_missing());
    assert!(clock.elapsed() >= hour && began.elapsed() < Duration::from_secs(60));
}

async fn much_that_has_changed_is_delivered_first_and_then_loaded_whole_without_a_word(place: impl Place) {
    let publisher = Publisher::new(&place);
    let map: Vec<(String, &str)> = (0..40).map(|n| (n.to_string(), "1")).collect();
    publisher.publish(&map).await;
    let loads = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&loads);
    let airlines: Cache<u64> = Cache::builder("airlines")
        .store(place.url())
        .reload_ttl(SHORT)
        .metrics(move |_: &_, event: &ReaderEvent| {
            if let ReaderEvent::Reloaded { id, loaded, .. } = event {
                noted.lock().unwrap().push((*id, *loaded));
            }
        })
        .connect()
        .await
        .unwrap();
    let mut changes = airlines.changes();
    let changed: Vec<(&str, &str)> = map[..8].iter().map(|(key, _)| (&**key, "2")).collect();
    let head = publisher.change(&changed).await;
    assert!(matches!(changes.next().await.unwrap().keys, Keys::Some(keys) if keys.set.len() == 8));
    let expected = [(head.id, Loaded::Deltas), (head.id, Loaded::Whole)];
    eventually("it is loaded whole", async || loads.lock().unwrap().get(1..) == Some(&expected)).await;
    assert_eq!(airlines.snapshot().unwrap().values().sum::<u64>(), 48);
    let head = publisher.change(&[("0", "3")]).await;
    assert_eq!(changes.next().await.unwrap().id, head.id, "the whole load was no change");
}
