//! How long another client of Redis waits while maps are written and read.

use std::time::Duration;

use anyhow::Result;
use kiwi_cache::Cache;
use tokio::task::JoinSet;

use super::group::Group;
use crate::figure::{Figure, Measured, Target};
use crate::probe::{longest_wait, longest_wait_when_idle, raise_priority};
use crate::refiller::{By, CACHE, Expected, Refiller, Source};
use crate::series::Series;
use crate::server::Server;
use crate::setup::Setup;
use crate::value::Airline;

pub(super) const GROUP: Group = Group { figures: &[&STALL, &TEN_READERS], measure };

static STALL: Figure = Figure {
    name: "stall",
    what: "the longest wait of another client during a full, an unchanged and a 1 % refill of 1M entries, less the wait when idle",
    unit: "ms",
    target: Target::AtMost(10.0),
};
static TEN_READERS: Figure = Figure {
    name: "stall-ten-readers",
    what: "the same while 10 readers at once load 1M typed values",
    unit: "ms",
    target: Target::AtMost(5.0),
};

const READERS: usize = 10;

/// The longest wait in each phase, in milliseconds, run by run.
#[derive(Default)]
struct Waits {
    idle: Series,
    full: Series,
    unchanged: Series,
    one_percent: Series,
    readers: Series,
    /// The longest of all refills, less idle.
    refills_less_idle: Series,
    readers_less_idle: Series,
}

fn measure(setup: &Setup) -> Result<Vec<Measured>> {
    let server = Server::start();
    raise_priority(&server.pid()?.to_string());
    let source = Source { entries: setup.entries(), changed: 1.0, marked: false };
    let mut refiller = Refiller::new(setup, &server.url(), By::Component, source)?;
    let mut waits = Waits::default();
    let pause = setup.full_or_quick(Duration::from_secs(2), Duration::from_millis(50));
    for _ in 0..setup.runs() {
        server.flush()?;
        let idle = longest_wait_when_idle(&server, pause)?;
        let (full, _) = longest_wait(&server, || refiller.refill(Expected::Published))?;
        let (unchanged, _) = longest_wait(&server, || refiller.refill(Expected::Unchanged))?;
        refiller.change()?;
        let (one_percent, _) = longest_wait(&server, || refiller.refill(Expected::Published))?;
        let (readers, ()) = longest_wait(&server, || setup.runtime.block_on(load_at_once(server.url())))?;
        waits.idle.push(idle);
        waits.full.push(full);
        waits.unchanged.push(unchanged);
        waits.one_percent.push(one_percent);
        waits.readers.push(readers);
        waits.refills_less_idle.push(full.max(unchanged).max(one_percent) - idle);
        waits.readers_less_idle.push(readers - idle);
    }
    let refills = STALL.measured(waits.refills_less_idle)?.with("idle_ms", &waits.idle).with("full_ms", &waits.full);
    let refills = refills.with("unchanged_ms", &waits.unchanged).with("one_percent_ms", &waits.one_percent);
    let readers = TEN_READERS.measured(waits.readers_less_idle)?;
    Ok(vec![refills, readers.with("idle_ms", &waits.idle).with("ten_readers_ms", &waits.readers)])
}

async fn load_at_once(url: String) -> Result<()> {
    let mut loads = JoinSet::new();
    for _ in 0..READERS {
        let url = url.clone();
        loads.spawn(async move { Cache::<Airline>::connect(url.as_str(), CACHE).await.map(drop) });
    }
    while let Some(loaded) = loads.join_next().await {
        loaded??;
    }
    Ok(())
}
