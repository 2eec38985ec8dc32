//! A directory, a command run in it, and stores of the test's own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use kiwi_store::{Batch, Begin, Commit, Content, Due, Id, Lease, Name, Publish, Root, Store, Token, Ttl};
use tempfile::TempDir;

/// A minute: long enough that nothing published here gets stale while a test runs.
pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// An empty directory to run the command in.
pub(crate) struct Desk {
    dir: TempDir,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self { dir: TempDir::with_prefix("kiwi-host-").expect("a temporary directory") }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Puts a file here.
    pub(crate) fn file(&self, name: &str, text: &str) -> &Self {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a file lies in a directory")).expect("a directory");
        std::fs::write(path, text).expect("a file");
        self
    }

    /// The command, in this directory and in an environment of its own.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kiwi-host"));
        command.args(args).current_dir(self.path()).stdin(Stdio::null()).env_clear();
        // All tests compile a plugin once.
        command.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
        command
    }

    /// Runs the command to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("kiwi-host is started")
    }

    /// All that the command says, as it stands in a snapshot.
    pub(crate) fn said(&self, args: &[&str]) -> String {
        said(args, &self.run(args))
    }
}

/// What a command was asked, what it said, and its exit code.
pub(crate) fn said(args: &[&str], output: &Output) -> String {
    let mut said = format!("$ kiwi-host {}\n", args.join(" "));
    said += &String::from_utf8_lossy(&output.stdout);
    for line in String::from_utf8_lossy(&output.stderr).lines() {
        said += &format!("! {line}\n");
    }
    format!("{said}exit code {}\n", output.status.code().expect("kiwi-host ends by itself"))
}

/// Compares with a snapshot in which what differs from run to run has a name instead.
macro_rules! assert_said {
    ($name:expr, $said:expr) => { assert_said!($name, $said, []) };
    ($name:expr, $said:expr, [$($filter:expr),*]) => {
        insta::with_settings!({
            prepend_module_to_snapshot => false,
            omit_expression => true,
            filters => vec![
                (r"127\.0\.0\.1:\d{5}", "127.0.0.1:PORT"),
                (r"[0-9a-f]{32}", "ID"),
                (r"/\S*/kiwi-host-\w{6}", "DESK"),
                (r"kiwi-host \d+\.\d+\.\d+", "kiwi-host VERSION"),
                $($filter),*
            ],
        }, { insta::assert_snapshot!($name, $said) });
    };
}
pub(crate) use assert_said;

/// The same for what tells of times, in columns that are as wide as these.
macro_rules! assert_status_said {
    ($name:expr, $said:expr) => {
        assert_said!(
            $name,
            $said,
            [
                (r#""(age|at|loaded_at|checked_at|next_refill)":[\d.]+"#, r#""$1":TIME"#),
                (r"\b(\d+m?s|1m)( ago|  | \(backoff\))", "TIME$2"),
                (r"   +", "  ")
            ]
        )
    };
}
pub(crate) use assert_status_said;

/// A loader we ship.
pub(crate) fn plugin(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins").join(name);
    let path = path.canonicalize().unwrap_or_else(|_| panic!("{name} is built: `cargo xtask build-plugins` does that"));
    path.into_os_string().into_string().expect("the path is text")
}

/// A guest of the tests.
pub(crate) fn guest(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/guests/target/wasm32-wasip2/release");
    path.join(name).with_extension("wasm").canonicalize().expect("the guests are built: `cargo xtask test` does that")
}

/// A desk with all loaders we ship, and a configuration that uses two of them.
pub(crate) fn desk() -> Desk {
    let desk = Desk::new();
    for name in ["file.wasm", "http.wasm", "currencies.wasm"] {
        std::fs::copy(plugin(name), desk.path().join(name)).expect("a copy");
    }
    desk.file("data/airlines.csv", "iata,name\nFR,Ryanair\nLH,Lufthansa\n");
    desk.file(
        "kiwi.toml",
        r#"store = "file:.kiwi"

[cache.airlines]
plugin = "file.wasm"
settings = { path = "data/airlines.csv", key = "iata" }
grants = { dirs = ["data"] }

[cache.currencies]
plugin = "currencies.wasm"
"#,
    );
    desk
}

/// The same for what tells of durations.
macro_rules! assert_ran {
    ($name:expr, $said:expr) => {
        assert_said!(
            $name,
            $said,
            [(r"\b\d+m?s\b", "TIME"), (r#""took":[\d.e-]+"#, r#""took":TIME"#), (r#""id":"ID""#, r#""id":"ID""#)]
        )
    };
}
pub(crate) use assert_ran;

/// Asks again and again until there is an answer.
pub(crate) fn eventually<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "it did not happen within 20 s");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Runs something asynchronous to its end.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().expect("a runtime").block_on(work)
}

/// Publishes a map as a host would.
pub(crate) fn publish(store: &dyn Store, cache: &str, entries: &[(&str, &str)], cache_ttl: Ttl) {
    block_on(async {
        let lease = lease(store, cache).await;
        let batch: Batch = entries.iter().copied().collect();
        let root: Root = entries.iter().copied().collect();
        let content =
            Content::Swap { id: Id::random(), entries: entries.len() as u64, bytes: batch.bytes() as u64, root };
        store.stage(&lease, &batch).await.expect("staged");
        let publish = Publish { mark: None, cache_ttl, refill_interval: MINUTE, seq_after: 0, content };
        assert_eq!(store.commit(&lease, &publish).await.expect("committed"), Commit::Done);
    });
}

/// Takes the lease of a cache.
pub(crate) async fn lease(store: &dyn Store, cache: &str) -> Lease {
    let name: Name = cache.parse().expect("a name");
    match store.begin(&name, Token::random(), MINUTE, Due::Always).await.expect("begun") {
        Begin::Go { lease, .. } => lease,
        other => panic!("nobody else works here: {other:?}"),
    }
}
