//! `cargo xtask lint`: formatting, clippy, and what may be linked.

use anyhow::Result;

use crate::command::{Run, say};
use crate::examples;
use crate::setup;
use crate::workspace::{self, WASM};

/// Checks everything; the first failure ends it.
pub(crate) fn run() -> Result<()> {
    setup::wasm_target()?;
    setup::lint_tools()?;
    formatting()?;
    clippy()?;
    dependencies()?;
    say("lint: formatting, clippy and dependencies are in order");
    Ok(())
}

fn formatting() -> Result<()> {
    let root = workspace::root().to_owned();
    for dir in [root, workspace::plugins(), workspace::guests(), workspace::embed(), workspace::moka_reads()] {
        Run::cargo("fmt").args(["--all", "--check", "--manifest-path"]).arg(dir.join("Cargo.toml")).run()?;
    }
    Ok(())
}

fn clippy() -> Result<()> {
    let deny_warnings = ["--", "-D", "warnings"];
    Run::cargo("clippy").args(["--workspace", "--all-targets"]).args(deny_warnings).run()?;
    // The host as it is without its sandbox, too.
    examples::cargo("clippy")?.arg("--all-targets").args(deny_warnings).run()?;
    workspace::cargo_in(&workspace::moka_reads(), "clippy").args(deny_warnings).run()?;
    // The loaders' code that only exists in a component, then their tests, which run natively.
    for dir in [workspace::plugins(), workspace::guests()] {
        workspace::cargo_in(&dir, "clippy").args(["--workspace", "--target", WASM]).args(deny_warnings).run()?;
    }
    workspace::cargo_in(&workspace::plugins(), "clippy")
        .args(["--workspace", "--all-targets"])
        .args(deny_warnings)
        .run()
}

/// By deny.toml, which cargo-deny finds where it runs.
fn dependencies() -> Result<()> {
    let deny = setup::cargo_deny()?;
    for dir in [workspace::root().to_owned(), workspace::plugins(), workspace::embed()] {
        let deny = || Run::new(&deny).arg("--manifest-path").arg(dir.join("Cargo.toml"));
        deny().args(["check", "--hide-inclusion-graph", "licenses", "bans", "sources"]).run()?;
        if deny().args(["fetch", "db"]).succeeds() {
            deny().args(["check", "--hide-inclusion-graph", "advisories"]).run()?;
        } else {
            say("advisories were NOT checked: the database at https://github.com/rustsec/advisory-db is out of reach");
        }
    }
    Ok(())
}
