//! The command while it runs.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustix::process::{Pid, Signal, kill_process};

use super::{Ended, eventually};

/// A running command, which is ended with this, as `kill -9` does.
pub(crate) struct Running {
    child: Child,
    stderr: Arc<Mutex<String>>,
    streams: Option<[JoinHandle<String>; 2]>,
}

impl Running {
    pub(super) fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().expect("kiwi-host is started");
        let stderr = Arc::new(Mutex::new(String::new()));
        let (mut out, err) = (child.stdout.take().expect("a pipe"), child.stderr.take().expect("a pipe"));
        let said = Arc::clone(&stderr);
        let streams = [
            std::thread::spawn(move || {
                let mut stdout = Vec::new();
                out.read_to_end(&mut stdout).expect("what a child says can be read");
                String::from_utf8_lossy(&stdout).into_owned()
            }),
            std::thread::spawn(move || {
                for line in BufReader::new(err).lines() {
                    let line = line.expect("what a child says can be read");
                    let mut said = said.lock().expect("no thread panics while it holds this");
                    said.push_str(&line);
                    said.push('\n');
                }
                said.lock().expect("no thread panics while it holds this").clone()
            }),
        ];
        Self { child, stderr, streams: Some(streams) }
    }

    /// What it has said on standard error so far.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.lock().expect("no thread panics while it holds this").clone()
    }

    /// Waits until it has said this, and gives the line.
    #[track_caller]
    pub(crate) fn says(&mut self, text: &str) -> String {
        self.says_again(text, 1)
    }

    /// Waits until it has said this so many times, and gives the last of these lines.
    #[track_caller]
    pub(crate) fn says_again(&mut self, text: &str, times: usize) -> String {
        eventually(&format!("`{text}` of a host"), || {
            let ended = self.child.try_wait().expect("our own child can be waited for");
            let said = self.stderr();
            let line = said.lines().filter(|line| line.contains(text)).nth(times - 1).map(str::to_owned);
            assert!(line.is_some() || ended.is_none(), "it ended and never said `{text}`:\n{said}");
            line
        })
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("our own child can be signalled");
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ended {
        let status = eventually("the end of a host", || self.try_wait());
        let [stdout, stderr] = self.streams.take().expect("taken once").map(|stream| stream.join().expect("no panic"));
        Ended { code: status.code(), stdout, stderr }
    }

    /// Whether it has ended, and how.
    pub(crate) fn try_wait(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("our own child can be waited for")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("a host had said:\n{}", self.stderr());
        }
    }
}
