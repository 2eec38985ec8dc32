//! Redis answers others at any time, however large the maps are that are published and loaded.

use std::process::{Command, Stdio};
use std::time::Instant;

use kiwi_cache::Cache;
use redis::Value;

use crate::redis_server::RedisServer;
use crate::support::{Desk, Number, Numbers, numbers};

const READERS: usize = 10;
/// How often something is tried that only what else the machine does can disturb.
const TRIES: usize = 10;

/// A million, or what `KIWI_TEST_ENTRIES` says.
fn entries() -> u32 {
    let wanted = std::env::var("KIWI_TEST_ENTRIES").ok();
    wanted.map_or(1_000_000, |entries| entries.parse().expect("KIWI_TEST_ENTRIES is a number of entries"))
}

#[tokio::test(flavor = "multi_thread")]
async fn refills_and_whole_loads_of_a_million_entries_leave_the_slow_log_empty() {
    let entries = entries();
    let server = Server::start();
    let limits = format!("limits = {{ entries = {entries}, load_timeout = \"5m\" }}");
    let desk = Desk::with(&numbers(&server.redis, entries, &limits));
    let refill = async || print!("{}", desk.run(&["refill", "--all"]).expect(0).stdout);
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

/// A server that logs each command of more than 10 ms. That counts what the command waits for a
/// processor as well, so the server runs before all else, where that is allowed; a virtual machine
/// whose own processors are taken away now and then is still seen in it.
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
            println!("the server has no priority, which only root can give: other load may disturb it");
        }
        Self { redis }
    }

    /// Tries something until the slow log stays empty: what else the machine does holds up one
    /// command or another, but a command that is slow is so every time.
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
        panic!("{what} took the server more than 10 ms at once, {TRIES} times of {TRIES}");
    }
}
