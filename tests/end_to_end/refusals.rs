//! A Redis that is there, but refuses: what the command then says, and that old data stays.

use crate::redis_server::RedisServer;
use crate::support::{Desk, Ended, numbers};

const ENTRIES: u32 = 5_000;

/// Redis with a user `loader` that may do everything but some things.
fn redis_with_user(rights: &[&str]) -> RedisServer {
    let redis = RedisServer::start();
    let user = ["ACL", "SETUSER", "loader", "on", ">s3cret", "~kiwi:*", "&kiwi:*", "+@all"];
    redis.command::<()>(&[&user[..], rights].concat()).expect("a user");
    redis
}

fn url(redis: &RedisServer, user: &str) -> String {
    redis.url().replace("://", &format!("://{user}@"))
}

/// What a failed refill says of its one cache.
#[track_caller]
fn failure(ended: Ended) -> String {
    let ended = ended.expect(1);
    let said = ended.stdout.lines().find(|line| line.starts_with("numbers: failed (store): "));
    let said = said.unwrap_or_else(|| panic!("{ended:?}")).to_owned();
    println!("{said}");
    said
}

#[test]
fn a_wrong_password_is_told_and_not_shown() {
    let redis = redis_with_user(&[]);
    let desk = Desk::with(&numbers(&redis, ENTRIES, ""));
    let wrong = url(&redis, "loader:wr0ng");
    let ended = desk.run(&["refill", "--all", "--store", &wrong]);
    assert!(!format!("{ended:?}").contains("wr0ng"), "{ended:?}");
    assert!(failure(ended).contains("refuses the user and password: check those in the store's URL"));
    let mut host = desk.start(&["run", "--store", &wrong]);
    host.says("refuses the user and password");
    assert_eq!(host.try_wait(), None, "a host goes on, should the server's passwords be what is mended");
    let looked = desk.run(&["get", "numbers", "1", "--store", &wrong]).expect(1);
    assert!(looked.stderr.contains("refuses the user and password"), "{looked:?}");

    let password = ["ACL", "SETUSER", "loader", "resetpass", ">wr0ng"];
    redis.command::<()>(&password).expect("another password");
    host.says("published cache=numbers");
    assert!(!host.stderr().contains("wr0ng"), "{}", host.stderr());
}

#[test]
fn a_missing_right_is_told_with_the_command_that_gives_it() {
    for right in ["rename", "hset", "evalsha", "hscan", "pexpire"] {
        let redis = redis_with_user(&[&format!("-{right}")]);
        let desk = Desk::with(&numbers(&redis, 10_000, ""));
        let store = url(&redis, "loader:s3cret");
        let load = || {
            let refilled = desk.run(&["refill", "--all", "--store", &store]);
            if refilled.code == Some(0) { desk.run(&["dump", "numbers", "--store", &store]) } else { refilled }
        };
        let ended = load().expect(1);
        let said = format!("{}{}", ended.stdout, ended.stderr);
        println!("{}", said.trim());
        let advice = said.split('`').find(|quoted| quoted.starts_with("ACL SETUSER loader ")).expect("advice");
        assert!(advice.ends_with(&format!(" +{right}")), "{said}");

        redis.command::<()>(&advice.split(' ').collect::<Vec<_>>()).expect("the advice is a command");
        load().expect(0);
    }
}

#[test]
fn a_full_redis_keeps_the_old_data_and_is_told_of() {
    let redis = RedisServer::start();
    let desk = Desk::with(&numbers(&redis, ENTRIES, "cache_ttl = \"10m\""));
    desk.run(&["refill", "--all"]).expect(0);
    let old = desk.run(&["dump", "numbers"]).expect(0).stdout;
    redis.command::<()>(&["PEXPIRE", "kiwi:{numbers}", "100000"]).expect("an answer");
    // Room for a few batches of the next map, and not for all of it.
    let used: String = redis.command(&["INFO", "memory"]).expect("an answer");
    let used = used.lines().find_map(|line| line.strip_prefix("used_memory:")).expect("the memory in use");
    let limit = used.trim().parse::<u64>().expect("bytes") + 200_000;
    redis.command::<()>(&["CONFIG", "SET", "maxmemory", &limit.to_string()]).expect("an answer");

    let said = failure(desk.run(&["refill", "--all"]));
    assert!(said.contains("is full: raise its maxmemory (`CONFIG SET maxmemory SIZE`)"), "{said}");
    assert_eq!(desk.run(&["dump", "numbers"]).expect(0).stdout, old, "the old map is served");
    let ttl: u64 = redis.command(&["PTTL", "kiwi:{numbers}"]).expect("a TTL");
    assert!(ttl > 500_000, "its life is prolonged even so: {ttl} ms");

    redis.command::<()>(&["CONFIG", "SET", "maxmemory", "0"]).expect("an answer");
    desk.run(&["refill", "--all"]).expect(0);
    assert_ne!(desk.run(&["dump", "numbers"]).expect(0).stdout, old);
}

#[test]
fn a_key_of_another_type_in_our_place_is_named_and_nothing_is_touched() {
    for key in ["kiwi:{numbers}", "kiwi:{numbers}:meta", "kiwi:{numbers}:lease", "kiwi:{numbers}:changes"] {
        let redis = RedisServer::start();
        let desk = Desk::with(&numbers(&redis, ENTRIES, ""));
        redis.command::<()>(&["SET", key, "not yours"]).expect("an answer");
        let said = failure(desk.run(&["refill", "--all"]));
        assert!(said.contains(&format!("or nothing at `{key}`")) && said.contains("found a string"), "{said}");
        assert!(said.contains("delete or rename it, or set another key_prefix"), "{said}");
        assert_eq!(redis.command(&["KEYS", "*"]), Ok(vec![key.to_owned()]), "there is nothing else");
        assert_eq!(redis.command(&["GET", key]), Ok("not yours".to_owned()));
        desk.run(&["refill", "--all", "--key-prefix", "ours:"]).expect(0);
    }
}

#[test]
fn check_warns_of_a_redis_that_evicts() {
    let redis = RedisServer::start();
    let desk = Desk::with(&numbers(&redis, ENTRIES, ""));
    let warning = |code| {
        let said = desk.run(&["check"]).expect(code).stdout;
        said.lines().find(|line| line.starts_with("warning")).map(str::to_owned)
    };
    redis.command::<()>(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).expect("an answer");
    assert_eq!(warning(0), None, "without a maxmemory nothing is evicted");
    redis.command::<()>(&["CONFIG", "SET", "maxmemory", "1gb"]).expect("an answer");
    let said = warning(0).expect("a warning");
    println!("{said}");
    assert!(said.contains("allkeys-lru") && said.contains("`CONFIG SET maxmemory-policy noeviction`"), "{said}");
}
