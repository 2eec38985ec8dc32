//! A component, compiled and found to be a loader.

use std::path::{Path, PathBuf};

use wasmtime::component::Component;
use xxhash_rust::xxh3::xxh3_128;

use super::shared::{Resources, Sandbox};
use super::v0_1::loader::Loader;
use super::{check, compiler};
use crate::printable;

/// A component that was compiled and found to be a loader.
pub(crate) struct Plugin {
    pub(super) path: PathBuf,
    pub(super) loader: Loader,
    pub(super) resources: Resources,
    hash: u128,
    contract: Option<String>,
    imports: Vec<String>,
    is_described: bool,
}

impl Plugin {
    /// The file it came from.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Names the bytes of the file.
    pub(crate) fn hash(&self) -> u128 {
        self.hash
    }

    /// The world it was built for.
    pub(crate) fn world(&self) -> &'static str {
        if self.is_described { "described-loader" } else { "loader" }
    }

    /// The version of the contract it was built against; `None` when it uses nothing of it by name.
    pub(crate) fn contract_version(&self) -> Option<&str> {
        self.contract.as_deref()
    }

    /// What it imports, sorted.
    pub(crate) fn imports(&self) -> &[String] {
        &self.imports
    }

    /// Whether it exports `describe`.
    pub(crate) fn is_described(&self) -> bool {
        self.is_described
    }
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Sandbox {
    /// Reads, checks and compiles a component.
    ///
    /// # Errors
    /// The file cannot be read, or is not a loader that this host can run: what it is instead, and what
    /// to do.
    pub(crate) async fn plugin(&self, path: &Path) -> Result<Plugin, String> {
        let bytes = read(path).await?;
        check::check_bytes(&bytes)?;
        let hash = xxh3_128(&bytes);
        let component = self.compiled(bytes).await?;
        if let Some(cache) = &self.cache {
            let (read, compiled) = (cache.cache_hits(), cache.cache_misses());
            tracing::debug!(
                "{}: this process has read {read} plugins from its cache and compiled {compiled}",
                path.display()
            );
        }
        self.checked(path, &component, hash)
    }

    async fn compiled(&self, bytes: Vec<u8>) -> Result<Component, String> {
        // The sandbox never closes it.
        let _permit = self.compilers.acquire().await.map_err(|closed| closed.to_string())?;
        compiler::compile(&self.compilation, &bytes).await?;
        let engine = self.engine.clone();
        let compiling = tokio::task::spawn_blocking(move || Component::from_binary(&engine, &bytes));
        let compiled = tokio::time::timeout(compiler::TIMEOUT, compiling).await.map_err(|_| compiler::too_slow())?;
        let compiled = compiled.map_err(|panic| format!("it cannot be compiled: {panic}"))?;
        compiled.map_err(|cause| check::not_a_component(&cause))
    }

    fn linked(&self, component: &Component) -> Result<Loader, String> {
        self.linker.instantiate_pre(component).and_then(Loader::new).map_err(|cause| {
            format!(
                "it uses an import in another way than this host offers it; build it again ({})",
                check::words(&cause)
            )
        })
    }

    fn checked(&self, path: &Path, component: &Component, hash: u128) -> Result<Plugin, String> {
        let engine = &self.engine;
        let contract = check::check_contract(component, engine)?;
        let loader = check::check_export(component, engine)
            .and_then(|()| check::check_imports(component, engine))
            .and_then(|()| self.linked(component))
            .map_err(|error| check::misfit(contract.as_deref(), error))?;
        let ty = component.component_type();
        let mut imports: Vec<String> = ty.imports(engine).map(|(name, _)| name.to_owned()).collect();
        imports.sort();
        Ok(Plugin {
            path: path.to_owned(),
            loader,
            resources: self.resources.clone(),
            hash,
            contract,
            imports,
            is_described: ty.get_export(engine, "describe").is_some(),
        })
    }
}

async fn read(path: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |cause: std::io::Error| match cause.kind() {
        std::io::ErrorKind::NotFound => {
            "there is no such file: expected a WebAssembly component; build it, or fix `plugin` in kiwi.toml".to_owned()
        }
        _ => format!("it cannot be read: {cause}"),
    };
    let size = tokio::fs::metadata(path).await.map_err(unreadable)?.len();
    if size > check::MAX_BYTES {
        return Err(format!(
            "it has {size} bytes, more than the {} allowed: expected a smaller component (strip its debug sections)",
            printable::bytes(check::MAX_BYTES)
        ));
    }
    tokio::fs::read(path).await.map_err(unreadable)
}
