//! Building components: the plugins we ship, and the guests of the tests.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cargo::{Artifact, cargo_in};
use crate::command::say;
use crate::component_cache::ComponentCache;
use crate::workspace::{self, WASM};

/// Builds the plugins we ship, as `plugins/NAME.wasm`, and returns their paths.
pub(crate) fn build_plugins() -> Result<Vec<PathBuf>> {
    let plugins = workspace::plugins();
    let mut all = Vec::new();
    for component in build_all(&plugins, &ComponentCache::of_plugins()?)? {
        let installed = install(&component, &plugins)?;
        let (name, size) = (workspace::shown(&installed), fs::metadata(&installed)?.len());
        say(&format!("{name} ({} KiB)", size.div_ceil(1024)));
        all.push(installed);
    }
    Ok(all)
}

/// Builds the plugins we ship, and returns the path of one.
pub(crate) fn build_plugin(name: &str) -> Result<PathBuf> {
    build_plugins()?;
    Ok(workspace::plugins().join(format!("{name}.wasm")))
}

/// Builds the guests of the tests, in `tests/guests/target`, where the tests look for them.
pub(crate) fn build_guests() -> Result<()> {
    let guests = build_all(&workspace::guests(), &ComponentCache::of_guests()?)?;
    for guest in &guests {
        install(guest, &guests_dir())?;
    }
    say(&format!("{} guests in {}", guests.len(), workspace::shown(&guests_dir())));
    Ok(())
}

/// Builds one guest and returns its path.
pub(crate) fn build_guest(name: &str) -> Result<PathBuf> {
    let file = format!("{name}.wasm");
    let cached = ComponentCache::of_guests()?.find().unwrap_or_default();
    match cached.iter().find(|guest| guest.ends_with(&file)) {
        Some(guest) => install(guest, &guests_dir()),
        None => {
            build(&workspace::guests(), &["--package", name])?;
            Ok(guests_dir().join(file))
        }
    }
}

fn guests_dir() -> PathBuf {
    workspace::guests().join("target").join(WASM).join("release")
}

/// The components of a workspace: from the cache, or built and then cached.
fn build_all(dir: &Path, cache: &ComponentCache) -> Result<Vec<PathBuf>> {
    if let Some(components) = cache.find() {
        say(&format!("{}: {} unchanged components from the cache", workspace::shown(dir), components.len()));
        return Ok(components);
    }
    let components = build(dir, &[])?;
    cache.store(&components)?;
    Ok(components)
}

/// Builds components beside their sources, and returns their paths.
fn build(dir: &Path, args: &[&str]) -> Result<Vec<PathBuf>> {
    let mut components = Vec::new();
    cargo_in(dir, "build", &dir.join("target"))
        .args(["--release", "--target", WASM, "--message-format", "json-render-diagnostics"])
        .args(args)
        .run_with_lines(|line| components.extend(Artifact::parse(line).and_then(|artifact| artifact.component())))?;
    components.sort();
    Ok(components)
}

/// Copies a component into a directory, unless the same is there. The file is replaced in one step:
/// a host that starts meanwhile sees the old one or the new one.
pub(crate) fn install(component: &Path, dir: &Path) -> Result<PathBuf> {
    let installed = dir.join(component.file_name().context("a component has a file name")?);
    let content = fs::read(component).with_context(|| format!("could not read {}", component.display()))?;
    if fs::read(&installed).is_ok_and(|present| present == content) {
        return Ok(installed);
    }
    fs::create_dir_all(dir).with_context(|| format!("could not create {}", dir.display()))?;
    let temporary = installed.with_extension("wasm.new");
    fs::write(&temporary, content).with_context(|| format!("could not write {}", temporary.display()))?;
    fs::rename(&temporary, &installed).with_context(|| format!("could not replace {}", installed.display()))?;
    Ok(installed)
}
