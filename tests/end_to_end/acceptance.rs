//! First steps: the examples on a Redis, the plugins without configuration, and finding out what is
//! wrong.

use std::os::unix::fs::symlink;

use serde_json::Value;

use crate::redis_server::RedisServer;
use crate::support::{Asked, Exited, Reply, WebServer, WorkDir, eventually, plugin, repository};

#[test]
fn the_examples_run_on_a_redis_and_any_client_reads_them() {
    let redis = RedisServer::start();
    let workdir = WorkDir::new();
    let config = repository().join("examples/kiwi.toml");
    let target = ["--config", config.to_str().expect("text"), "--store", &redis.url()];
    let kiwi_host = |words: &[&str]| workdir.run(&[words, &target[..]].concat()).expect(0).stdout;
    let mut host = workdir.start(&[&["run"][..], &target[..]].concat());
    for cache in ["airlines", "rates", "kiwi_airlines", "currencies"] {
        host.wait_for_log(&format!("published cache={cache}"));
    }

    let ryanair: String = redis.command(&["HGET", "kiwi:{airlines}", "FR"]).expect("a value");
    let ttl: i64 = redis.command(&["TTL", "kiwi:{airlines}"]).expect("an answer");
    println!("HGET 'kiwi:{{airlines}}' FR\n{ryanair}\nTTL 'kiwi:{{airlines}}'\n{ttl}");
    assert!(ryanair.contains("Ryanair"));
    assert!(ttl > 0);
    assert_eq!(kiwi_host(&["get", "airlines", "FR"]).trim_end(), ryanair);

    // When a cache is due is known once its host has reported.
    let is_due = |row: &Value| row["next_refill_ms"].is_number() || row["state"] == "loading";
    let status = eventually("each cache is due some time", || {
        let mut status: Value = serde_json::from_str(&kiwi_host(&["status", "--format", "json"])).expect("JSON");
        let status: Vec<Value> = serde_json::from_value(status["caches"].take()).expect("a list");
        status.iter().all(is_due).then_some(status)
    });
    print!("{}", kiwi_host(&["status"]));
    let caches: Vec<&str> = status.iter().filter_map(|row| row["cache"].as_str()).collect();
    assert_eq!(caches, ["airlines", "currencies", "kiwi_airlines", "rates"]);
    for row in &status {
        assert_eq!((&row["well"], &row["data"]), (&Value::Bool(true), &Value::from("fresh")), "{row}");
        assert!(row["entries"].as_u64() > Some(3) && row["failures"] == serde_json::json!([]), "{row}");
    }
}

/// Two pages for who has the token.
fn prices(asked: &Asked) -> Reply {
    match (asked.header("authorization"), asked.path.as_str()) {
        (Some("Bearer t0ken"), "/prices") => Reply {
            headers: vec![("Link", "</prices?page=2>; rel=\"next\"".to_owned())],
            ..Reply::body("[{\"sku\": \"a\", \"price\": 1.10}]")
        },
        (Some("Bearer t0ken"), "/prices?page=2") => Reply::body("[{\"sku\": \"b\", \"price\": 2}]"),
        _ => Reply { status: 401, ..Reply::body("") },
    }
}

/// The lines that the example has as comments are valid, and load an API.
#[test]
fn the_api_of_the_examples_is_loaded_with_its_secret() {
    let (redis, server) = (RedisServer::start(), WebServer::start(prices));
    let example = std::fs::read_to_string(repository().join("examples/kiwi.toml")).expect("the example");
    let is_config = |line: &str| line.strip_prefix('#').is_some_and(|rest| !rest.is_empty() && !rest.starts_with(' '));
    let uncommented = |line: &str| format!("{}\n", if is_config(line) { &line[1..] } else { line });
    let config: String = example.lines().map(uncommented).collect();
    let workdir = WorkDir::new();
    std::fs::create_dir(workdir.path().join("conf")).expect("a directory");
    symlink(repository().join("plugins"), workdir.path().join("plugins")).expect("a link");
    workdir.file("conf/kiwi.toml", &config.replace("https://api.example.com", &server.origin()));
    let mut command = workdir.command(&["refill", "prices", "--config", "conf/kiwi.toml", "--store", &redis.url()]);
    let exited: Exited = command.env("PRICES_TOKEN", "t0ken").output().expect("kiwi-host starts").into();
    let exited = exited.expect(0);
    assert!(exited.stdout.contains("prices: published 2 entries"), "{exited:?}");
    let price: String = redis.command(&["HGET", "kiwi:{prices}", "a"]).expect("a value");
    assert_eq!(price, "{\"sku\":\"a\",\"price\":1.10}");
}

#[test]
fn without_configuration_plugins_run_or_report_what_is_missing() {
    let workdir = WorkDir::new();
    let plugins = ["currencies", "file", "http"].map(plugin);
    let mut args = vec!["run", "--once"];
    args.extend(plugins.iter().map(|plugin| plugin.to_str().expect("text")));
    let exited = workdir.run(&args).expect(1);
    println!("{}{}", exited.stderr, exited.stdout);
    assert!(exited.stdout.starts_with("currencies: published "), "{exited:?}");
    for (plugin, setting) in [("file", "path"), ("http", "url")] {
        assert!(exited.stderr.contains(&format!("cache `{plugin}` cannot run: ")), "{exited:?}");
        assert!(exited.stderr.contains(&format!("[cache.{plugin}]")), "{exited:?}");
        assert!(exited.stderr.contains(&format!("settings.{setting} = ")), "{exited:?}");
    }
    assert!(exited.stderr.contains("the store is ./.kiwi"), "{exited:?}");
    assert!(workdir.path().join(".kiwi").is_dir());
    assert!(workdir.run(&["get", "currencies", "EUR"]).expect(0).stdout.contains("Euro"));
}

#[test]
fn inspect_shows_what_a_plugin_needs_and_check_reports_an_invalid_configuration() {
    let workdir = WorkDir::new();
    let http = plugin("http");
    let inspected = workdir.run(&["inspect", http.to_str().expect("text")]).expect(0).stdout;
    println!("{inspected}");
    for said in ["kiwi:loader/described-loader@0.1.1", "SETTING", "[cache.http]", "settings.url = \"...\""] {
        assert!(inspected.contains(said), "{said}: {inspected}");
    }

    workdir.file(
        "kiwi.toml",
        &format!(
            "store = \"redis//localhost\"\nmax_load = 3\n\n[cache.rates]\nplugin = {http:?}\nreload_ttl = \"1 minuet\"\n\
             \n[cache.\"air lines\"]\nplugin = \"file.wasm\"\ngrants = {{ htp = [] }}\n"
        ),
    );
    let checked = workdir.run(&["check"]).expect(64).stdout;
    println!("{checked}");
    for said in [
        "store: not a valid URL of a store",
        "unknown key `max_load`: did you mean `max_loads`?",
        "cache.rates.reload_ttl: `1 minuet` is ",
        "`air lines` ",
    ] {
        assert!(checked.contains(said), "{said}: {checked}");
    }
}

#[test]
fn a_dump_into_head_exits_silently() {
    let workdir = WorkDir::new();
    let currencies = plugin("currencies");
    workdir.run(&["run", "--once", currencies.to_str().expect("text")]).expect(0);
    // More output than fits into the buffer of a pipe.
    let many = "for i in 1 2 3 4 5; do \"$@\" || echo \"exit code $?\" >&2; done | head -n 2";
    let exited = workdir.shell(many, &["dump", "currencies"]).output().expect("sh is there");
    let said = (String::from_utf8_lossy(&exited.stdout).lines().count(), String::from_utf8_lossy(&exited.stderr));
    assert_eq!(said, (2, "".into()));
}
