//! Where a connection leads: its URL, read anew for each load.

use std::net::IpAddr;

use kiwi_tls::TlsOptions;
use url::{Host, Url};

use super::dialect::Dialect;
use crate::config::connection::{Connection, DatabaseTls, DatabaseUrl};
use crate::failure::{Failure, FailureKind};
use crate::outside::load_secrets::LoadSecrets;
use crate::outside::secret::Secret;

/// Where a connection leads.
pub(super) struct Target {
    pub(super) dialect: Dialect,
    /// What follows `SCHEME:`, without what concerns TLS.
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
}

/// The password of a URL, as a server would get it.
fn password_in(url: &str) -> Option<String> {
    let credentials = url.split_once("://")?.1.split(['/', '?']).next()?.rsplit_once('@')?.0;
    let password = credentials.split_once(':')?.1;
    Some(percent_encoding::percent_decode_str(password).decode_utf8_lossy().into_owned())
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
                return Err(invalid(format!(
                    "`{key}` in its URL is not known: use `tls = {{ cert = ..., key = ... }}`"
                )));
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

/// Names what a connection leads to, without its password: what a mark and a failure belong to. If its URL cannot be read,
/// where that comes from.
pub(crate) fn identity(connection: &Connection) -> String {
    let url = match &connection.url {
        DatabaseUrl::Plain(url) => url.clone(),
        DatabaseUrl::Secret(source) => match Secret::read(source) {
            Ok(url) => url.expose().to_owned(),
            Err(_) => return format!("{source:?}"),
        },
    };
    match Url::parse(&url) {
        Ok(mut parsed) if parsed.host().is_some_and(|host| host != Host::Domain("")) => {
            let _ = parsed.set_password(None);
            parsed.set_query(None);
            parsed.into()
        }
        // Several hosts, or a file: what stands before a password's colon, and behind it.
        _ => match url.split_once('@') {
            Some((user, place)) => {
                let user = user.split("//").nth(1).and_then(|user| user.split(':').next()).unwrap_or_default();
                format!("{user}@{}", place.split('?').next().unwrap_or_default())
            }
            None => url.split('?').next().unwrap_or_default().to_owned(),
        },
    }
}
