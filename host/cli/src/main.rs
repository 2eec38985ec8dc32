//! The `kiwi-host` command: parse, run, print the error with its causes, return an exit code.

mod allocator;
mod args;
mod commands;
mod compile_cache;
mod config;
mod dispatch;
mod exit;
mod human;
mod log;
mod log_fields;
mod open_files;
mod output;
mod progress;
mod rows;
mod shipped;
mod shutdown;
mod style;
mod suggest;
mod table;
mod target;
mod visible;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};
use crate::exit::{ErrorDocument, Exit};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(help_or_error) => {
            // If even this cannot be printed, there is nowhere left to report it.
            let _ = help_or_error.print();
            return if help_or_error.use_stderr() { Exit::Usage } else { Exit::Success }.into();
        }
    };
    if let Command::CompilePlugin(args) = cli.command {
        return kiwi_host::compile_stdin(args.cache);
    }
    let format = cli.output.format;
    match dispatch::run(cli) {
        Ok(exit) => exit.into(),
        Err(error) => {
            let exit = Exit::of(&error);
            if exit != Exit::Success {
                eprintln!("kiwi-host: {}", exit::explain(&error));
                // If even this cannot be printed, the exit code still says it.
                let _ = output::error(format, &ErrorDocument::new(&error));
            }
            exit.into()
        }
    }
}
