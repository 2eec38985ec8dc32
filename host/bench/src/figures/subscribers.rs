//! How long a change of a small map takes to a thousand readers, each with connections of its own.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use kiwi_cache::Cache;
use tokio::task::JoinSet;

use super::group::Group;
use crate::changer::Changer;
use crate::figure::{Figure, Measured, Target};
use crate::map::key;
use crate::refiller::{By, CACHE, Expected, Refiller, Source};
use crate::series::Series;
use crate::server::Server;
use crate::setup::Setup;
use crate::value::Airline;

pub(super) const GROUP: Group = Group { figures: &[&CHANGES], measure };

static CHANGES: Figure = Figure {
    name: "changes-to-1000-subscribers",
    what: "10 keys of a map of 1,000 entries change, and 1,000 readers follow by `push = \"delta\"`, all in one process on the same machine, each with a user, a store, a connection and a subscribing connection of its own: time from the start of the commit until a reader can read the new value, 99th percentile",
    unit: "ms",
    target: Target::AtMost(50.0),
};

const ENTRIES: u32 = 1_000;
const CHANGED: u32 = 10;
/// How many readers connect at a time.
const CONNECT_AT_ONCE: usize = 50;
/// Longer than it takes to connect all readers, or to bring a change to them.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The pause between two changes. A reader waits for as long as its last poll took before it polls again.
const PAUSE: Duration = Duration::from_secs(1);
/// The readers hardly ever poll unless they are told to.
const RELOAD_TTL: Duration = Duration::from_secs(3600);

fn measure(setup: &Setup) -> Result<Vec<Measured>> {
    let count = setup.full_or_quick(1_000, 20);
    let server = Server::start();
    Refiller::new(setup, &server.url(), By::Component, Source::of(ENTRIES))?.refill(Expected::Published)?;
    // A process has one subscribing connection for each user.
    let users = users(&server, count)?;
    let mut hinting = Changer::new(&server.url(), ENTRIES, CHANGED)?;
    let hinted = times(setup, &server, &mut hinting, &users, count)?;
    let mut pushing = hinting.pushing();
    let pushed = times(setup, &server, &mut pushing, &users, count)?;
    let measured = CHANGES.measured(pushed.p99)?.with("median_ms", &pushed.median);
    Ok(vec![measured.with("with_hints_ms", &hinted.p99).with("with_hints_median_ms", &hinted.median)])
}

/// Milliseconds, one value for each change.
#[derive(Default)]
struct Times {
    median: Series,
    /// The 99th percentile of the readers.
    p99: Series,
}

/// Changes the map again and again, with one reader for each of these users.
fn times(setup: &Setup, server: &Server, changer: &mut Changer, users: &[String], subscribers: usize) -> Result<Times> {
    setup.runtime.block_on(async {
        let readers = connect(server, users).await?;
        wait_for_subscribers(server, subscribers).await?;
        let mut times = Times::default();
        for _ in 0..setup.runs() * 2 {
            tokio::time::sleep(setup.full_or_quick(PAUSE, PAUSE / 20)).await;
            let milliseconds = change(changer, &readers).await?;
            times.median.push(milliseconds.median());
            times.p99.push(milliseconds.quantile(0.99));
        }
        Ok(times)
    })
}

/// Makes one change. Returns the milliseconds from the start of its commit until a reader can read it, one for each reader.
async fn change(changer: &mut Changer, readers: &[Cache<Airline>]) -> Result<Series> {
    let next = changer.make();
    let generation = changer.generation();
    let mut waiting = JoinSet::new();
    for reader in readers {
        let (mut changes, reader) = (reader.changes(), reader.clone());
        waiting.spawn(async move {
            changes.changed().await.context("the reader is still there")?;
            // The first entry always changes.
            let read = reader.get(&key(0))?.context("a key of the map")?.generation();
            ensure!(read == generation, "a reader has generation {read} instead of {generation}");
            Ok(Instant::now())
        });
    }
    let (lease, base) = changer.begin().await?;
    let started = Instant::now();
    let (_, committed) = changer.commit(lease, &base, next).await?;
    let mut milliseconds = Series::default();
    while let Some(read) = tokio::time::timeout(TIMEOUT, waiting.join_next()).await? {
        milliseconds.push(read??.duration_since(started).as_secs_f64() * 1e3);
    }
    changer.tidy(committed).await?;
    Ok(milliseconds)
}

/// Makes as many users. A user of Redis as the URL of a store names it: `name:password@`.
fn users(server: &Server, count: usize) -> Result<Vec<String>> {
    let make = |number: usize| {
        let name = format!("reader{number}");
        server.command::<()>(&["ACL", "SETUSER", &name, "on", ">secret", "~*", "&*", "+@all"])?;
        Ok(format!("{name}:secret@"))
    };
    (0..count).map(make).collect()
}

async fn connect(server: &Server, users: &[String]) -> Result<Vec<Cache<Airline>>> {
    let mut readers = Vec::new();
    for users in users.chunks(CONNECT_AT_ONCE) {
        let mut connecting = JoinSet::new();
        for user in users {
            let url = server.url().replace("//", &format!("//{user}"));
            connecting.spawn(Cache::builder(CACHE).store(url).reload_ttl(RELOAD_TTL).connect());
        }
        while let Some(connected) = connecting.join_next().await {
            readers.push(connected??);
        }
    }
    Ok(readers)
}

/// Waits until all readers are subscribed, over as many connections.
async fn wait_for_subscribers(server: &Server, expected: usize) -> Result<()> {
    let started = Instant::now();
    loop {
        let (_, subscribers): (String, usize) =
            server.command(&["PUBSUB", "NUMSUB", &format!("kiwi:{CACHE}:changed")])?;
        if subscribers == expected {
            return Ok(());
        }
        ensure!(started.elapsed() < TIMEOUT, "{subscribers} connections are subscribed instead of {expected}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
