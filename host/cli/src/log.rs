//! Log lines on standard error.

use std::io::{self, IsTerminal};

use anyhow::{Context, Result};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::args::{LogFormat, OutputArgs};
use crate::live::Screen;

/// What is logged unless -v or KIWI_LOG says otherwise.
#[derive(Clone, Copy)]
pub(crate) enum Talk {
    /// Warnings: a command that gives one answer.
    Little,
    /// The same, and where it publishes: a command that loads once, and prints what came of it.
    Results,
    /// What a host does, and when.
    Much,
}

/// Begins logging. `KIWI_LOG` takes a filter such as `kiwi_host=debug`, which wins over -v.
pub(crate) fn start(args: &OutputArgs, talk: Talk, screen: &Screen) -> Result<()> {
    let filter = match (args.verbose, talk) {
        (0, Talk::Little) => "warn",
        (0, Talk::Results) => "warn,kiwi_host::place=info,kiwi_host::report=off",
        (0, Talk::Much) => "warn,kiwi_host=info,kiwi_cache=info",
        (1, _) => "info,kiwi_host=debug,kiwi_cache=debug",
        (_, _) => "debug",
    };
    let filter = match std::env::var("KIWI_LOG") {
        Ok(wanted) if !wanted.is_empty() => EnvFilter::try_new(wanted).context("KIWI_LOG is no filter")?,
        _ => EnvFilter::new(filter),
    };
    let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(Above(screen.clone())).with_ansi(colour);
    match (args.log_format, talk) {
        (LogFormat::Json, _) => lines.json().flatten_event(true).init(),
        (LogFormat::Text, Talk::Much) => lines.with_target(false).init(),
        (LogFormat::Text, Talk::Little | Talk::Results) => lines.with_target(false).without_time().init(),
    }
    Ok(())
}

/// Writes log lines above the live ones.
struct Above(Screen);

impl<'a> MakeWriter<'a> for Above {
    type Writer = AboveWriter<'a>;

    fn make_writer(&'a self) -> AboveWriter<'a> {
        AboveWriter(&self.0)
    }
}

struct AboveWriter<'a>(&'a Screen);

impl io::Write for AboveWriter<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.above(|| io::stderr().write(line))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
