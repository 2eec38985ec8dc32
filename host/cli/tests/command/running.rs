//! run, refill, inspect, check: with the plugins we ship.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Stdio};

use crate::redis_server::RedisServer;
use crate::support::{WorkDir, assert_outcome, assert_output, eventually, guest, plugin, workdir};

#[test]
fn run_once_publishes_and_reports() {
    let workdir = workdir();
    assert_outcome!("run-once", workdir.transcript(&["run", "--once"]));
    assert_outcome!("run-once-again", workdir.transcript(&["run", "--once"]));
    assert_outcome!("refill-json", workdir.transcript(&["refill", "airlines", "--format", "json"]));
    assert_output!("run-get", workdir.transcript(&["get", "airlines", "FR"]));
}

#[test]
fn without_configuration_plugins_run_or_report_what_is_missing() {
    let workdir = workdir();
    std::fs::remove_file(workdir.path().join("kiwi.toml")).unwrap();
    assert_outcome!(
        "run-no-config",
        workdir.transcript(&["run", "--once", "currencies.wasm", "file.wasm", "http.wasm"])
    );
    assert_eq!(workdir.run(&["get", "currencies", "EUR"]).status.code(), Some(0));
    assert_outcome!("run-nothing", workdir.transcript(&["run", "--once", "file.wasm"]));
    assert_output!("run-no-plugins", workdir.transcript(&["run"]));
}

#[test]
fn the_suggested_toml_makes_the_plugin_run() {
    let workdir = workdir();
    std::fs::remove_file(workdir.path().join("kiwi.toml")).unwrap();
    let output = workdir.run(&["inspect", "file.wasm", "--format", "json"]);
    let inspected: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let toml = inspected["caches"][0]["toml_to_add"].as_str().unwrap();
    workdir
        .file("kiwi.toml", &format!("store = \"file:.kiwi\"\n{}\n", toml.replace("\"...\"", "\"data/airlines.csv\"")));
    // The grants depend on the settings, so they are suggested once the settings are there.
    let output = workdir.run(&["inspect", "file.wasm", "--format", "json"]);
    let inspected: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let grants = inspected["caches"][0]["toml_to_add"].as_str().unwrap().lines().skip(1).collect::<Vec<_>>().join("\n");
    let config = std::fs::read_to_string(workdir.path().join("kiwi.toml")).unwrap();
    workdir.file("kiwi.toml", &format!("{config}{grants}\nsettings.key = \"iata\"\n"));
    let output = workdir.run(&["run", "--once"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
fn given_plugins_run_only_the_caches_that_use_them() {
    let workdir = workdir();
    let path: PathBuf = workdir.path().join("./data/../file.wasm");
    let output = workdir.run(&["run", "--once", path.to_str().unwrap()]);
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.starts_with("airlines: published 2 entries") && stdout.lines().count() == 1, "{stdout}");
    assert_eq!(workdir.run(&["get", "currencies", "EUR"]).status.code(), Some(2));
}

#[test]
fn two_plugins_for_the_same_cache_name_are_an_error() {
    let workdir = workdir();
    for dir in ["a", "b"] {
        std::fs::create_dir(workdir.path().join(dir)).unwrap();
        std::fs::copy(plugin("currencies.wasm"), workdir.path().join(dir).join("rates.wasm")).unwrap();
    }
    assert_output!("run-one-name", workdir.transcript(&["run", "--once", "a/rates.wasm", "b/rates.wasm"]));
    std::fs::copy(plugin("currencies.wasm"), workdir.path().join("a/airlines.wasm")).unwrap();
    let output = workdir.run(&["run", "--once", "a/airlines.wasm"]);
    assert_eq!(output.status.code(), Some(64), "kiwi.toml already has this name: {output:?}");
    std::fs::copy(plugin("currencies.wasm"), workdir.path().join("a/air lines.wasm")).unwrap();
    assert_output!("run-bad-stem", workdir.transcript(&["run", "--once", "a/air lines.wasm"]));
}

#[test]
fn a_dry_run_prints_the_map_and_creates_no_store() {
    let workdir = workdir();
    assert_output!("dry-run", workdir.transcript(&["run", "--dry-run", "file.wasm"]));
    assert_output!("dry-run-json", workdir.transcript(&["run", "--dry-run", "file.wasm", "--format", "json"]));
    assert!(!workdir.path().join(".kiwi").exists());
}

#[test]
fn a_failed_load_exits_1_and_shows_in_status() {
    let workdir = workdir();
    assert_eq!(workdir.run(&["run", "--once"]).status.code(), Some(0));
    std::fs::remove_file(workdir.path().join("data/airlines.csv")).unwrap();
    assert_outcome!("refill-failed", workdir.transcript(&["refill", "--all"]));
    let status = String::from_utf8(workdir.run(&["status"]).stdout).unwrap();
    assert!(status.contains("the last load failed ") && status.contains("data/airlines.csv"), "{status}");
    assert_eq!(workdir.run(&["get", "airlines", "FR"]).status.code(), Some(0), "the old data stays");
}

#[test]
fn refill_accepts_only_caches_of_the_configuration() {
    let workdir = workdir();
    assert_output!("refill-unknown", workdir.transcript(&["refill", "ships"]));
    std::fs::remove_file(workdir.path().join("kiwi.toml")).unwrap();
    assert_output!("refill-no-config", workdir.transcript(&["refill", "--all"]));
}

#[test]
fn inspect_shows_what_a_plugin_is_and_needs() {
    let workdir = workdir();
    let without_wasi = |transcript: String| {
        transcript.lines().filter(|line| !line.contains("  wasi:")).map(|l| format!("{l}\n")).collect::<String>()
    };
    assert_output!("inspect-configured", without_wasi(workdir.transcript(&["inspect", "file.wasm"])));
    assert_output!("inspect-new", without_wasi(workdir.transcript(&["inspect", "http.wasm"])));
    assert_output!("inspect-needs-nothing", without_wasi(workdir.transcript(&["inspect", "currencies.wasm"])));
    workdir.file("not.wasm", "hello");
    assert_output!("inspect-no-wasm", workdir.transcript(&["inspect", "not.wasm"]));
    assert_output!("inspect-absent", workdir.transcript(&["inspect", "absent.wasm"]));
}

#[test]
fn check_reports_all_problems() {
    let workdir = workdir();
    assert_output!("check-ok", workdir.transcript(&["check"]));
    assert!(!workdir.path().join(".kiwi").exists(), "check creates no store");
    workdir.file(
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
    assert_output!("check-broken", workdir.transcript(&["check", "--config", "broken.toml"]));
    assert_output!("check-json", workdir.transcript(&["check", "--config", "broken.toml", "--format", "json"]));
    let redis = RedisServer::start();
    redis.command::<()>(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).unwrap();
    redis.command::<()>(&["CONFIG", "SET", "maxmemory", "100mb"]).unwrap();
    assert_output!("check-evicting", workdir.transcript(&["check", "--store", &redis.url()]));
    workdir.file("unreadable.toml", "stor = 1\n");
    assert_output!(
        "check-config",
        workdir.transcript(&["check", "--config", "unreadable.toml", "--store", &redis.url()])
    );
}

#[test]
fn check_reports_what_the_store_refuses_without_the_password() {
    let (workdir, redis) = (WorkDir::new(), RedisServer::start());
    redis
        .command::<()>(&["ACL", "SETUSER", "weak", "on", ">s3cret", "~kiwi:*", "+@read", "+@connection", "+info"])
        .unwrap();
    for (user, word) in [("weak:s3cret", "weak"), ("weak:wr0ng", "password")] {
        let output = workdir.run(&["check", "--store", &redis.url().replace("://", &format!("://{user}@"))]);
        let stdout = String::from_utf8(output.stdout).expect("text");
        assert_eq!(output.status.code(), Some(1), "{stdout}");
        assert!(stdout.contains("error    store: ") && stdout.contains(word), "{stdout}");
        assert!(!stdout.contains("s3cret") && !stdout.contains("wr0ng"), "{stdout}");
    }
}

/// A host that runs until it gets a signal.
struct Running {
    process: Child,
    log: BufReader<ChildStderr>,
}

impl Running {
    fn start(workdir: &WorkDir, args: &[&str]) -> Self {
        let mut process =
            workdir.command(&[&["run"], args].concat()).stderr(Stdio::piped()).spawn().expect("kiwi-host starts");
        let log = BufReader::new(process.stderr.take().expect("stderr is piped"));
        Self { process, log }
    }

    /// Reads its log until a line contains this text, and returns what was read.
    fn wait_for_log(&mut self, text: &str) -> String {
        let mut log = String::new();
        while !log.contains(text) {
            let before = log.len();
            self.log.read_line(&mut log).expect("the log is text");
            assert!(log.len() > before, "the host exited without logging `{text}`:\n{log}");
        }
        log
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
        // Fails if it has already exited, which is fine.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_host_keeps_caches_warm_until_a_signal() {
    let (workdir, redis) = (workdir(), RedisServer::start());
    let store = redis.url();
    let mut host = Running::start(&workdir, &["--store", &store]);
    host.wait_for_log("using the configuration kiwi.toml");
    host.wait_for_log("publishing to 127.0.0.1:");
    host.wait_for_log("keeping 2 caches warm");
    eventually(|| (workdir.run(&["get", "airlines", "FR", "--store", &store]).status.code() == Some(0)).then_some(()));
    assert!(redis.command::<String>(&["HGET", "kiwi:{airlines}", "FR"]).unwrap().contains("Ryanair"));
    assert_ne!(redis.command::<i64>(&["TTL", "kiwi:{airlines}"]).unwrap(), -1);
    redis.command::<()>(&["FLUSHALL"]).unwrap();
    eventually(|| (workdir.run(&["get", "airlines", "FR", "--store", &store]).status.code() == Some(0)).then_some(()));
    host.signal("-TERM");
    host.wait_for_log("shutting down");
    let log = host.wait_for_log("stopped");
    let last = log.lines().last().unwrap_or_default();
    assert!(last.contains(" INFO finished=") && last.ends_with("stopped: all leases are released"), "{log}");
    assert_eq!(host.exit_code(), Some(0));
}

#[test]
fn an_event_is_one_line_and_a_failure_that_repeats_and_a_recovery_are_said() {
    let workdir = workdir();
    let config = format!(
        "store = \"file:.kiwi\"\n[cache.panicking]\nplugin = {:?}\n[cache.airlines]\nplugin = \"file.wasm\"\n\
         settings = {{ path = \"data/airlines.csv\", key = \"iata\" }}\ngrants = {{ dirs = [\"data\"] }}\n\
         refill_interval = \"1s\"\n",
        guest("panics")
    );
    workdir.file("kiwi.toml", &config);
    let rows = std::fs::read_to_string(workdir.path().join("data/airlines.csv")).unwrap();
    std::fs::remove_file(workdir.path().join("data/airlines.csv")).unwrap();
    let mut host = Running::start(&workdir, &[]);
    let line = |log: String, text: &str| log.lines().find(|line| line.contains(text)).unwrap_or_default().to_owned();
    let first = line(host.wait_for_log("cache=airlines kind=unavailable times=1"), "cache=airlines");
    assert!(first.contains(" next_in_ms=1") && first.contains(" not refilled: data/airlines.csv"), "{first}");
    let second = line(host.wait_for_log("cache=airlines kind=unavailable times=2"), "times=2");
    assert!(second.contains("still not refilled, 2 failures in a row since 2"), "{second}");
    let fourth = host.wait_for_log("cache=airlines kind=unavailable times=4");
    assert!(!fourth.contains("cache=airlines kind=unavailable times=3"), "the third says nothing new: {fourth}");
    workdir.file("data/airlines.csv", &rows);
    let recovered = host.wait_for_log("published, again after");
    let log = format!("{fourth}{recovered}");
    for line in log.lines() {
        assert!(line.starts_with("2") && line.contains("Z "), "a line that is no event: {line}\n{log}");
    }
    host.signal("-TERM");
    host.wait_for_log("stopped");
    assert_eq!(host.exit_code(), Some(0));
}

#[test]
fn with_log_format_json_each_line_is_json() {
    let workdir = workdir();
    let mut host = Running::start(&workdir, &["--log-format", "json"]);
    let log = host.wait_for_log("\"cache\":\"currencies\"");
    for line in log.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(event["level"].is_string() && event["message"].is_string(), "{line}");
    }
    host.signal("-INT");
    assert_eq!(host.exit_code(), Some(0));
}

#[test]
fn the_first_signal_waits_for_loads_in_flight_and_the_second_does_not() {
    let workdir = workdir();
    workdir.file(
        "kiwi.toml",
        &format!("store = \"file:.kiwi\"\n[cache.slow]\nplugin = {:?}\nsettings.ms = 50_000\n", guest("sleeper")),
    );
    let status = || String::from_utf8(workdir.run(&["status"]).stdout).expect("text");

    let mut host = Running::start(&workdir, &["--drain-timeout", "1h"]);
    eventually(|| status().contains("loading").then_some(()));
    host.signal("-INT");
    host.wait_for_log("shutting down");
    assert!(status().contains("loading"));
    host.signal("-INT");
    assert_eq!(host.exit_code(), Some(130));

    let mut host = Running::start(&workdir, &["--drain-timeout", "10ms"]);
    eventually(|| status().contains("loading").then_some(()));
    host.signal("-TERM");
    host.wait_for_log("abandoned the load");
    assert_eq!(host.exit_code(), Some(0));
    assert!(!status().contains("loading"), "the lease is released");
}
