//! Results on standard output, for people or for programs.

use std::fmt::Display;
use std::io::{self, BufWriter, Stdout, Write};

use serde::Serialize;

use crate::args::{Format, OutputArgs};
use crate::style::{Colours, Style};
use crate::table;
use crate::visible::VisibleJson;

/// How many lines of one kind are shown without -v.
const MAX_LINES: usize = 50;

/// Standard output, buffered. A reader that has gone away is an error, never a panic.
pub(crate) struct Output {
    format: Format,
    colours: Colours,
    max_lines: usize,
    out: BufWriter<Stdout>,
}

impl Output {
    pub(crate) fn new(args: &OutputArgs) -> Self {
        let max_lines = if args.verbose == 0 { MAX_LINES } else { usize::MAX };
        let colours = Colours::of(&io::stdout(), args.color);
        Self { format: args.format, colours, max_lines, out: BufWriter::new(io::stdout()) }
    }

    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// How many lines of one kind to show.
    pub(crate) fn max_lines(&self) -> usize {
        self.max_lines
    }

    /// Writes one line.
    pub(crate) fn line(&mut self, line: impl Display) -> io::Result<()> {
        writeln!(self.out, "{line}")
    }

    /// Writes one line in the colour of its meaning.
    pub(crate) fn styled_line(&mut self, style: Style, line: impl Display) -> io::Result<()> {
        let line = self.paint(style, line);
        self.line(line)
    }

    /// Writes a table, each line indented by this many spaces.
    pub(crate) fn table<const N: usize>(
        &mut self,
        heading: [&str; N],
        rows: impl IntoIterator<Item = (Style, [String; N])>,
        indent: u16,
    ) -> io::Result<()> {
        let table = table::render(heading, rows, indent, self.colours);
        self.line(table)
    }

    /// Writes a result as one JSON document, on one line.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        let mut serializer = serde_json::Serializer::with_formatter(&mut self.out, VisibleJson);
        value.serialize(&mut serializer).map_err(io::Error::from)?;
        writeln!(self.out)
    }

    /// Text in the colour of its meaning, to be part of a line.
    pub(crate) fn paint(&self, style: Style, text: impl Display) -> String {
        self.colours.paint(style, text)
    }

    /// Writes out what is still buffered.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.out.flush()
    }
}
