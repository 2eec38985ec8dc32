//! The loader `file`: compressed files, and several files by a pattern.

use std::fs::{self, File};
use std::time::Duration;

use kiwi_host::{CacheConfig, DirGrant, Failure, FailureKind, FileGrant, Grants, Limits, Outcome};
use serde_json::{Value, json};

use crate::compressed::{gzip, zstd};
use crate::support::{Setup, assert_failure, cache, name, plugin};

/// A cache of files below `data`.
fn files(setup: &Setup, path: &str, settings: Value) -> CacheConfig {
    let mut all = json!({ "path": path });
    all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    let grants = Grants { dirs: vec![DirGrant::new("data", setup.path())], ..Grants::default() };
    CacheConfig { grants, ..cache("rows", plugin("file"), all) }
}

fn write(setup: &Setup, name: &str, content: impl AsRef<[u8]>) {
    let path = setup.path().join("data").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

async fn failure(setup: &Setup, config: CacheConfig) -> Failure {
    match setup.refill(config).await {
        Outcome::Failed(failure) => failure,
        other => panic!("expected a failure, got {other:?}"),
    }
}

async fn keys(setup: &Setup, config: CacheConfig) -> Vec<String> {
    let outcome = setup.refill(config).await;
    assert!(matches!(outcome, Outcome::Published { .. }), "{outcome:?}");
    setup.published(&name("rows")).await.into_keys().collect()
}

#[tokio::test]
async fn a_compressed_file_is_unpacked() {
    let table = b"iata,name\nFR,Ryanair\nLH,Lufthansa\n";
    let (first, second) = table.split_at(15);
    for (name, content) in [
        ("a.csv.gz", gzip(table)),
        ("several.csv.gz", [gzip(first), gzip(second)].concat()),
        ("a.csv.zst", zstd(table, 23)),
        ("several.csv.zst", [zstd(first, 20), zstd(second, 10)].concat()),
    ] {
        let setup = Setup::new();
        write(&setup, name, content);
        let config = files(&setup, &format!("data/{name}"), json!({ "key": "iata" }));
        assert_eq!(keys(&setup, config.clone()).await, ["FR", "LH"], "{name}");
        assert!(matches!(setup.refill(config).await, Outcome::Unchanged { .. }), "{name}");
    }
}

#[tokio::test]
async fn a_compressed_file_that_is_bad_is_not_published() {
    let setup = Setup::new();
    let rows: String = (0..50_000).map(|id| format!("{{\"id\": {id}}}\n")).collect();
    for (name, mut packed) in [("a.ndjson.gz", gzip(rows.as_bytes())), ("a.ndjson.zst", zstd(rows.as_bytes(), 20))] {
        packed.truncate(packed.len() / 2);
        write(&setup, name, packed);
        let told = failure(&setup, files(&setup, &format!("data/{name}"), json!({ "key": "id" }))).await;
        assert_failure(&told, FailureKind::Other, &[&format!("data/{name}: "), "cannot be unpacked as"]);
    }
    write(&setup, "large.ndjson.zst", zstd(rows.as_bytes(), 27));
    let told = failure(&setup, files(&setup, "data/large.ndjson.zst", json!({ "key": "id" }))).await;
    assert_failure(&told, FailureKind::Other, &["a window of 134217728 bytes", "without `--ultra` and `--long`"]);
    assert!(setup.is_missing(&crate::support::name("rows")).await);
}

/// 100 MB of rows through a guest of 32 MiB, of which the window of zstd takes 8.
#[tokio::test]
async fn a_compressed_file_may_be_larger_than_the_memory_of_its_loader() {
    const ROWS: usize = 50_000;
    let padding = "x".repeat(2_000);
    let rows: String =
        (0..ROWS).map(|id| format!("{{\"id\": {id}, \"padding\": \"{padding}\", \"name\": \"row {id}\"}}\n")).collect();
    assert!(rows.len() > 100_000_000);
    for (name, packed) in [("big.ndjson.gz", gzip(rows.as_bytes())), ("big.ndjson.zst", zstd(rows.as_bytes(), 23))] {
        let setup = Setup::new();
        write(&setup, name, packed);
        let config = files(&setup, &format!("data/{name}"), json!({ "key": "id", "columns": ["name"] }));
        let limits = Limits { memory: 32 << 20, load_timeout: Duration::from_secs(300), ..Limits::default() };
        let outcome = setup.refill(CacheConfig { limits, ..config }).await;
        assert!(matches!(outcome, Outcome::Published { entries, .. } if entries == ROWS as u64), "{name}: {outcome:?}");
        assert_eq!(setup.text(&crate::support::name("rows"), "49999").await, r#"{"name":"row 49999"}"#);
    }
}

#[tokio::test]
async fn the_files_of_a_pattern_are_one_map() {
    let setup = Setup::new();
    write(&setup, "eu/a.csv", "iata,name\nFR,Ryanair\n");
    write(&setup, "eu/b.csv.gz", gzip(b"name,iata\nLufthansa,LH\n"));
    write(&setup, "us/c.ndjson", "{\"iata\": \"AA\"}\n");
    write(&setup, "us/.d.ndjson.tmp", "half a fi");
    let config = files(&setup, "data/*/*", json!({ "key": "iata" }));
    assert_eq!(keys(&setup, config.clone()).await, ["AA", "FR", "LH"]);
    assert!(matches!(setup.refill(config.clone()).await, Outcome::Unchanged { entries: 3, .. }));
    write(&setup, "us/e.ndjson", "{\"iata\": \"UA\"}\n");
    assert_eq!(keys(&setup, config.clone()).await, ["AA", "FR", "LH", "UA"]);
    fs::remove_file(setup.path().join("data/eu/a.csv")).unwrap();
    assert_eq!(keys(&setup, config.clone()).await, ["AA", "LH", "UA"]);

    // The same sizes, and one other time.
    let path = setup.path().join("data/us/e.ndjson");
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    fs::write(&path, "{\"iata\": \"DL\"}\n").unwrap();
    File::options().write(true).open(&path).unwrap().set_modified(modified + Duration::from_nanos(1)).unwrap();
    assert_eq!(keys(&setup, config.clone()).await, ["AA", "DL", "LH"]);

    write(&setup, "us/f.ndjson", "\n{\"iata\": \"LH\"}\n");
    let told = failure(&setup, config).await;
    let says = "data/us/f.ndjson: line 2: the key `LH` is also in line 2 of data/eu/b.csv.gz";
    assert_failure(&told, FailureKind::Other, &[says]);
}

#[tokio::test]
async fn a_pattern_may_be_absolute_or_lead_up() {
    let setup = Setup::new();
    write(&setup, "a.csv", "iata\nFR\n");
    let directory = setup.path().join("data").display().to_string();
    let below = setup.path().join("below");
    for (granted, base) in [(directory.as_str(), setup.path()), ("../data", below.as_path()), ("/", setup.path())] {
        fs::create_dir_all(&below).unwrap();
        let start = if granted == "/" { &directory } else { granted };
        let grants = Grants { dirs: vec![DirGrant::new(granted, base)], ..Grants::default() };
        let config = files(&setup, &format!("{start}/*.csv"), json!({ "key": "iata", "columns": [] }));
        let outcome = setup.refill(CacheConfig { grants, ..config }).await;
        assert!(matches!(outcome, Outcome::Published { .. } | Outcome::Unchanged { .. }), "{granted}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_pattern_needs_its_directory() {
    let setup = Setup::new();
    write(&setup, "a.csv", "iata\nFR\n");
    let granted = files(&setup, "data/*.csv", json!({ "key": "iata" }));
    assert_eq!(keys(&setup, granted.clone()).await, ["FR"]);

    let one = FileGrant::new("data/a.csv", setup.path()).unwrap();
    for files in [vec![], vec![one]] {
        let config = CacheConfig { grants: Grants { files, ..Grants::default() }, ..granted.clone() };
        let (_, skipped) = setup.builder().caches([config]).build().await.unwrap();
        assert_eq!(skipped.len(), 1);
        assert!(skipped[0].error.to_string().contains("it needs the grant dirs = \"data\""), "{skipped:?}");
    }

    let nothing = failure(&setup, files(&setup, "data/*.json", json!({ "key": "iata" }))).await;
    assert_failure(&nothing, FailureKind::Unavailable, &["no file matches data/*.json"]);
    let absent = failure(&setup, files(&setup, "data/absent/*.json", json!({ "key": "iata" }))).await;
    assert_failure(&absent, FailureKind::Unavailable, &["data/absent is not there"]);
}
