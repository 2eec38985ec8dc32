//! Results on standard output, for people or for programs.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{self, BufWriter, Stdout, Write};

use serde::Serialize;
use serde_json::Serializer;

use crate::args::{Format, OutputArgs};
use crate::style::{Colours, Style};
use crate::table;
use crate::visible::VisibleJson;

/// How many lines of one kind are shown without -v.
const MAX_LINES: usize = 50;

/// The version of the JSON documents, which docs/output.md describes. It changes when a program that reads them would
/// have to change.
const JSON_FORMAT: u32 = 1;

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

    /// Writes a result, a struct or a map, as one JSON document on one line.
    pub(crate) fn json(&mut self, result: &impl Serialize) -> io::Result<()> {
        let document = Document { format: JSON_FORMAT, result };
        document.serialize(&mut Serializer::with_formatter(&mut self.out, VisibleJson)).map_err(io::Error::from)?;
        writeln!(self.out)
    }

    /// The same for a result of another kind, such as a list, below a name.
    pub(crate) fn json_of(&mut self, name: &str, result: &impl Serialize) -> io::Result<()> {
        self.json(&BTreeMap::from([(name, result)]))
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

/// Writes an error as the JSON document that stands for the result, if that is JSON.
pub(crate) fn error(format: Format, error: &impl Serialize) -> io::Result<()> {
    match format {
        Format::Human => Ok(()),
        Format::Json => {
            let document = Document { format: JSON_FORMAT, result: &BTreeMap::from([("error", error)]) };
            let mut out = io::stdout().lock();
            document.serialize(&mut Serializer::with_formatter(&mut out, VisibleJson)).map_err(io::Error::from)?;
            writeln!(out)
        }
    }
}

/// A result with the version of its format.
#[derive(Serialize)]
struct Document<'a, T> {
    format: u32,
    #[serde(flatten)]
    result: &'a T,
}
