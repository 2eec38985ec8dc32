//! The whole of one kiwi.toml.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::Result;
use kiwi_host::{CacheConfig, Connection, DatabaseTls, DatabaseUrl, HttpOptions, Proxy, SecretSource};
use kiwi_store::{Error, Name};

use super::cache::{Around, Defaults};
use super::connections;
use super::credentials::Credentials;
use super::document::{Document, Problems};
use super::section::Section;
use super::statsd::Statsd;
use super::store::StoreSource;
use super::{http, search};

/// The content of one kiwi.toml.
#[derive(Debug)]
pub(crate) struct Config {
    /// The file.
    pub(crate) path: PathBuf,
    /// Where maps are published.
    pub(crate) store: Option<StoreSource>,
    /// The prefix of all keys in Redis.
    pub(crate) key_prefix: Option<String>,
    /// Where metrics are sent.
    pub(crate) statsd: Option<Statsd>,
    /// How many caches may load at the same time.
    pub(crate) max_loads: Option<NonZeroUsize>,
    /// How the requests of plugins leave this machine.
    pub(crate) http: HttpOptions,
    /// What caches may be granted.
    pub(crate) credentials: Credentials,
    /// The values for what a cache does not set.
    pub(crate) defaults: Defaults,
    /// Databases that plugins may read.
    pub(crate) connections: Vec<Connection>,
    /// The caches that hosts load, in the order of the file.
    pub(crate) caches: Vec<CacheConfig>,
    /// Those that `kiwi-host publish` publishes.
    pub(crate) published: Vec<CacheConfig>,
}

impl Config {
    /// Reads the given file, or the kiwi.toml in the current directory or nearest above it, if there is one.
    pub(crate) fn find(path: Option<&Path>) -> Result<Option<Self>> {
        let Some(path) = search::path(path) else { return Ok(None) };
        tracing::info!("using the configuration {}", path.display());
        Self::load(&path).map(Some)
    }

    /// All caches, whatever fills them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &CacheConfig> {
        self.caches.iter().chain(&self.published)
    }

    /// Whether there is a cache of this name.
    pub(crate) fn has(&self, name: &Name) -> bool {
        self.all().any(|cache| cache.name == *name)
    }

    fn load(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path)
            .map_err(|error| Error::invalid(format!("could not read `{}`", path.display())).because(error))?;
        Ok(Self::parse(path, &text)?)
    }

    /// Reads the text of a file.
    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self, Problems> {
        let document = Document::new(path, text);
        let toml = document.parse()?;
        let config = Self::read(path, Section::top(toml.as_table(), &document));
        document.finish(config)
    }

    pub(super) fn read(path: &Path, mut section: Section<'_>) -> Self {
        let base = path.parent().unwrap_or(Path::new(""));
        let defaults = section.section("defaults").map(Defaults::read).unwrap_or_default();
        let (store, http) = (StoreSource::read(&mut section, base), http::read(&mut section, base));
        let credentials = Credentials::read(&mut section, base);
        let connections =
            section.section("connections").map(|section| connections::read(section, base)).unwrap_or_default();
        let kept = kept(path, store.as_ref(), &http, &credentials, &connections);
        let around = Around { base, credentials: &credentials, connections: &connections, kept: &kept };
        let all = section.section("cache").map(|caches| read_caches(caches, &defaults, &around)).unwrap_or_default();
        let (caches, published) = all.into_iter().partition(|cache| cache.plugin().is_some());
        let config = Self {
            path: path.to_owned(),
            store,
            key_prefix: section.text("key_prefix", |prefix| Ok(prefix.to_owned())),
            statsd: Statsd::read(&mut section),
            max_loads: section.number("max_loads", 1024).and_then(|n| NonZeroUsize::new(usize::try_from(n).ok()?)),
            connections,
            http,
            credentials,
            defaults,
            caches,
            published,
        };
        section.finish();
        config
    }
}

fn read_caches(section: Section<'_>, defaults: &Defaults, around: &Around<'_>) -> Vec<CacheConfig> {
    let mut caches: Vec<CacheConfig> = Vec::new();
    for (name, section) in section.named() {
        match name.parse::<Name>() {
            Ok(name) => caches.extend(defaults.read_cache(name, section, around, &caches)),
            Err(error) => section.problem_here(error.to_string()),
        }
    }
    caches
}

/// The files that no plugin may read: this one, and those that it reads secrets from.
fn kept(
    path: &Path,
    store: Option<&StoreSource>,
    http: &HttpOptions,
    credentials: &Credentials,
    connections: &[Connection],
) -> Vec<PathBuf> {
    let store = match store {
        Some(StoreSource::Secret(source, _)) => Some(source),
        _ => None,
    };
    let proxy = http.proxy.as_ref().and_then(Proxy::secret);
    let secrets = credentials.secrets().map(|(_, source)| source);
    let of_connections = connections.iter().flat_map(|connection| {
        let url = match &connection.url {
            DatabaseUrl::Secret(source) => Some(source),
            DatabaseUrl::Plain(_) => None,
        };
        url.into_iter().chain(&connection.password)
    });
    let sources = secrets.chain(credentials.all_auth().map(|auth| auth.kind.secret())).chain(store).chain(proxy);
    let sources = sources.chain(of_connections);
    let files = sources.filter_map(|source| match source {
        SecretSource::File(path) => Some(path),
        SecretSource::Env(_) => None,
    });
    let keys = connections.iter().filter_map(|connection| match &connection.tls {
        DatabaseTls::VerifyFull { client: Some((_, key)), .. } => Some(key),
        _ => None,
    });
    let keys = keys.chain(http.client_certificate.as_ref().map(|client| &client.key));
    let config = path.parent().unwrap_or(Path::new("")).join("kiwi.toml");
    [config].into_iter().chain(files.chain(keys).cloned()).collect()
}
