//! The end of the time that a load has.

use std::time::Duration;

use tokio::time::Instant;

use crate::failure::Failure;

/// The end of the time that a load has for all its steps.
#[derive(Clone, Copy)]
pub(crate) struct Deadline {
    /// `None`: never.
    at: Option<Instant>,
    timeout: Duration,
}

impl Deadline {
    pub(crate) fn after(timeout: Duration) -> Self {
        Self { at: Instant::now().checked_add(timeout), timeout }
    }

    /// Drops a step that is not done by then.
    pub(crate) async fn bounds<T>(self, step: impl Future<Output = T>) -> Result<T, Failure> {
        let Some(at) = self.at else { return Ok(step.await) };
        tokio::time::timeout_at(at, step).await.map_err(|_| {
            let message = format!("the load took longer than {}", humantime::format_duration(self.timeout));
            Failure::limit("load_timeout", message)
        })
    }
}
