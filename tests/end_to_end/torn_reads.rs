//! Readers of maps that hosts replace at the same time. Each load has a number, so a mixed map shows.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kiwi_cache::Cache;
use kiwi_store::Store;
use redis::Connection;

use crate::redis_server::RedisServer;
use crate::support::{Number, Numbers, Running, WorkDir, guest, keys_without_ttl};

/// The first is read in one step, the second in chunks.
const MAPS: [(&str, u32); 2] = [("small", 500), ("large", 6_000)];

/// Two maps that are loaded again and again, and one that never expires.
fn workdir(redis: &RedisServer) -> WorkDir {
    let counter = guest("counter");
    let mut config = format!("store = \"{}\"\n", redis.url());
    for ((name, entries), cache_ttl) in MAPS.into_iter().chain([("forever", 100)]).zip(["1m", "1m", "none"]) {
        config += &format!(
            "[cache.{name}]\nplugin = {counter:?}\nrefill_interval = \"1ms\"\nlease_ttl = \"2s\"\n\
             cache_ttl = \"{cache_ttl}\"\nsettings = {{ entries = {entries}, value_bytes = 20 }}\n"
        );
    }
    WorkDir::with(&config)
}

fn start(workdir: &WorkDir) -> Running {
    let mut host = workdir.start(&["run"]);
    for (name, _) in MAPS {
        host.wait_for_log(&format!("cache={name}"));
    }
    host
}

fn open(redis: &RedisServer) -> Arc<dyn Store> {
    kiwi_store::open(&redis.url().parse().expect("a store URL")).expect("a store")
}

fn connect(redis: &RedisServer) -> Connection {
    redis::Client::open(redis.url()).and_then(|client| client.get_connection()).expect("a connection")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_loads_during_swaps_are_each_of_one_snapshot() {
    let redis = RedisServer::start();
    let workdir = workdir(&redis);
    let _host = start(&workdir);
    let done = Arc::new(AtomicBool::new(false));
    let plain = tokio::task::spawn_blocking({
        let (mut connection, done) = (connect(&redis), Arc::clone(&done));
        move || scan_plainly(&mut connection, &done)
    });
    let readers = MAPS.map(|(name, entries)| {
        let store = open(&redis);
        tokio::spawn(async move {
            let mut met = Numbers::default();
            while met.loads() < 1_000 || met.snapshots() < 100 {
                let cache: Cache<Number> = Cache::connect(&store, name).await.expect("a map that is published");
                met.check(&cache.snapshot().expect("a map that was loaded"), entries);
            }
            println!("torn reads, {name}: {} loads of {} snapshots, 0 mixed", met.loads(), met.snapshots());
        })
    });
    for reader in readers {
        reader.await.expect("no mixed map");
    }
    done.store(true, Ordering::Relaxed);
    let (scans, mixed) = plain.await.expect("no panic");
    println!("torn reads, large, by a plain HSCAN: {mixed} of {scans} mixed");
    assert!(mixed > 0, "no swap happened during a scan, so the loads above prove nothing");
}

/// A client that does not know snapshots. Returns the number of scans, and how many of them were mixed.
fn scan_plainly(connection: &mut Connection, done: &AtomicBool) -> (usize, usize) {
    let (mut scans, mut mixed) = (0, 0);
    while !done.load(Ordering::Relaxed) {
        let (mut numbers, mut cursor) = (HashSet::new(), 0_u64);
        loop {
            let mut scan = redis::cmd("HSCAN");
            scan.arg("kiwi:{large}").arg(cursor).arg("COUNT").arg(1_000);
            let (next, entries): (u64, HashMap<String, String>) = scan.query(connection).expect("a scan");
            let generation = |value: &String| serde_json::from_str(value).map(|number: Number| number.generation);
            numbers.extend(entries.values().map(|value| generation(value).expect("a number")));
            match next {
                0 => break,
                _ => cursor = next,
            }
        }
        scans += 1;
        mixed += usize::from(numbers.len() > 1);
    }
    (scans, mixed)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_load_is_wrong_while_the_store_is_flushed_and_restored_and_two_hosts_race() {
    let redis = Arc::new(RedisServer::start());
    let workdir = workdir(&redis);
    let hosts = [start(&workdir), start(&workdir)];
    let done = Arc::new(AtomicBool::new(false));
    let tampering = tokio::task::spawn_blocking({
        let (redis, done) = (Arc::clone(&redis), Arc::clone(&done));
        move || tamper(&redis, &done)
    });
    let end = Instant::now() + Duration::from_secs(10);
    let loads = MAPS.map(|(name, entries)| tokio::spawn(load_anew(open(&redis), name, entries, end)));
    let served = MAPS.map(|(name, entries)| tokio::spawn(serve(open(&redis), name, entries, end)));
    for task in loads.into_iter().chain(served) {
        task.await.expect("no wrong map");
    }
    done.store(true, Ordering::Relaxed);
    let (flushes, restores, checks) = tampering.await.expect("no key without a TTL");
    println!("meanwhile {flushes} times FLUSHALL, {restores} old dumps, {checks} checks: no key without a TTL");
    for (cache, _) in MAPS {
        // Both hosts must have published: a race of one proves nothing.
        for host in &hosts {
            assert!(host.count_in_log(&format!("published cache={cache}")) > 5, "{}", host.stderr());
        }
    }
}

/// Loads the whole map again and again, like a service that starts.
async fn load_anew(store: Arc<dyn Store>, name: &'static str, entries: u32, end: Instant) {
    let (mut met, mut absent) = (Numbers::default(), 0);
    while Instant::now() < end || met.loads() < 100 {
        match Cache::<Number>::connect(&store, name).await {
            Ok(cache) => met.check(&cache.snapshot().expect("a map that was loaded"), entries),
            Err(error) if error.is_missing() => absent += 1,
            Err(error) => panic!("{error}"),
        }
    }
    println!("chaos, {name}: {} loads of {} snapshots, 0 wrong; {absent} times absent", met.loads(), met.snapshots());
}

/// Checks again and again what one reader serves, like a running service.
async fn serve(store: Arc<dyn Store>, name: &'static str, entries: u32, end: Instant) {
    let reader = Cache::builder(name).store(store).reload_ttl(Duration::from_millis(10)).wait_for(crate::support::LONG);
    let cache: Cache<Number> = reader.connect().await.expect("a map that is published");
    let mut met = Numbers::default();
    while Instant::now() < end || met.snapshots() < 50 {
        met.check(&cache.snapshot().expect("a map that was loaded stays"), entries);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    println!("chaos, {name}: a running reader always had its map, through {} snapshots", met.snapshots());
}

/// Flushes, restores old data, and checks for keys without a TTL. Returns how often each.
fn tamper(redis: &RedisServer, done: &AtomicBool) -> (usize, usize, usize) {
    let connection = &mut connect(redis);
    let mut old: HashMap<&str, [Vec<u8>; 2]> = HashMap::new();
    let (mut flushes, mut restores, mut checks) = (0, 0, 0);
    while !done.load(Ordering::Relaxed) {
        let kept = keys_without_ttl(redis);
        let forever = |key: &String| ["kiwi:{forever}", "kiwi:{forever}:meta"].contains(&key.as_str());
        assert!(kept.iter().all(forever), "without a TTL: {kept:?}");
        checks += 1;
        let (name, _) = MAPS[fastrand::usize(..MAPS.len())];
        let keys = [format!("kiwi:{{{name}}}"), format!("kiwi:{{{name}}}:meta")];
        match fastrand::u8(..100) {
            0..2 => {
                redis::cmd("FLUSHALL").exec(connection).expect("an answer");
                flushes += 1;
            }
            2..20 => {
                let mut dump = redis::pipe();
                dump.atomic().cmd("DUMP").arg(&keys[0]).cmd("DUMP").arg(&keys[1]);
                let dump: [Option<Vec<u8>>; 2] = dump.query(connection).expect("an answer");
                if let [Some(data), Some(meta)] = dump {
                    old.insert(name, [data, meta]);
                }
            }
            20..30 => {
                let Some(dump) = old.get(name) else { continue };
                let mut restore = redis::pipe();
                restore.atomic();
                for (key, dump) in keys.iter().zip(dump) {
                    restore.cmd("RESTORE").arg(key).arg(60_000).arg(dump).arg("REPLACE");
                }
                restore.exec(connection).expect("an answer");
                restores += 1;
            }
            _ => {}
        }
        std::thread::sleep(Duration::from_millis(fastrand::u64(1..10)));
    }
    (flushes, restores, checks)
}
