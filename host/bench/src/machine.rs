//! The machine and the versions that were measured.

use std::fs;
use std::process::Command;

use anyhow::Result;

use crate::setup::{Setup, repository};

/// Rows of a table: a name and its value.
pub(crate) fn describe(setup: &Setup) -> Result<Vec<(&'static str, String)>> {
    let cores = std::thread::available_parallelism()?;
    let python = setup.programs.python.to_string_lossy().into_owned();
    let kiwi_cache = "import importlib.metadata as m; print(m.version('kiwi-cache'))";
    Ok(vec![
        ("processor", format!("{}, {cores} cores", field("/proc/cpuinfo", "model name"))),
        ("memory", memory()),
        ("system", first_line_of("uname", &["-srm"])),
        ("date", first_line_of("date", &["-u", "+%Y-%m-%d %H:%M UTC"])),
        ("revision", first_line_of("git", &["-C", &repository().to_string_lossy(), "describe", "--always", "--dirty"])),
        ("build", build().to_owned()),
        ("rustc", first_line_of("rustc", &["--version"])),
        ("redis-server", first_line_of("redis-server", &["--version"])),
        ("wasmtime", locked("wasmtime")?),
        ("redis-rs", locked("redis")?),
        ("kiwi-cache", first_line_of(&python, &["-c", kiwi_cache])),
        ("Python", first_line_of(&python, &["--version"])),
    ])
}

/// The kiwi-host command is built with the same profile and allocator as this program.
fn build() -> &'static str {
    if cfg!(debug_assertions) { "dev profile, mimalloc" } else { "release profile, mimalloc" }
}

/// The value of a field in a file of Linux' /proc.
fn field(file: &str, name: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':'));
    value.map_or("unknown".to_owned(), |value| value.trim().to_owned())
}

fn memory() -> String {
    let kilobytes = field("/proc/meminfo", "MemTotal").trim_end_matches(" kB").parse::<f64>();
    kilobytes.map_or("unknown".to_owned(), |kilobytes| format!("{:.0} GiB", kilobytes / 1024.0 / 1024.0))
}

/// The first line of a program's output, or `unknown`.
fn first_line_of(program: &str, arguments: &[&str]) -> String {
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
