//! The keys at the top of kiwi.toml.

use super::key::{Key, Kind};

pub(super) static KEYS: &[Key] = &[
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
];
