//! A refill of a map of which nothing or little has changed: its time and bytes, compared with a full refill.

use std::time::Duration;

use anyhow::Result;

use super::group::Group;
use crate::figure::{Figure, Measured, Target};
use crate::refiller::{By, Expected, Refiller, Source};
use crate::series::Series;
use crate::server::Server;
use crate::setup::Setup;

pub(super) const GROUP: Group = Group {
    figures: &[&UNCHANGED_BYTES, &UNCHANGED_TIME, &MARK_UNCHANGED, &ONE_PERCENT_BYTES, &ONE_PERCENT_TIME],
    measure,
};

static UNCHANGED_BYTES: Figure = Figure {
    name: "unchanged-refill-bytes",
    what: "refill of an unchanged map of 1M entries: bytes to Redis in addition to the refill protocol's, compared with a full refill",
    unit: "x",
    target: Target::AtMost(0.0),
};
static UNCHANGED_TIME: Figure = Figure {
    name: "unchanged-refill-time",
    what: "the same: time, compared with a full refill",
    unit: "x",
    target: Target::AtMost(0.3),
};
static MARK_UNCHANGED: Figure = Figure {
    name: "mark-unchanged",
    what: "refill of a map of 1M entries whose loader reports `unchanged` by its mark: time",
    unit: "ms",
    target: Target::AtMost(1.0),
};
static ONE_PERCENT_BYTES: Figure = Figure {
    name: "one-percent-bytes",
    what: "refill of a map of 1M entries of which 1 % has changed: bytes to Redis, compared with a full refill",
    unit: "x",
    target: Target::AtMost(0.02),
};
static ONE_PERCENT_TIME: Figure = Figure {
    name: "one-percent-time",
    what: "the same: time, compared with a full refill",
    unit: "x",
    target: Target::AtMost(0.35),
};

/// The most bytes that begin and commit take, with their scripts. Everything beyond that is data.
const MAX_PROTOCOL_BYTES: f64 = 16.0 * 1024.0;

/// The cost of one kind of refill, run by run.
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

fn measure(setup: &Setup) -> Result<Vec<Measured>> {
    let server = Server::start();
    let source = Source { entries: setup.entries(), changed: 1.0, marked: false };
    let mut refiller = Refiller::new(setup, &server.url(), By::Component, source)?;
    let [mut full, mut unchanged, mut one_percent] = std::array::from_fn(|_| Cost::default());
    for _ in 0..setup.runs() {
        server.flush()?;
        full.add(&server, || refiller.refill(Expected::Published))?;
        unchanged.add(&server, || refiller.refill(Expected::Unchanged))?;
        refiller.change()?;
        one_percent.add(&server, || refiller.refill(Expected::Published))?;
    }
    let data = unchanged.bytes.map(|bytes| if bytes <= MAX_PROTOCOL_BYTES { 0.0 } else { bytes });
    Ok(vec![
        UNCHANGED_BYTES
            .measured(data.over(&full.bytes))?
            .with("bytes_of_all", &unchanged.bytes)
            .with("full_bytes", &full.bytes),
        UNCHANGED_TIME
            .measured(unchanged.seconds.over(&full.seconds))?
            .with("unchanged_s", &unchanged.seconds)
            .with("full_s", &full.seconds),
        by_mark(setup, &server)?,
        ONE_PERCENT_BYTES
            .measured(one_percent.bytes.over(&full.bytes))?
            .with("one_percent_bytes", &one_percent.bytes)
            .with("full_bytes", &full.bytes),
        ONE_PERCENT_TIME
            .measured(one_percent.seconds.over(&full.seconds))?
            .with("one_percent_s", &one_percent.seconds)
            .with("full_s", &full.seconds),
    ])
}

/// The source is a file of a few bytes, so its own time does not matter.
fn by_mark(setup: &Setup, server: &Server) -> Result<Measured> {
    server.flush()?;
    let source = Source { entries: setup.entries(), changed: 1.0, marked: true };
    let refiller = Refiller::new(setup, &server.url(), By::Component, source)?;
    refiller.refill(Expected::Published)?;
    let mut milliseconds = Series::default();
    for _ in 0..setup.runs() * 20 {
        milliseconds.push(refiller.refill(Expected::Unchanged)?.as_secs_f64() * 1e3);
    }
    MARK_UNCHANGED.measured(milliseconds)
}
