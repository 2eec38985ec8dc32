//! How a host starts: plugins are compiled once, and kept.

use std::fs;
use std::path::{Path, PathBuf};

use kiwi_host::{Host, Outcome};
use serde_json::json;

use crate::support::{Setup, cache, eventually, guest, name, plugin, refill};

/// All files below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn is_statistics(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "stats")
}

#[tokio::test]
async fn a_second_start_uses_what_the_first_has_compiled() {
    use std::os::unix::fs::MetadataExt;

    let setup = Setup::new();
    let compiled = setup.path().join("compiled");
    let start = async || {
        let config = cache("cached", guest("echo"), json!({ "entries": { "FR": 1 } }));
        let builder = Host::builder(setup.store.clone()).compile_cache(&compiled).max_loads(1);
        let (host, skipped) = builder.caches([config]).build().await.unwrap();
        assert!(skipped.is_empty(), "{skipped:?}");
        refill(&host, &name("cached")).await
    };
    assert!(matches!(start().await, Outcome::Published { .. }));
    // wasmtime counts uses beside each artefact, a little later.
    let uses =
        async || files(&compiled).into_iter().find(|path| is_statistics(path)).map(|path| fs::read(path).unwrap());
    eventually("the first use is counted", async || uses().await.is_some_and(|uses| !uses.is_empty())).await;
    let artefacts = || -> Vec<(PathBuf, u64)> {
        // Beside the modules wasmtime keeps notes of its own, which come and go.
        let kept = files(&compiled.join("modules")).into_iter().filter(|path| !is_statistics(path));
        kept.map(|path| (path.clone(), fs::metadata(path).unwrap().ino())).collect()
    };
    let (before, first) = (artefacts(), uses().await);
    assert_eq!(before.len(), 1, "{before:?}");

    assert!(matches!(start().await, Outcome::Unchanged { .. }));
    eventually("another use is counted", async || uses().await != first).await;
    assert_eq!(artefacts(), before, "it was compiled again");
}

#[tokio::test]
async fn a_compile_cache_that_cannot_be_used_is_done_without() {
    let setup = Setup::new();
    let file = setup.path().join("file");
    fs::write(&file, "no directory").unwrap();
    let config = cache("uncached", guest("echo"), json!({ "entries": { "FR": 1 } }));
    let (host, skipped) =
        Host::builder(setup.store.clone()).compile_cache(file.join("below")).caches([config]).build().await.unwrap();
    assert!(skipped.is_empty(), "{skipped:?}");
    assert!(matches!(refill(&host, &name("uncached")).await, Outcome::Published { .. }));
}

/// One plugin may run many caches, each with settings of its own.
#[tokio::test]
async fn caches_share_a_plugin_and_nothing_else() {
    let setup = Setup::new();
    let names = ["a", "b", "c", "d", "e"];
    let host = setup.host(names.map(|name| cache(name, guest("echo"), json!({ "entries": { "is": name } })))).await;
    let outcomes = host.refill_all().await;
    assert!(outcomes.iter().all(|(_, outcome)| matches!(outcome, Outcome::Published { .. })), "{outcomes:?}");
    for text in names {
        assert_eq!(setup.published(&name(text)).await["is"], json!(text));
    }
}

/// More plugins than loads at a time: the pool of instances must have room for all that wait.
#[tokio::test]
async fn many_plugins_run_in_one_host() {
    let setup = Setup::new();
    let configs: Vec<_> = (0..20)
        .map(|n| cache(&format!("c{n}"), if n % 2 == 0 { guest("counter") } else { plugin("currencies") }, json!({})))
        .collect();
    let host = setup.host(configs).await;
    let outcomes = host.refill_all().await;
    assert!(outcomes.iter().all(|(_, outcome)| matches!(outcome, Outcome::Published { .. })), "{outcomes:?}");
}

#[tokio::test]
async fn a_second_cache_of_a_name_is_refused() {
    let setup = Setup::new();
    let config = |value: u8| cache("twice", guest("echo"), json!({ "entries": { "FR": value } }));
    let (host, skipped) = setup.builder().caches([config(1), config(2)]).build().await.unwrap();
    let [skipped] = &skipped[..] else { panic!("{skipped:?}") };
    assert!(skipped.error.to_string().contains("already a cache named `twice`"), "{}", skipped.error);
    assert!(matches!(refill(&host, &name("twice")).await, Outcome::Published { .. }));
    assert_eq!(setup.text(&name("twice"), "FR").await, "1", "the first one runs");
}

#[tokio::test]
async fn a_load_without_an_end_of_its_time_is_allowed() {
    let setup = Setup::new();
    let mut config = cache("patient", guest("echo"), json!({ "entries": { "FR": 1 } }));
    config.limits.load_timeout = std::time::Duration::MAX;
    assert!(matches!(setup.refill(config).await, Outcome::Published { .. }));
}
