//! What a check found, for people or for programs.

use std::fmt::Display;

use anyhow::Result;
use serde::Serialize;

use crate::args::Format;
use crate::exit::{self, Exit};
use crate::output::Output;
use crate::style::Style;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Severity {
    Ok,
    /// Something was wrong, and `--fix` has changed kiwi.toml.
    Fixed,
    Warning,
    Error,
}

#[derive(Serialize)]
pub(super) struct Finding {
    #[serde(rename = "grade")]
    pub(super) severity: Severity,
    pub(super) subject: String,
    pub(super) message: String,
}

impl Finding {
    pub(super) fn warning(subject: &str, message: impl Display) -> Self {
        Self { severity: Severity::Warning, subject: subject.to_owned(), message: message.to_string() }
    }

    pub(super) fn error(subject: &str, message: impl Display) -> Self {
        Self { severity: Severity::Error, subject: subject.to_owned(), message: message.to_string() }
    }
}

/// The findings so far. In the human format, each is printed immediately.
pub(super) struct Report<'a> {
    output: &'a mut Output,
    exit: Exit,
    findings: Vec<Finding>,
}

impl<'a> Report<'a> {
    pub(super) fn new(output: &'a mut Output) -> Self {
        Self { output, exit: Exit::Success, findings: Vec::new() }
    }

    pub(super) fn add_error(&mut self, subject: &str, error: &anyhow::Error) -> Result<()> {
        self.exit_at_least(Exit::of(error));
        self.add(Severity::Error, subject, exit::explain(error))
    }

    /// Adds what was found in the configuration: an error is one of usage.
    pub(super) fn add_all(&mut self, findings: Vec<Finding>) -> Result<()> {
        for Finding { severity, subject, message } in findings {
            if severity == Severity::Error {
                self.exit_at_least(Exit::Usage);
            }
            self.add(severity, &subject, message)?;
        }
        Ok(())
    }

    pub(super) fn add(&mut self, severity: Severity, subject: &str, message: impl Display) -> Result<()> {
        if self.output.format() == Format::Human {
            let (word, style) = match severity {
                Severity::Ok => ("ok     ", Style::Good),
                Severity::Fixed => ("fixed  ", Style::Good),
                Severity::Warning => ("warning", Style::Warning),
                Severity::Error => ("error  ", Style::Bad),
            };
            let word = self.output.paint(style, word);
            self.output.line(format_args!("{word}  {subject}: {message}"))?;
        }
        self.findings.push(Finding { severity, subject: subject.to_owned(), message: message.to_string() });
        Ok(())
    }

    /// An invalid configuration takes precedence over a store that cannot be reached.
    pub(super) fn exit_at_least(&mut self, exit: Exit) {
        if self.exit != Exit::Usage {
            self.exit = exit;
        }
    }

    pub(super) fn finish(self) -> Result<Exit> {
        if self.output.format() == Format::Json {
            self.output.json_of("findings", &self.findings)?;
        }
        Ok(self.exit)
    }
}
