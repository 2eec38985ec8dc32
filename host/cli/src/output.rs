//! Results on standard output: for people or for programs.

use std::fmt;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use serde::Serialize;

use crate::args::{Format, OutputArgs};

/// How many lines of one kind are shown without -v.
const MOST_LINES: usize = 50;

/// Standard output, buffered. Writing to a reader that is gone is an error, never a panic.
pub(crate) struct Output {
    format: Format,
    colour: bool,
    most_lines: usize,
    out: BufWriter<Stdout>,
}

/// What a piece of text means.
#[derive(Clone, Copy)]
pub(crate) enum Tone {
    Good,
    Doubtful,
    Bad,
    Heading,
    Plain,
}

impl Output {
    pub(crate) fn new(args: &OutputArgs) -> Self {
        let colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let most_lines = if args.verbose == 0 { MOST_LINES } else { usize::MAX };
        Self { format: args.format, colour, most_lines, out: BufWriter::new(io::stdout()) }
    }

    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// How many lines of one kind are enough.
    pub(crate) fn most_lines(&self) -> usize {
        self.most_lines
    }

    /// Writes one line.
    pub(crate) fn line(&mut self, line: impl fmt::Display) -> io::Result<()> {
        writeln!(self.out, "{line}")
    }

    /// Writes a result as one JSON document.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, value).map_err(io::Error::from)?;
        writeln!(self.out)
    }

    /// Text in the colour of its meaning, on a terminal.
    pub(crate) fn paint(&self, tone: Tone, text: impl fmt::Display) -> String {
        if !self.colour {
            return text.to_string();
        }
        let code = match tone {
            Tone::Good => "32",
            Tone::Doubtful => "33",
            Tone::Bad => "31",
            Tone::Heading => "1",
            Tone::Plain => return text.to_string(),
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// Sees to it that all is written.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.out.flush()
    }
}
