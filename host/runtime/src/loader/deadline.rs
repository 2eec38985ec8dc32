//! The end of the time that a load has.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::entries::progress::{Progress, Waiting};
use crate::failure::{Failure, FailureKind};

/// The end of the time that a load has for all its steps.
#[derive(Clone)]
pub(crate) struct Deadline {
    /// `None`: never.
    at: Option<Instant>,
    timeout: Duration,
    /// Says what is waited for when the time is over.
    progress: Arc<Progress>,
}

impl Deadline {
    pub(crate) fn after(timeout: Duration, progress: &Arc<Progress>) -> Self {
        Self { at: Instant::now().checked_add(timeout), timeout, progress: Arc::clone(progress) }
    }

    /// Drops a step that is not done by then.
    ///
    /// # Errors
    /// The time is over: whose fault that is follows from what was waited for.
    pub(crate) async fn bounds<T>(&self, step: impl Future<Output = T>) -> Result<T, Failure> {
        let Some(at) = self.at else { return Ok(step.await) };
        tokio::time::timeout_at(at, step).await.map_err(|_| self.is_over())
    }

    fn is_over(&self) -> Failure {
        let message = format!("the load took longer than {}", humantime::format_duration(self.timeout));
        match self.progress.waits_for() {
            None => Failure::limit("load_timeout", message),
            Some(Waiting::World(what)) => {
                Failure::limit("load_timeout", format!("{message}: it was waiting for {what}"))
            }
            Some(Waiting::Store) => {
                let entries = self.progress.entries();
                let message = format!(
                    "{message}: it was waiting for the store, which had taken {entries} entries by then; look at the \
                     load of the store, or raise `limits.load_timeout` of this cache"
                );
                Failure::new(FailureKind::StoreUnavailable, message)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_end_of_the_time_names_what_was_waited_for() {
        let forever = std::future::pending::<()>;
        let progress = Arc::new(Progress::default());
        let ended = async |waiting: Option<Waiting>| {
            let deadline = Deadline::after(Duration::from_millis(5), &progress);
            let failure = match waiting {
                None => deadline.bounds(forever()).await,
                Some(waiting) => deadline.bounds(progress.waiting_for(waiting, forever())).await,
            };
            failure.unwrap_err()
        };
        let failure = ended(None).await;
        assert!(failure.kind == FailureKind::Limit && !failure.message.contains("waiting"), "{failure}");
        let failure = ended(Some(Waiting::World("a response from https://example.com".into()))).await;
        assert!(
            failure.message.starts_with(
                "the load took longer than 5ms: it was waiting for a response from https://example.com; raise"
            ),
            "{failure}"
        );
        let failure = ended(Some(Waiting::Store)).await;
        assert!(
            failure.kind == FailureKind::StoreUnavailable && failure.message.contains("waiting for the store"),
            "{failure}"
        );
    }

    #[tokio::test]
    async fn a_time_beyond_all_clocks_never_ends() {
        let deadline = Deadline::after(Duration::MAX, &Arc::default());
        assert_eq!(deadline.bounds(async { 7 }).await, Ok(7));
    }
}
