//! What a cache's requests carry that its plugin does not see: secrets in the place of placeholders, and the header
//! `authorization` where the host authenticates.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use url::Url;

use super::allowance::Allowance;
use super::network::Network;
use super::placeholder::{filled, sensitive};
use super::policy::allows;
use super::token::{Given, TokenSource, Tokens};
use crate::config::auth::{Auth, AuthKind};
use crate::config::grants::Grants;
use crate::config::secret_grant::SecretGrant;
use crate::entries::progress::Waiting;
use crate::failure::{Failure, FailureKind};
use crate::outside::secret::Secret;

/// The credentials of one cache.
#[derive(Debug)]
pub(super) struct Credentials {
    secrets: Vec<SecretGrant>,
    auth: Vec<Authenticator>,
}

#[derive(Debug)]
struct Authenticator {
    auth: Auth,
    tokens: Option<Arc<TokenSource>>,
}

/// The headers of one request, on their way out.
pub(super) struct Outgoing<'c> {
    pub(super) headers: HeaderMap,
    used: Option<Used<'c>>,
}

/// A token of OAuth 2.0 that was there already: the server may refuse it.
struct Used<'c> {
    tokens: &'c TokenSource,
    token: Secret,
}

impl Outgoing<'_> {
    /// After a server has refused the request: whether another one, with another token, is worth a try.
    pub(super) async fn is_worth_another_try(&self) -> bool {
        match &self.used {
            Some(Used { tokens, token }) => tokens.drop_refused(token).await,
            None => false,
        }
    }
}

impl Credentials {
    pub(super) fn new(grants: &Grants, tokens: &Tokens) -> Self {
        let authenticator = |auth: &Auth| {
            let tokens = match &auth.kind {
                AuthKind::OAuth2(oauth2) => Some(tokens.of(oauth2)),
                AuthKind::Bearer { .. } | AuthKind::Basic { .. } => None,
            };
            Authenticator { auth: auth.clone(), tokens }
        };
        Self { secrets: grants.secrets.clone(), auth: grants.auth.iter().map(authenticator).collect() }
    }

    /// The headers for one server: a copy of the guest's, with what it does not see.
    ///
    /// # Errors
    /// As [`filled`]; the host cannot authenticate now (`Unavailable`).
    pub(super) async fn outgoing(
        &self,
        guests: &HeaderMap,
        url: &Url,
        network: &Network,
        allowance: &Allowance,
    ) -> Result<Outgoing<'_>, Failure> {
        let names = |auth: &&Authenticator| auth.auth.hosts.iter().any(|host| allows(host, url));
        let Some(authenticator) = self.auth.iter().find(names) else {
            let headers = filled(guests, url, &self.secrets, &allowance.secrets).await?;
            return Ok(Outgoing { headers, used: None });
        };
        // The host's word counts here, and not what the guest says of itself.
        let mut guests = guests.clone();
        guests.remove(AUTHORIZATION);
        let mut headers = filled(&guests, url, &self.secrets, &allowance.secrets).await?;
        let (authorization, used) = authenticator.authorization(network, allowance).await?;
        headers.insert(AUTHORIZATION, authorization);
        Ok(Outgoing { headers, used })
    }
}

impl Authenticator {
    async fn authorization(
        &self,
        network: &Network,
        allowance: &Allowance,
    ) -> Result<(HeaderValue, Option<Used<'_>>), Failure> {
        let name = &self.auth.name;
        let secret =
            async |what: &str, source| allowance.secrets.read(&format!("the {what} of auth `{name}`"), source).await;
        match &self.auth.kind {
            AuthKind::Bearer { token } => Ok((self.header("Bearer", secret("token", token).await?.expose())?, None)),
            AuthKind::Basic { user, password } => {
                let pair = format!("{user}:{}", secret("password", password).await?.expose());
                let encoded = Secret::new(BASE64_STANDARD.encode(pair));
                allowance.secrets.note(&encoded);
                Ok((self.header("Basic", encoded.expose())?, None))
            }
            AuthKind::OAuth2(_) => {
                let Some(tokens) = &self.tokens else { return Err(self.failed("it has no source of tokens")) };
                let waiting = Waiting::World(format!("a token of auth `{name}`").into());
                let given = allowance.progress.waiting_for(waiting, tokens.token(network, allowance)).await;
                let Given { token, is_new } = given.map_err(|failure| self.failed(&failure.message))?;
                allowance.secrets.note(&token);
                let header = self.header("Bearer", token.expose())?;
                Ok((header, (!is_new).then_some(Used { tokens, token })))
            }
        }
    }

    fn header(&self, scheme: &str, secret: &str) -> Result<HeaderValue, Failure> {
        let header = sensitive(format!("{scheme} {secret}").as_bytes());
        header.map_err(|_| self.failed("its secret is not one line of text, and cannot be sent in a header"))
    }

    fn failed(&self, why: &str) -> Failure {
        Failure::new(FailureKind::Unavailable, format!("auth `{}`: {why}", self.auth.name))
    }
}
