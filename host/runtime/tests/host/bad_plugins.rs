//! Files that are no plugins, or no plugins for this cache: each is skipped with a sentence that names
//! it, says what was expected and what to do, and the others run.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kiwi_host::{
    AskedTiming, CacheConfig, Compilation, DirGrant, FailureKind, Grants, Outcome, PluginError, Sandbox, inspect,
};
use kiwi_store::Ttl;
use serde_json::{Value, json};

use crate::support::{
    Running, Server, Setup, answer, assert_failure, cache, eventually, every, guest, name, plugin, refill, repository,
};

/// The sentence must name the plugin, say what was expected, and say all these words.
#[track_caller]
fn assert_says(error: &PluginError, plugin: &Path, says: &[&str]) {
    assert!(error.to_string().starts_with(&format!("plugin {}: ", plugin.display())), "{error}");
    let text = error.to_string();
    assert!(text.starts_with(&format!("plugin {}: ", plugin.display())), "{text}");
    for word in says.iter().chain(&["expected"]) {
        assert!(text.contains(word), "expected `{word}` in: {text}");
    }
}

/// Why a file with this content is no plugin.
async fn refused(content: &[u8], says: &[&str]) {
    let setup = Setup::new();
    let path = setup.path().join("odd.wasm");
    fs::write(&path, content).unwrap();
    let error = setup.refusal(CacheConfig::new(name("odd"), &path)).await;
    assert_says(&error, &path, says);
    assert!(error.needs().is_none());
}

/// Why a guest does not run.
async fn refused_guest(path: PathBuf, says: &[&str]) {
    let error = Setup::new().refusal(CacheConfig::new(name("odd"), &path)).await;
    assert_says(&error, &path, says);
}

#[tokio::test]
async fn what_is_not_webassembly_is_told() {
    refused(b"#!/bin/sh\necho hello\n", &["not WebAssembly", "built for wasm32-wasip2"]).await;
    refused(b"", &["not WebAssembly", "built for wasm32-wasip2"]).await;
}

#[tokio::test]
async fn a_core_module_is_told() {
    let module = b"\0asm\x01\0\0\0";
    refused(module, &["a core WebAssembly module, not a component", "build it for wasm32-wasip2", "component new"])
        .await;
}

#[tokio::test]
async fn a_file_that_is_cut_off_is_told() {
    let whole = fs::read(plugin("file")).unwrap();
    for length in [1, 4, 7] {
        refused(&whole[..length], &["ends within its first 8 bytes", "build or copy it again"]).await;
    }
    for length in [9, 100, whole.len() / 2, whole.len() - 1] {
        refused(&whole[..length], &["damaged or cut off", "build or copy it again"]).await;
    }
    // The header alone is a whole component, of nothing.
    refused(&whole[..8], &["does not export `load-from-source`", "world `kiwi:loader/loader`"]).await;
}

#[tokio::test]
async fn a_component_of_another_world_is_told() {
    refused_guest(guest("no_export"), &["does not export `load-from-source`", "world `kiwi:loader/loader`"]).await;
    let says = ["`load-from-source` is of another type", "func() -> result<list<entry>, load-error>", "wit/loader.wit"];
    refused_guest(guest("wrong_type"), &says).await;
}

#[tokio::test]
async fn a_contract_of_another_version_is_told() {
    let says = ["built against kiwi:loader@0.2.0", "0.1.x", "build it against", "run a kiwi-host that offers 0.2.0"];
    refused_guest(guest("other_version"), &says).await;
}

/// Built against a later 0.1.x, which only this host is too old for.
#[tokio::test]
async fn a_plugin_that_needs_a_newer_host_is_told_so() {
    let says = ["needs a newer kiwi-host", "built against kiwi:loader@0.1.2", "kiwi:loader@0.1.1", "update kiwi-host"];
    refused_guest(guest("newer_function"), &says).await;
    refused_guest(guest("newer_interface"), &says).await;
}

#[tokio::test]
async fn an_import_that_is_not_offered_is_named() {
    refused_guest(guest("foreign_import"), &["imports `acme:db/sql`", "build it against", "update kiwi-host"]).await;
}

#[tokio::test]
async fn a_describe_that_traps_is_told_with_its_last_words() {
    let says = [
        "`describe` failed",
        "the plugin trapped",
        "it cannot say what it is",
        "describe_trap.wasm!describe",
        "fix the plugin",
    ];
    refused_guest(guest("describe_trap"), &says).await;
}

#[tokio::test]
async fn a_describe_that_does_not_end_is_told() {
    refused_guest(guest("describe_slow"), &["`describe` took longer than 5s", "fix the plugin"]).await;
}

#[tokio::test]
async fn a_plugin_that_is_not_there_is_told() {
    let setup = Setup::new();
    let path = setup.path().join("gone.wasm");
    let error = setup.refusal(CacheConfig::new(name("gone"), &path)).await;
    assert_says(&error, &path, &["no such file", "build it, or fix `plugin` in kiwi.toml"]);
}

#[tokio::test]
async fn a_plugin_that_vanishes_runs_on_from_memory() {
    let setup = Setup::new();
    let path = setup.path().join("echo.wasm");
    fs::copy(guest("echo"), &path).unwrap();
    let timing = every(Duration::from_millis(50));
    let config = CacheConfig { timing, ..cache("vanishing", path.clone(), json!({ "entries": { "FR": 1 } })) };
    let name = config.name.clone();
    let host = setup.host([config]).await;
    let running = Running::start(&host);
    eventually("it is published", async || !setup.is_missing(&name).await).await;

    fs::remove_file(path).unwrap();
    let before = setup.head(&name).await.checked_at;
    eventually("it is refilled without its file", async || setup.head(&name).await.checked_at > before).await;
    assert!(setup.store.forget(&name).await.unwrap());
    eventually("it is loaded without its file", async || !setup.is_missing(&name).await).await;
    assert_eq!(setup.status(&name).await.last_error(), None);
    running.stop().await;
}

#[tokio::test]
async fn a_bad_plugin_does_not_keep_the_others_from_running() {
    let setup = Setup::new();
    let trap = guest("describe_trap");
    let configs = [
        CacheConfig::new(name("first"), &trap),
        cache("good", guest("echo"), json!({ "entries": { "FR": 1 } })),
        CacheConfig::new(name("second"), &trap),
    ];
    let (host, skipped) = setup.builder().caches(configs).build().await.unwrap();
    let names: Vec<&str> = skipped.iter().map(|skipped| skipped.cache.as_str()).collect();
    assert_eq!(names, ["first", "second"]);
    assert_eq!(skipped[0].error.to_string(), skipped[1].error.to_string());
    let outcome = refill(&host, &name("good")).await;
    assert!(matches!(outcome, Outcome::Published { entries: 1, .. }), "{outcome:?}");
}

async fn refused_settings(settings: Value, says: &[&str]) {
    let path = plugin("file");
    let error = Setup::new().refusal(cache("settings", path.clone(), settings)).await;
    assert_says(&error, &path, says);
}

#[tokio::test]
async fn settings_are_checked_by_what_the_plugin_says_of_itself() {
    refused_settings(json!({ "path": 7 }), &["its setting `path` is a number", "expected text"]).await;
    // All at once. `path` is not said to be missing, because `pth` was probably meant to be it.
    let settings = json!({ "pth": "data/airlines.csv", "columns": "name", "zzz": 1 });
    let says = [
        "takes no setting `pth`: did you mean `path`?",
        "its setting `columns` is text: expected array",
        "takes no setting `zzz`: expected one of path, format, key, key_separator, on_missing_key, pointer, columns",
    ];
    refused_settings(settings.clone(), &says).await;
    let error = Setup::new().refusal(cache("settings", plugin("file"), settings)).await;
    assert!(error.needs().is_none(), "{error}");
    // What is wrong does not hide what is missing.
    let error = Setup::new().refusal(cache("settings", plugin("file"), json!({ "columns": "name" }))).await;
    let needs = error.needs().expect("a setting is missing");
    assert!(needs.settings[0].name == "path" && error.to_string().contains("expected array; it needs the"), "{error}");
}

/// What the description does not say, the plugin says when it runs.
#[tokio::test]
async fn settings_are_checked_by_the_plugin_itself() {
    let setup = Setup::new();
    let path = setup.path().join("airlines.csv");
    fs::write(&path, "iata,name\nFR,Ryanair\n").unwrap();
    let grants = Grants { dirs: vec![DirGrant::new(".", setup.path())], ..Grants::default() };
    let config = cache("airlines", plugin("file"), json!({ "path": "airlines.csv" }));
    let Outcome::Failed(failure) = setup.refill(CacheConfig { grants, ..config }).await else { panic!("it runs") };
    assert_failure(&failure, FailureKind::InvalidSettings, &["`key` is missing", "which field of a row"]);
}

#[tokio::test]
async fn what_a_plugin_needs_is_listed() {
    let setup = Setup::new();
    let error = setup.refusal(cache("airlines", plugin("file"), json!({}))).await;
    let needs = error.needs().expect("a setting is missing");
    assert_eq!(
        (needs.settings.len(), needs.settings[0].name.as_str(), needs.settings[0].kind.as_str()),
        (1, "path", "text")
    );
    assert!(error.to_string().contains("it needs the setting `path`"), "{error}");

    let error = setup.refusal(cache("airlines", plugin("file"), json!({ "path": "data/a.csv", "key": "iata" }))).await;
    let needs = error.needs().expect("a grant is missing");
    assert!(needs.settings.is_empty(), "{needs:?}");
    assert_eq!((needs.grants[0].kind.as_str(), needs.grants[0].name.as_str()), ("files", "data/a.csv"));

    let error =
        setup.refusal(cache("rates", plugin("http"), json!({ "url": "https://api.example.com/v1?key=s3cret" }))).await;
    let needs = error.needs().expect("a grant is missing");
    assert_eq!((needs.grants[0].kind.as_str(), needs.grants[0].name.as_str()), ("http", "https://api.example.com"));
    assert!(!error.to_string().contains("s3cret"), "{error}");
}

#[tokio::test]
async fn data_that_would_not_live_to_its_renewal_is_refused() {
    let path = guest("echo");
    let timing = AskedTiming { cache_ttl: Some(Ttl::For(Duration::from_secs(10))), ..AskedTiming::default() };
    let error = Setup::new().refusal(CacheConfig { timing, ..cache("short", path.clone(), json!({})) }).await;
    assert_says(&error, &path, &["cache `short`", "`cache_ttl` (10s) is shorter than `reload_ttl` (1m)"]);
}

/// A component built against the first contract, and never again.
#[tokio::test]
async fn an_old_plugin_goes_on_loading() {
    let server = Server::start(|_| answer(200, "first line\nsecond line\n")).await;
    let path = repository().join("tests/kept/loader-0.1.0.wasm");
    let grants = Grants { http: vec![server.origin().parse().unwrap()], ..Grants::default() };
    let config = CacheConfig { grants, ..cache("kept", path, json!({ "url": server.url("/lines") })) };
    assert_whole_contract(config, "0.1.0", "first line\nsecond line\n").await;
}

/// The same loader, built against the contract as it is today.
#[tokio::test]
async fn a_new_plugin_may_use_the_whole_contract() {
    let server = Server::start(|_| answer(200, "only line")).await;
    let grants = Grants { http: vec![server.origin().parse().unwrap()], ..Grants::default() };
    let config =
        CacheConfig { grants, ..cache("new", guest("whole_contract"), json!({ "url": server.url("/lines") })) };
    assert_whole_contract(config, "0.1.1", "only line").await;
}

async fn assert_whole_contract(config: CacheConfig, version: &str, text: &str) {
    let setup = Setup::new();
    let inspection = inspect(&Sandbox::new(Compilation::default(), 1).unwrap(), &config).await.unwrap();
    assert_eq!((inspection.world, inspection.contract_version.as_deref()), ("described-loader", Some(version)));
    let http = format!("kiwi:loader/http@{version}");
    assert!(inspection.imports.contains(&http), "{:?}", inspection.imports);
    let description = inspection.description.expect("it describes itself");
    assert_eq!((description.name.as_str(), description.settings.len()), ("whole-contract", 1));
    assert!(inspection.problem.is_none(), "{:?}", inspection.problem);

    let outcome = setup.refill(config.clone()).await;
    assert!(matches!(outcome, Outcome::Published { entries: 3, .. }), "{outcome:?}");
    let published = setup.published(&config.name).await;
    assert_eq!(published["published"], Value::Null);
    assert_eq!(published["settings"], serde_json::from_str::<Value>(&config.settings.to_json()).unwrap());
    assert_eq!((&published["answer"]["status"], &published["answer"]["text"]), (&json!(200), &json!(text)));

    let outcome = setup.refill(config).await;
    assert!(matches!(outcome, Outcome::Unchanged { entries: 3, .. }), "{outcome:?}");
}
