//! Redis answers other clients without delay, however large the maps are that are published and loaded.

use std::process::{Command, Stdio};
use std::time::Instant;

use kiwi_cache::Cache;
use redis::Value;

use crate::redis_server::RedisServer;
use crate::support::{Number, Numbers, WorkDir, numbers};

const READERS: usize = 10;
/// How often a measurement is repeated that other load on the machine may disturb.
const TRIES: usize = 10;

/// A million, or the value of `KIWI_TEST_ENTRIES`.
fn entries() -> u32 {
    let wanted = std::env::var("KIWI_TEST_ENTRIES").ok();
    wanted.map_or(1_000_000, |entries| entries.parse().expect("KIWI_TEST_ENTRIES is a number of entries"))
}

#[tokio::test(flavor = "multi_thread")]
async fn refills_and_whole_loads_of_a_million_entries_leave_the_slow_log_empty() {
    let entries = entries();
    let server = Server::start();
    let limits = format!("limits = {{ entries = {entries}, load_timeout = \"5m\" }}");
    let workdir = WorkDir::with(&numbers(&server.redis, entries, &limits));
    let refill = async || print!("{}", workdir.run(&["refill", "--all"]).expect(0).stdout);
    server.is_never_slow("a first refill", refill).await;

    let (started, mut met) = (Instant::now(), Numbers::default());
    for reader in 1..=READERS {
        let load = async || {
            let cache = Cache::<Number>::connect(server.redis.url(), "numbers").await.expect("a published map");
            met.check(&cache.snapshot().expect("a map that was loaded"), entries);
        };
        server.is_never_slow(&format!("the load of reader {reader}"), load).await;
    }
    println!("{READERS} readers: {} whole loads one after the other in {:.1?}", met.loads(), started.elapsed());
    server.is_never_slow("a refill of what is published", refill).await;
}

/// A server that logs each command of more than 10 ms. That includes waiting for a processor, so the
/// server gets real-time priority if that is allowed. A virtual machine that loses its processors now
/// and then still shows in the log.
struct Server {
    redis: RedisServer,
}

impl Server {
    fn start() -> Self {
        let redis = RedisServer::start_with(&["--slowlog-log-slower-than", "10000"]);
        let info: String = redis.command(&["INFO", "server"]).expect("an answer");
        let pid = info.lines().find_map(|line| line.strip_prefix("process_id:")).expect("the server's process");
        let chrt = Command::new("chrt").args(["--fifo", "--pid", "1", pid.trim()]).stderr(Stdio::null()).status();
        if !chrt.is_ok_and(|status| status.success()) {
            println!("the server has no real-time priority, because only root can set it: other load may disturb it");
        }
        Self { redis }
    }

    /// Repeats the work until the slow log stays empty: other load delays some commands now and then,
    /// but a slow command is slow every time.
    async fn is_never_slow(&self, what: &str, mut work: impl AsyncFnMut()) {
        for _ in 0..TRIES {
            self.redis.command::<()>(&["SLOWLOG", "RESET"]).expect("an answer");
            work().await;
            let slow: Vec<Value> = self.redis.command(&["SLOWLOG", "GET", "-1"]).expect("an answer");
            println!("{what}: SLOWLOG LEN {}", slow.len());
            if slow.is_empty() {
                return;
            }
            println!("disturbed, or slow: {slow:?}");
        }
        panic!("{what}: a command took more than 10 ms, {TRIES} times of {TRIES}");
    }
}
