//! `cargo xtask kept`: components of Python and JavaScript that are built against the first contract go on running.
//!
//! `cargo xtask test` does not do this: the tools need Node.js, and 340 MB of packages from npm.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::cargo::{cargo, target_dir};
use crate::command::{Run, say};
use crate::component_cache::ComponentCache;
use crate::{components, host, python, setup, workspace};

/// In `tests/kept`.
const CONTRACT: &str = "loader-0.1.0.wit";
const WORLD: &str = "described-loader";

/// All packages to install, each with its version and hash. It is copied as the last step: an installation
/// without the same text is incomplete.
const LOCK: &str = "package-lock.json";

/// Builds what is missing, and runs the tests of `tests/kept`.
pub(crate) fn run() -> Result<()> {
    setup::redis_server()?;
    for component in build_all()? {
        let installed = components::install(&component, &workspace::kept().join("target"))?;
        say(&format!("{} ({} KiB)", workspace::shown(&installed), fs::metadata(&installed)?.len().div_ceil(1024)));
    }
    host::build_command()?;
    cargo("test").args(["--workspace", "--test", "kept"]).run()
}

/// The components, from the cache or built and then cached.
fn build_all() -> Result<Vec<PathBuf>> {
    let cache = ComponentCache::of_kept()?;
    if let Some(components) = cache.find() {
        return Ok(components);
    }
    let built = target_dir()?.join("workspaces/kept");
    let of_loader = built.join("python");
    fs::create_dir_all(&of_loader).with_context(|| format!("could not create {}", of_loader.display()))?;
    let [of_python, quickjs, starlingmonkey] =
        ["python", "quickjs", "starlingmonkey"].map(|name| built.join(name).with_extension("wasm"));

    let componentize_py = python::install_componentize_py()?;
    // A copy, because the tool leaves compiled files beside the sources.
    fs::copy(workspace::kept().join("python/loader.py"), of_loader.join("loader.py"))
        .context("could not copy loader.py")?;
    Run::new(componentize_py)
        .arg("--wit-path")
        .arg(workspace::kept().join(CONTRACT))
        .args(["--world", WORLD, "componentize", "--python-path"])
        .arg(&of_loader)
        .args(["loader", "--output"])
        .arg(&of_python)
        .run()?;

    let jco = install_jco()?;
    let with_quickjs: &[&str] = &["--backend", "qjs", "--backend-qjs-disable-async"];
    for (component, engine) in [(&quickjs, with_quickjs), (&starlingmonkey, &[])] {
        // jco resolves paths to sources against the directory that it runs in.
        Run::new(&jco)
            .current_dir(workspace::kept().join("javascript"))
            .args(["componentize", "loader.js", "--wit"])
            .arg(workspace::kept().join(CONTRACT))
            .args(["--world-name", WORLD])
            .args(engine)
            .arg("--out")
            .arg(component)
            .run()?;
    }
    let components = vec![of_python, quickjs, starlingmonkey];
    cache.store(&components)?;
    Ok(components)
}

/// Installs jco, which makes components of JavaScript, and returns its path.
fn install_jco() -> Result<PathBuf> {
    let (sources, dir) = (workspace::kept().join("javascript"), target_dir()?.join("tools/jco"));
    let (jco, installed) = (dir.join("node_modules/.bin/jco"), dir.join("installed.json"));
    let wanted = fs::read_to_string(sources.join(LOCK)).with_context(|| format!("could not read {LOCK}"))?;
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(jco);
    }
    if !Run::new("npm").arg("--version").succeeds() {
        bail!("`npm` is missing: install Node.js 20 or newer, then run this again");
    }
    fs::create_dir_all(&dir).with_context(|| format!("could not create {}", dir.display()))?;
    for file in ["package.json", LOCK] {
        fs::copy(sources.join(file), dir.join(file)).with_context(|| format!("could not copy {file}"))?;
    }
    Run::new("npm").args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix"]).arg(&dir).run()?;
    fs::write(&installed, wanted).with_context(|| format!("could not write {}", installed.display()))?;
    Ok(jco)
}
