//! What a map takes of Redis' memory, compared with the plain hash alone.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use kiwi_store::Layout;

use super::group::Group;
use crate::figure::{Figure, Measured, Target};
use crate::peers::Pipe;
use crate::refiller::{By, Expected, Refiller, Source};
use crate::series::Series;
use crate::server::Server;
use crate::setup::Setup;

pub(super) const GROUP: Group = Group { figures: &[&VERSION, &VERSION_AND_HASH], measure };

static VERSION: Figure = Figure {
    name: "memory-version",
    what: "memory of Redis (`used_memory`) that 1M entries take with `hash = false`, compared with the plain hash alone, as `redis-cli --pipe` writes it. The values of this map compress very well",
    unit: "x",
    target: Target::AtMost(0.25),
};
static VERSION_AND_HASH: Figure = Figure {
    name: "memory-version-and-hash",
    what: "the same in the default layout, a version and the hash",
    unit: "x",
    target: Target::AtMost(1.25),
};

/// Few, because it hardly varies.
const RUNS: usize = 2;
/// How long connections may take to close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

fn measure(setup: &Setup) -> Result<Vec<Measured>> {
    let server = Server::start();
    let pipe = Pipe::prepare(setup, setup.entries())?;
    let refill = |layout| {
        let refiller = Refiller::with_layout(setup, &server.url(), By::Component, Source::of(setup.entries()), layout)?;
        refiller.refill(Expected::Published).map(drop)
    };
    let [mut version, mut version_and_hash, mut hash] = std::array::from_fn(|_| Series::default());
    for _ in 0..setup.full_or_quick(RUNS, 1) {
        hash.push(taken(&server, || pipe.run(&server).map(drop))?);
        version.push(taken(&server, || refill(Layout::Version))?);
        version_and_hash.push(taken(&server, || refill(Layout::Hash))?);
    }
    let megabytes = |bytes: &Series| bytes.map(|bytes| bytes / 1e6);
    let measured = |figure: &'static Figure, ours: &Series| {
        let measured = figure.measured(ours.over(&hash))?;
        anyhow::Ok(measured.with("ours_mb", &megabytes(ours)).with("plain_hash_mb", &megabytes(&hash)))
    };
    Ok(vec![measured(&VERSION, &version)?, measured(&VERSION_AND_HASH, &version_and_hash)?])
}

/// The bytes that something takes which is written to an empty server. Connections are closed before they are counted,
/// because they have buffers.
fn taken(server: &Server, write: impl FnOnce() -> Result<()>) -> Result<f64> {
    server.flush()?;
    let before = used_memory(server)?;
    write()?;
    Ok(used_memory(server)? - before)
}

fn used_memory(server: &Server) -> Result<f64> {
    let started = Instant::now();
    while server.clients()? > 1.0 {
        ensure!(started.elapsed() < CLOSE_TIMEOUT, "a client is still connected after {CLOSE_TIMEOUT:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
    server.used_memory()
}
