//! Secrets and credentials that cannot work, that nobody uses, or that others could read.

use std::env;

use kiwi_host::{AuthKind, CacheConfig, HttpGrant, SecretSource, check_certificates};

use super::grants::broad_http;
use super::report::Finding;
use crate::commands::missing_secrets::{self, MissingSecret};
use crate::config::Config;

/// What is wrong with `[secrets]`, `[auth]` and `[http]`.
pub(super) fn check(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    for MissingSecret { subject, message } in missing_secrets::of_config(config) {
        findings.push(Finding::warning(&subject, message));
    }
    let uses = |used: &dyn Fn(&CacheConfig) -> bool| config.caches.iter().any(used);
    for (name, _) in config.credentials.secrets() {
        if !uses(&|cache| cache.grants.secrets.iter().any(|secret| secret.name == name)) {
            let message = format!("no cache uses it: remove it, or grant it by `grants.secrets.{name}`");
            findings.push(Finding::warning(&format!("secret `{name}`"), message));
        }
    }
    for auth in config.credentials.all_auth() {
        let subject = format!("auth `{}`", auth.name);
        if !uses(&|cache| cache.grants.auth.iter().any(|granted| granted.name == auth.name)) {
            let message = format!("no cache uses it: remove it, or add \"{}\" to `grants.auth` of a cache", auth.name);
            findings.push(Finding::warning(&subject, message));
        }
        findings.extend(
            auth.hosts.iter().filter_map(|host| wide(host, "auth.hosts")).map(|m| Finding::warning(&subject, m)),
        );
        if let AuthKind::OAuth2(oauth2) = &auth.kind
            && oauth2.token_url().parse::<url::Url>().is_ok_and(|url| is_readable(&url))
        {
            let message =
                "`token_url` is not encrypted: whoever sees the request sees the client's secret; use `https`";
            findings.push(Finding::warning(&subject, message));
        }
    }
    findings.extend(check_certificates(&config.http).err().map(|why| Finding::warning("http", why)));
    findings.extend(unused_proxy(config).map(|message| Finding::warning("http", message)));
    findings
}

/// What is wrong with the credentials that a cache is granted.
pub(super) fn check_grants(config: Option<&Config>, cache: &CacheConfig) -> Vec<Finding> {
    let (subject, grants) = (format!("cache `{}`", cache.name), &cache.grants);
    let is_covered = |host: &HttpGrant| grants.http.iter().any(|http| http.covers(host));
    let mut messages = Vec::new();
    for secret in &grants.secrets {
        let at = format!("grants.secrets.{}", secret.name);
        for origin in &secret.origins {
            if !is_covered(origin) {
                let message = format!(
                    "{at}: `{origin}` is not granted by `grants.http`, so no request can go there: add it there, or remove it here"
                );
                messages.push(message);
            }
            messages.extend(wide(origin, &at));
        }
    }
    for auth in &grants.auth {
        if !auth.hosts.iter().any(is_covered) {
            let hosts = auth.hosts.iter().map(|host| format!("`{host}`")).collect::<Vec<_>>().join(", ");
            messages.push(format!(
                "grants.auth: `{}` is for {hosts}, which `grants.http` does not grant: add it there",
                auth.name
            ));
        }
    }
    for name in &grants.env {
        messages.extend(config.and_then(|config| secret_in(config, name)).map(|what| {
            format!("grants.env: the plugin sees `{name}`, which holds the {what}: remove it, and let the plugin use the secret")
        }));
    }
    messages.into_iter().map(|message| Finding::warning(&subject, message)).collect()
}

/// Why credentials could be read by others than the servers they are for.
fn wide(host: &HttpGrant, at: &str) -> Option<String> {
    let why = match broad_http(host) {
        Some(why) => why,
        None if host.is_readable_on_the_way() => "allows requests without encryption",
        None => return None,
    };
    Some(format!("{at}: `{host}` {why}, with the secret in them: name the hosts that need it, with `https`"))
}

fn is_readable(url: &url::Url) -> bool {
    let grant: Option<HttpGrant> = url.origin().ascii_serialization().parse().ok();
    grant.is_none_or(|grant| grant.is_readable_on_the_way())
}

/// The secret that is read from this variable.
fn secret_in(config: &Config, variable: &str) -> Option<String> {
    let is_here = |source: &SecretSource| *source == SecretSource::Env(variable.to_owned());
    let secret =
        config.credentials.secrets().find(|(_, source)| is_here(source)).map(|(name, _)| format!("secret `{name}`"));
    let auth = || config.credentials.all_auth().find(|auth| is_here(auth.kind.secret()));
    secret.or_else(|| auth().map(|auth| format!("secret of auth `{}`", auth.name)))
}

/// The environment names a proxy, as it does for other programs.
fn unused_proxy(config: &Config) -> Option<String> {
    let is_set = |name: &&str| env::var_os(name).is_some_and(|value| !value.is_empty());
    let variable = ["https_proxy", "HTTPS_PROXY", "http_proxy", "all_proxy", "ALL_PROXY"].into_iter().find(is_set)?;
    config.http.proxy.is_none().then(|| {
        format!("`{variable}` is set, and requests do not go through that proxy: if they should, add `[http]` with `proxy = {{ env = \"{variable}\" }}`")
    })
}
