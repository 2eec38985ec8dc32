//! Connects to PostgreSQL.

use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use kiwi_tls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect, TlsStream};
use tokio_postgres::{CancelToken, Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_util::task::AbortOnDropHandle;

use super::address::{Address, Socket};
use super::failure::failure;
use super::stream::{Bounded, BoundedTls};
use crate::failure::{Failure, FailureKind, chain};
use crate::outside::sql::session::SqlLimits;
use crate::outside::sql::target::{Target, invalid};

/// A connection, before its transaction begins.
pub(crate) struct Connected {
    pub(super) client: Client,
    /// The server's version, such as 15.
    pub(super) version: u32,
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

/// Connects to the first host of the URL that answers.
///
/// # Errors
/// None answers, or it refuses (`Unavailable`); the URL is wrong, or the certificates cannot be read
/// (`InvalidSettings`).
pub(crate) async fn connect(target: &Target, limits: SqlLimits) -> Result<Connected, Failure> {
    let config = config(target)?;
    let ports = config.get_ports();
    let mut last = invalid("its URL names no host: expected `postgres://USER@HOST/DATABASE`");
    for (place, host) in config.get_hosts().iter().enumerate() {
        let port = ports.get(place).or(ports.first()).copied().unwrap_or(5432);
        match connect_to(target, &config, host, port, limits).await {
            Ok(connected) => return Ok(connected),
            Err(failure) => last = failure,
        }
    }
    Err(last)
}

fn config(target: &Target) -> Result<Config, Failure> {
    // The error may quote the URL.
    let mut config = Config::from_str(target.url.expose())
        .map_err(|_| invalid("its URL is not valid: expected `postgres://USER@HOST/DATABASE`"))?;
    if let Some(password) = &target.password {
        config.password(password.expose());
    }
    if config.get_user().is_none_or(str::is_empty) {
        return Err(invalid("its URL names no user: expected `postgres://USER@HOST/DATABASE`"));
    }
    if config.get_application_name().is_none() {
        config.application_name("kiwi-host");
    }
    Ok(config)
}

async fn connect_to(
    target: &Target,
    config: &Config,
    host: &Host,
    port: u16,
    limits: SqlLimits,
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
    let (address, socket) = Address::connect(host, port).await.map_err(|error| {
        let place = name.map_or_else(|| "its socket".to_owned(), |name| format!("{name}:{port}"));
        Failure::new(FailureKind::Unavailable, format!("no connection to {place}: {error}"))
    })?;
    let mut config = config.clone();
    config.ssl_mode(if tls.is_some() { SslMode::Require } else { SslMode::Disable });
    let max = limits.message_bytes();
    let ended = Ended::default();
    let (client, version, carrier) = match &tls {
        None => connect_by(&config, Bounded::new(socket, max), NoTls, ended.clone()).await?,
        Some((client_config, name)) => {
            let tls = rustls::<Socket>(client_config, name)?;
            connect_by(&config, socket, BoundedTls { tls, max }, ended.clone()).await?
        }
    };
    let token = client.cancel_token();
    Ok(Connected { client, version, canceller: Canceller { token, address, tls }, carrier, ended })
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
) -> Result<(Client, u32, AbortOnDropHandle<()>), Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: TlsConnect<S>,
    T::Stream: TlsStream + Send + 'static,
{
    let (client, connection) = config.connect_raw(stream, tls).await.map_err(|error| failure(&error))?;
    let version = connection.parameter("server_version").and_then(|version| version.split('.').next()?.parse().ok());
    let carrier = tokio::spawn(async move {
        let mut connection = std::pin::pin!(connection);
        if let Err(error) = connection.as_mut().await {
            // Before the connection is dropped, which is what the others hear.
            let _ = ended.0.set(failure(&error));
        }
    });
    Ok((client, version.unwrap_or_default(), AbortOnDropHandle::new(carrier)))
}
