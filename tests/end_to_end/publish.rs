//! `kiwi-host publish` on a real Redis: rows of each format are read back as they were written, and what is not whole,
//! or not the command's to publish, changes nothing.

use std::io::{PipeWriter, Write};
use std::process::Stdio;
use std::time::Duration;

use kiwi_cache::{Snapshot, blocking};
use rustix::process::Signal;
use serde_json::value::RawValue;

use crate::redis_server::RedisServer;
use crate::support::{Exited, Running, WorkDir, eventually, numbers};

/// A directory with the cache `rates`; `more` is the rest of its table.
fn rates(redis: &RedisServer, more: &str) -> WorkDir {
    let url = redis.url();
    WorkDir::with(&format!("store = {url:?}\n[cache.rates]\nsource = \"publish\"\nreload_ttl = \"1m\"\n{more}\n"))
}

/// Starts to publish, and returns where its rows go.
fn start(workdir: &WorkDir, args: &[&str]) -> (Running, PipeWriter) {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let mut command = workdir.command(&[&["publish", "rates"], args].concat());
    (Running::start(command.stdin(reader)), writer)
}

/// Publishes these rows.
fn publish(workdir: &WorkDir, args: &[&str], rows: &str) -> Exited {
    let (running, mut writer) = start(workdir, args);
    // It may have refused an earlier row.
    let _ = writer.write_all(rows.as_bytes());
    drop(writer);
    running.wait()
}

/// NDJSON with a row for each number, and its value.
fn numbered(count: u32, value: impl Fn(u32) -> u32) -> String {
    (0..count).map(|n| format!("{{\"key\": \"{n}\", \"value\": {}}}\n", value(n))).collect()
}

fn reader<V: serde::de::DeserializeOwned + Send + Sync + 'static>(redis: &RedisServer) -> blocking::Cache<V> {
    blocking::Cache::builder("rates").store(redis.url()).reload_ttl(Duration::from_millis(20)).connect().unwrap()
}

/// A field of the meta of `rates`.
fn meta(redis: &RedisServer, field: &str) -> Option<String> {
    redis.command(&["HGET", "kiwi:{rates}:meta", field]).unwrap()
}

#[test]
fn rows_of_each_format_are_read_back_as_they_were_written() {
    let redis = RedisServer::start();
    let workdir = rates(&redis, "layout = \"both\"");
    let big = "1180591620717411303424";
    let entries = |snapshot: &Snapshot<Box<RawValue>>| {
        let mut entries: Vec<_> = snapshot.iter().map(|(key, value)| format!("{key} {}", value.get())).collect();
        entries.sort();
        entries
    };
    let mut cache: Option<blocking::Cache<Box<RawValue>>> = None;
    for (args, rows, expected) in [
        (
            &[][..],
            format!("{{\"key\": \"FR\", \"value\": {{\"n\" : 1.10}}}}\n\n{{\"value\": {big}, \"key\": 7.50}}"),
            ["7.50 1180591620717411303424", "FR {\"n\" : 1.10}"],
        ),
        (
            &["--key", "id", "--key", "/name/common"],
            format!(
                "{{\"id\": 1, \"name\": {{\"common\": \"\\u00e9\"}}, \"n\": {big}}}\n{{\"name\": {{\"common\": \"a\"}},\"id\": 2}}\n"
            ),
            [
                "1:é {\"id\": 1, \"name\": {\"common\": \"\\u00e9\"}, \"n\": 1180591620717411303424}",
                "2:a {\"name\": {\"common\": \"a\"},\"id\": 2}",
            ],
        ),
        (
            &["--input-format", "json"],
            format!("{{\n  \"FR\": {{\"n\": 1.10}},\n  \"LH\": [ {big} ]\n}}\n"),
            ["FR {\"n\":1.10}", "LH [1180591620717411303424]"],
        ),
        (
            &["--key", "id", "--format", "json"],
            format!("[{{\"id\": \"FR\"}},\n{{\"id\": {big}}}]"),
            ["1180591620717411303424 {\"id\":1180591620717411303424}", "FR {\"id\":\"FR\"}"],
        ),
        (
            &["--input-format", "csv", "--key", "iata"],
            "iata,name\r\nFR,\"Ryanair, \"\"DAC\"\"\"\r\nLH,\r\n".to_owned(),
            [r#"FR {"iata":"FR","name":"Ryanair, \"DAC\""}"#, r#"LH {"iata":"LH","name":""}"#],
        ),
    ] {
        publish(&workdir, args, &rows).expect(0);
        let cache = cache.get_or_insert_with(|| reader(&redis));
        cache.reload().unwrap();
        assert_eq!(entries(&cache.snapshot().unwrap()), expected, "{args:?}");
        let (key, value) = expected[1].split_once(' ').unwrap();
        assert_eq!(workdir.run(&["get", "rates", key]).expect(0).stdout, format!("{value}\n"));
        assert_eq!(redis.command::<String>(&["HGET", "kiwi:{rates}", key]), Ok(value.to_owned()));
    }
    let record: String = redis.command(&["GET", "resource:rates"]).unwrap();
    assert!(record.starts_with(r#"{"data": {"FR": {"iata":"FR","#), "{record}");
    assert_eq!(meta(&redis, "ttl").as_deref(), Some("600000"));
}

#[test]
fn what_is_not_whole_changes_nothing_but_the_status() {
    let redis = RedisServer::start();
    let workdir = rates(&redis, "");
    publish(&workdir, &[], &numbered(3_000, |n| n)).expect(0);
    let id = meta(&redis, "id");
    let whole = numbered(3_000, |n| n + 1);
    for (rows, said) in [
        (&whole[..whole.len() - 5], "line 3000: the input is cut off in the middle of a row"),
        (&format!("{whole}{{\"key\": \"7\", \"value\": 1}}\n"), "line 3001: the key `7` came twice"),
    ] {
        let refused = publish(&workdir, &[], rows).expect(1);
        assert!(refused.stderr.contains(said), "{refused:?}");
        assert_eq!(meta(&redis, "id"), id);
        let status = workdir.run(&["status", "rates", "--exit-code"]).expect(1);
        assert!(status.stdout.contains(said) && status.stdout.contains("readers get 3,000 entries"), "{status:?}");
    }
    let refused = publish(&workdir, &["--expect-rows", "3001"], &whole).expect(1);
    assert!(
        refused.stderr.contains("line 3000: the rows end after 3000, and `--expect-rows` says 3001"),
        "{refused:?}"
    );
    assert_eq!(meta(&redis, "id"), id);
    publish(&workdir, &["--expect-rows", "3000"], &whole).expect(0);
    assert_ne!(meta(&redis, "id"), id);
    workdir.run(&["status", "rates", "--exit-code"]).expect(0);
}

#[test]
fn a_guard_refuses_a_map_that_shrank() {
    let redis = RedisServer::start();
    let workdir = rates(&redis, "max_shrink = \"10%\"\nmin_entries = 2");
    publish(&workdir, &[], &numbered(1_000, |n| n)).expect(0);
    let refused = publish(&workdir, &[], &numbered(500, |n| n)).expect(1);
    assert!(refused.stderr.contains("500 entries, 50% fewer than the 1000 published"), "{refused:?}");
    assert!(refused.stderr.contains("`... | kiwi-host publish rates --force`"), "{refused:?}");
    publish(&workdir, &["--force"], &numbered(500, |n| n)).expect(0);
    assert_eq!(meta(&redis, "entries").as_deref(), Some("500"));
}

#[test]
fn a_change_of_one_percent_is_a_delta_and_the_same_rows_are_no_change() {
    let redis = RedisServer::start();
    let workdir = rates(&redis, "");
    publish(&workdir, &[], &numbered(20_000, |n| n)).expect(0);
    let cache: blocking::Cache<u32> = reader(&redis);
    let version = meta(&redis, "version");
    assert_eq!(meta(&redis, "steps").as_deref(), Some("0"));
    publish(&workdir, &[], &numbered(20_000, |n| if n % 100 == 0 { n + 1 } else { n })).expect(0);
    assert_eq!((meta(&redis, "version"), meta(&redis, "steps").as_deref()), (version, Some("1")));
    eventually("the change in a reader", || (*cache.get("100").unwrap()? == 101).then_some(()));
    let again = publish(&workdir, &[], &numbered(20_000, |n| if n % 100 == 0 { n + 1 } else { n })).expect(0);
    assert!(again.stdout.starts_with("rates: unchanged (20,000 entries)"), "{again:?}");
    assert_eq!(meta(&redis, "seq").as_deref(), Some("2"));
}

#[test]
fn of_two_that_publish_at_once_the_second_one_waits_and_then_publishes() {
    let redis = RedisServer::start();
    let workdir = rates(&redis, "");
    let (first, mut rows_of_first) = start(&workdir, &[]);
    rows_of_first.write_all(b"{\"key\": \"a\", \"value\": 1}\n").unwrap();
    eventually("the lease of the first one", || {
        redis.command::<Option<String>>(&["HGET", "kiwi:{rates}:lease", "host"]).unwrap()
    });
    let (mut second, mut rows_of_second) = start(&workdir, &[]);
    rows_of_second.write_all(b"{\"key\": \"b\", \"value\": 2}\n").unwrap();
    drop(rows_of_second);
    second.wait_for_log("another host is loading it: waiting until it has finished");
    assert_eq!(second.try_wait(), None);
    drop(rows_of_first);
    first.wait().expect(0);
    second.wait().expect(0);
    assert_eq!(workdir.run(&["dump", "rates"]).expect(0).stdout, "b\t2\n");
    assert_eq!(meta(&redis, "seq").as_deref(), Some("2"));
}

#[test]
fn ctrl_c_publishes_nothing_and_releases_the_lease() {
    let redis = RedisServer::start();
    let workdir = rates(&redis, "");
    publish(&workdir, &[], "{\"key\": \"a\", \"value\": 1}\n").expect(0);
    let held = || redis.command::<Option<String>>(&["HGET", "kiwi:{rates}:lease", "host"]).unwrap();
    // Before the first row nothing is held, and there is nothing to wait for.
    let (waiting, rows) = start(&workdir, &["-v"]);
    eventually("that it listens for signals", || waiting.stderr().contains("kiwi.toml").then_some(()));
    waiting.signal(Signal::INT);
    waiting.wait().expect(130);
    drop(rows);

    let (loading, mut rows) = start(&workdir, &[]);
    rows.write_all(numbered(2_000, |n| n).as_bytes()).unwrap();
    eventually("the lease", held);
    loading.signal(Signal::INT);
    let stopped = loading.wait().expect(1);
    assert!(stopped.stderr.contains("stopped before it was loaded; nothing was published"), "{stopped:?}");
    assert_eq!(held(), None);
    assert_eq!(workdir.run(&["dump", "rates"]).expect(0).stdout, "a\t1\n");
    publish(&workdir, &[], "{\"key\": \"b\", \"value\": 2}\n").expect(0);
}

/// Writes until nobody reads any more. Returns how many bytes were taken, and the most memory that the reader had.
fn feed(running: &Running, mut rows: PipeWriter, mut next: impl FnMut() -> Option<Vec<u8>>) -> (usize, u64) {
    let (mut taken, mut peak) = (0, 0);
    while let Some(bytes) = next() {
        let written = rows.write_all(&bytes);
        let status = std::fs::read_to_string(format!("/proc/{}/status", running.id())).unwrap_or_default();
        let kib =
            status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().trim_end_matches(" kB").parse().ok());
        peak = peak.max(kib.unwrap_or(0));
        if written.is_err() {
            break;
        }
        taken += bytes.len();
    }
    (taken, peak)
}

#[test]
fn a_row_without_an_end_is_refused_before_it_fills_the_memory() {
    let redis = RedisServer::start();
    let workdir = rates(&redis, "");
    for (args, begins) in [
        (&[][..], "{\"key\": \"a\", \"value\": 1}\n{\"key\": \"b\", \"value\": \""),
        (&["--input-format", "json"], "{\"a\": 1,\n\"b\": \""),
        (&["--input-format", "json"], "{\"a\": 1,\n\""),
        (&["--input-format", "csv", "--key", "id"], "id,name\n\"x"),
    ] {
        let (running, mut rows) = start(&workdir, args);
        rows.write_all(begins.as_bytes()).unwrap();
        let (taken, peak) = feed(&running, rows, || Some(vec![b'x'; 16 << 10]));
        let refused = running.wait().expect(1);
        println!("{args:?}: {taken} bytes taken, {peak} KiB at most");
        assert!(refused.stderr.contains("line 2: the "), "{refused:?}");
        assert!(taken < 3 << 20 && peak < 100 << 10, "{taken} bytes, {peak} KiB");
    }
    assert_eq!(meta(&redis, "id"), None);
}

#[test]
fn two_hundred_megabytes_of_rows_pass_through_flat_memory() {
    let redis = RedisServer::start();
    let workdir = rates(&redis, "hash = false\nlimits = { total_bytes = \"1 GiB\", load_timeout = \"5m\" }");
    let value = format!("\"{}\"", "some text ".repeat(200));
    for (args, begin, between, end) in [
        (&["--expect-rows", "100000"][..], "", "\n", "\n"),
        (&["--input-format", "json", "--expect-rows", "100000"], "[", ",\n", "]"),
    ] {
        let (running, rows) = start(&workdir, args);
        let mut chunks = 0..100;
        let (taken, peak) = feed(&running, rows, || {
            let chunk = chunks.next()?;
            let row = |n: u32| {
                let before = if n == 0 { begin } else { between };
                format!("{before}{{\"key\": {n}, \"value\": {value}}}")
            };
            let mut text: String = (chunk * 1_000..(chunk + 1) * 1_000).map(row).collect();
            text += if chunk == 99 { end } else { "" };
            Some(text.into_bytes())
        });
        running.wait().expect(0);
        println!("{args:?}: {taken} bytes taken, {peak} KiB at most");
        assert!(taken > 200_000_000 && peak < 150 << 10, "{taken} bytes, {peak} KiB");
    }
}

#[test]
fn a_host_runs_its_own_caches_and_says_what_is_published_otherwise() {
    let redis = RedisServer::start();
    let config = numbers(&redis, 100, "refill_interval = \"1h\"\nreload_ttl = \"1h\"");
    let workdir = WorkDir::with(&format!("{config}[cache.rates]\nsource = \"publish\"\n"));
    publish(&workdir, &[], "{\"key\": \"a\", \"value\": 1}\n").expect(0);
    let mut host = workdir.start(&["run"]);
    host.wait_for_log("the cache `rates` is published by `kiwi-host publish rates`, and no host loads it");
    host.wait_for_log("published cache=numbers");
    workdir.run(&["status", "--exit-code"]).expect(0);
    // What the plugin of another host loads is not published over.
    let other = WorkDir::new();
    let mut command = other.command(&["publish", "numbers", "--store", &redis.url()]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"{\"key\": \"a\", \"value\": 1}\n").unwrap();
    let refused = Exited::from(child.wait_with_output().unwrap()).expect(64);
    assert!(refused.stderr.contains("loads it, and would replace"), "{refused:?}");
    host.signal(Signal::TERM);
    host.wait().expect(0);
}
