//! The most memory the `kiwi-host` command ever has, with a large map.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::Group;
use crate::desk::{Desk, text};
use crate::figure::{Figure, Measured, Target};
use crate::process::{Service, peak_memory};
use crate::refiller::CACHE;
use crate::series::Series;
use crate::server::Server;

pub(super) const GROUP: Group = Group { figures: &[&PEAK_MEMORY], measure };

static PEAK_MEMORY: Figure = Figure {
    name: "peak-memory",
    what: "peak memory of `kiwi-host run` over a full, a 1 % and an unchanged refill of 1M: against 100 MB + 16 B an entry",
    unit: "x",
    target: Target::AtMost(1.0),
};

/// Longer than any refill takes.
const PATIENCE: Duration = Duration::from_secs(300);

fn measure(desk: &Desk) -> Result<Vec<Measured>> {
    let allowed = 100e6 + 16.0 * f64::from(desk.entries());
    let mut peaks = Series::default();
    for _ in 0..desk.runs() {
        peaks.push(peak(desk)?);
    }
    let megabytes = peaks.map(|peak| peak / 1e6);
    Ok(vec![PEAK_MEMORY.came_to(peaks.map(|peak| peak / allowed))?.with("peak_mb", &megabytes)])
}

fn peak(desk: &Desk) -> Result<f64> {
    let server = Server::start();
    let directory = desk.directory("memory")?;
    fs::create_dir(directory.join("source"))?;
    let generation = directory.join("source/generation");
    fs::write(&generation, "0")?;
    let config = directory.join("kiwi.toml");
    let (guest, entries) = (text(&desk.places.guest)?, desk.entries());
    fs::write(
        &config,
        format!(
            "[cache.{CACHE}]\nplugin = {guest:?}\nreload_ttl = \"1s\"\nlimits = {{ load_timeout = \"5m\" }}\n\
             settings = {{ entries = {entries}, changed = 1, generation = \"source/generation\" }}\n\
             grants = {{ dirs = [\"source\"] }}\n"
        ),
    )?;
    let mut command = Command::new(&desk.places.kiwi_host);
    command.args(["run", "--config", text(&config)?, "--store", &server.url()]);
    command.env("XDG_CACHE_HOME", desk.compiled());
    let mut host = Service::start(&mut command, directory.join("log"))?;
    wait_for(&server, &mut host, "seq", 1.0)?;
    fs::write(&generation, "1")?;
    wait_for(&server, &mut host, "seq", 2.0)?;
    // The next that is checked is unchanged.
    let checked_at = meta(&server, "checked_at")?.unwrap_or_default();
    wait_for(&server, &mut host, "checked_at", checked_at + 1.0)?;
    peak_memory(host.id())
}

/// Waits until a number of what is published has come so far.
fn wait_for(server: &Server, host: &mut Service, field: &str, number: f64) -> Result<()> {
    let started = Instant::now();
    while meta(server, field)?.is_none_or(|now| now < number) {
        host.check()?;
        if started.elapsed() > PATIENCE {
            bail!("kiwi-host has not published in {PATIENCE:?}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn meta(server: &Server, field: &str) -> Result<Option<f64>> {
    server.command(&["HGET", &format!("kiwi:{{{CACHE}}}:meta"), field])
}
