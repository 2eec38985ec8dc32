//! Reports to the store which caches this host keeps warm, and what keeps it from that, for `status` on any machine.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use kiwi_store::{HostReport, Id, Name, REPORT_INTERVAL, Store, Trouble};
use tokio::time::Instant;

use super::caches::Entry;
use super::shared::Supervisor;
use crate::definition::standing::InTrouble;
use crate::events::event::Event;
use crate::printable;

/// How often it is looked at what has changed since the last report.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Reports on their way at a time.
const AT_A_TIME: usize = 16;
/// How long a message is at most.
const MESSAGE_BYTES: usize = 2 << 10;

/// What was reported last of a cache, and when.
struct Reported {
    /// The kind and the message of what keeps it from loading.
    trouble: Option<(String, String)>,
    at: Instant,
}

/// Reports as long as the host runs.
pub(super) async fn report(shared: &Supervisor) -> Infallible {
    let mut reported: HashMap<Name, Reported> = HashMap::new();
    let mut changes = shared.changes();
    loop {
        let store = shared.caches().store.clone();
        let current = reports(shared);
        let gone: Vec<Name> = reported.keys().filter(|name| !current.contains_key(*name)).cloned().collect();
        withdraw(&*store, shared.host.id, gone.iter()).await;
        reported.retain(|name, _| current.contains_key(name));
        let due = current.iter().filter(|(name, report)| {
            reported.get(*name).is_none_or(|last| last.trouble != said(report) || last.at.elapsed() >= REPORT_INTERVAL)
        });
        let send = |(name, report): (&Name, &HostReport)| {
            let (store, name, report) = (store.clone(), name.clone(), report.clone());
            async move { (store.report(&name, &report).await, name, report) }
        };
        let mut sent = stream::iter(due.map(send).collect::<Vec<_>>()).buffer_unordered(AT_A_TIME);
        while let Some((result, name, report)) = sent.next().await {
            match result {
                Ok(()) => {
                    reported.insert(name, Reported { trouble: said(&report), at: Instant::now() });
                }
                Err(error) => shared.events.emit(&Event::ReportFailed { cache: &name, error: &error }),
            }
        }
        // A cache that is new is reported at once.
        let _ = tokio::time::timeout(LOOK_INTERVAL, changes.changed()).await;
    }
}

/// Takes back what was reported of all caches: this host ends.
pub(super) async fn withdraw_all(shared: &Supervisor) {
    let store = shared.caches().store.clone();
    let names: Vec<Name> = reports(shared).into_keys().collect();
    withdraw(&*store, shared.host.id, names.iter()).await;
}

async fn withdraw(store: &dyn Store, host: Id, caches: impl Iterator<Item = &Name>) {
    // One that fails expires by itself.
    let withdrawn = caches.map(|name| store.withdraw(name, host)).collect::<Vec<_>>();
    stream::iter(withdrawn).buffer_unordered(AT_A_TIME).for_each(async |_| {}).await;
}

/// What there is to say now.
fn reports(shared: &Supervisor) -> BTreeMap<Name, HostReport> {
    let refused = shared.refused.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
    let refused = refused.into_iter().map(|(name, refused)| {
        let message = printable::text(&refused.message, MESSAGE_BYTES);
        (name, Some(Trouble { kind: "plugin".into(), message, times: 1, lasted: refused.since.elapsed() }))
    });
    let caches = shared.caches();
    let running = caches.entries.iter().map(|entry| (entry.cache.name().clone(), trouble(entry)));
    let report = |(name, trouble)| (name, HostReport { id: shared.host.id, host: shared.host.name.clone(), trouble });
    refused.chain(running).map(report).collect()
}

fn trouble(entry: &Entry) -> Option<Trouble> {
    let InTrouble { failure, times, since, .. } = entry.cache.standing.trouble.get()?;
    let message = printable::text(&failure.message, MESSAGE_BYTES);
    Some(Trouble { kind: failure.kind.to_string(), message, times, lasted: since.elapsed() })
}

fn said(report: &HostReport) -> Option<(String, String)> {
    report.trouble.as_ref().map(|trouble| (trouble.kind.clone(), trouble.message.clone()))
}
