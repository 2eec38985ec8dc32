//! The redis-server of a figure, and its statistics.

use anyhow::{Context, Result};

#[path = "../../store/tests/support/redis_server.rs"]
mod redis_server;

use redis_server::RedisServer;

/// A redis-server on a free port, stopped when this is dropped.
pub(crate) struct Server(RedisServer);

impl Server {
    pub(crate) fn start() -> Self {
        Self(RedisServer::start())
    }

    pub(crate) fn url(&self) -> String {
        self.0.url()
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.port()
    }

    /// Runs one command.
    pub(crate) fn command<T: redis::FromRedisValue>(&self, words: &[&str]) -> Result<T> {
        self.0.command(words).with_context(|| format!("redis-server refused `{}`", words.join(" ")))
    }

    /// Deletes all keys, and waits until that is done.
    pub(crate) fn flush(&self) -> Result<()> {
        self.command(&["FLUSHALL", "SYNC"])
    }

    /// The bytes that all clients have sent since it started, including the few hundred of this request.
    pub(crate) fn received(&self) -> Result<f64> {
        self.info("stats", "total_net_input_bytes")
    }

    /// The processor time that it has used since it started, in seconds. (/proc knows it in steps of 10 ms only.)
    pub(crate) fn processor_seconds(&self) -> Result<f64> {
        Ok(self.info("cpu", "used_cpu_user")? + self.info("cpu", "used_cpu_sys")?)
    }

    /// The bytes that it has allocated, its own overhead included.
    pub(crate) fn used_memory(&self) -> Result<f64> {
        self.info("memory", "used_memory")
    }

    /// How many clients are connected, this one included.
    pub(crate) fn clients(&self) -> Result<f64> {
        self.info("clients", "connected_clients")
    }

    pub(crate) fn pid(&self) -> Result<u32> {
        Ok(self.info("server", "process_id")? as u32)
    }

    fn info(&self, section: &str, field: &str) -> Result<f64> {
        let info: String = self.command(&["INFO", section])?;
        let value = info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        value.and_then(|value| value.trim().parse().ok()).with_context(|| format!("INFO {section} has no {field}"))
    }
}
