//! `cargo xtask fuzz`: searches for inputs that break what reads outside input.
//!
//! The targets are plain tests (bolero), and `cargo xtask test` runs each with thousands of random inputs. Here libFuzzer
//! makes the inputs, and sees which of them reach new code.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::cargo::{Artifact, cargo_in, target_dir};
use crate::command::{Run, say};
use crate::{debian, workspace};

/// What makes a program tell libFuzzer which code it reaches: as `cargo bolero` sets it. (We do not use that command:
/// it builds all tests of a package, and those that are not fuzzed cannot be linked with these flags.)
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module --cfg fuzzing_libfuzzer \
                     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-level=4 \
                     -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares";

/// How long one input may take, in seconds.
const INPUT_TIMEOUT: u32 = 10;

/// What to fuzz, and for how long.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What to fuzz; not given: all, one after the other
    targets: Vec<Target>,
    /// How long to fuzz each target, such as `30s` or `2h`
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = humantime::parse_duration)]
    time: Duration,
}

/// A parser of outside input, or what has to give back what it was given.
#[derive(Clone, Copy, ValueEnum)]
enum Target {
    /// JSON, NDJSON and CSV, as the loaders `file` and `http` read them
    Rows,
    /// HTTP grants
    Grants,
    /// kiwi.toml (building it for the first time takes long, because the command contains wasmtime)
    KiwiToml,
    /// JSON, NDJSON and CSV, as `kiwi-host publish` reads them
    GivenRows,
    /// The text of kiwi-cache's records
    Records,
    /// Replies of a Redis server to all that a reader asks
    Replies,
    /// Packed deltas
    Deltas,
    /// The deltas of the embedded store
    Changes,
    /// The spool of a load
    Spool,
}

impl Target {
    /// The test, and what `cargo test` builds it with: as little as possible, because all that is linked is compiled
    /// for the fuzzer.
    fn test(self) -> (&'static str, &'static [&'static str]) {
        const ROWS: &[&str] = &["--package", "rows", "--lib"];
        const STORE: &[&str] =
            &["--package", "kiwi-store", "--lib", "--no-default-features", "--features", "redis,embedded"];
        const HOST: &[&str] = &["--package", "kiwi-host", "--lib", "--no-default-features"];
        const COMMAND: &[&str] = &["--package", "kiwi-host-cli", "--bin", "kiwi-host"];
        match self {
            Self::Rows => ("fuzz::rows", ROWS),
            Self::Grants => ("config::http_grant::fuzz::grants", HOST),
            Self::KiwiToml => ("config::fuzz::kiwi_toml", COMMAND),
            Self::GivenRows => ("rows::fuzz::given_rows", COMMAND),
            Self::Records => ("record_text::fuzz::records", STORE),
            Self::Replies => ("redis::fuzz::replies", STORE),
            Self::Deltas => ("delta::fuzz::deltas", STORE),
            Self::Changes => ("embedded::changes::fuzz::changes", STORE),
            Self::Spool => ("refill::spool::fuzz::spool", HOST),
        }
    }

    fn workspace(self) -> PathBuf {
        if matches!(self, Self::Rows) { workspace::plugins() } else { workspace::root().to_owned() }
    }

    fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// Fuzzes one target after the other.
pub(crate) fn run(args: &Args) -> Result<()> {
    if !Run::new("c++").arg("--version").succeeds() {
        debian::install("g++", "a C++ compiler, as `c++`, which compiles libFuzzer")?;
    }
    let targets = if args.targets.is_empty() { Target::value_variants() } else { &args.targets };
    let mut failed = Vec::new();
    for target in targets {
        if let Err(error) = fuzz(*target, args.time) {
            say(&format!("{}: {error:#}", target.name()));
            failed.push(target.name());
        }
    }
    if !failed.is_empty() {
        bail!("failed: {}; the input and the message are above: fix it, and add a test of it", failed.join(", "));
    }
    Ok(())
}

/// Inputs that reach new code are kept in the target directory, for the next time.
fn fuzz(target: Target, time: Duration) -> Result<()> {
    let dir = target_dir()?.join("fuzz");
    let (corpus, crashes) = (dir.join(target.name()).join("corpus"), dir.join(target.name()).join("crashes"));
    let program = build(target, &dir.join("build"))?;
    for dir in [&corpus, &crashes] {
        fs::create_dir_all(dir).with_context(|| format!("could not create `{}`", dir.display()))?;
    }
    let (corpus, crashes, (test, _)) = (corpus.display(), crashes.display(), target.test());
    let options = format!(
        "{corpus} {crashes} -artifact_prefix={crashes}/ -timeout={INPUT_TIMEOUT} -max_total_time={} -print_final_stats=1",
        // To libFuzzer, 0 is forever.
        time.as_secs().max(1)
    );
    Run::new(program)
        .args([test, "--exact", "--nocapture", "--quiet", "--test-threads", "1"])
        .env("BOLERO_TEST_NAME", test)
        .env("BOLERO_LIBTEST_HARNESS", "1")
        .env("BOLERO_LIBFUZZER_ARGS", options)
        .run()
}

/// Builds the program that runs the target. A stable compiler is enough: only sanitizers need another, and all code of
/// ours is safe Rust.
fn build(target: Target, target_dir: &Path) -> Result<PathBuf> {
    let (_, args) = target.test();
    let version = Run::new("rustc").arg("-vV").capture()?;
    let triple = version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc did not name its host")?;
    // On other systems, libFuzzer does not ask for the depth of the stack.
    let depth = if cfg!(target_os = "linux") { " -Cllvm-args=-sanitizer-coverage-stack-depth" } else { "" };
    let flags = [FLAGS, depth].concat();
    let mut program = None;
    // With `--target`, the flags do not hold for build scripts and macros.
    cargo_in(&target.workspace(), "test", target_dir)
        .args(["--no-run", "--profile", "fuzz", "--target", triple, "--message-format", "json-render-diagnostics"])
        .args(args)
        .env("RUSTFLAGS", flags)
        .run_with_lines(|line| {
            program = Artifact::parse(line).and_then(|built| built.executable()).or(program.take())
        })?;
    program.context("cargo did not name the program it has built")
}
