//! The invariants of ARCHITECTURE.md that the sources themselves can show.

use std::fs;
use std::path::{Path, PathBuf};

/// Crates that only some sources may name.
struct Rule {
    names: &'static [&'static str],
    only_in: &'static str,
}

/// Where to look.
const HOST: &[&str] = &["host/cache/src", "host/runtime/src", "host/cli/src", "host/xtask/src"];

const RULES: &[Rule] = &[
    Rule { names: &["redis", "heed"], only_in: "host/cache/src/store" },
    Rule { names: &["wasmtime", "wasmtime_wasi", "wasmtime_wasi_http"], only_in: "host/runtime/src/sandbox" },
    Rule { names: &["cadence"], only_in: "host/runtime/src/metrics.rs" },
    Rule { names: &["reqwest"], only_in: "host/runtime/src/http" },
    // cli -> runtime -> cache, never back.
    Rule { names: &["kiwi_host"], only_in: "host/cli/src" },
];

/// The dependencies of a crate that its manifest may not have.
const FORBIDDEN: &[(&str, &[&str])] = &[
    ("host/cache/Cargo.toml", &["kiwi-host", "kiwi-host-cli", "wasmtime", "wasmtime-wasi", "cadence"]),
    ("host/runtime/Cargo.toml", &["kiwi-host-cli", "redis", "heed"]),
    ("host/cli/Cargo.toml", &["wasmtime", "wasmtime-wasi", "redis", "heed", "cadence"]),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("this crate lies at host/runtime")
}

#[test]
fn each_crate_is_named_only_where_it_belongs() {
    for rule in RULES {
        let sources: Vec<PathBuf> = HOST.iter().flat_map(|folder| sources(&root().join(folder))).collect();
        assert!(sources.len() > 50, "these are not all sources: {sources:?}");
        let (inside, outside): (Vec<_>, Vec<_>) =
            sources.into_iter().partition(|path| path.starts_with(root().join(rule.only_in)));
        for name in rule.names {
            let strays: Vec<_> = outside.iter().filter(|path| names_crate(&read(path), name)).collect();
            assert!(strays.is_empty(), "only {} may name the crate `{name}`, and these do: {strays:?}", rule.only_in);
        }
        // A rule about nothing would hold for ever.
        let used = inside.iter().any(|path| rule.names.iter().any(|name| names_crate(&read(path), name)));
        assert!(used, "{} names none of {:?} any more", rule.only_in, rule.names);
    }
}

#[test]
fn no_manifest_points_back() {
    for (manifest, forbidden) in FORBIDDEN {
        let text = read(&root().join(manifest));
        for name in *forbidden {
            assert!(!depends_on(&text, name), "{manifest} may not depend on {name}");
        }
    }
    assert!(depends_on(&read(&root().join("host/cli/Cargo.toml")), "kiwi-host"));
    assert!(depends_on(&read(&root().join("host/runtime/Cargo.toml")), "kiwi-cache"));
}

#[test]
fn the_rules_would_fire() {
    for naming in [
        "use wasmtime::Engine;",
        "use ::wasmtime::Engine;",
        "pub(crate) use wasmtime as w;",
        "fn f(engine: &wasmtime::Engine) {}",
        "extern crate wasmtime;",
        "use {std::fmt, wasmtime::Engine};",
        "let engine = wasmtime :: Engine::default();",
    ] {
        assert!(names_crate(naming, "wasmtime"), "{naming}");
    }
    for not_naming in [
        "// wasmtime::Engine is not named here",
        "//! Only this module names `wasmtime`.",
        "use wasmtime_wasi::WasiCtx;",
        "mod redis;",
        "use self::redis::Redis;",
        "use crate::store::redis::Redis;",
        "let text = \"wasmtime::Engine\";",
        "let wasmtime = 48;",
    ] {
        assert!(!names_crate(not_naming, "wasmtime") && !names_crate(not_naming, "redis"), "{not_naming}");
    }
    assert!(depends_on("[dependencies]\nwasmtime.workspace = true\n", "wasmtime"));
    assert!(depends_on("[dependencies]\nwasmtime = \"48\"\n", "wasmtime"));
    assert!(!depends_on("[dependencies]\nwasmtime-wasi.workspace = true\n# wasmtime = \"48\"\n", "wasmtime"));
    assert!(!depends_on("[dev-dependencies]\nwasmtime = \"48\"\n", "wasmtime"));
}

/// Whether Rust source names a crate: in a path that begins with it, or as a whole in a `use`.
fn names_crate(source: &str, name: &str) -> bool {
    source.lines().map(code_of).any(|line| {
        line.match_indices(name).any(|(at, _)| {
            let (before, after) = (line[..at].trim_end(), line[at + name.len()..].trim_start());
            let continues = |c: char| c.is_alphanumeric() || c == '_';
            let is_whole = !line[..at].ends_with(continues) && !line[at + name.len()..].starts_with(continues);
            // `a::redis` is somebody else's, `::redis` is the crate.
            let is_first = match before.strip_suffix("::") {
                Some(path) => !path.ends_with(|c: char| continues(c) || c == '>'),
                None => true,
            };
            let in_use = before.ends_with("use") || before.ends_with("extern crate");
            is_whole && is_first && (after.starts_with("::") || in_use)
        })
    })
}

/// A line without its comment and without what stands in quotes.
fn code_of(line: &str) -> String {
    let code = line.split("//").next().unwrap_or_default();
    code.split('"').step_by(2).collect()
}

/// Whether a crate with this manifest links another: what only its tests use does not count.
fn depends_on(manifest: &str, name: &str) -> bool {
    let mut links = false;
    manifest.lines().any(|line| {
        if line.starts_with('[') {
            links = line.ends_with("dependencies]") && !line.contains("dev-");
        }
        let rest = line.strip_prefix(name).filter(|_| links);
        rest.is_some_and(|rest| rest.starts_with(['.', '=', ' ']))
    })
}

/// All Rust sources below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| match path.extension() {
            _ if path.is_dir() => sources(&path),
            Some(extension) if extension == "rs" => vec![path],
            _ => Vec::new(),
        })
        .collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
