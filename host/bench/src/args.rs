//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::setup::Programs;

#[derive(Parser)]
#[command(name = "kiwi-bench", about = "Measure kiwi-host side by side with its peers")]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) programs: Programs,
    /// Measure only this figure or plot; may be given several times
    #[arg(long = "figure", value_name = "NAME")]
    pub(crate) figures: Vec<String>,
    /// Format of the figures on standard output
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,
    /// Use small maps and one run, to test that all of it works
    #[arg(long)]
    pub(crate) quick: bool,
    /// Directory for BENCHMARKS.md and docs/
    #[arg(long, value_name = "DIR")]
    pub(crate) report: PathBuf,
}

impl Args {
    /// Whether a figure or plot was asked for.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.figures.is_empty() || self.figures.iter().any(|figure| figure == name)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table
    Human,
    /// One line of JSON for each figure
    Json,
}
