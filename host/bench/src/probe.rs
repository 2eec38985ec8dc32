//! Another client of Redis, which sends a PING again and again and records its longest wait.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::server::Server;

/// The pause between an answer and the next PING.
const PAUSE: Duration = Duration::from_micros(150);

/// The longest wait of another client while some work is done, in milliseconds, and what the work came to.
pub(crate) fn longest_wait<T>(server: &Server, work: impl FnOnce() -> Result<T>) -> Result<(f64, T)> {
    let probe = Probe::start(server)?;
    let done = work()?;
    Ok((probe.stop()?.as_secs_f64() * 1e3, done))
}

/// The same while nothing is done for some time.
pub(crate) fn longest_wait_when_idle(server: &Server, time: Duration) -> Result<f64> {
    let (idle, ()) = longest_wait(server, || {
        thread::sleep(time);
        Ok(())
    })?;
    Ok(idle)
}

/// A client that runs until it is stopped.
struct Probe {
    stop: Arc<AtomicBool>,
    client: JoinHandle<Result<Duration>>,
}

impl Probe {
    /// Starts the client, and waits until its first PING was answered.
    fn start(server: &Server) -> Result<Self> {
        let mut connection = TcpStream::connect(("127.0.0.1", server.port()))?;
        connection.set_nodelay(true)?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let (ready, is_ready) = mpsc::channel();
        let client = thread::spawn(move || {
            raise_priority(&thread_id()?);
            ping(&mut connection)?;
            ready.send(()).context("whoever started the client is gone")?;
            let mut longest = Duration::ZERO;
            while !stopped.load(Ordering::Relaxed) {
                longest = longest.max(ping(&mut connection)?);
                thread::sleep(PAUSE);
            }
            Ok(longest)
        });
        match is_ready.recv() {
            Ok(()) => Ok(Self { stop, client }),
            // It has ended, and says why.
            Err(_) => bail!(join(client).err().context("the client ended at once")?),
        }
    }

    /// Stops the client and returns its longest wait.
    fn stop(self) -> Result<Duration> {
        self.stop.store(true, Ordering::Relaxed);
        join(self.client)
    }
}

fn join(client: JoinHandle<Result<Duration>>) -> Result<Duration> {
    client.join().ok().context("the client panicked")?
}

fn ping(connection: &mut TcpStream) -> Result<Duration> {
    let sent = Instant::now();
    connection.write_all(b"PING\r\n")?;
    let mut answer = [0; 7];
    connection.read_exact(&mut answer)?;
    ensure!(answer == *b"+PONG\r\n", "Redis answered a PING with {answer:?}");
    Ok(sent.elapsed())
}

/// Raises the priority of a thread or process, as far as that is allowed: the figure is about waiting for Redis, not
/// about waiting for a processor.
pub(crate) fn raise_priority(id: &str) {
    // A real-time priority runs at once; a high one among others may wait for a time slice of theirs.
    let is_real_time = quiet("chrt", &["--fifo", "--pid", "1", id]);
    if !is_real_time {
        // Without the permission or the program, the priority stays as it is.
        quiet("renice", &["-n", "-20", "-p", id]);
    }
}

/// Whether a program is there and succeeds.
fn quiet(program: &str, args: &[&str]) -> bool {
    let ran = Command::new(program).args(args).stdout(Stdio::null()).stderr(Stdio::null()).status();
    ran.is_ok_and(|status| status.success())
}

/// The id of this thread.
fn thread_id() -> Result<String> {
    let link = std::fs::read_link("/proc/thread-self")?;
    let id = link.file_name().and_then(|name| name.to_str()).context("/proc/thread-self names this thread")?;
    Ok(id.to_owned())
}
