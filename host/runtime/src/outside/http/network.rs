//! What the HTTP clients of all caches of a host share: their connections, the certificates, the proxy.

use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use kiwi_tls::{ClientConfig, TlsOptions};
use percent_encoding::percent_decode_str;
use reqwest::{ClientBuilder, redirect};
use tokio::time::Instant;
use url::Url;

use super::connections::{Connections, IDLE_PER_ORIGIN, IDLE_TIMEOUT};
use crate::config::http_options::{ClientCertificate, HttpOptions, Proxy, ProxyAddress, parse_proxy_url};
use crate::failure::{Failure, FailureKind, chain};
use crate::outside::load_secrets::LoadSecrets;
use crate::outside::secret::Secret;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often it is looked at whether the files of certificates were replaced.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// What the clients of all caches of a host share.
pub(crate) struct Network {
    pub(super) connections: Connections,
    options: HttpOptions,
    /// Made when the first request needs it: the system's certificates are many.
    tls: tokio::sync::Mutex<Option<Tls>>,
    /// The URL of the proxy that was read last, where it is a secret, and how often it has changed.
    proxy: Mutex<(Option<Secret>, u64)>,
}

/// The TLS configuration of the files as they were.
struct Tls {
    config: ClientConfig,
    stamps: Vec<Option<Stamp>>,
    looked_at: Instant,
    generation: u64,
}

/// What changes when a file is replaced: its inode, its length, its time.
type Stamp = (u64, u64, Option<SystemTime>);

/// How a request gets to its server.
pub(super) struct Route {
    tls: ClientConfig,
    proxy: Option<Url>,
    /// Another one must not use the connections of this one.
    pub(super) generation: (u64, u64),
}

impl Route {
    /// The proxy that requests go through, for messages.
    pub(super) fn proxy(&self) -> Option<String> {
        self.proxy.as_ref().map(|proxy| proxy.origin().ascii_serialization())
    }

    /// A client for this route. Without a proxy it still needs a resolver that checks addresses.
    pub(super) fn client(&self) -> Result<ClientBuilder, Failure> {
        let builder = reqwest::Client::builder()
            .tls_backend_preconfigured(self.tls.clone())
            .user_agent(concat!("kiwi-host/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_max_idle_per_host(IDLE_PER_ORIGIN)
            .pool_idle_timeout(IDLE_TIMEOUT);
        Ok(match &self.proxy {
            None => builder.no_proxy(),
            // The URL is not shown: there may be a password in it.
            Some(proxy) => {
                builder.proxy(reqwest::Proxy::all(proxy.clone()).map_err(|_| no_client(&"the proxy's URL"))?)
            }
        })
    }
}

impl Network {
    pub(crate) fn new(connections: Connections, options: HttpOptions) -> Self {
        Self { connections, options, tls: tokio::sync::Mutex::default(), proxy: Mutex::default() }
    }

    /// Whether requests to this URL go through a proxy, which resolves its name.
    pub(super) fn is_proxied(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        self.options.proxy.as_ref().is_some_and(|proxy| proxy.serves(host))
    }

    /// How a request gets to this URL.
    ///
    /// # Errors
    /// The proxy's URL, or a file of certificates, cannot be read (`Unavailable`).
    pub(super) async fn route(&self, url: &Url, secrets: &LoadSecrets) -> Result<Route, Failure> {
        let (proxy, proxy_generation) = match self.is_proxied(url) {
            false => (None, 0),
            true => self.proxy(secrets).await?,
        };
        let needs_tls = url.scheme() == "https" || proxy.as_ref().is_some_and(|proxy| proxy.scheme() == "https");
        let (tls, tls_generation) = match needs_tls {
            true => self.tls().await?,
            // Never used, and must not fail on a machine that trusts no certificates.
            false => (TlsOptions::client_config_without_trust().map_err(|error| no_client(&chain(&error)))?, 0),
        };
        Ok(Route { tls, proxy, generation: (proxy_generation, tls_generation) })
    }

    /// A client for the server that gives tokens. The operator names that server, so its address is not checked.
    ///
    /// # Errors
    /// As `route`.
    pub(super) async fn client_for_tokens(&self, url: &Url, secrets: &LoadSecrets) -> Result<reqwest::Client, Failure> {
        let route = self.route(url, secrets).await?;
        route.client()?.pool_max_idle_per_host(0).build().map_err(|error| no_client(&chain(&error)))
    }

    async fn proxy(&self, secrets: &LoadSecrets) -> Result<(Option<Url>, u64), Failure> {
        let Some(proxy) = &self.options.proxy else { return Ok((None, 0)) };
        let (url, generation) = match &proxy.address {
            ProxyAddress::Url(url) => (url.clone(), 0),
            ProxyAddress::Secret(source) => {
                let secret = secrets.read_url("the URL of the proxy", source).await?;
                let url = parse_proxy_url(secret.expose()).map_err(|error| {
                    Failure::new(FailureKind::Unavailable, format!("{source} has no URL of a proxy: {error}"))
                })?;
                (url, self.proxy_generation(secret))
            }
        };
        if let Some(password) = url.password() {
            let password = percent_decode_str(password).decode_utf8_lossy().into_owned();
            secrets.note(&Secret::new(password));
        }
        Ok((Some(url), generation))
    }

    fn proxy_generation(&self, secret: Secret) -> u64 {
        let mut known = self.proxy.lock().unwrap_or_else(PoisonError::into_inner);
        if known.0.as_ref() != Some(&secret) {
            *known = (Some(secret), known.1 + 1);
        }
        known.1
    }

    /// The certificates as they are now. Where files were replaced by what cannot be used, those before them stay.
    async fn tls(&self) -> Result<(ClientConfig, u64), Failure> {
        let mut known = self.tls.lock().await;
        let files = certificate_files(&self.options);
        if let Some(tls) = &*known
            && (files.is_empty() || tls.looked_at.elapsed() < LOOK_INTERVAL)
        {
            return Ok((tls.config.clone(), tls.generation));
        }
        let before = known.as_ref().map(|tls| tls.stamps.clone());
        let options = tls_options(&self.options);
        // It reads files.
        let looking = tokio::task::spawn_blocking(move || {
            let stamps: Vec<_> = files.iter().map(|file| stamp(file)).collect();
            let made = (before.as_ref() != Some(&stamps)).then(|| options.client_config());
            (stamps, made)
        });
        let (stamps, made) = looking.await.map_err(|panic| no_client(&panic))?;
        let looked_at = Instant::now();
        match (&mut *known, made) {
            (Some(tls), None) => tls.looked_at = looked_at,
            (Some(tls), Some(Err(error))) => {
                tracing::warn!("the certificates in use stay, because the new ones cannot be used: {}", chain(&error));
                (tls.looked_at, tls.stamps) = (looked_at, stamps);
            }
            (Some(tls), Some(Ok(config))) => {
                *tls = Tls { config, stamps, looked_at, generation: tls.generation + 1 };
            }
            (None, Some(Ok(config))) => *known = Some(Tls { config, stamps, looked_at, generation: 0 }),
            (None, Some(Err(error))) => return Err(Failure::new(FailureKind::Unavailable, chain(&error))),
            (None, None) => return Err(no_client(&"no certificates")),
        }
        let tls = known.as_ref().ok_or_else(|| no_client(&"no certificates"))?;
        Ok((tls.config.clone(), tls.generation))
    }
}

/// Whether the files of certificates can be used, as they are now.
///
/// # Errors
/// A file cannot be read, or does not hold what is expected.
pub fn check_certificates(options: &HttpOptions) -> Result<(), String> {
    if certificate_files(options).is_empty() {
        return Ok(());
    }
    tls_options(options).client_config().map(drop).map_err(|error| chain(&error))
}

/// The host and the port of a proxy. Reads its URL if that is a secret, and blocks for a file.
///
/// # Errors
/// It cannot be read, or is not the URL of a proxy. The message does not show it.
pub fn proxy_address(proxy: &Proxy) -> Result<(String, u16), String> {
    let url = match &proxy.address {
        ProxyAddress::Url(url) => url.clone(),
        ProxyAddress::Secret(source) => {
            let secret = Secret::read(source).map_err(|failure| failure.message)?;
            parse_proxy_url(secret.expose()).map_err(|error| format!("{source}: {error}"))?
        }
    };
    let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default());
    Ok((host.to_owned(), port))
}

fn tls_options(options: &HttpOptions) -> TlsOptions {
    let tls = TlsOptions::new();
    let tls = options.ca.iter().fold(tls, |tls, ca| tls.with_extra_ca(ca));
    let client = options.client_certificate.iter();
    client.fold(tls, |tls, ClientCertificate { certificate, key }| tls.with_client_certificate(certificate, key))
}

fn certificate_files(options: &HttpOptions) -> Vec<PathBuf> {
    let client = options.client_certificate.iter().flat_map(|client| [&client.certificate, &client.key]);
    options.ca.iter().chain(client).cloned().collect()
}

fn stamp(file: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(file).ok()?;
    Some((metadata.ino(), metadata.len(), metadata.modified().ok()))
}

pub(super) fn no_client(why: &dyn fmt::Display) -> Failure {
    Failure::new(FailureKind::Other, format!("cannot create an HTTP client: {why}"))
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").field("options", &self.options).finish_non_exhaustive()
    }
}
