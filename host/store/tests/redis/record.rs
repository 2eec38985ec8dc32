//! The record that is shared with kiwi-cache: what is written, what is read, and whose it is.

use std::sync::Arc;

use kiwi_store::{Administration, HashState, Presence};
use kiwi_store::{Layout, RecordKey};

use super::*;

pub(crate) const RESOURCE: &str = "resource:Airlines:eu";
pub(crate) const LOCK: &str = "lock:Airlines:eu";

/// A store that knows the layout of the cache `airlines`.
pub(crate) fn laid_out(server: &RedisServer, layout: impl Fn(RecordKey) -> Layout) -> Arc<dyn Store> {
    let layout = layout("Airlines:eu".parse().unwrap());
    open(&server.url()).with_layouts(&[(name("airlines"), layout)]).unwrap()
}

/// What kiwi-cache would write.
pub(crate) fn save(server: &RedisServer, json: &str) {
    server.command::<()>(&["SET", RESOURCE, json, "EX", "600"]).unwrap();
}

pub(crate) fn record(server: &RedisServer) -> String {
    server.command(&["GET", RESOURCE]).unwrap()
}

async fn presence(store: &dyn Store) -> Presence {
    store.status(&name("airlines")).await.unwrap().presence
}

async fn scan_error(store: &dyn Store) -> Error {
    store.whole(&name("airlines")).await.unwrap_err()
}

#[tokio::test]
async fn a_record_has_two_members_and_every_value_as_it_was() {
    let server = RedisServer::start();
    let (store, cache) = (laid_out(&server, Layout::Record), name("airlines"));
    let map = map(&[
        ("FR", r#"{"name": "Ryanair", "rate": 1.10}"#),
        ("ž \"q\" \\ \n", "\"čau 😀\""),
        ("big", "1180591620717411303424"),
        ("null", "null"),
    ]);
    let id = refill(&*store, &cache, &map).await;

    let written = record(&server);
    assert!(written.contains(r#""rate": 1.10}"#) && written.contains("1180591620717411303424"), "{written}");
    let json: serde_json::Value = serde_json::from_str(&written).unwrap();
    let members = json.as_object().unwrap();
    assert_eq!(members.len(), 2, "{written}");
    assert_eq!(members["data"]["ž \"q\" \\ \n"], "čau 😀");
    let age = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64()
        - members["timestamp"].as_f64().unwrap();
    assert!((0.0..60.0).contains(&age), "{age}");

    let mut keys: Vec<String> = server.command(&["KEYS", "*"]).unwrap();
    keys.sort();
    assert_eq!(keys, ["kiwi:{airlines}:meta", RESOURCE], "no hash, no lock, nothing staged");
    assert_eq!(immortal(&server), [""; 0]);

    // Told, or by what meta says.
    for reader in [store, Arc::new(open(&server.url()))] {
        let (head, read) = published(&*reader, &cache).await.unwrap();
        assert_eq!((head.id, head.entries, read), (id, 4, map.clone()));
        assert_eq!(presence(&*reader).await, Presence::Whole(head));
        let values = reader.get(&cache, &["null", "XX"]).await.unwrap().unwrap();
        assert_eq!(values, [Some("null".into()), None]);
    }
}

#[tokio::test]
async fn a_record_of_many_pieces_is_whole_and_an_empty_one_too() {
    let server = RedisServer::start();
    for layout in [Layout::Record, Layout::Both] {
        let (store, cache) = (laid_out(&server, layout), name("airlines"));
        let large: Map = (0..30_000).map(|n| (format!("key-{n}"), format!("\"{}\"", "x".repeat(n % 200)))).collect();
        for map in [large, Map::new()] {
            let (lease, _) = take(&*store, &cache).await;
            let entries: Vec<_> = map.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
            for part in entries.chunks(700) {
                store.stage(&lease, &part.iter().copied().collect()).await.unwrap();
                assert_eq!(immortal(&server), [""; 0]);
            }
            for (key, is_staged) in [("key-7", !map.is_empty()), ("key-30000", false)] {
                assert_eq!(store.is_staged(&lease, key).await.unwrap(), is_staged, "{key}");
            }
            let id = Id::random();
            store.commit(lease, &swap(id, &map)).await.unwrap();
            let json: serde_json::Value = serde_json::from_str(&record(&server)).unwrap();
            assert_eq!(json["data"].as_object().unwrap().len(), map.len());
            assert_eq!(published(&*store, &cache).await.unwrap().1, map);
        }
    }
}

#[tokio::test]
async fn what_kiwi_cache_wrote_is_read_and_distinguished() {
    let server = RedisServer::start();
    let (store, cache) = (laid_out(&server, Layout::Record), name("airlines"));
    assert_eq!(presence(&*store).await, Presence::Missing);
    assert!(published(&*store, &cache).await.is_none());

    save(&server, r#"{"data": {"FR": {"rate": 1.10}, "é": [1e400]}, "timestamp": 1700000000.25}"#);
    let Presence::Foreign(foreign) = presence(&*store).await else { panic!("kiwi-cache's record is there") };
    let (head, read) = published(&*store, &cache).await.unwrap();
    assert_eq!(read, map(&[("FR", r#"{"rate": 1.10}"#), ("é", "[1e400]")]));
    assert_eq!((head.id, head.entries, head.seq), (foreign.id, 2, 0));
    assert_eq!(head.loaded_at, SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_250));
    let Ttl::For(life) = head.cache_ttl else { panic!("it has a TTL") };
    assert!(life > Duration::from_secs(600), "its age and what is left: {life:?}");

    // Saved again, and the other way round.
    save(&server, r#"{"timestamp": 1700000001.25, "data": {"FR": {"rate": 1.10}, "é": [1e400]}}"#);
    let Presence::Foreign(again) = presence(&*store).await else { panic!("kiwi-cache's record is there") };
    assert_ne!(again.id, foreign.id);

    // Ours over it, and its over ours.
    let Begin::Go { lease, base: None, .. } =
        store.begin(&cache, Holder::anonymous(), LEASE_TTL, Due::Always).await.unwrap()
    else {
        panic!("nothing is known of what is there")
    };
    store.release(lease).await.unwrap();
    let id = refill(&*store, &cache, &read).await;
    assert_eq!(presence(&*store).await.whole().unwrap().id, id);
    let ours = record(&server);
    save(&server, &ours.replace("1.10", "1.20"));
    assert_eq!(presence(&*store).await.whole().unwrap().id, id, "the same end and length: only a forger does that");
    save(&server, &ours.replace("1.10", "1.2"));
    assert!(matches!(presence(&*store).await, Presence::Foreign(_)));

    // It is there, so it is not due before its time; but what it says is not known.
    let due = |due| store.begin(&cache, Holder::anonymous(), LEASE_TTL, due);
    assert!(matches!(due(Due::After(REFILL_INTERVAL)).await.unwrap(), Begin::Fresh { .. }));
    assert!(matches!(due(Due::Always).await.unwrap(), Begin::Go { base: None, .. }));
}

#[tokio::test]
async fn what_kiwi_cache_could_not_read_is_reported() {
    let server = RedisServer::start();
    let store = laid_out(&server, Layout::Record);
    for extra in
        [r#"{"data": {}, "timestamp": 1.5, "more": 1}"#, r#"{"data": {"a": 1}}"#, r#"{"timestamp": 1.5}"#, "{}"]
    {
        save(&server, extra);
        let error = scan_error(&*store).await;
        assert!(error.is_missing() && error.to_string().contains("exactly `data` and `timestamp`"), "{error}");
    }
    for bad in ["", "[]", "nonsense", r#"{"data": [], "timestamp": 1}"#, r#"{"data": {"a": NaN}, "timestamp": 1}"#] {
        save(&server, bad);
        if bad.is_empty() {
            assert_eq!(presence(&*store).await, Presence::Missing);
            continue;
        }
        let error = scan_error(&*store).await;
        assert!(error.is_value() && error.to_string().contains("`resource:Airlines:eu`"), "{bad}: {error}");
    }
    for fine in [r#"{"data": {"a": 1}, "timestamp": null}"#, r#"{"data": {"a": 1}, "timestamp": 99999999999999}"#] {
        save(&server, fine);
        assert!(published(&*store, &name("airlines")).await.is_some(), "{fine}");
    }
}

#[tokio::test]
async fn both_layouts_are_one_commit() {
    let server = RedisServer::start();
    let (store, cache) = (laid_out(&server, Layout::Both), name("airlines"));
    let map = map(&[("FR", "1"), ("LH", "2")]);
    let id = refill(&*store, &cache, &map).await;
    assert_eq!(server.command::<String>(&["HGET", "kiwi:{airlines}", "LH"]).unwrap(), "2");
    assert!(record(&server).starts_with(r#"{"data": {"FR": 1, "LH": 2}, "timestamp": "#));
    for reader in [store.clone(), Arc::new(open(&server.url())) as Arc<dyn Store>, laid_out(&server, Layout::Record)] {
        let (head, read) = published(&*reader, &cache).await.unwrap();
        assert_eq!((head.id, &read), (id, &map));
    }

    // kiwi-cache writes over its part: the hash stays, and the next refill replaces both.
    save(&server, r#"{"data": {"FR": 9}, "timestamp": 1.5}"#);
    assert_eq!(published(&*store, &cache).await.unwrap().1, map);
    let (lease, base) = take(&*store, &cache).await;
    assert!(base.is_none(), "nothing can be found unchanged against this");
    let touch = publish(Content::Touch { base: id });
    let lease = refused!(store, lease, &touch, Moved);
    store.release(lease).await.unwrap();

    // A record that is gone makes it due at once, and a hash that is gone is written again.
    refill(&*store, &cache, &map).await;
    server.command::<()>(&["DEL", RESOURCE]).unwrap();
    assert!(matches!(presence(&*store).await, Presence::Lost(_)));
    let begun = store.begin(&cache, Holder::anonymous(), LEASE_TTL, Due::After(REFILL_INTERVAL)).await.unwrap();
    let Begin::Go { lease, base: None, .. } = begun else { panic!("{begun:?}") };
    store.release(lease).await.unwrap();
    refill(&*store, &cache, &map).await;
    server.command::<()>(&["DEL", "kiwi:{airlines}"]).unwrap();
    assert_eq!(store.status(&cache).await.unwrap().hash, HashState::Behind);
    assert_eq!(store.get(&cache, &["FR"]).await.unwrap(), Some(vec![Some("1".into())]), "from the version");
    store.update_hash(&cache).await.unwrap();
    assert_eq!(server.command::<String>(&["HGET", "kiwi:{airlines}", "LH"]).unwrap(), "2");
}

#[tokio::test]
async fn nothing_changed_writes_no_record() {
    let server = RedisServer::start();
    let (store, cache) = (laid_out(&server, Layout::Record), name("airlines"));
    let map = map(&[("FR", "1")]);
    let id = refill(&*store, &cache, &map).await;
    let before = record(&server);
    server.command::<()>(&["PEXPIRE", RESOURCE, "5000"]).unwrap();

    let (lease, base) = take(&*store, &cache).await;
    assert_eq!(base.unwrap().id, id);
    store.stage(&lease, &batch(&map)).await.unwrap();
    store.commit(lease, &publish(Content::Touch { base: id })).await.unwrap();
    assert_eq!(record(&server), before);
    assert!(server.command::<i64>(&["PTTL", RESOURCE]).unwrap() > 500_000);
    assert_eq!(server.command::<Vec<String>>(&["KEYS", "*staging*"]).unwrap(), [""; 0]);

    let (lease, _) = take(&*store, &cache).await;
    save(&server, r#"{"data": {"FR": 9}, "timestamp": 1.5}"#);
    let _lease = refused!(store, lease, &publish(Content::Touch { base: id }), Moved);
}

#[tokio::test]
async fn old_records_are_prolonged_whoever_wrote_them() {
    let server = RedisServer::start();
    let (store, cache) = (laid_out(&server, Layout::Record), name("airlines"));
    assert!(!store.prolong(&cache, CACHE_TTL).await.unwrap());
    server.command::<()>(&["SET", RESOURCE, r#"{"data": {}, "timestamp": 1.5}"#, "EX", "5"]).unwrap();
    assert!(store.prolong(&cache, CACHE_TTL).await.unwrap());
    assert!(server.command::<i64>(&["PTTL", RESOURCE]).unwrap() > 500_000);

    refill(&*store, &cache, &map(&[("FR", "1")])).await;
    server.command::<()>(&["PEXPIRE", RESOURCE, "5000"]).unwrap();
    assert!(store.prolong(&cache, CACHE_TTL).await.unwrap());
    assert!(server.command::<i64>(&["PTTL", RESOURCE]).unwrap() > 500_000);
}

#[tokio::test]
async fn another_layout_is_published_at_once_but_not_again_and_again() {
    let server = RedisServer::start();
    let cache = name("airlines");
    let map = map(&[("FR", "1")]);
    let (hash, record) = (laid_out(&server, |_| Layout::Hash), laid_out(&server, Layout::Record));
    let forever = |content| Publish::new(content, Ttl::Forever, REFILL_INTERVAL);
    let swap = || match swap(Id::random(), &map).content {
        swap @ Content::Swap { .. } => forever(swap),
        other => panic!("{other:?}"),
    };
    let due = Due::After(REFILL_INTERVAL);
    for (store, old_key, due) in
        [(&hash, None, due), (&record, Some("kiwi:{airlines}"), due), (&hash, Some(RESOURCE), Due::Always)]
    {
        let begun = store.begin(&cache, Holder::anonymous(), LEASE_TTL, due).await.unwrap();
        let Begin::Go { lease, base: None, .. } = begun else { panic!("another layout is due: {begun:?}") };
        store.stage(&lease, &batch(&map)).await.unwrap();
        store.commit(lease, &swap()).await.unwrap();
        assert_eq!(published(&**store, &cache).await.unwrap().1, map);
        assert_eq!(published(&open(&server.url()), &cache).await.unwrap().1, map, "who is not told reads it too");
        if let Some(old) = old_key {
            assert!(server.command::<i64>(&["PTTL", old]).unwrap() > 0, "`{old}` has no end");
            // What the old layout has left is not kept alive.
            server.command::<()>(&["PEXPIRE", old, "5000"]).unwrap();
            assert!(store.prolong(&cache, CACHE_TTL).await.unwrap());
            assert!(server.command::<i64>(&["PTTL", old]).unwrap() <= 5_000, "`{old}` was prolonged");
            // A host with the old layout waits until a refill is due.
            let other = if old == RESOURCE { &record } else { &hash };
            let begun = other.begin(&cache, Holder::anonymous(), LEASE_TTL, Due::After(REFILL_INTERVAL)).await.unwrap();
            assert!(matches!(begun, Begin::Fresh { .. }), "{begun:?}");
            assert_eq!(published(&**other, &cache).await.unwrap().1, map, "who was told otherwise reads it, too");
        }
    }
}

#[tokio::test]
async fn a_record_too_big_for_redis_is_refused_with_the_reason() {
    let server = RedisServer::start();
    let (store, cache) = (laid_out(&server, Layout::Record), name("airlines"));
    let (lease, _) = take(&*store, &cache).await;
    let value = format!("\"{}\"", "x".repeat(8 << 20));
    for n in 0.. {
        let key = n.to_string();
        let Err(error) = store.stage(&lease, &[(key.as_str(), value.as_str())].into_iter().collect()).await else {
            assert!(n < 64, "{n} x 8 MiB");
            continue;
        };
        assert!(n == 63 && error.is_invalid() && error.to_string().contains("512 MB"), "{n}: {error}");
        assert!(error.to_string().contains("layout = \"hash\""), "{error}");
        break;
    }
    store.release(lease).await.unwrap();
}

#[tokio::test]
async fn a_wrong_type_or_a_missing_permission_is_reported_before_anything_is_written() {
    let server = RedisServer::start();
    let (store, cache) = (laid_out(&server, Layout::Record), name("airlines"));
    server.command::<()>(&["RPUSH", RESOURCE, "x"]).unwrap();
    let error = store.begin(&cache, Holder::anonymous(), LEASE_TTL, Due::Always).await.unwrap_err();
    assert!(error.is_wrong_type() && error.to_string().contains("expected a string"), "{error}");
    server.command::<()>(&["DEL", RESOURCE]).unwrap();

    server.command::<()>(&["ACL", "SETUSER", "host", "on", ">pw", "~kiwi:*", "&kiwi:*", "+@all"]).unwrap();
    let url = server.url().replace("127", "host:pw@127");
    let layout = [(cache.clone(), Layout::Record("Airlines:eu".parse().unwrap()))];
    let limited = open(&url).with_layouts(&layout).unwrap();
    let error = limited.begin(&cache, Holder::anonymous(), LEASE_TTL, Due::Always).await.unwrap_err();
    assert!(error.is_denied() && error.to_string().contains(RESOURCE), "{error}");
    assert_eq!(server.command::<Vec<String>>(&["KEYS", "*"]).unwrap(), [""; 0]);
}

#[tokio::test]
async fn forgetting_leaves_what_kiwi_cache_wrote() {
    let server = RedisServer::start();
    let (store, cache) = (laid_out(&server, Layout::Record), name("airlines"));
    refill(&*store, &cache, &map(&[("FR", "1")])).await;
    // By a command that has no configuration.
    assert!(open(&server.url()).forget(&cache).await.unwrap());
    assert_eq!(server.command::<Vec<String>>(&["KEYS", "*"]).unwrap(), [""; 0]);

    refill(&*store, &cache, &map(&[("FR", "1")])).await;
    save(&server, r#"{"data": {}, "timestamp": 1.5}"#);
    assert!(store.forget(&cache).await.unwrap());
    assert_eq!(server.command::<Vec<String>>(&["KEYS", "*"]).unwrap(), [RESOURCE]);
}

#[tokio::test]
async fn a_lost_snapshot_is_restored_as_old_as_it_was() {
    let server = RedisServer::start();
    let cache = name("airlines");
    let map = map(&[("FR", "1"), ("LH", "2")]);
    for layout in [|_| Layout::Hash, Layout::Record, Layout::Both] as [fn(RecordKey) -> Layout; 3] {
        let store = laid_out(&server, layout);
        refill(&*store, &cache, &map).await;
        let (head, _) = published(&*store, &cache).await.unwrap();
        let (lease, _) = take(&*store, &cache).await;
        store.stage(&lease, &batch(&map)).await.unwrap();
        let moved = store.restore(&lease, &head).await;
        assert!(matches!(moved, Err(CommitError::Moved)), "nothing is lost: {moved:?}");
        store.release(lease).await.unwrap();

        server.command::<()>(&["FLUSHALL"]).unwrap();
        let (lease, _) = take(&*store, &cache).await;
        store.stage(&lease, &batch(&map)).await.unwrap();
        store.restore(&lease, &head).await.unwrap();
        let (restored, read) = published(&*store, &cache).await.unwrap();
        assert_eq!((restored, read), (head, map.clone()), "with its id, so that who holds it need not load it");
        assert!(store.renew(&lease, LEASE_TTL).await.unwrap(), "the failure of the load is still to be told");
        store.fail(lease, Duration::ZERO, &failure(), CACHE_TTL).await.unwrap();
        assert_eq!(store.status(&cache).await.unwrap().last_error().unwrap().kind, "unavailable");
        assert_eq!(immortal(&server), [""; 0]);
        server.command::<()>(&["FLUSHALL"]).unwrap();
    }
}

#[tokio::test]
async fn in_a_cluster_a_record_is_refused_with_the_reason() {
    let server = RedisServer::start_with(&["--cluster-enabled", "yes"]);
    server.command::<()>(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]).unwrap();
    let is_up = async || server.command::<String>(&["CLUSTER", "INFO"]).unwrap().contains("cluster_state:ok");
    eventually("the cluster is up", is_up).await;
    for layout in [Layout::Record, Layout::Both] {
        let store = laid_out(&server, layout);
        let error = store.begin(&name("airlines"), Holder::anonymous(), LEASE_TTL, Due::Always).await.unwrap_err();
        assert!(error.is_invalid() && error.to_string().contains("does not work in a Redis Cluster"), "{error}");
        assert!(error.to_string().contains("layout = \"hash\""), "{error}");
    }
    assert_eq!(server.command::<Vec<String>>(&["KEYS", "*"]).unwrap(), [""; 0], "nothing was written");
}
