//! The keys of `[cache.NAME]`, and `[defaults]`, which may set some of them for all caches.

use kiwi_host::{AskedTiming, CacheConfig, Timing};
use kiwi_store::{Name, Ttl};

use super::key::{Key, Kind};
use crate::human;

pub(super) static KEYS: &[Key] = &[
    Key {
        path: "defaults",
        kind: Kind::Table,
        in_defaults: false,
        example: "{ reload_ttl = \"60s\" }",
        default: || "empty".into(),
        help: "The values for what a cache does not set itself. The keys marked with \"yes\" below may be in it.",
    },
    Key {
        path: "cache",
        kind: Kind::Table,
        in_defaults: false,
        example: "{ airlines = { plugin = \"file.wasm\" } }",
        default: || "no caches".into(),
        help: "The caches: one table for each, `[cache.NAME]`. A name has 1 to 128 letters, digits, `.`, `_` or `-`, and \
               begins with a letter or digit.",
    },
    Key {
        path: "cache.NAME.plugin",
        kind: Kind::Path,
        in_defaults: false,
        example: "\"plugins/file.wasm\"",
        default: || "required, unless `source` is set".into(),
        help: "The loader, a WebAssembly component: its path, which is relative to kiwi.toml, as all paths are; or the name of a \
               shipped plugin, as in `plugin = \"table\"`. `kiwi-host plugins` lists those.",
    },
    Key {
        path: "cache.NAME.source",
        kind: Kind::Text,
        in_defaults: false,
        example: "\"publish\"",
        default: || "the `plugin`".into(),
        help: "`\"publish\"`: no host loads the cache; `kiwi-host publish NAME` publishes the rows that it is given \
               ([how](publish.md)). In place of `plugin`, `settings` and `grants`.",
    },
    Key {
        path: "cache.NAME.settings",
        kind: Kind::Table,
        in_defaults: false,
        example: "{ path = \"data/airlines.csv\", key = \"iata\" }",
        default: || "empty".into(),
        help: "Passed to the loader. `kiwi-host inspect PLUGIN` lists the settings of a plugin.",
    },
    Key {
        path: "cache.NAME.reload_ttl",
        kind: Kind::Duration,
        in_defaults: true,
        example: "\"5m\"",
        default: || format!("`\"{}\"`, or what the plugin suggests", human::duration(timing().reload_ttl)),
        help: "The maximum age of a reader's copy: readers look for a newer map this often.",
    },
    Key {
        path: "cache.NAME.refill_interval",
        kind: Kind::Duration,
        in_defaults: true,
        example: "\"10m\"",
        default: || "`reload_ttl`".into(),
        help: "How often the loader runs.",
    },
    Key {
        path: "cache.NAME.cache_ttl",
        kind: Kind::Ttl,
        in_defaults: true,
        example: "\"1d\"",
        default: || {
            let times = match timing().cache_ttl {
                Ttl::For(ttl) => ttl.as_secs() / timing().reload_ttl.as_secs(),
                Ttl::Forever => 0,
            };
            format!("{times} x `reload_ttl`, or what the plugin suggests")
        },
        help: "How long the store keeps the data if no host refills it. `\"none\"` keeps it forever. At least `reload_ttl` \
               and `refill_interval`.",
    },
    Key {
        path: "cache.NAME.lease_ttl",
        kind: Kind::Duration,
        in_defaults: true,
        example: "\"30s\"",
        default: || format!("`\"{}\"`", human::duration(timing().lease_ttl)),
        help: "How long a host that died keeps the others from refilling. At least 100ms.",
    },
    Key {
        path: "cache.NAME.allow_empty_data",
        kind: Kind::Flag,
        in_defaults: true,
        example: "true",
        default: || format!("`{}`", cache().allow_empty_data),
        help: "Whether a map without entries may be published.",
    },
    Key {
        path: "cache.NAME.min_entries",
        kind: Kind::Count("entries"),
        in_defaults: true,
        example: "100",
        default: || "no guard".into(),
        help: "A map with fewer entries is refused, and the old one stays. `0` switches off the guard of `[defaults]`.",
    },
    Key {
        path: "cache.NAME.max_shrink",
        kind: Kind::Percent,
        in_defaults: true,
        example: "\"30%\"",
        default: || "no guard".into(),
        help: "A map that is smaller than the published one by more than this is refused. `\"100%\"` switches off the \
               guard of `[defaults]`.",
    },
    Key {
        path: "cache.NAME.max_stall",
        kind: Kind::Duration,
        in_defaults: true,
        example: "\"10ms\"",
        default: || format!("`\"{}\"`", human::duration(cache().max_stall)),
        help: "How long a delta may block Redis: 11 ms for 100,000 keys. A larger change is staged as a whole map, which \
               blocks nobody.",
    },
    Key {
        path: "cache.NAME.layout",
        kind: Kind::Text,
        in_defaults: false,
        example: "\"record\"",
        default: || "`\"hash\"`".into(),
        help: "The form in Redis: `\"hash\"`, `\"record\"` (what Python's kiwi-cache reads), or `\"both\"`.",
    },
    Key {
        path: "cache.NAME.hash",
        kind: Kind::Flag,
        in_defaults: false,
        example: "true",
        default: || "`true`".into(),
        help: "Whether there is a plain hash in Redis, of which any client can `HGET` one entry. Without it a refill takes \
               half of the time, and the map a fifth of the memory.",
    },
    Key {
        path: "cache.NAME.push",
        kind: Kind::Text,
        in_defaults: false,
        example: "\"hint\"",
        default: || "`\"hint\"`".into(),
        help: "What tells readers of a new snapshot: `\"hint\"`, after which they read the change from Redis, or `\"delta\"`, \
               the change itself up to 8 KiB. With `\"delta\"`, whoever may publish on the channels in Redis can give \
               readers wrong values. Not for a record.",
    },
    Key {
        path: "cache.NAME.record_key",
        kind: Kind::Text,
        in_defaults: false,
        example: "\"Airlines:eu\"",
        default: || "the name of the cache".into(),
        help: "The class and suffix of the record, as kiwi-cache names it. Only with the layout `record` or `both`.",
    },
];

fn cache() -> CacheConfig {
    let name: Name = "example".parse().expect("a valid name");
    CacheConfig::new(name, "file.wasm")
}

fn timing() -> Timing {
    AskedTiming::default().resolve(&cache().name).expect("the defaults fit each other")
}
