//! Which configuration and which store a command works on.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use kiwi_store::{Error, Layout, Store, StoreUrl};

use crate::args::PlaceArgs;
use crate::config::Config;

/// The store that is used where there is no configuration.
const DEFAULT_STORE: &str = ".kiwi";

/// The configuration, and what the command line says of the store.
pub(crate) struct Place {
    pub(crate) config: Option<Config>,
    store: Option<StoreUrl>,
    key_prefix: Option<String>,
}

impl Place {
    /// A configuration, and where the command line places the data.
    pub(crate) fn new(args: &PlaceArgs, config: Option<Config>) -> Result<Self> {
        let store = args.store.as_deref().filter(|url| !url.is_empty()).map(|url| {
            url.parse().map_err(|error| Error::invalid("--store (or KIWI_STORE) names no store").because(error))
        });
        let store = store.transpose()?;
        let key_prefix = args.key_prefix.clone().or_else(|| config.as_ref()?.key_prefix.clone());
        Ok(Self { config, store, key_prefix })
    }

    /// Opens the store to publish in; an embedded one is made where there is none yet.
    pub(crate) fn open_store(&self) -> Result<Arc<dyn Store>> {
        if self.store.is_none() && self.config.is_none() {
            tracing::info!(
                "no configuration: the store is ./{DEFAULT_STORE}, which every process of this user can read; for Redis \
                 say `--store redis://127.0.0.1:6379`, or set KIWI_STORE"
            );
        }
        let store = kiwi_store::open(&self.store_url()?)?;
        tracing::info!("maps are published in {}", store.location());
        Ok(store)
    }

    /// Opens the store to look into. An embedded one must be there.
    pub(crate) fn look_into_store(&self) -> Result<Arc<dyn Store>> {
        let url = self.store_url()?;
        if let StoreUrl::Embedded(dir) = &url
            && !dir.is_dir()
        {
            return Err(Error::invalid(format!(
                "there is no store in `{}`: name another with `--store` or KIWI_STORE, or publish here first with \
                 `kiwi-host run`",
                dir.display()
            ))
            .into());
        }
        Ok(self.with_layouts(kiwi_store::open(&url)?))
    }

    /// The store, knowing what the configuration says of the layouts.
    fn with_layouts(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        let caches = self.config.iter().flat_map(|config| &config.caches);
        let laid_out: Vec<_> = caches
            .filter(|cache| cache.layout != Layout::Hash)
            .map(|cache| (cache.name.clone(), cache.layout.clone()))
            .collect();
        // A store that has no such layout has nothing of these caches either.
        store.with_layouts(&laid_out).unwrap_or(store)
    }

    /// Which store it is, for people, and whether it will be made by the first who publishes there.
    pub(crate) fn store_to_be_made(&self) -> Result<Option<String>> {
        let url = self.store_url()?;
        let absent = matches!(&url, StoreUrl::Embedded(dir) if !dir.exists());
        Ok(absent.then(|| url.to_string()))
    }

    /// The command line and KIWI_STORE win over the configuration.
    fn store_url(&self) -> Result<StoreUrl> {
        let url = match (&self.store, &self.config) {
            (Some(url), _) | (None, Some(Config { store: Some(url), .. })) => url.clone(),
            (None, Some(config)) => return Err(nowhere(&config.path).into()),
            (None, None) => StoreUrl::Embedded(DEFAULT_STORE.into()),
        };
        Ok(match (url, &self.key_prefix) {
            (StoreUrl::Redis(options), Some(prefix)) => StoreUrl::Redis(options.with_key_prefix(prefix)?),
            (url, _) => url,
        })
    }
}

fn nowhere(config: &Path) -> Error {
    Error::invalid(format!(
        "`{}` does not say where maps are published: add at its top `store = \"redis://127.0.0.1:6379\"`, or \
         `store = \"file:.kiwi\"` for the embedded store; `--store` and KIWI_STORE would win over it",
        config.display()
    ))
}
