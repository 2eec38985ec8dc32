//! A directory, a command run in it, and stores of the test's own.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use kiwi_cache::store::{Begin, Commit, Content, Due, Lease, Publish, Store};
use kiwi_cache::{Batch, Id, Name, Root, Token, Ttl};
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

/// A redis-server of the test's own, ended with it.
pub(crate) struct RedisServer {
    process: Child,
    port: u16,
    _dir: TempDir,
}

impl RedisServer {
    pub(crate) fn start() -> Self {
        // Between asking for a free port and binding it, another process may take it: then the next one.
        for _ in 0..10 {
            let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
            let dir = TempDir::new().expect("a temporary directory");
            let process = Command::new("redis-server")
                .args(["--port", &port.to_string(), "--save", "", "--appendonly", "no"])
                .current_dir(dir.path())
                .stdout(Stdio::null())
                .spawn()
                .expect("redis-server is installed: `cargo xtask setup` does that, or `apt-get install redis-server`");
            let mut server = Self { process, port, _dir: dir };
            if eventually(|| server.has_ended().then_some(false).or_else(|| server.try_say(&["PING"]).map(|_| true))) {
                return server;
            }
        }
        panic!("redis-server found no free port in ten attempts");
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Sends one command and gives what came back.
    pub(crate) fn say(&self, words: &[&str]) -> String {
        self.try_say(words).expect("redis-server answers")
    }

    fn try_say(&self, words: &[&str]) -> Option<String> {
        let mut connection = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        let mut text = format!("*{}\r\n", words.len());
        for word in words {
            text += &format!("${}\r\n{word}\r\n", word.len());
        }
        connection.write_all(text.as_bytes()).ok()?;
        let mut reply = [0; 1024];
        let length = connection.read(&mut reply).ok()?;
        Some(String::from_utf8_lossy(&reply[..length]).into_owned())
    }

    fn has_ended(&mut self) -> bool {
        self.process.try_wait().is_ok_and(|status| status.is_some())
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

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
