//! A reader under test: it takes one request and gives one answer, as JSON.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::LONG;
use crate::rust_reader::RustReader;

/// What a reader says when it is asked.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Answer {
    pub(crate) state: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) seq: Option<u64>,
    pub(crate) entries: Option<u64>,
    pub(crate) error: Option<String>,
    #[serde(default)]
    pub(crate) values: std::collections::BTreeMap<String, Option<String>>,
    /// Of the one key that was looked up.
    pub(crate) value: Option<String>,
    pub(crate) age_ms: Option<i64>,
    /// The ids of all snapshots that it has held since it was opened, if it can tell.
    pub(crate) held: Option<Vec<String>>,
}

/// What a reader can do.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Abilities {
    pub(crate) reader: String,
    /// Of `copy`, `listen`, `look_up` and `record`.
    pub(crate) can: Vec<String>,
    /// Whether an answer takes all messages into account that were sent before the request.
    #[serde(default)]
    pub(crate) is_synchronous: bool,
}

/// A reader that is driven.
pub(crate) enum Driver {
    Rust(RustReader),
    Process(Process),
}

impl Driver {
    pub(crate) fn ask(&mut self, request: Value) -> Value {
        match self {
            Self::Rust(reader) => reader.answer(&request),
            Self::Process(process) => process.ask(&request),
        }
    }

    pub(crate) fn abilities(&mut self) -> Abilities {
        serde_json::from_value(self.ask(json!({ "do": "abilities" }))).expect("what the reader can do")
    }
}

/// A driver that is a program. Dropping this kills it.
pub(crate) struct Process {
    command: String,
    child: Child,
    requests: ChildStdin,
    answers: Receiver<String>,
}

impl Process {
    /// `url` is its last argument.
    pub(crate) fn start(command: &[&str], url: &str) -> Self {
        let mut child = Command::new(command[0])
            .args(&command[1..])
            .arg(url)
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let (sender, answers) = channel();
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { command: command.join(" "), requests: child.stdin.take().expect("a pipe"), child, answers }
    }

    fn ask(&mut self, request: &Value) -> Value {
        let command = &self.command;
        writeln!(self.requests, "{request}").unwrap_or_else(|error| {
            panic!("{command} does not read its standard input ({error}); see its error above")
        });
        match self.answers.recv_timeout(LONG) {
            Ok(line) => {
                serde_json::from_str(&line).unwrap_or_else(|error| panic!("{command} answered {line}: {error}"))
            }
            Err(RecvTimeoutError::Timeout) => panic!("{command} did not answer {request} within {LONG:?}"),
            Err(RecvTimeoutError::Disconnected) => panic!("{command} has exited at {request}; see its error above"),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A file of this directory.
pub(crate) fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance").join(name)
}

/// The Python of the reference, in the virtual environment that `cargo xtask setup` creates.
pub(crate) fn python_of_the_reference() -> PathBuf {
    let requirements = file("reference/requirements.txt");
    environment(&requirements, |name| name == "conformance")
        .expect("these tests need some packages of Python: `cargo xtask setup`")
        .join("bin/python")
}

/// The Python of the package `kiwi_cache`, in the virtual environment where `cargo xtask test` installs its wheel. If
/// there is one for each of several versions of Python, any will do.
pub(crate) fn python_of_the_package() -> PathBuf {
    let requirements = file("../../host/python/tests/requirements.txt");
    let python =
        environment(&requirements, |name| name.starts_with("python-reader-")).map(|venv| venv.join("bin/python"));
    let has_package =
        |python: &PathBuf| Command::new(python).args(["-c", "import kiwi_cache"]).status().is_ok_and(|it| it.success());
    python.filter(has_package).expect(
        "these tests need the Python package in host/python, built and installed: `cargo xtask test`, or \
         `cargo xtask test-python` for that package alone",
    )
}

/// A complete virtual environment with such a name, in `tools` of a directory above this test's executable.
fn environment(requirements: &Path, is_named: impl Fn(&str) -> bool) -> Option<PathBuf> {
    let wanted = std::fs::read(requirements).expect("the requirements");
    let this = std::env::current_exe().expect("the path of this test");
    let tools = this.ancestors().map(|dir| dir.join("tools")).find(|tools| tools.is_dir())?;
    let entries = std::fs::read_dir(tools).expect("a directory").map(|entry| entry.expect("an entry"));
    // The requirements are copied into the environment once all of them are installed.
    let is_complete = |venv: &PathBuf| std::fs::read(venv.join("requirements.txt")).is_ok_and(|has| has == wanted);
    entries.filter(|entry| is_named(&entry.file_name().to_string_lossy())).map(|entry| entry.path()).find(is_complete)
}
