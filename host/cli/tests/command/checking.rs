//! `check`: what it finds before anything runs.

use std::net::TcpListener;

use crate::redis_server::RedisServer;
use crate::support::{assert_output, plugin, workdir};

#[test]
fn check_finds_grants_settings_and_names_that_cannot_work() {
    let workdir = workdir();
    let open = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    workdir.file("data/airlines.csv", "iata,name\nFR,Ryanair\n");
    workdir.file(
        "kiwi.toml",
        &format!(
            r#"store = "file:.kiwi"
statsd = "udp://statsd.invalid:8125"

[cache.reach]
plugin = "currencies.wasm"
grants = {{ http = ["http://{}", "http://{closed}", "https://nowhere.invalid", "*://*"] }}

[cache.files]
plugin = "file.wasm"
settings = {{ path = "data/airlines.csv", kye = "iata", columns = "name", delimitre = ";" }}
grants = {{ dirs = ["data", "absent", "file.wasm"], env = ["KIWI_TEST_ABSENT", "XDG_CACHE_HOME"] }}

[cache.misnamed]
plugin = "http.wasm"
settings = {{ ulr = "https://api.example.com" }}
"#,
            open.local_addr().unwrap()
        ),
    );
    // How a name that does not exist is reported differs from system to system.
    assert_output!(
        "check-findings",
        workdir.transcript(&["check"]),
        [(r"(cannot be resolved): [^;\n]*", "$1: WHY"), (r"(cannot be reached at \S+): .*", "$1: WHY")]
    );
}

#[test]
fn check_finds_a_redis_that_refuses_writes() {
    let (workdir, redis) = (workdir(), RedisServer::start());
    redis.command::<()>(&["CONFIG", "SET", "maxmemory", "1"]).unwrap();
    let output = workdir.run(&["check", "--store", &redis.url()]);
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stdout}");
    assert!(stdout.contains("error    store: Redis at 127.0.0.1:") && stdout.contains("is full"), "{stdout}");
}

#[test]
fn check_finds_an_embedded_store_that_cannot_be_created() {
    let workdir = workdir();
    let output = workdir.run(&["check", "--store", "file:data/airlines.csv/store"]);
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stdout}");
    assert!(stdout.contains("error    store: file:") && stdout.contains("cannot be created in /"), "{stdout}");
}

#[test]
fn the_advice_names_the_place_in_a_table_that_exists() {
    let workdir = workdir();
    workdir.file(
        "kiwi.toml",
        r#"store = "file:.kiwi"

[cache.inline]
plugin = "file.wasm"
settings = { path = "data/airlines.csv", key = "iata" }
grants = { dirs = ["elsewhere"], env = [] }

[cache.header]
plugin = "http.wasm"
grants.env = ["HOME"]

[cache.tables]
plugin = "file.wasm"
[cache.tables.settings]
key = "iata"
"#,
    );
    workdir.file("elsewhere/x", "");
    assert_output!("check-advice", workdir.transcript(&["check"]));
}

#[test]
fn colours_are_as_the_operator_asks() {
    let workdir = workdir();
    let is_coloured = |args: &[&str], variable: Option<&str>| {
        let mut command = workdir.command(&[&["check"], args].concat());
        let output = command.envs(variable.map(|name| (name, "1"))).output().unwrap();
        String::from_utf8(output.stdout).unwrap().contains('\u{1b}')
    };
    assert!(!is_coloured(&[], None));
    assert!(is_coloured(&["--color", "always"], None));
    assert!(is_coloured(&["--color", "always"], Some("NO_COLOR")));
    assert!(is_coloured(&[], Some("CLICOLOR_FORCE")));
    assert!(!is_coloured(&["--color", "never"], Some("CLICOLOR_FORCE")));
    assert_eq!(workdir.run(&["check", "--color", "sometimes"]).status.code(), Some(64));
}

#[test]
fn the_configuration_is_found_from_below_and_through_the_environment() {
    let workdir = workdir();
    let below = workdir.path().join("data/deep");
    std::fs::create_dir_all(&below).unwrap();
    let check = |variable: Option<&str>| {
        let mut command = workdir.command(&["check", "-v"]);
        let output = command.current_dir(&below).envs(variable.map(|path| ("KIWI_CONFIG", path))).output().unwrap();
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    };
    let found = check(None);
    assert!(found.contains("2 caches in /") && found.contains("ok       cache `airlines`"), "{found}");
    assert!(found.contains("using the configuration /"), "{found}");
    workdir.file("other.toml", "store = \"file:.kiwi\"\n[cache.one]\nplugin = \"currencies.wasm\"\n");
    let found = check(Some("../../other.toml"));
    assert!(found.contains("1 cache in ../../other.toml"), "{found}");
    assert!(check(Some("")).contains("2 caches in /"), "an empty variable is not a path");
}

#[test]
fn check_says_which_databases_are_not_used_and_not_reached() {
    let workdir = workdir();
    std::fs::copy(plugin("table.wasm"), workdir.path().join("table.wasm")).unwrap();
    let connection = |name: &str, url: &str| format!("[connections.{name}]\n{url}\n");
    let cache = |connection: &str| {
        format!(
            "[cache.of-{connection}]\nplugin = \"table.wasm\"\nsettings = {{ connection = \"{connection}\", table = \"t\", \
             key = \"k\" }}\ngrants = {{ connections = [\"{connection}\"] }}\n"
        )
    };
    workdir.file(
        "kiwi.toml",
        &[
            "store = \"file:.kiwi\"\n".to_owned(),
            connection("unused", "url = \"sqlite:unused.db\""),
            connection("unset", "url_env = \"KIWI_TEST_NEVER_SET\""),
            connection("away", "url = \"postgres://u:s3cret@127.0.0.1:1/d\""),
            cache("unset"),
            cache("away"),
        ]
        .concat(),
    );
    let output = workdir.run(&["check"]);
    let said = String::from_utf8(output.stdout).unwrap();
    for part in [
        "warning  connection `unused`: no cache may use it: add `connections = [\"unused\"]`",
        "warning  connection `unset`: database `unset`: cannot read the URL: the environment variable `KIWI_TEST_NEVER_SET` is not set",
        "warning  connection `away`: database `away`: no connection to 127.0.0.1:1: ",
    ] {
        assert!(said.contains(part), "{part} is missing in:\n{said}");
    }
    assert!(!said.contains("s3cret"), "{said}");
    workdir.file(
        "kiwi.toml",
        &["store = \"file:.kiwi\"\n".to_owned(), connection("shop", "url = \"sqlite:a\""), cache("shpo")].concat(),
    );
    let output = workdir.run(&["check"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("there is no connection `shpo`: did you mean `shop`?"), "{said}");
    assert_eq!(output.status.code(), Some(64), "{said}");
}
