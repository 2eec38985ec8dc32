use crate::redis_server::RedisServer;
use crate::support::{Desk, assert_said, publish};
use kiwi_store::Ttl;

#[test]
fn a_wrong_configuration_tells_all_that_is_wrong_with_it() {
    let desk = Desk::new();
    desk.file(
        "kiwi.toml",
        r#"stor = "file:.kiwi"
key_prefix = 3

[cache.airlines]
plugin = "file.wasm"
reload_ttl = "soon"
grants = { http = ["api.example.com"] }

[cache."air lines"]
plugin = "file.wasm"

[cache.rates]
cache_ttl = "1s"
reload_ttl = "1m"
layout = "record"
"#,
    );
    assert_said!("config-problems", desk.said(&["status"]));
}

#[test]
fn two_caches_of_one_name_are_refused() {
    let desk = Desk::new();
    desk.file("kiwi.toml", "[cache.a]\nplugin = \"x.wasm\"\n[cache.a]\nplugin = \"y.wasm\"\n");
    assert_said!("config-one-name", desk.said(&["status"]));
}

#[test]
fn a_configuration_that_is_not_there_is_named() {
    assert_said!("config-absent", Desk::new().said(&["status", "--config", "there/kiwi.toml"]));
}

#[test]
fn a_configuration_that_names_no_store_needs_one_from_elsewhere() {
    let desk = Desk::new();
    desk.file("kiwi.toml", "[cache.a]\nplugin = \"x.wasm\"\n");
    assert_said!("store-unnamed", desk.said(&["status"]));
    std::fs::create_dir(desk.path().join("here")).unwrap();
    assert_eq!(desk.run(&["status", "--store", "file:here"]).status.code(), Some(0));
    let from_environment = desk.command(&["status"]).env("KIWI_STORE", "file:here").output().unwrap();
    assert_eq!(from_environment.status.code(), Some(0));
}

#[test]
fn a_bad_store_url_is_refused_without_its_password() {
    let desk = Desk::new();
    assert_said!(
        "store-bad-url",
        desk.said(&["status", "--store", "redis://:s3c#ret@localhost"]).replacen("s3c#ret", "PASSWORD", 1)
    );
}

#[test]
fn looking_makes_no_store() {
    let desk = Desk::new();
    assert_said!("store-absent", desk.said(&["get", "airlines", "FR"]));
    assert!(std::fs::read_dir(desk.path()).unwrap().next().is_none());
}

#[test]
fn the_store_is_the_one_of_the_command_line_then_of_the_environment_then_of_the_file() {
    let desk = Desk::new();
    for place in ["line", "environment", "file"] {
        let url = format!("file:{}", desk.path().join(place).display());
        publish(
            &*kiwi_store::open(&url.parse().unwrap()).unwrap(),
            "where",
            &[("k", &format!("\"{place}\""))],
            Ttl::Forever,
        );
    }
    // A path in the file is relative to the file, not to where the command runs.
    desk.file("conf/kiwi.toml", "store = \"file:../file\"");
    let found = |args: &[&str], store: Option<&str>| {
        let mut command = desk.command(&[&["get", "where", "k", "--config", "conf/kiwi.toml"], args].concat());
        command.envs(store.map(|store| ("KIWI_STORE", store)));
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    assert_eq!(found(&["--store", "file:line"], Some("file:environment")), "\"line\"\n");
    assert_eq!(found(&[], Some("file:environment")), "\"environment\"\n");
    assert_eq!(found(&[], None), "\"file\"\n");
}

#[test]
fn keys_in_redis_begin_with_the_prefix_of_the_command_line_or_the_file() {
    let (desk, redis) = (Desk::new(), RedisServer::start());
    let store = redis.url();
    desk.file("kiwi.toml", &format!("store = \"{store}\"\nkey_prefix = \"eu:\""));
    redis.command::<()>(&["SET", "kiwi:{a}", "not ours"]).unwrap();
    let output = desk.run(&["get", "a", "k", "--key-prefix", "us:"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let output = desk.run(&["get", "a", "k"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert_said!("store-wrong-prefix", desk.said(&["status", "--key-prefix", "{x}"]));
}
