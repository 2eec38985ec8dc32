//! The table of all keys.

use kiwi_host::{AskedTiming, CacheConfig, Limits, Timing};
use kiwi_store::{Name, Ttl};

use super::key::{Key, Kind};
use crate::human;

/// All keys, in the order of the page.
pub(crate) static KEYS: &[Key] = &[
    Key {
        path: "store",
        kind: Kind::TextOrTable,
        in_defaults: false,
        example: "\"redis://127.0.0.1:6379\"",
        default: || "none: required, unless `--store` or `KIWI_STORE` is given".into(),
        help: "Where the maps are published: `redis://HOST:6379`, `rediss://HOST`, `redis+unix:///PATH`, or `file:DIR` for \
               the embedded store. A URL with a password in it can stand elsewhere: `{ url_env = \"REDIS_URL\" }` or \
               `{ url_file = \"/run/secrets/redis_url\" }`. `--store` and `KIWI_STORE` override it.",
    },
    Key {
        path: "key_prefix",
        kind: Kind::Text,
        in_defaults: false,
        example: "\"kiwi:\"",
        default: || "`\"kiwi:\"`".into(),
        help: "The prefix of all keys in Redis. `--key-prefix` overrides it.",
    },
    Key {
        path: "max_loads",
        kind: Kind::Count("loads"),
        in_defaults: false,
        example: "16",
        default: || format!("`{}`", kiwi_host::DEFAULT_MAX_LOADS),
        help: "How many caches may load at the same time, from 1 to 1024.",
    },
    Key {
        path: "statsd",
        kind: Kind::TextOrTable,
        in_defaults: false,
        example: "\"udp://127.0.0.1:8125\"",
        default: || "no metrics".into(),
        help: "Where metrics are sent. A table sets a prefix as well.",
    },
    Key {
        path: "statsd.address",
        kind: Kind::Text,
        in_defaults: false,
        example: "\"udp://127.0.0.1:8125\"",
        default: || "required in the table".into(),
        help: "The statsd server, as `udp://HOST:PORT`.",
    },
    Key {
        path: "statsd.prefix",
        kind: Kind::Text,
        in_defaults: false,
        example: "\"eu\"",
        default: || "no prefix".into(),
        help: "A prefix of each metric's name.",
    },
    Key {
        path: "http",
        kind: Kind::Table,
        in_defaults: false,
        example: "{ proxy = \"http://proxy.example.com:3128\" }",
        default: || "requests go directly".into(),
        help: "How the HTTP requests of all plugins leave this machine.",
    },
    Key {
        path: "http.proxy",
        kind: Kind::TextOrSecret,
        in_defaults: false,
        example: "{ env = \"https_proxy\" }",
        default: || "no proxy, also if the environment names one".into(),
        help: "The proxy that requests go through: `http://HOST:PORT` or `https://HOST:PORT`, with `USER:PASSWORD@` if it \
               asks for that. It resolves the names, so it has to refuse private addresses itself.",
    },
    Key {
        path: "http.no_proxy",
        kind: Kind::Texts,
        in_defaults: false,
        example: "[\"intranet.example.com\", \"10.0.0.0/8\"]",
        default: || "`[]`".into(),
        help: "Hosts that are reached without the proxy: names (with all names below them), addresses, ranges of \
               addresses, or `*`. Names are not resolved for this.",
    },
    Key {
        path: "http.ca",
        kind: Kind::Path,
        in_defaults: false,
        example: "\"company-ca.pem\"",
        default: || "those that the system trusts".into(),
        help: "A PEM file with certificates that are trusted in addition to those that the system trusts. It may be \
               replaced while the host runs.",
    },
    Key {
        path: "http.cert",
        kind: Kind::Path,
        in_defaults: false,
        example: "\"client.pem\"",
        default: || "none".into(),
        help: "The certificate, with its chain, by which kiwi-host identifies itself to servers that ask for one. It may be \
               replaced while the host runs.",
    },
    Key {
        path: "http.key",
        kind: Kind::Path,
        in_defaults: false,
        example: "\"client.key\"",
        default: || "required with `cert`".into(),
        help: "The private key of `cert`.",
    },
    Key {
        path: "secrets",
        kind: Kind::Table,
        in_defaults: false,
        example: "{ api_token = { env = \"API_TOKEN\" } }",
        default: || "empty".into(),
        help: "The secrets that caches may be granted, by name. They are read for each load. See [secrets.md](secrets.md).",
    },
    Key {
        path: "auth",
        kind: Kind::Table,
        in_defaults: false,
        example: "{ partner = { kind = \"bearer\", hosts = [\"https://api.partner.com\"], token = { env = \"TOKEN\" } } }",
        default: || "empty".into(),
        help: "As whom kiwi-host authenticates on behalf of plugins: one table for each, `[auth.NAME]`.",
    },
    Key {
        path: "auth.NAME.kind",
        kind: Kind::Text,
        in_defaults: false,
        example: "\"bearer\"",
        default: || "required".into(),
        help: "How it authenticates: `\"bearer\"` (a token), `\"basic\"` (a user and a password) or `\"oauth2\"` (a token that \
               it fetches with client credentials, keeps, and renews).",
    },
    Key {
        path: "auth.NAME.hosts",
        kind: Kind::Texts,
        in_defaults: false,
        example: "[\"https://api.partner.com\"]",
        default: || "required".into(),
        help: "Where it authenticates, in the form of the grant `http`. The header `authorization` that a plugin sets for \
               these hosts is replaced.",
    },
    Key {
        path: "auth.NAME.token",
        kind: Kind::Secret,
        in_defaults: false,
        example: "{ file = \"/run/secrets/partner_token\" }",
        default: || "required with `bearer`".into(),
        help: "The token. Only with `bearer`.",
    },
    Key {
        path: "auth.NAME.user",
        kind: Kind::Text,
        in_defaults: false,
        example: "\"kiwi\"",
        default: || "required with `basic`".into(),
        help: "The user. Only with `basic`.",
    },
    Key {
        path: "auth.NAME.password",
        kind: Kind::Secret,
        in_defaults: false,
        example: "{ env = \"PARTNER_PASSWORD\" }",
        default: || "required with `basic`".into(),
        help: "The password. Only with `basic`.",
    },
    Key {
        path: "auth.NAME.token_url",
        kind: Kind::Text,
        in_defaults: false,
        example: "\"https://login.partner.com/oauth/token\"",
        default: || "required with `oauth2`".into(),
        help: "Where tokens come from. Only with `oauth2`, as all below.",
    },
    Key {
        path: "auth.NAME.client_id",
        kind: Kind::Text,
        in_defaults: false,
        example: "\"kiwi\"",
        default: || "required with `oauth2`".into(),
        help: "The client's name.",
    },
    Key {
        path: "auth.NAME.client_secret",
        kind: Kind::Secret,
        in_defaults: false,
        example: "{ env = \"PARTNER_SECRET\" }",
        default: || "required with `oauth2`".into(),
        help: "The client's secret.",
    },
    Key {
        path: "auth.NAME.client_auth",
        kind: Kind::Text,
        in_defaults: false,
        example: "\"basic\"",
        default: || "`\"basic\"`".into(),
        help: "Where these two are sent: `\"basic\"` (in the header `authorization`) or `\"body\"`.",
    },
    Key {
        path: "auth.NAME.scope",
        kind: Kind::Text,
        in_defaults: false,
        example: "\"prices:read\"",
        default: || "none is sent".into(),
        help: "What the token is for, if the server asks for that.",
    },
    Key {
        path: "auth.NAME.audience",
        kind: Kind::Text,
        in_defaults: false,
        example: "\"https://api.partner.com\"",
        default: || "none is sent".into(),
        help: "For which service the token is, if the server asks for that.",
    },
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
        default: || "required".into(),
        help: "The loader: a WebAssembly component. The path is relative to kiwi.toml, as all paths are.",
    },
    Key {
        path: "cache.NAME.settings",
        kind: Kind::Table,
        in_defaults: false,
        example: "{ path = \"data/airlines.csv\", key = \"iata\" }",
        default: || "empty".into(),
        help: "Passed to the loader. `kiwi-host inspect PLUGIN.wasm` lists the settings of a plugin.",
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
    Key {
        path: "cache.NAME.grants",
        kind: Kind::Table,
        in_defaults: false,
        example: "{ files = [\"data/airlines.csv\"] }",
        default: || "empty: all access is denied".into(),
        help: "What the plugin may access.",
    },
    Key {
        path: "cache.NAME.grants.http",
        kind: Kind::Texts,
        in_defaults: false,
        example: "[\"https://api.example.com\"]",
        default: || "`[]`".into(),
        help: "Where it may send HTTP requests: `SCHEME://HOST[:PORT]`. SCHEME is `http`, `https` or `*`; HOST is a name, \
               `*.example.com`, `*`, an address, or a range such as `10.0.0.0/8`; PORT is a number, a range such as \
               `8000..8100` (its end excluded), or `*`.",
    },
    Key {
        path: "cache.NAME.grants.dirs",
        kind: Kind::Texts,
        in_defaults: false,
        example: "[\"data\"]",
        default: || "`[]`".into(),
        help: "Directories that it may read, with all below them. Refused where one contains kiwi.toml, a `.env` or the store.",
    },
    Key {
        path: "cache.NAME.grants.files",
        kind: Kind::Texts,
        in_defaults: false,
        example: "[\"data/airlines.csv\"]",
        default: || "`[]`".into(),
        help: "Single files that it may read. They may be replaced between two loads.",
    },
    Key {
        path: "cache.NAME.grants.env",
        kind: Kind::Texts,
        in_defaults: false,
        example: "[\"API_TOKEN\"]",
        default: || "`[]`".into(),
        help: "Environment variables of the host that it may read.",
    },
    Key {
        path: "cache.NAME.grants.secrets",
        kind: Kind::Table,
        in_defaults: false,
        example: "{ api_token = [\"https://api.example.com\"] }",
        default: || "empty".into(),
        help: "Secrets that it may send without seeing them, and where to, in the form of `http`: the plugin writes \
               `${secret:api_token}` in the value of a header. The hosts must be granted by `http`, too.",
    },
    Key {
        path: "cache.NAME.grants.auth",
        kind: Kind::Texts,
        in_defaults: false,
        example: "[\"partner\"]",
        default: || "`[]`".into(),
        help: "As whom kiwi-host authenticates on its behalf: names of `[auth.NAME]`. Their hosts must be granted by \
               `http`, too.",
    },
    Key {
        path: "cache.NAME.limits",
        kind: Kind::Table,
        in_defaults: true,
        example: "{ memory = \"64 MiB\" }",
        default: || "as below".into(),
        help: "What bounds one load. A load that exceeds a limit fails, and the published data stays.",
    },
    Key {
        path: "cache.NAME.limits.memory",
        kind: Kind::Size,
        in_defaults: true,
        example: "\"64 MiB\"",
        default: || size(Limits::default().memory),
        help: "Memory of the guest, from 64 KiB to 4 GiB.",
    },
    Key {
        path: "cache.NAME.limits.load_timeout",
        kind: Kind::Duration,
        in_defaults: true,
        example: "\"30s\"",
        default: || format!("`\"{}\"`", human::duration(Limits::default().load_timeout)),
        help: "From the start of a load to its end.",
    },
    Key {
        path: "cache.NAME.limits.entries",
        kind: Kind::Count("entries"),
        in_defaults: true,
        example: "1_000_000",
        default: || count(Limits::default().entries),
        help: "Entries in the map.",
    },
    Key {
        path: "cache.NAME.limits.key_bytes",
        kind: Kind::Count("bytes"),
        in_defaults: true,
        example: "64",
        default: || count(Limits::default().key_bytes),
        help: "Length of one key, from 1 to 511.",
    },
    Key {
        path: "cache.NAME.limits.value_bytes",
        kind: Kind::Size,
        in_defaults: true,
        example: "\"64 KiB\"",
        default: || size(Limits::default().value_bytes),
        help: "Length of one value.",
    },
    Key {
        path: "cache.NAME.limits.json_depth",
        kind: Kind::Count("levels"),
        in_defaults: true,
        example: "32",
        default: || count(Limits::default().json_depth),
        help: "How deep a value may be nested, from 1 to 127.",
    },
    Key {
        path: "cache.NAME.limits.total_bytes",
        kind: Kind::Size,
        in_defaults: true,
        example: "\"512 MiB\"",
        default: || size(Limits::default().total_bytes),
        help: "All keys and values together.",
    },
    Key {
        path: "cache.NAME.limits.log_bytes",
        kind: Kind::Size,
        in_defaults: true,
        example: "\"64 KiB\"",
        default: || size(Limits::default().log_bytes),
        help: "Log lines, standard output and standard error together.",
    },
    Key {
        path: "cache.NAME.limits.hostcall_bytes",
        kind: Kind::Size,
        in_defaults: true,
        example: "\"16 MiB\"",
        default: || size(Limits::default().hostcall_bytes),
        help: "What one call between guest and host may carry. At least `value_bytes`.",
    },
    Key {
        path: "cache.NAME.limits.http_response_bytes",
        kind: Kind::Size,
        in_defaults: true,
        example: "\"64 MiB\"",
        default: || size(Limits::default().http_response_bytes),
        help: "The body of one HTTP response, after decompression.",
    },
    Key {
        path: "cache.NAME.limits.open_responses",
        kind: Kind::Count("responses"),
        in_defaults: true,
        example: "4",
        default: || count(Limits::default().open_responses),
        help: "HTTP responses open at the same time.",
    },
];

fn cache() -> CacheConfig {
    let name: Name = "example".parse().expect("a valid name");
    CacheConfig::new(name, "file.wasm")
}

fn timing() -> Timing {
    AskedTiming::default().resolve(&cache().name).expect("the defaults fit each other")
}

fn size(bytes: u64) -> String {
    let (number, unit) = match bytes {
        _ if bytes.is_multiple_of(1 << 30) => (bytes >> 30, "GiB"),
        _ if bytes.is_multiple_of(1 << 20) => (bytes >> 20, "MiB"),
        _ if bytes.is_multiple_of(1 << 10) => (bytes >> 10, "KiB"),
        _ => (bytes, "B"),
    };
    format!("`\"{number} {unit}\"`")
}

fn count(number: u64) -> String {
    format!("`{}`", human::count(number).replace(',', "_"))
}
