//! How long another client of Redis waits while maps are written and read.

use std::time::Duration;

use anyhow::Result;
use kiwi_cache::Cache;
use tokio::task::JoinSet;

use super::group::Group;
use crate::figure::{Figure, Measured, Target};
use crate::probe::{Probe, raise_priority};
use crate::refiller::{By, CACHE, Expected, Refiller, Source};
use crate::series::Series;
use crate::server::Server;
use crate::setup::Setup;
use crate::value::Airline;

pub(super) const GROUP: Group = Group { figures: &[&STALL], measure };

static STALL: Figure = Figure {
    name: "stall",
    what: "the longest wait of another client during a full, an unchanged and a 1 % refill of 1M entries and 10 reader loads at once, less the wait when idle",
    unit: "ms",
    target: Target::AtMost(10.0),
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
    /// The longest of all phases, less idle.
    worst: Series,
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
        let idle = longest_wait(&server, || {
            std::thread::sleep(pause);
            Ok(())
        })?;
        let full = longest_wait(&server, || refiller.refill(Expected::Published).map(drop))?;
        let unchanged = longest_wait(&server, || refiller.refill(Expected::Unchanged).map(drop))?;
        refiller.change()?;
        let one_percent = longest_wait(&server, || refiller.refill(Expected::Published).map(drop))?;
        let readers = longest_wait(&server, || setup.runtime.block_on(load_at_once(server.url())))?;
        waits.idle.push(idle);
        waits.full.push(full);
        waits.unchanged.push(unchanged);
        waits.one_percent.push(one_percent);
        waits.readers.push(readers);
        waits.worst.push(full.max(unchanged).max(one_percent).max(readers) - idle);
    }
    let measured = STALL.measured(waits.worst)?.with("idle_ms", &waits.idle).with("full_ms", &waits.full);
    let measured = measured.with("unchanged_ms", &waits.unchanged).with("one_percent_ms", &waits.one_percent);
    Ok(vec![measured.with("ten_readers_ms", &waits.readers)])
}

/// In milliseconds.
fn longest_wait(server: &Server, work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let probe = Probe::start(server)?;
    work()?;
    Ok(probe.stop()?.as_secs_f64() * 1e3)
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
