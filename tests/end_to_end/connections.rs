//! Connections to Redis: TLS, and a unix socket.

use crate::redis_server::{RedisServer, free_port};
use crate::support::{WorkDir, numbers, repository};

#[test]
fn a_host_publishes_over_tls_and_over_a_unix_socket() {
    let tls = repository().join("host/store/tests/redis/tls");
    let (certificate, key) = (tls.join("cert.pem"), tls.join("key.pem"));
    let (certificate, key) = (certificate.to_str().expect("text"), key.to_str().expect("text"));
    let port = free_port().to_string();
    let redis = RedisServer::start_with(&[
        "--tls-port",
        &port,
        "--tls-cert-file",
        certificate,
        "--tls-key-file",
        key,
        "--tls-auth-clients",
        "no",
    ]);
    let workdir = WorkDir::with(&numbers(&redis, 3_000, ""));
    let over_tls = format!("rediss://localhost:{port}?ca={certificate}");
    let over_socket = format!("redis+unix://{}", redis.socket().display());
    for (seq, store) in [over_tls, over_socket].iter().enumerate() {
        workdir.run(&["refill", "--all", "--store", store]).expect(0);
        assert_eq!(redis.command(&["HGET", "kiwi:{numbers}:meta", "seq"]), Ok(seq + 1), "{store}");
        let got = workdir.run(&["get", "numbers", "42", "--store", store]).expect(0).stdout;
        assert!(got.contains("\"n\":42"), "{got}");
    }
    let unknown = workdir.run(&["status", "--store", &format!("rediss://localhost:{port}")]).expect(1);
    assert!(unknown.stderr.contains("certificate"), "{unknown:?}");
}
