//! The lease, the staging, and what stands in Redis while a refill runs.

use super::*;
use kiwi_store::Finding;
use kiwi_store::{Administration, LeaseState, Presence, Publishing, Reading};

#[tokio::test]
async fn every_key_has_a_ttl_at_every_step_of_a_refill() {
    let server = RedisServer::start();
    let store = open(&server.url());
    let cache = name("airlines");
    let small = map(&[("FR", "1"), ("LH", "2")]);

    let (lease, base) = take(&store, &cache).await;
    assert_eq!((base, immortal(&server)), (None, vec![]));
    store.stage(&lease, &batch(&small)).await.unwrap();
    assert_eq!(immortal(&server), [""; 0]);
    assert!(store.renew(&lease, LEASE_TTL).await.unwrap());
    assert_eq!(immortal(&server), [""; 0]);
    let id = Id::random();
    store.commit(lease, &swap(id, &small)).await.unwrap();
    assert_eq!(immortal(&server), [""; 0]);

    let (lease, base) = take(&store, &cache).await;
    let larger = map(&[("FR", "1"), ("LH", "3"), ("U2", "4")]);
    let change = Content::Delta {
        id: Id::random(),
        base: base.unwrap().id,
        delta: delta(&small, &larger),
        entries: 3,
        bytes: batch(&larger).bytes() as u64,
        root: root(&larger),
    };
    store.commit(lease, &publish(change)).await.unwrap();
    assert_eq!(immortal(&server), [""; 0]);
    assert!(server.command::<bool>(&["EXISTS", "kiwi:{airlines}:log"]).unwrap());

    let (lease, _) = take(&store, &cache).await;
    store.fail(lease, Duration::from_secs(1), &failure(), CACHE_TTL).await.unwrap();
    assert_eq!(immortal(&server), [""; 0]);

    let (lease, _) = take(&store, &name("never-loaded")).await;
    store.fail(lease, Duration::ZERO, &failure(), CACHE_TTL).await.unwrap();
    assert_eq!(immortal(&server), [""; 0]);
    let status = store.status(&name("never-loaded")).await.unwrap();
    assert_eq!((&status.presence, status.lease), (&Presence::Missing, LeaseState::Free));
    assert_eq!(status.last_error().unwrap().message, "the source is down");
}

#[tokio::test]
async fn what_is_kept_forever_stays_so() {
    let server = RedisServer::start();
    let store = open(&server.url());
    let cache = name("currencies");
    let map = map(&[("EUR", "1")]);
    let (lease, _) = take(&store, &cache).await;
    store.stage(&lease, &batch(&map)).await.unwrap();
    let id = Id::random();
    let forever = Publish::new(swap(id, &map).content, Ttl::Forever, REFILL_INTERVAL);
    store.commit(lease, &forever).await.unwrap();
    assert!(store.prolong(&cache, Ttl::For(Duration::from_secs(5))).await.unwrap());
    assert_eq!(immortal(&server).len(), 2, "data and meta");

    // Once somebody gives it a TTL, it has one.
    let (lease, base) = take(&store, &cache).await;
    assert_eq!(base.unwrap().cache_ttl, Ttl::Forever);
    let touch = publish(Content::Touch { base: id });
    store.commit(lease, &touch).await.unwrap();
    assert_eq!(immortal(&server), [""; 0]);
}

#[tokio::test]
async fn prolonging_never_shortens() {
    let server = RedisServer::start();
    let store = open(&server.url());
    let cache = name("airlines");
    refill(&store, &cache, &map(&[("FR", "1")])).await;
    let ttl = |key: &str| server.command::<i64>(&["PTTL", key]).unwrap();
    assert!(store.prolong(&cache, Ttl::For(Duration::from_secs(10))).await.unwrap());
    assert!(ttl("kiwi:{airlines}") > 500_000 && ttl("kiwi:{airlines}:meta") > 500_000);
    assert!(store.prolong(&cache, Ttl::For(Duration::from_secs(6_000))).await.unwrap());
    assert!(ttl("kiwi:{airlines}") > 5_000_000 && ttl("kiwi:{airlines}:meta") > 5_000_000);
    assert!(ttl("kiwi:{airlines}") > 0);
}

#[tokio::test]
async fn a_slow_loader_keeps_what_it_staged_by_renewing() {
    let server = RedisServer::start();
    let store = open(&server.url());
    let cache = name("airlines");
    refill(&store, &cache, &map(&[("FR", "1")])).await;
    let (lease, _) = take(&store, &cache).await;
    let filler = "x".repeat(300);
    let entries: Map = (0..70_000).map(|n| (n.to_string(), format!("\"{filler}{n}\""))).collect();
    store.stage(&lease, &batch(&entries)).await.unwrap();
    let staged: Vec<String> = server.command(&["KEYS", "*:staging:*"]).unwrap();
    let version: Vec<String> = server.command(&["KEYS", "*:v:*"]).unwrap();
    for key in [&staged[0], &version[0]] {
        let _: () = server.command(&["PEXPIRE", key, "5000"]).unwrap();
    }
    assert!(store.renew(&lease, LEASE_TTL).await.unwrap());
    for key in [&staged[0], &version[0]] {
        assert!(server.command::<i64>(&["PTTL", key]).unwrap() > 100_000, "{key}");
    }
}

#[tokio::test]
async fn the_next_holder_drops_what_the_one_before_left_in_staging() {
    let server = RedisServer::start();
    let store = open(&server.url());
    let cache = name("airlines");
    let Begin::Go { lease: abandoned, .. } =
        store.begin(&cache, Holder::anonymous(), Duration::from_millis(1), Due::Always).await.unwrap()
    else {
        panic!("nobody else holds it")
    };
    store.stage(&abandoned, &batch(&large())).await.unwrap();
    eventually("the lease ends", || async {
        matches!(store.begin(&cache, Holder::anonymous(), LEASE_TTL, Due::Always).await.unwrap(), Begin::Go { .. })
    })
    .await;
    let left: Vec<String> = server.command(&["KEYS", "*staging*"]).unwrap();
    assert_eq!(left, [""; 0]);
    assert!(!store.renew(&abandoned, LEASE_TTL).await.unwrap());
}

#[tokio::test]
async fn names_of_other_prefixes_and_other_keys_are_not_ours() {
    let server = RedisServer::start();
    let StoreUrl::Redis(options) = server.url().parse().unwrap() else { panic!("no Redis") };
    // Each of these means something in a glob.
    let odd = Redis::open(&options.with_key_prefix("a*[x]?\\:").unwrap()).unwrap();
    let plain = open(&server.url());
    refill(&odd, &name("mine"), &map(&[("a", "1")])).await;
    refill(&plain, &name("other"), &map(&[("a", "1")])).await;
    for key in ["a*[x]?\\:{bad name}:meta", "a*[x]?\\:plain:meta", "axx?\\:{mine}:meta", "kiwi:{x}:lease"] {
        let _: () = server.command(&["HSET", key, "id", "1"]).unwrap();
    }
    assert_eq!(odd.caches().await.unwrap(), [name("mine")]);
    assert_eq!(plain.caches().await.unwrap(), [name("other")]);
    assert!(plain.forget(&name("other")).await.unwrap());
    assert!(!plain.forget(&name("other")).await.unwrap());
    assert_eq!(plain.caches().await.unwrap(), []);
    assert!(published(&odd, &name("mine")).await.is_some());
}

#[tokio::test]
async fn a_big_refill_delays_nobody() {
    let server = RedisServer::start_with(&["--slowlog-log-slower-than", "10000", "--slowlog-max-len", "100000"]);
    let store = open(&server.url());
    let cache = name("big");
    let entries = 300_000;
    let rounds = 3;
    let mut segments = 0;
    for _ in 0..rounds {
        refill_big(&store, &cache, entries).await;
        store.update_hash(&cache).await.unwrap();
        let mut whole = store.whole(&cache).await.unwrap().expect("it is published");
        let mut read = 0;
        while let Some(part) = whole.next().await {
            (read, segments) = (read + part.unwrap().unpack().unwrap().0.len() as u64, segments + 1);
        }
        assert_eq!(read, entries);
    }
    // A machine that is busy with other things makes any command slow now and then. One that is slow
    // by itself is so each time.
    let log: Vec<(u64, u64, u64, Vec<String>, String, String)> = server.command(&["SLOWLOG", "GET", "-1"]).unwrap();
    let slow = |command: &str| log.iter().filter(|entry| entry.3[0] == command).count() as u64;
    let staged = rounds * entries / 500 + segments;
    assert!(slow("HSET") <= staged / 50, "{} of {staged} HSETs", slow("HSET"));
    assert!(slow("HGET") <= segments / 20, "{} of {segments} HGETs", slow("HGET"));
    assert!(slow("EVALSHA") + slow("EVAL") < rounds, "{} of {rounds} commits", slow("EVALSHA") + slow("EVAL"));
    assert_eq!(log.len() as u64, slow("HSET") + slow("HGET") + slow("EVALSHA") + slow("EVAL"), "others");
}

/// A refill in parts, as a host does it: the whole map is never in memory.
async fn refill_big(store: &Redis, cache: &Name, entries: u64) {
    let (lease, _) = take(store, cache).await;
    let mut root = Root::default();
    let mut bytes = 0;
    for start in (0..entries).step_by(5_000) {
        let part: Map =
            (start..start + 5_000).map(|n| (format!("key:{n:012}"), format!("{{\"n\":{n:0>90}}}"))).collect();
        part.iter().for_each(|(key, value)| root.add(key, value));
        let part = batch(&part);
        bytes += part.bytes() as u64;
        store.stage(&lease, &part).await.unwrap();
    }
    let swap = publish(Content::Swap { id: Id::random(), entries, bytes, root });
    store.commit(lease, &swap).await.unwrap();
}

#[tokio::test]
async fn check_reports_what_will_cause_trouble() {
    let server = RedisServer::start();
    let store = open(&server.url());
    assert_eq!(store.check().await.unwrap(), []);

    let _: () = server.command(&["CONFIG", "SET", "maxmemory", "100mb", "maxmemory-policy", "allkeys-lru"]).unwrap();
    let findings = store.check().await.unwrap();
    let [Finding { fatal: false, message, .. }] = &findings[..] else { panic!("{findings:?}") };
    assert!(message.contains("CONFIG SET maxmemory-policy noeviction"), "{message}");

    let _: () = server.command(&["REPLICAOF", "127.0.0.1", "1"]).unwrap();
    let findings = store.check().await.unwrap();
    assert!(findings.iter().any(|finding| finding.fatal && finding.message.contains("replica")), "{findings:?}");
}
