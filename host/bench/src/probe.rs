//! Another client of Redis, which asks all the time and remembers how long it ever had to wait.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::server::Server;

/// From one answer to the next question.
const PAUSE: Duration = Duration::from_micros(150);

/// Asks until it is stopped.
pub(crate) struct Probe {
    stop: Arc<AtomicBool>,
    asking: JoinHandle<Result<Duration>>,
}

impl Probe {
    /// Begins to ask.
    pub(crate) fn start(server: &Server) -> Result<Self> {
        let mut connection = TcpStream::connect(("127.0.0.1", server.port()))?;
        connection.set_nodelay(true)?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let asking = thread::spawn(move || {
            prefer(&own_id()?);
            let mut longest = Duration::ZERO;
            while !stopped.load(Ordering::Relaxed) {
                longest = longest.max(ask(&mut connection)?);
                thread::sleep(PAUSE);
            }
            Ok(longest)
        });
        Ok(Self { stop, asking })
    }

    /// Ends it: the longest wait.
    pub(crate) fn stop(self) -> Result<Duration> {
        self.stop.store(true, Ordering::Relaxed);
        self.asking.join().ok().context("the client that asks all the time has panicked")?
    }
}

fn ask(connection: &mut TcpStream) -> Result<Duration> {
    let asked = Instant::now();
    connection.write_all(b"PING\r\n")?;
    let mut answer = [0; 7];
    connection.read_exact(&mut answer)?;
    ensure!(answer == *b"+PONG\r\n", "Redis answers a PING with {answer:?}");
    Ok(asked.elapsed())
}

/// Lets a thread, or a program, run before all others where that is allowed: how long a client waits for Redis is
/// asked, not how long it waits for one of two processors.
pub(crate) fn prefer(id: &str) {
    let mut command = Command::new("renice");
    // Without the right to it, or without this program, it is measured as it is.
    let _ = command.args(["-n", "-20", "-p", id]).stdout(Stdio::null()).stderr(Stdio::null()).status();
}

/// What Linux calls this thread.
fn own_id() -> Result<String> {
    let link = std::fs::read_link("/proc/thread-self")?;
    let id = link.file_name().and_then(|name| name.to_str()).context("/proc/thread-self names this thread")?;
    Ok(id.to_owned())
}
