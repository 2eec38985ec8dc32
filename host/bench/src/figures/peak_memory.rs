//! The peak memory of the `kiwi-host` command with a large map.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::group::Group;
use crate::figure::{Figure, Measured, Target};
use crate::process::{Service, peak_memory};
use crate::refiller::{CACHE, META};
use crate::series::Series;
use crate::server::Server;
use crate::setup::{Setup, text};

pub(super) const GROUP: Group = Group { figures: &[&PEAK_MEMORY], measure };

static PEAK_MEMORY: Figure = Figure {
    name: "peak-memory",
    what: "peak memory of `kiwi-host run` during a full, a 1 % and an unchanged refill of 1M entries, compared with 100 MB + 16 B an entry",
    unit: "x",
    target: Target::AtMost(1.0),
};

/// Longer than any refill takes.
const REFILL_TIMEOUT: Duration = Duration::from_secs(300);

fn measure(setup: &Setup) -> Result<Vec<Measured>> {
    let allowed = 100e6 + 16.0 * f64::from(setup.entries());
    let mut peaks = Series::default();
    for _ in 0..setup.runs() {
        peaks.push(peak(setup)?);
    }
    let megabytes = peaks.map(|peak| peak / 1e6);
    Ok(vec![PEAK_MEMORY.measured(peaks.map(|peak| peak / allowed))?.with("peak_mb", &megabytes)])
}

fn peak(setup: &Setup) -> Result<f64> {
    let server = Server::start();
    let directory = setup.directory("memory")?;
    fs::create_dir(directory.join("source"))?;
    let generation = directory.join("source/generation");
    fs::write(&generation, "0")?;
    let config = directory.join("kiwi.toml");
    let (guest, entries) = (text(&setup.programs.guest)?, setup.entries());
    fs::write(
        &config,
        format!(
            "[cache.{CACHE}]\nplugin = {guest:?}\nreload_ttl = \"1s\"\nlimits = {{ load_timeout = \"5m\" }}\n\
             settings = {{ entries = {entries}, changed = 1, generation = \"source/generation\" }}\n\
             grants = {{ dirs = [\"source\"] }}\n"
        ),
    )?;
    let mut command = Command::new(&setup.programs.kiwi_host);
    command.args(["run", "--config", text(&config)?, "--store", &server.url()]);
    command.env("XDG_CACHE_HOME", setup.compile_cache());
    let mut host = Service::start(&mut command, directory.join("log"))?;
    wait_for(&server, &mut host, "seq", 1.0)?;
    fs::write(&generation, "1")?;
    wait_for(&server, &mut host, "seq", 2.0)?;
    // The next refill finds nothing changed.
    let checked_at = meta(&server, "checked_at")?.unwrap_or_default();
    wait_for(&server, &mut host, "checked_at", checked_at + 1.0)?;
    peak_memory(host.id())
}

/// Waits until a number in the published metadata reaches a value.
fn wait_for(server: &Server, host: &mut Service, field: &str, number: f64) -> Result<()> {
    let started = Instant::now();
    while meta(server, field)?.is_none_or(|now| now < number) {
        host.check()?;
        if started.elapsed() > REFILL_TIMEOUT {
            bail!("kiwi-host has not published within {REFILL_TIMEOUT:?}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn meta(server: &Server, field: &str) -> Result<Option<f64>> {
    server.command(&["HGET", META, field])
}
