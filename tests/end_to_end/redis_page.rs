//! docs/redis.md: its ACL lines create users with the right permissions, and its figures are measured.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kiwi_cache::blocking;
use serde_json::json;

use crate::redis_server::RedisServer;
use crate::support::{LONG, Number, Numbers, Python, WorkDir, eventually, numbers, numbers_in, page};

const LAYOUTS: [(&str, &str); 3] = [
    ("hash", ""),
    ("record", "layout = \"record\"\nrecord_key = \"Airlines\"\n"),
    ("both", "layout = \"both\"\nrecord_key = \"Airlines\"\n"),
];

/// The store URL of one of the page's users.
fn of_user(redis: &RedisServer, user: &str) -> String {
    redis.url().replace("//", &format!("//{user}:{user}-password@"))
}

/// Creates the users with the lines of the page: those for every cache and, if the layout has a record, those for records.
fn create_users(redis: &RedisServer, layout: &str) {
    let page = page("docs/redis.md");
    let lines: Vec<&str> = page.lines().filter(|line| line.starts_with("ACL SETUSER")).collect();
    assert_eq!(
        lines.len(),
        6,
        "a line for host and reader, one each for records, one for Python, one for pushes: {lines:#?}"
    );
    for line in lines {
        let is_for_records = line.contains("resource:");
        if line != WITHOUT_PUBLISHING && (!is_for_records || layout != "hash") {
            redis.command::<()>(&line.split(' ').collect::<Vec<_>>()).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
    }
}

/// What the page says is needed for `push = "delta"`.
const WITHOUT_PUBLISHING: &str = "ACL SETUSER kiwi-reader -publish";

#[test]
fn with_pushed_changes_a_reader_gets_them_and_cannot_forge_them() {
    let redis = RedisServer::start();
    create_users(&redis, "hash");
    assert!(page("docs/redis.md").lines().any(|line| line == WITHOUT_PUBLISHING));
    redis.command::<()>(&WITHOUT_PUBLISHING.split(' ').collect::<Vec<_>>()).unwrap();
    let timing = "push = \"delta\"\nrefill_interval = \"200ms\"\nreload_ttl = \"1s\"\ncache_ttl = \"1m\"\n";
    let workdir = WorkDir::with(&numbers_in(&of_user(&redis, "kiwi-host"), 100, timing));
    workdir.run(&["refill", "numbers"]).expect(0);
    let cache: blocking::Cache<Number> =
        blocking::Cache::builder("numbers").store(of_user(&redis, "kiwi-reader")).connect().unwrap();
    assert_eq!(cache.len().unwrap(), 100);
    let mut reader = redis::Client::open(of_user(&redis, "kiwi-reader")).unwrap().get_connection().unwrap();
    let forged = redis::cmd("PUBLISH").arg("kiwi:numbers:changed").arg("x").exec(&mut reader).unwrap_err();
    assert_eq!(forged.code(), Some("NOPERM"));
}

/// The commands that Redis denied, according to its log.
fn denied(redis: &RedisServer) -> Vec<String> {
    let log: Vec<Vec<redis::Value>> = redis.command(&["ACL", "LOG"]).expect("the log");
    log.iter().map(|entry| format!("{entry:?}")).collect()
}

/// How often a command was called; `None` if never.
fn calls(redis: &RedisServer, command: &str) -> Option<u64> {
    let statistics: String = redis.command(&["INFO", "commandstats"]).expect("an answer");
    let calls = statistics.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")))?;
    calls.split(',').next()?.parse().ok()
}

#[test]
fn the_users_of_the_page_have_all_permissions_they_need() {
    for (layout, lines) in LAYOUTS {
        let redis = RedisServer::start();
        create_users(&redis, layout);
        let timing = "refill_interval = \"200ms\"\nreload_ttl = \"1s\"\ncache_ttl = \"1m\"\n";
        let workdir = WorkDir::with(&numbers_in(&of_user(&redis, "kiwi-host"), 10_000, &format!("{lines}{timing}")));
        workdir.run(&["check"]).expect(0);
        let reader = blocking::Cache::builder("numbers").store(of_user(&redis, "kiwi-reader"));
        let reader = reader.reload_ttl(Duration::from_millis(50)).start_missing().refill_timeout(LONG);
        let cache: blocking::Cache<Number> = reader.connect().unwrap();
        let asking = cache.clone();
        let asked = std::thread::spawn(move || asking.get_or_refill("0").map(|found| found.is_some()));
        eventually("a reader that asks", || calls(&redis, "publish"));
        let mut host = workdir.start(&["run"]);
        host.wait_for_log("published cache=numbers");
        assert!(asked.join().expect("no panic").unwrap());
        assert!(calls(&redis, "subscribe").is_some(), "the host listens");

        let first = cache.snapshot().unwrap().id();
        eventually("a newer map in the reader", || (cache.snapshot().unwrap().id() != first).then_some(()));
        host.signal(rustix::process::Signal::TERM);
        host.wait().expect(0);
        workdir.run(&["refill", "numbers"]).expect(0);
        let as_reader = of_user(&redis, "kiwi-reader");
        for read in [&["status", "numbers"][..], &["get", "numbers", "0"], &["dump", "numbers"]] {
            workdir.run(&[read, &["--store", &as_reader]].concat()).expect(0);
        }
        workdir.run(&["status"]).expect(0);
        workdir.run(&["forget", "numbers", "--yes"]).expect(0);
        assert_eq!(denied(&redis), Vec::<String>::new(), "{layout}");
    }
}

#[test]
fn the_user_for_python_has_all_permissions_it_needs() {
    let redis = RedisServer::start();
    create_users(&redis, "both");
    let mut python = Python::connect(&of_user(&redis, "kiwi-python"), "Airlines", &json!({}));
    python.source_gives(r#"{"FR": "Ryanair"}"#);
    python.refill().unwrap();
    python.source(json!({ "error": "the source is down" }));
    python.refill().unwrap();
    assert_eq!(python.get("FR"), Ok(r#""Ryanair""#.to_owned()));
    assert_eq!(python.statuses("Airlines"), ["success", "load_error"], "no redis_error");
}

#[test]
fn a_reader_cannot_change_anything() {
    let redis = RedisServer::start();
    create_users(&redis, "both");
    WorkDir::with(&numbers(&redis, 100, LAYOUTS[2].1)).run(&["refill", "numbers"]).expect(0);
    let mut reader =
        redis::Client::open(of_user(&redis, "kiwi-reader")).and_then(|client| client.get_connection()).unwrap();
    for write in [
        "DEL kiwi:{numbers}",
        "HSET kiwi:{numbers} 0 x",
        "SET resource:Airlines x",
        "DEL resource:Airlines",
        "SET lock:Airlines locked",
        "EXPIRE kiwi:{numbers} 1",
        "FLUSHALL",
    ] {
        let words: Vec<&str> = write.split(' ').collect();
        let error = redis::cmd(words[0]).arg(&words[1..]).query::<()>(&mut reader).expect_err(write);
        assert_eq!(error.code(), Some("NOPERM"), "{write}: {error}");
    }
    let script = "return redis.call('DEL', KEYS[1])";
    let error = redis::cmd("EVAL").arg(script).arg(1).arg("kiwi:{numbers}").query::<()>(&mut reader).unwrap_err();
    assert!(error.to_string().contains("can't run this command"), "{error}");
    assert_eq!(redis.command(&["HLEN", "kiwi:{numbers}"]), Ok(100));
}

#[test]
fn redis_holds_a_map_twice_while_it_is_published_and_a_record_three_times() {
    for (layout, lines) in LAYOUTS {
        let redis = RedisServer::start();
        let used = || memory(&redis, "used_memory");
        let workdir = WorkDir::with(&numbers(&redis, 100_000, &format!("{lines}limits = {{ load_timeout = \"5m\" }}")));
        let empty = used();
        workdir.run(&["refill", "numbers"]).expect(0);
        let one = eventually("background freeing is done", || {
            (memory(&redis, "lazyfree_pending_objects") == 0).then(|| used() - empty)
        });

        let over = AtomicBool::new(false);
        let peak = std::thread::scope(|threads| {
            let polling = threads.spawn(|| {
                let mut peak = 0;
                while !over.load(Ordering::Relaxed) {
                    peak = peak.max(used() - empty);
                }
                peak
            });
            workdir.run(&["refill", "numbers"]).expect(0);
            over.store(true, Ordering::Relaxed);
            polling.join().expect("no panic")
        });
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let times = peak as f64 / one as f64;
        println!(
            "{layout}: 100,000 entries take {:.1} MiB, and {:.1} MiB while they are published again: {times:.2} times",
            mib(one),
            mib(peak)
        );
        // After receiving a large string, Redis keeps a buffer of that size for a moment.
        let expected = if layout == "hash" { 1.5..2.3 } else { 1.5..3.3 };
        assert!(expected.contains(&times), "{layout}: {times:.2} times");
    }
}

/// A number of `INFO memory`.
fn memory(redis: &RedisServer, field: &str) -> u64 {
    let info: String = redis.command(&["INFO", "memory"]).expect("an answer");
    let value = info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    value.expect("a field of INFO").trim().parse().expect("a number")
}

#[test]
fn an_evicted_map_is_published_again_while_readers_keep_serving() {
    let redis = RedisServer::start_with(&["--maxmemory", "32mb", "--maxmemory-policy", "allkeys-lru"]);
    let workdir = WorkDir::with(&numbers(&redis, 2_000, "reload_ttl = \"1h\""));
    let mut host = workdir.start(&["run"]);
    host.wait_for_log("published cache=numbers");
    let reader = blocking::Cache::builder("numbers").store(redis.url()).reload_ttl(Duration::from_millis(50));
    let cache: blocking::Cache<Number> = reader.connect().unwrap();
    let mut served = Numbers::default();
    let first = cache.snapshot().unwrap().id();

    let filling = "for i = 1, 100 do redis.call('SET', 'other:' .. ARGV[1] .. i, string.rep('x', 10000)) end \
                   local version = redis.call('HGET', 'kiwi:{numbers}:meta', 'version') \
                   return version and redis.call('EXISTS', 'kiwi:{numbers}:v:' .. version) or 0";
    let mut round = 0;
    eventually("an eviction of the map", || {
        round += 1;
        let there: u32 = redis.command(&["EVAL", filling, "0", &format!("{round}:")]).unwrap();
        (there == 0).then_some(())
    });
    eventually("the map again", || {
        let snapshot = cache.snapshot().expect("the copy stays");
        served.check(&snapshot, 2_000);
        (snapshot.id() != first).then_some(())
    });
}
