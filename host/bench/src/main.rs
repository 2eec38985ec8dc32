//! Measures kiwi-host side by side with its peers. `cargo xtask bench` builds all that is needed and runs this.

#[path = "../../cli/src/allocator.rs"]
mod allocator;
mod args;
mod changer;
#[path = "../../../tests/databases/mod.rs"]
mod databases;
mod figure;
mod figures;
mod machine;
#[path = "../../../tests/guests/bench_map/src/map.rs"]
mod map;
mod measure;
mod one_cache;
#[path = "../../cli/src/open_files.rs"]
mod open_files;
mod order;
mod peers;
mod plots;
mod probe;
mod process;
mod refiller;
mod report;
mod series;
mod server;
mod setup;
mod table;
mod value;

use std::process::ExitCode;

use clap::Parser;

use args::Args;

fn main() -> ExitCode {
    // A thousand readers have several connections each.
    open_files::raise_limit();
    match measure::run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kiwi-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}
