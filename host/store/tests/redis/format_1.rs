//! What hosts of the first format have left: a hash and its meta, without a version.

use super::*;
use kiwi_store::{HashState, Publishing, Reading};

/// Writes a map as a host of the first format did.
fn write_format_1(server: &RedisServer, map: &Map, id: Id) {
    let mut connection = redis::Client::open(server.url()).unwrap().get_connection().unwrap();
    let entries: Vec<(&String, &String)> = map.iter().collect();
    redis::cmd("HSET").arg("kiwi:{airlines}").arg(&entries).exec(&mut connection).unwrap();
    let now: (u64, u64) = redis::cmd("TIME").query(&mut connection).unwrap();
    let now = (now.0 * 1_000).to_string();
    let fields = [
        ("format", "1".to_owned()),
        ("id", id.to_string()),
        ("seq", "7".to_owned()),
        ("entries", map.len().to_string()),
        ("bytes", batch(map).bytes().to_string()),
        ("root", root(map).to_string()),
        ("mark", "etag".to_owned()),
        ("loaded_at", now.clone()),
        ("checked_at", now),
        ("ttl", "600000".to_owned()),
        ("refill_interval", "60000".to_owned()),
        ("chbytes", "3".to_owned()),
        ("layout", "hash".to_owned()),
    ];
    redis::cmd("HSET").arg("kiwi:{airlines}:meta").arg(&fields).exec(&mut connection).unwrap();
    for key in ["kiwi:{airlines}", "kiwi:{airlines}:meta"] {
        redis::cmd("PEXPIRE").arg(key).arg(600_000).exec(&mut connection).unwrap();
    }
}

#[tokio::test]
async fn it_is_read_until_the_next_refill_replaces_it() {
    let server = RedisServer::start();
    let store = open(&server.url());
    let (cache, map, id) = (name("airlines"), large(), Id::random());
    write_format_1(&server, &map, id);

    let (head, read) = published(&store, &cache).await.unwrap();
    assert!((head.id, head.seq) == (id, 7) && read == map);
    assert_eq!(store.status(&cache).await.unwrap().hash, HashState::Current);
    assert_eq!(
        store.get(&cache, &["key 00003"]).await.unwrap().unwrap()[0].as_deref(),
        map.get("key 00003").map(String::as_bytes)
    );
    assert_eq!(store.changes(&cache, id).await.unwrap(), None);
    assert!(store.prolong(&cache, CACHE_TTL).await.unwrap());

    // It is as fresh as it says. Once it is due, nothing can be compared with it: the map is written anew.
    let begun = store.begin(&cache, Holder::anonymous(), LEASE_TTL, Due::After(REFILL_INTERVAL)).await.unwrap();
    assert!(matches!(begun, Begin::Fresh { .. }), "{begun:?}");
    let (lease, base) = take(&store, &cache).await;
    assert_eq!(base, None);
    store.stage(&lease, &batch(&map)).await.unwrap();
    let publication = swap(Id::random(), &map);
    assert!(store.commit(lease, &publication).await.unwrap().is_hash_behind);
    assert!(server.command::<Option<String>>(&["HGET", "kiwi:{airlines}:meta", "chbytes"]).unwrap().is_none());
    store.update_hash(&cache).await.unwrap();
    let (head, read) = published(&store, &cache).await.unwrap();
    assert!(head.seq == 8 && read == map);
    assert_eq!(store.status(&cache).await.unwrap().hash, HashState::Current);
    assert_eq!(immortal(&server), [""; 0]);
}

#[tokio::test]
async fn a_part_of_it_is_lost() {
    let server = RedisServer::start();
    let store = open(&server.url());
    let (cache, map) = (name("airlines"), large());
    write_format_1(&server, &map, Id::random());
    let _: () = server.command(&["HDEL", "kiwi:{airlines}", "key 00003"]).unwrap();
    assert!(matches!(store.status(&cache).await.unwrap().presence, kiwi_store::Presence::Lost(_)));
    let error = kiwi_store::testing::read_whole(&store, &cache).await.unwrap_err();
    assert!(error.is_value(), "{error}");
    let begun = store.begin(&cache, Holder::anonymous(), LEASE_TTL, Due::After(REFILL_INTERVAL)).await.unwrap();
    assert!(matches!(begun, Begin::Go { base: None, .. }), "{begun:?}");
}
