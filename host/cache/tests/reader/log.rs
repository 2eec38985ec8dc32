//! A failure is logged when it begins and when it ends, and not at each poll.

use std::io;
use std::sync::{Arc, Mutex};

use kiwi_cache::Cache;
use tracing::subscriber::DefaultGuard;

use crate::eventually;
use crate::publisher::Publisher;
use crate::redis_server::RedisServer;

/// The lines logged by this thread.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Captures what this thread logs, until the guard is dropped.
    pub(crate) fn of_this_thread(&self) -> DefaultGuard {
        let writer = self.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        tracing::subscriber::set_default(subscriber)
    }

    pub(crate) fn lines_with(&self, text: &str) -> usize {
        let log = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        log.lines().filter(|line| line.contains("airlines") && line.contains(text)).count()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn each_failure_is_logged_once_when_it_begins_and_when_it_ends() {
    let log = Log::default();
    let _here = log.of_this_thread();

    let mut redis = RedisServer::start();
    let publisher = Publisher::new(&redis);
    publisher.publish(&[("FR", "1")]).await;
    let airlines: Cache<u64> = Cache::connect(redis.url(), "airlines").await.unwrap();
    for refused in 1..=2 {
        publisher.publish(&[("FR", "null")]).await;
        for _ in 0..3 {
            assert!(airlines.reload().await.unwrap_err().is_value());
            assert_eq!(log.lines_with("`FR`"), refused);
        }
    }
    publisher.publish(&[("FR", "2")]).await;
    airlines.reload().await.unwrap();
    assert_eq!(log.lines_with("works again"), 1);

    redis.kill();
    let away = log.lines_with("failed to reload");
    for _ in 0..3 {
        assert!(airlines.reload().await.unwrap_err().is_unavailable());
        assert_eq!(log.lines_with("failed to reload"), away + 1);
    }
    redis.restart();
    assert!(redis.is_ready());
    Publisher::new(&redis).publish(&[("FR", "3")]).await;
    eventually("the store is read again", async || airlines.reload().await.is_ok()).await;
    airlines.reload().await.unwrap();
    assert_eq!(log.lines_with("works again"), 2);
}
