use crate::redis_server::RedisServer;
use crate::support::{WorkDir, assert_output, publish, workdir};
use kiwi_store::Ttl;

#[test]
fn all_problems_of_a_configuration_are_reported() {
    let workdir = WorkDir::new();
    workdir.file(
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
    assert_output!("config-problems", workdir.transcript(&["status"]));
}

#[test]
fn two_caches_with_the_same_name_are_an_error() {
    let workdir = WorkDir::new();
    workdir.file("kiwi.toml", "[cache.a]\nplugin = \"x.wasm\"\n[cache.a]\nplugin = \"y.wasm\"\n");
    assert_output!("config-one-name", workdir.transcript(&["status"]));
}

#[test]
fn a_missing_configuration_file_is_named() {
    assert_output!("config-absent", WorkDir::new().transcript(&["status", "--config", "there/kiwi.toml"]));
}

#[test]
fn without_a_store_in_the_configuration_one_must_be_given() {
    let workdir = WorkDir::new();
    workdir.file("kiwi.toml", "[cache.a]\nplugin = \"x.wasm\"\n");
    assert_output!("store-unnamed", workdir.transcript(&["status"]));
    std::fs::create_dir(workdir.path().join("here")).unwrap();
    assert_eq!(workdir.run(&["status", "--store", "file:here"]).status.code(), Some(0));
    let from_environment = workdir.command(&["status"]).env("KIWI_STORE", "file:here").output().unwrap();
    assert_eq!(from_environment.status.code(), Some(0));
}

#[test]
fn an_invalid_store_url_is_reported_without_its_password() {
    let workdir = WorkDir::new();
    assert_output!(
        "store-bad-url",
        workdir.transcript(&["status", "--store", "redis://:s3c#ret@localhost"]).replacen("s3c#ret", "PASSWORD", 1)
    );
}

#[test]
fn reading_does_not_create_a_store() {
    let workdir = WorkDir::new();
    assert_output!("store-absent", workdir.transcript(&["get", "airlines", "FR"]));
    assert!(std::fs::read_dir(workdir.path()).unwrap().next().is_none());
}

#[test]
fn the_store_comes_from_the_command_line_then_the_environment_then_the_file() {
    let workdir = WorkDir::new();
    for source in ["line", "environment", "file"] {
        let url = format!("file:{}", workdir.path().join(source).display());
        publish(
            &*kiwi_store::open(&url.parse().unwrap()).unwrap(),
            "where",
            &[("k", &format!("\"{source}\""))],
            Ttl::Forever,
        );
    }
    // A path in the file is relative to the file, not to the current directory.
    workdir.file("conf/kiwi.toml", "store = \"file:../file\"");
    let read = |args: &[&str], store: Option<&str>| {
        let mut command = workdir.command(&[&["get", "where", "k", "--config", "conf/kiwi.toml"], args].concat());
        command.envs(store.map(|store| ("KIWI_STORE", store)));
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    assert_eq!(read(&["--store", "file:line"], Some("file:environment")), "\"line\"\n");
    assert_eq!(read(&[], Some("file:environment")), "\"environment\"\n");
    assert_eq!(read(&[], None), "\"file\"\n");
}

#[test]
fn the_key_prefix_comes_from_the_command_line_or_the_file() {
    let (workdir, redis) = (WorkDir::new(), RedisServer::start());
    let store = redis.url();
    workdir.file("kiwi.toml", &format!("store = \"{store}\"\nkey_prefix = \"eu:\""));
    redis.command::<()>(&["SET", "kiwi:{a}", "not ours"]).unwrap();
    let output = workdir.run(&["get", "a", "k", "--key-prefix", "us:"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let output = workdir.run(&["get", "a", "k"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert_output!("store-wrong-prefix", workdir.transcript(&["status", "--key-prefix", "{x}"]));
}

#[test]
fn a_directory_that_hands_out_secrets_is_refused() {
    let workdir = workdir();
    let refused = |dirs: &str, store: &str, says: &[&str]| {
        workdir.file(
            "kiwi.toml",
            &format!(
                "store = {store:?}\n[cache.airlines]\nplugin = \"file.wasm\"\ngrants.dirs = [{dirs:?}]\n\
                 settings = {{ path = \"data/airlines.csv\", key = \"iata\" }}\n"
            ),
        );
        let output = workdir.run(&["run", "--once"]);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(64), "{dirs}: {error}");
        for word in says.iter().chain(&["is not for a plugin to read", "files = ["]) {
            assert!(error.contains(word), "{dirs}: expected `{word}` in {error}");
        }
        assert!(!workdir.path().join(".kiwi").exists());
    };
    refused(".", "file:.kiwi", &["4:16: cache.airlines.grants.dirs", "kiwi.toml", "files = [\"airlines.csv\"]"]);
    refused("..", "file:.kiwi", &["kiwi.toml"]);
    std::os::unix::fs::symlink(".", workdir.path().join("all")).unwrap();
    refused("all", "file:.kiwi", &["kiwi.toml"]);
    refused("data", "file:data/store", &["airlines", "data/store"]);
    std::fs::create_dir_all(workdir.path().join("data/store/sub")).unwrap();
    refused("data/store/sub", "file:data/store", &["airlines", "data/store"]);
    workdir.file("data/.env", "PASSWORD=s3cret");
    refused("data", "file:.kiwi", &["data/.env"]);
    std::fs::remove_file(workdir.path().join("data/.env")).unwrap();
    std::fs::remove_dir_all(workdir.path().join("data/store")).unwrap();
    let output = workdir.run(&["run", "--once"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}
