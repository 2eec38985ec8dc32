//! Components of Python and JavaScript that were built against the first contract, on the host of today.
//! `cargo xtask kept` builds what this needs.
#![allow(dead_code, unused_imports, reason = "these tests use some of the helpers of end_to_end")]

#[path = "../databases/mod.rs"]
mod databases;
#[path = "../../host/store/tests/support/redis_server.rs"]
mod redis_server;
#[path = "../end_to_end/support/mod.rs"]
mod support;

use serde_json::{Value, json};

use crate::redis_server::RedisServer;
use crate::support::{Reply, WebServer, WorkDir, repository};

#[test]
fn a_component_of_componentize_py_goes_on_loading() {
    goes_on_loading("python");
}

#[test]
fn a_component_of_jco_with_quickjs_goes_on_loading() {
    goes_on_loading("quickjs");
}

#[test]
fn a_component_of_jco_with_starlingmonkey_goes_on_loading() {
    goes_on_loading("starlingmonkey");
}

/// Loads with a component, each of which uses everything that the first contract has.
fn goes_on_loading(name: &str) {
    let plugin = repository().join("tests/kept/target").join(name).with_extension("wasm");
    assert!(plugin.is_file(), "{} does not exist: build it with `cargo xtask kept`", plugin.display());
    let server = WebServer::start(|_| Reply::body("first line\nsecond line: é\n"));
    let (redis, url) = (RedisServer::start(), format!("{}/lines", server.origin()));
    let workdir = WorkDir::with(&format!(
        "store = {:?}\n[cache.kept]\nplugin = {plugin:?}\nsettings = {{ url = {url:?} }}\ngrants = {{ http = [{:?}] }}\n",
        redis.url(),
        server.origin(),
    ));

    let inspected = workdir.run(&["inspect", plugin.to_str().expect("text")]).expect(0).stdout;
    print!("{inspected}");
    for said in ["kiwi:loader/described-loader@0.1.0", "Uses everything the contract has.", "What to get."] {
        assert!(inspected.contains(said), "{said}: {inspected}");
    }

    let published = workdir.run(&["refill", "kept"]).expect(0);
    print!("{}", published.stdout);
    let get = |key: &str| -> Value {
        serde_json::from_str(&workdir.run(&["get", "kept", key]).expect(0).stdout).expect("JSON")
    };
    assert_eq!((get("settings"), get("published")), (json!({ "url": url }), Value::Null));
    let answer = get("answer");
    assert_eq!((&answer["status"], &answer["url"]), (&json!(200), &json!(url)));
    assert_eq!(answer["text"], "first line\nsecond line: é\n");
    let logged = published.stderr.to_lowercase();
    assert!(logged.contains("a line at warn") && logged.contains("a line at error"), "{logged}");

    let unchanged = workdir.run(&["refill", "kept"]).expect(0);
    print!("{}", unchanged.stdout);
    assert!(unchanged.stdout.contains("unchanged"), "{unchanged:?}");
}
