//! refill with guards: what is refused, what `--force` publishes, and what `--dry-run --diff` shows before.

use crate::support::{Desk, assert_ran, assert_said, assert_status_said, desk};

/// A desk whose airlines may lose a quarter of their entries.
fn guarded() -> Desk {
    let desk = desk();
    desk.file(
        "kiwi.toml",
        r#"store = "file:.kiwi"

[cache.airlines]
plugin = "file.wasm"
settings = { path = "data/airlines.csv", key = "iata" }
grants = { dirs = ["data"] }
max_shrink = "25%"
"#,
    );
    airlines(&desk, &["FR,Ryanair", "LH,Lufthansa", "TO,Transavia", "VY,Vueling"]);
    desk
}

/// Writes the source.
fn airlines(desk: &Desk, rows: &[&str]) {
    desk.file("data/airlines.csv", &format!("iata,name\n{}\n", rows.join("\n")));
}

/// What is published, and who holds the lease, as far as status shows it.
fn status(desk: &Desk) -> serde_json::Value {
    let output = desk.run(&["status", "airlines", "--format", "json"]);
    let mut rows: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let row = rows[0].take();
    serde_json::json!({ "id": row["id"], "checked_at": row["checked_at"], "last_error": row["last_error"] })
}

const DIFF: [&str; 4] = ["refill", "airlines", "--dry-run", "--diff"];

#[test]
fn a_diff_shows_what_a_refill_would_change_and_changes_nothing() {
    let desk = guarded();
    assert_said!("diff-of-the-first", desk.said(&DIFF));
    assert!(!desk.path().join(".kiwi").exists(), "no store is made");
    assert_eq!(desk.run(&["refill", "airlines"]).status.code(), Some(0));
    let before = status(&desk);
    assert_said!("diff-unchanged", desk.said(&DIFF));

    airlines(&desk, &["FR,Ryanair", "LH,Lufthansa City", "U2,easyJet", "VY,Vueling"]);
    assert_said!("diff", desk.said(&DIFF));
    assert_said!("diff-json", desk.said(&[&DIFF[..], &["--format", "json"]].concat()));
    assert_said!("refill-dry-run", desk.said(&DIFF[..3]));
    airlines(&desk, &["FR,Ryanair"]);
    assert_said!("diff-refused", desk.said(&DIFF));
    assert_eq!(status(&desk), before);

    std::fs::remove_file(desk.path().join("data/airlines.csv")).unwrap();
    let output = desk.run(&DIFF);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    assert_eq!(status(&desk), before);
}

#[test]
fn a_diff_of_many_entries_is_cut_unless_all_is_asked_for() {
    let desk = guarded();
    let rows: Vec<String> = (100..160).map(|number| format!("{number},airline")).collect();
    airlines(&desk, &rows.iter().map(String::as_str).collect::<Vec<_>>());
    let lines = |args: &[&str]| {
        let output = desk.run(&[&DIFF[..], args].concat());
        String::from_utf8(output.stdout).expect("text").lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let short = lines(&[]);
    assert_eq!(short[0], "# airlines: 60 added, 0 removed, 0 changed, 0 the same");
    assert_eq!((short.len(), short[50].as_str()), (53, r#"+ 149 {"iata":"149","name":"airline"}"#));
    assert_eq!(short[51], "and 10 more added: -v shows all");
    assert_eq!(lines(&["-v"]).len(), 62);
    let json: serde_json::Value = serde_json::from_str(&lines(&["--format", "json"])[0]).expect("JSON");
    assert_eq!(json[0]["added"].as_object().map(serde_json::Map::len), Some(60));
}

#[test]
fn a_refused_map_is_told_with_its_numbers_and_published_by_force_once() {
    let desk = guarded();
    assert_eq!(desk.run(&["refill", "airlines"]).status.code(), Some(0));
    airlines(&desk, &["FR,Ryanair", "LH,Lufthansa"]);
    assert_ran!("refill-refused", desk.said(&["refill", "airlines"]));
    assert_status_said!("status-refused", desk.said(&["status"]));
    assert_status_said!("status-refused-json", desk.said(&["status", "--format", "json"]));
    assert_eq!(desk.run(&["get", "airlines", "VY"]).status.code(), Some(0), "the old map stays");

    assert_ran!("refill-forced", desk.said(&["refill", "airlines", "--force"]));
    assert_eq!(desk.run(&["get", "airlines", "VY"]).status.code(), Some(2));
    assert_eq!(status(&desk)["last_error"], serde_json::Value::Null);
    airlines(&desk, &["FR,Ryanair"]);
    assert_eq!(desk.run(&["refill", "airlines"]).status.code(), Some(1), "the guards are there again");
}
