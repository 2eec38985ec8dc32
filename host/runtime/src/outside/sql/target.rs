//! Where a connection leads: its URL, read anew for each load.

use std::net::IpAddr;
use std::ops::Range;
use std::time::Duration;

use kiwi_tls::TlsOptions;

use super::dialect::Dialect;
use crate::config::connection::{Connection, DatabaseTls, DatabaseUrl};
use crate::failure::{Failure, FailureKind};
use crate::outside::load_secrets::LoadSecrets;
use crate::outside::secret::Secret;

/// Where a connection leads.
pub(super) struct Target {
    pub(super) dialect: Dialect,
    /// Without what concerns TLS.
    pub(super) url: Secret,
    pub(super) password: Option<Secret>,
    tls: DatabaseTls,
}

impl Target {
    /// Reads the URL and the password.
    ///
    /// # Errors
    /// They cannot be read (`Unavailable`), or the URL is not one of a database (`InvalidSettings`). Never what it is.
    pub(super) async fn of(connection: &Connection, secrets: &LoadSecrets) -> Result<Self, Failure> {
        let url = match &connection.url {
            DatabaseUrl::Plain(url) => url.clone(),
            DatabaseUrl::Secret(source) => secrets.read("the URL", source).await?.expose().to_owned(),
        };
        let password = match &connection.password {
            Some(source) => Some(secrets.read("the password", source).await?),
            None => None,
        };
        if let Some(password) = password_in(&url) {
            secrets.note(&Secret::new(password));
        }
        let (scheme, _) = url.split_once(':').ok_or_else(no_database)?;
        let dialect = match scheme {
            "postgres" | "postgresql" => Dialect::Postgres,
            "mysql" | "mariadb" => Dialect::MySql,
            "sqlite" => Dialect::Sqlite,
            _ => return Err(no_database()),
        };
        let (url, tls) = without_tls(&url, &connection.tls)?;
        Ok(Self { dialect, url: Secret::new(url), password, tls })
    }

    /// What TLS is to be used with a server at this host, if any: `None` stands for the same machine.
    pub(super) fn tls(&self, host: Option<&str>) -> Option<TlsOptions> {
        match &self.tls {
            DatabaseTls::Off => None,
            DatabaseTls::Default if host.is_none_or(is_loopback) => None,
            DatabaseTls::Default => Some(TlsOptions::new()),
            DatabaseTls::VerifyFull { ca, client } => {
                host?;
                let options = TlsOptions::new();
                let options = match ca {
                    Some(ca) => options.with_ca(ca),
                    None => options,
                };
                Some(match client {
                    Some((certificate, key)) => options.with_client_certificate(certificate, key),
                    None => options,
                })
            }
        }
    }

    /// What else may be missing if a server at this host refuses: it does not always say so.
    pub(super) fn advice_if_refused(&self, host: Option<&str>) -> &'static str {
        match self.tls(host) {
            _ if host.is_none() => "",
            None => "; if the server asks for TLS, set `tls = \"verify-full\"` for this connection",
            Some(tls) if tls.client_certificate().is_none() => {
                "; if the server asks for a client certificate, set `cert` and `key` for this connection"
            }
            Some(_) => "",
        }
    }
}

/// The password of a URL, as a server would get it.
fn password_in(url: &str) -> Option<String> {
    let password = &url[password_place(url)?];
    Some(percent_encoding::percent_decode_str(password).decode_utf8_lossy().into_owned())
}

/// Where the password stands in a URL.
fn password_place(url: &str) -> Option<Range<usize>> {
    let authority = url.find("://")? + 3;
    let end = url[authority..].find(['/', '?']).map_or(url.len(), |length| authority + length);
    let password = authority..authority + url[authority..end].rfind('@')?;
    let colon = url[password.clone()].find(':')?;
    Some(password.start + colon + 1..password.end)
}

fn no_database() -> Failure {
    invalid(
        "its URL is not one of a database: expected `postgres://USER@HOST/DATABASE`, `mysql://USER@HOST/DATABASE` or `sqlite:FILE`",
    )
}

pub(super) fn invalid(message: impl Into<String>) -> Failure {
    Failure::new(FailureKind::InvalidSettings, message)
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Takes `sslmode` and `sslrootcert` out of a URL: the drivers do not know them as we mean them.
fn without_tls(url: &str, configured: &DatabaseTls) -> Result<(String, DatabaseTls), Failure> {
    let Some((place, query)) = url.split_once('?') else { return Ok((url.to_owned(), configured.clone())) };
    let (mut kept, mut mode, mut ca) = (Vec::new(), None, None);
    for pair in query.split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        match key {
            "sslmode" | "ssl-mode" => mode = Some(value),
            "sslrootcert" => ca = Some(value),
            "sslcert" | "sslkey" => {
                return Err(invalid(format!("`{key}` in its URL is not known: set `cert` and `key` beside it")));
            }
            _ => kept.push(pair),
        }
    }
    let tls = match (mode, ca) {
        (None, None) => configured.clone(),
        _ if *configured != DatabaseTls::Default => {
            return Err(invalid("both its URL and `tls` say how it is protected: expected one of them"));
        }
        (Some("disable" | "DISABLED"), None) => DatabaseTls::Off,
        (Some("verify-full" | "VERIFY_IDENTITY") | None, ca) => {
            DatabaseTls::VerifyFull { ca: ca.map(Into::into), client: None }
        }
        _ => {
            return Err(invalid(
                "the `sslmode` in its URL is not supported: expected `verify-full` (the default, except on the same machine) \
                 or `disable`; anything between them would not keep the password from a stranger",
            ));
        }
    };
    let url = if kept.is_empty() { place.to_owned() } else { format!("{place}?{}", kept.join("&")) };
    Ok((url, tls))
}

/// Names what a connection leads to, without its password: what a mark and a failure belong to. If its URL cannot be read
/// in time, where that comes from.
pub(crate) async fn identity(connection: &Connection) -> String {
    /// A file may hang, and with it whoever defines a cache.
    const TIMEOUT: Duration = Duration::from_secs(5);
    let url = match &connection.url {
        DatabaseUrl::Plain(url) => url.clone(),
        DatabaseUrl::Secret(source) => {
            let secrets = LoadSecrets::default();
            match tokio::time::timeout(TIMEOUT, secrets.read_url("the URL", source)).await {
                Ok(Ok(url)) => url.expose().to_owned(),
                Ok(Err(_)) | Err(_) => return format!("{source:?}"),
            }
        }
    };
    match password_place(&url) {
        Some(password) => format!("{}{}", &url[..password.start], &url[password.end..]),
        None => url,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn identity_of(url: &str) -> String {
        identity(&Connection::new("shop", DatabaseUrl::Plain(url.to_owned())).unwrap()).await
    }

    #[tokio::test]
    async fn a_connection_is_the_same_with_another_password_and_nothing_else() {
        assert_eq!(identity_of("postgres://u:p%40w@h:1/d?host=/x").await, "postgres://u:@h:1/d?host=/x");
        let several = |password: &str| format!("postgres://u:{password}@h1:1,h2:2/d");
        assert_eq!(identity_of(&several("a")).await, identity_of(&several("b")).await);
        assert_ne!(identity_of("postgres://u:a@h/d?host=/x").await, identity_of("postgres://u:a@h/d?host=/y").await);
        assert_eq!(identity_of("sqlite:a:b@c.db").await, "sqlite:a:b@c.db");
        assert_eq!(identity_of("mysql://u@h:3306/d").await, "mysql://u@h:3306/d");
        assert_eq!(password_in("postgres://u:p%40w:x@h/d").as_deref(), Some("p@w:x"));
        assert_eq!(password_in("postgres://u@h:5432/d@x:y"), None);
    }
}
