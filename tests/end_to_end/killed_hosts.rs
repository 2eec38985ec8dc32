//! Hosts that are killed while they refill.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kiwi_cache::Cache;
use kiwi_cache::store::{self, Store};

use crate::redis_server::RedisServer;
use crate::support::{Desk, Number, Numbers, eventually, immortal, numbers};

const ENTRIES: u32 = 200_000;
const KILLS: usize = 50;

#[tokio::test(flavor = "multi_thread")]
async fn fifty_kills_amid_refills_never_show_a_reader_anything_but_whole_maps() {
    let redis = Arc::new(RedisServer::start());
    let timing = "refill_interval = \"1ms\"\nlease_ttl = \"1s\"";
    let desk = Desk::with(&numbers(&redis, ENTRIES, timing));
    let store = store::open(&redis.url().parse().expect("a store URL")).expect("a store");
    let started = Instant::now();
    desk.run(&["refill", "--all"]).expect(0);
    let refill = started.elapsed();
    let done = Arc::new(AtomicBool::new(false));
    let reader = tokio::spawn(read(store, Arc::clone(&done)));

    let server = Arc::clone(&redis);
    let killing = tokio::task::spawn_blocking(move || kill_again_and_again(&server, &desk, refill));
    let killed = killing.await.expect("hosts that take over");
    done.store(true, Ordering::Relaxed);
    let met = reader.await.expect("no mixed, missing or half map");
    println!(
        "{KILLS} kills of a host that refills {ENTRIES} entries, {} of them with entries staged, {} refills between \
         them: {} whole loads of {} snapshots, 0 mixed, 0 missing, 0 half; the next host held the lease after at most \
         {:.1?}, its start included",
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

/// Starts a host, kills it at a random moment of its first refill or soon after it, and again.
fn kill_again_and_again(redis: &RedisServer, desk: &Desk, refill: Duration) -> Killed {
    let mut connection = redis::Client::open(redis.url()).and_then(|client| client.get_connection()).expect("a server");
    let mut field = |key: &str, field: &str| -> Option<String> {
        redis::cmd("HGET").arg(key).arg(field).query(&mut connection).expect("an answer")
    };
    let mut token = || field("kiwi:{numbers}:lease", "token");
    let (mut killed, mut dead) = (Killed::default(), None);
    for _ in 0..KILLS {
        let starting = Instant::now();
        let host = desk.start(&["run"]);
        eventually("the lease", || token().filter(|token| Some(token) != dead.as_ref()));
        killed.longest_takeover = killed.longest_takeover.max(starting.elapsed());
        std::thread::sleep(refill.mul_f64(3.0 * fastrand::f64()));
        drop(host);
        dead = token();
        let staging = dead.iter().map(|dead| format!("kiwi:{{numbers}}:staging:{dead}"));
        killed.staged += staging.filter(|key| redis.command(&["EXISTS", key]) == Ok(true)).count();
        assert_eq!(immortal(redis), [""; 0], "keys without a TTL");
    }
    let seq = field("kiwi:{numbers}:meta", "seq").and_then(|seq| seq.parse::<u64>().ok()).expect("a published map");
    Killed { published: seq - 1, ..killed }
}
