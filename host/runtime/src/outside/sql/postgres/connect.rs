//! Connects to PostgreSQL.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use kiwi_tls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect, TlsStream};
use tokio_postgres::{CancelToken, Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_util::task::AbortOnDropHandle;

use super::address::{Address, Socket, share};
use super::failure::{failure, of_connecting};
use super::hosts::Hosts;
use super::stream::{Bounded, BoundedTls};
use crate::failure::{Failure, FailureKind, chain};
use crate::outside::sql::session::SqlLimits;
use crate::outside::sql::target::{Target, invalid};

/// A connection, before its transaction begins.
pub(crate) struct Connected {
    pub(super) client: Client,
    /// The server's version, such as 15.
    pub(super) version: u32,
    pub(super) limits: SqlLimits,
    pub(super) canceller: Canceller,
    /// Carries what client and server send. It ends when the client is dropped.
    pub(super) carrier: AbortOnDropHandle<()>,
    pub(super) ended: Ended,
}

/// Why the connection has ended, if it has: who waits for an answer only hears that it has.
#[derive(Clone, Default)]
pub(super) struct Ended(Arc<OnceLock<Failure>>);

impl Ended {
    /// The failure that led to this one, or else this one.
    pub(super) fn explain(&self, failure: Failure) -> Failure {
        self.0.get().cloned().unwrap_or(failure)
    }
}

/// What it takes to reach the server once more, and have it end what it does.
pub(super) struct Canceller {
    pub(super) token: CancelToken,
    pub(super) address: Address,
    /// With the name that the certificate must have.
    pub(super) tls: Option<(ClientConfig, String)>,
}

/// Connects to the first host of the URL that answers, and is what the URL asks for. Each gets its part of the time.
///
/// # Errors
/// None answers, or it refuses (`Unavailable`); the URL is wrong, or the certificates cannot be read
/// (`InvalidSettings`).
pub(crate) async fn connect(target: &Target, limits: SqlLimits, timeout: Duration) -> Result<Connected, Failure> {
    // Before the time of whoever waits for this is over, who knows of no host.
    let until = Instant::now() + timeout * 19 / 20;
    let Hosts { config, hosts, role } = Hosts::of(target)?;
    let (mut will_do, mut failures) = (None, Vec::new());
    for (place, (host, port)) in hosts.iter().enumerate() {
        let time = share(until, hosts.len() - place);
        let time = config.get_connect_timeout().map_or(time, |most| time.min(*most));
        let connecting = async {
            // Likewise.
            let connected = connect_to(target, &config, host, *port, limits, Instant::now() + time * 19 / 20).await?;
            Ok((role.suits(&connected.client).await?, connected))
        };
        let connected = tokio::time::timeout(time, connecting).await.unwrap_or_else(|_| {
            Err(Failure::new(FailureKind::Unavailable, format!("no answer within {time:.1?}: is the address right?")))
        });
        match connected {
            Ok((true, connected)) => return Ok(connected),
            Ok((false, connected)) => {
                will_do.get_or_insert(connected);
            }
            Err(failure) if hosts.len() == 1 => return Err(failure),
            Err(failure) => failures.push((shown(host, *port), failure)),
        }
    }
    if let Some(connected) = will_do {
        return Ok(connected);
    }
    let Some((_, last)) = failures.last() else {
        return Err(invalid("its URL names no host: expected `postgres://USER@HOST/DATABASE`"));
    };
    let each: Vec<_> = failures.iter().map(|(host, failure)| format!("{host}: {}", failure.message)).collect();
    Err(Failure { message: format!("none of its hosts can be used: {}", each.join("; ")), ..last.clone() })
}

fn shown(host: &Host, port: u16) -> String {
    match host {
        Host::Tcp(name) => format!("{name}:{port}"),
        Host::Unix(directory) => directory.display().to_string(),
    }
}

async fn connect_to(
    target: &Target,
    config: &Config,
    host: &Host,
    port: u16,
    limits: SqlLimits,
    until: Instant,
) -> Result<Connected, Failure> {
    let name = match host {
        Host::Tcp(name) => Some(name.as_str()),
        Host::Unix(_) => None,
    };
    let tls = match target.tls(name).zip(name) {
        Some((options, name)) => {
            let config = options.client_config().map_err(|error| invalid(format!("TLS: {}", chain(&error))))?;
            Some((config, name.to_owned()))
        }
        None => None,
    };
    let (address, socket) = Address::connect(host, port, until).await.map_err(|error| {
        Failure::new(FailureKind::Unavailable, format!("no connection to {}: {error}", shown(host, port)))
    })?;
    let mut config = config.clone();
    config.ssl_mode(if tls.is_some() { SslMode::Require } else { SslMode::Disable });
    let max = limits.message_bytes();
    let ended = Ended::default();
    let connected = match &tls {
        None => connect_by(&config, Bounded::new(socket, max), NoTls, ended.clone()).await,
        Some((client_config, name)) => {
            let tls = rustls::<Socket>(client_config, name)?;
            connect_by(&config, socket, BoundedTls { tls, max }, ended.clone()).await
        }
    };
    let (client, version, carrier) =
        connected.map_err(|error| of_connecting(&error, target.advice_if_refused(name)))?;
    let token = client.cancel_token();
    Ok(Connected { client, version, limits, canceller: Canceller { token, address, tls }, carrier, ended })
}

/// The connector of tokio-postgres for a server that must have this name.
pub(super) fn rustls<S>(
    config: &ClientConfig,
    name: &str,
) -> Result<<MakeRustlsConnect as MakeTlsConnect<S>>::TlsConnect, Failure>
where
    MakeRustlsConnect: MakeTlsConnect<S>,
{
    let mut tls = MakeRustlsConnect::new(config.clone());
    MakeTlsConnect::<S>::make_tls_connect(&mut tls, name)
        .map_err(|_| invalid("the name of its host cannot be in a certificate"))
}

async fn connect_by<S, T>(
    config: &Config,
    stream: S,
    tls: T,
    ended: Ended,
) -> Result<(Client, u32, AbortOnDropHandle<()>), tokio_postgres::Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: TlsConnect<S>,
    T::Stream: TlsStream + Send + 'static,
{
    let (client, connection) = config.connect_raw(stream, tls).await?;
    let version = connection.parameter("server_version").and_then(|version| version.split('.').next()?.parse().ok());
    let carrier = tokio::spawn(async move {
        let mut connection = std::pin::pin!(connection);
        match connection.as_mut().await {
            // Before the connection is dropped, which is what the others hear.
            Err(error) if !error.is_closed() => drop(ended.0.set(failure(&error))),
            // Nothing that they do not know: the server has told them why, or has not told anybody.
            Ok(()) | Err(_) => {}
        }
    });
    Ok((client, version.unwrap_or_default(), AbortOnDropHandle::new(carrier)))
}
