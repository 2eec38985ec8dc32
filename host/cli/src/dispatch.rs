//! Starts logging and the async runtime, and runs the command that the command line names.

use anyhow::{Context, Result};

use crate::args::{Cli, Command, PublishArgs, RefillArgs};
use crate::commands::{check, dump, forget, get, inspect, keys, plugins, publish, refill, run, status};
use crate::config::Config;
use crate::exit::Exit;
use crate::log::{self, LogLevel};
use crate::output::Output;
use crate::progress::Terminal;
use crate::shutdown;
use crate::target::Target;
use crate::{compile_cache, open_files};

pub(crate) fn run(cli: Cli) -> Result<Exit> {
    let level = match &cli.command {
        Command::Run(args) if !args.once && !args.dry_run => LogLevel::Service,
        Command::Refill(RefillArgs { quiet: true, .. }) | Command::Publish(PublishArgs { quiet: true, .. }) => {
            LogLevel::Quiet
        }
        Command::Run(_) | Command::Refill(_) | Command::Publish(_) => LogLevel::OneLoad,
        _ => LogLevel::Warnings,
    };
    let terminal = Terminal::default();
    log::start(&cli.output, level, &terminal)?;
    open_files::raise_limit();
    let runtime = tokio::runtime::Runtime::new().context("could not start the async runtime")?;
    let mut output = Output::new(&cli.output);
    let exit = runtime.block_on(async {
        shutdown::listen()?;
        // Those that hold leases give them back.
        let holds_leases = matches!(cli.command, Command::Run(_) | Command::Refill(_) | Command::Publish(_));
        tokio::select! {
            exit = dispatch(cli, &mut output, &terminal) => exit,
            () = shutdown::received(1), if !holds_leases => Ok(Exit::Interrupted),
        }
    });
    // Does not wait for blocking tasks: compiling a plugin cannot be cancelled, and may take a minute.
    runtime.shutdown_background();
    compile_cache::clean_up();
    output.finish()?;
    exit
}

async fn dispatch(cli: Cli, output: &mut Output, terminal: &Terminal) -> Result<Exit> {
    let target = || Target::new(&cli.target, Config::find(cli.target.config.as_deref())?);
    match &cli.command {
        Command::Run(args) => run::run(&target()?, args, output, terminal).await,
        Command::Refill(args) => refill::run(&target()?, args, output, terminal).await,
        Command::Publish(args) => publish::run(&target()?, args, output, terminal).await,
        Command::Get(args) => get::run(&target()?, args, output).await,
        Command::Keys(args) => keys::run(&target()?, args, output).await,
        Command::Dump(args) => dump::run(&target()?, args, output).await,
        Command::Status(args) => status::run(&target()?, args, output).await,
        Command::Plugins => plugins::run(output),
        Command::Inspect(args) => inspect::run(&target()?, args, output, terminal).await,
        Command::Check(args) => check::run(&cli.target, args, output).await,
        Command::Forget(args) => forget::run(&target()?, args, output).await,
        Command::CompilePlugin(_) => unreachable!("`main` runs it, without any of this"),
    }
}
