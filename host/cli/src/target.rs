//! What a command works on: the configuration, and the store that the command line or the
//! configuration names.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use kiwi_store::{Error, Layout, Store, StoreUrl};

use crate::args::TargetArgs;
use crate::config::Config;

/// The store if there is neither a configuration nor --store.
const DEFAULT_STORE: &str = ".kiwi";

/// The configuration, and the store options of the command line.
pub(crate) struct Target {
    pub(crate) config: Option<Config>,
    store: Option<StoreUrl>,
    key_prefix: Option<String>,
}

impl Target {
    /// Resolves the options of the command line against a configuration.
    pub(crate) fn new(args: &TargetArgs, config: Option<Config>) -> Result<Self> {
        let store = args
            .store
            .as_deref()
            .filter(|url| !url.is_empty())
            .map(|url| url.parse().map_err(|error| Error::invalid("invalid --store or KIWI_STORE").because(error)))
            .transpose()?;
        let key_prefix = args.key_prefix.clone().or_else(|| config.as_ref()?.key_prefix.clone());
        Ok(Self { config, store, key_prefix })
    }

    /// Opens the store to publish to. An embedded store is created if it does not exist.
    pub(crate) fn open_store(&self) -> Result<Arc<dyn Store>> {
        if self.store.is_none() && self.config.is_none() {
            tracing::info!(
                "no kiwi.toml and no --store: the store is ./{DEFAULT_STORE}, which only processes of this user on this \
                 machine can read; for Redis, use `--store redis://127.0.0.1:6379` or KIWI_STORE"
            );
        }
        self.check_grants()?;
        let store = kiwi_store::open(&self.store_url()?)?;
        tracing::info!("publishing to {}", store.location());
        Ok(store)
    }

    /// Refuses a grant that would let a plugin read an embedded store.
    pub(crate) fn check_grants(&self) -> Result<()> {
        // That it cannot be read is reported when it is opened.
        let Ok(StoreUrl::Embedded(store)) = self.store_url() else { return Ok(()) };
        for cache in self.config.iter().flat_map(|config| &config.caches) {
            for dir in &cache.grants.dirs {
                dir.check(&[&store]).map_err(|error| error.of(&cache.name))?;
            }
        }
        Ok(())
    }

    /// Opens the store to read from. An embedded store must exist.
    pub(crate) fn open_existing_store(&self) -> Result<Arc<dyn Store>> {
        let url = self.store_url()?;
        if let StoreUrl::Embedded(dir) = &url
            && !dir.is_dir()
        {
            return Err(Error::invalid(format!(
                "no store found in `{}`: use --store or KIWI_STORE, or publish here first with `kiwi-host run`",
                dir.display()
            ))
            .into());
        }
        Ok(self.with_layouts(kiwi_store::open(&url)?))
    }

    /// Passes the layouts of the configuration to the store.
    fn with_layouts(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        let caches = self.config.iter().flat_map(Config::all);
        let layouts: Vec<_> = caches
            .filter(|cache| cache.layout != Layout::Hash)
            .map(|cache| (cache.name.clone(), cache.layout.clone()))
            .collect();
        // A store that does not support these layouts has no data of these caches either.
        store.with_layouts(&layouts).unwrap_or(store)
    }

    /// The key of the digests in the store: KIWI_DIGEST_KEY, or else the password of the store. All hosts of a store have
    /// that, and nobody who sees nothing but the data.
    pub(crate) fn digest_key(&self) -> Result<Vec<u8>> {
        if let Some(key) = std::env::var_os("KIWI_DIGEST_KEY").filter(|key| !key.is_empty()) {
            return Ok(key.into_encoded_bytes());
        }
        Ok(match self.store_url()? {
            StoreUrl::Redis(options) => options.password().map_or(Vec::new(), |password| password.as_bytes().to_vec()),
            _ => Vec::new(),
        })
    }

    /// The URL of the store if it does not exist yet and the first `run` will create it.
    pub(crate) fn store_to_create(&self) -> Result<Option<String>> {
        let url = self.store_url()?;
        let absent = matches!(&url, StoreUrl::Embedded(dir) if !dir.exists());
        Ok(absent.then(|| url.to_string()))
    }

    /// --store and KIWI_STORE override the configuration.
    fn store_url(&self) -> Result<StoreUrl> {
        let url = match (&self.store, &self.config) {
            (Some(url), _) => url.clone(),
            (None, Some(Config { store: Some(source), .. })) => source.url()?,
            (None, Some(config)) => return Err(no_store(&config.path).into()),
            (None, None) => StoreUrl::Embedded(DEFAULT_STORE.into()),
        };
        Ok(match (url, &self.key_prefix) {
            (StoreUrl::Redis(options), Some(prefix)) => StoreUrl::Redis(options.with_key_prefix(prefix)?),
            (url, _) => url,
        })
    }
}

fn no_store(config: &Path) -> Error {
    Error::invalid(format!(
        "no store given: use --store or KIWI_STORE, or add `store = \"redis://127.0.0.1:6379\"` (or `store = \
         \"file:.kiwi\"` for an embedded store) at the top of `{}`",
        config.display()
    ))
}
