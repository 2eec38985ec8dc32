//! A reader's load of a whole map: compared with kiwi-cache's, and what it costs Redis.

use std::time::{Duration, Instant};

use anyhow::Result;
use kiwi_cache::{Cache, Value};

use super::group::Group;
use crate::figure::{Figure, Measured, Target};
use crate::peers::KiwiCache;
use crate::refiller::{By, CACHE, Expected, Refiller, Source};
use crate::series::Series;
use crate::server::Server;
use crate::setup::Setup;
use crate::value::Airline;

pub(super) const GROUP: Group = Group { figures: &[&TYPED, &UNTYPED, &REDIS_CPU], measure };

static TYPED: Figure = Figure {
    name: "reader-load-vs-kiwi-cache",
    what: "a reader loads 1M typed values: how many times as fast as kiwi-cache",
    unit: "x",
    target: Target::AtLeast(5.0),
};
static UNTYPED: Figure = Figure {
    name: "reader-load-untyped-vs-kiwi-cache",
    what: "a reader loads 1M values as JSON text (`Cache<str>`): how many times as fast as kiwi-cache, which parses them",
    unit: "x",
    target: Target::AtLeast(12.0),
};
static REDIS_CPU: Figure = Figure {
    name: "reader-load-redis-cpu",
    what: "the same: processor time of Redis for one whole load, its connections included",
    unit: "s",
    target: Target::AtMost(0.03),
};

fn measure(setup: &Setup) -> Result<Vec<Measured>> {
    let server = Server::start();
    let url = server.url();
    Refiller::new(setup, &url, By::Component, Source::of(setup.entries()))?.refill(Expected::Published)?;
    let mut kiwi_cache = KiwiCache::start(setup, &server, setup.entries())?;
    kiwi_cache.refill()?;
    let [mut typed, mut untyped, mut theirs, mut redis, mut redis_of_typed] =
        std::array::from_fn(|_| Series::default());
    for _ in 0..setup.runs() {
        let before = server.processor_seconds()?;
        typed.push_time(load::<Airline>(setup, &url)?);
        let between = server.processor_seconds()?;
        untyped.push_time(load::<str>(setup, &url)?);
        redis.push(server.processor_seconds()? - between);
        redis_of_typed.push(between - before);
        theirs.push_time(kiwi_cache.load()?);
    }
    Ok(vec![
        TYPED.measured(theirs.over(&typed))?.with("ours_s", &typed).with("kiwi_cache_s", &theirs),
        UNTYPED.measured(theirs.over(&untyped))?.with("ours_s", &untyped).with("kiwi_cache_s", &theirs),
        REDIS_CPU.measured(redis)?.with("of_a_typed_load_s", &redis_of_typed),
    ])
}

/// The time of a whole load.
fn load<V: Value + ?Sized>(setup: &Setup, url: &str) -> Result<Duration> {
    let started = Instant::now();
    let cache: Cache<V> = setup.runtime.block_on(Cache::connect(url, CACHE))?;
    let took = started.elapsed();
    drop(cache);
    Ok(took)
}
