//! `cargo xtask lint`: formatting, clippy, documentation, which dependencies are allowed, and whether what is published can be.

use std::path::Path;

use anyhow::{Result, ensure};

use crate::cargo::{cargo, cargo_in, shared_target_dir, target_dir};
use crate::command::{Run, say};
use crate::examples;
use crate::setup;
use crate::workspace::{self, WASM};

/// The crates of the workspace that are not published.
const TOOLS: [&str; 3] = ["xtask", "kiwi-bench", "kiwi-tests"];

/// How exposed the service may be, in tenths, by the rating of `systemd-analyze security`: 0 is best, 100 worst.
const MAX_EXPOSURE: &str = "20";

/// The crates that others use.
const PUBLIC_CRATES: [&str; 3] = ["kiwi-store", "kiwi-cache", "kiwi-host"];

/// Runs all lints; stops at the first that fails.
pub(crate) fn run() -> Result<()> {
    setup::wasm_target()?;
    setup::lint_tools()?;
    formatting()?;
    clippy()?;
    documentation()?;
    dependencies()?;
    redis_readers_without_lmdb()?;
    packages()?;
    unit_of_systemd()?;
    say("lint: no problems found");
    Ok(())
}

fn formatting() -> Result<()> {
    let root = workspace::root().to_owned();
    let others = [workspace::plugins(), workspace::guests(), workspace::embed(), workspace::moka_reads()];
    for dir in [root, workspace::python_reader()].into_iter().chain(others) {
        cargo("fmt").args(["--all", "--check", "--manifest-path"]).arg(dir.join("Cargo.toml")).run()?;
    }
    Ok(())
}

fn clippy() -> Result<()> {
    let deny_warnings = ["--", "-D", "warnings"];
    cargo("clippy").args(["--workspace", "--all-targets"]).args(deny_warnings).run()?;
    // Each database is a feature, and none of them is needed.
    for feature in ["components", "postgres", "mysql", "sqlite"] {
        let alone = ["--package", "kiwi-host", "--no-default-features", "--features", feature];
        cargo("clippy").args(alone).args(deny_warnings).run()?;
    }
    // The embedding example uses the host without its sandbox.
    examples::cargo("clippy")?.arg("--all-targets").args(deny_warnings).run()?;
    // It is linked by maturin only.
    let reader = cargo_in(&workspace::python_reader(), "clippy", &target_dir()?);
    reader.arg("--all-targets").args(deny_warnings).run()?;
    let (moka, plugins, guests) = (workspace::moka_reads(), workspace::plugins(), workspace::guests());
    cargo_in(&moka, "clippy", &shared_target_dir(&moka)?).args(deny_warnings).run()?;
    // First the code that only exists in a component, then the plugins' tests, which run natively.
    for dir in [&plugins, &guests] {
        let clippy = cargo_in(dir, "clippy", &shared_target_dir(dir)?);
        clippy.args(["--workspace", "--target", WASM]).args(deny_warnings).run()?;
    }
    let clippy = cargo_in(&plugins, "clippy", &shared_target_dir(&plugins)?);
    clippy.args(["--workspace", "--all-targets"]).args(deny_warnings).run()
}

fn documentation() -> Result<()> {
    let packages = PUBLIC_CRATES.iter().flat_map(|name| ["--package", name]);
    cargo("doc").arg("--no-deps").args(packages).env("RUSTDOCFLAGS", "-D warnings").run()?;
    let plugins = workspace::plugins();
    cargo_in(&plugins, "doc", &shared_target_dir(&plugins)?)
        .args(["--no-deps", "--package", "kiwi-loader"])
        .env("RUSTDOCFLAGS", "-D warnings")
        .run()
}

/// Runs cargo-deny, which reads deny.toml from the repository's directory.
fn dependencies() -> Result<()> {
    let deny = setup::cargo_deny()?;
    for dir in [workspace::root().to_owned(), workspace::plugins(), workspace::embed(), workspace::python_reader()] {
        let deny = || Run::new(&deny).arg("--manifest-path").arg(dir.join("Cargo.toml"));
        deny().args(["check", "--hide-inclusion-graph", "licenses", "bans", "sources"]).run()?;
        if deny().args(["fetch", "db"]).succeeds() {
            deny().args(["check", "--hide-inclusion-graph", "advisories"]).run()?;
        } else {
            say("advisories were NOT checked: could not reach https://github.com/rustsec/advisory-db");
        }
    }
    Ok(())
}

/// A service that reads from Redis must not link LMDB.
fn redis_readers_without_lmdb() -> Result<()> {
    let args = ["--package", "kiwi-cache", "--no-default-features", "--features", "redis", "--edges", "normal"];
    let packages = cargo("tree").args(args).args(["--prefix", "none", "--format", "{p}"]).capture()?;
    let heed = packages.lines().any(|package| package.starts_with("heed "));
    ensure!(
        !heed,
        "kiwi-cache with only the feature `redis` depends on heed: see `cargo tree {} -i heed`",
        args.join(" ")
    );
    Ok(())
}

/// Packs the crates that are published, without building them.
fn packages() -> Result<()> {
    // The files of a package are the same whether they are committed or not.
    let pack = |workspace: &Path| -> Result<Run> {
        let target_dir = shared_target_dir(workspace)?;
        Ok(cargo_in(workspace, "package", &target_dir).args(["--offline", "--quiet", "--no-verify", "--allow-dirty"]))
    };
    let tools = TOOLS.iter().flat_map(|name| ["--exclude", name]);
    pack(workspace::root())?.arg("--workspace").args(tools).run()?;
    pack(&workspace::plugins())?.args(["--package", "kiwi-loader", "--package", "kiwi-loader-macros"]).run()
}

/// Checks what the unit of systemd allows the service.
fn unit_of_systemd() -> Result<()> {
    // The rating of a file needs systemd 250.
    let analyze = || Run::new("systemd-analyze").args(["security", "--offline=yes"]);
    if !analyze().arg("--help").succeeds() {
        say("the unit of systemd was NOT checked: there is no systemd-analyze of systemd 250 or newer");
        return Ok(());
    }
    let check = || {
        let unit = workspace::deploy().join("kiwi-host.service");
        analyze().args(["--no-pager", &format!("--threshold={MAX_EXPOSURE}")]).arg(unit)
    };
    // Its table is long, and of interest only where the service may do too much.
    if check().succeeds() { Ok(()) } else { check().run() }
}
