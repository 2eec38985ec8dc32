//! One file for each subcommand.

mod check;
mod diff;
mod dry;
mod dump;
mod forget;
mod get;
mod inspect;
mod keys;
mod once;
mod refill;
mod run;
mod snapshot;
mod spelling;
mod start;
mod status;

use anyhow::{Context, Result};

use crate::args::{Cli, Command};
use crate::config::Config;
use crate::exit::Exit;
use crate::live::Screen;
use crate::log::{self, Talk};
use crate::output::Output;
use crate::place::Place;

/// Runs what the command line asks for.
pub(crate) fn run(cli: Cli) -> Result<Exit> {
    let talk = match &cli.command {
        Command::Run(args) if !args.once && !args.dry_run => Talk::Much,
        Command::Run(_) | Command::Refill(_) => Talk::Results,
        _ => Talk::Little,
    };
    let screen = Screen::default();
    log::start(&cli.output, talk, &screen)?;
    let runtime = tokio::runtime::Runtime::new().context("the runtime cannot be started")?;
    let mut output = Output::new(&cli.output);
    let exit = runtime.block_on(dispatch(cli, &mut output, &screen));
    // A plugin that is being compiled would hold up the end.
    runtime.shutdown_background();
    output.finish()?;
    exit
}

async fn dispatch(cli: Cli, output: &mut Output, screen: &Screen) -> Result<Exit> {
    let place = || Place::new(&cli.place, Config::find(cli.place.config.as_deref())?);
    match &cli.command {
        Command::Run(args) => run::run(&place()?, args, output, screen).await,
        Command::Refill(args) => refill::run(&place()?, args, output, screen).await,
        Command::Get(args) => get::run(&place()?, args, output).await,
        Command::Keys(args) => keys::run(&place()?, args, output).await,
        Command::Dump(args) => dump::run(&place()?, args, output).await,
        Command::Status(args) => status::run(&place()?, args, output).await,
        Command::Inspect(args) => inspect::run(&place()?, args, output).await,
        Command::Check(args) => check::run(&cli.place, args, output).await,
        Command::Forget(args) => forget::run(&place()?, args, output).await,
    }
}
