//! The keys of a cache's `limits`.

use kiwi_host::Limits;

use super::key::{Key, Kind};
use crate::human;

pub(super) static KEYS: &[Key] = &[
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
    Key {
        path: "cache.NAME.limits.query_rows",
        kind: Kind::Count("rows"),
        in_defaults: true,
        example: "1_000_000",
        default: || count(Limits::default().query_rows),
        help: "Rows of one result of a database.",
    },
    Key {
        path: "cache.NAME.limits.query_bytes",
        kind: Kind::Size,
        in_defaults: true,
        example: "\"1 GiB\"",
        default: || size(Limits::default().query_bytes),
        help: "Bytes of one result of a database, as JSON.",
    },
];

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
