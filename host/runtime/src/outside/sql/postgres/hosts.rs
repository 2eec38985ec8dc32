//! The hosts of a URL, in the order in which they are tried, and what they must be.

use std::str::FromStr;

use tokio_postgres::config::{Host, LoadBalanceHosts, TargetSessionAttrs};
use tokio_postgres::{Client, Config, SimpleQueryMessage};

use super::failure::failure;
use crate::failure::{Failure, FailureKind};
use crate::outside::sql::target::{Target, invalid};

/// What leads to a server.
pub(super) struct Hosts {
    /// For all of them.
    pub(super) config: Config,
    /// In their order, with their ports.
    pub(super) hosts: Vec<(Host, u16)>,
    pub(super) role: Role,
}

/// What a server must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Any,
    Primary,
    Standby,
    /// A standby, or any if there is none.
    PreferStandby,
}

impl Hosts {
    /// # Errors
    /// The URL is wrong, or asks for something that cannot be had (`InvalidSettings`).
    pub(super) fn of(target: &Target) -> Result<Self, Failure> {
        let (url, role) = without_role(target.url.expose())?;
        // The error may quote the URL.
        let mut config = Config::from_str(&url)
            .map_err(|_| invalid("its URL is not valid: expected `postgres://USER@HOST/DATABASE`"))?;
        if let Some(password) = &target.password {
            config.password(password.expose());
        }
        if config.get_user().is_none_or(str::is_empty) {
            return Err(invalid("its URL names no user: expected `postgres://USER@HOST/DATABASE`"));
        }
        if config.get_target_session_attrs() != TargetSessionAttrs::Any {
            // The driver ends the password elsewhere, and knows of an attribute that was not seen here.
            return Err(invalid("a `?` in the password of its URL must be written as `%3F`"));
        }
        if !config.get_hostaddrs().is_empty() {
            return Err(invalid("`hostaddr` in its URL is not supported: name the host, or its address, as HOST"));
        }
        if config.get_load_balance_hosts() != LoadBalanceHosts::Disable {
            return Err(invalid("`load_balance_hosts` in its URL is not supported: hosts are tried in their order"));
        }
        if config.get_application_name().is_none() {
            config.application_name("kiwi-host");
        }
        let ports = config.get_ports();
        let port = |place: usize| ports.get(place).or(ports.first()).copied().unwrap_or(5432);
        let hosts = config.get_hosts().iter().enumerate().map(|(place, host)| (host.clone(), port(place))).collect();
        Ok(Self { config, hosts, role })
    }
}

/// Takes `target_session_attrs` out of a URL: the driver does not know all of its values.
///
/// A load only reads, so what it may ask for is which server it reads from, and not whether that allows it to write: a role
/// that must not write anywhere finds the primary, too.
fn without_role(url: &str) -> Result<(String, Role), Failure> {
    let Some((place, query)) = url.split_once('?') else { return Ok((url.to_owned(), Role::Any)) };
    let (mut kept, mut role) = (Vec::new(), Role::Any);
    for pair in query.split('&') {
        match pair.split_once('=') {
            Some(("target_session_attrs", wanted)) => {
                role = match wanted {
                    "any" => Role::Any,
                    "read-write" | "primary" => Role::Primary,
                    "read-only" | "standby" => Role::Standby,
                    "prefer-standby" => Role::PreferStandby,
                    _ => {
                        return Err(invalid(
                            "the `target_session_attrs` in its URL is not valid: expected `any`, `primary` (or `read-write`), \
                             `standby` (or `read-only`) or `prefer-standby`",
                        ));
                    }
                }
            }
            _ => kept.push(pair),
        }
    }
    Ok((format!("{place}?{}", kept.join("&")), role))
}

impl Role {
    /// Whether a server is what is wanted. `false`: it will do if there is no better one.
    ///
    /// # Errors
    /// The server is something else, or does not say what it is (`Unavailable`).
    pub(super) async fn suits(self, client: &Client) -> Result<bool, Failure> {
        if self == Self::Any {
            return Ok(true);
        }
        let said = client.simple_query("SELECT pg_is_in_recovery()").await.map_err(|error| failure(&error))?;
        let is_standby = said.iter().any(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0) == Some("t"),
            _ => false,
        });
        match (self, is_standby) {
            (Self::Primary, true) => Err(mismatch("a standby", "primary")),
            (Self::Standby, false) => Err(mismatch("the primary", "standby")),
            (Self::PreferStandby, is_standby) => Ok(is_standby),
            _ => Ok(true),
        }
    }
}

fn mismatch(found: &str, wanted: &str) -> Failure {
    let message = format!("it is {found}, and `target_session_attrs` in its URL asks for a {wanted}");
    Failure::new(FailureKind::Unavailable, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_must_be_is_taken_out_of_the_url() {
        let of = |query: &str| without_role(&format!("postgres://u@h{query}"));
        assert_eq!(of("").unwrap(), ("postgres://u@h".to_owned(), Role::Any));
        let (url, role) = of("?a=b&target_session_attrs=prefer-standby&c=d").unwrap();
        assert_eq!((url.as_str(), role), ("postgres://u@h?a=b&c=d", Role::PreferStandby));
        assert_eq!(of("?target_session_attrs=read-write").unwrap().1, Role::Primary);
        let failure = of("?target_session_attrs=writable").unwrap_err();
        assert!(failure.message.contains("expected `any`, `primary`"), "{failure}");
    }
}
