//! Follows docs/migrating.md step by step and back, while the real kiwi-cache reads.

use std::collections::HashMap;
use std::os::unix::fs::symlink;
use std::time::Duration;

use kiwi_cache::blocking;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::redis_server::RedisServer;
use crate::support::{Exited, Python, WorkDir, page, repository};

#[derive(Deserialize)]
struct Airline {
    name: String,
}

/// A migration in progress.
struct Move {
    redis: RedisServer,
    workdir: WorkDir,
    config: String,
    commands: std::vec::IntoIter<String>,
    python: Python,
}

impl Move {
    /// Starts where Python has published what its source returns.
    fn from_python(config: &str, commands: Vec<String>) -> Self {
        let redis = RedisServer::start();
        let workdir = WorkDir::new();
        symlink(repository().join("plugins"), workdir.path().join("plugins")).unwrap();
        symlink(repository().join("examples/data"), workdir.path().join("data")).unwrap();
        let options = json!({ "suffix": "eu", "reload_ttl": 0.01, "cache_ttl": 600 });
        let mut python = Python::start(&redis, "Airlines", &options);
        python.source_gives(&source(&workdir, config));
        python.refill().unwrap();
        Self { redis, workdir, config: config.to_owned(), commands: commands.into_iter(), python }
    }

    /// Writes kiwi.toml, with these lines instead of its own lines about the layout.
    fn with_layout(&mut self, layout: &str) {
        let rest =
            self.config.lines().filter(|line| !line.starts_with("layout = ") && !line.starts_with("record_key = "));
        let config: String = rest.chain(layout.lines()).map(|line| format!("{line}\n")).collect();
        self.workdir.file("kiwi.toml", &config.replace("redis://127.0.0.1:6379", &self.redis.url()));
    }

    /// Runs the commands of a step, and returns their output.
    fn step(&mut self) -> String {
        let commands = self.commands.next().expect("a step with commands").replace("kiwi-host ", "\"$@\" ");
        let output = self.workdir.shell(&format!("set -e\n{commands}"), &[]).output().unwrap();
        Exited::from(output).expect(0).stdout
    }

    /// Checks that Python's reader, and one that starts now, read the map without calling the source.
    fn python_reads(&mut self) {
        let mut new = Python::start(&self.redis, "Airlines", &json!({ "suffix": "eu" }));
        new.source(json!({ "error": "must not be called" }));
        for python in [&mut self.python, &mut new] {
            assert!(python.get("FR").unwrap().contains("Ryanair"));
        }
        assert_eq!((self.python.loads(), new.loads()), (1, 0), "the source was asked once, in the beginning");
    }

    fn new_readers_read(&self) {
        let reader = blocking::Cache::builder("airlines").store(self.redis.url()).wait_for(Duration::ZERO);
        let airlines: blocking::Cache<Airline> = reader.connect().unwrap();
        assert_eq!(airlines.get("FR").unwrap().unwrap().name, "Ryanair");
    }
}

/// The map of the page's loader, as one JSON object on one line.
fn source(workdir: &WorkDir, config: &str) -> String {
    let config = config.replace("redis://127.0.0.1:6379", "file:source");
    let config = config.lines().filter(|line| !line.starts_with("layout") && !line.starts_with("record_key"));
    workdir.file("kiwi.toml", &config.collect::<Vec<_>>().join("\n"));
    workdir.run(&["run", "--once"]).expect(0);
    let dump = workdir.run(&["dump", "airlines", "--format", "json"]).expect(0).stdout;
    let dump: HashMap<&str, &RawValue> = serde_json::from_str(&dump).expect("JSON");
    dump["entries"].get().to_owned()
}

#[test]
fn the_runbook_leads_there_and_back() {
    let page = page("docs/migrating.md");
    let blocks = page.blocks("toml");
    let blocks: Vec<&str> = blocks.iter().map(String::as_str).collect();
    let [config, both, hash] = blocks[..] else { panic!("expected three blocks of kiwi.toml") };
    let mut moving = Move::from_python(config, page.blocks("sh"));
    let saved_by_python: String = moving.redis.command(&["GET", "resource:Airlines:eu"]).unwrap();

    let record = "layout = \"record\"\nrecord_key = \"Airlines:eu\"";
    assert!(config.contains(record), "{config}");
    moving.with_layout(record);
    let looked = moving.step();
    assert!(looked.contains("Ryanair"), "{looked}");
    assert!(looked.contains("# airlines: 0 added, 0 removed, 0 changed, "), "the same values: {looked}");
    assert_eq!(moving.redis.command(&["GET", "resource:Airlines:eu"]), Ok(saved_by_python), "nothing is changed");
    moving.python_reads();

    assert!(moving.step().contains("fresh"));
    moving.python_reads();

    moving.with_layout(both);
    assert!(moving.step().contains("fresh"));
    moving.python_reads();
    moving.new_readers_read();
    let fetched: String = moving.redis.command(&["HGET", "kiwi:{airlines}", "FR"]).unwrap();
    assert!(fetched.contains("Ryanair"), "{fetched}");

    moving.with_layout(hash);
    assert!(moving.step().contains("fresh"));
    moving.new_readers_read();
    let left: i64 = moving.redis.command(&["PTTL", "resource:Airlines:eu"]).unwrap();
    assert!(left > 0, "the record expires: {left}");
    assert_eq!(moving.commands.next(), None, "commands of a step that is not tested");

    // Undo the steps, even after the record has expired.
    moving.redis.command::<()>(&["DEL", "resource:Airlines:eu"]).unwrap();
    for layout in [both, record] {
        moving.with_layout(layout);
        moving.workdir.run(&["refill", "airlines"]).expect(0);
        moving.python_reads();
    }
    let left: i64 = moving.redis.command(&["PTTL", "kiwi:{airlines}"]).unwrap();
    assert!(left > 0, "the hash expires: {left}");
    moving.redis.command::<()>(&["DEL", "resource:Airlines:eu"]).unwrap();
    moving.python.refill().unwrap();
    assert_eq!(moving.python.loads(), 2, "Python loads as before");
}
