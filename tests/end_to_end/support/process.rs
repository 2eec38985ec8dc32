//! A running command.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustix::process::{Pid, Signal, kill_process};

use super::{Exited, eventually};

/// A running command. Dropping this kills it, like `kill -9`.
pub(crate) struct Running {
    child: Child,
    stderr: Arc<Mutex<String>>,
    streams: Option<[JoinHandle<String>; 2]>,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().expect("kiwi-host starts");
        let stderr = Arc::new(Mutex::new(String::new()));
        let (mut out, err) = (child.stdout.take().expect("a pipe"), child.stderr.take().expect("a pipe"));
        let log = Arc::clone(&stderr);
        let streams = [
            std::thread::spawn(move || {
                let mut stdout = Vec::new();
                out.read_to_end(&mut stdout).expect("the output can be read");
                String::from_utf8_lossy(&stdout).into_owned()
            }),
            std::thread::spawn(move || {
                for line in BufReader::new(err).lines() {
                    let line = line.expect("the output can be read");
                    let mut log = log.lock().expect("no thread panics while it holds this");
                    log.push_str(&line);
                    log.push('\n');
                }
                log.lock().expect("no thread panics while it holds this").clone()
            }),
        ];
        Self { child, stderr, streams: Some(streams) }
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its standard error so far.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.lock().expect("no thread panics while it holds this").clone()
    }

    /// Waits until its log has a line with all of these words, and returns the line.
    #[track_caller]
    pub(crate) fn wait_for_log(&mut self, text: &str) -> String {
        self.wait_for_log_times(text, 1)
    }

    /// Waits until its log has this many lines with all of these words, and returns the last of them.
    #[track_caller]
    pub(crate) fn wait_for_log_times(&mut self, text: &str, times: usize) -> String {
        eventually(&format!("`{text}` in the log of a host"), || {
            let exited = self.child.try_wait().expect("our own child can be waited for");
            let log = self.stderr();
            let line = lines_with(&log, text).nth(times - 1).map(str::to_owned);
            assert!(line.is_some() || exited.is_none(), "it exited without logging `{text}`:\n{log}");
            line
        })
    }

    /// How many lines of its log have all of these words.
    pub(crate) fn count_in_log(&self, text: &str) -> usize {
        lines_with(&self.stderr(), text).count()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("our own child can be signalled");
    }

    /// Waits until it exits.
    pub(crate) fn wait(mut self) -> Exited {
        let status = eventually("the exit of a host", || self.try_wait());
        let [stdout, stderr] = self.streams.take().expect("taken once").map(|stream| stream.join().expect("no panic"));
        Exited { code: status.code(), stdout, stderr }
    }

    /// Its status, if it has exited.
    pub(crate) fn try_wait(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("our own child can be waited for")
    }
}

/// The lines that have all of these words, in whatever order: fields come before what happened.
fn lines_with<'a>(log: &'a str, text: &'a str) -> impl Iterator<Item = &'a str> {
    log.lines().filter(move |line| text.split(' ').all(|word| line.contains(word)))
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("log of a host:\n{}", self.stderr());
        }
    }
}
