//! Connects to MySQL or MariaDB.

use mysql_async::{ClientIdentity, Conn, Opts, OptsBuilder, SslOpts};
use rustls::crypto::{CryptoProvider, aws_lc_rs};

use super::failure::of_connecting;
use crate::failure::Failure;
use crate::outside::sql::session::SqlLimits;
use crate::outside::sql::target::{Target, invalid};

/// A connection, before its transaction begins.
pub(crate) struct Connected {
    pub(super) connection: Conn,
    pub(super) limits: SqlLimits,
    /// What it takes to connect once more, and have the server end what it does.
    pub(super) again: Opts,
}

/// Connects to the host of the URL.
///
/// # Errors
/// It does not answer, or refuses (`Unavailable`); the URL is wrong, or the certificates cannot be read
/// (`InvalidSettings`).
pub(crate) async fn connect(target: &Target, limits: SqlLimits) -> Result<Connected, Failure> {
    let options = options(target, limits)?;
    let connection = Conn::new(options.clone()).await.map_err(|error| {
        let host = options.socket().is_none().then(|| options.ip_or_hostname());
        of_connecting(&error, target.advice_if_refused(host))
    })?;
    Ok(Connected { connection, limits, again: options })
}

fn options(target: &Target, limits: SqlLimits) -> Result<Opts, Failure> {
    const EXPECTED: &str = "expected `mysql://USER@HOST/DATABASE`";
    let url = target.url.expose();
    let url = url.strip_prefix("mariadb:").map_or_else(|| url.to_owned(), |rest| format!("mysql:{rest}"));
    // The error may quote the URL.
    let parsed = Opts::from_url(&url).map_err(|_| invalid(format!("its URL is not valid: {EXPECTED}")))?;
    if parsed.user().is_none_or(str::is_empty) {
        return Err(invalid(format!("its URL names no user: {EXPECTED}")));
    }
    let host = match parsed.socket() {
        Some(_) => None,
        None => Some(parsed.ip_or_hostname().to_owned()),
    };
    let tls = match target.tls(host.as_deref()) {
        Some(options) => Some(ssl(&options)?),
        None => None,
    };
    let mut options = OptsBuilder::from_opts(parsed)
        .ssl_opts(tls)
        // Only a socket that the URL names.
        .prefer_socket(false)
        .stmt_cache_size(0)
        .max_allowed_packet(Some(limits.message_bytes()));
    if let Some(password) = &target.password {
        options = options.pass(Some(password.expose()));
    }
    Ok(options.into())
}

/// The driver uses the provider of the process. Where there is none it would choose one by the features of rustls, and panic
/// if a dependency of the program has added a second one.
fn have_provider() {
    if CryptoProvider::get_default().is_none() {
        // That another thread was faster is fine.
        let _ = aws_lc_rs::default_provider().install_default();
    }
}

/// What the driver takes in place of a configuration of rustls.
fn ssl(options: &kiwi_tls::TlsOptions) -> Result<SslOpts, Failure> {
    // Read here, so that an error names the file.
    options.client_config().map_err(|error| invalid(format!("TLS: {}", crate::failure::chain(&error))))?;
    have_provider();
    let ssl = SslOpts::default().with_disable_built_in_roots(true);
    let (ca, with_those_of_the_system) = options.ca();
    let system = match with_those_of_the_system {
        true => rustls_native_certs::load_native_certs().certs,
        false => Vec::new(),
    };
    let trusted = system.into_iter().map(|certificate| certificate.as_ref().to_vec().into());
    let ssl = ssl.with_root_certs(trusted.chain(ca.map(|ca| ca.to_owned().into())).collect());
    Ok(match options.client_certificate() {
        Some((certificate, key)) => {
            let identity = ClientIdentity::new(certificate.to_owned().into(), key.to_owned().into());
            ssl.with_client_identity(Some(identity))
        }
        None => ssl,
    })
}
