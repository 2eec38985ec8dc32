//! Sends a loader's requests: checks the grants at every step, follows redirects, returns the response.

use std::sync::Arc;
use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};
use tokio::sync::Semaphore;
use url::Url;

use super::allowance::{Allowance, Place};
use super::body::Body;
use super::connections::{CacheId, Connections};
use super::credentials::{Credentials, Outgoing};
use super::decoder::Decoder;
use super::network::{Network, Route, no_client};
use super::policy::{Policy, without_secrets};
use super::request::{Request, Step, parse_url};
use super::resolver::{CheckedResolver, denied_address};
use super::retry_after::retry_after;
use super::token::Tokens;
use crate::config::grants::Grants;
use crate::config::http_options::HttpOptions;
use crate::entries::progress::Waiting;
use crate::failure::{Failure, FailureKind, chain};

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
const MAX_REDIRECTS: usize = 10;
/// Name look-ups of one plugin at a time: each takes one of the threads that all caches share.
const MAX_LOOKUPS: usize = 4;

/// What the clients of all caches of a host share. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct SharedHttp {
    network: Arc<Network>,
    tokens: Arc<Tokens>,
}

impl SharedHttp {
    /// For a process that may open this many files.
    pub(crate) fn new(max_files: u64, options: HttpOptions) -> Self {
        let network = Network::new(Connections::for_open_files(max_files), options);
        Self { network: Arc::new(network), tokens: Arc::default() }
    }
}

/// How one cache's loader reaches the network. Connections stay open between loads.
#[derive(Debug)]
pub(crate) struct HttpClient {
    policy: Arc<Policy>,
    lookups: Arc<Semaphore>,
    network: Arc<Network>,
    cache: CacheId,
    credentials: Credentials,
}

/// What a request needs to be sent to one server.
struct Prepared<'c> {
    outgoing: Outgoing<'c>,
    route: Route,
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
    pub(crate) fn new(grants: &Grants, shared: &SharedHttp) -> Self {
        Self {
            policy: Arc::new(Policy::new(grants.http.clone())),
            lookups: Arc::new(Semaphore::new(MAX_LOOKUPS)),
            network: shared.network.clone(),
            cache: shared.network.connections.new_cache(),
            credentials: Credentials::new(grants, &shared.tokens),
        }
    }

    /// A client that refuses every request.
    pub(crate) fn without_grants() -> Self {
        Self::new(&Grants::default(), &SharedHttp::new(0, HttpOptions::default()))
    }

    /// Sends a request, follows redirects, and waits for the head of the response.
    ///
    /// # Errors
    /// `Limit` when too many responses are open, or the body takes too much memory; `Denied` without a grant of the
    /// server, or of a secret for it; `InvalidSettings` when the request is malformed; `Unavailable` when no response
    /// comes, or a secret cannot be read.
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
        self.check(&parse_url(url)?)?;
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
        self.check(&step.url)?;
        place.connect(self.network.connections.place(timeout).await?);
        let mut redirected_by = None;
        for _ in 0..=MAX_REDIRECTS {
            let sent = self.send_step(&step, timeout, allowance).await;
            let response = sent.map_err(|failure| after_redirect(failure, redirected_by.as_ref(), &step.url))?;
            match step.redirected(&response)? {
                Some(next) => redirected_by = Some(std::mem::replace(&mut step, next).url),
                None => return Ok(with_body(step.url, response, timeout, place, allowance)),
            }
        }
        let shown = without_secrets(&step.url);
        Err(Failure::new(FailureKind::Unavailable, format!("more than {MAX_REDIRECTS} redirects, the last to {shown}")))
    }

    /// Sends a request to one server, with what the guest does not see. If that server refuses a token that was kept,
    /// once again with another one.
    async fn send_step(
        &self,
        step: &Step,
        timeout: Duration,
        allowance: &Allowance,
    ) -> Result<reqwest::Response, Failure> {
        self.check(&step.url)?;
        let prepared = self.prepare(step, allowance).await?;
        let refused = match self.send_once(step, &prepared, timeout, allowance).await? {
            response if response.status() == StatusCode::UNAUTHORIZED => response,
            response => return Ok(response),
        };
        if !prepared.outgoing.is_worth_another_try().await {
            return Ok(refused);
        }
        drop(refused);
        let prepared = self.prepare(step, allowance).await?;
        self.send_once(step, &prepared, timeout, allowance).await
    }

    /// Reads the secrets that a request needs.
    async fn prepare(&self, step: &Step, allowance: &Allowance) -> Result<Prepared<'_>, Failure> {
        let prepared = async {
            let outgoing = self.credentials.outgoing(&step.headers, &step.url, &self.network, allowance).await?;
            Ok(Prepared { outgoing, route: self.network.route(&step.url, &allowance.secrets).await? })
        };
        let prepared = prepared.await;
        allowance.secrets.set_problem(prepared.as_ref().err().cloned());
        prepared
    }

    async fn send_once(
        &self,
        step: &Step,
        prepared: &Prepared<'_>,
        timeout: Duration,
        allowance: &Allowance,
    ) -> Result<reqwest::Response, Failure> {
        let Prepared { outgoing, route } = prepared;
        let client = self.client(&step.url, route)?;
        let mut request = client.request(step.method.clone(), step.url.clone()).headers(outgoing.headers.clone());
        if let Some(body) = &step.body {
            request = request.body(body.clone());
        }
        let answer = Waiting::World(format!("a response from {}", step.url.origin().ascii_serialization()).into());
        let sent = tokio::time::timeout(timeout, request.send());
        match allowance.progress.waiting_for(answer, sent).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(not_sent(error, &step.url, route)),
            Err(_) => {
                let shown = no_response(&step.url, route);
                Err(Failure::new(FailureKind::Unavailable, format!("{shown} within {timeout:?}")))
            }
        }
    }

    /// Whether a request to this URL may be tried.
    fn check(&self, url: &Url) -> Result<(), Failure> {
        self.policy.check_url(url)?;
        if self.network.is_proxied(url) { self.policy.check_proxied(url) } else { Ok(()) }
    }

    /// A client for this origin: its resolver refuses addresses by scheme and port.
    fn client(&self, url: &Url, route: &Route) -> Result<reqwest::Client, Failure> {
        let (proxy, certificates) = route.generation;
        let key = format!("{} {proxy} {certificates}", url.origin().ascii_serialization());
        self.network.connections.client(self.cache, &key, || self.new_client(url, route))
    }

    fn new_client(&self, url: &Url, route: &Route) -> Result<reqwest::Client, Failure> {
        let resolver = CheckedResolver {
            policy: self.policy.clone(),
            lookups: self.lookups.clone(),
            scheme: url.scheme().to_owned(),
            port: url.port_or_known_default().unwrap_or_default(),
        };
        let client = match route.proxy() {
            None => route.client()?.dns_resolver(resolver),
            // It would see the proxy's name, which is the operator's, and not the server's.
            Some(_) => route.client()?,
        };
        client.build().map_err(|error| no_client(&chain(&error)))
    }
}

impl Drop for HttpClient {
    fn drop(&mut self) {
        self.network.connections.forget(self.cache);
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

fn not_sent(error: reqwest::Error, url: &Url, route: &Route) -> Failure {
    let kind = match denied_address(&error) {
        Some(denied) => return Failure::new(FailureKind::Denied, denied.to_string()),
        None if error.is_builder() => FailureKind::InvalidSettings,
        None => FailureKind::Unavailable,
    };
    Failure::new(kind, format!("{}: {}", no_response(url, route), chain(&error.without_url())))
}

fn no_response(url: &Url, route: &Route) -> String {
    let through = route.proxy().map_or(String::new(), |proxy| format!(" through the proxy {proxy}"));
    format!("no response from {}{through}", without_secrets(url))
}
