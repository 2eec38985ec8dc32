//! A reader's load of a whole map, compared with kiwi-cache's.

use std::time::Instant;

use anyhow::Result;
use kiwi_cache::Cache;

use super::group::Group;
use crate::figure::{Figure, Measured, Target};
use crate::peers::KiwiCache;
use crate::refiller::{By, CACHE, Expected, Refiller, Source};
use crate::series::Series;
use crate::server::Server;
use crate::setup::Setup;
use crate::value::Airline;

pub(super) const GROUP: Group = Group { figures: &[&READER_LOAD], measure };

static READER_LOAD: Figure = Figure {
    name: "reader-load-vs-kiwi-cache",
    what: "a reader loads 1M typed values: how many times as fast as kiwi-cache",
    unit: "x",
    target: Target::AtLeast(2.5),
};

fn measure(setup: &Setup) -> Result<Vec<Measured>> {
    let server = Server::start();
    let url = server.url();
    Refiller::new(setup, &url, By::Component, Source::of(setup.entries()))?.refill(Expected::Published)?;
    let mut kiwi_cache = KiwiCache::start(setup, &server, setup.entries())?;
    kiwi_cache.refill()?;
    let [mut ours, mut theirs] = std::array::from_fn(|_| Series::default());
    for _ in 0..setup.runs() {
        let started = Instant::now();
        let cache: Cache<Airline> = setup.runtime.block_on(Cache::connect(url.as_str(), CACHE))?;
        ours.push_time(started.elapsed());
        drop(cache);
        theirs.push_time(kiwi_cache.load()?);
    }
    Ok(vec![READER_LOAD.measured(theirs.over(&ours))?.with("ours_s", &ours).with("kiwi_cache_s", &theirs)])
}
