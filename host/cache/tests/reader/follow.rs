//! A reader that is one or more deltas behind applies them to what it holds.

use std::collections::BTreeMap;

use kiwi_cache::Cache;

use crate::on_both_stores;
use crate::place::Place;
use crate::publisher::Publisher;
use crate::redis_server::RedisServer;

on_both_stores!(deltas_lead_to_what_is_published, a_corrected_value_is_loaded_again,);

fn numbered(entries: usize) -> Vec<(String, String)> {
    (0..entries).map(|n| (format!("key-{n}"), n.to_string())).collect()
}

fn read(cache: &Cache<u64>) -> BTreeMap<String, u64> {
    cache.snapshot().unwrap().iter().map(|(key, value)| (key.to_owned(), *value)).collect()
}

async fn deltas_lead_to_what_is_published(place: impl Place) {
    let publisher = Publisher::new(&place);
    publisher.publish(&numbered(1_000)).await;
    let cache: Cache<u64> = Cache::connect(place.open(), "airlines").await.unwrap();
    let before = cache.snapshot().unwrap();
    let mut expected = read(&cache);
    for round in 0..20u64 {
        for step in 0..=round % 3 {
            let (key, value) = (format!("key-{}", round * 7), (round * 10 + step).to_string());
            publisher.change(&[(&key, &value), ("key-999", &value)]).await;
            expected.extend([(key, round * 10 + step), ("key-999".to_owned(), round * 10 + step)]);
        }
        cache.reload().await.unwrap();
        assert_eq!(read(&cache), expected);
        assert_eq!(cache.id(), publisher.head().await.map(|head| head.id));
        assert_eq!(*cache.get("key-999").unwrap().unwrap(), expected["key-999"]);
    }
    assert_eq!(before["key-999"], 999, "a snapshot stays as it was");
}

async fn a_corrected_value_is_loaded_again(place: impl Place) {
    let publisher = Publisher::new(&place);
    publisher.publish(&numbered(1_000)).await;
    let cache: Cache<u64> = Cache::connect(place.open(), "airlines").await.unwrap();
    publisher.change(&[("key-1", "\"no number\"")]).await;
    assert!(cache.reload().await.unwrap_err().is_value());
    assert_eq!(*cache.get("key-1").unwrap().unwrap(), 1, "the copy stays");
    publisher.change(&[("key-2", "7")]).await;
    assert!(cache.reload().await.unwrap_err().is_value());
    publisher.change(&[("key-1", "8")]).await;
    cache.reload().await.unwrap();
    assert_eq!([*cache.get("key-1").unwrap().unwrap(), *cache.get("key-2").unwrap().unwrap()], [8, 7]);
}

#[tokio::test]
async fn only_what_has_changed_is_requested() {
    let redis = RedisServer::start();
    let publisher = Publisher::new(&redis);
    publisher.publish(&numbered(20_000)).await;
    let cache: Cache<u64> = Cache::connect(redis.open(), "airlines").await.unwrap();
    let whole = redis.calls("xrange");
    for n in 0..10 {
        publisher.change(&[("key-5", &n.to_string())]).await;
        cache.reload().await.unwrap();
    }
    assert_eq!(*cache.get("key-5").unwrap().unwrap(), 9);
    assert_eq!(redis.calls("xrange"), whole, "nothing is loaded whole");

    // Another map, or too much of this one: then it is.
    let half: Vec<_> = (0..10_000).map(|n| (format!("key-{n}"), "1".to_owned())).collect();
    let half: Vec<_> = half.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    publisher.change(&half).await;
    cache.reload().await.unwrap();
    assert_eq!(*cache.get("key-7").unwrap().unwrap(), 1);
    assert!(redis.calls("xrange") > whole);
    publisher.publish(&numbered(3)).await;
    cache.reload().await.unwrap();
    assert_eq!(read(&cache).len(), 3);
}
