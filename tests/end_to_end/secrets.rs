//! No secret leaks: a host with every kind of secret is run at trace level, its loads fail in every way, and all that it
//! wrote anywhere is searched for each secret.

use std::net::UdpSocket;
use std::time::Duration;

use rustix::process::Signal;

use crate::databases::{MariaDb, Postgres};
use crate::redis_server::RedisServer;
use crate::support::{
    Exited, Reply, Running, Secrets, TRACE, WebServer, WorkDir, encoded, eventually, everything_in, guest, in_base64,
    page, plugin, repository,
};

#[test]
fn base64_is_found_wherever_a_secret_begins() {
    // Of `user:S3cret`, `u:S3cret` and `S3cret`.
    let forms = in_base64("S3cret");
    for encoded in ["dXNlcjpTM2NyZXQ=", "dTpTM2NyZXQ=", "UzNjcmV0", "eDpTM2NyZXQ="] {
        assert!(forms.iter().any(|form| encoded.contains(form.as_str())), "{encoded}: {forms:?}");
    }
}

/// A server that gives tokens at `/token`, a map at `/good` and some others, refuses at `/refuse`, and sends back everywhere else what it
/// got. It takes requests as a proxy does, too, and answers them itself.
fn echo_server(token: &str) -> WebServer {
    let token = format!("{{\"access_token\": \"{token}\", \"token_type\": \"bearer\", \"expires_in\": 3600}}");
    WebServer::start(move |asked| match asked.path.rsplit('/').next() {
        Some("token") => Reply::body(token.clone()),
        Some("good" | "latest" | "all") => Reply::body("{\"FR\": {\"name\": \"Ryanair\"}}"),
        Some("prices") => Reply::body("[{\"sku\": \"a\", \"price\": 1}]"),
        Some("refuse") => Reply { status: 403, ..Reply::body(asked.to_string()) },
        _ => Reply::body(asked.to_string()),
    })
}

fn received(server: &WebServer) -> String {
    server.asked().iter().map(ToString::to_string).collect()
}

#[test]
fn no_secret_leaks() {
    let mut secrets = Secrets::default();
    let [api, key, bearer, password, client, token, proxy, store, postgres, mariadb, wrong] = [
        "api token",
        "key in a file",
        "bearer token",
        "basic password",
        "client secret",
        "oauth token",
        "proxy password",
        "store password",
        "password of postgres",
        "password of mariadb",
        "wrong password",
    ]
    .map(|what| secrets.add(what));
    let (server, redis) = (echo_server(&token), RedisServer::start_with(&["--requirepass", &store]));
    let proxy_url = server.origin().replace("//", &format!("//kiwi:{}@", encoded(&proxy)));
    let store_url = format!("redis://:{}@127.0.0.1:{}", encoded(&store), redis.port());
    let statsd = UdpSocket::bind("127.0.0.1:0").expect("a UDP socket");
    statsd.set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout");

    let (leaks, get, raw, http) = (guest("leaks"), guest("http_get"), guest("raw_wasi_http"), plugin("http"));
    let mut config = format!(
        r#"
store = {{ url_env = "STORE_URL" }}
statsd = "udp://{}"
[defaults]
reload_ttl = "1s"
[http]
proxy = {{ env = "PROXY_URL" }}
[secrets]
api = {{ env = "API_TOKEN" }}
key = {{ file = "key" }}
lines = {{ file = "lines" }}
[auth.bearer]
kind = "bearer"
hosts = ["http://bearer.kiwi.invalid"]
token = {{ env = "BEARER" }}
[auth.basic]
kind = "basic"
hosts = ["http://basic.kiwi.invalid"]
user = "kiwi"
password = {{ file = "password" }}
[auth.oauth]
kind = "oauth2"
hosts = ["http://oauth.kiwi.invalid"]
token_url = "http://login.kiwi.invalid/token"
client_id = "kiwi"
client_secret = {{ env = "CLIENT_SECRET" }}
[auth.body]
kind = "oauth2"
hosts = ["http://body.kiwi.invalid"]
token_url = "http://login.kiwi.invalid/echo"
client_id = "kiwi"
client_secret = {{ env = "CLIENT_SECRET" }}
client_auth = "body"
"#,
        statsd.local_addr().expect("its address"),
    );
    let mut caches = Vec::new();
    let mut cache = |name: &str, plugin: &std::path::Path, host: &str, path: &str, settings: &str, grants: &str| {
        config += &format!(
            "[cache.{name}]\nplugin = {plugin:?}\nsettings = {{ url = \"http://{host}.kiwi.invalid/{path}\"{settings} }}\n\
             grants = {{ http = [\"http://{host}.kiwi.invalid\"]{grants} }}\n"
        );
        caches.push(name.to_owned());
    };
    let headers = r#", headers = { authorization = "Bearer ${secret:api}", x-key = "${secret:key}" }"#;
    let granted = r#", secrets = { api = ["http://echo.kiwi.invalid"], key = ["http://echo.kiwi.invalid"] }"#;
    cache("good", &http, "echo", "good", headers, granted);
    for by in ["fail", "panic", "log", "stdout", "stderr"] {
        cache(&format!("echo-{by}"), &leaks, "echo", "echo", &format!("{headers}, by = \"{by}\""), granted);
    }
    cache("refused", &http, "echo", "refuse", headers, granted);
    cache("page", &http, "echo", "echo", headers, granted);
    cache("denied", &get, "other", "echo", headers, granted);
    cache("denied-raw", &raw, "other", "echo", headers, granted);
    let lines = r#", headers = { x-key = "${secret:lines}" }"#;
    let for_lines = r#", secrets = { lines = ["http://echo.kiwi.invalid"] }"#;
    cache("no-header", &get, "echo", "echo", lines, for_lines);
    cache("no-header-raw", &raw, "echo", "echo", lines, for_lines);
    for auth in ["bearer", "basic", "oauth", "body"] {
        for by in ["fail", "panic", "log"] {
            let grants = format!(", auth = [\"{auth}\"]");
            cache(&format!("{auth}-{by}"), &leaks, auth, "echo", &format!(", by = \"{by}\""), &grants);
        }
    }

    let (of_postgres, of_mariadb) = (Postgres::shared().database(), MariaDb::shared().database());
    of_postgres.sql(&format!(
        "CREATE TABLE t (k text); INSERT INTO t VALUES ('FR'); ALTER ROLE {} PASSWORD '{postgres}'",
        of_postgres.name()
    ));
    of_mariadb.sql("CREATE TABLE t (k text); INSERT INTO t VALUES ('FR')");
    for host in ["127.0.0.1", "localhost"] {
        of_mariadb.sql(&format!("ALTER USER {}@'{host}' IDENTIFIED BY '{mariadb}'", of_mariadb.name()));
    }
    let without_password = |url: String| {
        let (before, place) = url.split_once('@').expect("a user");
        let user = before.rsplit_once(':').expect("a password").0;
        format!("{user}@{place}")
    };
    let mariadb_url = of_mariadb.url().replace(of_mariadb.password(), &encoded(&mariadb));
    let postgres_url = without_password(of_postgres.url());
    config += &format!(
        "[connections.postgres]\nurl = {postgres_url:?}\npassword_env = \"POSTGRES_PASSWORD\"\n\
         [connections.mariadb]\nurl_env = \"MARIADB_URL\"\n\
         [connections.wrong]\nurl = {postgres_url:?}\npassword_file = \"wrong\"\n\
         [connections.plain]\nurl = {:?}\n",
        of_mariadb.url().replace(of_mariadb.password(), &encoded(&wrong)),
    );
    for (name, connection, table) in [
        ("good-postgres", "postgres", "t"),
        ("good-mariadb", "mariadb", "t"),
        ("no-table-postgres", "postgres", "nothing"),
        ("no-table-mariadb", "mariadb", "nothing"),
        ("wrong-postgres", "wrong", "t"),
        ("wrong-mariadb", "plain", "t"),
    ] {
        config += &format!(
            "[cache.{name}]\nplugin = {:?}\nsettings = {{ connection = \"{connection}\", table = \"{table}\", key = \"k\" }}\n\
             grants = {{ connections = [\"{connection}\"] }}\n",
            plugin("table")
        );
        caches.push(name.to_owned());
    }

    let workdir = WorkDir::with(&config);
    workdir.file("wrong", &wrong);
    workdir.file("key", &key);
    workdir.file("lines", &format!("{key}\r\nx-injected: {api}"));
    workdir.file("password", &password);
    let command = |args: &[&str]| {
        let mut command = workdir.command(args);
        command.env("STORE_URL", &store_url).env("PROXY_URL", &proxy_url).env("API_TOKEN", &api);
        command.env("BEARER", &bearer).env("CLIENT_SECRET", &client);
        command.env("POSTGRES_PASSWORD", &postgres).env("MARIADB_URL", &mariadb_url);
        command
    };
    // Compiles everything, so that the run does not.
    let checked: Exited = command(&["check"]).output().expect("kiwi-host starts").into();
    let checked = checked.expect(0);

    let mut host = Running::start(command(&["run", "--log-format", "json"]).env("KIWI_LOG", TRACE));
    for name in &caches {
        let logs = name.ends_with("-log") || name.ends_with("-stdout") || name.ends_with("-stderr");
        let fails = !name.starts_with("good") && (!logs || name == "body-log");
        let event = if fails { "not refilled" } else { "\"message\":\"published\"" };
        let line = format!("\"cache\":\"{name}\" {event}");
        host.wait_for_log(&line);
    }
    eventually("the host reports", || {
        let status: Exited = command(&["status"]).output().expect("kiwi-host starts").into();
        status.stdout.contains("echo-fail").then_some(())
    });
    // They were used, and hidden where they came back.
    let received = received(&server);
    for (what, secret) in &secrets.all()[..6] {
        let forms = [vec![secret.clone(), encoded(secret)], in_base64(secret), in_base64(&encoded(secret))].concat();
        assert!(forms.iter().any(|form| received.contains(form.as_str())), "{what} was never sent:\n{received}");
    }
    assert!(host.count_in_log("***") > 10, "nothing was hidden");

    secrets.are_not_in("Redis", &everything_in(&store_url));
    for args in [
        &["status"][..],
        &["status", "--format", "json"],
        &["check", "--format", "json"],
        &["check", "-vv"],
        &["inspect", http.to_str().expect("text"), "--format", "json"],
        &["get", "good", "FR"],
        &["dump", "good"],
        &["refill", "--all", "-vv"],
        &["refill", "--all", "--dry-run", "--format", "json"],
    ] {
        let exited: Exited = command(args).output().expect("kiwi-host starts").into();
        secrets.are_not_in(&format!("the output of {args:?}"), exited.stdout.as_bytes());
        secrets.are_not_in(&format!("the errors of {args:?}"), exited.stderr.as_bytes());
    }
    secrets.are_not_in("check", checked.stdout.as_bytes());
    secrets.are_not_in("Redis", &everything_in(&store_url));
    host.signal(Signal::TERM);
    let ended = host.wait();
    secrets.are_not_in("the log", ended.stderr.as_bytes());
    secrets.are_not_in("the output", ended.stdout.as_bytes());
    assert!(ended.stderr.contains("hyper_util"), "it does not have the lines of libraries");
    let (mut metrics, mut datagram) = (Vec::new(), [0; 65_536]);
    while let Ok(length) = statsd.recv(&mut datagram) {
        metrics.extend_from_slice(&datagram[..length]);
    }
    assert!(!metrics.is_empty());
    secrets.are_not_in("the metrics", &metrics);
}

/// The blocks of docs/secrets.md as one kiwi.toml, without TLS, and with a certificate that exists.
fn page_config() -> String {
    let certificate = repository().join("host/store/tests/redis/tls/private_ca/ca.pem");
    let blocks = page("docs/secrets.md").blocks("toml");
    assert_eq!(blocks.len(), 4);
    // The keys at the top of the file come first.
    let (tables, top): (Vec<_>, Vec<_>) = blocks.into_iter().partition(|block| block.starts_with('['));
    let config = [top, tables].concat().join("\n");
    let http = config.replace("https://", "http://");
    http.replace("ca = \"secrets/company-ca.pem\"", &format!("ca = {certificate:?}"))
}

#[test]
fn the_page_about_secrets_works() {
    let (server, redis) = (echo_server("t0ken-of-the-page"), RedisServer::start());
    let workdir = WorkDir::with(&page_config());
    for directory in ["secrets", "plugins"] {
        std::fs::create_dir(workdir.path().join(directory)).expect("a directory");
    }
    std::fs::copy(plugin("http"), workdir.path().join("plugins/http.wasm")).expect("a copy");
    workdir.file("secrets/api_key", "the-api-key\n");
    workdir.file("secrets/stock", "the-password\n");
    // The names of the page lead to the server through the proxy that the page has.
    let mut command = workdir.command(&["refill", "--all"]);
    command.env("REDIS_URL", redis.url()).env("PARTNER_SECRET", "the-client-secret");
    let exited: Exited = command.env("https_proxy", server.origin()).output().expect("it starts").into();
    let received = received(&server);
    let exited = exited.expect(0);
    assert_eq!(exited.stdout.matches("published 1 entry").count(), 3, "{}", exited.stdout);
    for sent in [
        "GET http://rates.example.com/latest HTTP/1.1",
        "x-api-key: the-api-key",
        "POST http://login.partner.com/oauth/token HTTP/1.1",
        "authorization: Bearer t0ken-of-the-page",
        "authorization: Basic a2l3aTp0aGUtcGFzc3dvcmQ=",
    ] {
        assert!(received.contains(sent), "{sent} is missing:\n{received}");
    }
}
