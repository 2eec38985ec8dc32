//! The memory of a process that holds a large map as JSON text.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::group::Group;
use crate::figure::{Figure, Measured, Target};
use crate::process::{Peer, memory, peak_memory};
use crate::refiller::{By, CACHE, Expected, META, Refiller, Source};
use crate::series::Series;
use crate::server::Server;
use crate::setup::Setup;

pub(super) const GROUP: Group = Group { figures: &[&READER_MEMORY], measure };

static READER_MEMORY: Figure = Figure {
    name: "reader-memory-untyped",
    what: "resident memory of a whole process that holds 1M values as JSON text (`Cache<str>`), a second after its load, compared with the bytes of all keys and values",
    unit: "x",
    target: Target::AtMost(1.4),
};

fn measure(setup: &Setup) -> Result<Vec<Measured>> {
    let server = Server::start();
    Refiller::new(setup, &server.url(), By::Component, Source::of(setup.entries()))?.refill(Expected::Published)?;
    let json: f64 = server.command(&["HGET", META, "bytes"])?;
    let [mut held, mut empty, mut peak] = std::array::from_fn(|_| Series::default());
    for _ in 0..setup.full_or_quick(3, 1) {
        let mut reader = Peer::start(Command::new(&setup.programs.untyped_reader).args([&server.url(), CACHE]))?;
        // A moment later it waits for its first request.
        std::thread::sleep(Duration::from_millis(100));
        empty.push(memory(reader.id())?);
        let entries = reader.ask_number("load", "entries")?;
        ensure!(entries == f64::from(setup.entries()), "the reader holds {entries} entries");
        std::thread::sleep(setup.full_or_quick(Duration::from_secs(1), Duration::ZERO));
        held.push(memory(reader.id())?);
        peak.push(peak_memory(reader.id())?);
    }
    let megabytes = |bytes: &Series| bytes.map(|bytes| bytes / 1e6);
    let measured = READER_MEMORY.measured(held.map(|held| held / json))?.with("held_mb", &megabytes(&held));
    let measured = measured.with("json_mb", &megabytes(&Series::from(vec![json])));
    Ok(vec![measured.with("before_the_load_mb", &megabytes(&empty)).with("peak_mb", &megabytes(&peak))])
}
