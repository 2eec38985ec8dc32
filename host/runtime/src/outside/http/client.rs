//! Sends a loader's requests: checks the grants at every step, follows redirects, returns the response.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, StatusCode};
use kiwi_tls::{ClientConfig, TlsOptions};
use reqwest::redirect;
use tokio::sync::Semaphore;
use url::Url;

use super::allowance::{Allowance, Place};
use super::body::Body;
use super::connections::{CacheId, Connections, IDLE_PER_ORIGIN, IDLE_TIMEOUT};
use super::decoder::Decoder;
use super::policy::{Policy, without_secrets};
use super::request::{Request, Step, parse_url};
use super::resolver::{CheckedResolver, denied_address};
use crate::entries::progress::Waiting;
use crate::failure::{Failure, FailureKind, chain};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
const MAX_REDIRECTS: usize = 10;
/// Name look-ups of one plugin at a time: each takes one of the threads that all caches share.
const MAX_LOOKUPS: usize = 4;
/// How one cache's loader reaches the network. Connections stay open between loads.
#[derive(Debug)]
pub(crate) struct HttpClient {
    policy: Arc<Policy>,
    lookups: Arc<Semaphore>,
    connections: Connections,
    cache: CacheId,
    /// Made once: the system's certificates are many.
    tls: Mutex<Option<ClientConfig>>,
}

/// A response whose body is still to be read.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
}

impl HttpClient {
    pub(crate) fn new(policy: Policy, connections: Connections) -> Self {
        let (policy, lookups) = (Arc::new(policy), Arc::new(Semaphore::new(MAX_LOOKUPS)));
        Self { policy, lookups, cache: connections.new_cache(), connections, tls: Mutex::default() }
    }

    /// A client that refuses every request.
    pub(crate) fn without_grants() -> Self {
        Self::new(Policy::new(Vec::new()), Connections::for_open_files(0))
    }

    /// Sends a request, follows redirects, and waits for the head of the response.
    ///
    /// # Errors
    /// `Limit` when too many responses are open, or the body takes too much memory; `Denied` without a grant;
    /// `InvalidSettings` when the request is malformed; `Unavailable` when no response comes.
    pub(crate) async fn send(&self, request: Request, allowance: &Allowance) -> Result<Response, Failure> {
        let mut place = allowance.place()?;
        place.hold(request.body.as_ref().map_or(0, |body| body.len() as u64))?;
        self.send_from(place, request, allowance).await
    }

    /// A place for a response from this URL, before any memory is used for its request.
    ///
    /// # Errors
    /// `Limit` when too many responses are open or requested; `Denied` without a grant.
    pub(crate) fn admit(&self, url: &str, allowance: &Allowance) -> Result<Place, Failure> {
        self.policy.check_url(&parse_url(url)?)?;
        allowance.place()
    }

    /// As `send`, with a place from `admit`, which holds the memory of the body.
    pub(crate) async fn send_from(
        &self,
        mut place: Place,
        request: Request,
        allowance: &Allowance,
    ) -> Result<Response, Failure> {
        let timeout = request.timeout.unwrap_or(DEFAULT_TIMEOUT);
        let mut step = Step::parse(request)?;
        self.policy.check_url(&step.url)?;
        place.connect(self.connections.place(timeout).await?);
        let mut redirected_by = None;
        for _ in 0..=MAX_REDIRECTS {
            let answer = Waiting::World(format!("a response from {}", step.url.origin().ascii_serialization()).into());
            let sent = allowance.progress.waiting_for(answer, self.send_once(&step, timeout)).await;
            let response = sent.map_err(|failure| after_redirect(failure, redirected_by.as_ref(), &step.url))?;
            match step.redirected(&response)? {
                Some(next) => redirected_by = Some(std::mem::replace(&mut step, next).url),
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

    /// A client for this origin: its resolver refuses addresses by scheme and port.
    fn client(&self, url: &Url) -> Result<reqwest::Client, Failure> {
        self.connections.client(self.cache, &url.origin().ascii_serialization(), || self.new_client(url))
    }

    fn new_client(&self, url: &Url) -> Result<reqwest::Client, Failure> {
        let resolver = CheckedResolver {
            policy: self.policy.clone(),
            lookups: self.lookups.clone(),
            scheme: url.scheme().to_owned(),
            port: url.port_or_known_default().unwrap_or_default(),
        };
        reqwest::Client::builder()
            .tls_backend_preconfigured(self.tls(url.scheme()).map_err(|error| no_client(&error))?)
            .user_agent(concat!("kiwi-host/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_max_idle_per_host(IDLE_PER_ORIGIN)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .dns_resolver(resolver)
            .build()
            .map_err(|error| no_client(&error))
    }

    fn tls(&self, scheme: &str) -> Result<ClientConfig, kiwi_tls::Error> {
        if scheme != "https" {
            // Never used, and must not fail on a machine that trusts no certificates.
            return TlsOptions::client_config_without_trust();
        }
        let mut made = self.tls.lock().unwrap_or_else(PoisonError::into_inner);
        match &*made {
            Some(config) => Ok(config.clone()),
            None => Ok(made.insert(TlsOptions::new().client_config()?).clone()),
        }
    }
}

fn no_client(error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::new(FailureKind::Other, format!("cannot create an HTTP client: {}", chain(error)))
}

impl Drop for HttpClient {
    fn drop(&mut self) {
        self.connections.forget(self.cache);
    }
}

fn with_body(
    url: Url,
    mut response: reqwest::Response,
    timeout: Duration,
    place: Place,
    allowance: &Allowance,
) -> Response {
    let mut headers = std::mem::take(response.headers_mut());
    let status = response.status();
    // 429 and 503 have it by definition; others send it with a 403.
    let refused = status.is_client_error() || status.is_server_error();
    allowance.set_retry_after(headers.get(RETRY_AFTER).filter(|_| refused).and_then(retry_after));
    let decoder = Decoder::new(&mut headers, &allowance.memory);
    let body = Body::new(response, decoder, place, timeout, allowance.max_bytes);
    Response { status, url, headers, body }
}

/// A failure to reach where a redirect leads, which the loader did not ask for.
fn after_redirect(failure: Failure, redirected_by: Option<&Url>, to: &Url) -> Failure {
    match redirected_by {
        None => failure,
        Some(from) => {
            let (from, to) = (without_secrets(from), without_secrets(to));
            Failure { message: format!("{from} redirects to {to}: {}", failure.message), ..failure }
        }
    }
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
