//! The command: reads the store, and shows the caches that were asked for.

use std::sync::Arc;

use anyhow::Result;
use kiwi_host::mark_as_set;
use kiwi_store::{Error, HostState, Name, Presence, Status, Store};
use serde::Serialize;

use super::condition::{Condition, Facts};
use super::listing::{self, Listed};
use super::row::Row;
use crate::args::{Format, StatusArgs};
use crate::commands::no_such_cache::{exists, no_such_cache};
use crate::config::Config;
use crate::exit::{ErrorDocument, Exit};
use crate::output::Output;
use crate::rows::MARK;
use crate::target::Target;

/// Shows what the store knows of each cache: the same from any machine.
pub(crate) async fn run(target: &Target, args: &StatusArgs, output: &mut Output) -> Result<Exit> {
    let store = target.open_existing_store()?;
    let asked = Asked::read(target, &store, args).await?;
    let (mut listed, mut errors) = (Vec::new(), Vec::new());
    for (cache, (status, hosts)) in asked.caches.iter().zip(&asked.known) {
        let is_configured = is_configured(target, cache);
        match status {
            Ok(status) if !exists(status, hosts) && !is_configured => {
                errors.push(no_such_cache(target, &*store, cache).await);
            }
            Ok(status) => {
                let others_run = asked.others_run;
                let is_published = is_published(target, cache, &status.presence);
                let facts = Facts { status, hosts, is_configured, is_published, others_run, max_age: args.max_age };
                listed.push((hosts, Listed { cache, status, condition: Condition::of(facts), is_configured }));
            }
            Err(error) => errors.push(error.clone()),
        }
    }
    let exit = exit(args, &listed, &errors);
    let all = listed.len();
    let well = listed.iter().filter(|(_, listed)| listed.condition.is_well).count();
    listed.retain(|(_, listed)| !args.failing || !listed.condition.is_well);
    for error in &errors {
        eprintln!("kiwi-host: {error}");
    }
    match output.format() {
        Format::Json => {
            let row = |(hosts, listed): &(&Vec<HostState>, Listed<'_>)| {
                Row::new(listed.cache, listed.status, hosts, &listed.condition, listed.is_configured)
            };
            let errors = errors.into_iter().map(|error| ErrorDocument::new(&error.into())).collect();
            output.json(&Document { well, not_well: all - well, caches: listed.iter().map(row).collect(), errors })?;
        }
        Format::Human if asked.caches.is_empty() => {
            output
                .line(format_args!("nothing is published in {} yet; publish with `kiwi-host run`", store.location()))?;
        }
        Format::Human => {
            let listed: Vec<_> = listed.into_iter().map(|(_, listed)| listed).collect();
            if !listed.is_empty() {
                listing::write(&listed, output)?;
            }
            if args.failing && all > 0 {
                write_count(well, all, !listed.is_empty(), output)?;
            }
        }
    }
    Ok(exit)
}

/// The result as JSON.
#[derive(Serialize)]
struct Document {
    well: usize,
    not_well: usize,
    caches: Vec<Row>,
    /// The caches that do not exist or cannot be read.
    errors: Vec<ErrorDocument>,
}

/// The caches that were asked for, and what the store says of them.
struct Asked {
    caches: Vec<Name>,
    known: Vec<(kiwi_store::Result<Status>, Vec<HostState>)>,
    /// Whether any cache of the store has a host that runs.
    others_run: bool,
}

impl Asked {
    async fn read(target: &Target, store: &Arc<dyn Store>, args: &StatusArgs) -> Result<Self> {
        let mut caches = args.caches.clone();
        if caches.is_empty() {
            caches = store.caches().await?;
            caches.extend(target.config.iter().flat_map(Config::all).map(|cache| cache.name.clone()));
        }
        caches.sort_unstable();
        caches.dedup();
        let hosts = store.hosts(&caches).await?;
        let known: Vec<_> = store.statuses(&caches).await?.into_iter().zip(hosts).collect();
        let runs = |hosts: &[HostState]| hosts.iter().any(|host| host.is_alive);
        let mut others_run = known.iter().any(|(_, hosts)| runs(hosts));
        let is_perhaps_left =
            |(cache, (_, hosts)): (&Name, &(_, Vec<HostState>))| !runs(hosts) && !is_configured(target, cache);
        if !args.caches.is_empty() && !others_run && caches.iter().zip(&known).any(is_perhaps_left) {
            // The user of the store may not be allowed to list its caches: then nothing is called a leftover.
            let all = store.caches().await.unwrap_or_default();
            others_run = store.hosts(&all).await?.iter().any(|hosts| runs(hosts));
        }
        Ok(Self { caches, known, others_run })
    }
}

fn is_configured(target: &Target, cache: &Name) -> bool {
    target.config.as_ref().is_some_and(|config| config.has(cache))
}

/// Whether `kiwi-host publish` publishes it: this machine's configuration says so, or else what is published.
fn is_published(target: &Target, cache: &Name, presence: &Presence) -> bool {
    let config = target.config.as_ref();
    if let Some(cache) = config.and_then(|config| config.all().find(|known| known.name == *cache)) {
        return cache.plugin().is_none();
    }
    let (Presence::Whole(head) | Presence::Lost(head)) = presence else { return false };
    head.mark.as_deref().and_then(mark_as_set) == Some(MARK)
}

fn exit(args: &StatusArgs, listed: &[(&Vec<HostState>, Listed<'_>)], errors: &[Error]) -> Exit {
    let is_well = listed.iter().all(|(_, listed)| listed.condition.is_well);
    let of = |error: &Error| Exit::of(&error.clone().into());
    match errors.iter().map(of).max_by_key(|exit| *exit == Exit::Absent) {
        Some(exit) => exit,
        None if args.exit_code && !is_well => Exit::Failure,
        None => Exit::Success,
    }
}

fn write_count(well: usize, all: usize, is_below: bool, output: &mut Output) -> Result<()> {
    if is_below {
        output.line("")?;
    }
    let caches = |number: usize| if number == 1 { "1 cache".to_owned() } else { format!("{number} caches") };
    let count = match (well, all) {
        (well, all) if well == all => format!("all well ({})", caches(all)),
        (well, all) => format!("{well} of {} well", caches(all)),
    };
    Ok(output.line(count)?)
}
