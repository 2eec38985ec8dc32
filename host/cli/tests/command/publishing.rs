//! publish: what is said of rows that are good, and of rows that are not.

use std::fs::OpenOptions;
use std::time::{Duration, Instant};

use crate::support::{WorkDir, assert_outcome, assert_output, assert_status, eventually, transcript, workdir};

const RATES: &str = "{\"key\": \"EUR\", \"value\": 1}\n{\"key\": \"USD\", \"value\": 1.0840}\n";

/// A directory with a cache to publish.
fn rates(more: &str) -> WorkDir {
    let workdir = WorkDir::new();
    workdir.file("kiwi.toml", &format!("store = \"file:.kiwi\"\n[cache.rates]\nsource = \"publish\"\n{more}"));
    workdir
}

fn published(workdir: &WorkDir, args: &[&str], input: &str) -> String {
    let args = [&["publish", "rates"], args].concat();
    transcript(&args, &workdir.feed(&args, input))
}

/// What a refused publication says, without the log line before it.
#[track_caller]
fn refusal(workdir: &WorkDir, args: &[&str], input: &str) -> String {
    let output = workdir.feed(&[&["publish", "rates", "--quiet"], args].concat(), input);
    let said = String::from_utf8(output.stderr).expect("text");
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{said}");
    let said = said.strip_prefix("kiwi-host: cache `rates`: failed ").unwrap_or_else(|| panic!("{said}"));
    said.to_owned()
}

#[test]
fn rows_are_published_and_read_back() {
    let workdir = rates("");
    assert_outcome!("publish", published(&workdir, &[], RATES));
    assert_eq!(workdir.run(&["get", "rates", "USD"]).stdout, b"1.0840\n");
    assert_outcome!("publish-again", published(&workdir, &["--format", "json"], RATES));
    let quiet = workdir.feed(&["publish", "rates", "-q"], RATES);
    assert_eq!((quiet.status.code(), quiet.stdout.len(), quiet.stderr.len()), (Some(0), 0, 0));
    let csv = workdir.feed(&["publish", "rates", "--input-format", "csv", "--key", "c"], "c,r\nEUR,1\n");
    assert_eq!(csv.status.code(), Some(0));
    assert_eq!(workdir.run(&["dump", "rates"]).stdout, b"EUR\t{\"c\":\"EUR\",\"r\":\"1\"}\n");
}

#[test]
fn it_needs_no_configuration() {
    let workdir = WorkDir::new();
    let args = ["publish", "rates", "--store", "file:store"];
    assert_outcome!("publish-unconfigured", transcript(&args, &workdir.feed(&args, RATES)));
    let empty = workdir.feed(&args, "");
    assert_outcome!("publish-unconfigured-empty", transcript(&args, &empty));
    assert_status!("publish-status", workdir.transcript(&["status", "--store", "file:store"]));
}

#[test]
fn what_is_wrong_with_the_rows_is_said_with_the_line() {
    let workdir = rates("limits = { value_bytes = \"8 B\", entries = 3 }\n");
    assert_eq!(workdir.feed(&["publish", "rates"], RATES).status.code(), Some(0));
    let row = |key: &str, value: &str| format!("{{\"key\": \"{key}\", \"value\": {value}}}\n");
    for (args, input, said) in [
        (
            &[][..],
            format!("{RATES}{{\"key\": \"CHF\", \"va"),
            "(other): line 3: the input is cut off in the middle of a row",
        ),
        (&[], format!("{RATES}\n{}", row("USD", "2")), "(invalid-entry): line 4: the key `USD` came twice"),
        (&[], format!("{RATES}{}", row("", "2")), "(other): line 3: the key is empty"),
        (&[], format!("{RATES}{}", row("CHF", "nul")), "(other): line 3: not valid JSON: "),
        (
            &[],
            format!("{RATES}{}", row("CHF", "\"\\ud800\"")),
            "(invalid-entry): line 3: the value of key `CHF` is not JSON",
        ),
        (&[], format!("{RATES}{}", row("CHF", "\"12345678\"")), "(limit): line 3: the value of key `CHF` has 10 bytes"),
        (&[], format!("{RATES}{}", row(&"x".repeat(512), "1")), "(limit): line 3: the key `xxxx"),
        (
            &[],
            format!("{RATES}{}{}", row("a", "1"), row("b", "1")),
            "(limit): line 4: the map has more than the 3 entries",
        ),
        (
            &[],
            format!("{RATES}{}", row("CHF", &"1".repeat(9_000))),
            "(other): line 3: the row is longer than a value may be (8 B)",
        ),
        (
            &["--expect-rows", "3"],
            RATES.to_owned(),
            "(other): line 2: the rows end after 2, and `--expect-rows` says 3",
        ),
        (&["--expect-rows", "1"], RATES.to_owned(), "(other): line 2: this is row 2, and `--expect-rows` says 1"),
        (
            &["--key", "id"],
            RATES.to_owned(),
            "(other): line 1: there is no field `id`, which is the key (there are `key`, `value`): correct the rows",
        ),
        (&["--input-format", "json"], "{\"a\": 1,\n\"b\": 2".to_owned(), "(other): line 2: the document is cut off"),
        (
            &["--input-format", "csv", "--key", "c"],
            "c,r\nEUR,1\nUSD".to_owned(),
            "(other): line 3: the input ends in the middle",
        ),
        (&[], "Traceback (most recent call last):\n".to_owned(), "(other): line 1: standard input begins with `T`"),
        (&[], String::new(), "(empty): the loader returned an empty map"),
        (&["--input-format", "json"], "[]".to_owned(), "(empty): the loader returned an empty map"),
    ] {
        let found = refusal(&workdir, args, &input);
        assert!(found.starts_with(said), "expected: {said}\nfound: {found}");
    }
    assert_eq!(workdir.run(&["get", "rates", "USD"]).stdout, b"1.0840\n", "the old map stays");
    assert_status!("publish-status-failing", workdir.transcript(&["status"]));
    assert_eq!(workdir.feed(&["publish", "rates", "--expect-rows", "2"], RATES).status.code(), Some(0));
    assert_status!("publish-status-fresh", workdir.transcript(&["status"]));
}

#[test]
fn an_empty_map_is_published_where_it_is_allowed() {
    let workdir = rates("allow_empty_data = true\n");
    for (args, input) in [(&[][..], ""), (&[], "\n"), (&["--key", "id"], "[]"), (&["--input-format", "json"], "{}")] {
        assert_eq!(workdir.feed(&[&["publish", "rates"], args].concat(), input).status.code(), Some(0), "{input}");
    }
    assert_eq!(workdir.run(&["dump", "rates", "--format", "json"]).status.code(), Some(0));
}

#[test]
fn a_guard_refuses_a_map_that_shrank_and_force_publishes_it() {
    let workdir = rates("max_shrink = \"25%\"\n");
    assert_eq!(workdir.feed(&["publish", "rates"], RATES).status.code(), Some(0));
    let one = RATES.lines().next().unwrap();
    assert_outcome!("publish-refused", published(&workdir, &[], one));
    assert_status!("publish-status-refused", workdir.transcript(&["status"]));
    assert_outcome!("publish-forced", published(&workdir, &["--force"], one));
}

#[test]
fn hosts_leave_the_cache_alone_and_know_what_publishes_it() {
    let workdir = rates("");
    assert_output!("publish-check", workdir.transcript(&["check"]));
    assert_output!("publish-run", workdir.transcript(&["run", "--once"]));
    assert_output!("publish-refill", workdir.transcript(&["refill", "rates"]));
    assert_eq!(workdir.feed(&["publish", "others"], RATES).status.code(), Some(0));
    assert_status!("publish-status-missing", workdir.transcript(&["status"]));
    let json = workdir.run(&["status", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    let row = &json["caches"][1];
    assert_eq!((&row["by_publish"], &row["state"]), (&true.into(), &"missing".into()), "{row}");
}

/// As cron that has stopped: on a machine that has no kiwi.toml, and where other caches have hosts.
#[test]
fn what_was_not_published_again_is_stale_on_any_machine() {
    let workdir = rates("refill_interval = \"20ms\"\nreload_ttl = \"20ms\"\ncache_ttl = \"1h\"\n");
    std::fs::copy(crate::support::plugin("currencies.wasm"), workdir.path().join("currencies.wasm")).expect("a copy");
    assert_eq!(workdir.feed(&["publish", "rates"], RATES).status.code(), Some(0));
    let store = format!("file:{}", workdir.path().join(".kiwi").display());
    let other = WorkDir::new();
    let mut host = workdir.command(&["run", "currencies.wasm"]).spawn().expect("kiwi-host starts");
    let state = |cache: &str| {
        let output = other.run(&["status", cache, "--store", &store, "--format", "json"]);
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        json["caches"][0]["state"].as_str().unwrap_or_default().to_owned()
    };
    eventually(|| (state("currencies") == "fresh").then_some(()));
    eventually(|| (state("rates") == "stale").then_some(()));
    assert_status!("publish-status-stale", other.transcript(&["status", "rates", "--store", &store]));
    host.kill().expect("our own child can be killed");
    host.wait().expect("our own child can be waited for");
}

#[test]
fn a_cache_that_a_plugin_loads_is_refused() {
    let workdir = workdir();
    let args = ["publish", "currencies"];
    assert_output!("publish-plugin", transcript(&args, &workdir.feed(&args, RATES)));
    assert!(!workdir.path().join(".kiwi").exists(), "no store is created");
    let mut host = workdir.command(&["run"]).spawn().expect("kiwi-host starts");
    let other = WorkDir::new();
    let store = format!("file:{}", workdir.path().join(".kiwi").display());
    let args = ["publish", "currencies", "--store", &store];
    let report = || other.run(&["status", "currencies", "--store", &store, "--format", "json"]);
    eventually(|| String::from_utf8_lossy(&report().stdout).contains("\"alive\":true").then_some(()));
    let host_name = (r"[\w.-]+ \(process \d+\)", "HOST");
    assert_output!("publish-host", transcript(&["publish", "currencies"], &other.feed(&args, RATES)), [host_name]);
    host.kill().expect("our own child can be killed");
    host.wait().expect("our own child can be waited for");
}

#[test]
fn a_terminal_is_told_what_is_expected() {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let workdir = rates("");
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&terminal).expect("granted");
    unlockpt(&terminal).expect("unlocked");
    let name = ptsname(&terminal, Vec::new()).expect("a name").into_string().expect("text");
    let stdin = OpenOptions::new().read(true).write(true).open(name).expect("the other end");
    let began = Instant::now();
    let output = workdir.command(&["publish", "rates"]).stdin(stdin).output().expect("kiwi-host starts");
    assert!(began.elapsed() < Duration::from_secs(20), "it does not wait for rows");
    assert_output!("publish-terminal", transcript(&["publish", "rates"], &output));
}
