//! How a host starts, shares its caches with another, and ends.

use rustix::process::Signal;

use crate::redis_server::RedisServer;
use crate::support::{Desk, Running, eventually, guest};

/// A cache, `slow`, whose loader sleeps so long before it gives its one entry.
fn slow(redis: &RedisServer, ms: u32) -> Desk {
    Desk::with(&format!(
        "store = \"{}\"\n[cache.slow]\nplugin = {:?}\nsettings = {{ ms = {ms}, entries = {{ a = 1 }} }}\n",
        redis.url(),
        guest("sleeper")
    ))
}

fn is_held(redis: &RedisServer) -> bool {
    redis.command(&["EXISTS", "kiwi:{slow}:lease"]).expect("an answer")
}

/// A host that is loading.
fn loading(redis: &RedisServer, desk: &Desk, args: &[&str]) -> Running {
    let host = desk.start(&[&["run"], args].concat());
    eventually("the lease", || is_held(redis).then_some(()));
    host
}

#[test]
fn ctrl_c_and_sigterm_let_a_load_in_flight_finish() {
    for signal in [Signal::INT, Signal::TERM] {
        let redis = RedisServer::start();
        let desk = slow(&redis, 1_000);
        let host = loading(&redis, &desk, &[]);
        host.signal(signal);
        let ended = host.end().expect(0);
        assert!(ended.stderr.contains("published cache=slow"), "{ended:?}");
        assert_eq!(redis.command(&["HGET", "kiwi:{slow}", "a"]), Ok("1".to_owned()));
        assert!(!is_held(&redis), "the lease is given back");
    }
}

#[test]
fn a_load_that_outlasts_the_drain_is_dropped_and_its_lease_given_back() {
    let redis = RedisServer::start();
    let desk = slow(&redis, 60_000);
    let host = loading(&redis, &desk, &["--drain-timeout", "200ms"]);
    host.signal(Signal::INT);
    let ended = host.end().expect(0);
    assert!(ended.stderr.contains("the load was dropped, because the host stops"), "{ended:?}");
    assert_eq!(redis.command(&["KEYS", "*"]), Ok(Vec::<String>::new()), "nothing is left");
}

#[test]
fn a_second_ctrl_c_ends_a_host_at_once() {
    let redis = RedisServer::start();
    let desk = slow(&redis, 60_000);
    let mut host = loading(&redis, &desk, &["--drain-timeout", "10m"]);
    host.signal(Signal::INT);
    host.says("Ctrl-C again ends at once");
    host.signal(Signal::INT);
    host.end().expect(130);
}

#[test]
fn a_refill_waits_for_the_result_of_the_host_that_is_loading() {
    let redis = RedisServer::start();
    let desk = slow(&redis, 1_500);
    let _host = loading(&redis, &desk, &[]);
    let ended = desk.run(&["refill", "slow"]).expect(0);
    assert_eq!(ended.stdout, "slow: refilled just now by another host\n");
    assert_eq!(redis.command(&["HGET", "kiwi:{slow}:meta", "seq"]), Ok(1), "it was loaded once");
}

#[test]
fn a_refill_reports_the_failure_of_the_host_that_is_loading() {
    let redis = RedisServer::start();
    let desk = Desk::with(&format!(
        "store = \"{}\"\n[cache.slow]\nplugin = {:?}\nsettings.ms = 60_000\nlimits.load_timeout = \"1500ms\"\n",
        redis.url(),
        guest("sleeper")
    ));
    let _host = loading(&redis, &desk, &[]);
    let ended = desk.run(&["refill", "slow"]).expect(1);
    assert!(ended.stdout.contains("another host's load failed (limit): the load took longer"), "{ended:?}");
}
