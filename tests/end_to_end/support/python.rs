//! A service of Python with the real kiwi-cache: `tests/kiwi_cache/peer.py`, which does as it is asked.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};

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

impl Python {
    /// Starts one with a class of `tests/kiwi_cache/caches.py` and arguments of its constructor; those that are
    /// durations are in seconds.
    pub(crate) fn start(redis: &RedisServer, class: &str, options: &Value) -> Self {
        let mut child = Command::new(interpreter())
            .arg(repository().join("tests/kiwi_cache/peer.py"))
            .args([&redis.url(), class, &options.to_string()])
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

    /// `dict(cache)`.
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

    #[track_caller]
    fn ask(&mut self, request: Value) -> Result<String, String> {
        self.send(&request);
        self.answer()
    }

    #[track_caller]
    fn send(&mut self, request: &Value) {
        writeln!(self.requests, "{request}").expect("Python listens; its last words are above");
    }

    #[track_caller]
    fn answer(&self) -> Result<String, String> {
        let line = match self.answers.recv_timeout(LONG) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => panic!("Python does not answer within {LONG:?}"),
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
