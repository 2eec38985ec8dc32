//! Log lines on standard error.

use std::io;

use anyhow::{Context, Result};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::args::{LogFormat, OutputArgs};
use crate::log_fields::FieldsFirst;
use crate::progress::Terminal;
use crate::style::Colours;

/// What a command logs, unless -v or KIWI_LOG asks for something else.
#[derive(Clone, Copy)]
pub(crate) enum LogLevel {
    /// Warnings only: for a command that gives one answer.
    Warnings,
    /// Warnings about anything but the loads, whose results the command prints.
    Quiet,
    /// Warnings, and where the maps are published: for a command that prints the result of each load.
    OneLoad,
    /// All that a host does, with the time: for a service.
    Service,
}

/// Starts logging. `KIWI_LOG` takes a filter such as `kiwi_host=debug` and overrides -v.
pub(crate) fn start(args: &OutputArgs, level: LogLevel, terminal: &Terminal) -> Result<()> {
    let filter = match (args.verbose, level) {
        (0, LogLevel::Warnings) => "warn",
        (0, LogLevel::Quiet) => "warn,kiwi_host::outcome=off",
        (0, LogLevel::OneLoad) => "warn,kiwi_host::target=info,kiwi_host::events=info,kiwi_host::outcome=off",
        (0, LogLevel::Service) => "warn,kiwi_host=info,kiwi_cache=info",
        (1, _) => "info,kiwi_host=debug,kiwi_cache=debug",
        (_, _) => "debug",
    };
    let filter = match std::env::var("KIWI_LOG") {
        Ok(filter) if !filter.is_empty() => EnvFilter::try_new(filter)
            .context("KIWI_LOG is not a valid log filter (expected for example `kiwi_host=debug`)")?,
        _ => EnvFilter::new(filter),
    };
    // Drivers of databases log statements and their parameters.
    let filter = ["tokio_postgres=info", "mysql_async=info"]
        .into_iter()
        .try_fold(filter, |filter, quieter| anyhow::Ok(filter.add_directive(quieter.parse()?)))?;
    let ansi = Colours::of(&io::stderr(), args.color) == Colours::On;
    let lines =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(AboveProgress(terminal.clone())).with_ansi(ansi);
    match (args.log_format, level) {
        (LogFormat::Json, _) => lines.json().flatten_event(true).init(),
        (LogFormat::Text, LogLevel::Service) => lines.with_target(false).fmt_fields(FieldsFirst::OneLine).init(),
        (LogFormat::Text, _) => lines.with_target(false).without_time().fmt_fields(FieldsFirst::Lines).init(),
    }
    Ok(())
}

/// Writes log lines above the progress lines.
struct AboveProgress(Terminal);

impl<'a> MakeWriter<'a> for AboveProgress {
    type Writer = Writer<'a>;

    fn make_writer(&'a self) -> Writer<'a> {
        Writer(&self.0)
    }
}

struct Writer<'a>(&'a Terminal);

impl io::Write for Writer<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.above_progress(|| io::stderr().write(line))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
