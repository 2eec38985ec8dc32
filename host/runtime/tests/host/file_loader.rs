//! The loader `file`, and `currencies`: real files, as they are shipped.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use kiwi_host::{CacheConfig, DirGrant, Failure, FailureKind, Grants, Limits, Outcome};
use serde_json::{Value, json};

use crate::support::{Setup, assert_failure, cache, name, plugin, repository};

/// A cache of a file below `base`, which is granted.
fn file(base: &Path, settings: Value) -> CacheConfig {
    let grants = Grants { dirs: vec![DirGrant::new("data", base)], ..Grants::default() };
    CacheConfig { grants, ..cache("rows", plugin("file"), settings) }
}

/// What is published of a file with this content.
async fn rows(name: &str, content: &str, settings: Value) -> Value {
    let setup = Setup::new();
    let outcome = load(&setup, name, content, settings).await;
    assert!(matches!(outcome, Outcome::Published { .. }), "{outcome:?}");
    json!(setup.published(&crate::support::name("rows")).await)
}

async fn failure(name: &str, content: &str, settings: Value) -> Failure {
    match load(&Setup::new(), name, content, settings).await {
        Outcome::Failed(failure) => failure,
        other => panic!("expected a failure, got {other:?}"),
    }
}

async fn load(setup: &Setup, name: &str, content: &str, mut settings: Value) -> Outcome {
    fs::create_dir_all(setup.path().join("data")).unwrap();
    fs::write(setup.path().join("data").join(name), content).unwrap();
    settings["path"] = json!(format!("data/{name}"));
    setup.refill(file(setup.path(), settings)).await
}

#[tokio::test]
async fn currencies_need_nothing() {
    let setup = Setup::new();
    let list = fs::read_to_string(repository().join("plugins/currencies/iso-4217.csv")).unwrap();
    let outcome = setup.refill(CacheConfig::new(name("currencies"), plugin("currencies"))).await;
    let Outcome::Published { entries, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(entries as usize, list.lines().count() - 1);
    let published = setup.published(&name("currencies")).await;
    assert_eq!(published["EUR"]["name"], json!("Euro"));
}

#[tokio::test]
async fn the_example_data_is_loaded() {
    let setup = Setup::new();
    let examples = repository().join("examples");
    let settings = json!({ "path": "data/airlines.csv", "key": "iata" });
    let outcome = setup.refill(file(&examples, settings)).await;
    assert!(matches!(outcome, Outcome::Published { entries: 300.., .. }), "{outcome:?}");
    assert_eq!(setup.published(&name("rows")).await["FR"]["name"], json!("Ryanair"));

    let outcome = setup.refill(file(&examples, json!({ "path": "data/rates.json", "key": "currency" }))).await;
    assert!(matches!(outcome, Outcome::Published { entries: 20.., .. }), "{outcome:?}");
    let text = setup.text(&name("rows"), "USD").await;
    assert!(text.contains("1.1050"), "the digits are kept as they are written: {text}");
}

#[tokio::test]
async fn every_format_gives_the_same_rows() {
    let expected = json!({ "FR": { "iata": "FR", "name": "Ryanair" }, "LH": { "iata": "LH", "name": "Lufthansa" } });
    let array = r#"[{"iata": "FR", "name": "Ryanair"}, {"iata": "LH", "name": "Lufthansa"}]"#;
    let lines = "{\"iata\": \"FR\", \"name\": \"Ryanair\"}\n{\"iata\": \"LH\", \"name\": \"Lufthansa\"}\n";
    let table = "iata,name\nFR,Ryanair\nLH,Lufthansa\n";
    assert_eq!(rows("a.json", array, json!({ "key": "iata" })).await, expected);
    assert_eq!(rows("a.ndjson", lines, json!({ "key": "iata" })).await, expected);
    assert_eq!(rows("a.csv", table, json!({ "key": "iata" })).await, expected);
    assert_eq!(
        rows("a.txt", &table.replace(',', ";"), json!({ "format": "csv", "key": "iata", "delimiter": ";" })).await,
        expected
    );
    assert_eq!(rows("a.json", &expected.to_string(), json!({})).await, expected);
    let nested = json!({ "data": { "rows": expected } }).to_string();
    assert_eq!(rows("a.json", &nested, json!({ "pointer": "/data/rows" })).await, expected);
    let names = json!({ "FR": { "name": "Ryanair" }, "LH": { "name": "Lufthansa" } });
    assert_eq!(rows("a.csv", table, json!({ "key": "iata", "columns": ["name"] })).await, names);
}

#[tokio::test]
async fn a_bad_row_is_told_by_its_place() {
    let told = failure("a.ndjson", "{\"iata\": \"FR\"}\n{\"iata\":\n", json!({ "key": "iata" })).await;
    assert_failure(&told, FailureKind::Other, &["data/a.ndjson", "line 2"]);
    let told = failure("a.csv", "iata,name\nFR,Ryanair\n,Nobody\n", json!({ "key": "iata" })).await;
    assert_failure(&told, FailureKind::Other, &["data/a.csv", "line 3", "`iata` is empty"]);
    let told = failure("a.csv", "iata,name\nFR,Ryanair\nFR,Again\n", json!({ "key": "iata" })).await;
    assert_failure(&told, FailureKind::Other, &["data/a.csv", "line 3: the key `FR` is also in line 2"]);
    let told = failure("a.json", r#"[{"iata": "FR"}"#, json!({ "key": "iata" })).await;
    assert_failure(&told, FailureKind::Other, &["data/a.json", "cut off"]);
    let told = failure("a.csv", "iata,name\nFR,Ryanair\n", json!({ "key": "code" })).await;
    assert_failure(&told, FailureKind::InvalidSettings, &["data/a.csv", "`code`"]);
}

/// The loader remembers the places of so many keys only.
#[tokio::test]
async fn a_key_that_comes_again_after_many_rows_is_still_found() {
    let rows: String = (0..120_000).chain([110_000]).map(|id| format!("{id}\n")).collect();
    let told = failure("a.csv", &format!("id\n{rows}"), json!({ "key": "id" })).await;
    assert_failure(&told, FailureKind::InvalidEntry, &["`110000` came twice"]);
}

#[tokio::test]
async fn rows_without_a_key_are_left_out_if_that_is_wanted() {
    let table = "iata,icao,type\nFR,RYR,a\n,XYZ,a\nLH,,b\n,,a\n";
    let settings = json!({ "key": "iata", "on_missing_key": "skip", "columns": ["icao"] });
    let expected = json!({ "FR": { "icao": "RYR" }, "LH": { "icao": "" } });
    assert_eq!(rows("a.csv", table, settings).await, expected);
    let settings = json!({ "key": ["type", "iata"], "on_missing_key": "skip", "filter": { "type": ["a", "c"] },
                           "key_separator": "/", "columns": [] });
    assert_eq!(rows("a.csv", table, settings).await, json!({ "a/FR": {} }));

    let document =
        r#"[{"name": {"common": "Chad"}, "eu": false}, {"name": {"common": "Italy"}, "eu": true}, {"name": {}}]"#;
    let settings = json!({ "key": "/name/common", "on_missing_key": "skip", "columns": ["eu"] });
    let expected = json!({ "Chad": { "eu": false }, "Italy": { "eu": true } });
    assert_eq!(rows("a.json", document, settings).await, expected);
    let settings = json!({ "key": "/name/common", "filter": { "eu": true }, "columns": ["eu"] });
    assert_eq!(rows("a.json", document, settings).await, json!({ "Italy": { "eu": true } }));
}

#[tokio::test]
async fn a_misspelt_column_is_an_error_in_every_format() {
    let settings = || json!({ "key": "iata", "columns": ["nmae"] });
    for (name, content) in [
        ("a.csv", "iata,name\nFR,Ryanair\n"),
        ("a.json", r#"[{"iata": "FR", "name": "Ryanair"}]"#),
        ("a.ndjson", r#"{"iata": "FR", "name": "Ryanair"}"#),
    ] {
        let told = failure(name, content, settings()).await;
        assert_failure(&told, FailureKind::InvalidSettings, &["`columns`", "`nmae` (did you mean `name`?)"]);
    }
}

#[tokio::test]
async fn columns_of_csv_may_be_numbers_and_booleans() {
    let table = "iata,elevation,active\nDUB,242.10,t\nSNN,,F\n";
    let types = json!({ "elevation": "number", "active": "boolean" });
    let settings = json!({ "key": "iata", "columns": ["elevation", "active"], "columns_as": types });
    let setup = Setup::new();
    let outcome = load(&setup, "a.csv", table, settings.clone()).await;
    assert!(matches!(outcome, Outcome::Published { entries: 2, .. }), "{outcome:?}");
    assert_eq!(setup.text(&name("rows"), "DUB").await, r#"{"elevation":242.10,"active":true}"#);
    assert_eq!(setup.text(&name("rows"), "SNN").await, r#"{"elevation":null,"active":false}"#);
    let told = failure("a.csv", "iata,elevation,active\nDUB,high,t\n", settings).await;
    assert_failure(
        &told,
        FailureKind::Other,
        &["data/a.csv", "line 2: `high` in the column `elevation` is not a number"],
    );
}

#[tokio::test]
async fn a_file_that_is_not_there_is_unavailable() {
    let setup = Setup::new();
    fs::create_dir(setup.path().join("data")).unwrap();
    let outcome = setup.refill(file(setup.path(), json!({ "path": "data/later.csv", "key": "iata" }))).await;
    let Outcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
    assert_failure(&failure, FailureKind::Unavailable, &["data/later.csv is not there"]);
}

#[tokio::test]
async fn a_path_may_be_absolute() {
    let setup = Setup::new();
    let path = setup.path().join("airlines.csv");
    fs::write(&path, "iata,name\nFR,Ryanair\n").unwrap();
    let grants =
        Grants { dirs: vec![DirGrant::new(&setup.path().display().to_string(), Path::new("/"))], ..Grants::default() };
    let config = cache("rows", plugin("file"), json!({ "path": path, "key": "iata" }));
    let outcome = setup.refill(CacheConfig { grants, ..config }).await;
    assert!(matches!(outcome, Outcome::Published { entries: 1, .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_file_is_read_again_only_when_its_time_or_size_changes() {
    let setup = Setup::new();
    fs::create_dir(setup.path().join("data")).unwrap();
    let path = setup.path().join("data/airlines.csv");
    let config = file(setup.path(), json!({ "path": "data/airlines.csv", "key": "iata" }));
    fs::write(&path, "iata,name\nFR,Ryanair\n").unwrap();
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    let stamped = |content: &str, at| {
        fs::write(&path, content).unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(at).unwrap();
    };
    let name_of_fr = async || setup.published(&name("rows")).await["FR"]["name"].clone();

    assert!(matches!(setup.refill(config.clone()).await, Outcome::Published { .. }));
    assert!(matches!(setup.refill(config.clone()).await, Outcome::Unchanged { .. }));
    // The same time and size: it is not even read.
    stamped("iata,name\nFR,Rianayr\n", modified);
    assert!(matches!(setup.refill(config.clone()).await, Outcome::Unchanged { .. }));
    assert_eq!(name_of_fr().await, json!("Ryanair"));

    stamped("iata,name\nFR,Rianayr\n", modified + Duration::from_nanos(1));
    assert!(matches!(setup.refill(config.clone()).await, Outcome::Published { .. }));
    assert_eq!(name_of_fr().await, json!("Rianayr"));
    stamped("iata,name\nFR,Ryan\n", modified + Duration::from_nanos(1));
    assert!(matches!(setup.refill(config).await, Outcome::Published { .. }));
    assert_eq!(name_of_fr().await, json!("Ryan"));
}

/// 200 MB of rows through a guest of 32 MiB.
#[tokio::test]
async fn a_file_may_be_larger_than_the_memory_of_its_loader() {
    const ROWS: usize = 100_000;
    let setup = Setup::new();
    fs::create_dir(setup.path().join("data")).unwrap();
    let path = setup.path().join("data/big.ndjson");
    let mut out = BufWriter::new(File::create(&path).unwrap());
    let padding = "x".repeat(2_000);
    for id in 0..ROWS {
        writeln!(out, r#"{{"id": {id}, "padding": "{padding}", "name": "row {id}"}}"#).unwrap();
    }
    out.into_inner().unwrap();
    assert!(fs::metadata(&path).unwrap().len() > 200_000_000);

    let settings = json!({ "path": "data/big.ndjson", "key": "id", "columns": ["name"] });
    let limits = Limits { memory: 32 << 20, load_timeout: Duration::from_secs(300), ..Limits::default() };
    let outcome = setup.refill(CacheConfig { limits, ..file(setup.path(), settings) }).await;
    assert!(matches!(outcome, Outcome::Published { entries, .. } if entries == ROWS as u64), "{outcome:?}");
    assert_eq!(setup.text(&name("rows"), "99999").await, r#"{"name":"row 99999"}"#);
}
