//! docs/redis.md: its users are made by its own lines and do their work, its figures are measured.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kiwi_cache::blocking;
use serde_json::json;

use crate::redis_server::RedisServer;
use crate::support::{Desk, LONG, Number, Numbers, Python, eventually, numbers, numbers_in, page};

const LAYOUTS: [(&str, &str); 3] = [
    ("hash", ""),
    ("record", "layout = \"record\"\nrecord_key = \"Airlines\"\n"),
    ("both", "layout = \"both\"\nrecord_key = \"Airlines\"\n"),
];

/// The store URL of one of the page's users.
fn of_user(redis: &RedisServer, user: &str) -> String {
    redis.url().replace("//", &format!("//{user}:{user}-password@"))
}

/// Makes the users, by the lines of the page: those for every cache, and with a record those for records too.
fn make_users(redis: &RedisServer, layout: &str) {
    let page = page("docs/redis.md");
    let lines: Vec<&str> = page.lines().filter(|line| line.starts_with("ACL SETUSER")).collect();
    assert_eq!(lines.len(), 5, "a line for host and reader, one each for records, one for Python: {lines:#?}");
    for line in lines {
        let is_for_records = line.contains("resource:");
        if !is_for_records || layout != "hash" {
            redis.command::<()>(&line.split(' ').collect::<Vec<_>>()).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
    }
}

/// What users were refused, by Redis' own log.
fn refused(redis: &RedisServer) -> Vec<String> {
    let log: Vec<Vec<redis::Value>> = redis.command(&["ACL", "LOG"]).expect("the log");
    log.iter().map(|entry| format!("{entry:?}")).collect()
}

/// How often a command was called, unless never.
fn calls(redis: &RedisServer, command: &str) -> Option<u64> {
    let statistics: String = redis.command(&["INFO", "commandstats"]).expect("an answer");
    let calls = statistics.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")))?;
    calls.split(',').next()?.parse().ok()
}

#[test]
fn the_users_of_the_page_have_all_the_rights_they_need() {
    for (layout, lines) in LAYOUTS {
        let redis = RedisServer::start();
        make_users(&redis, layout);
        let timing = "refill_interval = \"200ms\"\nreload_ttl = \"1s\"\ncache_ttl = \"1m\"\n";
        let desk = Desk::with(&numbers_in(&of_user(&redis, "kiwi-host"), 10_000, &format!("{lines}{timing}")));
        desk.run(&["check"]).expect(0);
        let reader = blocking::Cache::builder("numbers").store(of_user(&redis, "kiwi-reader"));
        let reader = reader.reload_ttl(Duration::from_millis(50)).start_missing().refill_timeout(LONG);
        let cache: blocking::Cache<Number> = reader.connect().unwrap();
        let asking = cache.clone();
        let asked = std::thread::spawn(move || asking.get_or_refill("0").map(|found| found.is_some()));
        eventually("a reader that asks", || calls(&redis, "publish"));
        let mut host = desk.start(&["run"]);
        host.says("published cache=numbers");
        assert!(asked.join().expect("no panic").unwrap());
        assert!(calls(&redis, "subscribe").is_some(), "the host listens");

        let first = cache.snapshot().unwrap().id();
        eventually("a newer map in the reader", || (cache.snapshot().unwrap().id() != first).then_some(()));
        host.signal(rustix::process::Signal::TERM);
        host.end().expect(0);
        desk.run(&["refill", "numbers"]).expect(0);
        let as_reader = of_user(&redis, "kiwi-reader");
        for read in [&["status", "numbers"][..], &["get", "numbers", "0"], &["dump", "numbers"]] {
            desk.run(&[read, &["--store", &as_reader]].concat()).expect(0);
        }
        desk.run(&["status"]).expect(0);
        desk.run(&["forget", "numbers", "--yes"]).expect(0);
        assert_eq!(refused(&redis), Vec::<String>::new(), "{layout}");
    }
}

#[test]
fn the_user_for_python_has_all_the_rights_it_needs() {
    let redis = RedisServer::start();
    make_users(&redis, "both");
    let mut python = Python::connect(&of_user(&redis, "kiwi-python"), "Airlines", &json!({}));
    python.source_gives(r#"{"FR": "Ryanair"}"#);
    python.refill().unwrap();
    python.source(json!({ "error": "the source is down" }));
    python.refill().unwrap();
    assert_eq!(python.get("FR"), Ok(r#""Ryanair""#.to_owned()));
    assert_eq!(python.statuses("Airlines"), ["success", "load_error"], "no redis_error");
}

#[test]
fn a_reader_can_change_nothing() {
    let redis = RedisServer::start();
    make_users(&redis, "both");
    Desk::with(&numbers(&redis, 100, LAYOUTS[2].1)).run(&["refill", "numbers"]).expect(0);
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
        let desk = Desk::with(&numbers(&redis, 100_000, &format!("{lines}limits = {{ load_timeout = \"5m\" }}")));
        let empty = used();
        desk.run(&["refill", "numbers"]).expect(0);
        let one = eventually("the end of what is freed in the background", || {
            (memory(&redis, "lazyfree_pending_objects") == 0).then(|| used() - empty)
        });

        let over = AtomicBool::new(false);
        let most = std::thread::scope(|threads| {
            let looking = threads.spawn(|| {
                let mut most = 0;
                while !over.load(Ordering::Relaxed) {
                    most = most.max(used() - empty);
                }
                most
            });
            desk.run(&["refill", "numbers"]).expect(0);
            over.store(true, Ordering::Relaxed);
            looking.join().expect("no panic")
        });
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let times = most as f64 / one as f64;
        println!(
            "{layout}: 100,000 entries take {:.1} MiB, and {:.1} MiB while they are published anew: {times:.2} times",
            mib(one),
            mib(most)
        );
        // Having received a large string, Redis keeps a buffer of that size for a moment, for another one.
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
fn a_map_that_redis_evicts_is_published_again_and_readers_serve_on() {
    let redis = RedisServer::start_with(&["--maxmemory", "32mb", "--maxmemory-policy", "allkeys-lru"]);
    let desk = Desk::with(&numbers(&redis, 2_000, "reload_ttl = \"1h\""));
    let mut host = desk.start(&["run"]);
    host.says("published cache=numbers");
    let reader = blocking::Cache::builder("numbers").store(redis.url()).reload_ttl(Duration::from_millis(50));
    let cache: blocking::Cache<Number> = reader.connect().unwrap();
    let mut served = Numbers::default();
    let first = cache.snapshot().unwrap().id();

    let filling = "for i = 1, 100 do redis.call('SET', 'other:' .. ARGV[1] .. i, string.rep('x', 10000)) end \
                   return redis.call('EXISTS', 'kiwi:{numbers}')";
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
