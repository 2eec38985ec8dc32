//! A temporary directory, the command run in it, and helpers for stores.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use kiwi_store::{Batch, Begin, Content, Due, Holder, Id, Lease, Name, Publish, Root, Store, Ttl};
use tempfile::TempDir;

/// Long enough that nothing published here becomes stale during a test.
pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// An empty directory to run the command in.
pub(crate) struct WorkDir {
    dir: TempDir,
}

impl WorkDir {
    pub(crate) fn new() -> Self {
        Self { dir: TempDir::with_prefix("kiwi-host-").expect("a temporary directory") }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a file in this directory.
    pub(crate) fn file(&self, name: &str, text: &str) -> &Self {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("every file has a parent")).expect("a directory");
        std::fs::write(path, text).expect("a file");
        self
    }

    /// The command, in this directory and with a clean environment.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kiwi-host"));
        command.args(args).current_dir(self.path()).stdin(Stdio::null()).env_clear();
        // Compiled plugins are shared by all tests.
        command.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
        command
    }

    /// Runs the command until it exits.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("kiwi-host starts")
    }

    /// Runs the command with this on its standard input.
    pub(crate) fn feed(&self, args: &[&str], input: &str) -> Output {
        let input = self.file("input", input).path().join("input");
        self.command(args).stdin(File::open(input).expect("a file")).output().expect("kiwi-host starts")
    }

    /// Runs the command; returns its arguments, output and exit code, as snapshots contain them.
    pub(crate) fn transcript(&self, args: &[&str]) -> String {
        transcript(args, &self.run(args))
    }
}

/// A command line, its output and its exit code.
pub(crate) fn transcript(args: &[&str], output: &Output) -> String {
    let mut text = format!("$ kiwi-host {}\n", args.join(" "));
    text += &String::from_utf8_lossy(&output.stdout);
    for line in String::from_utf8_lossy(&output.stderr).lines() {
        text += &format!("! {line}\n");
    }
    format!("{text}exit code {}\n", output.status.code().expect("no signal"))
}

/// Compares a transcript with a snapshot; what differs from run to run is replaced by a name.
macro_rules! assert_output {
    ($name:expr, $text:expr) => { assert_output!($name, $text, []) };
    ($name:expr, $text:expr, [$($filter:expr),*]) => {
        insta::with_settings!({
            prepend_module_to_snapshot => false,
            omit_expression => true,
            filters => vec![
                (r"127\.0\.0\.1:\d{5}", "127.0.0.1:PORT"),
                (r"[0-9a-f]{32}", "ID"),
                (r"/\S*/kiwi-host-\w{6}", "WORKDIR"),
                (r"kiwi-host \d+\.\d+\.\d+", "kiwi-host VERSION"),
                $($filter),*
            ],
        }, { insta::assert_snapshot!($name, $text) });
    };
}
pub(crate) use assert_output;

/// The same for the output of `status`, with times and column widths that vary.
macro_rules! assert_status {
    ($name:expr, $text:expr) => {
        assert_output!(
            $name,
            $text,
            [
                (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "DATE"),
                (r#""(age_ms|next_refill_ms)":\d+"#, r#""$1":TIME"#),
                (r"[\w.-]+ \(process \d+\)", "HOST"),
                (r"\b(\d+[mu]?s|1m)( ago|  | \(back-off\))", "TIME$2"),
                (r"\b(in|for) (\d+[mu]?s|1m)", "$1 TIME"),
                (r"   +", "  ")
            ]
        )
    };
}
pub(crate) use assert_status;

/// A plugin we ship.
pub(crate) fn plugin(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins").join(name);
    let path = path
        .canonicalize()
        .unwrap_or_else(|_| panic!("{name} does not exist: build it with `cargo xtask build-plugins`"));
    path.into_os_string().into_string().expect("the path is text")
}

/// One of the components in tests/guests.
pub(crate) fn guest(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/guests/target/wasm32-wasip2/release");
    path.join(name).with_extension("wasm").canonicalize().expect("guests built by `cargo xtask test`")
}

/// A directory with all loaders we ship, and a configuration that uses two of them.
pub(crate) fn workdir() -> WorkDir {
    let workdir = WorkDir::new();
    for name in ["file.wasm", "http.wasm", "currencies.wasm"] {
        std::fs::copy(plugin(name), workdir.path().join(name)).expect("a copy");
    }
    workdir.file("data/airlines.csv", "iata,name\nFR,Ryanair\nLH,Lufthansa\n");
    workdir.file(
        "kiwi.toml",
        r#"store = "file:.kiwi"

[cache.airlines]
plugin = "file.wasm"
settings = { path = "data/airlines.csv", key = "iata" }
grants = { files = ["data/airlines.csv"] }

[cache.currencies]
plugin = "currencies.wasm"
"#,
    );
    workdir
}

/// The same for the outcomes of loads, with durations that vary.
macro_rules! assert_outcome {
    ($name:expr, $text:expr) => {
        assert_output!($name, $text, [(r"\b\d+[mu]?s\b", "TIME"), (r#""took_ms":\d+"#, r#""took_ms":TIME"#)])
    };
}
pub(crate) use assert_outcome;

/// Polls until there is an answer.
pub(crate) fn eventually<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "nothing within 20 s");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Runs a future to completion.
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
        let committed = store.commit(lease, &Publish::new(content, cache_ttl, MINUTE)).await.expect("committed");
        if committed.is_hash_behind {
            store.update_hash(&cache.parse().expect("a name")).await.expect("the hash follows");
        }
    });
}

/// Acquires the lease of a cache.
pub(crate) async fn lease(store: &dyn Store, cache: &str) -> Lease {
    let name: Name = cache.parse().expect("a name");
    match store.begin(&name, Holder::anonymous(), MINUTE, Due::Always).await.expect("begun") {
        Begin::Go { lease, .. } => lease,
        other => panic!("the lease is not free: {other:?}"),
    }
}
