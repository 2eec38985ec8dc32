//! A reader's time to apply a small change of a large map, compared with loading the whole map.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use kiwi_cache::Cache;

use super::group::Group;
use crate::figure::{Figure, Measured, Target};
use crate::map::key;
use crate::refiller::{By, CACHE, Expected, Refiller, Source};
use crate::series::Series;
use crate::server::Server;
use crate::setup::Setup;
use crate::value::Airline;

pub(super) const GROUP: Group = Group { figures: &[&DELTA_APPLY], measure };

static DELTA_APPLY: Figure = Figure {
    name: "delta-apply-vs-load",
    what: "a reader of 1M entries applies a change of 1 %: time, compared with loading the whole map",
    unit: "x",
    target: Target::AtMost(0.05),
};

fn measure(setup: &Setup) -> Result<Vec<Measured>> {
    let server = Server::start();
    let source = Source { entries: setup.entries(), changed: 1.0, marked: false };
    let mut refiller = Refiller::new(setup, &server.url(), By::Component, source)?;
    refiller.refill(Expected::Published)?;
    let [mut whole, mut change] = std::array::from_fn(|_| Series::default());
    for _ in 0..setup.runs() {
        let started = Instant::now();
        let url = server.url();
        let connecting = Cache::builder(CACHE).store(url.as_str()).reload_ttl(Duration::from_secs(3600)).connect();
        let cache: Cache<Airline> = setup.runtime.block_on(connecting)?;
        whole.push_time(started.elapsed());

        let generation = refiller.change()?;
        refiller.refill(Expected::Published)?;
        let started = Instant::now();
        setup.runtime.block_on(cache.reload())?;
        change.push_time(started.elapsed());
        // The first entry always changes.
        let first = cache.get(&key(0))?.context("a key of the map")?.generation();
        ensure!(first == generation, "the reader has generation {first} instead of {generation}");
    }
    let measured = DELTA_APPLY.measured(change.over(&whole))?;
    Ok(vec![measured.with("change_ms", &change.map(|s| s * 1e3)).with("whole_load_ms", &whole.map(|s| s * 1e3))])
}
