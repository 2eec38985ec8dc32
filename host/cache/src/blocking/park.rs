//! Waiting for a future on this thread, without a runtime.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// Wakes a thread that is parked.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Blocks until a future is ready. The future may wait for channels, but not for timers or I/O, which need a runtime.
pub(super) fn wait<F: Future>(future: F) -> F::Output {
    wait_until(future, None).expect("there is no deadline")
}

/// As `wait`, but not for longer than `timeout`: then `None`.
pub(super) fn wait_timeout<F: Future>(future: F, timeout: Duration) -> Option<F::Output> {
    match Instant::now().checked_add(timeout) {
        Some(deadline) => wait_until(future, Some(deadline)),
        // No clock reaches that time.
        None => Some(wait(future)),
    }
}

fn wait_until<F: Future>(future: F, deadline: Option<Instant>) -> Option<F::Output> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    // Unconstrained: inside a task that has used up its share of time, nothing would ever be ready.
    let mut future = pin!(tokio::task::unconstrained(future));
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Some(output);
        }
        match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
            None => thread::park(),
            Some(Duration::ZERO) => return None,
            Some(left) => thread::park_timeout(left),
        }
    }
}
