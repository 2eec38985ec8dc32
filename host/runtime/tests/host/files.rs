//! What a guest sees of the machine it runs on: what it was granted, and nothing else.

use std::fs;
use std::path::Path;

use kiwi_host::{CacheConfig, DirGrant, FailureKind, FileGrant, Grants, Outcome};
use serde_json::{Value, json};

use crate::support::{Setup, assert_failure, attack, cache, guest, name, plugin};

/// Paths that lead out of wherever one is.
fn ways_out(secret: &Path) -> Vec<String> {
    let ways = ["/", "/etc", "/etc/passwd", "/proc/self/environ", "..", "../secret.txt", "data/../../secret.txt"];
    let secret = secret.display().to_string();
    ways.map(String::from).into_iter().chain([secret]).collect()
}

/// What came of each path: the guest tells by `{"refused": why}`, `{"read": text}`, `"written"`.
async fn tried(setup: &Setup, settings: Value, dirs: Vec<DirGrant>) -> Vec<(String, Value)> {
    tried_with(setup, settings, Grants { dirs, ..Grants::default() }).await
}

async fn tried_with(setup: &Setup, settings: Value, grants: Grants) -> Vec<(String, Value)> {
    let outcome = setup.refill(CacheConfig { grants, ..cache("paths", guest("escape_paths"), settings) }).await;
    assert!(matches!(outcome, Outcome::Published { .. }), "{outcome:?}");
    setup.published(&name("paths")).await.into_iter().collect()
}

fn is_refused(outcome: &Value) -> bool {
    outcome.get("refused").is_some()
}

#[tokio::test]
async fn without_a_grant_there_are_no_files() {
    let setup = Setup::new();
    let secret = setup.path().join("secret.txt");
    fs::write(&secret, "secret").unwrap();
    let settings = json!({ "paths": ways_out(&secret), "writes": ["new.txt", "/tmp/new.txt", secret] });
    let tried = tried(&setup, settings, Vec::new()).await;
    assert_eq!(tried.len(), 11);
    assert!(tried.iter().all(|(_, outcome)| is_refused(outcome)), "{tried:?}");
    assert_eq!(fs::read_to_string(secret).unwrap(), "secret");
}

#[tokio::test]
async fn a_granted_directory_can_be_read_and_not_left() {
    let setup = Setup::new();
    let secret = setup.path().join("secret.txt");
    fs::write(&secret, "secret").unwrap();
    let data = setup.path().join("data");
    fs::create_dir_all(data.join("eu")).unwrap();
    fs::write(data.join("eu/airlines.txt"), "Ryanair").unwrap();
    std::os::unix::fs::symlink(&secret, data.join("link.txt")).unwrap();
    std::os::unix::fs::symlink("..", data.join("up")).unwrap();

    let mut paths = ways_out(&secret);
    paths.extend(["data/link.txt", "data/up/secret.txt", "data/eu/../../secret.txt"].map(String::from));
    let writes = ["data/new.txt", "data/eu/airlines.txt", "data/link.txt", "data/up/new.txt"];
    let dirs = vec![DirGrant::new("data", setup.path())];
    let refused = tried(&setup, json!({ "paths": paths, "writes": writes }), dirs.clone()).await;
    assert_eq!(refused.len(), 15);
    assert!(refused.iter().all(|(_, outcome)| is_refused(outcome)), "{refused:?}");

    let granted =
        tried(&setup, json!({ "paths": ["data", "data/eu/airlines.txt", "data/eu/../eu/airlines.txt"] }), dirs);
    let expected = json!({
        "read data": { "listed": 3 },
        "read data/eu/airlines.txt": { "read": "Ryanair" },
        "read data/eu/../eu/airlines.txt": { "read": "Ryanair" },
    });
    assert_eq!(Value::Object(granted.await.into_iter().collect()), expected);
    assert_eq!(fs::read_to_string(data.join("eu/airlines.txt")).unwrap(), "Ryanair");
    assert_eq!(fs::read_to_string(secret).unwrap(), "secret");
}

#[tokio::test]
async fn a_granted_directory_that_is_not_there_is_named() {
    let setup = Setup::new();
    let grants = Grants { dirs: vec![DirGrant::new("absent", setup.path())], ..Grants::default() };
    let config = CacheConfig { grants, ..cache("paths", guest("escape_paths"), json!({})) };
    let failure = attack(config).await;
    let path = setup.path().join("absent").display().to_string();
    // It may be mounted later: tried again, unlike a denial.
    assert_failure(&failure, FailureKind::Unavailable, &[&path, "create it, or change `dirs`"]);
}

#[tokio::test]
async fn the_environment_is_empty_but_for_what_is_granted() {
    let setup = Setup::new();
    let config = cache("environment", guest("env_reader"), json!({}));
    setup.refill(config.clone()).await;
    assert_eq!(json!(setup.published(&config.name).await), json!({ "variables": "0" }));

    let path = std::env::var("PATH").expect("cargo runs tests with a PATH");
    let grants = Grants { env: vec!["PATH".into(), "KIWI_NEVER_SET".into()], ..Grants::default() };
    setup.refill(CacheConfig { grants, ..config.clone() }).await;
    assert_eq!(json!(setup.published(&config.name).await), json!({ "PATH": path, "variables": "1" }));
}

/// Files of these names, as in kiwi.toml.
fn files(setup: &Setup, written: &[&str]) -> Grants {
    let files = written.iter().map(|file| FileGrant::new(file, setup.path()).unwrap()).collect();
    Grants { files, ..Grants::default() }
}

/// `data/airlines.csv`, and secrets around it.
fn airlines_and_secrets(setup: &Setup) {
    let data = setup.path().join("data");
    fs::create_dir_all(data.join("eu")).unwrap();
    for secret in ["secret.txt", "kiwi.toml", ".env", "data/.env", "data/other.csv", "data/eu/other.csv"] {
        fs::write(setup.path().join(secret), "secret").unwrap();
    }
    fs::write(data.join("airlines.csv"), "iata,name\nFR,Ryanair\n").unwrap();
    std::os::unix::fs::symlink("../secret.txt", data.join("link.csv")).unwrap();
}

#[tokio::test]
async fn a_granted_file_can_be_read_and_nothing_beside_it() {
    let setup = Setup::new();
    airlines_and_secrets(&setup);
    let grants = files(&setup, &["data/airlines.csv", "./data/later.csv", "data/link.csv", "data/eu"]);
    let secret = setup.path().join("secret.txt");
    let mut paths = ways_out(&secret);
    let beside = [
        ".",
        "data",
        "data/.env",
        "data/other.csv",
        "data/eu",
        "data/eu/other.csv",
        "data/airlines.csv/../other.csv",
        "data/airlines.csv/x",
        "data/later.csv",
        "data/link.csv",
        "kiwi.toml",
        ".env",
        "data/airlines.csv2",
    ];
    paths.extend(beside.map(String::from));
    let writes = ["data/airlines.csv", "data/later.csv", "data/new.csv", "new.csv"];
    let refused = tried_with(&setup, json!({ "paths": paths, "writes": writes }), grants.clone()).await;
    assert_eq!(refused.len(), 8 + 13 + 4);
    assert!(refused.iter().all(|(_, outcome)| is_refused(outcome)), "{refused:?}");

    // It may come, and be replaced, between two loads.
    fs::write(setup.path().join("data/later.csv"), "later").unwrap();
    fs::write(setup.path().join("data/new"), "new").unwrap();
    fs::rename(setup.path().join("data/new"), setup.path().join("data/airlines.csv")).unwrap();
    let paths = json!({ "paths": ["data/airlines.csv", "./data/./airlines.csv", "data/eu/../later.csv"] });
    let expected = json!({
        "read data/airlines.csv": { "read": "new" },
        "read ./data/./airlines.csv": { "read": "new" },
        "read data/eu/../later.csv": { "read": "later" },
    });
    assert_eq!(Value::Object(tried_with(&setup, paths, grants).await.into_iter().collect()), expected);
    assert_eq!(fs::read_to_string(secret).unwrap(), "secret");
}

#[tokio::test]
async fn no_call_of_wasi_leads_from_a_granted_file_to_another() {
    let setup = Setup::new();
    airlines_and_secrets(&setup);
    let root = setup.path().display().to_string();
    let relative = root.trim_start_matches('/');
    let mut paths: Vec<String> = ways_out(&setup.path().join("secret.txt"));
    for path in ["", ".", "./", "..", "/", "data", "data/", "data/.", "data/..", "data/../kiwi.toml", "data/.env"] {
        paths.push(path.to_owned());
    }
    for path in ["kiwi.toml", "data/other.csv", "data/eu/other.csv", "data/link.csv", "etc/passwd", "proc/self/root"] {
        paths.push(path.to_owned());
        paths.push(format!("{relative}/{path}"));
        paths.push(format!("data/airlines.csv/../../{path}"));
    }
    let mut grants = files(&setup, &["data/airlines.csv"]);
    grants.files.push(FileGrant::new(&format!("{root}/data/airlines.csv"), setup.path()).unwrap());
    let config = |paths: &[String]| CacheConfig {
        grants: grants.clone(),
        ..cache("paths", guest("raw_files"), json!({ "paths": paths }))
    };
    let outcome = setup.refill(config(&paths)).await;
    assert!(matches!(outcome, Outcome::Published { .. }), "{outcome:?}");
    let mut done = setup.published(&name("paths")).await;
    assert!(done.remove("refused").is_some() && done.remove("begins with .").is_some());
    assert!(done.remove("begins with /").is_some());
    // What is left is that directories on the way to the file exist.
    for (call, result) in &done {
        assert!(call.contains(": stat") && result == "DescriptorType::Directory", "{call}: {result}");
    }

    let outcome = setup.refill(config(&["data/airlines.csv".to_owned()])).await;
    assert!(matches!(outcome, Outcome::Published { .. }), "{outcome:?}");
    let mut done = setup.published(&name("paths")).await;
    done.retain(|call, _| call.starts_with(".:"));
    let content = "iata,name\nFR,Ryanair\n";
    let expected = json!({
        ".: open data/airlines.csv": content,
        ".: open-nofollow data/airlines.csv": content,
        ".: stat data/airlines.csv": "DescriptorType::RegularFile",
        ".: stat-nofollow data/airlines.csv": "DescriptorType::RegularFile",
    });
    assert_eq!(json!(done), expected);
}

/// As Kubernetes mounts a ConfigMap: the file is a link to one in a directory that is replaced as a whole.
#[tokio::test]
async fn a_granted_file_may_be_a_link_within_its_directory() {
    let setup = Setup::new();
    let data = setup.path().join("data");
    fs::create_dir_all(data.join("..2026")).unwrap();
    fs::write(data.join("..2026/airlines.csv"), "iata,name\nFR,Ryanair\n").unwrap();
    std::os::unix::fs::symlink("..2026", data.join("..data")).unwrap();
    std::os::unix::fs::symlink("..data/airlines.csv", data.join("airlines.csv")).unwrap();
    let grants = files(&setup, &["data/airlines.csv"]);
    let config = cache("airlines", plugin("file"), json!({ "path": "data/airlines.csv", "key": "iata" }));
    let outcome = setup.refill(CacheConfig { grants, ..config }).await;
    assert!(matches!(outcome, Outcome::Published { entries: 1, .. }), "{outcome:?}");
}

#[tokio::test]
async fn files_and_directories_can_be_granted_together() {
    let setup = Setup::new();
    airlines_and_secrets(&setup);
    let mut grants = files(&setup, &["data/airlines.csv", "secret.txt", "data/eu/other.csv"]);
    grants.dirs.push(DirGrant::new("data/eu", setup.path()));
    let settings =
        json!({ "paths": ["data/airlines.csv", "secret.txt", "data/eu", "data/eu/other.csv", "data/other.csv"] });
    let tried = tried_with(&setup, settings, grants).await;
    let refused: Vec<&str> = tried.iter().filter(|(_, done)| is_refused(done)).map(|(path, _)| path.as_str()).collect();
    assert_eq!(refused, ["read data/other.csv"], "{tried:?}");
}

#[tokio::test]
async fn a_directory_with_an_env_file_is_refused() {
    let setup = Setup::new();
    airlines_and_secrets(&setup);
    let grants = Grants { dirs: vec![DirGrant::new("data", setup.path())], ..Grants::default() };
    let config = CacheConfig { grants, ..cache("paths", guest("escape_paths"), json!({})) };
    let failure = attack(config).await;
    assert_failure(
        &failure,
        FailureKind::Denied,
        &["`data`", "data/.env` is in it", "files = [\"data/airlines.csv\"]"],
    );
}

/// What a load failed with that needs a file.
async fn lacking(needed: &str, paths: &[&str], grants: Grants) -> String {
    let settings = json!({ "needed": needed, "paths": paths });
    let failure = attack(CacheConfig { grants, ..cache("paths", guest("escape_paths"), settings) }).await;
    assert_eq!(failure.kind, FailureKind::Other, "{failure}");
    failure.message
}

#[tokio::test]
async fn a_denied_file_names_the_grant() {
    let setup = Setup::new();
    airlines_and_secrets(&setup);
    let granted = files(&setup, &["data/airlines.csv"]);
    for (needed, named) in
        [("data/other.csv", "data/other.csv"), ("./a/../x.csv", "x.csv"), ("/etc/passwd", "/etc/passwd")]
    {
        for grants in [Grants::default(), granted.clone()] {
            let message = lacking(needed, &[], grants).await;
            let says = format!("asked for the file `{named}`, which is not granted");
            assert!(message.contains(&says) && message.contains(&format!("files = [\"{named}\"]")), "{message}");
        }
    }
    let dirs = Grants { dirs: vec![DirGrant::new("data/eu", setup.path())], ..Grants::default() };
    let message = lacking("data/eu/../other.csv", &[], dirs.clone()).await;
    assert!(message.contains("files = [\"data/other.csv\"]"), "{message}");
    // What is granted, and is not there, needs no grant.
    let message = lacking("data/eu/absent.csv", &[], dirs).await;
    assert!(!message.contains("grant"), "{message}");
}
