//! What a guest sees of the machine it runs on: what it was granted, and nothing else.

use std::fs;
use std::path::Path;

use kiwi_host::{CacheConfig, DirGrant, FailureKind, Grants, Outcome};
use serde_json::{Value, json};

use crate::support::{Setup, assert_failure, attack, cache, guest, name};

/// Paths that lead out of wherever one is.
fn ways_out(secret: &Path) -> Vec<String> {
    let ways = ["/", "/etc", "/etc/passwd", "/proc/self/environ", "..", "../secret.txt", "data/../../secret.txt"];
    let secret = secret.display().to_string();
    ways.map(String::from).into_iter().chain([secret]).collect()
}

/// What came of each path: the guest tells by `{"refused": why}`, `{"read": text}`, `"written"`.
async fn tried(setup: &Setup, settings: Value, dirs: Vec<DirGrant>) -> Vec<(String, Value)> {
    let grants = Grants { dirs, ..Grants::default() };
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
