//! A redis-server of a test's own: on a free port, in a directory of its own, gone with the test.
#![allow(dead_code, reason = "each test binary that includes this uses some of it")]

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redis::FromRedisValue;

/// A running server, whose data is nowhere but in its memory.
pub(crate) struct RedisServer {
    child: Child,
    dir: tempfile::TempDir,
    arguments: Vec<String>,
    port: u16,
}

impl RedisServer {
    /// Starts one.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts one with more settings, such as `["--requirepass", "secret"]`.
    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let port = free_port();
        let child = spawn(&dir, port, &arguments);
        let mut server = Self { child, dir, arguments, port };
        // Where somebody else takes the port before the server does, it ends: then another is tried.
        while !server.is_ready() {
            server.port = free_port();
            server.restart();
        }
        server
    }

    /// Starts a Sentinel.
    pub(crate) fn start_sentinel() -> Self {
        Self::start_with(&["sentinel.conf", "--sentinel"])
    }

    /// As a store URL.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The port it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The unix socket it listens on as well.
    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.path().join("redis.sock")
    }

    /// Where it runs.
    pub(crate) fn dir(&self) -> &std::path::Path {
        self.dir.path()
    }

    /// Ends it as `kill -9` does. All its data and scripts are lost.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("our own child can be killed");
        self.child.wait().expect("our own child can be waited for");
    }

    /// Stops it where it stands, as a machine that hangs does: connections stay, and nothing is answered.
    pub(crate) fn hang(&self) {
        let stopped = Command::new("kill").args(["-STOP", &self.child.id().to_string()]).status();
        assert!(stopped.expect("`kill` is there").success(), "our own child can be stopped");
    }

    /// Starts it again on the same port, empty; kills it first if it runs.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.child = spawn(&self.dir, self.port, &self.arguments);
    }

    /// Runs one command over a connection without user and password.
    pub(crate) fn command<T: redis::FromRedisValue>(&self, words: &[&str]) -> redis::RedisResult<T> {
        let mut connection = redis::Client::open(self.url())?.get_connection()?;
        redis::cmd(words[0]).arg(&words[1..]).query(&mut connection)
    }

    /// How often it has run a command.
    pub(crate) fn calls(&self, command: &str) -> u64 {
        let stats: redis::Value = self.command(&["INFO", "commandstats"]).expect("a server that answers");
        let stats = String::from_redis_value(stats).expect("a text");
        let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
        line.and_then(|line| line.split(',').next()?.parse().ok()).unwrap_or(0)
    }

    /// Waits until it answers; false if it ended instead.
    pub(crate) fn is_ready(&mut self) -> bool {
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline {
            if self.child.try_wait().expect("our own child can be waited for").is_some() {
                return false;
            }
            match self.command::<()>(&["PING"]) {
                Err(error) if error.is_io_error() => std::thread::sleep(Duration::from_millis(5)),
                // A server that wants a password answers as well.
                _ => return true,
            }
        }
        panic!("redis-server on port {} does not answer", self.port);
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port()
}

fn spawn(dir: &tempfile::TempDir, port: u16, arguments: &[String]) -> Child {
    let mut command = Command::new("redis-server");
    // A file comes first.
    let files = arguments.iter().take_while(|argument| !argument.starts_with("--")).count();
    let (files, settings) = arguments.split_at(files);
    for file in files {
        std::fs::write(dir.path().join(file), "").expect("a file can be written");
    }
    command.args(files);
    command
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .args(["--unixsocket", "redis.sock", "--dir", "."])
        .args(settings)
        .current_dir(dir.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("these tests need a redis-server: `apt-get install redis-server`")
}
