//! `cargo xtask`: the tasks of this project, the same for people and for CI.

mod bench;
mod cargo;
mod command;
mod component_cache;
mod components;
mod debian;
mod demo;
mod dist;
mod examples;
mod fuzz;
mod host;
mod kept;
mod lint;
mod python;
mod python_reader;
mod setup;
mod test;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Set up, build, demo, test, fuzz, measure and lint kiwi-host")]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install missing tools for building, testing and linting
    Setup,
    /// Build the plugins into plugins/*.wasm
    BuildPlugins,
    /// Run the host on examples/kiwi.toml with real data
    Demo(demo::Args),
    /// Run all tests, or those that arguments for `cargo test` select
    Test(test::Args),
    /// Build the Python reader, and run its tests alone (KIWI_PYTHONS=python3.9:python3.13: with these interpreters)
    TestPython,
    /// Build components of Python and JavaScript against an old contract, and test that this host runs them
    Kept,
    /// Fuzz what reads outside input, with libFuzzer (through bolero)
    Fuzz(fuzz::Args),
    /// Measure the host side by side with its peers, and write BENCHMARKS.md
    Bench(bench::Args),
    /// Build what is published with a release: binaries, wheels, a bill of materials, checksums
    Dist(dist::Args),
    /// Check formatting, clippy, documentation and dependencies of all crates
    Lint,
}

fn main() -> ExitCode {
    let done = match Args::parse().task {
        Task::Setup => setup::everything(),
        Task::BuildPlugins => setup::wasm_target().and_then(|()| components::build_plugins()).map(drop),
        Task::Demo(args) => demo::run(&args),
        Task::Test(args) => test::run(&args),
        Task::TestPython => setup::wasm_target().and_then(|()| python_reader::run()),
        Task::Kept => kept::run(),
        Task::Fuzz(args) => fuzz::run(&args),
        Task::Bench(args) => bench::run(&args),
        Task::Dist(args) => dist::run(&args),
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
