//! A request: as a loader makes it, and as it is sent, redirect by redirect.

use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, LOCATION,
    PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, RANGE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use url::Url;

use super::decoder::ACCEPTED;
use super::policy::without_secrets;
use crate::failure::{Failure, FailureKind};

const MAX_HEADERS: usize = 100;
pub(super) const MAX_HEADER_BYTES: usize = 64 << 10;
/// What follows from the URL and the body, or is about the connection or the proxy and not the request: left out
/// of what a loader sends.
const SET_BY_THE_HOST: [HeaderName; 9] = [
    HOST,
    CONTENT_LENGTH,
    CONNECTION,
    UPGRADE,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
];
/// What goes on to another origin; anything else may be a secret.
const SAFE_ELSEWHERE: [HeaderName; 6] = [ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, USER_AGENT, CONTENT_TYPE, RANGE];
/// A request as a loader makes it.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Option<Bytes>,
    pub(crate) timeout: Option<Duration>,
}

/// A request that was parsed: one step of a chain of redirects.
pub(super) struct Step {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Bytes>,
}

impl Step {
    pub(super) fn parse(request: Request) -> Result<Self, Failure> {
        let invalid = |what: String| Failure::new(FailureKind::InvalidSettings, what);
        let url = parse_url(&request.url)?;
        let method = Method::from_bytes(request.method.as_bytes())
            .map_err(|_| invalid(format!("`{}` is not a valid HTTP method", request.method.escape_debug())))?;
        let header_bytes: usize = request.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        if request.headers.len() > MAX_HEADERS || header_bytes > MAX_HEADER_BYTES {
            return Err(invalid(format!(
                "the request has more than {MAX_HEADERS} headers, or more than {MAX_HEADER_BYTES} bytes of them"
            )));
        }
        let mut headers = HeaderMap::new();
        for (name, value) in request.headers {
            let name = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| invalid(format!("`{}` is not a valid header name", name.escape_debug())))?;
            // The value is not shown: it may be a secret.
            let value = HeaderValue::from_bytes(&value)
                .map_err(|_| invalid(format!("the value of header `{name}` is not one line of text")))?;
            if !SET_BY_THE_HOST.contains(&name) {
                headers.append(name, value);
            }
        }
        headers.entry(ACCEPT_ENCODING).or_insert(HeaderValue::from_static(ACCEPTED));
        Ok(Self { method, url, headers, body: request.body })
    }

    /// The request that a redirect leads to, as browsers follow it, but for one thing: a body goes to no other origin,
    /// because it may hold secrets as well as the headers do. `None`: the response is not a redirect.
    pub(super) fn redirected(&self, response: &reqwest::Response) -> Result<Option<Self>, Failure> {
        let keeps_method = match response.status().as_u16() {
            301..=303 => false,
            307 | 308 => true,
            _ => return Ok(None),
        };
        let Some(location) = response.headers().get(LOCATION) else { return Ok(None) };
        let url = location.to_str().ok().and_then(|location| self.url.join(location).ok()).ok_or_else(|| {
            let shown = without_secrets(&self.url);
            Failure::new(FailureKind::Unavailable, format!("{shown} redirects to something that is not a URL"))
        })?;
        let mut headers = self.headers.clone();
        let goes_elsewhere = url.origin() != self.url.origin();
        if keeps_method && goes_elsewhere && self.body.as_ref().is_some_and(|body| !body.is_empty()) {
            let (from, to, status) = (without_secrets(&self.url), without_secrets(&url), response.status().as_u16());
            let message = format!(
                "{from} redirects to {to} (status {status}), which is another server: the body of the request may hold \
                 secrets and is not sent there; if it may be, let the plugin request {to} itself"
            );
            return Err(Failure::new(FailureKind::Denied, message));
        }
        if goes_elsewhere {
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

pub(super) fn parse_url(url: &str) -> Result<Url, Failure> {
    Url::parse(url).map_err(|error| {
        let message = format!("the URL is not valid ({error}): expected an absolute http or https URL");
        Failure::new(FailureKind::InvalidSettings, message)
    })
}
