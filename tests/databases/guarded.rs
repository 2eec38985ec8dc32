//! A server that ends with this program.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A server that ends when this is dropped, or when this program ends.
pub(super) struct Guarded(Child);

/// Starts the program that `$@` is, ends it by the signal `$0` when standard input ends, and waits for it.
const SHELL: &str = r#""$@" & pid=$!; read -r _; kill -s "$0" "$pid"; wait "$pid""#;

impl Guarded {
    /// Starts a server. Its output goes to a file.
    pub(super) fn start(signal: &str, command: &[&str], log: &Path) -> Self {
        let log = std::fs::File::create(log).expect("a log file");
        let mut shell = Command::new("sh");
        shell.args(["-c", SHELL, signal]).args(command).stdin(Stdio::piped());
        // Debian keeps servers where only root has its PATH.
        shell.env("PATH", format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default()));
        shell.stdout(log.try_clone().expect("a second handle")).stderr(log);
        Self(shell.spawn().expect("a shell"))
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// A port that nobody listens on.
pub(super) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}

/// Waits for a server, and shows its log if it does not come.
pub(super) fn wait_until(is_ready: impl Fn() -> bool, log: &Path) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_ready() {
        let log = || std::fs::read_to_string(log).unwrap_or_default();
        assert!(Instant::now() < deadline, "the server does not answer:\n{}", log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A name that no other test of this program has.
pub(super) fn unique(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{prefix}_{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Runs a command to its end.
#[track_caller]
pub(super) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8(output.stdout).expect("text")
}

/// Whether this is root, whom PostgreSQL refuses.
pub(super) fn is_root() -> bool {
    run(Command::new("id").arg("-u")).trim() == "0"
}
