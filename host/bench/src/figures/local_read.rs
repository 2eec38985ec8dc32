//! A read from memory, compared with the standard library's HashMap, and with moka on two threads.

use std::collections::HashMap;
use std::hint::black_box;
use std::process::Command;
use std::thread;
use std::time::Instant;

use anyhow::Result;
use kiwi_cache::Cache;

use super::group::Group;
use crate::figure::{Figure, Measured, Target};
use crate::order::shuffled_keys;
use crate::process::Peer;
use crate::refiller::{By, CACHE, Expected, Refiller, Source};
use crate::series::Series;
use crate::server::Server;
use crate::setup::Setup;
use crate::value::Airline;

pub(super) const GROUP: Group = Group { figures: &[&VS_HASH_MAP, &VS_MOKA], measure };

static VS_HASH_MAP: Figure = Figure {
    name: "local-get-vs-hashmap",
    what: "`Cache::get` of 1M keys in random order: time, compared with std's HashMap",
    unit: "x",
    target: Target::AtMost(0.9),
};
static VS_MOKA: Figure = Figure {
    name: "local-get-vs-moka",
    what: "the same on 2 threads: how many times as fast as moka",
    unit: "x",
    target: Target::AtLeast(4.0),
};

const THREADS: usize = 2;

fn measure(setup: &Setup) -> Result<Vec<Measured>> {
    let entries = setup.entries();
    let server = Server::start();
    Refiller::new(setup, &server.url(), By::Component, Source::of(entries))?.refill(Expected::Published)?;
    let cache: Cache<Airline> = setup.runtime.block_on(Cache::connect(server.url().as_str(), CACHE))?;
    let keys = shuffled_keys(entries);
    let mut hash_map = HashMap::new();
    // In the order of the map, not in that of the reads: else the allocator would lay its keys out as they are read.
    for (key, value) in &*cache.snapshot()? {
        hash_map.insert(key.to_owned(), value.clone());
    }
    let mut moka = Peer::start(Command::new(&setup.programs.moka).args([entries.to_string(), THREADS.to_string()]))?;

    let ours = |key: &str| cache.get(key).ok().flatten().map_or(0, |airline| airline.made);
    let std = |key: &str| hash_map.get(key).map_or(0, |airline| airline.made);
    let [mut ours_alone, mut std_alone, mut ours_shared, mut moka_shared, mut std_shared] =
        std::array::from_fn(|_| Series::default());
    for run in 0..setup.runs() {
        // In turn: whoever is measured first finds the caches as another map has left them.
        if run % 2 == 0 {
            std_alone.push(nanoseconds(1, &keys, std));
            ours_alone.push(nanoseconds(1, &keys, ours));
        } else {
            ours_alone.push(nanoseconds(1, &keys, ours));
            std_alone.push(nanoseconds(1, &keys, std));
        }
        std_shared.push(nanoseconds(THREADS, &keys, std));
        ours_shared.push(nanoseconds(THREADS, &keys, ours));
        moka_shared.push(moka.ask_number("read", "nanoseconds")?);
    }
    Ok(vec![
        VS_HASH_MAP.measured(ours_alone.over(&std_alone))?.with("ours_ns", &ours_alone).with("hash_map_ns", &std_alone),
        VS_MOKA
            .measured(moka_shared.over(&ours_shared))?
            .with("ours_ns", &ours_shared)
            .with("moka_ns", &moka_shared)
            .with("hash_map_ns", &std_shared),
    ])
}

/// The time of one read. Each thread reads all keys, and each starts at a different key.
fn nanoseconds(threads: usize, keys: &[String], read: impl Fn(&str) -> u32 + Sync) -> f64 {
    let started = Instant::now();
    thread::scope(|scope| {
        for thread in 0..threads {
            let (before, after) = keys.split_at(keys.len() * thread / threads);
            let read = &read;
            scope.spawn(move || {
                let made: u64 = after.iter().chain(before).map(|key| u64::from(read(key))).sum();
                black_box(made)
            });
        }
    });
    started.elapsed().as_nanos() as f64 / keys.len() as f64
}
