//! `cargo xtask bench`: builds the host and its peers, and runs the benchmarks (host/bench).

use std::path::PathBuf;

use anyhow::Result;
use clap::ValueEnum;

use crate::cargo::{cargo, cargo_in, shared_target_dir, target_dir};
use crate::command::Run;
use crate::{components, python, setup, workspace};

/// What to measure, and how to report it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Measure only this figure or plot of BENCHMARKS.md, and do not write BENCHMARKS.md; may be given several times
    #[arg(long = "figure", value_name = "NAME")]
    figures: Vec<String>,
    /// Format of the figures on standard output
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Test the benchmarks with small maps and one run; write the report into the target directory
    #[arg(long)]
    quick: bool,
    /// Build with the dev profile instead of the release profile
    #[arg(long, requires = "quick")]
    dev: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// A table
    Human,
    /// One line of JSON for each figure
    Json,
}

/// Builds and measures. It fails if something cannot be measured, but not if a figure misses its target.
pub(crate) fn run(args: &Args) -> Result<()> {
    setup::wasm_target()?;
    setup::redis_server()?;
    setup::databases()?;
    setup::sqlite()?;
    python::install_kiwi_cache()?;
    let guest = components::build_guest("bench_map")?;
    let table = components::build_plugin("table")?;
    let built = build(args)?;
    let report = if args.quick { target_dir()?.join("bench") } else { workspace::root().to_owned() };
    let mut measure = Run::new(built.join("kiwi-bench"))
        .args(["--format", if matches!(args.format, Format::Json) { "json" } else { "human" }])
        .arg("--guest")
        .arg(guest)
        .arg("--table")
        .arg(table)
        .arg("--kiwi-host")
        .arg(built.join("kiwi-host"))
        .arg("--python")
        .arg(python::interpreter_of_kiwi_cache()?)
        .arg("--moka")
        .arg(build_moka()?)
        .arg("--untyped-reader")
        .arg(built.join("untyped-reader"))
        .arg("--report")
        .arg(report);
    for figure in &args.figures {
        measure = measure.arg("--figure").arg(figure);
    }
    if args.quick {
        measure = measure.arg("--quick");
    }
    measure.run()
}

/// Builds the command and the benchmarks, and returns their directory.
fn build(args: &Args) -> Result<PathBuf> {
    let profile: &[&str] = if args.dev { &[] } else { &["--release"] };
    cargo("build").args(["--package", "kiwi-bench", "--package", "kiwi-host-cli"]).args(profile).run()?;
    Ok(target_dir()?.join(if args.dev { "debug" } else { "release" }))
}

/// Builds the program that reads from moka, and returns its path.
fn build_moka() -> Result<PathBuf> {
    let directory = workspace::moka_reads();
    let target_dir = shared_target_dir(&directory)?;
    cargo_in(&directory, "build", &target_dir).arg("--release").run()?;
    Ok(target_dir.join("release/moka-reads"))
}
