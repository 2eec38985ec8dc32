//! TLS: the server must prove that it is the one named.

use std::path::PathBuf;

use kiwi_host::{CacheConfig, Connection, DatabaseTls, DatabaseUrl, FailureKind};
use serde_json::json;

use super::databases::{MariaDb, Postgres};
use super::{failure, published, with_connection};
use crate::support::{Setup, assert_failure, repository};

fn file(name: &str) -> PathBuf {
    repository().join("host/store/tests/redis/tls").join(name)
}

fn config(url: &str, ca: Option<PathBuf>, query: &str) -> CacheConfig {
    let tls = DatabaseTls::VerifyFull { ca, client: None };
    let connection = Connection { tls, ..Connection::new("shop", DatabaseUrl::Plain(url.to_owned())).unwrap() };
    with_connection(connection, json!({ "connection": "shop", "query": query, "key": "k" }))
}

/// A URL by the name in the certificate, and one by an address that is not in it.
async fn proves_itself(url: &str, query: &str, expected: &str) {
    let named = url.replace("127.0.0.1", "localhost");
    let map = published(&Setup::new(), config(&named, Some(file("cert.pem")), query)).await;
    assert!(map.keys().all(|key| key.contains(expected)) && !map.is_empty(), "{map:?}");
    // Another authority; another name.
    for (url, ca) in [(&named, None), (&url.to_owned(), Some(file("cert.pem")))] {
        let failure = failure(&Setup::new(), config(url, ca, query)).await;
        assert_failure(&failure, FailureKind::Unavailable, &["certificate"]);
    }
}

#[tokio::test]
async fn a_postgresql_proves_itself() {
    let server = Postgres::start_with_tls(&file("cert.pem"), &file("key.pem"));
    let database = server.database();
    let query = "SELECT version AS k FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl";
    proves_itself(&database.url(), query, "TLS").await;
}

#[tokio::test]
async fn a_mariadb_proves_itself() {
    let [certificate, key] =
        [("cert", "cert.pem"), ("key", "key.pem")].map(|(name, path)| format!("--ssl-{name}={}", file(path).display()));
    let server = MariaDb::start(&[&certificate, &key]);
    let database = server.database();
    let query = "SELECT variable_value AS k FROM information_schema.session_status WHERE variable_name = 'Ssl_version'";
    proves_itself(&database.url(), query, "TLS").await;
}

#[tokio::test]
async fn a_server_without_tls_gets_no_password() {
    let database = Postgres::shared().database();
    let url = database.url().replace("127.0.0.1", "localhost");
    let failure = failure(&Setup::new(), config(&url, None, "SELECT 1 AS k")).await;
    assert_failure(&failure, FailureKind::Unavailable, &["does not support TLS"]);
}

/// Connects as the client that the certificate names, and without a certificate.
async fn client_proves_itself(url: &str, expected: &str) {
    let ca = Some(file("cert.pem"));
    let with = |client| {
        let mut config = config(url, ca.clone(), "SELECT 1 AS k");
        config.grants.connections[0].tls = DatabaseTls::VerifyFull { ca: ca.clone(), client };
        config
    };
    assert_eq!(published(&Setup::new(), with(Some((file("cert.pem"), file("key.pem"))))).await.len(), 1);
    let failure = failure(&Setup::new(), with(None)).await;
    assert_failure(&failure, FailureKind::Unavailable, &[expected, "client certificate, set `cert` and `key`"]);
}

#[tokio::test]
async fn a_postgresql_may_ask_for_a_client_certificate() {
    let mut server = Postgres::start_with_tls(&file("cert.pem"), &file("key.pem"));
    server.configure("ssl_ca_file = 'server.crt'");
    // The certificate names the role.
    server.let_in("hostssl all localhost 127.0.0.1/32 scram-sha-256 clientcert=verify-full");
    server.restart();
    let database = server.database();
    let password = database.password();
    database.sql(&format!("CREATE ROLE localhost LOGIN PASSWORD '{password}'"));
    let url = format!("postgres://localhost:{password}@localhost:{}/{}", server.port(), database.name());
    client_proves_itself(&url, "requires a valid client certificate").await;
}

#[tokio::test]
async fn a_mariadb_may_ask_for_a_client_certificate() {
    let [ca, certificate, key] = [("ca", "cert.pem"), ("cert", "cert.pem"), ("key", "key.pem")]
        .map(|(name, path)| format!("--ssl-{name}={}", file(path).display()));
    let server = MariaDb::start(&[&ca, &certificate, &key]);
    let database = server.database();
    for host in ["127.0.0.1", "localhost"] {
        database.sql(&format!("ALTER USER {}@'{host}' REQUIRE X509", database.name()));
    }
    client_proves_itself(&database.url().replace("127.0.0.1", "localhost"), "Access denied").await;
}
