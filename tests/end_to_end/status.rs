//! What `kiwi-host status` says on another machine, which has no kiwi.toml and reaches the store only.

use serde_json::Value;

use crate::redis_server::RedisServer;
use crate::support::{Exited, Running, WorkDir, eventually, guest};

/// Another machine.
struct Elsewhere {
    workdir: WorkDir,
    store: String,
}

impl Elsewhere {
    fn of(redis: &RedisServer) -> Self {
        Self { workdir: WorkDir::new(), store: redis.url() }
    }

    fn status(&self, args: &[&str]) -> Exited {
        self.workdir.run(&[&["status", "--store", &self.store], args].concat())
    }

    /// One cache as JSON.
    fn cache(&self, name: &str) -> Option<Value> {
        let mut document: Value = serde_json::from_str(&self.status(&["--format", "json"]).stdout).expect("JSON");
        assert_eq!(document["format"], 1, "{document}");
        let caches = document["caches"].as_array_mut().expect("a list");
        caches.iter_mut().find(|row| row["cache"] == name).map(Value::take)
    }

    /// Waits until a cache is in this state, and returns what people see of it.
    #[track_caller]
    fn sees(&self, name: &str, state: &str) -> String {
        eventually(&format!("{name} is {state}"), || self.cache(name).filter(|row| row["state"] == state));
        let seen = self.status(&[name]).stdout;
        println!("{seen}");
        seen
    }
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is missing in:\n{text}");
    }
}

/// A kiwi.toml with these caches: name, guest, and the rest of the table.
fn config(redis: &RedisServer, caches: &[(&str, &str, &str)]) -> String {
    let table = |(name, plugin, more): &(&str, &str, &str)| {
        format!("[cache.{name}]\nplugin = {:?}\nrefill_interval = \"1s\"\n{more}\n", guest(plugin))
    };
    format!("store = \"{}\"\n{}", redis.url(), caches.iter().map(table).collect::<String>())
}

const ONE_ENTRY: &str = "settings.entries = { FR = 1 }";

fn process(host: &Running) -> String {
    format!("(process {})", host.id())
}

#[test]
fn a_trap_a_back_off_and_a_refused_plugin_say_why_on_another_machine() {
    let redis = RedisServer::start();
    let caches = [("good", "echo", ONE_ENTRY), ("trapped", "trap", ""), ("unsettled", "wrong_type", "")];
    let workdir = WorkDir::with(&config(&redis, &caches).replace("wrong_type", "gone"));
    let elsewhere = Elsewhere::of(&redis);
    let mut host = workdir.start(&["run"]);
    host.wait_for_log("published cache=good");
    let process = process(&host);

    let seen = elsewhere.sees("trapped", "backing-off");
    says(&seen, &["backing off", "trap, ", "(back-off)", "the last load failed ", &process, "(trap): ", "unreachable"]);
    says(&seen, &["the next try is in ", "nothing is published: readers get nothing", "what to do: "]);
    eventually("it has failed twice", || elsewhere.cache("trapped").filter(|row| row["failures"][0]["times"] == 2));
    says(&elsewhere.status(&["trapped"]).stdout, &["attempts in a row have failed since 2"]);

    let seen = elsewhere.sees("unsettled", "cannot-run");
    says(&seen, &[&process, "cannot start it since 2", "there is no such file", "what to do: correct that on "]);

    let failing = elsewhere.status(&["--failing", "--exit-code"]).expect(1).stdout;
    says(&failing, &["trapped", "unsettled", "1 of 3 caches well"]);
    assert!(!failing.contains("good"), "{failing}");
    elsewhere.status(&["good", "--exit-code"]).expect(0);
    elsewhere.status(&["good", "--exit-code", "--max-age", "1h"]).expect(0);
    elsewhere.status(&["good", "--exit-code", "--max-age", "1ms"]).expect(1);
    let unknown = elsewhere.status(&["god", "good"]).expect(2);
    says(&unknown.stderr, &["cache `god`: no such cache", "did you mean `good`?"]);
    says(&unknown.stdout, &["good"]);
}

#[test]
fn a_full_redis_is_a_state_of_its_own() {
    let redis = RedisServer::start();
    let workdir = WorkDir::with(&config(&redis, &[("full", "echo", ONE_ENTRY)]));
    let elsewhere = Elsewhere::of(&redis);
    let mut host = workdir.start(&["run"]);
    host.wait_for_log("published cache=full");
    redis.command::<()>(&["CONFIG", "SET", "maxmemory", "1"]).expect("a setting");
    let seen = elsewhere.sees("full", "store-refuses");
    says(&seen, &["store refuses", &process(&host), "maxmemory", "readers get 1 entry, last checked"]);
    redis.command::<()>(&["CONFIG", "SET", "maxmemory", "0"]).expect("a setting");
    elsewhere.sees("full", "fresh");
}

#[test]
fn a_dead_host_and_a_leftover_are_told_apart() {
    let redis = RedisServer::start();
    let elsewhere = Elsewhere::of(&redis);
    let of_one = WorkDir::with(&config(&redis, &[("one", "echo", ONE_ENTRY)]));
    let mut host = of_one.start(&["run"]);
    host.wait_for_log("published cache=one");
    let process = process(&host);
    eventually("it reports", || elsewhere.cache("one").filter(|row| row["hosts"][0]["alive"] == true));
    // As `kill -9` does.
    drop(host);
    silence(&redis, "one");
    let seen = elsewhere.sees("one", "no-host");
    says(&seen, &["no host runs it: the last one was ", &process, "last heard of 1m", "start a host"]);
    says(&of_one.run(&["status"]).expect(0).stdout, &["what to do: start a host with `kiwi-host run`"]);

    let of_two = WorkDir::with(&config(&redis, &[("two", "echo", ONE_ENTRY)]));
    let left = WorkDir::with(&config(&redis, &[("left", "echo", ONE_ENTRY)]));
    left.run(&["refill", "left", "--quiet"]).expect(0);
    let mut host = of_two.start(&["run"]);
    host.wait_for_log("published cache=two");
    let seen = elsewhere.sees("left", "leftover");
    says(&seen, &["no host has it", "`kiwi-host forget left --yes`"]);
    says(&elsewhere.status(&["left"]).stdout, &["leftover"]);
    let here: Value = serde_json::from_str(&left.run(&["status", "left", "--format", "json"]).stdout).expect("JSON");
    assert_ne!(here["caches"][0]["state"], "leftover", "{here}");
    elsewhere.workdir.run(&["forget", "left", "--yes", "--store", &elsewhere.store]).expect(0);
    let again = elsewhere.workdir.run(&["forget", "left", "--store", &elsewhere.store]).expect(2);
    says(&again.stderr, &["cache `left`: no such cache"]);
}

/// Lets a minute pass for a cache: the reports of its hosts and its last check are older than they are.
fn silence(redis: &RedisServer, cache: &str) {
    let [hosts, meta] = ["hosts", "meta"].map(|key| format!("kiwi:{{{cache}}}:{key}"));
    let older = "local all = redis.call('HGETALL', KEYS[1]) for i = 1, #all, 2 do local seen, rest = \
                 all[i + 1]:match('^(%d+)( .*)$') redis.call('HSET', KEYS[1], all[i], (seen - 60000) .. rest) end \
                 redis.call('HINCRBY', KEYS[2], 'checked_at', -60000)";
    redis.command::<()>(&["EVAL", older, "2", &hosts, &meta]).expect("a script");
}

#[test]
fn a_wrong_configuration_on_one_host_shows_beside_a_good_one() {
    let redis = RedisServer::start();
    let elsewhere = Elsewhere::of(&redis);
    let good = WorkDir::with(&config(&redis, &[("shared", "echo", ONE_ENTRY)]));
    let wrong = "settings.fail = { kind = \"invalid-settings\", message = \"no such airport\" }";
    let wrong = WorkDir::with(&config(&redis, &[("shared", "echo", wrong)]));
    let (_good, bad) = (good.start(&["run"]), wrong.start(&["run"]));
    let seen = elsewhere.sees("shared", "partly-failing");
    says(&seen, &["it fails on one host, while another host keeps it fresh", &process(&bad), "no such airport"]);
}

#[test]
fn a_refill_by_hand_does_not_hide_that_a_guard_refuses_the_hosts_map() {
    let redis = RedisServer::start();
    let elsewhere = Elsewhere::of(&redis);
    let two = "settings.entries = { FR = 1, LH = 2 }";
    WorkDir::with(&config(&redis, &[("guarded", "echo", two)])).run(&["refill", "guarded"]).expect(0);
    let guarded = format!("{ONE_ENTRY}\nmax_shrink = \"10%\"");
    let workdir = WorkDir::with(&config(&redis, &[("guarded", "echo", &guarded)]));
    let host = workdir.start(&["run"]);
    says(&elsewhere.sees("guarded", "refused"), &["(guard): the new map has 1 entry", &process(&host)]);
    // By hand, elsewhere, with other settings: it fails, or it succeeds.
    let failing = "settings.fail = { kind = \"denied\", message = \"no entry\" }";
    WorkDir::with(&config(&redis, &[("guarded", "echo", failing)])).run(&["refill", "guarded"]).expect(1);
    WorkDir::with(&config(&redis, &[("guarded", "echo", two)])).run(&["refill", "guarded", "-q"]).expect(0);
    let row = elsewhere.cache("guarded").expect("it is there");
    let failures = row["failures"].as_array().expect("a list");
    let of_host = failures.iter().find(|failure| failure["kind"] == "guard").expect("the host's own failure");
    assert!(of_host["host"].as_str().expect("a name").ends_with(&process(&host)), "{row}");
    assert_eq!(row["well"], false, "{row}");
    says(&elsewhere.status(&["guarded"]).stdout, &["(guard): the new map has 1 entry"]);
}
