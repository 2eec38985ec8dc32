//! What the `missing` hook gives for keys that are not there.

use std::sync::atomic::{AtomicUsize, Ordering};

use kiwi_cache::{Cache, blocking};

use crate::on_both_stores;
use crate::place::Place;
use crate::publisher::Publisher;

static UNKNOWN: u64 = 0;

on_both_stores!(the_hook_is_called_for_the_snapshot_that_is_read);

async fn the_hook_is_called_for_the_snapshot_that_is_read(place: impl Place) {
    let publisher = Publisher::new(&place);
    publisher.publish(&[("FR", "25"), ("default", "10")]).await;
    let builder = Cache::builder("airlines").store(place.url()).missing(|fees, _| fees.get("default"));
    let fees: Cache<u64> = builder.connect().await.unwrap();
    let (found, fallback) = (fees.get("FR").unwrap().unwrap(), fees.get("XX").unwrap().unwrap());
    assert_eq!((found.key(), *found, fallback.key(), *fallback), ("FR", 25, "XX", 10));

    publisher.publish(&[("FR", "26"), ("default", "11")]).await;
    fees.reload().await.unwrap();
    assert_eq!(*fallback, 10, "a value in hand stays as it is");
    assert_eq!(fees.snapshot().unwrap()["XX"], 11);

    // The hook finds nothing either, and is not asked by itself.
    publisher.publish(&[("FR", "27")]).await;
    fees.reload().await.unwrap();
    assert!(fees.get("XX").unwrap().is_none());
}

#[test]
fn only_reads_of_a_key_know_of_stand_ins() {
    let asynchronous = Cache::builder("fees").missing(|_, _| Some(&UNKNOWN)).fixed([("FR", 25)]).unwrap();
    let blocking = blocking::Cache::builder("fees").missing(|_, _| Some(&UNKNOWN)).fixed([("FR", 25)]).unwrap();
    for snapshot in [asynchronous.snapshot().unwrap(), blocking.snapshot().unwrap()] {
        assert_eq!((snapshot["FR"], snapshot["XX"], snapshot.get("YY")), (25, 0, Some(&UNKNOWN)));
        assert!(!snapshot.contains_key("XX"));
        assert_eq!((snapshot.len(), snapshot.iter().count()), (1, 1));
        assert_eq!((snapshot.keys().collect::<Vec<_>>(), snapshot.values().sum::<u64>()), (vec!["FR"], 25));
    }
    assert_eq!(*asynchronous.get("XX").unwrap().unwrap(), *blocking.get("XX").unwrap().unwrap());
    assert!(!asynchronous.contains_key("XX").unwrap() && !blocking.contains_key("XX").unwrap());
    assert_eq!(asynchronous.name().as_str(), "fees");
}

#[test]
fn a_key_that_is_there_does_not_call_the_hook() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let builder = Cache::builder("fees").missing(|_, _| {
        ASKED.fetch_add(1, Ordering::Relaxed);
        None
    });
    let fees: Cache<u64> = builder.fixed([("FR", 25)]).unwrap();
    assert_eq!((*fees.get("FR").unwrap().unwrap(), fees.snapshot().unwrap()["FR"]), (25, 25));
    assert_eq!(ASKED.load(Ordering::Relaxed), 0);
    assert!(fees.get("XX").unwrap().is_none());
    assert_eq!(ASKED.load(Ordering::Relaxed), 1);
}

#[test]
fn a_value_in_hand_stays_whatever_the_hook_would_give_now() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let builder =
        Cache::builder("fees").missing(|_, _| (ASKED.fetch_add(1, Ordering::Relaxed) == 0).then_some(&UNKNOWN));
    let fees: Cache<u64> = builder.fixed([("FR", 25)]).unwrap();
    let fee = fees.get("XX").unwrap().unwrap();
    assert_eq!((*fee, *fee, fee.key()), (0, 0, "XX"));
    assert!(fees.get("XX").unwrap().is_none());
}
