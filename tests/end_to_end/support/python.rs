//! A Python service with the real kiwi-cache: `tests/kiwi_cache/peer.py`, which executes our requests.

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

/// A process with one cache. Dropping this kills it.
pub(crate) struct Python {
    child: Child,
    requests: ChildStdin,
    answers: Receiver<String>,
}

/// The answer to a request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    /// JSON as Python writes it.
    Value(Box<RawValue>),
    /// An exception.
    Raised(String),
}

/// The result of processes that refilled all the time.
#[derive(Debug, Deserialize)]
pub(crate) struct Race {
    /// How often they loaded.
    pub(crate) loads: u32,
    /// How often a process had lost its lock by the end of its load.
    pub(crate) lost_locks: u32,
}

impl Python {
    /// Starts a process with a class of `tests/kiwi_cache/caches.py` and arguments for its constructor, with durations
    /// in seconds.
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
            .expect("Python starts");
        let (sender, answers) = channel();
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { requests: child.stdin.take().expect("a pipe"), child, answers }
    }

    /// `cache[key]`: the value, or the exception.
    pub(crate) fn get(&mut self, key: &str) -> Result<String, String> {
        self.ask(json!({ "do": "get", "key": key }))
    }

    /// `cache[key][name]`, or the exception.
    pub(crate) fn member(&mut self, key: &str, name: &str) -> Result<String, String> {
        self.ask(json!({ "do": "member", "key": key, "name": name }))
    }

    /// `cache.data`: the whole map.
    pub(crate) fn dump(&mut self) -> Result<String, String> {
        self.ask(json!({ "do": "dump" }))
    }

    /// The periodic task: `refill_cache()` of each of `instances`.
    pub(crate) fn refill(&mut self) -> Result<String, String> {
        self.ask(json!({ "do": "refill" }))
    }

    /// A refill of a table with other settings, such as `columns`; the exception, if it fails.
    pub(crate) fn save(&mut self, mut settings: Value) -> Result<(), String> {
        settings["do"] = "save".into();
        self.ask(settings).map(drop)
    }

    /// Whether two JSON texts are one value, with the same digits.
    #[track_caller]
    pub(crate) fn is_same(&mut self, one: &str, other: &str) -> bool {
        self.ask(json!({ "do": "is_same", "one": one, "other": other })).expect("two JSON texts") == "true"
    }

    /// Configures its source: `data`, `error`, `url`, `seconds`.
    #[track_caller]
    pub(crate) fn source(&mut self, mut settings: Value) {
        settings["do"] = "source".into();
        self.ask(settings).expect("a source takes any settings");
    }

    /// Sets the data of its source: JSON, whose digits are kept.
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

    /// How often it had lost its lock by the end of a load: released by another process, or expired.
    #[track_caller]
    pub(crate) fn lost_locks(&mut self) -> u32 {
        let lost = self.ask(json!({ "do": "lost_locks" })).expect("a number");
        lost.parse().expect("a number")
    }

    /// Starts a refill that may take long.
    pub(crate) fn begin_refill(&mut self) {
        self.send(json!({ "do": "refill" }));
    }

    /// Waits until that refill has ended.
    #[track_caller]
    pub(crate) fn end_refill(&mut self) {
        self.answer(LONG).expect("kiwi-cache raises nothing where a refill fails");
    }

    /// Lets several processes refill again and again for this time.
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
        writeln!(self.requests, "{request}").expect("Python reads its stdin; see its error above");
    }

    #[track_caller]
    fn answer(&self, time: Duration) -> Result<String, String> {
        let line = match self.answers.recv_timeout(time) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => panic!("Python did not answer within {time:?}"),
            Err(RecvTimeoutError::Disconnected) => panic!("Python has exited; see its error above"),
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

/// What a line of Python prints.
pub(crate) fn python(line: &str) -> String {
    let output = Command::new(interpreter()).args(["-c", line]).output().expect("Python starts");
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("Python prints text")
}

/// The Python of the virtual environment that `cargo xtask setup` creates, in a directory above this test's executable.
pub(crate) fn interpreter() -> PathBuf {
    let this = std::env::current_exe().expect("the path of this test");
    let wanted = std::fs::read(repository().join("tests/kiwi_cache/requirements.txt")).expect("the requirements");
    let venv = this.ancestors().map(|dir| dir.join("tools/kiwi-cache")).find(|venv| venv.is_dir());
    // The requirements are copied into the environment once all of them are installed.
    let complete = |venv: &PathBuf| std::fs::read(venv.join("requirements.txt")).is_ok_and(|has| has == wanted);
    let venv =
        venv.filter(complete).expect("these tests need Python's kiwi-cache: install it with `cargo xtask setup`");
    venv.join("bin/python")
}
