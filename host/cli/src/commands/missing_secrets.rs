//! Secrets that cannot be read now. They may be on their way, so that is a warning.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use kiwi_host::{CacheConfig, DatabaseUrl, Proxy, Secret, SecretSource};

use crate::config::Config;

/// How long a file may take to be read. One that hangs (a lost mount) must not keep the host from starting.
const TIMEOUT: Duration = Duration::from_secs(2);

/// A secret that cannot be read.
pub(super) struct MissingSecret {
    /// What it is for: "secret `api_token`".
    pub(super) subject: String,
    /// Why it cannot be read, and what to do.
    pub(super) message: String,
}

/// Those of the whole configuration.
pub(super) fn of_config(config: &Config) -> Vec<MissingSecret> {
    missing(config, |_| true, |_| true, |_| true)
}

/// Those that these caches need.
pub(super) fn of_caches(config: &Config, caches: &[CacheConfig]) -> Vec<MissingSecret> {
    let needs_secret =
        |name: &str| caches.iter().any(|cache| cache.grants.secrets.iter().any(|secret| secret.name == name));
    let needs_auth = |name: &str| caches.iter().any(|cache| cache.grants.auth.iter().any(|auth| auth.name == name));
    let needs_connection =
        |name: &str| caches.iter().any(|cache| cache.grants.connections.iter().any(|it| it.name == name));
    missing(config, needs_secret, needs_auth, needs_connection)
}

fn missing(
    config: &Config,
    needs_secret: impl Fn(&str) -> bool,
    needs_auth: impl Fn(&str) -> bool,
    needs_connection: impl Fn(&str) -> bool,
) -> Vec<MissingSecret> {
    let secrets = config.credentials.secrets().filter(|(name, _)| needs_secret(name));
    let secrets = secrets.map(|(name, source)| (format!("secret `{name}`"), format!("secrets.{name}"), source));
    let auth = config.credentials.all_auth().filter(|auth| needs_auth(&auth.name));
    let auth = auth.map(|auth| (format!("auth `{}`", auth.name), format!("auth.{}", auth.name), auth.kind.secret()));
    let proxy = config.http.proxy.as_ref().and_then(Proxy::secret);
    let proxy = proxy.map(|source| ("http".to_owned(), "http.proxy".to_owned(), source));
    let connections = config.connections.iter().filter(|connection| needs_connection(&connection.name));
    let connections = connections.flat_map(|connection| {
        let url = match &connection.url {
            DatabaseUrl::Secret(source) => Some(source),
            DatabaseUrl::Plain(_) => None,
        };
        let sources = url.into_iter().chain(&connection.password);
        let name = &connection.name;
        sources.map(move |source| (format!("connection `{name}`"), format!("connections.{name}"), source))
    });
    let missing = secrets.chain(auth).chain(proxy).chain(connections).filter_map(|(subject, key, source)| {
        let why = unreadable(source)?;
        let what_to_do = match source {
            SecretSource::Env(_) => "set it before kiwi-host starts".to_owned(),
            SecretSource::File(_) => {
                format!("create it, or correct `{key}` in kiwi.toml: it is read again for each load")
            }
        };
        Some(MissingSecret { subject, message: format!("{why}; {what_to_do}") })
    });
    missing.collect()
}

/// Why a secret cannot be read.
fn unreadable(source: &SecretSource) -> Option<String> {
    let (read, reading) = mpsc::sync_channel(1);
    let of_thread = source.clone();
    let work = move || drop(read.send(Secret::read(&of_thread).err().map(|failure| failure.message)));
    match thread::Builder::new().name("kiwi-secret".into()).spawn(work) {
        Err(_) => None,
        Ok(_) => reading
            .recv_timeout(TIMEOUT)
            .unwrap_or_else(|_| Some(format!("{source} cannot be read within {}s", TIMEOUT.as_secs()))),
    }
}
