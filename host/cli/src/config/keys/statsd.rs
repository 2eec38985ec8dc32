//! The keys of `[statsd]`.

use super::key::{Key, Kind};

pub(super) static KEYS: &[Key] = &[
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
];
