//! The Python reader in `host/python`: builds its wheel, and runs its tests in an environment for each version of Python.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::cargo::target_dir;
use crate::command::{Run, say};
use crate::{components, host, python, setup, workspace};

/// The interpreters to test with, separated by `:`. By default `python3` alone.
const INTERPRETERS: &str = "KIWI_PYTHONS";

/// The longest that the tests of one version may take, in seconds: they take a few minutes on a busy machine.
const MAX_SECONDS: &str = "1500";

/// What pytest counts.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

/// The command `kiwi-host` that the tests run. `cargo xtask test-python` builds it if this is not set.
const COMMAND: &str = "KIWI_HOST";

/// `cargo xtask test-python`: all that its tests need, and the tests.
pub(crate) fn run() -> Result<()> {
    setup::redis_server()?;
    components::build_plugins()?;
    let command = match std::env::var_os(COMMAND) {
        Some(command) => command.into(),
        None => host::build_command()?,
    };
    let outcome = install()?.test(&command)?;
    if outcome.failed > 0 {
        bail!("{} tests of the Python reader failed", outcome.failed);
    }
    Ok(())
}

/// The virtual environments in which the wheel is installed, each with its version of Python.
pub(crate) struct Installed {
    environments: Vec<(String, PathBuf)>,
}

/// Builds the wheel and installs it in an environment for each version of Python.
pub(crate) fn install() -> Result<Installed> {
    let interpreters = std::env::var(INTERPRETERS).unwrap_or_else(|_| "python3".to_owned());
    let environments: Vec<(String, PathBuf)> =
        interpreters.split(':').filter(|name| !name.is_empty()).map(environment).collect::<Result<_>>()?;
    let Some((_, first)) = environments.first() else {
        bail!("{INTERPRETERS} names no interpreter: remove it, or name one")
    };
    let wheel = build(first)?;
    for (_, venv) in &environments {
        Run::new(venv.join("bin/python"))
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--force-reinstall"])
            .arg(&wheel)
            .run()?;
    }
    Ok(Installed { environments })
}

impl Installed {
    /// Runs the tests with this command `kiwi-host`: with all versions, even if one fails.
    pub(crate) fn test(&self, command: &Path) -> Result<Outcome> {
        let mut outcome = Outcome::default();
        for (version, venv) in &self.environments {
            outcome.add(test_in(venv, version, command)?);
        }
        let versions: Vec<&str> = self.environments.iter().map(|(version, _)| version.as_str()).collect();
        say(&format!("the Python reader was tested with Python {}", versions.join(", ")));
        Ok(outcome)
    }
}

/// The environment of an interpreter: which version that is, and where it is.
fn environment(interpreter: &str) -> Result<(String, PathBuf)> {
    python::install_python(interpreter)?;
    let version = Run::new(interpreter).args(["-c", "import platform; print(platform.python_version())"]).capture()?;
    let version = version.trim();
    let minor = version.rsplit_once('.').map_or(version, |(minor, _)| minor);
    let venv = target_dir()?.join(format!("tools/python-reader-{minor}"));
    python::install(interpreter, "host/python/tests", &venv, &["-c", "import pytest, mypy, celery, gunicorn"])?;
    Ok((version.to_owned(), venv))
}

/// Builds a wheel without optimisation: one for all versions.
fn build(venv: &Path) -> Result<PathBuf> {
    let target = target_dir()?;
    let wheels = target.join("wheels");
    python::remove(&wheels)?;
    Run::new(venv.join("bin/maturin"))
        .args(["build", "--locked", "--manifest-path"])
        .arg(workspace::python_reader().join("Cargo.toml"))
        .arg("--out")
        .arg(&wheels)
        // Most of what it needs is built there already.
        .env("CARGO_TARGET_DIR", &target)
        .run()?;
    let wheel = std::fs::read_dir(&wheels)?.next().context("maturin left no wheel")??.path();
    Ok(wheel)
}

fn test_in(venv: &Path, version: &str, command: &Path) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    // A test that hangs must not hang whoever waits for it.
    let tested = Run::new("timeout")
        .args(["--kill-after", "10", MAX_SECONDS])
        .arg(venv.join("bin/python"))
        .args(["-m", "pytest", "-p", "no:cacheprovider", "--color", "no"])
        .current_dir(workspace::python_reader())
        .env(COMMAND, command)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .run_with_lines(|line| {
            println!("{line}");
            if let Some(last) = Outcome::parse(line) {
                outcome = last;
            }
        });
    if outcome.passed == 0 {
        tested.with_context(|| format!("no test of the Python reader passed with Python {version}"))?;
        bail!("no test of the Python reader ran with Python {version}");
    }
    if outcome.failed == 0 {
        tested?;
    }
    Ok(outcome)
}

impl Outcome {
    /// From the last line of pytest: `= 2 failed, 60 passed, 1 skipped in 12.30s =`.
    fn parse(line: &str) -> Option<Self> {
        let summary = line.strip_prefix('=')?.trim_matches(['=', ' ']);
        let (counts, _) = summary.rsplit_once(" in ")?;
        let mut outcome = Self::default();
        for count in counts.split(", ") {
            let (number, what) = count.split_once(' ')?;
            let number: u64 = number.parse().ok()?;
            match what {
                "passed" => outcome.passed = number,
                "failed" | "error" | "errors" => outcome.failed += number,
                "skipped" => outcome.skipped = number,
                _ => {}
            }
        }
        Some(outcome)
    }

    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

#[cfg(test)]
mod tests {
    use super::Outcome;

    #[test]
    fn counts_are_parsed_from_the_last_line_of_pytest() {
        let line = "=================== 2 failed, 60 passed, 1 skipped, 3 warnings, 1 error in 72.30s (0:01:12) ==================";
        let outcome = Outcome::parse(line).unwrap();
        assert_eq!((outcome.passed, outcome.failed, outcome.skipped), (60, 3, 1));
        for other in ["==== test session starts ====", "tests/test_reads.py ....   [ 20%]", "= in ="] {
            assert!(Outcome::parse(other).is_none_or(|outcome| outcome.passed == 0), "{other}");
        }
    }
}
