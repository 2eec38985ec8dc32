//! The `kiwi-host` command: parses, runs, prints the error with its causes, and returns an exit code.

mod advice;
mod args;
mod commands;
mod compiled;
mod config;
mod descriptors;
mod exit;
mod human;
mod live;
mod log;
mod output;
mod place;
mod stop;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Cli;
use crate::exit::Exit;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(answer) => {
            let exit = if answer.use_stderr() { Exit::Usage } else { Exit::Done };
            // Nobody is left to tell that this could not be printed.
            let _ = answer.print();
            return exit.into();
        }
    };
    descriptors::raise_limit();
    match commands::run(cli) {
        Ok(exit) => exit.into(),
        Err(error) => {
            let exit = Exit::of(&error);
            if exit != Exit::Done {
                eprintln!("kiwi-host: {}", exit::explain(&error));
            }
            exit.into()
        }
    }
}
