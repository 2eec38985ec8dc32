//! A Redis that refuses requests: the command reports the reason, and the old data stays.

use crate::redis_server::RedisServer;
use crate::support::{Exited, WorkDir, numbers};

const ENTRIES: u32 = 5_000;

/// Redis with a user `loader` that has all permissions, changed by these rules.
fn redis_with_user(rules: &[&str]) -> RedisServer {
    let redis = RedisServer::start();
    let user = ["ACL", "SETUSER", "loader", "on", ">s3cret", "~kiwi:*", "&kiwi:*", "+@all"];
    redis.command::<()>(&[&user[..], rules].concat()).expect("a user");
    redis
}

fn url(redis: &RedisServer, user: &str) -> String {
    redis.url().replace("://", &format!("://{user}@"))
}

/// The message of a failed refill.
#[track_caller]
fn failure(exited: Exited) -> String {
    let exited = exited.expect(1);
    let said = exited.stderr.lines().find(|line| line.starts_with("kiwi-host: cache `numbers`: failed (store): "));
    let said = said.unwrap_or_else(|| panic!("{exited:?}")).to_owned();
    println!("{said}");
    said
}

#[test]
fn a_wrong_password_is_reported_without_showing_it() {
    let redis = redis_with_user(&[]);
    let workdir = WorkDir::with(&numbers(&redis, ENTRIES, ""));
    let wrong = url(&redis, "loader:wr0ng");
    let exited = workdir.run(&["refill", "--all", "--store", &wrong]);
    assert!(!format!("{exited:?}").contains("wr0ng"), "{exited:?}");
    assert!(failure(exited).contains("refuses the user and password: check those in the store's URL"));
    let mut host = workdir.start(&["run", "--store", &wrong]);
    host.wait_for_log("refuses the user and password");
    assert_eq!(host.try_wait(), None, "a host keeps trying, because the server's password may be fixed");
    let looked = workdir.run(&["get", "numbers", "1", "--store", &wrong]).expect(1);
    assert!(looked.stderr.contains("refuses the user and password"), "{looked:?}");

    let password = ["ACL", "SETUSER", "loader", "resetpass", ">wr0ng"];
    redis.command::<()>(&password).expect("another password");
    host.wait_for_log("published cache=numbers");
    assert!(!host.stderr().contains("wr0ng"), "{}", host.stderr());
}

#[test]
fn a_missing_permission_is_reported_with_the_command_that_grants_it() {
    for right in ["rename", "hset", "evalsha", "hget", "pexpire"] {
        let redis = redis_with_user(&[&format!("-{right}")]);
        let workdir = WorkDir::with(&numbers(&redis, 10_000, ""));
        let store = url(&redis, "loader:s3cret");
        let load = || {
            let refilled = workdir.run(&["refill", "--all", "--store", &store]);
            if refilled.code == Some(0) { workdir.run(&["dump", "numbers", "--store", &store]) } else { refilled }
        };
        let exited = load().expect(1);
        let said = format!("{}{}", exited.stdout, exited.stderr);
        println!("{}", said.trim());
        let advice = said.split('`').find(|quoted| quoted.starts_with("ACL SETUSER loader ")).expect("advice");
        assert!(advice.ends_with(&format!(" +{right}")), "{said}");

        redis.command::<()>(&advice.split(' ').collect::<Vec<_>>()).expect("the advice is a command");
        load().expect(0);
    }
}

#[test]
fn a_full_redis_is_reported_and_the_old_map_stays() {
    let redis = RedisServer::start();
    let workdir = WorkDir::with(&numbers(&redis, ENTRIES, "cache_ttl = \"10m\""));
    workdir.run(&["refill", "--all"]).expect(0);
    let old = workdir.run(&["dump", "numbers"]).expect(0).stdout;
    redis.command::<()>(&["PEXPIRE", "kiwi:{numbers}", "100000"]).expect("an answer");
    // Room for a few batches of the next map, and not for all of it.
    let used: String = redis.command(&["INFO", "memory"]).expect("an answer");
    let used = used.lines().find_map(|line| line.strip_prefix("used_memory:")).expect("the memory in use");
    let limit = used.trim().parse::<u64>().expect("bytes") + 200_000;
    redis.command::<()>(&["CONFIG", "SET", "maxmemory", &limit.to_string()]).expect("an answer");

    let said = failure(workdir.run(&["refill", "--all"]));
    assert!(said.contains("is full: raise its maxmemory (`CONFIG SET maxmemory SIZE`)"), "{said}");
    assert_eq!(workdir.run(&["dump", "numbers"]).expect(0).stdout, old, "the old map is served");
    let ttl: u64 = redis.command(&["PTTL", "kiwi:{numbers}"]).expect("a TTL");
    assert!(ttl > 500_000, "its TTL is extended: {ttl} ms");

    redis.command::<()>(&["CONFIG", "SET", "maxmemory", "0"]).expect("an answer");
    workdir.run(&["refill", "--all"]).expect(0);
    assert_ne!(workdir.run(&["dump", "numbers"]).expect(0).stdout, old);
}

#[test]
fn a_key_of_another_type_is_named_and_nothing_is_changed() {
    for key in ["kiwi:{numbers}", "kiwi:{numbers}:meta", "kiwi:{numbers}:lease", "kiwi:{numbers}:log"] {
        let redis = RedisServer::start();
        let workdir = WorkDir::with(&numbers(&redis, ENTRIES, ""));
        redis.command::<()>(&["SET", key, "not yours"]).expect("an answer");
        let said = failure(workdir.run(&["refill", "--all"]));
        assert!(said.contains(&format!("or nothing at `{key}`")) && said.contains("found a string"), "{said}");
        assert!(said.contains("delete or rename it, or set another key_prefix"), "{said}");
        assert_eq!(redis.command(&["KEYS", "*"]), Ok(vec![key.to_owned()]), "no other key");
        assert_eq!(redis.command(&["GET", key]), Ok("not yours".to_owned()));
        workdir.run(&["refill", "--all", "--key-prefix", "ours:"]).expect(0);
    }
}

#[test]
fn check_warns_about_eviction() {
    let redis = RedisServer::start();
    let workdir = WorkDir::with(&numbers(&redis, ENTRIES, ""));
    let warning = |code| {
        let said = workdir.run(&["check"]).expect(code).stdout;
        said.lines().find(|line| line.starts_with("warning")).map(str::to_owned)
    };
    redis.command::<()>(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).expect("an answer");
    assert_eq!(warning(0), None, "without a maxmemory nothing is evicted");
    redis.command::<()>(&["CONFIG", "SET", "maxmemory", "1gb"]).expect("an answer");
    let said = warning(0).expect("a warning");
    println!("{said}");
    assert!(said.contains("allkeys-lru") && said.contains("`CONFIG SET maxmemory-policy noeviction`"), "{said}");
}
