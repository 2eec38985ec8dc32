//! A TCP forwarder in front of servers, as a proxy or a DNS name is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// New connections lead to the server that it points to now, and old ones stay where they are.
pub(crate) struct Forwarder {
    port: u16,
    target: Arc<AtomicU16>,
    accepted: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Forwarder {
    pub(crate) async fn to(target: u16) -> Self {
        Self::slow_to_open(target, Duration::ZERO).await
    }

    /// A new connection forwards nothing for some time.
    pub(crate) async fn slow_to_open(target: u16, delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (target, accepted) = (Arc::new(AtomicU16::new(target)), Arc::new(AtomicUsize::new(0)));
        let (now, count) = (Arc::clone(&target), Arc::clone(&accepted));
        let accepting = tokio::spawn(async move {
            let mut forwarding = tokio::task::JoinSet::new();
            loop {
                let (mut near, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                let target = now.load(Ordering::Relaxed);
                forwarding.spawn(async move {
                    tokio::time::sleep(delay).await;
                    let mut far = TcpStream::connect(("127.0.0.1", target)).await?;
                    copy_bidirectional(&mut near, &mut far).await
                });
            }
        });
        Self { port, target, accepted, accepting }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Leads new connections to another server.
    pub(crate) fn point_to(&self, target: u16) {
        self.target.store(target, Ordering::Relaxed);
    }

    /// How many connections were opened.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
