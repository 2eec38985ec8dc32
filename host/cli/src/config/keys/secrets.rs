//! The table `[secrets]`, whose keys are names of the operator's.

use super::key::{Key, Kind};

pub(super) static KEYS: &[Key] = &[Key {
    path: "secrets",
    kind: Kind::Table,
    in_defaults: false,
    example: "{ api_token = { env = \"API_TOKEN\" } }",
    default: || "empty".into(),
    help: "The secrets that caches may be granted, by name. They are read for each load. See [secrets.md](secrets.md).",
}];
