//! A host with a thousand caches that are due every second: how late it is, and what it takes.

use std::collections::HashMap;
use std::fmt::Write;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::Group;
use crate::desk::{Desk, text};
use crate::figure::{Figure, Measured, Target};
use crate::process::{Service, processor_time};
use crate::series::Series;
use crate::server::Server;

pub(super) const GROUP: Group = Group { figures: &[&LAG, &CPU], measure };

static LAG: Figure = Figure {
    name: "many-caches-lag",
    what: "1,000 caches with 10 entries, all changed every second: 99 of 100 commits come at most so long after they are due, from 5 s after the start",
    unit: "ms",
    target: Target::AtMost(50.0),
};
static CPU: Figure = Figure {
    name: "many-caches-cpu",
    what: "the same: processor time of the host (100 % is one core)",
    unit: "%",
    target: Target::Stated,
};

const INTERVAL: Duration = Duration::from_secs(1);
/// How long a host may take to publish all for the first time.
const PATIENCE: Duration = Duration::from_secs(120);
/// After a start all are due at once: measured is what comes later.
const WARM_UP: Duration = Duration::from_secs(5);
/// How long nothing at all may be committed.
const SILENCE: Duration = Duration::from_secs(20);

fn measure(desk: &Desk) -> Result<Vec<Measured>> {
    let [mut lag, mut host, mut redis, mut median] = std::array::from_fn(|_| Series::default());
    for _ in 0..desk.whole_or_quick(3, 1) {
        let run = run(desk)?;
        lag.push(run.lags.quantile(0.99));
        median.push(run.lags.median());
        host.push(run.host);
        redis.push(run.redis);
    }
    Ok(vec![LAG.came_to(lag)?.with("median_ms", &median), CPU.came_to(host)?.with("redis_percent", &redis)])
}

/// What one run came to.
struct Run {
    /// In milliseconds.
    lags: Series,
    /// Of the time that passed, how many hundredths the processor worked for them.
    host: f64,
    redis: f64,
}

fn run(desk: &Desk) -> Result<Run> {
    let server = Server::start();
    let caches = desk.whole_or_quick(1000, 10);
    let client = redis::Client::open(server.url())?;
    let mut connection = client.get_connection()?;
    connection.set_read_timeout(Some(SILENCE))?;
    let mut commits = connection.as_pubsub();
    commits.psubscribe("kiwi:*:changed")?;
    let mut host = start(desk, &server, caches)?;

    let warm_up = desk.whole_or_quick(WARM_UP, Duration::ZERO);
    let mut last = HashMap::new();
    let started = Instant::now();
    let mut ready = started;
    while last.len() < caches || ready.elapsed() < warm_up {
        let message = commits.get_message();
        host.check()?;
        if last.len() < caches {
            ready = Instant::now();
        }
        last.insert(message?.get_channel_name().to_owned(), Instant::now());
        ensure!(started.elapsed() < PATIENCE, "{} of {caches} caches are published after {PATIENCE:?}", last.len());
    }
    let redis = server.pid()?;
    let (began, host_before, redis_before) = (Instant::now(), processor_time(host.id())?, processor_time(redis)?);
    let time = desk.whole_or_quick(Duration::from_secs(20), Duration::from_secs(3));
    let mut lags = Series::default();
    while began.elapsed() < time {
        let message = commits.get_message()?;
        let now = Instant::now();
        if let Some(before) = last.insert(message.get_channel_name().to_owned(), now) {
            // Due an interval after the commit before.
            lags.push((now.duration_since(before).as_secs_f64() - INTERVAL.as_secs_f64()) * 1e3);
        }
    }
    let percent = |worked: Duration| worked.as_secs_f64() / began.elapsed().as_secs_f64() * 100.0;
    let host_time = processor_time(host.id())?.saturating_sub(host_before);
    let redis_time = processor_time(redis)?.saturating_sub(redis_before);
    let seconds = time.as_secs() as usize;
    ensure!(lags.len() >= caches * (seconds - 1) / 2, "{} commits of {caches} caches in {seconds} s", lags.len());
    Ok(Run { lags, host: percent(host_time), redis: percent(redis_time) })
}

fn start(desk: &Desk, server: &Server, caches: usize) -> Result<Service> {
    let directory = desk.directory("many")?;
    let config = directory.join("kiwi.toml");
    let mut text_of_config = format!("[defaults]\nreload_ttl = \"{}s\"\n", INTERVAL.as_secs());
    for cache in 0..caches {
        write!(text_of_config, "[cache.c{cache:04}]\nplugin = {:?}\n", text(&desk.places.guest)?)?;
    }
    fs::write(&config, text_of_config)?;
    let mut command = Command::new(&desk.places.kiwi_host);
    command.args(["run", "--config", text(&config)?, "--store", &server.url()]);
    command.env("XDG_CACHE_HOME", desk.compiled());
    Service::start(&mut command, directory.join("log"))
}
