//! Files of the machine, read by the loader itself.

use std::path::PathBuf;

use kiwi_loader::Setting;
use kiwi_loader::testing::{Host, json};
use serde_json::Value;

use super::*;

/// A directory of its own for each test.
struct Dir(PathBuf);

impl Dir {
    fn new(test: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("kiwi-file-{}-{test}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    fn write(&self, name: &str, content: &str) {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    fn host(&self, path: &str, mut settings: Value) -> Host {
        settings["path"] = json!(self.0.join(path));
        Host::new().settings(settings)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn keys(host: &Host) -> Vec<String> {
    host.load(load_from_source).unwrap().into_entries().expect("it was loaded").into_keys().collect()
}

fn failure(host: &Host) -> Error {
    host.load(load_from_source).unwrap_err()
}

#[test]
fn the_operator_sees_the_settings_and_the_grant() {
    let path = "The file, relative to kiwi.toml; several by a pattern: `data/*.csv`.";
    let format =
        "`json`, `ndjson` or `csv`; not set: as the file's name ends, which may be followed by `.gz` or `.zst`.";
    let expected = Description::new("The rows of JSON, NDJSON or CSV files.")
        .setting(Setting::text("path", path).required())
        .setting(Setting::text("format", format))
        .settings::<RowSettings>();
    assert_eq!(Host::new().run(describe), expected);
    let configured = |path| Host::new().settings(json!({ "path": path })).run(describe);
    let file = Grant::file("data/airlines.csv", "to read the file `path`");
    assert_eq!(configured("./data/airlines.csv"), expected.clone().grant(file));
    let dir = Grant::dir("data", "to read the files that `path` matches");
    assert_eq!(configured("./data/*.csv"), expected.grant(dir));
}

#[test]
fn a_file_is_loaded_until_it_stays_the_same() {
    let dir = Dir::new("same");
    dir.write("airlines.csv", "iata,name\nFR,Ryanair\n");
    let host = dir.host("airlines.csv", json!({ "key": "iata" }));
    assert_eq!(host.load(load_from_source).unwrap().into_entries().unwrap()["FR"]["name"], "Ryanair");
    assert!(host.load(load_from_source).unwrap().is_unchanged());
    std::fs::remove_file(dir.0.join("airlines.csv")).unwrap();
    assert!(failure(&host).is_unavailable());
}

#[test]
fn the_files_of_a_pattern_are_one_map() {
    let dir = Dir::new("pattern");
    dir.write("b.csv", "id\nB\n");
    dir.write("a.ndjson", "{\"id\": \"A\"}\n");
    dir.write("c/d.csv", "id\nD\n");
    dir.write(".hidden.csv", "broken");
    let host = dir.host("*", json!({ "key": "id" }));
    assert_eq!(keys(&host), ["A", "B"]);
    assert!(host.load(load_from_source).unwrap().is_unchanged());
    dir.write("c.csv", "id\nC\n");
    assert_eq!(keys(&host), ["A", "B", "C"]);
    std::fs::remove_file(dir.0.join("a.ndjson")).unwrap();
    assert_eq!(keys(&host), ["B", "C"]);
    assert!(host.load(load_from_source).unwrap().is_unchanged());
    assert_eq!(keys(&dir.host("**/?.csv", json!({ "key": "id" }))), ["B", "C", "D"]);

    dir.write("e.csv", "id\nE\nB\n");
    let error = failure(&host).to_string();
    let (first, second) = (dir.0.join("b.csv"), dir.0.join("e.csv"));
    let expected = format!("{}: line 3: the key `B` is also in line 2 of {}: ", second.display(), first.display());
    assert!(error.starts_with(&expected), "{error}");
}

#[test]
fn a_pattern_that_matches_nothing_is_unavailable() {
    let dir = Dir::new("nothing");
    for path in ["*.csv", "absent/*.csv"] {
        let error = failure(&dir.host(path, json!({ "key": "id" })));
        assert!(error.is_unavailable(), "{error:?}");
    }
    assert!(failure(&dir.host("[*.csv", json!({ "key": "id" }))).is_invalid_settings());
    dir.write("a.txt", "id\nA\n");
    assert!(failure(&dir.host("*", json!({ "key": "id" }))).is_invalid_settings(), "its format is unknown");
}

#[test]
fn files_that_change_while_they_are_read_are_an_error() {
    let dir = Dir::new("change");
    dir.write("a.csv", "id\nA\n");
    dir.write("b.csv", "id\nB\n");
    for (path, change) in [("*.csv", "c.csv"), ("*.csv", "b.csv"), ("*.csv", "a.csv"), ("a.csv", "a.csv")] {
        let error = dir.host(path, json!({ "key": "id" })).run(|| {
            let settings: Settings = kiwi_loader::settings().unwrap();
            let mut entries = load_from_source(settings).unwrap().into_entries().unwrap();
            entries.next().unwrap().unwrap();
            dir.write(change, "id\nC\nD\n");
            entries.find_map(Result::err).expect("an error")
        });
        assert!(error.is_unavailable(), "{path}, {change}: {error:?}");
        dir.write("a.csv", "id\nA\n");
        dir.write("b.csv", "id\nB\n");
    }
}

#[test]
fn the_format_is_the_extension() {
    assert_eq!(format_of("data/airlines.CSV").unwrap(), Format::Csv);
    assert_eq!(format_of("rates.jsonl").unwrap(), Format::Ndjson);
    assert_eq!(format_of("data.x/rates.json.gz").unwrap(), Format::Json);
    assert_eq!(format_of("rates.csv.zst").unwrap(), Format::Csv);
    for unknown in ["data.json/rates", "rates.gz", "rates", "rates.csv.bz2"] {
        assert!(format_of(unknown).unwrap_err().is_invalid_settings(), "{unknown}");
    }
}

#[test]
fn a_packed_file_that_is_not_packed_is_an_error() {
    let dir = Dir::new("packed");
    for name in ["a.csv.gz", "a.csv.zst"] {
        dir.write(name, "id\nA\n");
        let error = failure(&dir.host(name, json!({ "key": "id" }))).to_string();
        assert!(error.contains(name) && error.contains("cannot be unpacked as"), "{error}");
    }
}
