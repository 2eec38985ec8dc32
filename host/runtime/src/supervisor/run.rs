//! Runs a task for each cache until the host is told to shut down.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use kiwi_store::Name;
use tokio::task::{Id, JoinError, JoinSet};

use super::asks::listen;
use super::caches::Entry;
use super::report::{report, withdraw_all};
use super::shared::Supervisor;
use super::task::{Stopping, keep_warm};
use super::watch::watch;
use crate::events::event::Event;
use crate::failure::{Failure, FailureKind};
use crate::refill::backoff::doubled;

/// How long leases may take to be released after the drain timeout. With the time to drain that the command has by
/// default this stays below the ten seconds after which Docker kills.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(2);
/// A task that has died is started again after a second, two, four, ... up to this.
const MAX_RESTART_DELAY: Duration = Duration::from_secs(60);

/// What a task does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Job {
    /// Keeps one cache warm.
    Cache(Name),
    /// Looks at all caches.
    Watch,
    /// Hears readers that ask.
    Listen,
    /// Reports to the store.
    Report,
}

impl Job {
    /// For people.
    fn name(&self) -> String {
        match self {
            Self::Cache(name) => format!("cache `{name}`"),
            Self::Watch => "watch".into(),
            Self::Listen => "listen".into(),
            Self::Report => "report".into(),
        }
    }
}

/// A task, and what ends it.
struct Running {
    task: Id,
    stopping: Stopping,
    /// What it runs, where that is a cache.
    entry: Option<Arc<Entry>>,
}

/// The tasks of a host.
struct Tasks {
    shared: Arc<Supervisor>,
    tasks: JoinSet<()>,
    running: HashMap<Job, Running>,
    /// How often each task has died.
    deaths: HashMap<Job, u32>,
    stopping: Stopping,
}

impl Tasks {
    fn new(shared: Arc<Supervisor>) -> Self {
        Self {
            shared,
            tasks: JoinSet::new(),
            running: HashMap::new(),
            deaths: HashMap::new(),
            stopping: Stopping::new(),
        }
    }

    /// Starts the tasks of caches that are new, and ends those of caches that are gone or replaced. A cache
    /// that was replaced gets its new task when the old one has ended.
    fn reconcile(&mut self) {
        let caches = self.shared.caches();
        for running in self.running.values() {
            if running.entry.as_ref().is_some_and(|entry| entry.replaced.is_cancelled()) {
                running.stopping.cancel();
            }
        }
        for entry in &caches.entries {
            let job = Job::Cache(entry.cache.name().clone());
            if !self.running.contains_key(&job) {
                self.start(job, Some(Arc::clone(entry)), Duration::ZERO);
            }
        }
    }

    fn start(&mut self, job: Job, entry: Option<Arc<Entry>>, delay: Duration) {
        let (shared, stopping) = (Arc::clone(&self.shared), self.stopping.child());
        let task = match (&job, &entry) {
            (Job::Cache(_), Some(entry)) => {
                let (entry, stopping) = (Arc::clone(entry), stopping.clone());
                let store = Arc::clone(&shared.caches().store);
                self.tasks.spawn(async move {
                    if stopping.draining.run_until_cancelled(tokio::time::sleep(delay)).await.is_some() {
                        keep_warm(&shared, store, &entry, &stopping).await;
                    }
                })
            }
            (Job::Listen, _) => {
                let draining = stopping.draining.clone();
                self.tasks.spawn(async move {
                    draining.run_until_cancelled(after(delay, listen(&shared))).await.unwrap_or_default();
                })
            }
            (Job::Report, _) => {
                let draining = stopping.draining.clone();
                self.tasks.spawn(async move {
                    draining.run_until_cancelled(after(delay, report(&shared))).await;
                })
            }
            (Job::Watch | Job::Cache(_), _) => {
                let draining = stopping.draining.clone();
                self.tasks.spawn(async move {
                    draining.run_until_cancelled(after(delay, watch(&shared))).await;
                })
            }
        };
        self.running.insert(job, Running { task: task.id(), stopping, entry });
    }

    /// Forgets a task that has ended. One that died, which is a bug of ours, is started again.
    fn ended(&mut self, ended: Result<(Id, ()), JoinError>) {
        let (task, died) = match &ended {
            Ok((task, ())) => (*task, false),
            Err(error) => (error.id(), error.is_panic()),
        };
        let job = self.running.iter().find(|(_, running)| running.task == task).map(|(job, _)| job.clone());
        let Some((job, running)) = job.and_then(|job| self.running.remove_entry(&job)) else { return };
        if died {
            let deaths = self.deaths.entry(job.clone()).or_default();
            *deaths = deaths.saturating_add(1);
            let (times, delay) = (*deaths, doubled(*deaths).min(MAX_RESTART_DELAY));
            self.shared.events.emit(&Event::TaskDied { task: &job.name(), times, delay });
            if let Some(entry) = &running.entry {
                let message = format!("its task panicked {times} times; please report it with the host's log lines");
                entry.cache.standing.trouble.add(&Failure::new(FailureKind::Internal, message), false);
            }
            self.start(job, running.entry, delay);
        }
    }
}

async fn after<T>(delay: Duration, work: impl Future<Output = T>) -> T {
    tokio::time::sleep(delay).await;
    work.await
}

/// Keeps all caches warm until `shutdown` ends; then starts no more loads, and gives those under way
/// `drain_timeout` to finish before it abandons them.
pub(crate) async fn run(shared: Arc<Supervisor>, shutdown: impl Future<Output = ()>, drain_timeout: Duration) {
    let mut changes = shared.changes();
    let mut tasks = Tasks::new(shared);
    let mut shutdown = pin!(shutdown);
    tasks.start(Job::Watch, None, Duration::ZERO);
    tasks.start(Job::Listen, None, Duration::ZERO);
    tasks.start(Job::Report, None, Duration::ZERO);
    loop {
        tasks.reconcile();
        tokio::select! {
            () = &mut shutdown => break,
            _ = changes.changed() => {}
            Some(ended) = tasks.tasks.join_next_with_id() => tasks.ended(ended),
        }
    }
    tasks.shared.events.emit(&Event::Draining);
    tasks.stopping.draining.cancel();
    let Tasks { mut tasks, stopping, shared, .. } = tasks;
    if tokio::time::timeout(drain_timeout, async { while tasks.join_next().await.is_some() {} }).await.is_err() {
        stopping.stop.cancel();
    }
    // Releasing a lease needs the store; one that hangs must not keep the host.
    let released = async {
        while tasks.join_next().await.is_some() {}
        tokio::join!(withdraw_all(&shared), shared.sources_left());
    };
    let in_time = tokio::time::timeout(RELEASE_TIMEOUT, released).await.is_ok();
    tasks.shutdown().await;
    shared.events.emit(&Event::Stopped { in_time });
}
