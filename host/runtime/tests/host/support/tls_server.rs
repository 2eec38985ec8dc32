//! An HTTPS server for `localhost`, whose certificate a private authority has signed.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use http::HeaderMap;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::guests::repository;
use super::server::raw_server;

/// A file of the private authority: `ca.pem`, and what it has signed.
pub(crate) fn private_ca(file: &str) -> PathBuf {
    repository().join("host/store/tests/redis/tls/private_ca").join(file)
}

/// The server. It stops when it is dropped.
pub(crate) struct TlsServer {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<HeaderMap>>>,
    accepting: JoinHandle<()>,
}

impl TlsServer {
    /// One that answers every request with `hello`.
    pub(crate) async fn start() -> Self {
        Self::with(
            ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(certificates("server.pem"), key("server.key"))
                .unwrap(),
        )
        .await
    }

    /// One that asks for a certificate of the same authority.
    pub(crate) async fn that_knows_its_clients() -> Self {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        certificates("ca.pem").into_iter().for_each(|certificate| roots.add(certificate).unwrap());
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone()).build().unwrap();
        Self::with(
            ServerConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_client_cert_verifier(verifier)
                .with_single_cert(certificates("server.pem"), key("server.key"))
                .unwrap(),
        )
        .await
    }

    async fn with(config: ServerConfig) -> Self {
        let (acceptor, requests) = (TlsAcceptor::from(Arc::new(config)), Arc::<Mutex<Vec<HeaderMap>>>::default());
        let kept = requests.clone();
        let (address, accepting) = raw_server(move |stream| {
            let (acceptor, kept) = (acceptor.clone(), kept.clone());
            let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                kept.lock().unwrap().push(request.headers().clone());
                async { Ok::<_, Infallible>(http::Response::new(Full::new(Bytes::from("hello")))) }
            });
            async move {
                // A client that does not trust it goes away.
                if let Ok(stream) = acceptor.accept(stream).await {
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                }
            }
        })
        .await;
        Self { address, requests, accepting }
    }

    /// What a grant names.
    pub(crate) fn origin(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// The headers of all requests so far.
    pub(crate) fn requests(&self) -> Vec<HeaderMap> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn certificates(file: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_file_iter(private_ca(file)).unwrap().map(Result::unwrap).collect()
}

fn key(file: &str) -> PrivateKeyDer<'static> {
    PrivateKeyDer::from_pem_file(private_ca(file)).unwrap()
}
