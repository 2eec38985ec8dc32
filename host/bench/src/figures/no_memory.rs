//! A refill by a host that has just been started, compared with one that remembers what is published.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::group::Group;
use crate::figure::{Figure, Measured, Target};
use crate::refiller::{By, Expected, META, Refiller, Source};
use crate::series::Series;
use crate::server::Server;
use crate::setup::Setup;

pub(super) const GROUP: Group = Group { figures: &[&NO_MEMORY], measure };

static NO_MEMORY: Figure = Figure {
    name: "no-memory-vs-remembering",
    what: "refill of a map of 1M entries of which 1 % has changed, by a host that was just started and reads the published map to compare with: time, compared with a host that remembers it",
    unit: "x",
    target: Target::AtMost(1.3),
};

fn measure(setup: &Setup) -> Result<Vec<Measured>> {
    let server = Server::start();
    let source = Source { entries: setup.entries(), changed: 1.0, marked: false };
    let start = || Refiller::new(setup, &server.url(), By::Component, source);
    let mut remembering = start()?;
    remembering.refill(Expected::Published)?;
    let [mut without_memory, mut with_memory] = std::array::from_fn(|_| Series::default());
    for _ in 0..setup.runs() {
        // What the other host has published, it does not remember: this refill is not measured.
        remembering.change()?;
        remembering.refill(Expected::Published)?;

        let next = remembering.change()? + 1;
        with_memory.push_time(refill_by_delta(&server, &remembering)?);

        let mut started = start()?;
        started.change_to(next)?;
        without_memory.push_time(refill_by_delta(&server, &started)?);
        remembering.change_to(next)?;
    }
    let measured = NO_MEMORY.measured(without_memory.over(&with_memory))?;
    Ok(vec![measured.with("without_memory_s", &without_memory).with("remembering_s", &with_memory)])
}

/// Refills, and checks that only what has changed was written: otherwise the version would be another one.
fn refill_by_delta(server: &Server, refiller: &Refiller) -> Result<Duration> {
    let published = || -> Result<(String, String)> { server.command(&["HMGET", META, "version", "id"]) };
    let (version, id) = published()?;
    let took = refiller.refill(Expected::Published)?;
    let (version_now, id_now) = published()?;
    ensure!(id_now != id && version_now == version, "a whole map was published instead of a delta");
    Ok(took)
}
