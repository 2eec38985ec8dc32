//! What a host tells other machines: which caches it keeps warm, and what keeps it from that.

use std::sync::Arc;
use std::time::Duration;

use kiwi_host::{CacheConfig, Host};
use kiwi_store::testing::{Fault, FaultyStore, Method};
use kiwi_store::{HostState, Name, Store};
use serde_json::json;

use crate::redis_server::RedisServer;
use crate::support::{Running, Setup, cache, eventually, every, guest, name};

async fn hosts(store: &Arc<dyn Store>, cache: &Name) -> Vec<HostState> {
    store.hosts(std::slice::from_ref(cache)).await.unwrap().remove(0)
}

fn trouble_kind(hosts: &[HostState]) -> Option<&str> {
    hosts.first().and_then(|host| Some(host.report.trouble.as_ref()?.kind.as_str()))
}

fn echo(name: &str) -> CacheConfig {
    let settings = json!({ "entries": { "FR": 1 } });
    CacheConfig { timing: every(Duration::from_millis(100)), ..cache(name, guest("echo"), settings) }
}

#[tokio::test]
async fn a_running_host_and_a_plugin_that_it_refused_are_seen_from_other_machines() {
    let setup = Setup::new();
    let refused = cache("refused", setup.path().join("gone.wasm"), json!({}));
    let (host, skipped) = setup.builder().caches([echo("good"), refused]).build().await.unwrap();
    assert_eq!(skipped.len(), 1);
    let running = Running::start(&host);
    let (good, refused) = (name("good"), name("refused"));
    eventually("both are reported", async || {
        !hosts(&setup.store, &good).await.is_empty() && !hosts(&setup.store, &refused).await.is_empty()
    })
    .await;
    assert_eq!(trouble_kind(&hosts(&setup.store, &good).await), None);
    let reported = hosts(&setup.store, &refused).await.remove(0);
    assert!(
        reported.is_alive && reported.report.host.contains(&format!("process {}", std::process::id())),
        "{reported:?}"
    );
    let trouble = reported.report.trouble.expect("why it does not run");
    assert!(trouble.kind == "plugin" && trouble.message.contains("there is no such file"), "{trouble:?}");
    assert!(setup.store.caches().await.unwrap().contains(&refused), "it is listed although it never ran");
    running.stop().await;
    assert!(hosts(&setup.store, &good).await.is_empty() && hosts(&setup.store, &refused).await.is_empty());
}

#[tokio::test]
async fn a_full_redis_is_reported_by_the_host_that_cannot_load() {
    let redis = RedisServer::start();
    let setup = Setup::on(&redis);
    redis.command::<()>(&["CONFIG", "SET", "maxmemory", "1"]).unwrap();
    let host = setup.host([echo("full")]).await;
    let running = Running::start(&host);
    let full = name("full");
    eventually("it is reported", async || trouble_kind(&hosts(&setup.store, &full).await) == Some("store")).await;
    let trouble = hosts(&setup.store, &full).await.remove(0).report.trouble.unwrap();
    assert!(trouble.message.contains("maxmemory"), "{trouble:?}");
    redis.command::<()>(&["CONFIG", "SET", "maxmemory", "0"]).unwrap();
    eventually("it is loaded", async || !setup.is_missing(&full).await).await;
    eventually("the trouble is over", async || trouble_kind(&hosts(&setup.store, &full).await).is_none()).await;
    running.stop().await;
}

#[tokio::test]
async fn a_task_that_dies_is_started_again_and_told() {
    let setup = Setup::new();
    let store = FaultyStore::new(setup.store.clone());
    for method in [Method::Statuses, Method::Report, Method::Prolong] {
        store.fail_next(method, Fault::Panic);
    }
    let mut config = echo("dying");
    config.timing.cache_ttl = Some(kiwi_store::Ttl::For(Duration::from_secs(60)));
    // A load that dies keeps its lease for so long.
    config.timing.lease_ttl = Some(Duration::from_secs(1));
    let (host, skipped) = Host::builder(Arc::new(store.clone())).caches([config]).build().await.unwrap();
    assert!(skipped.is_empty(), "{skipped:?}");
    let running = Running::start(&host);
    let dying = name("dying");
    eventually("all of them go on", async || {
        [Method::Statuses, Method::Report].into_iter().all(|method| store.calls(method) >= 2)
            && setup.status(&dying).await.presence.whole().is_some()
            && !hosts(&setup.store, &dying).await.is_empty()
    })
    .await;
    running.stop().await;
}
