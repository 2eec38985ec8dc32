//! A commit that changes many keys of a large map: its time, and how long another client of Redis waits.

use std::time::{Duration, Instant};

use anyhow::Result;
use kiwi_store::Committed;

use super::group::Group;
use crate::changer::{Change, Changer};
use crate::figure::{Figure, Measured, Target};
use crate::probe::{longest_wait, longest_wait_when_idle, raise_priority};
use crate::refiller::{By, Expected, Refiller, Source};
use crate::series::Series;
use crate::server::Server;
use crate::setup::Setup;

pub(super) const GROUP: Group = Group { figures: &[&SMALL, &SMALL_STALL, &LARGE, &LARGE_STALL], measure };

static SMALL: Figure = Figure {
    name: "delta-10k",
    what: "a change of 10,000 keys of a map of 1M entries: time of the commit alone (`Publishing::commit` of a prepared delta, which packs and sends it)",
    unit: "ms",
    target: Target::AtMost(3.0),
};
static SMALL_STALL: Figure = Figure {
    name: "delta-10k-stall",
    what: "the same: the longest wait of another client from `begin` until the hash shows the change, less the wait when idle. Without a loader, which does not use Redis",
    unit: "ms",
    target: Target::AtMost(3.0),
};
static LARGE: Figure = Figure {
    name: "delta-100k",
    what: "a change of 100,000 keys of a map of 1M entries: time of the commit alone",
    unit: "ms",
    target: Target::None,
};
static LARGE_STALL: Figure = Figure {
    name: "delta-100k-stall",
    what: "the same: the longest wait of another client from `begin` until the hash shows the change, less the wait when idle",
    unit: "ms",
    target: Target::AtMost(12.0),
};

/// The times of one size, in milliseconds, run by run.
#[derive(Default)]
struct Times {
    commit: Series,
    hash: Series,
    wait: Series,
    idle: Series,
    /// `wait` less `idle`.
    stall: Series,
}

fn measure(setup: &Setup) -> Result<Vec<Measured>> {
    let small = times(setup, setup.full_or_quick(10_000, 1_500))?;
    let large = times(setup, setup.full_or_quick(100_000, 2_500))?;
    Ok(vec![
        SMALL.measured(small.commit)?.with("hash_follows_ms", &small.hash),
        SMALL_STALL.measured(small.stall)?.with("wait_ms", &small.wait).with("idle_ms", &small.idle),
        LARGE.measured(large.commit)?.with("hash_follows_ms", &large.hash),
        LARGE_STALL.measured(large.stall)?.with("wait_ms", &large.wait).with("idle_ms", &large.idle),
    ])
}

fn times(setup: &Setup, keys: u32) -> Result<Times> {
    let server = Server::start();
    raise_priority(&server.pid()?.to_string());
    let source = Source::of(setup.entries());
    Refiller::new(setup, &server.url(), By::Component, source)?.refill(Expected::Published)?;
    let mut changer = Changer::new(&server.url(), setup.entries(), keys)?;
    let mut times = Times::default();
    // More runs than elsewhere, because each is short.
    for _ in 0..setup.runs() * 3 {
        // The commit is timed while no other client is there.
        let change = changer.make();
        let (commit, hash, committed) = publish(setup, &changer, change)?;
        times.commit.push(milliseconds(commit));
        times.hash.push(milliseconds(hash));
        setup.runtime.block_on(changer.tidy(committed))?;

        let change = changer.make();
        let began = Instant::now();
        let (wait, (_, _, committed)) = longest_wait(&server, || publish(setup, &changer, change))?;
        // For as long, because the longest of more waits is longer.
        let idle = longest_wait_when_idle(&server, began.elapsed())?;
        times.idle.push(idle);
        times.wait.push(wait);
        times.stall.push(wait - idle);
        setup.runtime.block_on(changer.tidy(committed))?;
    }
    Ok(times)
}

/// The time of the commit, and the time from then on until the hash shows the change.
fn publish(setup: &Setup, changer: &Changer, change: Change) -> Result<(Duration, Duration, Committed)> {
    setup.runtime.block_on(async {
        let (lease, base) = changer.begin().await?;
        let (commit, committed) = changer.commit(lease, &base, change).await?;
        let hash = changer.bring_hash_along(committed).await?;
        Ok((commit, hash, committed))
    })
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
