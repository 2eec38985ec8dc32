//! `cargo xtask`: what this project does by command, the same for people and for CI.

mod bench;
mod command;
mod debian;
mod demo;
mod examples;
mod lint;
mod plugins;
mod python;
mod setup;
mod test;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Set-up, plugins, demo, tests and lints of kiwi-host")]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Installs what building, testing and linting need and this machine lacks
    Setup,
    /// Builds the loaders we ship into plugins/*.wasm
    BuildPlugins,
    /// Runs the host on examples/kiwi.toml with real data
    Demo(demo::Args),
    /// Runs every test; what follows is handed to `cargo test`
    Test(test::Args),
    /// Measures the host side by side with its peers, and writes BENCHMARKS.md
    Bench(bench::Args),
    /// Checks formatting, clippy, licences and sources of all crates
    Lint,
}

fn main() -> ExitCode {
    let done = match Args::parse().task {
        Task::Setup => setup::everything(),
        Task::BuildPlugins => setup::wasm_target().and_then(|()| plugins::build()),
        Task::Demo(args) => demo::run(&args),
        Task::Test(args) => test::run(&args),
        Task::Bench(args) => bench::run(&args),
        Task::Lint => lint::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
