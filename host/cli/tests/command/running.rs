//! run, refill, inspect, check: with the loaders we ship.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Stdio};

use crate::redis_server::RedisServer;
use crate::support::{Desk, assert_ran, assert_said, desk, eventually, guest, plugin};

#[test]
fn run_once_publishes_and_tells() {
    let desk = desk();
    assert_ran!("run-once", desk.said(&["run", "--once"]));
    assert_ran!("run-once-again", desk.said(&["run", "--once"]));
    assert_ran!("refill-json", desk.said(&["refill", "airlines", "--format", "json"]));
    assert_said!("run-get", desk.said(&["get", "airlines", "FR"]));
}

#[test]
fn run_without_any_configuration_names_what_is_missing_and_runs_the_rest() {
    let desk = desk();
    std::fs::remove_file(desk.path().join("kiwi.toml")).unwrap();
    assert_ran!("run-no-config", desk.said(&["run", "--once", "currencies.wasm", "file.wasm", "http.wasm"]));
    assert_eq!(desk.run(&["get", "currencies", "EUR"]).status.code(), Some(0));
    assert_ran!("run-nothing", desk.said(&["run", "--once", "file.wasm"]));
    assert_said!("run-no-plugins", desk.said(&["run"]));
}

#[test]
fn the_toml_that_is_named_is_what_is_missing() {
    let desk = desk();
    std::fs::remove_file(desk.path().join("kiwi.toml")).unwrap();
    let output = desk.run(&["inspect", "file.wasm", "--format", "json"]);
    let inspected: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let toml = inspected["caches"][0]["toml_to_add"].as_str().unwrap();
    desk.file("kiwi.toml", &format!("store = \"file:.kiwi\"\n{}\n", toml.replace("\"...\"", "\"data/airlines.csv\"")));
    // What to grant follows from the settings, so it is named when these are there.
    let output = desk.run(&["inspect", "file.wasm", "--format", "json"]);
    let inspected: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let grants = inspected["caches"][0]["toml_to_add"].as_str().unwrap().lines().skip(1).collect::<Vec<_>>().join("\n");
    let config = std::fs::read_to_string(desk.path().join("kiwi.toml")).unwrap();
    desk.file("kiwi.toml", &format!("{config}{grants}\nsettings.key = \"iata\"\n"));
    let output = desk.run(&["run", "--once"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
fn plugins_of_the_command_line_run_the_caches_that_use_them_and_no_others() {
    let desk = desk();
    let path: PathBuf = desk.path().join("./data/../file.wasm");
    let output = desk.run(&["run", "--once", path.to_str().unwrap()]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.starts_with("airlines: published 2 entries") && said.lines().count() == 1, "{said}");
    assert_eq!(desk.run(&["get", "currencies", "EUR"]).status.code(), Some(2));
}

#[test]
fn one_name_for_two_caches_is_refused() {
    let desk = desk();
    for dir in ["a", "b"] {
        std::fs::create_dir(desk.path().join(dir)).unwrap();
        std::fs::copy(plugin("currencies.wasm"), desk.path().join(dir).join("rates.wasm")).unwrap();
    }
    assert_said!("run-one-name", desk.said(&["run", "--once", "a/rates.wasm", "b/rates.wasm"]));
    std::fs::copy(plugin("currencies.wasm"), desk.path().join("a/airlines.wasm")).unwrap();
    let output = desk.run(&["run", "--once", "a/airlines.wasm"]);
    assert_eq!(output.status.code(), Some(64), "the name of a cache of the configuration: {output:?}");
    std::fs::copy(plugin("currencies.wasm"), desk.path().join("a/air lines.wasm")).unwrap();
    assert_said!("run-bad-stem", desk.said(&["run", "--once", "a/air lines.wasm"]));
}

#[test]
fn a_dry_run_prints_the_map_and_touches_no_store() {
    let desk = desk();
    assert_said!("dry-run", desk.said(&["run", "--dry-run", "file.wasm"]));
    assert_said!("dry-run-json", desk.said(&["run", "--dry-run", "file.wasm", "--format", "json"]));
    assert!(!desk.path().join(".kiwi").exists());
}

#[test]
fn a_load_that_fails_exits_1_and_is_seen_in_status() {
    let desk = desk();
    assert_eq!(desk.run(&["run", "--once"]).status.code(), Some(0));
    std::fs::remove_file(desk.path().join("data/airlines.csv")).unwrap();
    assert_ran!("refill-failed", desk.said(&["refill", "--all"]));
    let status = String::from_utf8(desk.run(&["status"]).stdout).unwrap();
    assert!(status.contains("airlines: last refill failed") && status.contains("data/airlines.csv"), "{status}");
    assert_eq!(desk.run(&["get", "airlines", "FR"]).status.code(), Some(0), "the old data stays");
}

#[test]
fn refill_wants_caches_of_the_configuration() {
    let desk = desk();
    assert_said!("refill-unknown", desk.said(&["refill", "ships"]));
    std::fs::remove_file(desk.path().join("kiwi.toml")).unwrap();
    assert_said!("refill-no-config", desk.said(&["refill", "--all"]));
}

#[test]
fn inspect_tells_what_a_plugin_is_and_what_it_needs() {
    let desk = desk();
    let without_wasi = |said: String| {
        said.lines().filter(|line| !line.contains("  wasi:")).map(|l| format!("{l}\n")).collect::<String>()
    };
    assert_said!("inspect-configured", without_wasi(desk.said(&["inspect", "file.wasm"])));
    assert_said!("inspect-new", without_wasi(desk.said(&["inspect", "http.wasm"])));
    assert_said!("inspect-needs-nothing", without_wasi(desk.said(&["inspect", "currencies.wasm"])));
    desk.file("not.wasm", "hello");
    assert_said!("inspect-no-wasm", desk.said(&["inspect", "not.wasm"]));
    assert_said!("inspect-absent", desk.said(&["inspect", "absent.wasm"]));
}

#[test]
fn check_tells_all_that_it_finds() {
    let desk = desk();
    assert_said!("check-ok", desk.said(&["check"]));
    assert!(!desk.path().join(".kiwi").exists(), "checking makes no store");
    desk.file(
        "broken.toml",
        r#"store = "file:.kiwi"
[cache.a]
plugin = "absent.wasm"
[cache.b]
plugin = "file.wasm"
settings = { path = "data/airlines.csv", kye = "iata" }
[cache.c]
plugin = "file.wasm"
settings = { path = "data/airlines.csv" }
"#,
    );
    assert_said!("check-broken", desk.said(&["check", "--config", "broken.toml"]));
    assert_said!("check-json", desk.said(&["check", "--config", "broken.toml", "--format", "json"]));
    let redis = RedisServer::start();
    redis.command::<()>(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).unwrap();
    redis.command::<()>(&["CONFIG", "SET", "maxmemory", "100mb"]).unwrap();
    assert_said!("check-evicting", desk.said(&["check", "--store", &redis.url()]));
    desk.file("unreadable.toml", "stor = 1\n");
    assert_said!("check-config", desk.said(&["check", "--config", "unreadable.toml", "--store", &redis.url()]));
}

#[test]
fn check_tells_what_the_store_refuses_and_shows_no_password() {
    let (desk, redis) = (Desk::new(), RedisServer::start());
    redis
        .command::<()>(&["ACL", "SETUSER", "weak", "on", ">s3cret", "~kiwi:*", "+@read", "+@connection", "+info"])
        .unwrap();
    for (user, word) in [("weak:s3cret", "weak"), ("weak:wr0ng", "password")] {
        let output = desk.run(&["check", "--store", &redis.url().replace("://", &format!("://{user}@"))]);
        let said = String::from_utf8(output.stdout).expect("text");
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("error    store: ") && said.contains(word), "{said}");
        assert!(!said.contains("s3cret") && !said.contains("wr0ng"), "{said}");
    }
}

/// A host that runs until it is told to stop.
struct Running {
    process: Child,
    log: BufReader<ChildStderr>,
}

impl Running {
    fn start(desk: &Desk, args: &[&str]) -> Self {
        let mut process =
            desk.command(&[&["run"], args].concat()).stderr(Stdio::piped()).spawn().expect("it is started");
        let log = BufReader::new(process.stderr.take().expect("its log is piped"));
        Self { process, log }
    }

    /// Reads its log until a line says this.
    fn wait_for(&mut self, words: &str) -> String {
        let mut said = String::new();
        while !said.contains(words) {
            let before = said.len();
            self.log.read_line(&mut said).expect("its log is text");
            assert!(said.len() > before, "it ended without saying `{words}`:\n{said}");
        }
        said
    }

    fn signal(&self, signal: &str) {
        let id = self.process.id().to_string();
        assert!(std::process::Command::new("kill").args([signal, &id]).status().expect("kill is there").success());
    }

    fn exit_code(mut self) -> Option<i32> {
        eventually(|| self.process.try_wait().expect("its status")).code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_host_keeps_caches_warm_until_it_is_told_to_stop() {
    let (desk, redis) = (desk(), RedisServer::start());
    let store = redis.url();
    let mut host = Running::start(&desk, &["--store", &store]);
    host.wait_for("maps are published in 127.0.0.1:");
    host.wait_for("2 caches are kept warm");
    eventually(|| (desk.run(&["get", "airlines", "FR", "--store", &store]).status.code() == Some(0)).then_some(()));
    assert!(redis.command::<String>(&["HGET", "kiwi:{airlines}", "FR"]).unwrap().contains("Ryanair"));
    assert_ne!(redis.command::<i64>(&["TTL", "kiwi:{airlines}"]).unwrap(), -1);
    redis.command::<()>(&["FLUSHALL"]).unwrap();
    eventually(|| (desk.run(&["get", "airlines", "FR", "--store", &store]).status.code() == Some(0)).then_some(()));
    host.signal("-TERM");
    host.wait_for("stopping in good order");
    assert_eq!(host.exit_code(), Some(0));
}

#[test]
fn a_log_for_programs_is_json_on_each_line() {
    let desk = desk();
    let mut host = Running::start(&desk, &["--log-format", "json"]);
    let said = host.wait_for("\"cache\":\"currencies\"");
    for line in said.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(event["level"].is_string() && event["message"].is_string(), "{line}");
    }
    host.signal("-INT");
    assert_eq!(host.exit_code(), Some(0));
}

#[test]
fn the_first_signal_waits_for_loads_in_flight_and_the_second_does_not() {
    let desk = desk();
    desk.file(
        "kiwi.toml",
        &format!("store = \"file:.kiwi\"\n[cache.slow]\nplugin = {:?}\nsettings.ms = 50_000\n", guest("sleeper")),
    );
    let status = || String::from_utf8(desk.run(&["status"]).stdout).expect("text");

    let mut host = Running::start(&desk, &["--drain-timeout", "1h"]);
    eventually(|| status().contains("loading").then_some(()));
    host.signal("-INT");
    host.wait_for("stopping in good order");
    assert!(status().contains("loading"));
    host.signal("-INT");
    assert_eq!(host.exit_code(), Some(130));

    let mut host = Running::start(&desk, &["--drain-timeout", "10ms"]);
    eventually(|| status().contains("loading").then_some(()));
    host.signal("-TERM");
    host.wait_for("the load was dropped");
    assert_eq!(host.exit_code(), Some(0));
    assert!(!status().contains("loading"), "the lease is given back");
}
