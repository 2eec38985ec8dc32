//! The reader without a copy.

use kiwi_cache::{Presence, RemoteCache};

use crate::on_both_stores;
use crate::place::Place;
use crate::publisher::Publisher;

on_both_stores!(each_read_is_of_what_is_published_now, a_missing_cache_is_not_an_absent_key);

async fn each_read_is_of_what_is_published_now(place: impl Place) {
    let publisher = Publisher::new(&place);
    let airlines: RemoteCache<u64> = RemoteCache::open(place.url(), "airlines").unwrap();
    publisher.publish(&[("FR", "1"), ("U2", "2"), ("XX", "null")]).await;
    assert_eq!(airlines.get("FR").await.unwrap(), Some(1));
    assert_eq!(airlines.get("ZZ").await.unwrap(), None);
    assert_eq!(airlines.get_many(&["U2", "ZZ", "FR"]).await.unwrap(), [Some(2), None, Some(1)]);
    assert_eq!(airlines.get_many(&[]).await.unwrap(), []);
    assert!(airlines.contains_key("XX").await.unwrap() && !airlines.contains_key("ZZ").await.unwrap());
    assert_eq!((airlines.len().await.unwrap(), airlines.is_empty().await.unwrap()), (3, false));
    let error = airlines.get("XX").await.unwrap_err();
    assert!(error.is_value() && error.to_string().contains("`XX`"), "{error}");

    let head = publisher.publish(&[("FR", "7")]).await;
    assert_eq!(airlines.get("FR").await.unwrap(), Some(7));
    assert_eq!(airlines.status().await.unwrap().presence, Presence::Whole(head));
}

async fn a_missing_cache_is_not_an_absent_key(place: impl Place) {
    let airlines: RemoteCache<u64> = RemoteCache::open(place.url(), "airlines").unwrap();
    assert!(airlines.get("FR").await.unwrap_err().is_missing());
    assert!(airlines.get_many(&["FR"]).await.unwrap_err().is_missing());
    assert!(airlines.contains_key("FR").await.unwrap_err().is_missing());
    assert!(airlines.len().await.unwrap_err().is_missing());
    assert_eq!(airlines.status().await.unwrap().presence, Presence::Missing);
}
