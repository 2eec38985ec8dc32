//! The time of a refill by how much of the map has changed since the one before.

use std::path::Path;

use anyhow::Result;
use plotters::prelude::SeriesLabelPosition;

use super::drawing::{self, Frame, Line, decades};
use super::plot::Plot;
use crate::peers::{KiwiCache, Pipe};
use crate::refiller::{By, Expected, Refiller, Source};
use crate::series::Series;
use crate::server::Server;
use crate::setup::Setup;

pub(super) const PLOT: Plot = Plot { name: "refill-by-change", title: TITLE, draw };
const TITLE: &str = "A refill of 1M entries, by how much of the map has changed";

/// The factor by which the axis extends above the highest line, for the legend.
const LEGEND_ROOM: f64 = 3.0;
const PERCENTS: &[f64] = &[0.0, 0.1, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 60.0, 80.0, 100.0];

fn draw(setup: &Setup, file: &Path) -> Result<()> {
    let server = Server::start();
    let ours = setup.full_or_quick(PERCENTS, &[0.0, 100.0]).iter();
    let ours = ours.map(|&percent| Ok((percent, changed(setup, &server, percent)?))).collect::<Result<Vec<_>>>()?;
    server.flush()?;
    let pipe = Pipe::prepare(setup, setup.entries())?.run(&server)?.as_secs_f64();
    server.flush()?;
    let kiwi_cache = KiwiCache::start(setup, &server, setup.entries())?.refill()?.0.as_secs_f64();
    let lines = [
        Line { name: "kiwi-host, a component", points: ours },
        Line { name: "redis-cli --pipe of the whole map", points: vec![(0.0, pipe), (100.0, pipe)] },
        Line { name: "kiwi-cache (Python)", points: vec![(0.0, kiwi_cache), (100.0, kiwi_cache)] },
    ];
    let frame = Frame {
        title: TITLE,
        x: 0.0..100.0,
        x_name: "entries changed since the last refill",
        x_label: |percent| format!("{percent:.0} %"),
        y_name: "time",
        y_label: drawing::seconds,
        names: SeriesLabelPosition::UpperRight,
    };
    drawing::draw(file, frame, decades(&lines, |point| point.1, LEGEND_ROOM), &lines)
}

/// The seconds of a refill that finds this percentage of entries changed.
fn changed(setup: &Setup, server: &Server, percent: f64) -> Result<f64> {
    server.flush()?;
    let source = Source { entries: setup.entries(), changed: percent, marked: false };
    let mut refiller = Refiller::new(setup, &server.url(), By::Component, source)?;
    refiller.refill(Expected::Published)?;
    let mut times = Series::default();
    for _ in 0..setup.full_or_quick(3, 1) {
        refiller.change()?;
        let expected = if percent > 0.0 { Expected::Published } else { Expected::Unchanged };
        times.push_time(refiller.refill(expected)?);
    }
    Ok(times.median())
}
