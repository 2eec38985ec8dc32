//! What a plugin suggests about its timing: followed within bounds, and never above the operator's word.

use std::time::Duration;

use kiwi_host::{AskedTiming, CacheConfig, Timing};
use kiwi_store::Ttl;
use serde_json::json;
use tracing::Level;

use crate::support::{Setup, cache, guest, log_of};

/// The timing of a cache whose plugin suggests this, and what was logged about it.
async fn suggested(name: &str, reload_ttl: &str, cache_ttl: &str, timing: AskedTiming) -> (Timing, Vec<String>) {
    let setup = Setup::new();
    let config = cache(name, guest("cadence"), json!({ "reload_ttl": reload_ttl, "cache_ttl": cache_ttl }));
    let host = setup.host([CacheConfig { timing, ..config }]).await;
    let warnings = log_of(&name.parse().unwrap()).into_iter().filter(|line| line.level == Level::WARN);
    (*host.instances()[0].timing(), warnings.map(|line| line.message).collect())
}

#[tokio::test]
async fn a_plugin_does_not_set_its_own_cadence() {
    let (timing, warnings) = suggested("hasty", "1ms", "none", AskedTiming::default()).await;
    assert_eq!((timing.reload_ttl, timing.refill_interval), (Duration::from_secs(1), Duration::from_secs(1)));
    assert_eq!(timing.cache_ttl, Ttl::For(Duration::from_secs(10)));
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    let says =
        ["it suggests `reload_ttl = \"1ms\"`", "between 1s and 30days", "using 1s", "set `reload_ttl` in kiwi.toml"];
    assert!(says.iter().all(|word| warnings[0].contains(word)), "{warnings:?}");
    assert!(warnings[1].contains("`cache_ttl = \"none\"`"), "{warnings:?}");

    let (timing, _) = suggested("slow", "40days", "90days", AskedTiming::default()).await;
    assert_eq!(timing.reload_ttl, Duration::from_secs(30 * 24 * 60 * 60));
}

#[tokio::test]
async fn a_suggestion_within_bounds_is_followed() {
    let (timing, warnings) = suggested("steady", "5m", "2h", AskedTiming::default()).await;
    assert_eq!((timing.reload_ttl, timing.cache_ttl), (Duration::from_secs(300), Ttl::For(Duration::from_secs(7200))));
    assert!(warnings.is_empty(), "{warnings:?}");
}

#[tokio::test]
async fn the_operator_may_set_what_a_plugin_may_not_suggest() {
    let asked = AskedTiming {
        reload_ttl: Some(Duration::from_millis(50)),
        cache_ttl: Some(Ttl::Forever),
        ..AskedTiming::default()
    };
    let (timing, warnings) = suggested("decided", "1ms", "none", asked).await;
    assert_eq!((timing.reload_ttl, timing.cache_ttl), (Duration::from_millis(50), Ttl::Forever));
    assert!(warnings.is_empty(), "{warnings:?}");
}
