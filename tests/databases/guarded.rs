//! A server that ends with this program.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A server that ends when this is dropped, or when this program ends.
pub(super) struct Guarded {
    server: Child,
    guard: Child,
}

/// How long a server may take to start.
const LONGEST_START: Duration = Duration::from_secs(60);
/// How often a server is started that ends at once: somebody else may have its port.
const STARTS: usize = 5;

/// Ends the process `$1` by the signal `$0` when standard input ends.
const GUARD: &str = r#"read -r _; kill -s "$0" "$1""#;

impl Guarded {
    /// Starts a server by the command that `command` gives, and waits until it is ready. If it ends instead, the next
    /// command is tried. Its output goes to a file.
    pub(super) fn start(
        signal: &str,
        log: &Path,
        mut command: impl FnMut() -> Vec<String>,
        is_ready: impl Fn() -> bool,
    ) -> Self {
        for _ in 0..STARTS {
            let command = command();
            let mut started = Self::spawn(signal, &command, log);
            let deadline = Instant::now() + LONGEST_START;
            while !started.has_ended() {
                if is_ready() {
                    return started;
                }
                assert!(Instant::now() < deadline, "{command:?} does not answer:\n{}", text(log));
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        panic!("a server ends at once:\n{}", text(log));
    }

    fn spawn(signal: &str, command: &[String], log: &Path) -> Self {
        let log = std::fs::File::create(log).expect("a log file");
        let mut server = Command::new(&command[0]);
        server.args(&command[1..]).stdin(Stdio::null());
        // Debian keeps servers where only root has its PATH.
        server.env("PATH", format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default()));
        server.stdout(log.try_clone().expect("a second handle")).stderr(log);
        let server = server.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut guard = Command::new("sh");
        guard.args(["-c", GUARD, signal, &server.id().to_string()]).stdin(Stdio::piped());
        Self { server, guard: guard.spawn().expect("a shell") }
    }

    fn has_ended(&mut self) -> bool {
        self.server.try_wait().expect("our own child can be waited for").is_some()
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if self.has_ended() {
            // Its process id may be another's.
            let _ = self.guard.kill();
        }
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
        let _ = self.server.wait();
    }
}

fn text(log: &Path) -> String {
    std::fs::read_to_string(log).unwrap_or_default()
}

/// A port that nobody listens on.
pub(super) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
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
