//! What follows a publication: the plain hash, and packing.

use kiwi_store::HashState;

use super::*;

pub(crate) async fn the_hash_is_brought_up_to_what_is_published(place: &impl Place) {
    let (host, reader) = (place.open(), place.open());
    host.update_hash(&cache()).await.unwrap();
    assert_eq!(status(&host).await.hash, HashState::Absent, "nothing is published");
    let large = |value: usize| {
        (0..5_000).map(|n| (format!("key {n:05}"), format!("\"{value} {n} {}\"", "x".repeat(20)))).collect()
    };
    let old: Map = large(1);
    let head = refill(&host, &cache(), &old, Ttl::For(LONG)).await;
    host.update_hash(&cache()).await.unwrap();
    is_up_to_date(&reader).await;

    // More keys than are changed in one step.
    let mut new = old.clone();
    new.extend(large(2).into_iter().take(2_400));
    (4_000..4_100).for_each(|n| drop(new.remove(&format!("key {n:05}"))));
    let lease = go(&host).await;
    let committed = host.commit(lease, &delta_to(head.id, &old, &new)).await.unwrap();
    let got = async |key: &str| reader.get(&cache(), &[key]).await.unwrap().unwrap().remove(0);
    for key in ["key 00000", "key 02399", "key 02400", "key 04050"] {
        assert_eq!(got(key).await.as_deref(), new.get(key).map(String::as_bytes), "{key}, at once");
    }
    if committed.is_hash_behind {
        assert_eq!(status(&host).await.hash, HashState::Behind);
        host.update_hash(&cache()).await.unwrap();
    }
    is_up_to_date(&reader).await;
    for key in ["key 00000", "key 02399", "key 02400", "key 04050"] {
        assert_eq!(got(key).await.as_deref(), new.get(key).map(String::as_bytes), "{key}, from the hash");
    }
    assert!(read(&reader).await == new);
}

/// The embedded store has no hash.
async fn is_up_to_date(store: &Arc<dyn Store>) {
    let hash = status(store).await.hash;
    assert!(matches!(hash, HashState::Current | HashState::Absent), "{hash:?}");
}

pub(crate) async fn repacking_changes_nothing_that_is_read(place: &impl Place) {
    let (host, reader) = (place.open(), place.open());
    assert!(!host.repack(&cache()).await.unwrap(), "nothing is published");
    // Values that do not compress well.
    let value = |seed: usize| -> String { (0..40).map(|n| format!("{:016x}", noise(seed * 100 + n))).collect() };
    let mut old: Map = (0..1_000).map(|n| (format!("key {n}"), format!("\"{}\"", value(n)))).collect();
    let mut head = refill(&host, &cache(), &old, Ttl::For(LONG)).await;
    let mut was_packed = false;
    for round in 1..60 {
        let mut new = old.clone();
        for n in 0..10 {
            new.insert(format!("key {}", round * 10 + n), format!("\"{}\"", value(round * 1_000 + n)));
        }
        new.remove(&format!("key {}", round * 7));
        let lease = go(&host).await;
        host.commit(lease, &delta_to(head.id, &old, &new)).await.unwrap();
        was_packed |= host.repack(&cache()).await.unwrap();
        assert!(read(&reader).await == new, "round {round}");
        assert_eq!(reader.changes(&cache(), head.id).await.unwrap().unwrap().deltas.len(), 1, "round {round}");
        head = head_of(&reader, &cache()).await;
        old = new;
    }
    assert_eq!(was_packed, status(&host).await.hash != HashState::Absent, "where deltas are kept beside the map");
}

/// A number in which no pattern is left.
fn noise(seed: usize) -> u64 {
    let mut number = seed as u64 ^ 0x9e37_79b9_7f4a_7c15;
    for _ in 0..3 {
        number ^= number >> 31;
        number = number.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    }
    number
}
