//! What it was measured on, and with what.

use std::fs;
use std::process::Command;

use anyhow::Result;

use crate::desk::{Desk, repository};

/// Lines for people: what, and which.
pub(crate) fn describe(desk: &Desk) -> Result<Vec<(&'static str, String)>> {
    let cores = std::thread::available_parallelism()?;
    let python = desk.places.python.to_string_lossy().into_owned();
    let kiwi_cache = "import importlib.metadata as m; print(m.version('kiwi-cache'))";
    Ok(vec![
        ("processor", format!("{}, {cores} cores", field("/proc/cpuinfo", "model name"))),
        ("memory", memory()),
        ("system", said("uname", &["-srm"])),
        ("date", said("date", &["-u", "+%Y-%m-%d %H:%M UTC"])),
        ("revision", said("git", &["-C", &repository().to_string_lossy(), "describe", "--always", "--dirty"])),
        ("rustc", said("rustc", &["--version"])),
        ("redis-server", said("redis-server", &["--version"])),
        ("wasmtime", locked("wasmtime")?),
        ("redis-rs", locked("redis")?),
        ("kiwi-cache", said(&python, &["-c", kiwi_cache])),
        ("Python", said(&python, &["--version"])),
    ])
}

/// The first field of this name in a file of Linux.
fn field(file: &str, name: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':'));
    value.map_or("unknown".to_owned(), |value| value.trim().to_owned())
}

fn memory() -> String {
    let kilobytes = field("/proc/meminfo", "MemTotal").trim_end_matches(" kB").parse::<f64>();
    kilobytes.map_or("unknown".to_owned(), |kilobytes| format!("{:.0} GiB", kilobytes / 1024.0 / 1024.0))
}

/// The first line that a program says, or that it does not.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().next().filter(|line| !line.is_empty()).unwrap_or("unknown").to_owned()
}

/// The version of a crate in Cargo.lock.
fn locked(name: &str) -> Result<String> {
    let lock = fs::read_to_string(repository().join("Cargo.lock"))?;
    let package = format!("name = \"{name}\"\nversion = \"");
    let version = lock.split(&package).nth(1).and_then(|rest| rest.split('"').next());
    Ok(version.unwrap_or("unknown").to_owned())
}
