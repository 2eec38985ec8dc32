//! How a host starts, shares caches with another host, and shuts down.

use rustix::process::Signal;

use crate::redis_server::RedisServer;
use crate::support::{Running, WorkDir, eventually, guest};

/// A cache, `slow`, whose loader sleeps for this time before it emits its one entry.
fn slow(redis: &RedisServer, ms: u32) -> WorkDir {
    WorkDir::with(&format!(
        "store = \"{}\"\n[cache.slow]\nplugin = {:?}\nsettings = {{ ms = {ms}, entries = {{ a = 1 }} }}\n",
        redis.url(),
        guest("sleeper")
    ))
}

fn is_held(redis: &RedisServer) -> bool {
    redis.command(&["EXISTS", "kiwi:{slow}:lease"]).expect("an answer")
}

/// A host that is loading.
fn loading(redis: &RedisServer, workdir: &WorkDir, args: &[&str]) -> Running {
    let host = workdir.start(&[&["run"], args].concat());
    eventually("the lease", || is_held(redis).then_some(()));
    host
}

#[test]
fn ctrl_c_and_sigterm_let_a_load_in_flight_finish() {
    for signal in [Signal::INT, Signal::TERM] {
        let redis = RedisServer::start();
        let workdir = slow(&redis, 4_000);
        let host = loading(&redis, &workdir, &[]);
        host.signal(signal);
        let exited = host.wait().expect(0);
        let log: Vec<&str> = exited.stderr.lines().collect();
        let published = log.iter().any(|line| line.contains("cache=slow") && line.ends_with(" published"));
        assert!(published, "{exited:?}");
        let last = log.last().copied().unwrap_or_default();
        assert!(last.ends_with("finished=1 abandoned=0 stopped: all leases are released"), "{exited:?}");
        assert_eq!(redis.command(&["HGET", "kiwi:{slow}", "a"]), Ok("1".to_owned()));
        assert!(!is_held(&redis), "the lease is released");
    }
}

/// A terminal that is closed, and Ctrl-\\, end a process that does not listen: its leases would stay.
#[test]
fn other_signals_lose_no_lease() {
    for signal in [Signal::HUP, Signal::QUIT] {
        let redis = RedisServer::start();
        let workdir = slow(&redis, 60_000);
        let host = loading(&redis, &workdir, &["--drain-timeout", "200ms"]);
        for ignored in [Signal::USR1, Signal::USR2] {
            host.signal(ignored);
        }
        let mut host = host;
        host.wait_for_log("ignoring signal");
        host.signal(signal);
        host.wait().expect(0);
        assert!(!is_held(&redis), "the lease is released");
    }
}

/// A plugin that cannot be read to its end keeps a host at its start for as long as one likes.
#[test]
fn a_signal_is_heard_while_plugins_are_compiled() {
    for (args, code) in [(&["run"][..], 0), (&["run", "--once"], 130), (&["check"], 130)] {
        let redis = RedisServer::start();
        let workdir = WorkDir::with(&format!("store = \"{}\"\n[cache.slow]\nplugin = \"slow.wasm\"\n", redis.url()));
        let made = std::process::Command::new("mkfifo").arg(workdir.path().join("slow.wasm")).status();
        assert!(made.expect("mkfifo runs").success());
        let host = workdir.start(&[args, &["-vv"]].concat());
        // Kept open: otherwise it would have read all of it.
        let _writer = eventually("it reads the plugin", || {
            // Opening it for writing works only while somebody reads.
            let flags = rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::NONBLOCK;
            rustix::fs::open(workdir.path().join("slow.wasm"), flags, rustix::fs::Mode::empty()).ok()
        });
        host.signal(Signal::TERM);
        host.wait().expect(code);
    }
}

#[test]
fn each_cache_starts_as_soon_as_its_plugin_is_ready() {
    let redis = RedisServer::start();
    let workdir = WorkDir::with(&format!(
        "store = \"{}\"\n[cache.quick]\nplugin = {:?}\nsettings.entries = {{ a = 1 }}\n[cache.gone]\nplugin = \"gone.wasm\"\n",
        redis.url(),
        guest("echo")
    ));
    let mut host = workdir.start(&["run"]);
    host.wait_for_log("cache `gone` cannot run");
    host.wait_for_log("keeping 1 cache warm");
    eventually("the other one", || {
        redis.command::<bool>(&["EXISTS", "kiwi:{quick}"]).expect("an answer").then_some(())
    });
    host.signal(Signal::TERM);
    host.wait().expect(0);
}

#[test]
fn a_load_that_outlasts_the_drain_timeout_is_dropped_and_its_lease_released() {
    let redis = RedisServer::start();
    let workdir = slow(&redis, 60_000);
    let host = loading(&redis, &workdir, &["--drain-timeout", "200ms"]);
    host.signal(Signal::INT);
    let exited = host.wait().expect(0);
    assert!(exited.stderr.contains("abandoned the load because the host is shutting down"), "{exited:?}");
    assert!(exited.stderr.ends_with("finished=0 abandoned=1 stopped: all leases are released\n"), "{exited:?}");
    assert_eq!(redis.command(&["KEYS", "*"]), Ok(Vec::<String>::new()), "nothing is left");
}

#[test]
fn a_second_ctrl_c_stops_a_host_immediately() {
    let redis = RedisServer::start();
    let workdir = slow(&redis, 60_000);
    let mut host = loading(&redis, &workdir, &["--drain-timeout", "10m"]);
    host.signal(Signal::INT);
    host.wait_for_log("press Ctrl-C again to stop immediately");
    host.signal(Signal::INT);
    host.wait().expect(130);
}

#[test]
fn a_refill_waits_for_the_result_of_the_host_that_is_loading() {
    let redis = RedisServer::start();
    let workdir = slow(&redis, 10_000);
    let host = loading(&redis, &workdir, &[]);
    let exited = workdir.run(&["refill", "slow"]).expect(0);
    assert_eq!(exited.stdout, "slow: just refilled by another host\n");
    let waits =
        exited.stderr.lines().find(|line| line.contains("another host is loading it: waiting")).expect("it says so");
    let holder = format!("(process {})\"", host.id());
    assert!(
        waits.contains("cache=slow host=\"") && waits.contains(&holder) && waits.contains("lease_until="),
        "{waits}"
    );
    assert_eq!(redis.command(&["HGET", "kiwi:{slow}:meta", "seq"]), Ok(1), "it was loaded once");
}

#[test]
fn a_refill_reports_the_failure_of_the_host_that_is_loading() {
    let redis = RedisServer::start();
    let workdir = WorkDir::with(&format!(
        "store = \"{}\"\n[cache.slow]\nplugin = {:?}\nsettings.ms = 60_000\nlimits.load_timeout = \"10s\"\n",
        redis.url(),
        guest("sleeper")
    ));
    let _host = loading(&redis, &workdir, &[]);
    let exited = workdir.run(&["refill", "slow"]).expect(1);
    assert!(exited.stderr.contains("another host's load failed (limit): the load took longer"), "{exited:?}");
}
