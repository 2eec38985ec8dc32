//! What may be chosen about TLS, and the configuration made of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use rustls_platform_verifier::{BuilderVerifierExt, Verifier};

use crate::Error;

/// What a client trusts, and how it identifies itself. By default it trusts what the system trusts, and has no
/// certificate of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsOptions {
    trust: Trust,
    client: Option<Client>,
}

/// Which certificates are trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Trust {
    /// Those that the system trusts.
    #[default]
    System,
    /// Those that the system trusts, and those in this file.
    SystemAnd(PathBuf),
    /// Those in this file.
    Only(PathBuf),
}

/// The files of a client certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Client {
    certificate: PathBuf,
    key: PathBuf,
}

impl TlsOptions {
    /// Trusts what the system trusts.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts the certificates in this PEM file, and no others.
    #[must_use]
    pub fn with_ca(mut self, file: impl Into<PathBuf>) -> Self {
        self.trust = Trust::Only(file.into());
        self
    }

    /// Trusts the certificates in this PEM file, in addition to those that the system trusts (which may be none).
    #[must_use]
    pub fn with_extra_ca(mut self, file: impl Into<PathBuf>) -> Self {
        self.trust = Trust::SystemAnd(file.into());
        self
    }

    /// Identifies the client by a certificate (with its chain) and its private key, both PEM files.
    #[must_use]
    pub fn with_client_certificate(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.client = Some(Client { certificate: certificate.into(), key: key.into() });
        self
    }

    /// The file of the certificates to trust, and whether those that the system trusts are trusted as well.
    #[must_use]
    pub fn ca(&self) -> (Option<&Path>, bool) {
        match &self.trust {
            Trust::System => (None, true),
            Trust::SystemAnd(ca) => (Some(ca), true),
            Trust::Only(ca) => (Some(ca), false),
        }
    }

    /// The files of the client's certificate and of its private key.
    #[must_use]
    pub fn client_certificate(&self) -> Option<(&Path, &Path)> {
        self.client.as_ref().map(|client| (client.certificate.as_path(), client.key.as_path()))
    }

    /// A configuration that trusts no server: for a client that takes a TLS configuration and never uses it.
    ///
    /// # Errors
    /// rustls does not offer TLS 1.2 and 1.3.
    pub fn client_config_without_trust() -> Result<ClientConfig, Error> {
        Ok(builder()?.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
    }

    /// The configuration for a TLS client. It reads the files once.
    ///
    /// # Errors
    /// A file cannot be read or does not hold what is expected; the system trusts no certificate at all.
    pub fn client_config(&self) -> Result<ClientConfig, Error> {
        let builder = builder()?;
        let unusable = |error| Error::unusable("the certificates that the system trusts", error);
        let builder = match &self.trust {
            Trust::Only(ca) => builder.with_root_certificates(roots(ca)?),
            Trust::System => builder.with_platform_verifier().map_err(unusable)?,
            Trust::SystemAnd(ca) => {
                // So that an error of one of them names the file.
                roots(ca)?;
                let extra = certificates(TRUSTED, ca)?;
                let provider = builder.crypto_provider().clone();
                let verifier = Verifier::new_with_extra_roots(extra, provider).map_err(unusable)?;
                builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
            }
        };
        match &self.client {
            Some(Client { certificate, key }) => {
                let chain = certificates("the client certificate", certificate)?;
                let key = PrivateKeyDer::from_pem_file(key)
                    .map_err(|error| Error::unreadable("the client's private key", key, error))?;
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|error| Error::unusable("the client certificate", error))
            }
            None => Ok(builder.with_no_client_auth()),
        }
    }
}

fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, Error> {
    let provider: Arc<CryptoProvider> = Arc::new(aws_lc_rs::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::unusable("TLS 1.2 and 1.3", error))
}

/// What a file of a certificate authority holds, for messages.
const TRUSTED: &str = "trusted certificates";

fn roots(file: &Path) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(TRUSTED, file)? {
        roots.add(certificate).map_err(|error| Error::unreadable(TRUSTED, file, error))?;
    }
    Ok(roots)
}

fn certificates(what: &str, file: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read.map_err(|error| Error::unreadable(what, file, error))? {
        none if none.is_empty() => Err(Error::empty(what, file)),
        certificates => Ok(certificates),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CERTIFICATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../store/tests/redis/tls/cert.pem");
    const KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../store/tests/redis/tls/key.pem");

    #[test]
    fn the_files_are_read_and_the_process_keeps_its_provider() {
        let options = TlsOptions::new().with_ca(CERTIFICATE).with_client_certificate(CERTIFICATE, KEY);
        let config = options.client_config().unwrap();
        assert!(config.client_auth_cert_resolver.has_certs());
        assert!(!TlsOptions::new().with_ca(CERTIFICATE).client_config().unwrap().client_auth_cert_resolver.has_certs());
        assert!(CryptoProvider::get_default().is_none(), "the default provider belongs to the program");
    }

    #[test]
    fn a_wrong_file_is_named_with_what_was_expected() {
        let says = |options: TlsOptions, words: &[&str]| {
            let error = options.client_config().unwrap_err().to_string();
            assert!(words.iter().all(|word| error.contains(word)), "{error}");
        };
        says(TlsOptions::new().with_ca("/nowhere/ca.pem"), &["trusted certificates", "/nowhere/ca.pem", "PEM"]);
        says(TlsOptions::new().with_ca(KEY), &["no trusted certificates", "key.pem"]);
        says(TlsOptions::new().with_extra_ca("/nowhere/ca.pem"), &["trusted certificates", "/nowhere/ca.pem", "PEM"]);
        assert!(TlsOptions::new().with_extra_ca(CERTIFICATE).client_config().is_ok());
        let trusting = || TlsOptions::new().with_ca(CERTIFICATE);
        says(
            trusting().with_client_certificate("/nowhere/cert.pem", KEY),
            &["client certificate", "/nowhere/cert.pem"],
        );
        says(trusting().with_client_certificate(CERTIFICATE, "/nowhere/key.pem"), &["private key", "/nowhere/key.pem"]);
        says(trusting().with_client_certificate(CERTIFICATE, CERTIFICATE), &["private key", "cert.pem"]);
    }
}
