//! Installing what a bare machine lacks. Each step looks first, and says what to do where it cannot.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::command::{Run, say};
use crate::workspace::{self, WASM};
use crate::{debian, python};

/// The build that `cargo xtask lint` was last run with: another one may know other licences.
const CARGO_DENY: &str = "0.20.2";

/// All of it.
pub(crate) fn everything() -> Result<()> {
    wasm_target()?;
    redis_server()?;
    python::kiwi_cache()?;
    lint_tools()?;
    say("everything is there: `cargo xtask demo`, `cargo xtask test`, `cargo xtask lint`");
    Ok(())
}

/// The standard library for components.
pub(crate) fn wasm_target() -> Result<()> {
    let sysroot = Run::new("rustc").args(["--print", "sysroot"]).capture()?;
    if Path::new(sysroot.trim()).join("lib/rustlib").join(WASM).is_dir() {
        return Ok(());
    }
    if !Run::new("rustup").arg("--version").succeeds() {
        bail!(
            "Rust's {WASM} target is missing, and so is rustup, which would install it: \
             get rustup from https://rustup.rs, or your distribution's package of that target"
        );
    }
    Run::new("rustup").args(["target", "add", WASM]).run()
}

/// A `redis-server` for the tests, which start their own on a free port.
pub(crate) fn redis_server() -> Result<()> {
    if Run::new("redis-server").arg("--version").succeeds() {
        return Ok(());
    }
    debian::install("redis-server", "Redis 6.2 or newer (or Valkey, as `redis-server`)")
}

/// rustfmt, clippy and cargo-deny.
pub(crate) fn lint_tools() -> Result<()> {
    for (tool, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if !Run::cargo(tool).arg("--version").succeeds() {
            Run::new("rustup").args(["component", "add", component]).run()?;
        }
    }
    let deny = cargo_deny()?;
    if Run::new(&deny).arg("--version").succeeds() {
        return Ok(());
    }
    // Unoptimised: it runs for seconds, but an optimised build of it takes many minutes.
    Run::cargo("install")
        .args([
            "--locked",
            "--quiet",
            "--debug",
            "--no-default-features",
            "--version",
            CARGO_DENY,
            "cargo-deny",
            "--root",
        ])
        .arg(tools_dir()?)
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .run()
}

/// Our own cargo-deny, of the version we name.
pub(crate) fn cargo_deny() -> Result<PathBuf> {
    Ok(tools_dir()?.join("bin/cargo-deny"))
}

/// Beside what is built, so that it is cached with it.
fn tools_dir() -> Result<PathBuf> {
    Ok(workspace::target_dir()?.join("tools").join(format!("cargo-deny-{CARGO_DENY}")))
}
