//! The hosts of a cache, as a record of its environment.

use std::cmp::Reverse;
use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::directory::Directory;
use super::failure::Result;
use super::record::{Millis, Record};
use crate::hosts::{MAX_HOSTS, is_kept};
use crate::{HostReport, HostState, Id, Name};

/// By the host's id, what it reports.
#[derive(Default, Serialize, Deserialize)]
struct Hosts(HashMap<String, Reported>);

impl Record for Hosts {
    const KEY: &'static str = "hosts";
}

#[derive(Serialize, Deserialize)]
struct Reported {
    since: Millis,
    seen: Millis,
    report: HostReport,
}

pub(super) fn report(directory: &Directory, cache: &Name, report: HostReport) -> Result<()> {
    let environment = directory.find_or_make(cache)?;
    let mut txn = environment.write()?;
    let now = Millis::now();
    let mut hosts = environment.meta().get::<Hosts>(&txn)?.unwrap_or_default();
    let id = report.id.to_string();
    let since = hosts.0.get(&id).map_or(now, |before| before.since);
    hosts.0.insert(id, Reported { since, seen: now, report });
    hosts.0.retain(|_, reported| is_kept(reported.seen.into(), now.into()));
    while hosts.0.len() > MAX_HOSTS {
        let oldest = hosts.0.iter().min_by_key(|(_, reported)| reported.seen).map(|(id, _)| id.clone());
        oldest.and_then(|id| hosts.0.remove(&id));
    }
    environment.meta().put(&mut txn, &hosts)?;
    Ok(txn.commit()?)
}

pub(super) fn withdraw(directory: &Directory, cache: &Name, host: Id) -> Result<()> {
    let Some(environment) = directory.find(cache)? else { return Ok(()) };
    let mut txn = environment.write()?;
    let mut hosts = environment.meta().get::<Hosts>(&txn)?.unwrap_or_default();
    if hosts.0.remove(&host.to_string()).is_some() {
        environment.meta().put(&mut txn, &hosts)?;
        txn.commit()?;
    }
    Ok(())
}

pub(super) fn hosts(directory: &Directory, cache: &Name) -> Result<Vec<HostState>> {
    let Some(environment) = directory.find(cache)? else { return Ok(Vec::new()) };
    let txn = environment.read()?;
    let now = Millis::now().into();
    let hosts = environment.meta().get::<Hosts>(&txn)?.unwrap_or_default();
    let state = |(id, reported): (String, Reported)| {
        let report = HostReport { id: id.parse().ok()?, ..reported.report };
        let (since, seen) = (reported.since.into(), reported.seen.into());
        is_kept(seen, now).then(|| HostState::new(report, since, seen, now))
    };
    let mut hosts: Vec<HostState> = hosts.0.into_iter().filter_map(state).collect();
    hosts.sort_by_key(|host| Reverse(host.seen));
    Ok(hosts)
}
