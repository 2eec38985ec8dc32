//! The store contract, on the embedded store.

mod store_contract;

use std::sync::Arc;
use std::time::Duration;

use kiwi_store::Holder;
use kiwi_store::{Begin, Due, Embedded, Store};
use store_contract::Place;

/// A directory that is removed with it.
struct Directory(tempfile::TempDir);

impl Directory {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
}

impl Place for Directory {
    fn open(&self) -> Arc<dyn Store> {
        Arc::new(Embedded::open(self.0.path()).unwrap())
    }
}

store_contract!(Directory::new());

#[tokio::test]
async fn a_key_that_lmdb_cannot_take_is_refused_with_its_length() {
    let place = Directory::new();
    let store = place.open();
    let cache = "airlines".parse().unwrap();
    let begin = store.begin(&cache, Holder::anonymous(), Duration::from_secs(60), Due::Always).await.unwrap();
    let Begin::Go { lease, .. } = begin else { panic!("{begin:?}") };
    for key in [String::new(), "k".repeat(512), "é".repeat(256)] {
        let batch = [("FR", "1"), (&key, "1")].into_iter().collect();
        let error = store.stage(&lease, &batch).await.unwrap_err();
        let text = error.to_string();
        assert!(error.is_invalid() && error.cache() == Some(&cache), "{text}");
        assert!(text.contains(&key.len().to_string()) && text.contains("511"), "{text}");
        assert!(!store.is_staged(&lease, "FR").await.unwrap(), "a batch is staged whole or not at all");
    }
}

#[tokio::test]
async fn a_dropped_store_frees_its_leases() {
    let place = Directory::new();
    let (store, other) = (place.open(), place.open());
    let cache = "airlines".parse().unwrap();
    let begin = async |store: &Arc<dyn Store>| {
        store.begin(&cache, Holder::anonymous(), Duration::from_secs(60), Due::Always).await.unwrap()
    };
    assert!(matches!(begin(&store).await, Begin::Go { .. }));
    assert!(matches!(begin(&other).await, Begin::Busy { .. }));
    drop(store);
    assert!(matches!(begin(&other).await, Begin::Go { .. }));
}

#[tokio::test]
async fn a_file_that_is_not_ours_is_refused_and_left_alone() {
    let place = Directory::new();
    let store = place.open();
    let cache = "airlines".parse().unwrap();
    let file = place.0.path().join("airlines/data.mdb");
    std::fs::create_dir(file.parent().unwrap()).unwrap();
    let theirs = "not a database\n".repeat(1_000);
    std::fs::write(&file, &theirs).unwrap();
    let begun = store.begin(&cache, Holder::anonymous(), Duration::from_secs(60), Due::Always).await;
    for error in [begun.unwrap_err(), store.get(&cache, &["FR"]).await.unwrap_err()] {
        let text = error.to_string();
        assert!(error.is_wrong_type() && error.cache() == Some(&cache), "{text}");
        assert!(text.contains(file.parent().unwrap().to_str().unwrap()), "{text}");
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), theirs);
}

#[tokio::test]
async fn a_directory_that_cannot_be_created_is_named() {
    let place = Directory::new();
    let file = place.0.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Embedded::open(&file.join("kiwi")).unwrap_err();
    assert!(error.to_string().contains(file.to_str().unwrap()), "{error}");
}
