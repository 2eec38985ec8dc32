//! A service of Python with the real kiwi-cache: `tests/kiwi_cache/peer.py`, which does as it is asked.

use std::fmt::Display;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{LONG, repository};
use crate::redis_server::RedisServer;

/// A process with one cache, which is ended with this.
pub(crate) struct Python {
    child: Child,
    requests: ChildStdin,
    answers: Receiver<String>,
}

/// What a request came to.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    /// As Python's own JSON has it.
    Value(Box<RawValue>),
    /// An exception.
    Raised(String),
}

/// What processes that refill all the time have come to.
#[derive(Debug, Deserialize)]
pub(crate) struct Race {
    /// How often they loaded.
    pub(crate) loads: u32,
    /// How often one's lock was gone when it was done.
    pub(crate) lost_locks: u32,
}

impl Python {
    /// Starts one with a class of `tests/kiwi_cache/caches.py` and arguments of its constructor; those that are
    /// durations are in seconds.
    pub(crate) fn start(redis: &RedisServer, class: &str, options: &Value) -> Self {
        Self::connect(&redis.url(), class, options)
    }

    /// The same with a Redis of this URL.
    pub(crate) fn connect(redis: &str, class: &str, options: &Value) -> Self {
        let mut child = Command::new(interpreter())
            .arg(repository().join("tests/kiwi_cache/peer.py"))
            .args([redis, class, &options.to_string()])
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python is started");
        let (sender, answers) = channel();
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { requests: child.stdin.take().expect("a pipe"), child, answers }
    }

    /// `cache[key]`: the value, or what was raised.
    pub(crate) fn get(&mut self, key: &str) -> Result<String, String> {
        self.ask(json!({ "do": "get", "key": key }))
    }

    /// `cache.data`: the whole map.
    pub(crate) fn dump(&mut self) -> Result<String, String> {
        self.ask(json!({ "do": "dump" }))
    }

    /// The periodic task: `refill_cache()` of each of `instances`.
    pub(crate) fn refill(&mut self) -> Result<String, String> {
        self.ask(json!({ "do": "refill" }))
    }

    /// What its source does from now on: `data`, `error`, `url`, `seconds`.
    #[track_caller]
    pub(crate) fn source(&mut self, mut settings: Value) {
        settings["do"] = "source".into();
        self.ask(settings).expect("a source takes any settings");
    }

    /// What its source gives from now on: JSON, whose digits are kept.
    #[track_caller]
    pub(crate) fn source_gives(&mut self, json: &str) {
        self.send(format_args!(r#"{{"do": "source", "data": {}}}"#, json.replace('\n', " ")));
        self.answer(LONG).expect("a source takes any data");
    }

    /// How often it has loaded from its source.
    #[track_caller]
    pub(crate) fn loads(&mut self) -> u32 {
        let loads = self.ask(json!({ "do": "loads" })).expect("a number");
        loads.parse().expect("a number")
    }

    /// The statuses it has counted, after checking that each came with the metric and the name.
    #[track_caller]
    pub(crate) fn statuses(&mut self, class: &str) -> Vec<String> {
        let sent = self.ask(json!({ "do": "statuses" })).expect("a list");
        let sent: Vec<[String; 3]> = serde_json::from_str(&sent).expect("a metric and two tags each");
        let status = |[metric, name, status]: [String; 3]| {
            assert_eq!((metric.as_str(), name), ("kiwicache", format!("name:{class}")));
            status.strip_prefix("status:").expect("the tag of the status").to_owned()
        };
        sent.into_iter().map(status).collect()
    }

    /// How often its lock was gone when it was done: freed by somebody else, or at its end.
    #[track_caller]
    pub(crate) fn lost_locks(&mut self) -> u32 {
        let lost = self.ask(json!({ "do": "lost_locks" })).expect("a number");
        lost.parse().expect("a number")
    }

    /// Begins a refill that may take its time.
    pub(crate) fn begin_refill(&mut self) {
        self.send(json!({ "do": "refill" }));
    }

    /// Waits for the end of a refill that was begun.
    #[track_caller]
    pub(crate) fn end_refill(&mut self) {
        self.answer(LONG).expect("kiwi-cache raises nothing where a refill fails");
    }

    /// Lets processes refill again and again for a time.
    #[track_caller]
    pub(crate) fn race(&mut self, workers: u32, time: Duration) -> Race {
        self.send(json!({ "do": "race", "workers": workers, "seconds": time.as_secs() }));
        let race = self.answer(time + LONG).expect("two numbers");
        serde_json::from_str(&race).expect("two numbers")
    }

    #[track_caller]
    fn ask(&mut self, request: Value) -> Result<String, String> {
        self.send(request);
        self.answer(LONG)
    }

    #[track_caller]
    fn send(&mut self, request: impl Display) {
        writeln!(self.requests, "{request}").expect("Python listens; its last words are above");
    }

    #[track_caller]
    fn answer(&self, time: Duration) -> Result<String, String> {
        let line = match self.answers.recv_timeout(time) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => panic!("Python does not answer within {time:?}"),
            Err(RecvTimeoutError::Disconnected) => panic!("Python has ended; its last words are above"),
        };
        match serde_json::from_str(&line).unwrap_or_else(|error| panic!("Python answered {line}: {error}")) {
            Answer::Value(value) => Ok(value.get().to_owned()),
            Answer::Raised(error) => Err(error),
        }
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The Python of the virtual environment that `cargo xtask setup` makes, in a directory above this test's executable.
fn interpreter() -> PathBuf {
    let this = std::env::current_exe().expect("the path of this test");
    let wanted = std::fs::read(repository().join("tests/kiwi_cache/requirements.txt")).expect("the requirements");
    let venv = this.ancestors().map(|dir| dir.join("tools/kiwi-cache")).find(|venv| venv.is_dir());
    // An environment gets its copy of the requirements when all of them are installed.
    let complete = |venv: &PathBuf| std::fs::read(venv.join("requirements.txt")).is_ok_and(|has| has == wanted);
    let venv = venv.filter(complete).expect("these tests need Python's kiwi-cache: `cargo xtask setup` installs it");
    venv.join("bin/python")
}
