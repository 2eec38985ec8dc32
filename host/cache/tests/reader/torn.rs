//! A whole load is one snapshot, however often another one is published under it.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use kiwi_cache::Cache;

use crate::on_both_stores;
use crate::place::Place;
use crate::publisher::Publisher;

on_both_stores!(
    a_thousand_loads_of_a_small_map_are_whole,
    a_thousand_loads_of_a_map_in_chunks_are_whole,
    a_map_that_changes_faster_than_it_is_read_is_loaded_whole,
);

/// Below the size from which maps are read in chunks, and above it.
const SMALL: usize = 200;
const IN_CHUNKS: usize = 5_500;

async fn a_thousand_loads_of_a_small_map_are_whole(place: impl Place) {
    load_under_swaps(&place, SMALL).await;
}

async fn a_thousand_loads_of_a_map_in_chunks_are_whole(place: impl Place) {
    load_under_swaps(&place, IN_CHUNKS).await;
}

/// Here every load in chunks meets another snapshot before its end, until it takes one long step.
async fn a_map_that_changes_faster_than_it_is_read_is_loaded_whole(place: impl Place) {
    let publisher = Publisher::new(&place);
    publish_numbered(&publisher, 50_000, 1).await;
    let done = AtomicBool::new(false);
    tokio::join!(
        async {
            let store = place.open();
            for _ in 0..5 {
                let cache: Cache<u64> = Cache::connect(&store, "airlines").await.unwrap();
                let snapshot = cache.snapshot().unwrap();
                assert_eq!([snapshot["0"], snapshot["49999"]], [snapshot.seq(); 2]);
                assert_eq!(snapshot.len(), 50_001);
            }
            done.store(true, Ordering::Relaxed);
        },
        async {
            for seq in 2u64.. {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                let value = seq.to_string();
                assert_eq!(publisher.change(&[("0", &value), ("49999", &value)]).await.seq, seq);
            }
        },
    );
}

async fn load_under_swaps(place: &impl Place, entries: usize) {
    let publisher = Publisher::new(place);
    publish_numbered(&publisher, entries, 1).await;
    let done = AtomicBool::new(false);
    tokio::join!(
        async {
            load_and_compare(place, entries).await;
            done.store(true, Ordering::Relaxed);
        },
        async {
            for seq in 2.. {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                publish_numbered(&publisher, entries, seq).await;
            }
        },
    );
}

/// Every value is the snapshot's number; and so is the number of entries, to catch one that is left
/// over or lacking.
async fn publish_numbered(publisher: &Publisher, entries: usize, seq: u64) {
    let value = seq.to_string();
    let entries: Vec<_> = (0..entries + seq as usize % 7).map(|key| (key.to_string(), &value)).collect();
    assert_eq!(publisher.publish(&entries).await.seq, seq);
}

/// A thousand loads, and more until they have met a hundred snapshots.
async fn load_and_compare(place: &impl Place, entries: usize) {
    let store = place.open();
    let (mut loads, mut met) = (0, HashSet::new());
    while loads < 1_000 || met.len() < 100 {
        let cache: Cache<u64> = Cache::connect(&store, "airlines").await.unwrap();
        let snapshot = cache.snapshot().unwrap();
        let seq = snapshot.seq();
        assert_eq!(snapshot.len(), entries + seq as usize % 7, "snapshot {seq}");
        let mixed = snapshot.iter().find(|&(_, &value)| value != seq);
        assert_eq!(mixed, None, "snapshot {seq} has an entry of another one");
        met.insert(seq);
        loads += 1;
    }
}
