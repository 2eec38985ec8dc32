//! Building components: the loaders we ship, and the guests of the tests.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::command::{Run, say};
use crate::workspace::{self, WASM};

/// Builds the loaders we ship and leaves them as `plugins/NAME.wasm`.
pub(crate) fn build() -> Result<()> {
    for built in components(&workspace::plugins())? {
        let name = built.file_name().context("a component has a name")?;
        let place = workspace::plugins().join(name);
        install(&built, &place)?;
        let size = fs::metadata(&place)?.len();
        say(&format!("plugins/{} ({} KiB)", name.to_string_lossy(), size.div_ceil(1024)));
    }
    Ok(())
}

/// Builds the guests of the tests, which find them in `tests/guests/target`.
pub(crate) fn build_guests() -> Result<()> {
    let built = components(&workspace::guests())?;
    say(&format!("{} guests in tests/guests", built.len()));
    Ok(())
}

/// Builds one guest and says where it is.
pub(crate) fn build_guest(name: &str) -> Result<PathBuf> {
    let guests = workspace::guests();
    workspace::cargo_in(&guests, "build").args(["--release", "--target", WASM, "--package", name]).run()?;
    Ok(guests.join("target").join(WASM).join("release").join(name).with_extension("wasm"))
}

/// Builds a workspace of components; cargo skips what is up to date, and says which files they are.
fn components(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut built = Vec::new();
    workspace::cargo_in(dir, "build")
        .args(["--release", "--target", WASM, "--message-format", "json-render-diagnostics"])
        .run_seeing(|line| built.extend(component_in(line)))?;
    built.sort();
    Ok(built)
}

/// The component that a line of cargo's messages tells of.
fn component_in(message: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let files = message["filenames"].as_array()?;
    files.iter().filter_map(Value::as_str).find(|file| file.ends_with(".wasm")).map(PathBuf::from)
}

/// Puts a file in its place in one step, and only if it differs: a host that runs it sees the old
/// one or the new one.
fn install(from: &Path, to: &Path) -> Result<()> {
    let content = fs::read(from).with_context(|| format!("{} cannot be read", from.display()))?;
    if fs::read(to).is_ok_and(|present| present == content) {
        return Ok(());
    }
    let beside = to.with_extension("wasm.new");
    fs::write(&beside, content).with_context(|| format!("{} cannot be written", beside.display()))?;
    fs::rename(&beside, to).with_context(|| format!("{} cannot be replaced", to.display()))
}

/// Builds the `kiwi-host` command and says where it is.
pub(crate) fn build_command() -> Result<PathBuf> {
    let mut command = None;
    Run::cargo("build")
        .args(["--package", "kiwi-host-cli", "--message-format", "json-render-diagnostics"])
        .run_seeing(|line| command = executable_in(line).or(command.take()))?;
    command.context("cargo names the built command")
}

fn executable_in(message: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    message["executable"].as_str().map(PathBuf::from)
}
