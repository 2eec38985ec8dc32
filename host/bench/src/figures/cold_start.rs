//! The time of `kiwi-host run --once` with many plugins that are already compiled.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::group::Group;
use crate::figure::{Figure, Measured, Target};
use crate::series::Series;
use crate::server::Server;
use crate::setup::{Setup, text};

pub(super) const GROUP: Group = Group { figures: &[&COLD_START], measure };

static COLD_START: Figure = Figure {
    name: "cold-start-100",
    what: "`kiwi-host run --once` with 100 Rust plugins that are already compiled: from start to exit",
    unit: "s",
    target: Target::AtMost(1.5),
};

fn measure(setup: &Setup) -> Result<Vec<Measured>> {
    let directory = setup.directory("plugins")?;
    let plugins = copies(&setup.programs.guest, &directory, setup.full_or_quick(100, 3))?;
    let server = Server::start();
    let compiling = run(setup, &server, &directory, &plugins)?;
    let mut seconds = Series::default();
    for _ in 0..setup.runs() {
        server.flush()?;
        seconds.push_time(run(setup, &server, &directory, &plugins)?);
    }
    let compiling = Series::from(vec![compiling.as_secs_f64()]);
    Ok(vec![COLD_START.measured(seconds)?.with("with_compiling_s", &compiling)])
}

fn run(setup: &Setup, server: &Server, directory: &Path, plugins: &[PathBuf]) -> Result<Duration> {
    let mut command = Command::new(&setup.programs.kiwi_host);
    command.current_dir(directory).args(["run", "--once", "--store", &server.url()]).args(plugins);
    command.env("XDG_CACHE_HOME", text(directory)?).stdout(Stdio::null()).stderr(Stdio::null());
    let started = Instant::now();
    let status = command.status()?;
    let took = started.elapsed();
    ensure!(status.success(), "kiwi-host run --once failed ({status})");
    let caches: Vec<String> = server.command(&["KEYS", "kiwi:*:meta"])?;
    ensure!(caches.len() == plugins.len(), "only {} of {} caches were published", caches.len(), plugins.len());
    Ok(took)
}

/// Copies of a component that differ, so that each is compiled: each gets another custom section.
fn copies(component: &Path, directory: &Path, count: usize) -> Result<Vec<PathBuf>> {
    let bytes = fs::read(component)?;
    let copy = |number: usize| {
        let path = directory.join(format!("plugin-{number:03}.wasm"));
        let name = format!("copy-{number:03}");
        // An empty custom section: id 0, its size, the size of its name, its name.
        let section = [&[0, name.len() as u8 + 1, name.len() as u8], name.as_bytes()].concat();
        fs::write(&path, [&bytes[..], &section[..]].concat())?;
        Ok(path)
    };
    (0..count).map(copy).collect()
}
