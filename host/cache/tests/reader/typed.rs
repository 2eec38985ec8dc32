//! Values of the reader's own type, and what happens when one is not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kiwi_cache::{Cache, State};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::place::Place;
use crate::publisher::Publisher;
use crate::{LONG, SHORT, eventually, on_both_stores};

on_both_stores!(
    values_come_as_the_readers_type,
    digits_are_kept_where_the_reader_wants_them,
    a_value_of_another_type_fails_connect_and_names_the_key,
    a_value_of_another_type_refuses_the_reload_and_the_old_snapshot_stays,
    a_new_snapshot_is_there_within_reload_ttl,
    a_snapshot_that_is_still_published_is_not_loaded_again,
    a_snapshot_in_hand_stays_as_it_is,
    drop_of_the_last_clone_stops_the_task,
    a_reload_that_panics_is_reported_and_the_next_one_is_made,
);

#[derive(Debug, PartialEq, Deserialize)]
struct Airline {
    name: String,
    planes: u32,
}

const RYANAIR: (&str, &str) = ("FR", r#"{"name": "Ryanair", "planes": 600}"#);
const EASYJET: (&str, &str) = ("U2", r#"{"name": "easyJet", "planes": 350}"#);

async fn values_come_as_the_readers_type(place: impl Place) {
    let head = Publisher::new(&place).publish(&[RYANAIR, EASYJET]).await;
    let airlines: Cache<Airline> = Cache::connect(place.url(), "airlines").await.unwrap();

    let ryanair = airlines.get("FR").unwrap().unwrap();
    assert_eq!((ryanair.key(), ryanair.name.as_str(), ryanair.planes), ("FR", "Ryanair", 600));
    assert!(airlines.get("XX").unwrap().is_none());
    assert!(airlines.contains_key("U2").unwrap() && !airlines.contains_key("XX").unwrap());
    assert_eq!((airlines.len().unwrap(), airlines.is_empty().unwrap()), (2, false));
    assert_eq!((airlines.id(), airlines.seq()), (Some(head.id), Some(head.seq)));
    assert_eq!(airlines.state(), State::Fresh);
    assert!(airlines.age().unwrap() < LONG);
    assert!(airlines.last_error().is_none());

    let snapshot = airlines.snapshot().unwrap();
    assert_eq!((snapshot.id(), snapshot.seq(), snapshot.loaded_at()), (head.id, head.seq, head.loaded_at));
    assert_eq!(snapshot["U2"].name, "easyJet");
    let planes: BTreeMap<_, _> = snapshot.iter().map(|(key, airline)| (key, airline.planes)).collect();
    assert_eq!(planes, BTreeMap::from([("FR", 600), ("U2", 350)]));
    assert!(snapshot.keys().zip(snapshot.values()).eq(&*snapshot));
}

async fn digits_are_kept_where_the_reader_wants_them(place: impl Place) {
    let publisher = Publisher::new(&place);
    publisher.publish(&[("big", "1180591620717411303424"), ("price", "1.10")]).await;
    let numbers: Cache<Box<RawValue>> = Cache::connect(place.url(), "airlines").await.unwrap();
    assert_eq!(numbers.snapshot().unwrap()["big"].get(), "1180591620717411303424");
    assert_eq!(numbers.get("price").unwrap().unwrap().get(), "1.10");
}

async fn a_value_of_another_type_fails_connect_and_names_the_key(place: impl Place) {
    Publisher::new(&place).publish(&[RYANAIR, ("XX", r#"{"name": 17, "planes": 1}"#)]).await;
    let error = Cache::<Airline>::connect(place.url(), "airlines").await.unwrap_err();
    assert!(error.is_value(), "{error}");
    assert_eq!(error.cache().unwrap().as_str(), "airlines");
    for part in ["`airlines`", "`XX`", "Airline", "expected a string"] {
        assert!(error.to_string().contains(part), "{part}: {error}");
    }
}

async fn a_value_of_another_type_refuses_the_reload_and_the_old_snapshot_stays(place: impl Place) {
    let publisher = Publisher::new(&place);
    let old = publisher.publish(&[RYANAIR]).await;
    let airlines: Cache<Airline> =
        Cache::builder("airlines").store(place.url()).reload_ttl(SHORT).connect().await.unwrap();

    publisher.publish(&[RYANAIR, ("XX", "null")]).await;
    let error = airlines.reload().await.unwrap_err();
    assert!(error.is_value() && error.to_string().contains("`XX`"), "{error}");
    let again = airlines.reload().await.unwrap_err();
    assert_eq!(again.to_string(), error.to_string());
    assert_eq!(airlines.last_error().unwrap().to_string(), error.to_string());
    assert_eq!((airlines.id(), airlines.len().unwrap()), (Some(old.id), 1));

    let new = publisher.publish(&[RYANAIR, EASYJET]).await;
    eventually("the next snapshot is loaded", async || airlines.id() == Some(new.id)).await;
    eventually("its error is forgotten", async || airlines.last_error().is_none()).await;
}

async fn a_new_snapshot_is_there_within_reload_ttl(place: impl Place) {
    let reload_ttl = Duration::from_millis(400);
    let publisher = Publisher::new(&place);
    publisher.publish(&[("FR", "1")]).await;
    let airlines: Cache<u64> =
        Cache::builder("airlines").store(place.url()).reload_ttl(reload_ttl).connect().await.unwrap();
    for value in 2..6 {
        let new = publisher.publish(&[("FR", value.to_string())]).await;
        let published = Instant::now();
        eventually("the reader has it", async || airlines.id() == Some(new.id)).await;
        // On a busy machine it is not there at once.
        assert!(published.elapsed() < reload_ttl + Duration::from_secs(10), "{:?}", published.elapsed());
        assert_eq!(*airlines.get("FR").unwrap().unwrap(), value);
    }
}

async fn a_snapshot_that_is_still_published_is_not_loaded_again(place: impl Place) {
    let publisher = Publisher::new(&place);
    publisher.publish(&[RYANAIR]).await;
    let airlines: Cache<Airline> = Cache::connect(place.url(), "airlines").await.unwrap();
    let before = airlines.snapshot().unwrap();
    publisher.touch().await;
    airlines.reload().await.unwrap();
    assert!(Arc::ptr_eq(&before, &airlines.snapshot().unwrap()));
}

async fn a_snapshot_in_hand_stays_as_it_is(place: impl Place) {
    let publisher = Publisher::new(&place);
    publisher.publish(&[("FR", "1"), ("U2", "1")]).await;
    let airlines: Cache<u64> = Cache::connect(place.url(), "airlines").await.unwrap();
    let (snapshot, value) = (airlines.snapshot().unwrap(), airlines.get("FR").unwrap().unwrap());
    publisher.publish(&[("FR", "2")]).await;
    airlines.reload().await.unwrap();
    assert_eq!((snapshot["U2"], *value), (1, 1));
    assert_eq!(*airlines.get("FR").unwrap().unwrap(), 2);
    assert!(airlines.get("U2").unwrap().is_none());
}

async fn drop_of_the_last_clone_stops_the_task(place: impl Place) {
    let publisher = Publisher::new(&place);
    publisher.publish(&[RYANAIR]).await;
    let store = place.open();
    let airlines: Cache<Airline> = Cache::connect(&store, "airlines").await.unwrap();
    let clone = airlines.clone();
    drop(airlines);
    assert_eq!(clone.get("FR").unwrap().unwrap().planes, 600);
    clone.reload().await.unwrap();
    drop(clone);
    eventually("the task has let go of the store", async || Arc::strong_count(&store) == 1).await;
}

#[test]
fn a_fixed_cache_needs_no_store_and_no_runtime() {
    let airlines = Cache::fixed([("FR", Airline { name: "Ryanair".into(), planes: 600 })]);
    assert_eq!(airlines.get("FR").unwrap().unwrap().name, "Ryanair");
    assert_eq!((airlines.len().unwrap(), airlines.state(), airlines.seq()), (1, State::Fresh, Some(1)));
    assert!(airlines.age().is_some() && airlines.id().is_some() && airlines.last_error().is_none());
    let debug = format!("{airlines:?}");
    assert!(debug.contains("Fresh") && debug.contains("seq: Some(1)"), "{debug}");
}

#[test]
fn what_a_service_holds_across_an_await_is_send() {
    fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<Cache<Airline>>();
    is_send_and_sync::<kiwi_cache::blocking::Cache<Airline>>();
    is_send_and_sync::<kiwi_cache::RemoteCache<std::rc::Rc<str>>>();
    is_send_and_sync::<kiwi_cache::Ref<Airline>>();
    is_send_and_sync::<kiwi_cache::Snapshot<Airline>>();
}

#[tokio::test]
async fn invalid_settings_are_refused_before_any_request() {
    let no_name = Cache::<u64>::connect("redis://127.0.0.1:1", "air lines").await.unwrap_err();
    let no_url = Cache::<u64>::connect("airlines.csv", "airlines").await.unwrap_err();
    let no_store = Cache::<u64>::builder("airlines").connect().await.unwrap_err();
    let no_time = Cache::<u64>::builder("airlines").store("redis://127.0.0.1:1").reload_ttl(Duration::ZERO);
    let no_time = no_time.connect().await.unwrap_err();
    for error in [no_name, no_url, no_store, no_time] {
        assert!(error.is_invalid(), "{error}");
    }
}

/// A value whose reading panics where it is `0`.
#[derive(Debug, PartialEq)]
struct NotZero(u32);

impl<'de> Deserialize<'de> for NotZero {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u32::deserialize(deserializer)?;
        assert!(number != 0, "this reader panics at zero");
        Ok(Self(number))
    }
}

async fn a_reload_that_panics_is_reported_and_the_next_one_is_made(place: impl Place) {
    let publisher = Publisher::new(&place);
    publisher.publish(&[("FR", "1")]).await;
    let numbers: Cache<NotZero> =
        Cache::builder("airlines").store(place.url()).reload_ttl(SHORT).connect().await.unwrap();
    let mut changes = numbers.changes();
    publisher.publish(&[("FR", "0")]).await;
    eventually("the panic is reported", async || {
        numbers.last_error().is_some_and(|error| error.to_string().contains("panicked"))
    })
    .await;
    assert_eq!(numbers.get("FR").unwrap().as_deref(), Some(&NotZero(1)));
    publisher.publish(&[("FR", "2")]).await;
    let changed = tokio::time::timeout(LONG, changes.changed()).await.unwrap().unwrap();
    assert_eq!(changed.get("FR"), Some(&NotZero(2)));
}
