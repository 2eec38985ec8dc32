//! Redis answers others at any time, however large the maps are that are published and loaded.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{fmt, fs};

use kiwi_cache::Cache;

use crate::redis_server::RedisServer;
use crate::support::{Desk, Number, Numbers, numbers};

const READERS: usize = 10;

/// A million, or what `KIWI_TEST_ENTRIES` says.
fn entries() -> u32 {
    let wanted = std::env::var("KIWI_TEST_ENTRIES").ok();
    wanted.map_or(1_000_000, |entries| entries.parse().expect("KIWI_TEST_ENTRIES is a number of entries"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refill_and_whole_loads_of_a_million_entries_leave_the_slow_log_empty() {
    let entries = entries();
    let redis = RedisServer::start_with(&["--slowlog-log-slower-than", "10000"]);
    let server = Server::new(&redis);
    let limits = format!("limits = {{ entries = {entries}, load_timeout = \"5m\" }}");
    let desk = Desk::with(&numbers(&redis, entries, &limits));
    let started = Instant::now();
    let ended = desk.run(&["refill", "--all"]).expect(0);
    println!("{} (with the command's start {:.1?})", ended.stdout.trim(), started.elapsed());

    let (started, mut met) = (Instant::now(), Numbers::default());
    for _ in 0..READERS {
        let cache: Cache<Number> = Cache::connect(redis.url(), "numbers").await.expect("a map that is published");
        met.check(&cache.snapshot().expect("a map that was loaded"), entries);
    }
    println!("{READERS} readers loaded {entries} entries one after the other in {:.1?}", started.elapsed());

    // And once more over what is published: as a swap that replaces a million entries.
    desk.run(&["refill", "--all"]).expect(0);
    let slow: redis::Value = redis.command(&["SLOWLOG", "GET", "-1"]).expect("an answer");
    println!("SLOWLOG LEN {}; {server}", redis.command::<u64>(&["SLOWLOG", "LEN"]).expect("an answer"));
    assert_eq!(slow, redis::Value::Array(Vec::new()), "commands that took longer than 10 ms; {server}");
}

/// The server's process. The slow log counts all of a command's time: also that in which other
/// processes had the processor, which is no stall that we cause.
struct Server {
    pid: String,
    priority: &'static str,
}

impl Server {
    /// Lets it run before all else that this machine does, where that is allowed.
    fn new(redis: &RedisServer) -> Self {
        let info: String = redis.command(&["INFO", "server"]).expect("an answer");
        let pid = info.lines().find_map(|line| line.strip_prefix("process_id:")).expect("the server's process");
        let chrt = Command::new("chrt").args(["--fifo", "--pid", "1", pid.trim()]).stderr(Stdio::null()).status();
        let priority = match chrt {
            Ok(status) if status.success() => "it had priority",
            _ => "it had no priority, which only root can give",
        };
        Self { pid: pid.trim().to_owned(), priority }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let schedule = fs::read_to_string(format!("/proc/{}/schedstat", self.pid)).unwrap_or_default();
        let mut times = schedule.split_whitespace().map(|nanos| nanos.parse().map(Duration::from_nanos));
        let (ran, waited) = (times.next(), times.next());
        match (ran, waited) {
            (Some(Ok(ran)), Some(Ok(waited))) => {
                write!(
                    f,
                    "the server ran for {ran:.1?} and waited for a processor for {waited:.1?} ({})",
                    self.priority
                )
            }
            _ => f.write_str(self.priority),
        }
    }
}
