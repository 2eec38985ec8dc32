//! The bill of materials: every crate that the command and its plugins are built of, with its version and licence.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use super::target::Target;
use super::tools::{Tools, VERSION, source_date};
use crate::cargo::cargo;
use crate::workspace::{self, WASM};

/// Beside each Cargo.toml of a workspace, until it is moved.
const TEMPORARY: &str = "kiwi-dist-sbom";

/// Writes a document for the command and one for each plugin, in CycloneDX's JSON.
pub(super) fn write(tools: &Tools, plugins: &[PathBuf], out: &Path) -> Result<()> {
    let root = workspace::root();
    let command = root.join("host/cli");
    describe(tools, &command, Target::X86Gnu.triple(), &[(command.clone(), "kiwi-host".to_owned())], out)?;
    let names = plugins.iter().filter_map(|plugin| plugin.file_stem()?.to_str());
    let plugins: Vec<_> =
        names.map(|name| (workspace::plugins().join(name), format!("kiwi-host-plugin-{name}"))).collect();
    let first = &plugins.first().context("there is no plugin")?.0;
    describe(tools, first, WASM, &plugins, out)
}

/// Describes the crates of one workspace, and keeps the documents of those that are published, under these names.
fn describe(tools: &Tools, krate: &Path, target: &str, kept: &[(PathBuf, String)], out: &Path) -> Result<()> {
    let manifest = krate.join("Cargo.toml");
    let described = tools
        .cyclonedx()
        .arg("--manifest-path")
        .arg(&manifest)
        .args(["--quiet", "--format", "json", "--spec-version", "1.5", "--no-build-deps", "--target", target])
        .args(["--override-filename", TEMPORARY])
        .env("SOURCE_DATE_EPOCH", source_date()?)
        .run();
    // It writes into the directory of each crate, of those that are not published as well.
    for dir in members(&manifest)? {
        let written = dir.join(TEMPORARY).with_extension("json");
        let Ok(document) = fs::read_to_string(&written) else { continue };
        fs::remove_file(&written).with_context(|| format!("could not remove {}", written.display()))?;
        if let Some((_, name)) = kept.iter().find(|(krate, _)| *krate == dir) {
            let published = out.join(format!("{name}-{VERSION}.cdx.json"));
            let document = without_our_paths(&document);
            fs::write(&published, document).with_context(|| format!("could not write {}", published.display()))?;
        }
    }
    described
}

/// The directories of a workspace's crates.
fn members(manifest: &Path) -> Result<Vec<PathBuf>> {
    let args = ["--no-deps", "--format-version", "1", "--manifest-path"];
    let metadata = cargo("metadata").args(args).arg(manifest).capture()?;
    let metadata: Value = serde_json::from_str(&metadata).context("cargo metadata did not print JSON")?;
    let packages = metadata["packages"].as_array().context("cargo metadata did not name the packages")?;
    let manifests = packages.iter().filter_map(|package| package["manifest_path"].as_str());
    Ok(manifests.filter_map(|manifest| Path::new(manifest).parent()).map(Path::to_owned).collect())
}

/// Where this clone is on this machine is nobody's business.
fn without_our_paths(document: &str) -> String {
    document.replace(&format!("{}/", workspace::root().display()), "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_crate_of_a_workspace_is_found_and_our_paths_are_not_published() {
        let found = members(&workspace::root().join("host/cli/Cargo.toml")).unwrap();
        assert!(
            ["host/cli", "host/store", "host/xtask"].iter().all(|dir| found.contains(&workspace::root().join(dir)))
        );
        let document = format!(r#"{{"bom-ref":"path+file://{}/host/cli#0"}}"#, workspace::root().display());
        assert_eq!(without_our_paths(&document), r#"{"bom-ref":"path+file:///host/cli#0"}"#);
    }
}
