//! A reader that starts with a copy on disk, while the store is away.

use std::time::Instant;

use anyhow::{Result, ensure};
use kiwi_cache::{Cache, State};

use super::group::Group;
use crate::figure::{Figure, Measured, Target};
use crate::refiller::{By, CACHE, Expected, Refiller, Source};
use crate::series::Series;
use crate::server::Server;
use crate::setup::Setup;

pub(super) const GROUP: Group = Group { figures: &[&START], measure };

static START: Figure = Figure {
    name: "copy-start",
    what: "a reader starts with a copy on disk of 1M values as JSON text (`Cache<str>`), which is proved, while Redis is down: time of `connect`",
    unit: "ms",
    target: Target::AtMost(100.0),
};

fn measure(setup: &Setup) -> Result<Vec<Measured>> {
    let server = Server::start();
    let url = server.url();
    Refiller::new(setup, &url, By::Component, Source::of(setup.entries()))?.refill(Expected::Published)?;
    let dir = tempfile::tempdir()?;
    let start = || -> Result<Cache<str>> {
        let builder = Cache::<str>::builder(CACHE).store(url.as_str()).copy_dir(dir.path());
        Ok(setup.runtime.block_on(builder.connect())?)
    };
    let started = Instant::now();
    drop(start()?);
    let mut written = Series::default();
    written.push(started.elapsed().as_secs_f64() * 1e3);
    drop(server);
    let mut series = Series::default();
    for _ in 0..setup.full_or_quick(7, 2) {
        let started = Instant::now();
        let cache = start()?;
        series.push(started.elapsed().as_secs_f64() * 1e3);
        ensure!(cache.state() == State::Stale && cache.len()? == setup.entries() as usize, "it is another map");
    }
    Ok(vec![START.measured(series)?.with("load_and_write_ms", &written)])
}
