//! A read from Redis by `RemoteCache`, compared with a plain HGET by redis-rs on one connection.

use std::time::Instant;

use anyhow::{Context, Result};
use kiwi_cache::RemoteCache;
use redis::AsyncCommands;
use tokio::task::JoinSet;

use super::group::Group;
use crate::figure::{Figure, Measured, Target};
use crate::map::key;
use crate::refiller::{By, CACHE, Expected, Refiller, Source};
use crate::series::Series;
use crate::server::Server;
use crate::setup::Setup;
use crate::value::Airline;

pub(super) const GROUP: Group = Group { figures: &[&REMOTE_READ], measure };

static REMOTE_READ: Figure = Figure {
    name: "remote-get-vs-redis-rs",
    what: "`RemoteCache::get` by 32 tasks: throughput, compared with HGET by redis-rs and serde_json",
    unit: "x",
    target: Target::AtLeast(0.95),
};

const TASKS: u32 = 32;
const ENTRIES: u32 = 100_000;

fn measure(setup: &Setup) -> Result<Vec<Measured>> {
    let server = Server::start();
    let entries = setup.full_or_quick(ENTRIES, 1_000);
    Refiller::new(setup, &server.url(), By::Component, Source::of(entries))?.refill(Expected::Published)?;
    let reads = setup.full_or_quick(200_000, 1_000);
    let ours: &RemoteCache<Airline> = Box::leak(Box::new(RemoteCache::open(server.url().as_str(), CACHE)?));
    let client = redis::Client::open(server.url())?;
    let theirs = setup.runtime.block_on(client.get_multiplexed_async_connection())?;
    let data = format!("kiwi:{{{CACHE}}}");

    let [mut our_rate, mut their_rate] = std::array::from_fn(|_| Series::default());
    // More runs than elsewhere: each is short, and they vary by 10 %.
    for _ in 0..setup.runs() * 5 {
        let connection = theirs.clone();
        let data = data.clone();
        their_rate.push(setup.runtime.block_on(rate(reads, entries, move |key| {
            let (mut connection, data) = (connection.clone(), data.clone());
            async move {
                let json: Vec<u8> = connection.hget(data, &key).await?;
                Ok(serde_json::from_slice::<Airline>(&json)?)
            }
        }))?);
        our_rate.push(setup.runtime.block_on(rate(reads, entries, move |key| async move {
            ours.get(&key).await?.context("a key of the map")
        }))?);
    }
    let measured = REMOTE_READ.measured(our_rate.over(&their_rate))?;
    Ok(vec![measured.with("ours_per_s", &our_rate).with("redis_rs_per_s", &their_rate)])
}

/// The reads per second of all tasks together.
async fn rate<F>(reads: u32, entries: u32, read: impl Fn(String) -> F + Clone + Send + 'static) -> Result<f64>
where
    F: Future<Output = Result<Airline>> + Send + 'static,
{
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let read = read.clone();
        tasks.spawn(async move {
            for number in (task..reads).step_by(TASKS as usize) {
                // Consecutive reads are far apart in the map.
                read(key(number.wrapping_mul(2_654_435_761) % entries)).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(f64::from(reads) / started.elapsed().as_secs_f64())
}
