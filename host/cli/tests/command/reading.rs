//! get, keys, dump, status, forget: they need only the store.

use std::io::Read;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use kiwi_store::{LastError, Store, Ttl};

use crate::redis_server::RedisServer;
use crate::support::{WorkDir, assert_output, assert_status, block_on, lease, publish};

const AIRLINES: [(&str, &str); 3] = [
    ("LH", r#"{"name": "Lufthansa",   "fleet": 3.10}"#),
    ("FR", r#"{"name":"Ryanair"}"#),
    ("TO", r#"{"name":"Transavia\u0020France","note":"é"}"#),
];

fn open(url: &str) -> Arc<dyn Store> {
    kiwi_store::open(&url.parse().unwrap()).unwrap()
}

/// Runs a test on an embedded store and on a Redis: the output must be the same.
fn on_both_stores(body: impl Fn(&WorkDir, &dyn Store)) {
    let workdir = WorkDir::new();
    let url = format!("file:{}", workdir.path().join(".kiwi").display());
    body(&workdir, &*open(&url));
    let (workdir, redis) = (WorkDir::new(), RedisServer::start());
    workdir.file("kiwi.toml", &format!("store = \"{}\"", redis.url()));
    body(&workdir, &*open(&redis.url()));
}

#[test]
fn values_are_printed_as_their_loader_wrote_them() {
    on_both_stores(|workdir, store| {
        publish(store, "airlines", &AIRLINES, Ttl::Forever);
        assert_output!("get", workdir.transcript(&["get", "airlines", "LH"]));
        let (date, age) = ((r"\d{4}-\d\d-\d\dT[\d:.]+Z", "DATE"), (r#""age_ms":\d+"#, r#""age_ms":TIME"#));
        assert_output!("get-json", workdir.transcript(&["get", "airlines", "LH", "--format", "json"]), [date, age]);
        assert_output!("keys", workdir.transcript(&["keys", "airlines"]));
        assert_output!("keys-json", workdir.transcript(&["keys", "airlines", "--format", "json"]));
        assert_output!("dump", workdir.transcript(&["dump", "airlines"]));
        assert_output!("dump-json", workdir.transcript(&["dump", "airlines", "--format", "json"]));
    });
}

/// Keys and values come from sources: none may break a line, or control a terminal.
#[test]
fn each_entry_is_one_line_of_visible_characters() {
    on_both_stores(|workdir, store| {
        let value = "{\n  \"name\": \"\u{202e}gnp.exe\u{9b}31m\"\n}";
        publish(store, "odd", &[("a\tb\nc\u{1b}[2J\u{200b}", value)], Ttl::Forever);
        let stdout = |arguments: &[&str]| String::from_utf8(workdir.run(arguments).stdout).unwrap();
        let (key, json) = (r"a\tb\nc\u{1b}[2J\u{200b}", r#"{   "name": "\u202egnp.exe\u009b31m" }"#);
        assert_eq!(stdout(&["keys", "odd"]), format!("{key}\n"));
        assert_eq!(stdout(&["dump", "odd"]), format!("{key}\t{json}\n"));
        assert_eq!(stdout(&["get", "odd", "a\tb\nc\u{1b}[2J\u{200b}"]), format!("{json}\n"));
        assert_eq!(
            stdout(&["keys", "odd", "--format", "json"]),
            "{\"format\":1,\"cache\":\"odd\",\"keys\":[\"a\\tb\\nc\\u001b[2J\\u200b\"]}\n"
        );
        let dumped = stdout(&["dump", "odd", "--format", "json"]);
        assert_eq!(
            dumped,
            format!("{{\"format\":1,\"cache\":\"odd\",\"entries\":{{\"a\\tb\\nc\\u001b[2J\\u200b\":{json}}}}}\n")
        );
        let dumped: serde_json::Value = serde_json::from_str(&dumped).unwrap();
        assert_eq!(dumped["entries"]["a\tb\nc\u{1b}[2J\u{200b}"]["name"], "\u{202e}gnp.exe\u{9b}31m");
    });
}

#[test]
fn a_missing_key_or_cache_exits_2_and_is_named() {
    on_both_stores(|workdir, store| {
        publish(store, "airlines", &AIRLINES, Ttl::Forever);
        assert_output!("get-no-key", workdir.transcript(&["get", "airlines", "XX"]));
        assert_output!("get-no-key-json", workdir.transcript(&["get", "airlines", "XX", "--format", "json"]));
        let cache = workdir.run(&["get", "ships", "FR"]);
        assert_eq!(cache.status.code(), Some(2));
        let stderr = String::from_utf8(cache.stderr).unwrap();
        assert!(stderr.starts_with("kiwi-host: cache `ships`: nothing is published in "), "{stderr}");
        for subcommand in ["keys", "dump"] {
            let output = workdir.run(&[subcommand, "ships"]);
            assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{subcommand}");
        }
    });
}

#[test]
fn incomplete_data_is_lost_and_is_not_printed() {
    let (workdir, redis) = (WorkDir::new(), RedisServer::start());
    publish(&*open(&redis.url()), "airlines", &AIRLINES, Ttl::Forever);
    // As if the log had been evicted, on which the map depends since a change.
    redis
        .command::<()>(&[
            "HSET",
            "kiwi:{airlines}:meta",
            "steps",
            "1",
            "base",
            &kiwi_store::Id::random().to_string(),
            "view",
            "",
        ])
        .unwrap();
    assert_output!("get-lost", workdir.transcript(&["get", "airlines", "FR", "--store", &redis.url()]));
    assert_status!("status-lost", workdir.transcript(&["status", "--store", &redis.url()]));
}

/// The value is read from the version then.
#[test]
fn get_says_so_where_the_hash_is_behind() {
    let (workdir, redis) = (WorkDir::new(), RedisServer::start());
    publish(&*open(&redis.url()), "airlines", &AIRLINES, Ttl::Forever);
    redis.command::<()>(&["HSET", "kiwi:{airlines}", "FR", "\"older\""]).unwrap();
    redis.command::<()>(&["HSET", "kiwi:{airlines}:meta", "view", &kiwi_store::Id::random().to_string()]).unwrap();
    assert_output!("get-hash-behind", workdir.transcript(&["get", "airlines", "FR", "--store", &redis.url()]));
    let output = workdir.run(&["get", "airlines", "FR", "--store", &redis.url(), "--format", "json"]);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&document["value"]["name"], &document["hash_behind"]), (&"Ryanair".into(), &true.into()), "{document}");
    assert!(String::from_utf8(output.stderr).unwrap().contains("the plain hash is behind"));
}

#[test]
fn status_shows_states_and_errors() {
    on_both_stores(|workdir, store| {
        publish(store, "airlines", &AIRLINES, Ttl::For(Duration::from_secs(600)));
        publish(store, "rates", &[("USD", "1.1050")], Ttl::Forever);
        let error = LastError::new(SystemTime::now(), "unavailable", "cache `rates`: the bank is closed");
        block_on(async {
            let lease = lease(store, "rates").await;
            store.fail(lease, Duration::from_secs(60), &error, Ttl::Forever).await.unwrap();
        });
        publish(store, "ships", &[], Ttl::Forever);
        let held = block_on(lease(store, "ships"));
        assert_status!("status", workdir.transcript(&["status"]));
        assert_status!("status-json", workdir.transcript(&["status", "--format", "json"]));
        assert_status!("status-failing", workdir.transcript(&["status", "--failing", "--exit-code"]));
        assert_status!("status-all-well", workdir.transcript(&["status", "airlines", "--failing", "--exit-code"]));
        assert_eq!(workdir.run(&["status", "airlines", "--exit-code", "--max-age", "1ms"]).status.code(), Some(1));
        let unknown = workdir.run(&["status", "airlines", "airlinse", "--format", "json"]);
        assert_eq!(unknown.status.code(), Some(2));
        let document: serde_json::Value = serde_json::from_slice(&unknown.stdout).unwrap();
        assert_eq!(document["caches"][0]["cache"], "airlines", "{document}");
        assert_eq!(document["errors"][0]["cache"], "airlinse", "{document}");
        let message = document["errors"][0]["message"].as_str().unwrap();
        assert!(message.ends_with("did you mean `airlines`?"), "{message}");
        block_on(store.release(held)).unwrap();
    });
}

#[test]
fn status_shows_unpublished_caches_of_the_configuration() {
    let workdir = WorkDir::new();
    std::fs::create_dir(workdir.path().join("here")).unwrap();
    workdir.file("kiwi.toml", "store = \"file:here\"\n[cache.airlines]\nplugin = \"x.wasm\"\n");
    assert_status!("status-missing", workdir.transcript(&["status"]));
}

#[test]
fn status_reports_an_empty_store() {
    let redis = RedisServer::start();
    assert_status!("status-empty", WorkDir::new().transcript(&["status", "--store", &redis.url()]));
}

#[test]
fn an_unreachable_store_is_named_without_its_password() {
    let workdir = WorkDir::new();
    let output = workdir.run(&["status", "--store", "redis://:s3cret@127.0.0.1:1"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("127.0.0.1:1") && !stderr.contains("s3cret"), "{stderr}");
}

#[test]
fn forget_deletes_only_with_yes() {
    on_both_stores(|workdir, store| {
        publish(store, "airlines", &AIRLINES, Ttl::Forever);
        let output = workdir.run(&["forget", "airlines"]);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64));
        assert!(stderr.starts_with("kiwi-host: cache `airlines`: this would delete 3 entries from "), "{stderr}");
        assert_eq!(workdir.run(&["get", "airlines", "FR"]).status.code(), Some(0));
        assert_eq!(workdir.run(&["forget", "airlines", "--yes"]).status.code(), Some(0));
        assert_eq!(workdir.run(&["get", "airlines", "FR"]).status.code(), Some(2));
        for args in [&["forget", "airlines", "--yes"][..], &["forget", "airlines"]] {
            let again = workdir.run(&[args, &["--format", "json"]].concat());
            assert_eq!(again.status.code(), Some(2), "{again:?}");
            let error: serde_json::Value = serde_json::from_slice(&again.stdout).unwrap();
            assert_eq!((&error["format"], &error["error"]["kind"]), (&1.into(), &"missing".into()), "{error}");
            assert_eq!(error["error"]["cache"], "airlines", "{error}");
        }
    });
}

#[test]
fn json_is_one_line_whatever_keys_and_values_hold() {
    on_both_stores(|workdir, store| {
        let value = "{\n  \"a\": 1.10,\r\n  \"b\": \"\u{2028}\u{202e}\u{9b}\"\n}";
        publish(store, "odd", &[("x\ny\u{85}", value)], Ttl::Forever);
        for (args, expected) in [
            (
                &["dump", "odd"][..],
                r#"{"format":1,"cache":"odd","entries":{"x\ny\u0085":{   "a": 1.10,    "b": "\u2028\u202e\u009b" }}}"#,
            ),
            (&["keys", "odd"], r#"{"format":1,"cache":"odd","keys":["x\ny\u0085"]}"#),
            (
                &["get", "odd", "x\ny\u{85}"],
                r#"{"format":1,"cache":"odd","key":"x\ny\u0085","value":{   "a": 1.10,    "b": "\u2028\u202e\u009b" },"id":"#,
            ),
        ] {
            let output = workdir.run(&[args, &["--format", "json"]].concat());
            let line = String::from_utf8(output.stdout).unwrap();
            assert!(line.starts_with(expected) && line.lines().count() == 1, "{line}");
        }
    });
}

#[test]
fn errors_are_json_too() {
    let workdir = WorkDir::new();
    let document = |args: &[&str], code: i32| -> serde_json::Value {
        let output = workdir.run(&[args, &["--format", "json"]].concat());
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let mut document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&document["format"], &document["error"]["exit_code"]), (&1.into(), &code.into()), "{document}");
        document["error"].take()
    };
    assert_eq!(document(&["status", "--store", "redis://127.0.0.1:1"], 1)["kind"], "unavailable");
    assert_eq!(document(&["status"], 64)["kind"], "invalid");
    workdir.file("kiwi.toml", "stor = 1\n");
    let configuration = document(&["refill", "--all"], 64);
    assert_eq!(configuration["kind"], "configuration");
    assert!(configuration["message"].as_str().unwrap().contains("did you mean `store`"), "{configuration}");
}

#[test]
fn a_broken_pipe_is_not_an_error() {
    let workdir = WorkDir::new();
    let value = format!("\"{}\"", "x".repeat(10_000));
    let keys: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    let entries: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), value.as_str())).collect();
    publish(&*open(&format!("file:{}", workdir.path().join(".kiwi").display())), "big", &entries, Ttl::Forever);
    let mut child = workdir
        .command(&["dump", "big"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("kiwi-host is started");
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 10]).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap()), (Some(0), String::new()));
}
