//! Several keys in one read, and parts of values.

use kiwi_cache::{Cache, MappedRef, Ref, blocking};
use serde::Deserialize;

use crate::on_both_stores;
use crate::place::Place;
use crate::publisher::Publisher;

on_both_stores!(values_of_one_read_are_of_one_snapshot, a_part_of_a_value_keeps_its_snapshot);

async fn values_of_one_read_are_of_one_snapshot(place: impl Place) {
    let publisher = Publisher::new(&place);
    publisher.publish(&[("FR", "1"), ("U2", "1")]).await;
    let builder =
        Cache::builder("airlines").store(place.url()).missing(|all, key| all.get("U2").filter(|_| key == "??"));
    let airlines: Cache<u64> = builder.connect().await.unwrap();
    let before = airlines.get_many(&["U2", "XX", "FR", "??"]).unwrap();
    publisher.publish(&[("FR", "2"), ("XX", "2")]).await;
    airlines.reload().await.unwrap();
    let after = airlines.get_many(&["U2".to_owned(), "XX".to_owned()]).unwrap();

    let values = |found: &[Option<Ref<u64>>]| found.iter().map(|value| value.as_deref().copied()).collect::<Vec<_>>();
    assert_eq!(values(&before), [Some(1), None, Some(1), Some(1)], "they stay as they were");
    assert_eq!(values(&after), [None, Some(2)]);
    assert_eq!((before[0].as_ref().unwrap().key(), before[3].as_ref().unwrap().key()), ("U2", "??"));
    assert!(airlines.get_many::<&str>(&[]).unwrap().is_empty());
    let snapshot = airlines.snapshot().unwrap();
    assert_eq!(snapshot.get_many(&["XX", "U2", "FR"]), [Some(&2), None, Some(&2)]);
}

#[derive(Deserialize)]
struct Airline {
    name: String,
    hubs: Vec<String>,
}

async fn a_part_of_a_value_keeps_its_snapshot(place: impl Place) {
    let publisher = Publisher::new(&place);
    publisher.publish(&[("FR", r#"{"name": "Ryanair", "hubs": ["DUB", "STN"]}"#)]).await;
    let airlines: Cache<Airline> = Cache::connect(place.url(), "airlines").await.unwrap();
    let ryanair = || airlines.get("FR").unwrap().unwrap();
    // With a type that can be written down, and with a closure that captures.
    let name: MappedRef<Airline, str> = Ref::map(ryanair(), |airline: &Airline| airline.name.as_str());
    let which = airlines.len().unwrap();
    let hub = Ref::map(ryanair(), move |airline| &airline.hubs[which]);
    publisher.publish(&[("FR", r#"{"name": "other", "hubs": []}"#)]).await;
    airlines.reload().await.unwrap();
    assert_eq!((&*name, name.key(), name.len()), ("Ryanair", "FR", 7));
    assert_eq!((hub.as_str(), hub.key()), ("STN", "FR"));
    assert_eq!(format!("{name} {name:?} {hub}"), r#"Ryanair "Ryanair" STN"#);
}

#[test]
fn what_was_never_loaded_has_no_values() {
    let place = crate::place::Directory::new();
    let builder = blocking::Cache::<u64>::builder("airlines").store(place.url()).start_missing();
    assert!(builder.connect().unwrap().get_many(&["FR"]).unwrap_err().is_missing());
    let fixed = blocking::Cache::fixed([("FR", 1)]);
    assert_eq!(fixed.get_many(&["FR"]).unwrap()[0].as_deref(), Some(&1));
}

#[test]
fn a_part_of_a_value_is_send() {
    fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<MappedRef<Airline, str>>();
}
