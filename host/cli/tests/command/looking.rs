//! get, keys, dump, status, forget: what any machine can see of a store.

use std::io::Read;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use kiwi_store::{LastError, Store, Ttl};

use crate::redis_server::RedisServer;
use crate::support::{Desk, assert_said, assert_status_said, block_on, lease, publish};

const AIRLINES: [(&str, &str); 3] = [
    ("LH", r#"{"name": "Lufthansa",   "fleet": 3.10}"#),
    ("FR", r#"{"name":"Ryanair"}"#),
    ("TO", r#"{"name":"Transavia\u0020France","note":"é"}"#),
];

fn open(url: &str) -> Arc<dyn Store> {
    kiwi_store::open(&url.parse().unwrap()).unwrap()
}

/// Runs a test's body on an embedded store and on a Redis: what is said must be the same.
fn on_both_stores(body: impl Fn(&Desk, &dyn Store)) {
    let desk = Desk::new();
    let url = format!("file:{}", desk.path().join(".kiwi").display());
    body(&desk, &*open(&url));
    let (desk, redis) = (Desk::new(), RedisServer::start());
    desk.file("kiwi.toml", &format!("store = \"{}\"", redis.url()));
    body(&desk, &*open(&redis.url()));
}

#[test]
fn values_come_out_as_their_loader_wrote_them() {
    on_both_stores(|desk, store| {
        publish(store, "airlines", &AIRLINES, Ttl::Forever);
        assert_said!("get", desk.said(&["get", "airlines", "LH"]));
        assert_said!("get-json", desk.said(&["get", "airlines", "LH", "--format", "json"]));
        assert_said!("keys", desk.said(&["keys", "airlines"]));
        assert_said!("keys-json", desk.said(&["keys", "airlines", "--format", "json"]));
        assert_said!("dump", desk.said(&["dump", "airlines"]));
        assert_said!("dump-json", desk.said(&["dump", "airlines", "--format", "json"]));
    });
}

#[test]
fn what_is_absent_exits_2_and_says_which() {
    on_both_stores(|desk, store| {
        publish(store, "airlines", &AIRLINES, Ttl::Forever);
        assert_said!("get-no-key", desk.said(&["get", "airlines", "XX"]));
        let cache = desk.run(&["get", "ships", "FR"]);
        assert_eq!(cache.status.code(), Some(2));
        let said = String::from_utf8(cache.stderr).unwrap();
        assert!(said.starts_with("kiwi-host: cache `ships`: nothing is published in "), "{said}");
        for subcommand in ["keys", "dump"] {
            let output = desk.run(&[subcommand, "ships"]);
            assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{subcommand}");
        }
    });
}

#[test]
fn data_that_does_not_match_its_head_is_lost_and_not_shown() {
    let (desk, redis) = (Desk::new(), RedisServer::start());
    publish(&*open(&redis.url()), "airlines", &AIRLINES, Ttl::Forever);
    redis.command::<()>(&["HDEL", "kiwi:{airlines}", "LH"]).unwrap();
    assert_said!("get-lost", desk.said(&["get", "airlines", "FR", "--store", &redis.url()]));
    assert_status_said!("status-lost", desk.said(&["status", "--store", &redis.url()]));
}

#[test]
fn status_shows_what_is_there_and_what_is_wrong() {
    on_both_stores(|desk, store| {
        publish(store, "airlines", &AIRLINES, Ttl::For(Duration::from_secs(600)));
        publish(store, "rates", &[("USD", "1.1050")], Ttl::Forever);
        let error = LastError {
            at: SystemTime::now(),
            kind: "unavailable".into(),
            message: "cache `rates`: the bank is closed".into(),
        };
        block_on(async {
            let lease = lease(store, "rates").await;
            store.fail(&lease, Duration::from_secs(60), &error, Ttl::Forever).await.unwrap();
        });
        publish(store, "ships", &[], Ttl::Forever);
        let held = block_on(lease(store, "ships"));
        assert_status_said!("status", desk.said(&["status"]));
        assert_status_said!("status-json", desk.said(&["status", "--format", "json"]));
        assert_status_said!("status-one", desk.said(&["status", "airlines", "nowhere"]));
        block_on(store.release(&held)).unwrap();
    });
}

#[test]
fn status_shows_the_caches_of_the_configuration_that_nobody_has_published() {
    let desk = Desk::new();
    std::fs::create_dir(desk.path().join("here")).unwrap();
    desk.file("kiwi.toml", "store = \"file:here\"\n[cache.airlines]\nplugin = \"x.wasm\"\n");
    assert_status_said!("status-missing", desk.said(&["status"]));
}

#[test]
fn status_of_an_empty_store_says_so() {
    let redis = RedisServer::start();
    assert_status_said!("status-empty", Desk::new().said(&["status", "--store", &redis.url()]));
}

#[test]
fn a_store_that_is_away_is_a_failure_that_names_it() {
    let desk = Desk::new();
    let output = desk.run(&["status", "--store", "redis://:s3cret@127.0.0.1:1"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("127.0.0.1:1") && !said.contains("s3cret"), "{said}");
}

#[test]
fn forget_deletes_only_when_it_is_told_twice() {
    on_both_stores(|desk, store| {
        publish(store, "airlines", &AIRLINES, Ttl::Forever);
        let asked = desk.run(&["forget", "airlines"]);
        let said = String::from_utf8(asked.stderr).unwrap();
        assert_eq!(asked.status.code(), Some(64));
        assert!(said.starts_with("kiwi-host: cache `airlines`: this would delete 3 entries from "), "{said}");
        assert_eq!(desk.run(&["get", "airlines", "FR"]).status.code(), Some(0));
        assert_eq!(desk.run(&["forget", "airlines", "--yes"]).status.code(), Some(0));
        assert_eq!(desk.run(&["get", "airlines", "FR"]).status.code(), Some(2));
        let again = desk.run(&["forget", "airlines", "--yes", "--format", "json"]);
        assert_eq!(String::from_utf8(again.stdout).unwrap(), "{\"cache\":\"airlines\",\"forgotten\":false}\n");
    });
}

#[test]
fn a_reader_that_stops_reading_is_no_error() {
    let desk = Desk::new();
    let value = format!("\"{}\"", "x".repeat(10_000));
    let keys: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    let entries: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), value.as_str())).collect();
    publish(&*open(&format!("file:{}", desk.path().join(".kiwi").display())), "big", &entries, Ttl::Forever);
    let mut child = desk
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
