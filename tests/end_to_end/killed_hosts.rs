//! Hosts that are killed during a refill.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kiwi_cache::Cache;
use kiwi_store::Store;
use redis::{Connection, FromRedisValue};

use crate::redis_server::RedisServer;
use crate::support::{Number, Numbers, WorkDir, eventually, keys_without_ttl, numbers};

const ENTRIES: u32 = 200_000;
const KILLS: usize = 50;

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_sees_only_whole_maps_while_hosts_are_killed_during_refills() {
    let redis = Arc::new(RedisServer::start());
    let timing = "refill_interval = \"1ms\"\nlease_ttl = \"1s\"";
    let workdir = WorkDir::with(&numbers(&redis, ENTRIES, timing));
    let store = kiwi_store::open(&redis.url().parse().expect("a store URL")).expect("a store");
    workdir.run(&["refill", "--all"]).expect(0);
    let done = Arc::new(AtomicBool::new(false));
    let reader = tokio::spawn(read(store, Arc::clone(&done)));

    let server = Arc::clone(&redis);
    let killing = tokio::task::spawn_blocking(move || kill_repeatedly(&server, &workdir));
    let killed = killing.await.expect("new hosts take over");
    done.store(true, Ordering::Relaxed);
    let met = reader.await.expect("no mixed, missing or incomplete map");
    println!(
        "{KILLS} kills of a host that refills {ENTRIES} entries, {} of them with entries staged, {} refills between \
         them: {} whole loads of {} snapshots, 0 mixed, 0 missing, 0 incomplete; the next host held the lease after \
         at most {:.1?}, including its start",
        killed.staged,
        killed.published,
        met.loads(),
        met.snapshots(),
        killed.longest_takeover,
    );
    assert!(killed.staged >= KILLS / 2 && killed.published > 0 && met.snapshots() > 1);
}

/// Loads the whole map again and again.
async fn read(store: Arc<dyn Store>, done: Arc<AtomicBool>) -> Numbers {
    let mut met = Numbers::default();
    while !done.load(Ordering::Relaxed) {
        let cache: Cache<Number> = Cache::connect(&store, "numbers").await.expect("a map that was published stays");
        met.check(&cache.snapshot().expect("a map that was loaded"), ENTRIES);
    }
    met
}

#[derive(Default)]
struct Killed {
    /// How many kills left entries staged.
    staged: usize,
    /// How many snapshots were published between the kills.
    published: u64,
    longest_takeover: Duration,
}

/// Starts a host and kills it at a random moment during or soon after its refill, many times.
fn kill_repeatedly(redis: &RedisServer, workdir: &WorkDir) -> Killed {
    let mut published = Published::new(redis);
    let (mut killed, mut dead) = (Killed::default(), None);
    for _ in 0..KILLS {
        let (starting, before) = (Instant::now(), published.seq());
        let host = workdir.start(&["run"]);
        eventually("the lease", || published.token().filter(|token| Some(token) != dead.as_ref()));
        killed.longest_takeover = killed.longest_takeover.max(starting.elapsed());
        // One in five kills comes after the commit.
        let moment = fastrand::u32(..ENTRIES / 4 * 5);
        eventually("the moment", || (published.staged() >= moment || published.seq() > before).then_some(()));
        std::thread::sleep(Duration::from_millis(fastrand::u64(..30)));
        drop(host);
        dead = published.token();
        killed.staged += usize::from(published.staged() > 0);
        assert_eq!(keys_without_ttl(redis), [""; 0], "keys without a TTL");
    }
    Killed { published: published.seq() - 1, ..killed }
}

/// The state of the cache in the server.
struct Published(Connection);

impl Published {
    fn new(redis: &RedisServer) -> Self {
        Self(redis::Client::open(redis.url()).and_then(|client| client.get_connection()).expect("a connection"))
    }

    fn ask<T: FromRedisValue>(&mut self, words: &[&str]) -> T {
        redis::cmd(words[0]).arg(&words[1..]).query(&mut self.0).expect("an answer")
    }

    fn seq(&mut self) -> u64 {
        self.ask(&["HGET", "kiwi:{numbers}:meta", "seq"])
    }

    /// The token of the lease.
    fn token(&mut self) -> Option<String> {
        self.ask(&["HGET", "kiwi:{numbers}:lease", "token"])
    }

    /// How many entries the holder of the lease has staged.
    fn staged(&mut self) -> u32 {
        let token = self.token().unwrap_or_default();
        self.ask(&["HLEN", &format!("kiwi:{{numbers}}:staging:{token}")])
    }
}
