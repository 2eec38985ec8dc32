//! The rules: which folder stands above which, and where outside crates may be named.

use crate::imports::Arrow;

/// The folders (and files beside them) of each crate, from the top down: an arrow may not lead to one that
/// stands further up.
pub(crate) const FOLDERS: &[(&str, &[&str])] = &[
    (
        "host/store",
        &[
            "lib",
            "testing",
            "open",
            "url",
            "redis",
            "embedded",
            "store",
            "administration",
            "topics",
            "hints",
            "announced",
            "publishing",
            "reading",
            "publish",
            "lease",
            "staged",
            "packer",
            "whole",
            "merged",
            "chunk",
            "frame",
            "record_text",
            "status",
            "head",
            "layout",
            "push",
            "delta",
            "leb128",
            "batch",
            "partition",
            "ttl",
            "root",
            "hosts",
            "holder",
            "id",
            "parse_name",
            "error",
            "name",
            "filesystem",
        ],
    ),
    (
        "host/runtime",
        &[
            "lib",
            "testing",
            "host",
            "instance",
            "supervisor",
            "refill",
            "definition",
            "sandbox",
            "no_sandbox",
            "loader",
            "outside",
            "entries",
            "events",
            "config",
            "sandbox_error",
            "memory",
            "failure",
            "printable",
        ],
    ),
    (
        "host/cli",
        &[
            "main",
            "dispatch",
            "commands",
            "target",
            "shutdown",
            "exit",
            "log",
            "log_fields",
            "progress",
            "output",
            "table",
            "suggest",
            "rows",
            "config",
            "style",
            "args",
            "human",
            "visible",
            "shipped",
            "compile_cache",
            "open_files",
            "allocator",
        ],
    ),
];

/// Which outside crate may be named where.
pub(crate) const ROOMS: &[(&str, &[&str])] = &[
    ("redis", &["host/store/src/redis", "host/bench/src"]),
    ("heed", &["host/store/src/embedded"]),
    ("wasmtime", &["host/runtime/src/sandbox"]),
    ("wasmtime_wasi", &["host/runtime/src/sandbox"]),
    ("wasmtime_wasi_http", &["host/runtime/src/sandbox"]),
    ("reqwest", &["host/runtime/src/outside"]),
    ("tokio_postgres", &["host/runtime/src/outside/sql/postgres"]),
    ("tokio_postgres_rustls", &["host/runtime/src/outside/sql/postgres"]),
    ("mysql_async", &["host/runtime/src/outside/sql/mysql"]),
    ("rusqlite", &["host/runtime/src/outside/sql/sqlite"]),
    ("cadence", &["host/runtime/src/events/metrics.rs", "host/runtime/src/events/statsd.rs"]),
    // A command, its tools and a host stand above the store and the readers.
    ("kiwi_host", &["host/cli/src", "host/bench/src"]),
];

/// The folder of a file, as its crate's list names it: `refill/plan.rs` is in `refill`, `host.rs` is `host`.
pub(crate) fn folder(file: &str) -> &str {
    let inside = file.split_once("src/").map_or(file, |(_, inside)| inside);
    inside.split('/').next().unwrap_or_default().trim_end_matches(".rs")
}

/// Whether an arrow leads to a folder that stands above its own.
pub(crate) fn points_up(floors: &[&str], arrow: &Arrow) -> bool {
    let floor = |file: &str| floors.iter().position(|name| *name == folder(file));
    match (floor(&arrow.from), floor(&arrow.to)) {
        (Some(from), Some(to)) => to < from,
        _ => false,
    }
}
