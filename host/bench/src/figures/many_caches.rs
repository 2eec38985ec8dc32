//! A host with a thousand caches that are due every second: its lag and its processor time.

use std::collections::HashMap;
use std::fmt::Write;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::group::Group;
use crate::figure::{Figure, Measured, Target};
use crate::process::{Service, processor_time};
use crate::series::Series;
use crate::server::Server;
use crate::setup::{Setup, text};

pub(super) const GROUP: Group = Group { figures: &[&LAG, &CPU, &REDIS_CPU], measure };

static LAG: Figure = Figure {
    name: "many-caches-lag",
    what: "1,000 caches of 10 entries that all change every second: 99th percentile of how late a commit is, from 5 s after the start",
    unit: "ms",
    target: Target::AtMost(50.0),
};
static CPU: Figure = Figure {
    name: "many-caches-cpu",
    what: "the same: processor time of the host (100 % is one core)",
    unit: "%",
    target: Target::None,
};
static REDIS_CPU: Figure = Figure {
    name: "many-caches-redis-cpu",
    what: "the same: processor time of Redis for each refill, the announcement to one subscriber included",
    unit: "µs",
    target: Target::None,
};

const INTERVAL: Duration = Duration::from_secs(1);
/// How long a host may take to publish all caches for the first time.
const START_TIMEOUT: Duration = Duration::from_secs(120);
/// After the start all caches are due at once, so measuring begins later.
const WARM_UP: Duration = Duration::from_secs(5);
/// How long to wait for the next commit.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(20);

fn measure(setup: &Setup) -> Result<Vec<Measured>> {
    let [mut lag, mut host, mut redis, mut redis_of_one, mut median] = std::array::from_fn(|_| Series::default());
    for _ in 0..setup.full_or_quick(3, 1) {
        let run = run(setup)?;
        lag.push(run.lags.quantile(0.99));
        median.push(run.lags.median());
        host.push(run.host);
        redis.push(run.redis);
        redis_of_one.push(run.redis_of_one);
    }
    Ok(vec![
        LAG.measured(lag)?.with("median_ms", &median),
        CPU.measured(host)?.with("redis_percent", &redis),
        REDIS_CPU.measured(redis_of_one)?,
    ])
}

/// The result of one run.
struct Run {
    /// In milliseconds.
    lags: Series,
    /// Processor time, in percent of the time that passed.
    host: f64,
    redis: f64,
    /// Redis' processor time for each refill, in microseconds.
    redis_of_one: f64,
}

fn run(setup: &Setup) -> Result<Run> {
    let server = Server::start();
    let caches = setup.full_or_quick(1000, 10);
    let client = redis::Client::open(server.url())?;
    let mut connection = client.get_connection()?;
    connection.set_read_timeout(Some(COMMIT_TIMEOUT))?;
    let mut commits = connection.as_pubsub();
    commits.psubscribe("kiwi:*:changed")?;
    let mut host = start(setup, &server, caches)?;

    let warm_up = setup.full_or_quick(WARM_UP, Duration::ZERO);
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
        ensure!(
            started.elapsed() < START_TIMEOUT,
            "{} of {caches} caches are published after {START_TIMEOUT:?}",
            last.len()
        );
    }
    let (began, host_before, redis_before) = (Instant::now(), processor_time(host.id())?, server.processor_seconds()?);
    let time = setup.full_or_quick(Duration::from_secs(20), Duration::from_secs(3));
    let mut lags = Series::default();
    while began.elapsed() < time {
        let message = commits.get_message()?;
        let now = Instant::now();
        if let Some(before) = last.insert(message.get_channel_name().to_owned(), now) {
            // A commit is due one interval after the previous one.
            lags.push((now.duration_since(before).as_secs_f64() - INTERVAL.as_secs_f64()) * 1e3);
        }
    }
    let percent = |worked: f64| worked / began.elapsed().as_secs_f64() * 100.0;
    let host_time = processor_time(host.id())?.saturating_sub(host_before).as_secs_f64();
    let redis_time = server.processor_seconds()? - redis_before;
    let seconds = time.as_secs() as usize;
    ensure!(lags.len() >= caches * (seconds - 1) / 2, "{} commits of {caches} caches in {seconds} s", lags.len());
    let redis_of_one = redis_time / lags.len() as f64 * 1e6;
    Ok(Run { lags, host: percent(host_time), redis: percent(redis_time), redis_of_one })
}

fn start(setup: &Setup, server: &Server, caches: usize) -> Result<Service> {
    let directory = setup.directory("many")?;
    let config = directory.join("kiwi.toml");
    let mut text_of_config = format!("[defaults]\nreload_ttl = \"{}s\"\n", INTERVAL.as_secs());
    for cache in 0..caches {
        write!(text_of_config, "[cache.c{cache:04}]\nplugin = {:?}\n", text(&setup.programs.guest)?)?;
    }
    fs::write(&config, text_of_config)?;
    let mut command = Command::new(&setup.programs.kiwi_host);
    command.args(["run", "--config", text(&config)?, "--store", &server.url()]);
    command.env("XDG_CACHE_HOME", setup.compile_cache());
    Service::start(&mut command, directory.join("log"))
}
