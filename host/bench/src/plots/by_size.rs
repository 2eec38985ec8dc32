//! The time of a full refill by the size of the map: ours, `redis-cli --pipe`, kiwi-cache.

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

pub(super) const PLOT: Plot = Plot { name: "refill-by-size", title: TITLE, draw };
const TITLE: &str = "A full refill, by the size of the map";

const SIZES: &[u32] = &[1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000];
/// From this size on, one run is enough.
const LARGE: u32 = 1_000_000;

fn draw(setup: &Setup, file: &Path) -> Result<()> {
    let sizes = setup.full_or_quick(SIZES, &[100, 1_000]);
    let mut lines = ["kiwi-host, a component", "redis-cli --pipe, HSET x 500", "kiwi-cache (Python)"]
        .map(|name| Line { name, points: Vec::new() });
    for &entries in sizes {
        let times = times(setup, entries)?;
        for (line, time) in lines.iter_mut().zip(times) {
            line.points.push((f64::from(entries), time));
        }
    }
    let frame = Frame {
        title: TITLE,
        x: decades(&lines, |point| point.0, 1.0),
        x_name: "entries (16-byte keys, 101-byte values)",
        x_label: count,
        y_name: "time",
        y_label: drawing::seconds,
        names: SeriesLabelPosition::UpperLeft,
    };
    drawing::draw(file, frame, decades(&lines, |point| point.1, 1.0), &lines)
}

/// The seconds of kiwi-host, the pipe and kiwi-cache.
fn times(setup: &Setup, entries: u32) -> Result<[f64; 3]> {
    let server = Server::start();
    let ours = Refiller::new(setup, &server.url(), By::Component, Source::of(entries))?;
    let pipe = Pipe::prepare(setup, entries)?;
    let mut kiwi_cache = KiwiCache::start(setup, &server, entries)?;
    let mut times = [Series::default(), Series::default(), Series::default()];
    for _ in 0..if entries < LARGE { setup.runs() } else { 1 } {
        server.flush()?;
        times[1].push_time(pipe.run(&server)?);
        server.flush()?;
        times[0].push_time(ours.refill(Expected::Published)?);
        server.flush()?;
        times[2].push_time(kiwi_cache.refill()?.0);
    }
    Ok(times.map(|times| times.median()))
}

fn count(entries: &f64) -> String {
    match *entries {
        n if n >= 999_999.0 => format!("{:.0}M", n / 1e6),
        n if n >= 999.0 => format!("{:.0}k", n / 1e3),
        n => format!("{n:.0}"),
    }
}
