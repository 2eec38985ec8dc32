//! What a person does first: the examples on a Redis, the plugins with no configuration, a look at
//! what went wrong.

use serde_json::Value;

use crate::redis_server::RedisServer;
use crate::support::{Desk, plugin, repository};

#[test]
fn the_examples_run_on_a_redis_and_any_client_reads_them() {
    let redis = RedisServer::start();
    let desk = Desk::new();
    let config = repository().join("examples/kiwi.toml");
    let place = ["--config", config.to_str().expect("text"), "--store", &redis.url()];
    let kiwi_host = |words: &[&str]| desk.run(&[words, &place[..]].concat()).expect(0).stdout;
    let mut host = desk.start(&[&["run"][..], &place[..]].concat());
    for cache in ["airlines", "rates", "currencies"] {
        host.says(&format!("published cache={cache}"));
    }

    let ryanair: String = redis.command(&["HGET", "kiwi:{airlines}", "FR"]).expect("a value");
    let ttl: i64 = redis.command(&["TTL", "kiwi:{airlines}"]).expect("an answer");
    println!("HGET 'kiwi:{{airlines}}' FR\n{ryanair}\nTTL 'kiwi:{{airlines}}'\n{ttl}");
    assert!(ryanair.contains("Ryanair"));
    assert!(ttl > 0);
    assert_eq!(kiwi_host(&["get", "airlines", "FR"]).trim_end(), ryanair);

    let status = kiwi_host(&["status", "--format", "json"]);
    print!("{status}{}", kiwi_host(&["status"]));
    let status: Vec<Value> = serde_json::from_str(&status).expect("JSON");
    let caches: Vec<&str> = status.iter().filter_map(|row| row["cache"].as_str()).collect();
    assert_eq!(caches, ["airlines", "currencies", "rates"]);
    for row in &status {
        assert_eq!(row["state"], "fresh", "{row}");
        assert!(row["entries"].as_u64() > Some(10) && row["last_error"].is_null(), "{row}");
        assert!(row["next_refill"].is_number() || row["activity"] == "loading", "{row}");
    }
}

#[test]
fn all_plugins_run_in_an_empty_folder_without_any_configuration() {
    let desk = Desk::new();
    let plugins = ["currencies", "file", "http"].map(plugin);
    let mut args = vec!["run", "--once"];
    args.extend(plugins.iter().map(|plugin| plugin.to_str().expect("text")));
    let ended = desk.run(&args).expect(1);
    println!("{}{}", ended.stderr, ended.stdout);
    assert!(ended.stdout.starts_with("currencies: published "), "{ended:?}");
    for (plugin, setting) in [("file", "path"), ("http", "url")] {
        assert!(ended.stderr.contains(&format!("cache `{plugin}` does not run: ")), "{ended:?}");
        assert!(ended.stderr.contains(&format!("[cache.{plugin}]")), "{ended:?}");
        assert!(ended.stderr.contains(&format!("settings.{setting} = ")), "{ended:?}");
    }
    assert!(ended.stderr.contains("the store is ./.kiwi"), "{ended:?}");
    assert!(desk.path().join(".kiwi").is_dir());
    assert!(desk.run(&["get", "currencies", "EUR"]).expect(0).stdout.contains("Euro"));
}

#[test]
fn a_plugin_tells_what_it_needs_and_a_broken_configuration_what_is_wrong() {
    let desk = Desk::new();
    let http = plugin("http");
    let inspected = desk.run(&["inspect", http.to_str().expect("text")]).expect(0).stdout;
    println!("{inspected}");
    for said in ["kiwi:loader/described-loader@0.1.0", "SETTING", "[cache.http]", "settings.url = \"...\""] {
        assert!(inspected.contains(said), "{said}: {inspected}");
    }

    desk.file(
        "kiwi.toml",
        &format!(
            "store = \"redis//localhost\"\nmax_load = 3\n\n[cache.rates]\nplugin = {http:?}\nreload_ttl = \"1 minuet\"\n\
             \n[cache.\"air lines\"]\nplugin = \"file.wasm\"\ngrants = {{ htp = [] }}\n"
        ),
    );
    let checked = desk.run(&["check"]).expect(64).stdout;
    println!("{checked}");
    for said in [
        "`store`: expected the URL of a store",
        "unknown key `max_load`: did you mean `max_loads`?",
        "`1 minuet` is no duration",
        "`air lines` cannot be a cache's name",
    ] {
        assert!(checked.contains(said), "{said}: {checked}");
    }
}

#[test]
fn a_dump_into_head_ends_without_a_word() {
    let desk = Desk::new();
    let currencies = plugin("currencies");
    desk.run(&["run", "--once", currencies.to_str().expect("text")]).expect(0);
    // Until what it says no longer fits into a pipe.
    let many = "for i in 1 2 3 4 5; do \"$@\" || echo \"exit code $?\" >&2; done | head -n 2";
    let ended = desk.shell(many, &["dump", "currencies"]).output().expect("sh is there");
    let said = (String::from_utf8_lossy(&ended.stdout).lines().count(), String::from_utf8_lossy(&ended.stderr));
    assert_eq!(said, (2, "".into()));
}
