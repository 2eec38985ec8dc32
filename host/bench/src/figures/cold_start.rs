//! A host with many plugins that were compiled before: from its start to its end with `--once`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::Group;
use crate::desk::{Desk, text};
use crate::figure::{Figure, Measured, Target};
use crate::series::Series;
use crate::server::Server;

pub(super) const GROUP: Group = Group { figures: &[&COLD_START], measure };

static COLD_START: Figure = Figure {
    name: "cold-start-100",
    what: "`kiwi-host run --once` with 100 Rust plugins, compiled before: to the last refill, and its end",
    unit: "s",
    target: Target::AtMost(1.5),
};

fn measure(desk: &Desk) -> Result<Vec<Measured>> {
    let directory = desk.directory("plugins")?;
    let plugins = copies(&desk.places.guest, &directory, desk.whole_or_quick(100, 3))?;
    let server = Server::start();
    let compiling = run(desk, &server, &directory, &plugins)?;
    let mut seconds = Series::default();
    for _ in 0..desk.runs() {
        server.flush()?;
        seconds.push_time(run(desk, &server, &directory, &plugins)?);
    }
    let compiling = Series::from(vec![compiling.as_secs_f64()]);
    Ok(vec![COLD_START.came_to(seconds)?.with("with_compiling_s", &compiling)])
}

fn run(desk: &Desk, server: &Server, directory: &Path, plugins: &[PathBuf]) -> Result<Duration> {
    let mut command = Command::new(&desk.places.kiwi_host);
    command.current_dir(directory).args(["run", "--once", "--store", &server.url()]).args(plugins);
    command.env("XDG_CACHE_HOME", text(directory)?).stdout(Stdio::null()).stderr(Stdio::null());
    let started = Instant::now();
    let status = command.status()?;
    let took = started.elapsed();
    ensure!(status.success(), "kiwi-host run --once failed ({status})");
    let caches: Vec<String> = server.command(&["KEYS", "kiwi:*:meta"])?;
    ensure!(caches.len() == plugins.len(), "{} of {} caches are published", caches.len(), plugins.len());
    Ok(took)
}

/// Components that do the same and are not the same: each has a custom section of its own.
fn copies(component: &Path, directory: &Path, count: usize) -> Result<Vec<PathBuf>> {
    let bytes = fs::read(component)?;
    let copy = |number: usize| {
        let path = directory.join(format!("plugin-{number:03}.wasm"));
        let name = format!("copy-{number:03}");
        // A custom section: its id 0, its size, the size of its name, its name, and nothing in it.
        let section = [&[0, name.len() as u8 + 1, name.len() as u8], name.as_bytes()].concat();
        fs::write(&path, [&bytes[..], &section[..]].concat())?;
        Ok(path)
    };
    (0..count).map(copy).collect()
}
