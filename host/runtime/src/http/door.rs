//! Sends a loader's request: checks the grants at every step, follows redirects, gives the answer.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, LOCATION,
    PROXY_AUTHENTICATE, RANGE, RETRY_AFTER, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

use super::policy::{Policy, without_secrets};
use super::{Allowance, Body};
use crate::failure::{Failure, FailureKind, chain};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
const MOST_REDIRECTS: usize = 10;
const MOST_HEADERS: usize = 100;
const MOST_HEADER_BYTES: usize = 64 << 10;
/// What follows from the URL and the body, or is about the connection and not the request: left out
/// of what a loader sends.
const SET_BY_THE_HOST: [HeaderName; 8] =
    [HOST, CONTENT_LENGTH, CONNECTION, UPGRADE, TE, TRAILER, TRANSFER_ENCODING, PROXY_AUTHENTICATE];
/// What goes on to another origin; anything else may be a secret.
const SAFE_ELSEWHERE: [HeaderName; 6] = [ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, USER_AGENT, CONTENT_TYPE, RANGE];
/// Name look-ups of one plugin at a time: each takes one of the threads that all caches share.
const MOST_LOOKUPS: usize = 4;
/// Connections are pooled by scheme and port; a guest that tries many ports must not fill memory.
const MOST_CLIENTS: usize = 16;

/// The way of one cache's plugin to the network. Connections live on between loads.
#[derive(Debug)]
pub(crate) struct Door {
    policy: Arc<Policy>,
    lookups: Arc<Semaphore>,
    clients: Mutex<HashMap<(String, u16), reqwest::Client>>,
}

/// What a loader asks for.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) timeout: Option<Duration>,
}

/// What the server answered, the body still to be read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    /// How long the server asks to be left alone, where it refuses for now.
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Body,
}

/// A request that has been understood: one step of a chain of redirects.
struct Step {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Option<bytes::Bytes>,
}

impl Door {
    pub(crate) fn new(policy: Policy) -> Self {
        Self { policy: Arc::new(policy), lookups: Arc::new(Semaphore::new(MOST_LOOKUPS)), clients: Mutex::default() }
    }

    /// A door that lets nothing through.
    pub(crate) fn without_grants() -> Self {
        Self::new(Policy::new(Vec::new()))
    }

    /// Sends, follows redirects, and waits for the head of the answer.
    ///
    /// # Errors
    /// `Limit` when too many answers are open; `Denied` without a grant; `InvalidSettings` for what
    /// is no request; `Unavailable` without an answer.
    pub(crate) async fn send(&self, request: Request, allowance: &Allowance) -> Result<Answer, Failure> {
        self.send_from(allowance.place()?, request, allowance).await
    }

    /// A place for an answer from this URL, before anything is held for its request.
    ///
    /// # Errors
    /// `Limit` when too many answers are open or asked for; `Denied` without a grant.
    pub(crate) fn admit(&self, url: &str, allowance: &Allowance) -> Result<OwnedSemaphorePermit, Failure> {
        self.policy.check_url(&parse_url(url)?)?;
        allowance.place()
    }

    /// As `send`, with a place that was given before.
    pub(crate) async fn send_from(
        &self,
        place: OwnedSemaphorePermit,
        request: Request,
        allowance: &Allowance,
    ) -> Result<Answer, Failure> {
        let timeout = request.timeout.unwrap_or(DEFAULT_TIMEOUT);
        let mut step = Step::parse(request)?;
        for _ in 0..=MOST_REDIRECTS {
            let response = self.send_once(&step, timeout).await?;
            match step.redirected(&response)? {
                Some(next) => step = next,
                None => return Ok(answer(step.url, response, timeout, place, allowance)),
            }
        }
        let shown = without_secrets(&step.url);
        Err(Failure::new(
            FailureKind::Unavailable,
            format!("more than {MOST_REDIRECTS} redirects, the last to {shown}"),
        ))
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
                Err(Failure::new(FailureKind::Unavailable, format!("no answer from {} within {timeout:?}", shown())))
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
        let client = reqwest::Client::builder()
            .user_agent(concat!("kiwi-host/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT_TIMEOUT)
            .dns_resolver(resolver)
            .build()
            .map_err(|error| {
                Failure::new(FailureKind::Other, format!("no HTTP client can be made: {}", chain(&error)))
            })?;
        if clients.len() >= MOST_CLIENTS {
            clients.clear();
        }
        clients.insert(key, client.clone());
        Ok(client)
    }
}

fn answer(
    url: Url,
    mut response: reqwest::Response,
    timeout: Duration,
    place: OwnedSemaphorePermit,
    allowance: &Allowance,
) -> Answer {
    let headers = std::mem::take(response.headers_mut());
    let refused = matches!(response.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    let retry_after = headers.get(RETRY_AFTER).filter(|_| refused).and_then(retry_after);
    let status = response.status();
    Answer { status, url, headers, retry_after, body: Body::new(response, place, timeout, allowance.most_bytes) }
}

impl Step {
    fn parse(request: Request) -> Result<Self, Failure> {
        let invalid = |what: String| Failure::new(FailureKind::InvalidSettings, what);
        let url = parse_url(&request.url)?;
        let method = Method::from_bytes(request.method.as_bytes())
            .map_err(|_| invalid(format!("`{}` is no HTTP method", request.method.escape_debug())))?;
        let header_bytes: usize = request.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        if request.headers.len() > MOST_HEADERS || header_bytes > MOST_HEADER_BYTES {
            return Err(invalid(format!(
                "a request has more than {MOST_HEADERS} headers, or {MOST_HEADER_BYTES} bytes of them"
            )));
        }
        let mut headers = HeaderMap::new();
        for (name, value) in request.headers {
            let name = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| invalid(format!("`{}` is no header name", name.escape_debug())))?;
            // The value is not shown: it may be a secret.
            let value = HeaderValue::from_bytes(&value)
                .map_err(|_| invalid(format!("the value of header `{name}` is not one line of text")))?;
            if !SET_BY_THE_HOST.contains(&name) {
                headers.append(name, value);
            }
        }
        Ok(Self { method, url, headers, body: request.body.map(Into::into) })
    }

    /// Where the answer leads on to, as browsers do it; `None`: it is the answer.
    fn redirected(&self, response: &reqwest::Response) -> Result<Option<Self>, Failure> {
        let keeps_method = match response.status().as_u16() {
            301..=303 => false,
            307 | 308 => true,
            _ => return Ok(None),
        };
        let Some(location) = response.headers().get(LOCATION) else { return Ok(None) };
        let url = location.to_str().ok().and_then(|location| self.url.join(location).ok()).ok_or_else(|| {
            let shown = without_secrets(&self.url);
            Failure::new(FailureKind::Unavailable, format!("{shown} redirects to something that is no URL"))
        })?;
        let mut headers = self.headers.clone();
        if url.origin() != self.url.origin() {
            for name in self.headers.keys().filter(|name| !SAFE_ELSEWHERE.contains(name)) {
                headers.remove(name);
            }
        }
        if keeps_method || self.method == Method::HEAD || self.method == Method::GET {
            return Ok(Some(Self { method: self.method.clone(), url, headers, body: self.body.clone() }));
        }
        headers.remove(CONTENT_TYPE);
        Ok(Some(Self { method: Method::GET, url, headers, body: None }))
    }
}

fn parse_url(url: &str) -> Result<Url, Failure> {
    Url::parse(url).map_err(|error| {
        let message = format!("a URL is wrong ({error}): expected an absolute http or https URL");
        Failure::new(FailureKind::InvalidSettings, message)
    })
}

fn not_sent(error: reqwest::Error, url: &Url) -> Failure {
    let kind = match denied_address(&error) {
        Some(denied) => return Failure::new(FailureKind::Denied, denied.to_string()),
        None if error.is_builder() => FailureKind::InvalidSettings,
        None => FailureKind::Unavailable,
    };
    let shown = without_secrets(url);
    Failure::new(kind, format!("no answer from {shown}: {}", chain(&error.without_url())))
}

fn retry_after(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = httpdate::parse_http_date(text).ok()?;
    Some(at.duration_since(std::time::SystemTime::now()).unwrap_or_default())
}

/// Resolves names as the system does, and gives only addresses that the policy allows.
struct CheckedResolver {
    policy: Arc<Policy>,
    lookups: Arc<Semaphore>,
    scheme: String,
    port: u16,
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (policy, lookups, scheme, port) =
            (self.policy.clone(), self.lookups.clone(), self.scheme.clone(), self.port);
        Box::pin(async move {
            let place = lookups.acquire_owned().await?;
            let host = name.as_str().to_owned();
            // In a task of its own, because the thread stays taken when nobody waits for it any more.
            let lookup = tokio::spawn(async move {
                let _place = place;
                tokio::net::lookup_host((host, port)).await.map(Iterator::collect)
            });
            let found: Vec<SocketAddr> = lookup.await??;
            let (allowed, refused): (Vec<_>, Vec<_>) =
                found.into_iter().partition(|found| policy.allows_address(&scheme, found.ip(), port));
            if allowed.is_empty()
                && let Some(refused) = refused.first()
            {
                return Err(DeniedAddress { name: name.as_str().to_owned(), scheme, address: *refused }.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[derive(Debug, thiserror::Error)]
#[error(
    "`{name}` leads to {}, an address that is not of the public internet: if the plugin may go there, add \
     `http = [\"{scheme}://{address}\"]` to this cache's grants, beside the name's own",
    address.ip()
)]
struct DeniedAddress {
    name: String,
    scheme: String,
    address: SocketAddr,
}

fn denied_address(error: &reqwest::Error) -> Option<&DeniedAddress> {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(denied) = error.downcast_ref() {
            return Some(denied);
        }
        cause = error.source();
    }
    None
}
