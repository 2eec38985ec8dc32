//! Whom we are compared with: `redis-cli --pipe`, and Python's kiwi-cache. (moka is asked in `figures/local_read.rs`.)

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::desk::{Desk, repository};
use crate::map::Map;
use crate::process::Peer;
use crate::server::Server;

/// How many entries one HSET has.
const BATCH: usize = 500;

/// Commands that write a whole map, prepared in a file: as fast as Redis is.
pub(crate) struct Pipe {
    commands: PathBuf,
}

impl Pipe {
    /// Prepares the commands, `HSET pipe` with 500 entries each.
    pub(crate) fn prepare(desk: &Desk, entries: u32) -> Result<Self> {
        let commands = desk.directory("pipe")?.join("commands");
        let mut file = BufWriter::new(File::create(&commands)?);
        let entries: Vec<(String, String)> = Map { entries, changed: 100.0, generation: 0 }.entries().collect();
        for batch in entries.chunks(BATCH) {
            write!(file, "*{}\r\n$4\r\nHSET\r\n$4\r\npipe\r\n", 2 + 2 * batch.len())?;
            for (key, value) in batch {
                write!(file, "${}\r\n{key}\r\n${}\r\n{value}\r\n", key.len(), value.len())?;
            }
        }
        file.flush()?;
        Ok(Self { commands })
    }

    /// Writes the map: the time of `redis-cli --pipe`, from its start to its end.
    pub(crate) fn run(&self, server: &Server) -> Result<Duration> {
        let mut command = Command::new("redis-cli");
        command.args(["-p", &server.port().to_string(), "--pipe"]).stdin(File::open(&self.commands)?);
        let started = Instant::now();
        let output = command.stderr(Stdio::inherit()).output().context("redis-cli cannot be started")?;
        let took = started.elapsed();
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success() && said.contains("errors: 0,"), "redis-cli --pipe failed: {said}");
        Ok(took)
    }
}

/// The real kiwi-cache, in a process of its own: `tests/kiwi_cache/bench.py`.
pub(crate) struct KiwiCache(Peer);

impl KiwiCache {
    pub(crate) fn start(desk: &Desk, server: &Server, entries: u32) -> Result<Self> {
        let mut command = Command::new(&desk.places.python);
        command.arg(repository().join("tests/kiwi_cache/bench.py")).args([server.url(), entries.to_string()]);
        Ok(Self(Peer::start(command.env("PYTHONDONTWRITEBYTECODE", "1"))?))
    }

    /// `refill_cache()`: from its source to Redis, with what the source took of it.
    pub(crate) fn refill(&mut self) -> Result<(Duration, Duration)> {
        let answer = self.0.ask("refill")?;
        let seconds = |name: &str| answer[name].as_f64().with_context(|| format!("kiwi-cache answers {answer}"));
        Ok((Duration::from_secs_f64(seconds("seconds")?), Duration::from_secs_f64(seconds("source_seconds")?)))
    }

    /// `reload_from_cache()`: from Redis into its memory.
    pub(crate) fn load(&mut self) -> Result<Duration> {
        Ok(Duration::from_secs_f64(self.0.ask_number("load", "seconds")?))
    }
}
