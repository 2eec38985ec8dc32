//! Twenty Python workers and three hosts compete for one lock for a minute: with a source that is faster than the TTL of
//! the lock, and with one that is slower.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use super::{LOCK, RECORD, number_in, over_http};
use crate::redis_server::RedisServer;
use crate::support::{Loads, Python, Race, Source, WorkDir, eventually};

const WORKERS: u32 = 20;
const HOSTS: usize = 3;
const TIME: Duration = Duration::from_secs(60);

#[test]
fn with_a_fast_source_only_one_loads_at_a_time_and_none_loses_the_lock() {
    let raced = Raced::with_source_that_takes(Duration::from_millis(50));
    assert_eq!(raced.loads.max_in_flight, 1, "two loads at a time");
    assert_eq!(raced.python.loads, raced.loads.of("python"));
    assert_eq!(raced.python.lost_locks, 0, "a worker's lock was freed by somebody else");
    assert_eq!(raced.hosts_that_lost_the_lock, 0, "a host's lock was freed by somebody else");
    assert!(raced.published_by_hosts >= 5 && raced.loads.of("python") >= 5, "both had their turns");
}

#[test]
fn with_a_slow_source_no_host_publishes_what_it_loaded_without_the_lock() {
    // kiwi-cache's lock expires after five seconds.
    let raced = Raced::with_source_that_takes(Duration::from_secs(7));
    assert!(raced.hosts_that_lost_the_lock >= 1, "workers free whatever lock there is");
}

/// The result of a race.
struct Raced {
    loads: Loads,
    python: Race,
    published_by_hosts: usize,
    hosts_that_lost_the_lock: usize,
}

impl Raced {
    /// Runs a race. Panics if a host publishes a load during which it did not hold the lock.
    fn with_source_that_takes(takes: Duration) -> Self {
        let redis = RedisServer::start();
        let source = Source::start(takes);
        let timing = "refill_interval = \"100ms\"\nreload_ttl = \"1s\"\ncache_ttl = \"1m\"\nlease_ttl = \"5s\"";
        let workdir = WorkDir::with(&over_http(&redis, &source, timing));
        let mut python = Python::start(&redis, "Airlines", &json!({ "suffix": "eu", "cache_ttl": 60 }));
        python.source(json!({ "url": source.url("python") }));

        let over = AtomicBool::new(false);
        let (python, mut hosts, samples) = std::thread::scope(|threads| {
            let sampling = threads.spawn(|| sample_repeatedly(&redis, &over));
            let racing = threads.spawn(|| python.race(WORKERS, TIME));
            // Hosts renew their lock, however slow the source is: workers that come later would never have theirs.
            eventually("a worker's load", || (source.loads().started() > 0).then_some(()));
            let hosts: Vec<_> = (0..HOSTS).map(|_| workdir.start(&["run"])).collect();
            let raced = racing.join().expect("no panic");
            over.store(true, Ordering::Relaxed);
            (raced, hosts, sampling.join().expect("no panic"))
        });
        for host in &mut hosts {
            assert_eq!(host.try_wait(), None, "it still runs");
        }
        let raced = Self {
            loads: source.loads(),
            python,
            published_by_hosts: published_by_hosts(&samples, &source.loads()),
            hosts_that_lost_the_lock: hosts
                .iter()
                .map(|host| host.stderr().matches("the lease was lost").count())
                .sum(),
        };
        println!(
            "{TIME:?} of {WORKERS} workers, {HOSTS} hosts and a source that takes {takes:?}: {} loads by workers, {} by \
             hosts, of which {} were published and {} lost the lock",
            raced.loads.of("python"),
            raced.loads.of("host"),
            raced.published_by_hosts,
            raced.hosts_that_lost_the_lock
        );
        raced
    }
}

/// The lock and the record at one moment.
struct Sample {
    /// The time before the request.
    at: Instant,
    lock: Option<String>,
    /// The number of the published load.
    number: Option<u32>,
}

/// Reads the lock and the record again and again.
fn sample_repeatedly(redis: &RedisServer, over: &AtomicBool) -> Vec<Sample> {
    let mut connection = redis::Client::open(redis.url()).and_then(|client| client.get_connection()).unwrap();
    let mut samples = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let at = Instant::now();
        let (lock, record): (Option<String>, Option<String>) =
            redis::cmd("MGET").arg(LOCK).arg(RECORD).query(&mut connection).unwrap();
        samples.push(Sample { at, lock, number: record.as_deref().map(number_in) });
        std::thread::sleep(Duration::from_millis(2));
    }
    samples
}

/// How many loads of hosts were published. Panics if a host did not hold the lock during the whole of such a load.
fn published_by_hosts(samples: &[Sample], loads: &Loads) -> usize {
    let mut published = 0;
    for pair in samples.windows(2) {
        let Some(number) = pair[1].number.filter(|number| pair[0].number != Some(*number)) else { continue };
        let load = loads.number(number);
        if load.who != "host" {
            continue;
        }
        published += 1;
        let mut held =
            samples.iter().filter(|sample| load.at < sample.at && sample.at <= pair[0].at).map(|sample| &sample.lock);
        let Some(first) = held.next() else { continue };
        assert!(first.as_deref().is_some_and(|lock| lock != "locked"), "load {number} started without the lock");
        assert!(held.all(|lock| lock == first), "load {number} was published although its host had lost the lock");
    }
    published
}
