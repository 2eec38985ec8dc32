//! A refill of which nothing or little has changed: its time and its bytes, against a full one.

use std::time::Duration;

use anyhow::Result;

use super::Group;
use crate::desk::Desk;
use crate::figure::{Figure, Measured, Target};
use crate::refiller::{By, Expected, Refiller, Source};
use crate::series::Series;
use crate::server::Server;

pub(super) const GROUP: Group = Group {
    figures: &[&UNCHANGED_BYTES, &UNCHANGED_TIME, &MARK_UNCHANGED, &ONE_PERCENT_BYTES, &ONE_PERCENT_TIME],
    measure,
};

static UNCHANGED_BYTES: Figure = Figure {
    name: "unchanged-refill-bytes",
    what: "refill of an unchanged 1M map: bytes to Redis beyond those of the refill protocol, against a full refill's",
    unit: "x",
    target: Target::AtMost(0.0),
};
static UNCHANGED_TIME: Figure = Figure {
    name: "unchanged-refill-time",
    what: "the same: its time, against a full refill's",
    unit: "x",
    target: Target::AtMost(0.3),
};
static MARK_UNCHANGED: Figure = Figure {
    name: "mark-unchanged",
    what: "refill of a 1M map whose source says `unchanged` by its mark: time",
    unit: "ms",
    target: Target::AtMost(1.0),
};
static ONE_PERCENT_BYTES: Figure = Figure {
    name: "one-percent-bytes",
    what: "refill of a 1M map of which 1 % has changed: bytes to Redis, against a full refill's",
    unit: "x",
    target: Target::AtMost(0.02),
};
static ONE_PERCENT_TIME: Figure = Figure {
    name: "one-percent-time",
    what: "the same: its time, against a full refill's",
    unit: "x",
    target: Target::AtMost(0.35),
};

/// What begin and commit are at the most, with their scripts: beyond it, it is data.
const PROTOCOL: f64 = 16.0 * 1024.0;

/// What one kind of refill takes, run by run.
#[derive(Default)]
struct Cost {
    seconds: Series,
    bytes: Series,
}

impl Cost {
    fn add(&mut self, server: &Server, refill: impl FnOnce() -> Result<Duration>) -> Result<()> {
        let before = server.received()?;
        self.seconds.push_time(refill()?);
        self.bytes.push(server.received()? - before);
        Ok(())
    }
}

fn measure(desk: &Desk) -> Result<Vec<Measured>> {
    let server = Server::start();
    let source = Source { entries: desk.entries(), changed: 1.0, marked: false };
    let mut refiller = Refiller::new(desk, &server.url(), By::Component, source)?;
    let [mut full, mut unchanged, mut one_percent] = std::array::from_fn(|_| Cost::default());
    for _ in 0..desk.runs() {
        server.flush()?;
        full.add(&server, || refiller.refill(Expected::Published))?;
        unchanged.add(&server, || refiller.refill(Expected::Unchanged))?;
        refiller.change()?;
        one_percent.add(&server, || refiller.refill(Expected::Published))?;
    }
    let data = unchanged.bytes.map(|bytes| if bytes <= PROTOCOL { 0.0 } else { bytes });
    Ok(vec![
        UNCHANGED_BYTES
            .came_to(data.over(&full.bytes))?
            .with("bytes_of_all", &unchanged.bytes)
            .with("full_bytes", &full.bytes),
        UNCHANGED_TIME
            .came_to(unchanged.seconds.over(&full.seconds))?
            .with("unchanged_s", &unchanged.seconds)
            .with("full_s", &full.seconds),
        by_mark(desk, &server)?,
        ONE_PERCENT_BYTES
            .came_to(one_percent.bytes.over(&full.bytes))?
            .with("one_percent_bytes", &one_percent.bytes)
            .with("full_bytes", &full.bytes),
        ONE_PERCENT_TIME
            .came_to(one_percent.seconds.over(&full.seconds))?
            .with("one_percent_s", &one_percent.seconds)
            .with("full_s", &full.seconds),
    ])
}

/// The source is a file of a few bytes: its answer takes nothing that would show.
fn by_mark(desk: &Desk, server: &Server) -> Result<Measured> {
    server.flush()?;
    let source = Source { entries: desk.entries(), changed: 1.0, marked: true };
    let refiller = Refiller::new(desk, &server.url(), By::Component, source)?;
    refiller.refill(Expected::Published)?;
    let mut milliseconds = Series::default();
    for _ in 0..desk.runs() * 20 {
        milliseconds.push(refiller.refill(Expected::Unchanged)?.as_secs_f64() * 1e3);
    }
    MARK_UNCHANGED.came_to(milliseconds)
}
