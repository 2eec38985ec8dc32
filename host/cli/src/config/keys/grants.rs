//! The keys of a cache's `grants`.

use super::key::{Key, Kind};

pub(super) static KEYS: &[Key] = &[
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
        path: "cache.NAME.grants.connections",
        kind: Kind::Texts,
        in_defaults: false,
        example: "[\"shop\"]",
        default: || "`[]`".into(),
        help: "Databases that it may read, by their names in `[connections]`.",
    },
];
