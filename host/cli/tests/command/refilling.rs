//! refill with guards: what is refused, what `--force` publishes, and what `--dry-run --diff` shows.

use crate::support::{WorkDir, assert_outcome, assert_output, assert_status, workdir};

/// A directory whose airlines may lose a quarter of their entries.
fn guarded() -> WorkDir {
    let workdir = workdir();
    workdir.file(
        "kiwi.toml",
        r#"store = "file:.kiwi"

[cache.airlines]
plugin = "file.wasm"
settings = { path = "data/airlines.csv", key = "iata" }
grants = { files = ["data/airlines.csv"] }
max_shrink = "25%"
"#,
    );
    airlines(&workdir, &["FR,Ryanair", "LH,Lufthansa", "TO,Transavia", "VY,Vueling"]);
    workdir
}

/// Writes the file that is loaded.
fn airlines(workdir: &WorkDir, rows: &[&str]) {
    workdir.file("data/airlines.csv", &format!("iata,name\n{}\n", rows.join("\n")));
}

/// The snapshot and the failures, as `status` shows them.
fn status(workdir: &WorkDir) -> serde_json::Value {
    let output = workdir.run(&["status", "airlines", "--format", "json"]);
    let mut document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let row = document["caches"][0].take();
    serde_json::json!({ "id": row["id"], "checked_at": row["checked_at"], "failures": row["failures"] })
}

const DIFF: [&str; 4] = ["refill", "airlines", "--dry-run", "--diff"];

#[test]
fn a_diff_shows_what_a_refill_would_change_and_changes_nothing() {
    let workdir = guarded();
    assert_output!("diff-of-the-first", workdir.transcript(&DIFF));
    assert!(!workdir.path().join(".kiwi").exists(), "no store is created");
    assert_eq!(workdir.run(&["refill", "airlines"]).status.code(), Some(0));
    let before = status(&workdir);
    assert_output!("diff-unchanged", workdir.transcript(&DIFF));

    airlines(&workdir, &["FR,Ryanair", "LH,Lufthansa City", "U2,easyJet", "VY,Vueling"]);
    assert_output!("diff", workdir.transcript(&DIFF));
    assert_output!("diff-json", workdir.transcript(&[&DIFF[..], &["--format", "json"]].concat()));
    assert_output!("refill-dry-run", workdir.transcript(&DIFF[..3]));
    airlines(&workdir, &["FR,Ryanair"]);
    assert_output!("diff-refused", workdir.transcript(&DIFF));
    let json = workdir.run(&[&DIFF[..], &["--format", "json"]].concat());
    assert_eq!(json.status.code(), Some(1), "as the refill would");
    assert_eq!(status(&workdir), before);

    std::fs::remove_file(workdir.path().join("data/airlines.csv")).unwrap();
    let output = workdir.run(&DIFF);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    assert_eq!(status(&workdir), before);
}

#[test]
fn a_long_diff_is_truncated_without_v() {
    let workdir = guarded();
    let rows: Vec<String> = (100..160).map(|number| format!("{number},airline")).collect();
    airlines(&workdir, &rows.iter().map(String::as_str).collect::<Vec<_>>());
    let lines = |args: &[&str]| {
        let output = workdir.run(&[&DIFF[..], args].concat());
        String::from_utf8(output.stdout).expect("text").lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let short = lines(&[]);
    assert_eq!(short[0], "# airlines: 60 added, 0 removed, 0 changed, 0 the same");
    assert_eq!((short.len(), short[50].as_str()), (53, r#"+ 149 {"iata":"149","name":"airline"}"#));
    assert_eq!(short[51], "... and 10 more added (-v shows all)");
    assert_eq!(lines(&["-v"]).len(), 62);
    let json: serde_json::Value = serde_json::from_str(&lines(&["--format", "json"])[0]).expect("JSON");
    assert_eq!(json["diffs"][0]["added"].as_object().map(serde_json::Map::len), Some(60));
}

#[test]
fn a_refused_map_is_reported_and_force_publishes_it_once() {
    let workdir = guarded();
    assert_eq!(workdir.run(&["refill", "airlines"]).status.code(), Some(0));
    airlines(&workdir, &["FR,Ryanair", "LH,Lufthansa"]);
    assert_outcome!("refill-refused", workdir.transcript(&["refill", "airlines"]));
    assert_status!("status-refused", workdir.transcript(&["status"]));
    assert_status!("status-refused-json", workdir.transcript(&["status", "--format", "json"]));
    assert_eq!(workdir.run(&["get", "airlines", "VY"]).status.code(), Some(0), "the old map stays");

    assert_outcome!("refill-forced", workdir.transcript(&["refill", "airlines", "--force"]));
    assert_eq!(workdir.run(&["get", "airlines", "VY"]).status.code(), Some(2));
    assert_eq!(status(&workdir)["failures"], serde_json::json!([]));
    airlines(&workdir, &["FR,Ryanair"]);
    assert_eq!(workdir.run(&["refill", "airlines"]).status.code(), Some(1), "the guards apply again");
}

#[test]
fn a_quiet_refill_prints_only_failures_and_those_on_standard_error() {
    let workdir = guarded();
    assert_outcome!("refill-quiet", workdir.transcript(&["refill", "--all", "-q"]));
    airlines(&workdir, &["FR,Ryanair"]);
    assert_outcome!("refill-quiet-refused", workdir.transcript(&["refill", "--all", "--quiet"]));
}
