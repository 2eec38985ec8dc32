//! The peers: `redis-cli --pipe` and Python's kiwi-cache. (moka is in `figures/local_read.rs`.)

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::map::Map;
use crate::process::Peer;
use crate::server::Server;
use crate::setup::{Setup, repository};

/// The number of entries in one HSET.
const BATCH: usize = 500;

/// Commands that write a whole map, prepared in a file: the fastest way to fill Redis.
pub(crate) struct Pipe {
    commands: PathBuf,
}

impl Pipe {
    /// Prepares the commands, `HSET pipe` with 500 entries each.
    pub(crate) fn prepare(setup: &Setup, entries: u32) -> Result<Self> {
        let commands = setup.directory("pipe")?.join("commands");
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

    /// Writes the map. Returns the time of `redis-cli --pipe` from start to exit.
    pub(crate) fn run(&self, server: &Server) -> Result<Duration> {
        let mut command = Command::new("redis-cli");
        command.args(["-p", &server.port().to_string(), "--pipe"]).stdin(File::open(&self.commands)?);
        let started = Instant::now();
        let output = command.stderr(Stdio::inherit()).output().context("could not start redis-cli")?;
        let took = started.elapsed();
        let stdout = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success() && stdout.contains("errors: 0,"), "redis-cli --pipe failed: {stdout}");
        Ok(took)
    }
}

/// The real kiwi-cache, in a separate process.
pub(crate) struct KiwiCache(Peer);

impl KiwiCache {
    /// The map of `tests/guests/bench_map`, by `tests/kiwi_cache/bench.py`.
    pub(crate) fn start(setup: &Setup, server: &Server, entries: u32) -> Result<Self> {
        Self::run(setup, "bench.py", &[server.url(), entries.to_string()])
    }

    /// A table in PostgreSQL, by `tests/kiwi_cache/bench_table.py`.
    pub(crate) fn of_table(setup: &Setup, server: &Server, url: &str, table: &str) -> Result<Self> {
        Self::run(setup, "bench_table.py", &[server.url(), url.to_owned(), table.to_owned()])
    }

    fn run(setup: &Setup, script: &str, arguments: &[String]) -> Result<Self> {
        let mut command = Command::new(&setup.programs.python);
        command.arg(repository().join("tests/kiwi_cache").join(script)).args(arguments);
        Ok(Self(Peer::start(command.env("PYTHONDONTWRITEBYTECODE", "1"))?))
    }

    /// `refill_cache()`: from its source to Redis. Returns the time, and how much of it the source took.
    pub(crate) fn refill(&mut self) -> Result<(Duration, Duration)> {
        let answer = self.0.ask("refill")?;
        let seconds = |name: &str| answer[name].as_f64().with_context(|| format!("kiwi-cache answered {answer}"));
        Ok((Duration::from_secs_f64(seconds("seconds")?), Duration::from_secs_f64(seconds("source_seconds")?)))
    }

    /// `reload_from_cache()`: from Redis into its memory.
    pub(crate) fn load(&mut self) -> Result<Duration> {
        Ok(Duration::from_secs_f64(self.0.ask_number("load", "seconds")?))
    }
}
