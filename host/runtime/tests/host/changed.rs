//! A refill writes what has changed, and ends with the loader's map whatever happened to the store.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kiwi_cache::Cache;
use kiwi_host::{CacheConfig, DirGrant, Grants, Host, LoadError, Loader, Outcome, Output};
use kiwi_store::testing::read_whole;
use kiwi_store::{Changes, Delta, Store};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::redis_server::RedisServer;
use crate::support::{Setup, cache, guest, name, refill};

pub(crate) type Map = BTreeMap<String, String>;

/// A source that a test changes as it likes; `None` is one that breaks off in the middle.
#[derive(Clone, Default)]
pub(crate) struct Source(Arc<Mutex<(Map, bool)>>);

impl Source {
    pub(crate) fn set(&self, map: &Map) {
        *self.0.lock().unwrap() = (map.clone(), true);
    }

    fn break_off(&self) {
        self.0.lock().unwrap().1 = false;
    }
}

impl Loader for Source {
    async fn load_from_source(&self, out: &mut Output) -> Result<(), LoadError> {
        let (map, is_whole) = self.0.lock().unwrap().clone();
        let given = if is_whole { map.len() } else { map.len() / 2 };
        for (key, value) in map.iter().take(given) {
            out.emit_json(key, value).await?;
        }
        if is_whole { Ok(()) } else { Err(LoadError::unavailable("it broke off")) }
    }
}

pub(crate) fn numbered(entries: usize) -> Map {
    (0..entries).map(|n| (format!("key-{n:06}"), format!("\"{}\"", n.to_string().repeat(10)))).collect()
}

pub(crate) async fn host(setup: &Setup, source: &Source) -> Host {
    let config = CacheConfig::native(name("airlines"), source.clone());
    setup.host([CacheConfig { allow_empty_data: true, ..config }]).await
}

async fn published(setup: &Setup) -> Map {
    let (_, entries) = read_whole(&*setup.store, &name("airlines")).await.unwrap().unwrap();
    entries.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

async fn since(store: &dyn Store, from: kiwi_store::Id) -> Option<Changes> {
    store.changes(&name("airlines"), from).await.unwrap()
}

fn input_bytes(redis: &RedisServer) -> u64 {
    let info: String = redis.command(&["INFO", "stats"]).unwrap();
    let bytes = info.lines().find_map(|line| line.strip_prefix("total_net_input_bytes:")).unwrap();
    bytes.trim().parse().unwrap()
}

#[tokio::test]
async fn only_what_changed_is_written_and_nothing_where_nothing_did() {
    let redis = RedisServer::start();
    let (setup, source) = (Setup::on(&redis), Source::default());
    let host = host(&setup, &source).await;
    let mut map = numbered(20_000);
    source.set(&map);
    assert!(matches!(refill(&host, &name("airlines")).await, Outcome::Published { entries: 20_000, .. }));
    let first = setup.head(&name("airlines")).await;

    let before = input_bytes(&redis);
    assert!(matches!(refill(&host, &name("airlines")).await, Outcome::Unchanged { entries: 20_000, .. }));
    let written = input_bytes(&redis) - before;
    assert!(written < 20_000, "{written} bytes for nothing: scripts, and no data");

    map.insert("key-000007".into(), "7.10".into());
    map.insert("new".into(), "null".into());
    map.remove("key-000008");
    source.set(&map);
    let before = input_bytes(&redis);
    let outcome = refill(&host, &name("airlines")).await;
    assert!(matches!(outcome, Outcome::Published { entries: 20_000, .. }), "{outcome:?}");
    let written = input_bytes(&redis) - before;
    // The key that is gone was looked for, step by step.
    assert!(written < 40_000, "{written} bytes for three entries");
    assert_eq!(published(&setup).await, map);
    let changes = since(&*setup.store, first.id).await.expect("a delta leads here");
    let set = [("key-000007", "7.10"), ("new", "null")].into_iter().collect();
    let delta = Delta { set, removed: vec!["key-000008".into()] };
    assert_eq!(changes.deltas, [(changes.head.id, delta)]);
    assert_eq!(changes.head.root, map.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect());
    assert_eq!(changes.head.bytes, map.iter().map(|(k, v)| (k.len() + v.len()) as u64).sum::<u64>());
}

#[tokio::test]
async fn where_most_has_changed_the_whole_map_is_written() {
    let redis = RedisServer::start();
    let (setup, source) = (Setup::on(&redis), Source::default());
    let host = host(&setup, &source).await;
    let mut map = numbered(20_000);
    source.set(&map);
    refill(&host, &name("airlines")).await;
    let first = setup.head(&name("airlines")).await;
    map.values_mut().for_each(|value| *value = format!("[{value}]"));
    source.set(&map);
    assert!(matches!(refill(&host, &name("airlines")).await, Outcome::Published { .. }));
    assert_eq!(published(&setup).await, map);
    assert!(since(&*setup.store, first.id).await.is_none(), "no delta of all entries");

    // And where most has gone.
    let second = setup.head(&name("airlines")).await;
    map.retain(|key, _| key.ends_with('7'));
    source.set(&map);
    assert!(matches!(refill(&host, &name("airlines")).await, Outcome::Published { entries: 2_000, .. }));
    assert_eq!(published(&setup).await, map);
    assert!(since(&*setup.store, second.id).await.is_none());
}

#[tokio::test]
async fn what_a_component_has_changed_is_written_alone_too() {
    let redis = RedisServer::start();
    let setup = Setup::on(&redis);
    std::fs::write(setup.path().join("generation"), "1").unwrap();
    let settings = serde_json::json!({ "entries": 10_000, "changed": 1, "generation": "source/generation" });
    let dirs = vec![DirGrant { path: setup.path().into(), guest_path: "source".to_owned() }];
    let config = cache("airlines", guest("bench_map"), settings);
    let host = setup.host([CacheConfig { grants: Grants { dirs, ..Grants::default() }, ..config }]).await;
    refill(&host, &name("airlines")).await;
    let first = setup.head(&name("airlines")).await;
    std::fs::write(setup.path().join("generation"), "2").unwrap();
    assert!(matches!(refill(&host, &name("airlines")).await, Outcome::Published { entries: 10_000, .. }));
    let changes = since(&*setup.store, first.id).await.expect("a delta leads here");
    let [(_, Delta { set, removed })] = &changes.deltas[..] else { panic!("{changes:?}") };
    assert!((50..200).contains(&set.len()) && removed.is_empty(), "{} of 10,000", set.len());
}

#[tokio::test]
async fn a_change_that_would_make_others_wait_too_long_is_written_aside() {
    let redis = RedisServer::start();
    for (max_stall, by_delta) in [(Duration::from_micros(50), false), (Duration::from_millis(10), true)] {
        redis.command::<()>(&["FLUSHALL"]).unwrap();
        let (setup, source) = (Setup::on(&redis), Source::default());
        let config = CacheConfig { max_stall, ..CacheConfig::native(name("airlines"), source.clone()) };
        let host = setup.host([config]).await;
        let mut map = numbered(20_000);
        source.set(&map);
        refill(&host, &name("airlines")).await;
        let first = setup.head(&name("airlines")).await;
        map.values_mut().take(1_000).for_each(|value| *value = "0".into());
        source.set(&map);
        assert!(matches!(refill(&host, &name("airlines")).await, Outcome::Published { .. }));
        assert_eq!(published(&setup).await, map);
        assert_eq!(since(&*setup.store, first.id).await.is_some(), by_delta, "{max_stall:?}");
    }
}

#[tokio::test]
async fn what_does_not_fit_into_the_log_is_published_whole() {
    let redis = RedisServer::start();
    let (setup, source) = (Setup::on(&redis), Source::default());
    let host = host(&setup, &source).await;
    // Keys that do not compress, and values that are nothing beside them.
    let key = |n: u64| kiwi_store::Id::random().to_string() + &n.to_string();
    let mut map: Map = (0..40_000).map(|n| (key(n), "1".to_owned())).collect();
    for _ in 0..6 {
        source.set(&map);
        assert!(refill(&host, &name("airlines")).await.failure().is_none());
        assert_eq!(published(&setup).await, map);
        // A third of the keys is gone: fewer than half, but more than the log holds.
        let mut n = 0;
        map.retain(|_, _| {
            n += 1;
            n % 3 != 0
        });
    }
}

#[tokio::test]
async fn a_host_that_starts_reads_what_is_published_back_and_replaces_it_if_it_is_damaged() {
    let redis = RedisServer::start();
    let (setup, source) = (Setup::on(&redis), Source::default());
    let mut map = numbered(10_000);
    source.set(&map);
    refill(&host(&setup, &source).await, &name("airlines")).await;
    let first = setup.head(&name("airlines")).await;

    // The next host knows nothing, and yet writes only what has changed.
    map.insert("key-000007".into(), "0".into());
    map.remove("key-000008");
    source.set(&map);
    assert!(matches!(refill(&host(&setup, &source).await, &name("airlines")).await, Outcome::Published { .. }));
    let changes = since(&*setup.store, first.id).await.expect("a delta leads on");
    assert_eq!(changes.deltas[0].1.removed, ["key-000008"]);
    assert_eq!((changes.deltas.len(), changes.deltas[0].1.set.len()), (1, 1));

    let versions: Vec<String> = redis.command(&["KEYS", "*:v:*"]).unwrap();
    redis.command::<()>(&["HSET", &versions[0], "0", "\u{1}damaged"]).unwrap();
    assert!(read_whole(&*setup.store, &name("airlines")).await.is_err());
    let outcome = refill(&host(&setup, &source).await, &name("airlines")).await;
    assert!(matches!(outcome, Outcome::Published { .. }), "not unchanged: {outcome:?}");
    assert_eq!(published(&setup).await, map);
}

#[tokio::test]
async fn a_repeated_key_is_found_among_what_was_put_aside() {
    struct Twice;
    impl Loader for Twice {
        async fn load_from_source(&self, out: &mut Output) -> Result<(), LoadError> {
            for (key, value) in numbered(1_000) {
                out.emit_json(&key, &value).await?;
            }
            if out.mark().is_some() {
                out.emit_json("key-000003", "1").await?;
            }
            out.set_mark("second time");
            Ok(())
        }
    }
    let redis = RedisServer::start();
    let setup = Setup::on(&redis);
    let host = setup.host([CacheConfig::native(name("airlines"), Twice)]).await;
    assert!(matches!(refill(&host, &name("airlines")).await, Outcome::Published { .. }));
    let outcome = refill(&host, &name("airlines")).await;
    let failure = outcome.failure().expect("a key came twice");
    assert!(failure.message.contains("`key-000003` came twice"), "{failure}");
    assert_eq!(published(&setup).await, numbered(1_000));
}

/// What happens between two refills, or to one.
#[derive(Clone, Debug)]
enum Event {
    /// The source says something else, and one of two hosts loads it.
    Load {
        map: BTreeMap<u8, u8>,
        host: usize,
    },
    /// The same again.
    LoadAgain {
        host: usize,
    },
    /// The source breaks off in the middle.
    Fail {
        host: usize,
    },
    /// A host that knows nothing takes the other's place.
    Restart {
        host: usize,
    },
    /// The store loses everything, or one of a cache's keys.
    Flush,
    Delete(&'static str),
    /// The store is as it was some time ago.
    Remember,
    Restore,
    /// All connections break, with whatever is on its way.
    Cut {
        host: usize,
    },
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let map = || prop::collection::btree_map(0u8..40, any::<u8>(), 0..40);
    let load = (map(), 0usize..2).prop_map(|(map, host)| Event::Load { map, host });
    let event = prop_oneof![
        6 => load,
        2 => (0usize..2).prop_map(|host| Event::LoadAgain { host }),
        1 => (0usize..2).prop_map(|host| Event::Fail { host }),
        1 => (0usize..2).prop_map(|host| Event::Restart { host }),
        1 => Just(Event::Flush),
        2 => prop::sample::select(vec!["kiwi:{airlines}", "kiwi:{airlines}:meta", "kiwi:{airlines}:log", "version"])
            .prop_map(Event::Delete),
        1 => Just(Event::Remember),
        1 => Just(Event::Restore),
        1 => (0usize..2).prop_map(|host| Event::Cut { host }),
    ];
    prop::collection::vec(event, 1..25)
}

/// The dumps of a cache's keys at one moment.
type Dumps = Vec<(String, Vec<u8>)>;

fn dump(redis: &RedisServer) -> Dumps {
    let keys: Vec<String> = redis.command(&["KEYS", "*"]).unwrap();
    keys.into_iter().map(|key| (key.clone(), redis.command(&["DUMP", &key]).unwrap())).collect()
}

fn restore(redis: &RedisServer, dumps: &Dumps) {
    redis.command::<()>(&["FLUSHALL"]).unwrap();
    let mut connection = redis::Client::open(redis.url()).unwrap().get_connection().unwrap();
    for (key, dump) in dumps {
        redis::cmd("RESTORE").arg(key).arg(600_000).arg(&dump[..]).exec(&mut connection).unwrap();
    }
}

/// Loads until a refill comes through: a cut connection may fail one.
async fn refilled(host: &Host) {
    for _ in 0..20 {
        if refill(host, &name("airlines")).await.failure().is_none() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("no refill comes through");
}

async fn play(redis: &RedisServer, events: Vec<Event>) {
    redis.command::<()>(&["FLUSHALL"]).unwrap();
    let (setup, source) = (Setup::on(redis), Source::default());
    let mut hosts = [host(&setup, &source).await, host(&setup, &source).await];
    let reader: Cache<Box<serde_json::value::RawValue>> =
        Cache::builder("airlines").store(&setup.store).start_missing().connect().await.unwrap();
    let (mut good, mut dumps) = (Map::new(), Dumps::new());
    source.set(&good);
    for event in events {
        match event {
            Event::Load { map, host } => {
                // Some of these are small maps, and some are not.
                let filler = "0".repeat(if map.len() % 2 == 0 { 0 } else { 4_000 });
                good = map.iter().map(|(key, value)| (key.to_string(), format!("\"{value}{filler}\""))).collect();
                source.set(&good);
                refilled(&hosts[host]).await;
            }
            Event::LoadAgain { host } => refilled(&hosts[host]).await,
            Event::Fail { host } => {
                source.break_off();
                assert!(refill(&hosts[host], &name("airlines")).await.failure().is_some());
                source.set(&good);
                refilled(&hosts[host]).await;
            }
            Event::Restart { host: at } => {
                hosts[at] = host(&setup, &source).await;
                continue;
            }
            Event::Flush => {
                redis.command::<()>(&["FLUSHALL"]).unwrap();
                continue;
            }
            Event::Delete("version") => {
                for version in redis.command::<Vec<String>>(&["KEYS", "*:v:*"]).unwrap() {
                    redis.command::<()>(&["DEL", &version]).unwrap();
                }
                continue;
            }
            Event::Delete(key) => {
                redis.command::<()>(&["DEL", key]).unwrap();
                continue;
            }
            Event::Remember => {
                dumps = dump(redis);
                continue;
            }
            Event::Restore => {
                restore(redis, &dumps);
                continue;
            }
            Event::Cut { host } => {
                let cut = async {
                    tokio::time::sleep(Duration::from_micros(500)).await;
                    redis.command::<()>(&["CLIENT", "KILL", "TYPE", "normal"]).unwrap();
                };
                let airlines = name("airlines");
                tokio::join!(refill(&hosts[host], &airlines), cut);
                refilled(&hosts[host]).await;
            }
        }
        assert_eq!(published(&setup).await, good, "the store has the last good map");
        reader.reload().await.unwrap();
        let read: Map = reader.snapshot().unwrap().iter().map(|(k, v)| (k.to_owned(), v.get().to_owned())).collect();
        assert_eq!(read, good, "and so has every reader");
        // As a host does when a look finds it behind.
        setup.store.update_hash(&name("airlines")).await.unwrap();
        let hash: Map = redis.command(&["HGETALL", "kiwi:{airlines}"]).unwrap();
        assert_eq!(hash, good, "and so has any other client");
    }
}

#[test]
fn whatever_happens_the_store_ends_with_the_last_good_map() {
    let redis = RedisServer::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut runner =
        TestRunner::new(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() });
    let played = runner.run(&events(), |events| {
        runtime.block_on(play(&redis, events));
        Ok(())
    });
    played.unwrap();
}
