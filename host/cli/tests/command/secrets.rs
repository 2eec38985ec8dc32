//! Secrets and credentials: what `check`, `inspect` and `run` say of them, and the URL of the store.

use std::net::TcpListener;

use crate::redis_server::RedisServer;
use crate::support::{WorkDir, assert_outcome, assert_output, guest, workdir};

/// A directory with the guests that these tests use.
fn with_guests() -> WorkDir {
    let workdir = workdir();
    for name in ["asks_grants", "http_get", "echo"] {
        std::fs::copy(guest(name), workdir.path().join(format!("{name}.wasm"))).expect("a copy");
    }
    workdir
}

#[test]
fn check_finds_secrets_that_cannot_work_and_those_that_nobody_uses() {
    let workdir = with_guests();
    let open = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = open.local_addr().unwrap();
    workdir.file("token", "s3cret").file("broken.pem", "no certificate").file("kept/password", "s3cret");
    workdir.file(
        "kiwi.toml",
        &format!(
            r#"store = {{ url_env = "REDIS_URL" }}
[http]
ca = "broken.pem"
[secrets]
good = {{ file = "token" }}
late = {{ file = "absent/token" }}
unset = {{ env = "KIWI_TEST_UNSET" }}
seen = {{ env = "KIWI_TEST_SEEN" }}
idle = {{ env = "KIWI_TEST_SEEN" }}
[auth.partner]
kind = "oauth2"
hosts = ["http://api.kiwi.invalid"]
token_url = "http://login.kiwi.invalid/token"
client_id = "kiwi"
client_secret = {{ env = "KIWI_TEST_UNSET" }}
[auth.idle]
kind = "basic"
hosts = ["http://{address}"]
user = "kiwi"
password = {{ file = "kept/password" }}
[cache.asking]
plugin = "asks_grants.wasm"
settings = {{ grants = ["secrets good", "secrets absent", "auth nobody", "http http://{address}"] }}
[cache.asking.grants]
http = ["http://{address}"]
env = ["KIWI_TEST_SEEN"]
auth = ["partner"]
[cache.asking.grants.secrets]
good = ["http://{address}", "https://other.kiwi.invalid"]
late = ["http://{address}"]
unset = ["http://{address}"]
seen = ["http://{address}"]
"#
        ),
    );
    let output = workdir.command(&["check"]).env("KIWI_TEST_SEEN", "s3cret").env("https_proxy", "http://x").output();
    let output = output.unwrap();
    let text = crate::support::transcript(&["check"], &output);
    assert!(!text.contains("s3cret"), "{text}");
    // How a name that does not exist is reported differs from system to system.
    assert_output!("check-secrets", text, [(r"(cannot be resolved): [^;\n]*", "$1: WHY")]);
}

#[test]
fn what_a_plugin_asks_for_is_advised_and_not_given_by_itself() {
    let workdir = with_guests();
    workdir.file(
        "kiwi.toml",
        r#"store = "file:.kiwi"
[cache.asking]
plugin = "asks_grants.wasm"
settings = { grants = ["http https://api.example.com", "secrets api-token", "auth partner"] }
"#,
    );
    assert_output!("inspect-secrets", workdir.transcript(&["inspect", "asks_grants.wasm"]));
    let fixed = workdir.transcript(&["check", "--fix"]);
    for kept_back in [
        "`api-token` was not added to `grants.secrets`: it is a credential of yours; add it yourself",
        "`partner` was not added to `grants.auth`: it is a credential of yours; add it yourself",
    ] {
        assert!(fixed.contains(kept_back), "{fixed}");
    }
    let config = std::fs::read_to_string(workdir.path().join("kiwi.toml")).unwrap();
    assert!(config.contains("grants.http") && !config.contains("grants.secrets"), "{config}");
    // As it was advised, it works.
    let advised = config.replace(
        "grants.http",
        "grants.secrets.api-token = [\"https://api.example.com\"]\ngrants.auth = [\"partner\"]\ngrants.http",
    );
    let defined = "[secrets]\napi-token = { env = \"API_TOKEN\" }\n[auth.partner]\nkind = \"bearer\"\n\
                   hosts = [\"https://api.example.com\"]\ntoken = { env = \"API_TOKEN\" }\n";
    workdir.file("kiwi.toml", &format!("{advised}{defined}"));
    let inspected = workdir.transcript(&["inspect", "asks_grants.wasm"]);
    assert!(inspected.contains("cache `asking`: has everything it needs"), "{inspected}");
}

#[test]
fn the_secrets_that_headers_name_are_advised_before_anything_is_sent() {
    let workdir = workdir();
    workdir.file(
        "kiwi.toml",
        r#"store = "file:.kiwi"
[cache.prices]
plugin = "http.wasm"
settings = { url = "https://api.example.com/prices", headers = { authorization = "Bearer ${secret:api-token}" } }
grants = { http = ["https://api.example.com"] }
"#,
    );
    for command in ["inspect", "check"] {
        let args: &[&str] = if command == "inspect" { &["inspect", "http.wasm"] } else { &["check"] };
        let said = workdir.transcript(args);
        for line in ["secrets.api-token = [\"https://api.example.com\"]", "to send `headers`", "[secrets]"] {
            assert!(said.contains(line), "{line}: {said}");
        }
    }
}

#[test]
fn a_secret_that_is_missing_is_said_at_the_start_and_stops_no_other_cache() {
    let workdir = with_guests();
    workdir.file(
        "kiwi.toml",
        r#"store = "file:.kiwi"
[secrets]
token = { env = "KIWI_TEST_UNSET" }
other = { env = "KIWI_TEST_UNSET" }
[cache.needy]
plugin = "http_get.wasm"
settings = { url = "http://127.0.0.1:1/", headers = { authorization = "Bearer ${secret:token}" } }
grants = { http = ["http://127.0.0.1:1"], secrets = { token = ["http://127.0.0.1:1"] } }
[cache.modest]
plugin = "echo.wasm"
settings = { entries = { FR = 1 } }
"#,
    );
    assert_outcome!("run-missing-secret", workdir.transcript(&["run", "--once"]));
}

#[test]
fn the_url_of_the_store_may_stand_elsewhere() {
    let (workdir, redis) = (with_guests(), RedisServer::start_with(&["--requirepass", "s3cret"]));
    let url = format!("redis://:s3cret@127.0.0.1:{}", redis.port());
    let cache = "[cache.a]\nplugin = \"echo.wasm\"\nsettings = { entries = { FR = 1 } }\n";
    workdir.file("kiwi.toml", &format!("store = {{ url_env = \"REDIS_URL\" }}\n{cache}"));
    for command in [&["status"][..], &["run", "--once"], &["check"], &["get", "a", "FR"], &["inspect", "echo.wasm"]] {
        let run = |variables: &[(&str, &str)]| {
            let output = workdir.command(command).envs(variables.iter().copied()).output().unwrap();
            let text =
                format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert!(!text.contains("s3cret"), "{command:?}: {text}");
            (output.status.code(), text)
        };
        let needs_store = command[0] != "inspect";
        let (code, text) = run(&[]);
        assert_eq!(code, Some(if needs_store { 64 } else { 0 }), "{command:?}: {text}");
        let missing = "the environment variable `REDIS_URL` is not set; set it, or use --store or KIWI_STORE";
        assert_eq!(text.matches(missing).count(), usize::from(needs_store), "{command:?}: {text}");
        let (code, text) = run(&[("REDIS_URL", "redis://:s3c#ret@localhost")]);
        let names = text.contains("the environment variable `REDIS_URL` is read for `store`");
        assert_eq!((code, names), (Some(if needs_store { 64 } else { 0 }), needs_store), "{command:?}: {text}");
        assert!(!text.contains("s3c#ret"), "{command:?}: {text}");
        if command[0] == "run" || command[0] == "check" {
            assert_eq!(run(&[("KIWI_STORE", "file:other")]).0, Some(0), "{command:?}");
        }
        let (code, text) = run(&[("REDIS_URL", &url)]);
        assert_eq!(code, Some(0), "{command:?}: {text}");
    }
    workdir.file("url", &format!("{url}\n"));
    workdir.file("kiwi.toml", &format!("store = {{ url_file = \"url\" }}\n{cache}"));
    assert_eq!(workdir.run(&["get", "a", "FR"]).status.code(), Some(0));
    std::fs::remove_file(workdir.path().join("url")).unwrap();
    let output = workdir.run(&["get", "a", "FR"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(64) && stderr.contains("url` cannot be read: No such file"), "{stderr}");
    // A directory in it is relative to kiwi.toml, as it is everywhere in the file.
    std::fs::create_dir(workdir.path().join("below")).unwrap();
    workdir.file("url", "file:.kiwi");
    let mut command = workdir.command(&["run", "--once", "--config", "../kiwi.toml"]);
    assert_eq!(command.current_dir(workdir.path().join("below")).output().unwrap().status.code(), Some(0));
    assert!(workdir.path().join(".kiwi").is_dir());
}

#[test]
fn behind_a_proxy_check_asks_for_the_proxy_and_not_for_what_is_behind_it() {
    let workdir = with_guests();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let cache =
        "[cache.a]\nplugin = \"echo.wasm\"\ngrants.http = [\"https://behind.invalid\", \"https://direct.invalid\"]\n";
    let check = |http: &str| {
        workdir.file("kiwi.toml", &format!("store = \"file:.kiwi\"\n[http]\n{http}{cache}"));
        workdir.transcript(&["check"])
    };
    let said = check(&format!("proxy = \"http://bob:s3cret@{closed}\"\nno_proxy = [\"direct.invalid\"]\n"));
    assert!(said.contains(&format!("warning  http: the proxy `127.0.0.1` cannot be reached at {closed}: ")), "{said}");
    assert!(said.contains("`direct.invalid` cannot be resolved") && !said.contains("behind.invalid"), "{said}");
    assert!(!said.contains("s3cret"), "{said}");
    let open = TcpListener::bind("127.0.0.1:0").unwrap();
    let said = check(&format!("proxy = \"http://{}\"\n", open.local_addr().unwrap()));
    assert!(!said.contains("warning"), "{said}");
}
