//! Built components, kept in the host's target directory by the hash of all that they are built from.
//! CI keeps that directory, so a fresh clone does not build them again if nothing has changed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use xxhash_rust::xxh3::Xxh3;

use crate::cargo::{cargo, target_dir};
use crate::command::Run;
use crate::workspace::{self, WASM};

/// How many sets of components are kept for each workspace.
const MAX_SETS: usize = 5;

/// Environment variables whose names begin like this change what cargo and rustc build.
const ENVIRONMENT: [&str; 5] =
    ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_PROFILE_", "CARGO_BUILD_", "CARGO_TARGET_WASM"];

/// The components of one workspace, built from the sources as they are now.
pub(crate) struct ComponentCache {
    sources: Vec<PathBuf>,
    sets: PathBuf,
    key: String,
}

impl ComponentCache {
    /// The plugins we ship.
    pub(crate) fn of_plugins() -> Result<Self> {
        Self::new("plugins", vec![workspace::plugins(), workspace::rows()])
    }

    /// The guests of the tests, which are built with the SDK in `plugins`.
    pub(crate) fn of_guests() -> Result<Self> {
        Self::new("guests", vec![workspace::plugins(), workspace::guests()])
    }

    /// Components of Python and JavaScript that are built against a published version of the contract.
    pub(crate) fn of_kept() -> Result<Self> {
        let sources = ["python", "javascript", "loader-0.1.0.wit"].map(|name| workspace::kept().join(name));
        Self::new("kept", [&sources[..], &[workspace::root().join("host/xtask/src/kept.rs")]].concat())
    }

    fn new(name: &str, mut sources: Vec<PathBuf>) -> Result<Self> {
        let root = workspace::root();
        sources.extend([workspace::wit(), root.join("rust-toolchain.toml"), root.join(".cargo")]);
        let sets = target_dir()?.join(name);
        Ok(Self { key: key(&sources)?, sources, sets })
    }

    /// The cached components, if there are any.
    pub(crate) fn find(&self) -> Option<Vec<PathBuf>> {
        let files = fs::read_dir(self.set()).ok()?;
        let mut files: Vec<PathBuf> = files.map(|file| Ok(file?.path())).collect::<Result<_>>().ok()?;
        files.sort();
        (!files.is_empty()).then_some(files)
    }

    /// Stores built components, unless a source has changed since the key was computed.
    pub(crate) fn store(&self, components: &[PathBuf]) -> Result<()> {
        if key(&self.sources)? != self.key {
            return Ok(());
        }
        let incomplete = self.sets.join(format!("{}.{}", self.key, std::process::id()));
        fs::create_dir_all(&incomplete).with_context(|| format!("could not create {}", incomplete.display()))?;
        for component in components {
            let name = component.file_name().context("a component has a file name")?;
            fs::copy(component, incomplete.join(name))
                .with_context(|| format!("could not copy {}", component.display()))?;
        }
        // Fails if another process has stored the same set in the meantime.
        if fs::rename(&incomplete, self.set()).is_err() {
            fs::remove_dir_all(&incomplete)?;
        }
        self.prune()
    }

    fn set(&self) -> PathBuf {
        self.sets.join(&self.key)
    }

    /// Deletes all but the newest sets.
    fn prune(&self) -> Result<()> {
        let mut sets = Vec::new();
        for set in fs::read_dir(&self.sets)? {
            let set = set?;
            sets.push((set.metadata()?.modified()?, set.path()));
        }
        sets.sort();
        let obsolete = sets.len().saturating_sub(MAX_SETS);
        for (_, set) in &sets[..obsolete] {
            fs::remove_dir_all(set).with_context(|| format!("could not remove {}", set.display()))?;
        }
        Ok(())
    }
}

/// A hash of the sources, the toolchain, the target and the environment. The profile is in the
/// sources' Cargo.toml.
fn key(sources: &[PathBuf]) -> Result<String> {
    let mut hasher = Xxh3::new();
    for source in sources {
        hash_files(source, &mut hasher)?;
    }
    hash_text(WASM, &mut hasher);
    hash_text(&Run::new("rustc").arg("-vV").capture()?, &mut hasher);
    hash_text(&cargo("-vV").capture()?, &mut hasher);
    if let Some(home) =
        std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(std::env::home_dir()?.join(".cargo")))
    {
        for config in ["config.toml", "config"].map(|name| home.join(name)).iter().filter(|path| path.is_file()) {
            hash_files(config, &mut hasher)?;
        }
    }
    let mut variables: Vec<(String, String)> = std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
        .filter(|(name, _)| ENVIRONMENT.iter().any(|prefix| name.starts_with(prefix)))
        .collect();
    variables.sort();
    for (name, value) in variables {
        hash_text(&name, &mut hasher);
        hash_text(&value, &mut hasher);
    }
    Ok(format!("{:032x}", hasher.digest128()))
}

/// Hashes a file, or all files of a directory but those that builds leave there.
fn hash_files(path: &Path, hasher: &mut Xxh3) -> Result<()> {
    let read = || format!("could not read {}", path.display());
    let relative = path.strip_prefix(workspace::root()).unwrap_or(path);
    if path.is_symlink() {
        hash_text(&relative.to_string_lossy(), hasher);
        hash_text(&fs::read_link(path).with_context(read)?.to_string_lossy(), hasher);
    } else if path.is_dir() {
        let entries = fs::read_dir(path).with_context(read)?;
        let mut entries: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
        entries.retain(|entry| {
            !entry.ends_with("target") && entry.extension().is_none_or(|extension| extension != "wasm")
        });
        entries.sort();
        entries.iter().try_for_each(|entry| hash_files(entry, hasher))?;
    } else {
        hash_text(&relative.to_string_lossy(), hasher);
        let content = fs::read(path).with_context(read)?;
        hasher.update(&(content.len() as u64).to_le_bytes());
        hasher.update(&content);
    }
    Ok(())
}

fn hash_text(text: &str, hasher: &mut Xxh3) {
    hasher.update(&(text.len() as u64).to_le_bytes());
    hasher.update(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(dir: &Path) -> String {
        key(&[dir.to_owned()]).unwrap()
    }

    #[test]
    fn the_key_depends_on_names_and_contents_but_not_on_build_results() {
        let dir = std::env::temp_dir().join(format!("xtask-component-cache-{}", std::process::id()));
        fs::create_dir_all(dir.join("src")).unwrap();
        let write = |name: &str, text: &str| fs::write(dir.join(name), text).unwrap();
        write("src/lib.rs", "fn a() {}");
        let first = key_of(&dir);
        assert_eq!(key_of(&dir), first);

        fs::create_dir_all(dir.join("target")).unwrap();
        write("target/built", "x");
        write("plugin.wasm", "x");
        assert_eq!(key_of(&dir), first, "build results");

        write("src/lib.rs", "fn b() {}");
        let second = key_of(&dir);
        assert_ne!(second, first, "a changed file");
        fs::rename(dir.join("src/lib.rs"), dir.join("src/main.rs")).unwrap();
        assert_ne!(key_of(&dir), second, "a renamed file");
        fs::remove_dir_all(dir).unwrap();
    }
}
