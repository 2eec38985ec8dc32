//! Stores for the tests: a Redis server of its own, and a directory of its own.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kiwi_cache::store::{self, Store};
use tempfile::TempDir;

/// An empty store of its own, which goes with it.
pub(crate) trait Place {
    /// Its URL.
    fn url(&self) -> String;

    /// One more handle on it, as another process has one.
    fn open(&self) -> Arc<dyn Store> {
        store::open(&self.url().parse().unwrap()).unwrap()
    }
}

/// A directory for the embedded store.
pub(crate) struct Directory(TempDir);

impl Directory {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
}

impl Place for Directory {
    fn url(&self) -> String {
        format!("file:{}", self.0.path().display())
    }
}

/// A Redis server on a free port.
pub(crate) struct Redis {
    server: Child,
    port: u16,
    dir: TempDir,
}

impl Redis {
    pub(crate) fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let redis = Self { server: spawn(port, &dir), port, dir };
        redis.wait_until_up();
        redis
    }

    /// Kills it as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }

    /// Starts it again after `kill`, on its port, with nothing in it.
    pub(crate) fn start_again(&mut self) {
        self.server = spawn(self.port, &self.dir);
        self.wait_until_up();
    }

    /// Does something to its data behind the store's back, and gives the first line of the reply.
    pub(crate) fn command(&self, command: &str) -> String {
        self.try_command(command).unwrap()
    }

    fn try_command(&self, command: &str) -> std::io::Result<String> {
        let mut connection = TcpStream::connect(("127.0.0.1", self.port))?;
        connection.write_all(format!("{command}\r\n").as_bytes())?;
        let mut reply = String::new();
        BufReader::new(connection).read_line(&mut reply)?;
        Ok(reply.trim_end().to_owned())
    }

    fn wait_until_up(&self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.try_command("PING").ok().as_deref() != Some("+PONG") {
            assert!(Instant::now() < deadline, "redis-server did not answer on port {}", self.port);
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn spawn(port: u16, dir: &TempDir) -> Child {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--save", "", "--appendonly", "no", "--bind", "127.0.0.1"])
        .current_dir(dir.path())
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server is needed for this test: apt-get install redis-server")
}

impl Place for Redis {
    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have been killed by the test already.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
