//! Tokens of OAuth 2.0 (client credentials): fetched once for all loads, kept, and renewed before they expire.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::StatusCode;
use http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use serde::Deserialize;
use tokio::time::{Instant, timeout};
use url::{Url, form_urlencoded};

use super::allowance::Allowance;
use super::network::Network;
use super::placeholder::sensitive;
use super::policy::without_secrets;
use super::retry_after::retry_after;
use crate::config::auth::{ClientAuth, OAuth2};
use crate::failure::{Failure, FailureKind, chain};
use crate::outside::secret::Secret;

/// How long a server may take to answer with a token.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The largest answer.
const MAX_BYTES: usize = 64 << 10;
/// How long a token is used that does not say how long it lives.
const DEFAULT_LIFE: Duration = Duration::from_secs(300);
/// A token is asked for anew after a day, however long it lives.
const MAX_LIFE: Duration = Duration::from_secs(86_400);
/// How long before its end a token is renewed, at most: it must live until the request arrives.
const MAX_MARGIN: Duration = Duration::from_secs(60);
/// All who wait for a token share a failure for so long, and a guest that tries again at once does not ask again.
const FAILURE_LIFE: Duration = Duration::from_secs(1);
/// How often at most a token is replaced because a server has refused it.
const REPLACEMENT_INTERVAL: Duration = Duration::from_secs(5);

/// The tokens of all caches of a host: caches with the same credentials share one.
#[derive(Default)]
pub(super) struct Tokens(Mutex<HashMap<OAuth2, Weak<TokenSource>>>);

impl Tokens {
    pub(super) fn of(&self, oauth2: &OAuth2) -> Arc<TokenSource> {
        let mut sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sources.retain(|_, source| source.strong_count() > 0);
        if let Some(known) = sources.get(oauth2).and_then(Weak::upgrade) {
            return known;
        }
        let source = Arc::new(TokenSource { oauth2: oauth2.clone(), state: tokio::sync::Mutex::default() });
        sources.insert(oauth2.clone(), Arc::downgrade(&source));
        source
    }
}

/// Where the tokens of one client come from.
pub(super) struct TokenSource {
    oauth2: OAuth2,
    /// Held while a token is fetched: the others wait for it.
    state: tokio::sync::Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    failed: Option<(Instant, Failure)>,
    replaced: Option<Instant>,
}

#[derive(Clone)]
struct Token {
    secret: Secret,
    until: Instant,
}

/// A token, and whether it was there already.
pub(super) struct Given {
    pub(super) token: Secret,
    pub(super) is_new: bool,
}

impl TokenSource {
    /// A token that is valid for a while.
    ///
    /// # Errors
    /// There is none now (`Unavailable`), whatever the reason is: the client's secret may be replaced at any time.
    pub(super) async fn token(&self, network: &Network, allowance: &Allowance) -> Result<Given, Failure> {
        let mut state = self.state.lock().await;
        if let Some(token) = state.token.as_ref().filter(|token| token.until > Instant::now()) {
            return Ok(Given { token: token.secret.clone(), is_new: false });
        }
        if let Some((_, failure)) = state.failed.as_ref().filter(|(at, _)| at.elapsed() < FAILURE_LIFE) {
            return Err(failure.clone());
        }
        let secret = allowance.secrets.read("the client's secret", &self.oauth2.client_secret).await?;
        match self.fetch(network, allowance, &secret).await {
            Ok(token) => {
                *state = State { token: Some(token.clone()), failed: None, replaced: state.replaced };
                Ok(Given { token: token.secret, is_new: true })
            }
            Err(failure) => {
                // Others see it, too, whose loads have not read this secret.
                let failure = allowance.secrets.scrub_failure(failure);
                state.failed = Some((Instant::now(), failure.clone()));
                Err(failure)
            }
        }
    }

    /// Drops a token that a server has refused. `false`: that was done a moment ago, so another one is not worth a try.
    pub(super) async fn drop_refused(&self, refused: &Secret) -> bool {
        let mut state = self.state.lock().await;
        if state.token.as_ref().is_some_and(|token| token.secret != *refused) {
            // Somebody else was faster.
            return true;
        }
        if state.replaced.is_some_and(|at| at.elapsed() < REPLACEMENT_INTERVAL) {
            return false;
        }
        state.token = None;
        state.replaced = Some(Instant::now());
        true
    }

    async fn fetch(&self, network: &Network, allowance: &Allowance, secret: &Secret) -> Result<Token, Failure> {
        let url = Url::parse(self.oauth2.token_url()).map_err(|error| self.failed(&error.to_string()))?;
        let asked = Instant::now();
        let answer = timeout(TIMEOUT, self.ask(network, allowance, &url, secret)).await;
        let (status, body) = answer.map_err(|_| self.failed(&format!("no answer within {TIMEOUT:?}")))??;
        if status != StatusCode::OK {
            return Err(self.refused(status, &body));
        }
        let malformed = || self.failed("the answer is not a token: expected JSON with `access_token`");
        let answer: Answer = serde_json::from_slice(&body).map_err(|_| malformed())?;
        if answer.token_type.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
            return Err(self.failed("the answer has a token that is not of the type `bearer`"));
        }
        let token = Secret::new(answer.access_token);
        allowance.secrets.note(&token);
        if token.expose().is_empty() || sensitive(token.expose().as_bytes()).is_err() {
            return Err(malformed());
        }
        let life = answer.expires_in.map_or(DEFAULT_LIFE, |life| Duration::from_secs(life.seconds()));
        let life = life.min(MAX_LIFE);
        Ok(Token { secret: token, until: asked + life - MAX_MARGIN.min(life / 10) })
    }

    /// Sends the request, and reads all of the answer.
    async fn ask(
        &self,
        network: &Network,
        allowance: &Allowance,
        url: &Url,
        secret: &Secret,
    ) -> Result<(StatusCode, Vec<u8>), Failure> {
        let client = network.client_for_tokens(url, &allowance.secrets).await?;
        let mut request = client
            .post(url.clone())
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(self.form(secret));
        if self.oauth2.client_auth == ClientAuth::Basic {
            // RFC 6749 has both parts encoded as in a form.
            let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let (id, secret) = (encoded(&self.oauth2.client_id), encoded(secret.expose()));
            allowance.secrets.note(&Secret::new(BASE64_STANDARD.encode(format!("{id}:{secret}"))));
            request = request.basic_auth(id, Some(secret));
        }
        let broken = |error: reqwest::Error| self.failed(&chain(&error.without_url()));
        let mut response = request.send().await.map_err(broken)?;
        allowance.set_retry_after(response.headers().get(RETRY_AFTER).and_then(retry_after));
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            if body.len() + chunk.len() > MAX_BYTES {
                return Err(self.failed(&format!("the answer has more than {MAX_BYTES} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok((response.status(), body))
    }

    /// The body of the request.
    fn form(&self, secret: &Secret) -> String {
        let OAuth2 { client_id, client_auth, scope, audience, .. } = &self.oauth2;
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        for (name, value) in [("scope", scope), ("audience", audience)] {
            form.extend_pairs(value.iter().map(|value| (name, value)));
        }
        if *client_auth == ClientAuth::Body {
            form.append_pair("client_id", client_id).append_pair("client_secret", secret.expose());
        }
        form.finish()
    }

    /// Of the body, only the `error` code of RFC 6749 is shown.
    fn refused(&self, status: StatusCode, body: &[u8]) -> Failure {
        #[derive(Deserialize)]
        struct Refusal {
            error: String,
        }
        let is_code = |code: &str| {
            let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
            (1..=64).contains(&code.len()) && code.bytes().all(is_part)
        };
        let code = serde_json::from_slice::<Refusal>(body).ok().map(|refusal| refusal.error);
        let code = code.filter(|code| is_code(code)).map_or(String::new(), |code| format!(" ({code})"));
        let what = match status.as_u16() {
            400 | 401 | 403 => "; check `client_id`, `client_secret`, `scope` and `audience`",
            300..=399 => ": a redirect, which is not followed; correct `token_url`",
            404 | 405 => "; check `token_url`",
            _ => "",
        };
        self.failed(&format!("it answered with status {}{code}{what}", status.as_u16()))
    }

    fn failed(&self, why: &str) -> Failure {
        let shown = Url::parse(self.oauth2.token_url()).map_or(String::new(), |url| without_secrets(&url));
        Failure::new(FailureKind::Unavailable, format!("no token from {shown}: {why}"))
    }
}

/// An answer with a token.
#[derive(Deserialize)]
struct Answer {
    access_token: String,
    token_type: Option<String>,
    expires_in: Option<Life>,
}

/// A number of seconds. Some servers write it as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Life {
    Seconds(u64),
    Fraction(f64),
    Text(String),
}

impl Life {
    /// What is not a number of seconds is a token that is used once.
    fn seconds(&self) -> u64 {
        match self {
            Self::Seconds(seconds) => *seconds,
            Self::Fraction(seconds) => *seconds as u64,
            Self::Text(text) => text.parse().unwrap_or(0),
        }
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens")
    }
}

impl std::fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenSource").field("oauth2", &self.oauth2).finish_non_exhaustive()
    }
}
