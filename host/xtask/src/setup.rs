//! Installing missing tools. Each step checks first; if it cannot install, its error says what to do.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::cargo::{cargo, target_dir};
use crate::command::{Run, say};
use crate::workspace::WASM;
use crate::{debian, python};

/// The version that `cargo xtask lint` uses; other versions may know other licences.
const CARGO_DENY: &str = "0.20.2";
/// The version that `cargo xtask dist` uses.
const CARGO_CYCLONEDX: &str = "0.5.9";

/// Installs everything.
pub(crate) fn everything() -> Result<()> {
    wasm_target()?;
    redis_server()?;
    databases()?;
    sqlite()?;
    python::install_kiwi_cache()?;
    python::install_reference_reader()?;
    lint_tools()?;
    say("everything is installed; next: `cargo xtask demo`, `cargo xtask test`, `cargo xtask lint`");
    Ok(())
}

/// Installs Rust's standard library for components.
pub(crate) fn wasm_target() -> Result<()> {
    rust_target(WASM)
}

/// Installs Rust's standard library for a target.
pub(crate) fn rust_target(target: &str) -> Result<()> {
    let sysroot = Run::new("rustc").args(["--print", "sysroot"]).capture()?;
    if Path::new(sysroot.trim()).join("lib/rustlib").join(target).is_dir() {
        return Ok(());
    }
    if !Run::new("rustup").arg("--version").succeeds() {
        bail!(
            "Rust's {target} target is missing, and so is rustup, which installs it: get rustup from https://rustup.rs, or \
             install your distribution's package of that target"
        );
    }
    Run::new("rustup").args(["target", "add", target]).run()
}

/// Installs `redis-server`; each test starts its own on a free port.
pub(crate) fn redis_server() -> Result<()> {
    if Run::new("redis-server").arg("--version").succeeds() {
        return Ok(());
    }
    debian::install("redis-server", "Redis 6.2 or newer (or Valkey, as `redis-server`)")
}

/// Installs PostgreSQL, MariaDB and PgBouncer; each test program starts its own servers on free ports.
pub(crate) fn databases() -> Result<()> {
    if !Path::new("/usr/lib/postgresql").is_dir() && !Run::new("initdb").arg("--version").succeeds() {
        debian::install("postgresql", "PostgreSQL 13 or newer, with `initdb` in PATH")?;
    }
    // Debian keeps servers where only root has its PATH.
    let is_there =
        |server: &str| Path::new("/usr/sbin").join(server).is_file() || Run::new(server).arg("--version").succeeds();
    if !is_there("mariadbd") {
        debian::install("mariadb-server", "MariaDB 10.6 or newer, with `mariadbd` in PATH")?;
    }
    if !is_there("pgbouncer") {
        debian::install("pgbouncer", "PgBouncer 1.18 or newer")?;
    }
    Ok(())
}

/// Installs SQLite's command line, which benchmarks compare with.
pub(crate) fn sqlite() -> Result<()> {
    if Run::new("sqlite3").arg("--version").succeeds() {
        return Ok(());
    }
    debian::install("sqlite3", "SQLite's command line, as `sqlite3`")
}

/// Installs rustfmt, clippy and cargo-deny.
pub(crate) fn lint_tools() -> Result<()> {
    for (tool, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if !cargo(tool).arg("--version").succeeds() {
            Run::new("rustup").args(["component", "add", component]).run()?;
        }
    }
    cargo_deny().map(drop)
}

/// Our own cargo-deny, installed if it is missing.
pub(crate) fn cargo_deny() -> Result<PathBuf> {
    cargo_tool("cargo-deny", CARGO_DENY, &["--no-default-features"])
}

/// Our own cargo-cyclonedx, installed if it is missing.
pub(crate) fn cargo_cyclonedx() -> Result<PathBuf> {
    cargo_tool("cargo-cyclonedx", CARGO_CYCLONEDX, &[])
}

/// A tool from crates.io, installed if it is missing: in the target directory, so that CI caches it with the rest.
fn cargo_tool(name: &str, version: &str, features: &[&str]) -> Result<PathBuf> {
    let root = target_dir()?.join("tools").join(format!("{name}-{version}"));
    let tool = root.join("bin").join(name);
    // Not all of them have `--version`, and the directory has it in its name.
    if Run::new(&tool).arg("--help").succeeds() {
        return Ok(tool);
    }
    // A debug build: it runs for seconds, but a release build takes many minutes.
    cargo("install")
        .args(["--locked", "--quiet", "--debug"])
        .args(features)
        .args(["--version", version, name, "--root"])
        .arg(root)
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .run()?;
    Ok(tool)
}
