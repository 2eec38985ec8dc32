//! Sends a loader's requests: checks the grants at every step, follows redirects, returns the response.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, StatusCode};
use kiwi_tls::TlsOptions;
use reqwest::redirect;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

use super::allowance::Allowance;
use super::body::Body;
use super::decoder::Decoder;
use super::policy::{Policy, without_secrets};
use super::request::{Request, Step, parse_url};
use super::resolver::{CheckedResolver, denied_address};
use crate::failure::{Failure, FailureKind, chain};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
const MAX_REDIRECTS: usize = 10;
/// Name look-ups of one plugin at a time: each takes one of the threads that all caches share.
const MAX_LOOKUPS: usize = 4;
/// Connections are pooled by scheme and port; a guest that tries many ports must not fill memory.
const MAX_CLIENTS: usize = 16;

/// How one cache's loader reaches the network. Connections stay open between loads.
#[derive(Debug)]
pub(crate) struct HttpClient {
    policy: Arc<Policy>,
    lookups: Arc<Semaphore>,
    clients: Mutex<HashMap<(String, u16), reqwest::Client>>,
}

/// A response whose body is still to be read.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    /// How long the server asks to be left alone, where it refuses for now.
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Body,
}

impl HttpClient {
    pub(crate) fn new(policy: Policy) -> Self {
        Self { policy: Arc::new(policy), lookups: Arc::new(Semaphore::new(MAX_LOOKUPS)), clients: Mutex::default() }
    }

    /// A client that refuses every request.
    pub(crate) fn without_grants() -> Self {
        Self::new(Policy::new(Vec::new()))
    }

    /// Sends a request, follows redirects, and waits for the head of the response.
    ///
    /// # Errors
    /// `Limit` when too many responses are open; `Denied` without a grant; `InvalidSettings` when the request
    /// is malformed; `Unavailable` when no response comes.
    pub(crate) async fn send(&self, request: Request, allowance: &Allowance) -> Result<Response, Failure> {
        self.send_from(allowance.place()?, request, allowance).await
    }

    /// A place for a response from this URL, before any memory is used for its request.
    ///
    /// # Errors
    /// `Limit` when too many responses are open or requested; `Denied` without a grant.
    pub(crate) fn admit(&self, url: &str, allowance: &Allowance) -> Result<OwnedSemaphorePermit, Failure> {
        self.policy.check_url(&parse_url(url)?)?;
        allowance.place()
    }

    /// As `send`, with a place from `admit`.
    pub(crate) async fn send_from(
        &self,
        place: OwnedSemaphorePermit,
        request: Request,
        allowance: &Allowance,
    ) -> Result<Response, Failure> {
        let timeout = request.timeout.unwrap_or(DEFAULT_TIMEOUT);
        let mut step = Step::parse(request)?;
        for _ in 0..=MAX_REDIRECTS {
            let response = self.send_once(&step, timeout).await?;
            match step.redirected(&response)? {
                Some(next) => step = next,
                None => return Ok(with_body(step.url, response, timeout, place, allowance)),
            }
        }
        let shown = without_secrets(&step.url);
        Err(Failure::new(FailureKind::Unavailable, format!("more than {MAX_REDIRECTS} redirects, the last to {shown}")))
    }

    async fn send_once(&self, step: &Step, timeout: Duration) -> Result<reqwest::Response, Failure> {
        self.policy.check_url(&step.url)?;
        let mut request =
            self.client(&step.url)?.request(step.method.clone(), step.url.clone()).headers(step.headers.clone());
        if let Some(body) = &step.body {
            request = request.body(body.clone());
        }
        let shown = || without_secrets(&step.url);
        match tokio::time::timeout(timeout, request.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(not_sent(error, &step.url)),
            Err(_) => {
                Err(Failure::new(FailureKind::Unavailable, format!("no response from {} within {timeout:?}", shown())))
            }
        }
    }

    /// A client for this scheme and port: its resolver refuses addresses by them.
    fn client(&self, url: &Url) -> Result<reqwest::Client, Failure> {
        let key = (url.scheme().to_owned(), url.port_or_known_default().unwrap_or_default());
        let mut clients = self.clients.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(client) = clients.get(&key) {
            return Ok(client.clone());
        }
        let resolver = CheckedResolver {
            policy: self.policy.clone(),
            lookups: self.lookups.clone(),
            scheme: key.0.clone(),
            port: key.1,
        };
        let cannot_create =
            |why: String| Failure::new(FailureKind::Other, format!("cannot create an HTTP client: {why}"));
        let tls = match url.scheme() {
            "https" => TlsOptions::new().client_config(),
            // Never used, and must not fail on a machine that trusts no certificates.
            _ => TlsOptions::client_config_without_trust(),
        };
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.map_err(|error| cannot_create(chain(&error)))?)
            .user_agent(concat!("kiwi-host/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT_TIMEOUT)
            .dns_resolver(resolver)
            .build()
            .map_err(|error| cannot_create(chain(&error)))?;
        if clients.len() >= MAX_CLIENTS {
            clients.clear();
        }
        clients.insert(key, client.clone());
        Ok(client)
    }
}

fn with_body(
    url: Url,
    mut response: reqwest::Response,
    timeout: Duration,
    place: OwnedSemaphorePermit,
    allowance: &Allowance,
) -> Response {
    let mut headers = std::mem::take(response.headers_mut());
    let refused = matches!(response.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    let retry_after = headers.get(RETRY_AFTER).filter(|_| refused).and_then(retry_after);
    let status = response.status();
    let decoder = Decoder::new(&mut headers, &allowance.memory);
    let body = Body::new(response, decoder, place, timeout, allowance.max_bytes);
    Response { status, url, headers, retry_after, body }
}

fn not_sent(error: reqwest::Error, url: &Url) -> Failure {
    let kind = match denied_address(&error) {
        Some(denied) => return Failure::new(FailureKind::Denied, denied.to_string()),
        None if error.is_builder() => FailureKind::InvalidSettings,
        None => FailureKind::Unavailable,
    };
    let shown = without_secrets(url);
    Failure::new(kind, format!("no response from {shown}: {}", chain(&error.without_url())))
}

fn retry_after(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = httpdate::parse_http_date(text).ok()?;
    Some(at.duration_since(std::time::SystemTime::now()).unwrap_or_default())
}
