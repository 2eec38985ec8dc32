//! `cargo xtask lint`: formatting, clippy, and what may be linked.

use anyhow::Result;

use crate::command::{Run, say};
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
    for dir in [workspace::root().to_owned(), workspace::plugins(), workspace::guests()] {
        Run::cargo("fmt").args(["--all", "--check", "--manifest-path"]).arg(dir.join("Cargo.toml")).run()?;
    }
    Ok(())
}

fn clippy() -> Result<()> {
    let deny_warnings = ["--", "-D", "warnings"];
    Run::cargo("clippy").args(["--workspace", "--all-targets"]).args(deny_warnings).run()?;
    // The loaders' code that only exists in a component, then their tests, which run natively.
    for dir in [workspace::plugins(), workspace::guests()] {
        workspace::cargo_in(&dir, "clippy").args(["--workspace", "--target", WASM]).args(deny_warnings).run()?;
    }
    workspace::cargo_in(&workspace::plugins(), "clippy")
        .args(["--workspace", "--all-targets"])
        .args(deny_warnings)
        .run()
}

fn dependencies() -> Result<()> {
    let deny = setup::cargo_deny()?;
    for dir in [workspace::root().to_owned(), workspace::plugins()] {
        let check = |what: &[&str]| {
            Run::new(&deny)
                .arg("--manifest-path")
                .arg(dir.join("Cargo.toml"))
                .args(["check", "--hide-inclusion-graph", "--config"])
                .arg(workspace::root().join("deny.toml"))
                .args(what)
        };
        check(&["licenses", "bans", "sources"]).run()?;
        if Run::new(&deny).arg("--manifest-path").arg(dir.join("Cargo.toml")).args(["fetch", "db"]).succeeds() {
            check(&["advisories"]).run()?;
        } else {
            say("advisories were NOT checked: the database at https://github.com/rustsec/advisory-db is out of reach");
        }
    }
    Ok(())
}
