//! Everything at once: writers that race, pause and die, others that repack and bring the hash along, a server that loses
//! keys and gets old ones back, and readers that compare what they read with the exact map of the id it claims to be.
//!
//! `KIWI_CHAOS_SECONDS` makes it longer. The counts are printed (`--nocapture`).

use kiwi_store::{Publishing, Reading};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::*;

/// At least this long, and longer on a busy machine, until every counter has seen enough.
const SHORTEST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(120);

/// What was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Count {
    Swaps,
    SmallMaps,
    Deltas,
    LargeDeltas,
    Touches,
    Refusals,
    Repacks,
    Loads,
    Broken,
    Absences,
    Views,
    ViewsOnTheWay,
    Gets,
    Followed,
}

impl Count {
    const ALL: [Self; 14] = [
        Self::Swaps,
        Self::SmallMaps,
        Self::Deltas,
        Self::LargeDeltas,
        Self::Touches,
        Self::Refusals,
        Self::Repacks,
        Self::Loads,
        Self::Broken,
        Self::Absences,
        Self::Views,
        Self::ViewsOnTheWay,
        Self::Gets,
        Self::Followed,
    ];

    /// How often it must have happened for a run to have shown something.
    fn enough(self) -> usize {
        match self {
            Self::Loads | Self::Views | Self::Gets => 100,
            Self::Repacks | Self::Broken | Self::ViewsOnTheWay => 1,
            _ => 5,
        }
    }
}

/// What the parties share: all maps that were ever on their way to be published, and counts.
struct Record {
    started: Instant,
    shortest: Duration,
    maps: Mutex<HashMap<Id, Arc<Map>>>,
    counts: [AtomicUsize; Count::ALL.len()],
    wrong: Mutex<Vec<String>>,
}

impl Record {
    fn new() -> Self {
        let seconds = std::env::var("KIWI_CHAOS_SECONDS").ok().map(|seconds| seconds.parse().expect("a number"));
        Self {
            started: Instant::now(),
            shortest: seconds.map_or(SHORTEST, Duration::from_secs),
            maps: Mutex::default(),
            counts: Default::default(),
            wrong: Mutex::default(),
        }
    }

    fn is_over(&self) -> bool {
        let elapsed = self.started.elapsed();
        elapsed > LONGEST.max(self.shortest) || (elapsed > self.shortest && self.lacks().is_empty())
    }

    fn lacks(&self) -> Vec<Count> {
        Count::ALL.into_iter().filter(|&count| self.of(count) < count.enough()).collect()
    }

    fn of(&self, count: Count) -> usize {
        self.counts[count as usize].load(Ordering::Relaxed)
    }

    fn count(&self, count: Count) {
        self.counts[count as usize].fetch_add(1, Ordering::Relaxed);
    }

    fn map(&self, id: Id) -> Option<Arc<Map>> {
        self.maps.lock().unwrap().get(&id).cloned()
    }

    fn remember(&self, id: Id, map: Map) -> Arc<Map> {
        let map = Arc::new(map);
        self.maps.lock().unwrap().insert(id, Arc::clone(&map));
        map
    }

    /// Compares what was read with the map of the id that it claims to be.
    fn compare(&self, what: &str, id: Id, map: &Map) {
        let Some(expected) = self.map(id) else {
            return self.wrong.lock().unwrap().push(format!("{what}: {id} was never published"));
        };
        if *map != *expected {
            let wrong = map.iter().filter(|&(key, value)| expected.get(key) != Some(value)).count();
            let message = format!("{what} {id}: {} entries, {} expected, {wrong} wrong", map.len(), expected.len());
            self.wrong.lock().unwrap().push(message);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::print_stdout, reason = "the counts are for whoever runs it by hand")]
async fn no_reader_ever_sees_a_map_that_was_not_published() {
    let server = RedisServer::start();
    let cache = name("chaos");
    let record = Arc::new(Record::new());
    let mut parties = tokio::task::JoinSet::new();
    for _ in 0..3 {
        parties.spawn(write(open(&server.url()), cache.clone(), Arc::clone(&record)));
    }
    for _ in 0..2 {
        parties.spawn(follow_up(open(&server.url()), cache.clone(), Arc::clone(&record)));
        parties.spawn(read(open(&server.url()), cache.clone(), Arc::clone(&record)));
    }
    let (url, watched) = (server.url(), Arc::clone(&record));
    parties.spawn_blocking(move || destroy(&url, &watched));
    let (url, watched) = (server.url(), Arc::clone(&record));
    parties.spawn_blocking(move || read_views(&url, &watched));
    while let Some(party) = parties.join_next().await {
        party.expect("no party panics");
    }
    let counts: Vec<String> = Count::ALL.into_iter().map(|count| format!("{count:?} {}", record.of(count))).collect();
    println!("chaos for {:.0?}: {}", record.started.elapsed(), counts.join(", "));
    let wrong = record.wrong.lock().unwrap();
    assert!(wrong.is_empty(), "{} wrong, such as {}", wrong.len(), wrong[0]);
    assert_eq!(record.lacks(), [], "{counts:?}");
}

/// Refills again and again with short leases, pauses longer than these, and half of a load now and then.
async fn write(store: Redis, cache: Name, record: Arc<Record>) {
    while !record.is_over() {
        let lease_ttl = Duration::from_millis(fastrand::u64(20..200));
        let Begin::Go { lease, base, .. } =
            store.begin(&cache, Holder::anonymous(), lease_ttl, Due::Always).await.unwrap()
        else {
            tokio::time::sleep(Duration::from_millis(fastrand::u64(1..20))).await;
            continue;
        };
        let id = Id::random();
        let known = base.and_then(|head| Some((head.id, record.map(head.id)?)));
        let (committed, count) = match known {
            Some((base, _)) if fastrand::u8(..) < 20 => {
                (store.commit(lease, &publish(Content::Touch { base })).await, Count::Touches)
            }
            Some((base, from)) if fastrand::u8(..) < 225 => {
                let is_large = fastrand::u8(..) < 40;
                let to = record.remember(id, changed(&from, id, if is_large { 3_000 } else { 100 }));
                let delta = delta(&from, &to);
                let count =
                    if delta.set.len() + delta.removed.len() > 1_000 { Count::LargeDeltas } else { Count::Deltas };
                let (entries, bytes) = (to.len() as u64, batch(&to).bytes() as u64);
                pause().await;
                let content = Content::Delta { id, base, delta, entries, bytes, root: root(&to) };
                (store.commit(lease, &publish(content)).await, count)
            }
            _ => {
                let is_small = fastrand::u8(..) < 60;
                let map = record.remember(id, fresh(id, if is_small { 10..600 } else { 2_000..5_000 }));
                let entries = batch(&map);
                for part in entries.iter().collect::<Vec<_>>().chunks(1_000) {
                    store.stage(&lease, &part.iter().copied().collect()).await.unwrap();
                    pause().await;
                }
                if fastrand::u8(..) < 30 {
                    continue; // killed
                }
                let count = if entries.bytes() > 64 << 10 { Count::Swaps } else { Count::SmallMaps };
                (store.commit(lease, &swap(id, &map)).await, count)
            }
        };
        match committed {
            Ok(_) => record.count(count),
            Err(NotCommitted { lease, reason }) => {
                assert!(!matches!(reason, CommitError::Failed(_)), "{reason}");
                record.count(Count::Refusals);
                store.fail(lease, Duration::from_millis(5), &failure(), CACHE_TTL).await.unwrap();
            }
        }
    }
}

/// Brings the hash along and repacks, as hosts do after they have published; and gives up anywhere.
async fn follow_up(store: Redis, cache: Name, record: Arc<Record>) {
    while !record.is_over() {
        let patience = Duration::from_micros(fastrand::u64(100..60_000));
        if let Ok(followed) = tokio::time::timeout(patience, store.update_hash(&cache)).await {
            may_be_damaged(followed);
            record.count(Count::Followed);
        }
        if let Ok(repacked) = tokio::time::timeout(patience * 4, store.repack(&cache)).await
            && may_be_damaged(repacked) == Some(true)
        {
            record.count(Count::Repacks);
        }
        tokio::time::sleep(Duration::from_millis(fastrand::u64(1..30))).await;
    }
}

/// What the destroyer does shows as data that is missing or damaged, and as nothing else.
fn may_be_damaged<T>(result: kiwi_store::Result<T>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            assert!(error.is_missing() || error.is_value(), "{error}");
            None
        }
    }
}

async fn pause() {
    if fastrand::u8(..) < 25 {
        tokio::time::sleep(Duration::from_millis(fastrand::u64(1..250))).await;
    }
}

/// A new map.
fn fresh(id: Id, entries: std::ops::Range<usize>) -> Map {
    (0..fastrand::usize(entries))
        .map(|n| (format!("key{n}"), format!("\"{id} {n} {:016x}\"", fastrand::u64(..))))
        .collect()
}

/// The same with some entries changed, some gone and some new.
fn changed(from: &Map, id: Id, most: usize) -> Map {
    let mut map = from.clone();
    for _ in 0..fastrand::usize(1..most) {
        let key = format!("key{}", fastrand::usize(..6_000));
        if fastrand::u8(..) < 60 {
            map.remove(&key);
        } else {
            map.insert(key, format!("\"{id} {:032x}\"", fastrand::u128(..)));
        }
    }
    map
}

/// Loads whole maps, as a reader does but without its own proof, and compares; and reads some keys.
async fn read(store: Redis, cache: Name, record: Arc<Record>) {
    while !record.is_over() {
        let loaded = async {
            let Some(mut whole) = store.whole(&cache).await? else { return Ok(None) };
            let mut map = Map::new();
            while let Some(part) = whole.next().await {
                let (entries, _) = part?.unpack()?;
                map.extend(entries.iter().map(|(key, value)| (key.to_owned(), value.to_owned())));
                if fastrand::u8(..) < 3 {
                    tokio::time::sleep(Duration::from_millis(fastrand::u64(1..100))).await;
                }
            }
            Ok(Some((whole.head().id, map)))
        };
        match loaded.await {
            Ok(Some((id, map))) => {
                record.compare("a whole load of", id, &map);
                record.count(Count::Loads);
            }
            Ok(None) => record.count(Count::Absences),
            Err(error) => {
                may_be_damaged::<()>(Err(error));
                record.count(Count::Broken);
            }
        }
        get(&store, &cache, &record).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// The values of some keys are of one snapshot: every value names the one that it came with, and no map has values of
/// two maps that were never one.
async fn get(store: &Redis, cache: &Name, record: &Record) {
    let keys: Vec<String> = (0..20).map(|_| format!("key{}", fastrand::usize(..5_000))).collect();
    let wanted: Vec<&str> = keys.iter().map(String::as_str).collect();
    let Some(Some(values)) = may_be_damaged(store.get(cache, &wanted).await) else { return };
    let maps = record.maps.lock().unwrap();
    let value =
        |value: &Option<bytes::Bytes>| value.as_ref().map(|value| std::str::from_utf8(value).unwrap().to_owned());
    let values: Vec<Option<String>> = values.iter().map(value).collect();
    let fits = |map: &Arc<Map>| keys.iter().zip(&values).all(|(key, value)| map.get(key) == value.as_ref());
    if !maps.values().any(fits) {
        drop(maps);
        record.wrong.lock().unwrap().push(format!("a read of {keys:?}: no map has {values:?}"));
    }
    record.count(Count::Gets);
}

/// Reads the hash as any client does, and compares it with what meta says that it shows.
fn read_views(url: &str, record: &Record) {
    let mut connection = redis::Client::open(url).unwrap().get_connection().unwrap();
    while !record.is_over() {
        type View = (Option<String>, Option<String>);
        let (view, map): ((View, usize), Map) = {
            let ((view, entries, map),): ((View, usize, Map),) = redis::pipe()
                .cmd("EVAL")
                .arg("return {redis.call('HMGET', KEYS[1] .. ':meta', 'view', 'entries'), redis.call('HLEN', KEYS[1]), redis.call('HGETALL', KEYS[1])}")
                .arg(1)
                .arg("kiwi:{chaos}")
                .query(&mut connection)
                .unwrap();
            ((view, entries), map)
        };
        let ((Some(shown), _), _) = view else { continue };
        match shown.parse::<Id>() {
            Ok(id) => {
                // A hash of which entries were lost is not relied on.
                if record.map(id).is_none_or(|expected| expected.len() == map.len()) {
                    record.compare("the hash of", id, &map);
                    record.count(Count::Views);
                }
            }
            Err(_) => record.count(Count::ViewsOnTheWay),
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Deletes keys, all or single ones, and fields of versions, and brings old keys back. Looks for keys without a TTL.
fn destroy(url: &str, record: &Record) {
    let mut connection = redis::Client::open(url).unwrap().get_connection().unwrap();
    // The hash comes back with the meta that names what it shows: else nothing tells it from another one of its length.
    let (hash, meta, log) = ("kiwi:{chaos}", "kiwi:{chaos}:meta", "kiwi:{chaos}:log");
    let mut old: Vec<(String, Vec<u8>)> = Vec::new();
    while !record.is_over() {
        let immortal: Vec<String> = redis::cmd("EVAL").arg(IMMORTAL).arg(0).query(&mut connection).unwrap();
        assert_eq!(immortal, [""; 0], "keys without a TTL");
        match fastrand::u16(..1_000) {
            0..3 => redis::cmd("FLUSHALL").exec(&mut connection).unwrap(),
            3..50 => {
                let mut keys: Vec<String> = redis::cmd("KEYS").arg("kiwi:{chaos}:v:*").query(&mut connection).unwrap();
                keys.extend([hash, meta, log].map(str::to_owned));
                let mut dump = redis::pipe();
                dump.atomic();
                for key in &keys {
                    dump.cmd("DUMP").arg(key);
                }
                let dumps: Vec<Option<Vec<u8>>> = dump.query(&mut connection).unwrap();
                old = keys.into_iter().zip(dumps).filter_map(|(key, dump)| Some((key, dump?))).collect();
            }
            50..75 => {
                let mut restore = redis::pipe();
                restore.atomic();
                let kind = fastrand::u8(..4);
                for (key, dump) in &old {
                    let is_wanted = match kind {
                        0 => key == hash || key == meta,
                        1 => key == log,
                        2 => key.contains(":v:"),
                        _ => true,
                    };
                    if is_wanted {
                        restore.cmd("RESTORE").arg(key).arg(60_000).arg(dump).arg("REPLACE");
                    }
                }
                restore.exec(&mut connection).unwrap();
            }
            75..95 => {
                let keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut connection).unwrap();
                if let Some(key) = fastrand::choice(&keys) {
                    redis::cmd("UNLINK").arg(key).exec(&mut connection).unwrap();
                }
            }
            // What a writer is about to commit.
            95..125 => {
                let keys: Vec<String> =
                    redis::cmd("KEYS").arg("kiwi:{chaos}:staging:*").query(&mut connection).unwrap();
                if let Some(key) = fastrand::choice(&keys) {
                    redis::cmd("HDEL").arg(key).arg(format!("key{}", fastrand::u8(..))).exec(&mut connection).unwrap();
                }
            }
            125..135 => {
                let keys: Vec<String> = redis::cmd("KEYS").arg("kiwi:{chaos}:v:*").query(&mut connection).unwrap();
                if let Some(key) = fastrand::choice(&keys) {
                    redis::cmd("HDEL").arg(key).arg(fastrand::u8(..20)).exec(&mut connection).unwrap();
                }
            }
            _ => {}
        }
        std::thread::sleep(Duration::from_millis(fastrand::u64(1..10)));
    }
}
