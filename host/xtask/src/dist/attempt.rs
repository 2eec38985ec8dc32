//! `cargo xtask dist --try`: what a user of Python does first, where there is nothing but Python: no compiler, no Rust, no network.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use super::archive::copy;
use crate::cargo::target_dir;
use crate::command::{Run, say};
use crate::{debian, setup, workspace};

/// The release of Debian whose Python is tried.
const DEBIAN: &str = "bookworm";
/// The reader's wheel, which is built and published with the command's.
const READER: &str = "kiwi_cache_reader-";
/// What the issue of this wheel promises, in seconds.
const TARGET: u64 = 60;

const KIWI_TOML: &str = r#"
[cache.airlines]
plugin = "file"
settings = { path = "airlines.csv", key = "iata" }
grants = { files = ["airlines.csv"] }
"#;

/// Installs the wheels of `out` in a new root, publishes a file, and reads one value: in Python if the reader's wheel is there.
pub(super) fn run(out: &Path) -> Result<()> {
    let wheels = wheels(out)?;
    let named = |name: &str| wheels.iter().any(|wheel| wheel.file_name().is_some_and(|file| starts_with(file, name)));
    ensure!(named("kiwi_host-"), "there is no wheel `kiwi-host` in {}: run `cargo xtask dist` first", out.display());
    let has_reader = named(READER);
    setup::redis_server()?;
    let root = root()?;
    let tried = root.join("try");
    if tried.exists() {
        fs::remove_dir_all(&tried).with_context(|| format!("could not empty {}", tried.display()))?;
    }
    for wheel in &wheels {
        copy(wheel, &tried.join("wheels").join(wheel.file_name().context("a wheel has a name")?), 0o644)?;
    }
    copy(&workspace::root().join("examples/data/airlines.csv"), &tried.join("airlines.csv"), 0o644)?;
    fs::write(tried.join("kiwi.toml"), KIWI_TOML).context("could not write kiwi.toml")?;

    let tools = ["cc", "gcc", "clang", "cargo", "rustc"].map(|tool| format!("! command -v {tool}")).join(" && ");
    inside(&root, &tools).run().context("the root has a compiler")?;
    inside(&root, "python3 -m venv /try/venv").run()?;
    let redis = Redis::start()?;
    let (reader, read) = if has_reader {
        let code = format!(
            "from kiwi_cache import Cache; c = Cache.connect('{}', 'airlines'); print(c['FR']['name'])",
            redis.url
        );
        (" kiwi-cache-reader", format!("venv/bin/python -c \"{code}\""))
    } else {
        ("", "venv/bin/python -m kiwi_host get airlines FR".to_owned())
    };
    let commands = format!(
        "cd /try && export KIWI_STORE={} && venv/bin/pip --quiet --disable-pip-version-check install --no-index --find-links wheels \
         kiwi-host{reader} && venv/bin/kiwi-host run --once >&2 && {read}",
        redis.url
    );
    let start = Instant::now();
    let value = inside(&root, &commands).capture()?;
    let took = start.elapsed();
    ensure!(value.contains("Ryanair"), "expected the airline FR, found `{}`", value.trim());
    say(&format!("from `pip install` to {}: {:.1} s (target: {TARGET} s)", value.trim(), took.as_secs_f64()));
    if !has_reader {
        say(&format!("the reader was NOT tried: there is no {READER}*.whl in {}", workspace::shown(out)));
    }
    Ok(())
}

fn starts_with(file: &std::ffi::OsStr, name: &str) -> bool {
    file.to_str().is_some_and(|file| file.starts_with(name))
}

/// The wheels of a directory.
fn wheels(out: &Path) -> Result<Vec<PathBuf>> {
    let failed = || format!("could not read {}: run `cargo xtask dist` first", out.display());
    let mut wheels = Vec::new();
    for file in fs::read_dir(out).with_context(failed)? {
        let path = file.with_context(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "whl") {
            wheels.push(path);
        }
    }
    Ok(wheels)
}

/// An empty Debian with Python, made once.
fn root() -> Result<PathBuf> {
    let root = target_dir()?.join("tools").join(format!("root-{DEBIAN}"));
    if root.join("usr/bin/python3").exists() {
        return Ok(root);
    }
    if !Run::new("test").args(["-w", "/"]).succeeds() {
        bail!("making an empty root, and changing into it, needs root: run `sudo cargo xtask dist --try`");
    }
    if !Run::new("debootstrap").arg("--version").succeeds() {
        debian::install("debootstrap", "debootstrap")?;
    }
    let incomplete = root.with_extension("incomplete");
    if incomplete.exists() {
        fs::remove_dir_all(&incomplete).with_context(|| format!("could not empty {}", incomplete.display()))?;
    }
    Run::new("debootstrap").args(["--variant=minbase", "--include=python3-venv", DEBIAN]).arg(&incomplete).run()?;
    fs::rename(&incomplete, &root).with_context(|| format!("could not move {}", incomplete.display()))?;
    Ok(root)
}

/// A line of shell in the root, with a /proc of its own, as containers have.
fn inside(root: &Path, line: &str) -> Run {
    Run::new("unshare").args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--root"]).arg(root).args([
        "env",
        "-i",
        "PATH=/usr/bin:/bin",
        "HOME=/root",
        "sh",
        "-c",
        line,
    ])
}

/// A redis-server on a free port, outside of the root. Dropping this ends it.
struct Redis {
    server: Child,
    url: String,
}

impl Redis {
    fn start() -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr())?.port().to_string();
        let server = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--port", &port])
            .stdout(Stdio::null())
            .spawn()
            .context("could not start redis-server")?;
        Ok(Self { server, url: format!("redis://127.0.0.1:{port}") })
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
