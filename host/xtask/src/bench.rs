//! `cargo xtask bench`: builds what is measured and its peers, and measures (host/bench).

use std::path::PathBuf;

use anyhow::Result;
use clap::ValueEnum;

use crate::command::Run;
use crate::{plugins, python, setup, workspace};

/// What to measure, and how to tell it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Measures only this figure or plot, by its name in BENCHMARKS.md, and writes no BENCHMARKS.md; may be given several times
    #[arg(long = "figure", value_name = "NAME")]
    figures: Vec<String>,
    /// How the figures are printed
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Small maps and one run, as a test that all of it works; written into the target directory
    #[arg(long)]
    quick: bool,
    /// Builds without optimisation, which only makes sense with --quick
    #[arg(long, requires = "quick")]
    dev: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// A table
    Human,
    /// One line of JSON a figure
    Json,
}

/// Builds and measures. It fails where something cannot be measured, and not because of what the figures are.
pub(crate) fn run(args: &Args) -> Result<()> {
    setup::wasm_target()?;
    setup::redis_server()?;
    python::kiwi_cache()?;
    let guest = plugins::build_guest("bench_map")?;
    let built = build(args)?;
    let report = if args.quick { workspace::target_dir()?.join("bench") } else { workspace::root().to_owned() };
    let mut measure = Run::new(built.join("kiwi-bench"))
        .args(["--format", if matches!(args.format, Format::Json) { "json" } else { "human" }])
        .arg("--guest")
        .arg(guest)
        .arg("--kiwi-host")
        .arg(built.join("kiwi-host"))
        .arg("--python")
        .arg(python::interpreter_of_kiwi_cache()?)
        .arg("--moka")
        .arg(build_moka()?)
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

/// The host's side: says where the programs are.
fn build(args: &Args) -> Result<PathBuf> {
    let profile: &[&str] = if args.dev { &[] } else { &["--release"] };
    Run::cargo("build").args(["--package", "kiwi-bench", "--package", "kiwi-host-cli"]).args(profile).run()?;
    Ok(workspace::target_dir()?.join(if args.dev { "debug" } else { "release" }))
}

/// The program that reads from moka, a workspace of its own.
fn build_moka() -> Result<PathBuf> {
    let directory = workspace::moka_reads();
    workspace::cargo_in(&directory, "build").arg("--release").run()?;
    Ok(directory.join("target/release/moka-reads"))
}
