//! Values that are read as JSON text: `Cache<str>`.

use std::collections::BTreeMap;

use kiwi_cache::{Cache, Ref, Result, Value, blocking};

use crate::on_both_stores;
use crate::place::Place;
use crate::publisher::Publisher;

on_both_stores!(
    values_come_as_their_loader_has_written_them,
    a_large_map_is_whole_and_follows_deltas,
    a_blocking_reader_has_the_same,
    the_missing_hook_gives_a_value_of_another_key,
);

async fn values_come_as_their_loader_has_written_them(place: impl Place) {
    let publisher = Publisher::new(&place);
    publisher.publish(&[("price", "1.10"), ("ü\"", r#"{ "a":  "é" }"#), ("no", "null")]).await;
    let values: Cache<str> = Cache::connect(place.url(), "airlines").await.unwrap();
    let price: Ref<str> = values.get("price").unwrap().unwrap();
    assert_eq!((price.key(), &*price), ("price", "1.10"));
    assert_eq!(&*values.get("ü\"").unwrap().unwrap(), r#"{ "a":  "é" }"#);
    assert!(values.get("pric").unwrap().is_none() && values.contains_key("no").unwrap());
    let found = values.get_many(&["no", "absent"]).unwrap();
    assert_eq!(found.iter().map(|found| found.as_deref()).collect::<Vec<_>>(), [Some("null"), None]);
    let snapshot = values.snapshot().unwrap();
    assert_eq!((snapshot.len(), &snapshot["price"]), (3, "1.10"));
    assert_eq!(snapshot.keys().collect::<std::collections::BTreeSet<_>>(), ["no", "price", "ü\""].into());
    let first = Ref::map(price, |json| &json[..1]);
    assert_eq!((first.key(), &*first), ("price", "1"));
}

fn numbered(entries: usize) -> Vec<(String, String)> {
    // Some are long: their lengths take several bytes.
    (0..entries).map(|n| (format!("key-{n}"), format!("[{n},\"{}\"]", "x".repeat(n % 97 * (n % 7))))).collect()
}

fn read<V: Value + ?Sized + AsRef<str>>(cache: &Cache<V>) -> BTreeMap<String, String> {
    cache.snapshot().unwrap().iter().map(|(key, json)| (key.to_owned(), json.as_ref().to_owned())).collect()
}

async fn a_large_map_is_whole_and_follows_deltas(place: impl Place) {
    let publisher = Publisher::new(&place);
    let entries = numbered(30_000);
    publisher.publish(&entries).await;
    let cache: Cache<str> = Cache::connect(place.open(), "airlines").await.unwrap();
    let mut expected: BTreeMap<String, String> = entries.into_iter().collect();
    let before = cache.snapshot().unwrap();
    assert_eq!(read(&cache), expected);
    for n in 0..5 {
        let (key, json) = (format!("key-{}", n * 7_000), format!("\"round {n}\""));
        publisher.change(&[(&key, &json)]).await;
        cache.reload().await.unwrap();
        expected.insert(key.clone(), json.clone());
        assert_eq!(&*cache.get(&key).unwrap().unwrap(), json);
        assert_eq!(cache.id(), publisher.head().await.map(|head| head.id));
    }
    assert_eq!(read(&cache), expected);
    assert!(expected.iter().all(|(key, json)| cache.get(key).unwrap().is_some_and(|found| &*found == json)));
    assert!(before["key-7000"].starts_with("[7000,"), "a snapshot stays as it was");
    publisher.publish(&[("only", "1")]).await;
    cache.reload().await.unwrap();
    assert_eq!(read(&cache), [("only".to_owned(), "1".to_owned())].into());
}

async fn a_blocking_reader_has_the_same(place: impl Place) {
    Publisher::new(&place).publish(&numbered(6_000)).await;
    let url = place.url();
    let read = move || -> Result<()> {
        let cache: blocking::Cache<str> = blocking::Cache::connect(url, "airlines")?;
        assert_eq!(cache.len()?, 6_000);
        assert!(cache.get("key-5999")?.unwrap().starts_with("[5999,"));
        Ok(())
    };
    tokio::task::spawn_blocking(read).await.unwrap().unwrap();
}

async fn the_missing_hook_gives_a_value_of_another_key(place: impl Place) {
    Publisher::new(&place).publish(&[("default", "10")]).await;
    let builder = Cache::<str>::builder("airlines").store(place.url());
    let fees = builder.missing(|fees, _| fees.get("default")).connect().await.unwrap();
    let found = fees.get("XX").unwrap().unwrap();
    assert_eq!((found.key(), &*found), ("XX", "10"));
}

#[test]
fn a_reference_outlives_the_snapshot_that_it_is_of() {
    let cache = Cache::fixed_json([("a", "1".repeat(100))]);
    let found = cache.get("a").unwrap().unwrap();
    drop(cache);
    let found = std::thread::spawn(move || found.len()).join().unwrap();
    assert_eq!(found, 100);
}
