//! Everything at once: writers that race, pause and abandon, a server that loses keys and gets old
//! ones back, and readers that compare each whole load with the exact map of the id they read.

use kiwi_store::{Publishing, Reading};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::*;

/// At least this long, and longer on a busy machine, until every counter has seen enough.
const SHORTEST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(90);

/// What the parties share: all maps that were ever on their way to be published, and counts.
struct Record {
    started: Instant,
    maps: Mutex<HashMap<Id, Arc<Map>>>,
    swaps: AtomicUsize,
    deltas: AtomicUsize,
    touches: AtomicUsize,
    refusals: AtomicUsize,
    loads: AtomicUsize,
    replays: AtomicUsize,
    absences: AtomicUsize,
}

impl Record {
    fn new() -> Self {
        let counter = AtomicUsize::default;
        Self {
            started: Instant::now(),
            maps: Mutex::default(),
            swaps: counter(),
            deltas: counter(),
            touches: counter(),
            refusals: counter(),
            loads: counter(),
            replays: counter(),
            absences: counter(),
        }
    }

    fn is_over(&self) -> bool {
        let elapsed = self.started.elapsed();
        elapsed > LONGEST || (elapsed > SHORTEST && self.has_seen_enough())
    }

    fn has_seen_enough(&self) -> bool {
        let each =
            [&self.swaps, &self.deltas, &self.touches, &self.refusals, &self.loads, &self.replays, &self.absences];
        each.iter().all(|counter| counter.load(Ordering::Relaxed) >= 5) && self.loads.load(Ordering::Relaxed) >= 100
    }

    fn map(&self, id: Id) -> Option<Arc<Map>> {
        self.maps.lock().unwrap().get(&id).cloned()
    }

    fn remember(&self, id: Id, map: Map) -> Arc<Map> {
        let map = Arc::new(map);
        self.maps.lock().unwrap().insert(id, Arc::clone(&map));
        map
    }
}

fn count(counter: &AtomicUsize) -> usize {
    counter.fetch_add(1, Ordering::Relaxed) + 1
}

#[tokio::test(flavor = "multi_thread")]
async fn no_reader_ever_sees_a_map_that_was_not_published() {
    let server = RedisServer::start();
    let cache = name("chaos");
    let record = Arc::new(Record::new());
    let mut parties = tokio::task::JoinSet::new();
    for _ in 0..3 {
        parties.spawn(write(open(&server.url()), cache.clone(), Arc::clone(&record)));
    }
    for _ in 0..2 {
        parties.spawn(read(open(&server.url()), cache.clone(), Arc::clone(&record)));
    }
    let (url, watched) = (server.url(), Arc::clone(&record));
    parties.spawn_blocking(move || destroy(&url, &watched));
    while let Some(party) = parties.join_next().await {
        party.expect("no party panics");
    }
    let counts = [&record.swaps, &record.deltas, &record.touches, &record.refusals, &record.loads, &record.replays]
        .map(|counter| counter.load(Ordering::Relaxed));
    assert!(record.has_seen_enough(), "{counts:?} {:?}", record.absences);
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
        let committed = match known {
            Some((base, _)) if fastrand::u8(..) < 20 => {
                let committed = store.commit(lease, &publish(Content::Touch { base })).await;
                committed.is_ok().then(|| count(&record.touches));
                committed
            }
            Some((base, from)) if fastrand::u8(..) < 170 => {
                let to = record.remember(id, changed(&from, id));
                let content = Content::Delta {
                    id,
                    base,
                    delta: delta(&from, &to),
                    bytes: batch(&to).bytes() as u64,
                    root: root(&to),
                };
                pause().await;
                let committed = store.commit(lease, &publish(content)).await;
                committed.is_ok().then(|| count(&record.deltas));
                committed
            }
            _ => {
                let map = record.remember(id, fresh(id));
                let entries = batch(&map);
                for part in entries.iter().collect::<Vec<_>>().chunks(1_000) {
                    store.stage(&lease, &part.iter().copied().collect()).await.unwrap();
                    pause().await;
                }
                if fastrand::u8(..) < 30 {
                    continue; // killed
                }
                let committed = store.commit(lease, &swap(id, &map)).await;
                committed.is_ok().then(|| count(&record.swaps));
                committed
            }
        };
        if let Err(NotCommitted { lease, reason }) = committed {
            assert!(!matches!(reason, CommitError::Failed(_)), "{reason}");
            count(&record.refusals);
            store.fail(lease, Duration::from_millis(5), &failure(), CACHE_TTL).await.unwrap();
        }
    }
}

async fn pause() {
    if fastrand::u8(..) < 25 {
        tokio::time::sleep(Duration::from_millis(fastrand::u64(1..250))).await;
    }
}

/// A new map, of a size that takes several steps to scan.
fn fresh(id: Id) -> Map {
    (0..fastrand::usize(2_000..5_000)).map(|n| (format!("key{n}"), format!("\"{id} {n}\""))).collect()
}

/// The same with some entries changed, some gone and some new.
fn changed(from: &Map, id: Id) -> Map {
    let mut map = from.clone();
    for _ in 0..fastrand::usize(1..100) {
        let key = format!("key{}", fastrand::usize(..6_000));
        if fastrand::u8(..) < 60 {
            map.remove(&key);
        } else {
            map.insert(key, format!("\"{id}\""));
        }
    }
    map
}

/// Loads whole maps in small steps, as a reader does, and compares.
async fn read(store: Redis, cache: Name, record: Arc<Record>) {
    while !record.is_over() {
        let Some((ids, mut map)) = load(&store, &cache).await else {
            count(&record.absences);
            tokio::time::sleep(Duration::from_millis(2)).await;
            continue;
        };
        match &ids[..] {
            [id] => {
                compare(&record, *id, &map);
                count(&record.loads);
            }
            [from, to] => {
                if let Some(deltas) = lead(&store, &cache, *from, *to).await {
                    for delta in deltas {
                        map.extend(delta.set.iter().map(|(key, value)| (key.to_owned(), value.to_owned())));
                        delta.removed.iter().for_each(|key| drop(map.remove(key)));
                    }
                    compare(&record, *to, &map);
                    count(&record.replays);
                }
            }
            _ => {}
        }
        if let Some((head, map)) = published(&store, &cache).await {
            compare(&record, head.id, &map);
        }
    }
}

fn compare(record: &Record, id: Id, map: &Map) {
    let expected = record.map(id).unwrap_or_else(|| panic!("{id} was never published"));
    let wrong = map.iter().filter(|&(key, value)| expected.get(key) != Some(value)).count();
    assert!(*map == *expected, "{id}: {} entries, {} expected, {wrong} wrong", map.len(), expected.len());
}

/// The ids of the chunks, as they followed each other, and their entries; `None` if it was missing or lost.
async fn load(store: &Redis, cache: &Name) -> Option<(Vec<Id>, Map)> {
    let mut map = Map::new();
    let mut ids = Vec::new();
    let mut scan = Scan::First;
    loop {
        let chunk = store.scan(cache, scan).await.unwrap();
        ids.push(chunk.head?.id);
        map.extend(chunk.entries.iter().map(|(key, value)| (key.to_owned(), value.to_owned())));
        match chunk.next {
            Some(next) => scan = Scan::Next(next),
            None => break,
        }
    }
    ids.dedup();
    Some((ids, map))
}

/// The deltas from one snapshot to another, if that one is still published.
async fn lead(store: &Redis, cache: &Name, from: Id, to: Id) -> Option<Vec<Delta>> {
    let changes = store.changes(cache, from).await.unwrap().filter(|changes| changes.head.id == to)?;
    assert!(changes.deltas.last().is_none_or(|(id, _)| *id == to));
    Some(changes.deltas.into_iter().map(|(_, delta)| delta).collect())
}

/// Deletes keys, all or single ones, and brings old ones back. Looks for keys without a TTL.
fn destroy(url: &str, record: &Record) {
    let mut connection = redis::Client::open(url).unwrap().get_connection().unwrap();
    let published = ["kiwi:{chaos}", "kiwi:{chaos}:meta"];
    let mut old: Vec<Vec<u8>> = Vec::new();
    while !record.is_over() {
        let immortal: Vec<String> = redis::cmd("EVAL").arg(IMMORTAL).arg(0).query(&mut connection).unwrap();
        assert_eq!(immortal, [""; 0], "keys without a TTL");
        match fastrand::u16(..1_000) {
            0..3 => redis::cmd("FLUSHALL").exec(&mut connection).unwrap(),
            3..50 => {
                let dumps: (Option<Vec<u8>>, Option<Vec<u8>>) = redis::pipe()
                    .atomic()
                    .cmd("DUMP")
                    .arg(published[0])
                    .cmd("DUMP")
                    .arg(published[1])
                    .query(&mut connection)
                    .unwrap();
                if let (Some(data), Some(meta)) = dumps {
                    old = vec![data, meta];
                }
            }
            50..70 if !old.is_empty() => {
                let mut restore = redis::pipe();
                restore.atomic();
                for (key, dump) in published.iter().zip(&old) {
                    restore.cmd("RESTORE").arg(key).arg(60_000).arg(dump).arg("REPLACE");
                }
                restore.exec(&mut connection).unwrap();
            }
            70..90 => {
                let keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut connection).unwrap();
                if let Some(key) = fastrand::choice(&keys) {
                    redis::cmd("UNLINK").arg(key).exec(&mut connection).unwrap();
                }
            }
            _ => {}
        }
        std::thread::sleep(Duration::from_millis(fastrand::u64(1..10)));
    }
}
