//! Snapshots that were replaced: their memory is freed where nobody waits for it.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::snapshot::Snapshot;
use crate::stored::Value;

/// The shortest and the longest time between two looks at whether anybody still uses a snapshot.
const LOOK_INTERVALS: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));

/// Keeps replaced snapshots until nobody else does, and then frees them on a thread for blocking work. Otherwise the
/// read that drops the last reference would free a million entries before it could answer its request.
#[derive(Default)]
pub(crate) struct Retired(JoinSet<()>);

impl Retired {
    pub(crate) fn add<V: Value + ?Sized>(&mut self, snapshot: Arc<Snapshot<V>>) {
        // The set must not grow by snapshots that were freed.
        while self.0.try_join_next().is_some() {}
        self.0.spawn(free(snapshot));
    }
}

async fn free<V: Value + ?Sized>(snapshot: Arc<Snapshot<V>>) {
    let (mut interval, longest) = LOOK_INTERVALS;
    // Nobody can get it from us: once this reference is the only one, it stays the only one.
    while Arc::strong_count(&snapshot) > 1 {
        tokio::time::sleep(interval).await;
        interval = longest.min(interval * 2);
    }
    // Nobody waits for its end.
    drop(tokio::task::spawn_blocking(move || drop(snapshot)));
}
