//! Colours by meaning.

use std::fmt::Display;

use anstream::stream::RawStream;
use anstream::{AutoStream, ColorChoice};
use clap::builder::styling::{self, AnsiColor};

use crate::args::Color;

/// What a piece of text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Good,
    Warning,
    Bad,
    Heading,
    Plain,
}

/// Whether a stream gets colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colours {
    On,
    Off,
}

impl Colours {
    /// As the operator asks. `auto`: on for a terminal, unless `NO_COLOR` (<https://no-color.org>) or `CLICOLOR_FORCE`
    /// (<https://bixense.com/clicolors>) says otherwise.
    pub(crate) fn of(stream: &impl RawStream, color: Color) -> Self {
        let wanted = match color {
            Color::Auto => AutoStream::choice(stream) != ColorChoice::Never,
            Color::Always => true,
            Color::Never => false,
        };
        if wanted { Self::On } else { Self::Off }
    }

    /// Text in the colour of its meaning.
    pub(crate) fn paint(self, style: Style, text: impl Display) -> String {
        let ansi = styling::Style::new();
        let ansi = match (self, style) {
            (Self::Off, _) | (Self::On, Style::Plain) => return text.to_string(),
            (Self::On, Style::Good) => ansi.fg_color(Some(AnsiColor::Green.into())),
            (Self::On, Style::Warning) => ansi.fg_color(Some(AnsiColor::Yellow.into())),
            (Self::On, Style::Bad) => ansi.fg_color(Some(AnsiColor::Red.into())),
            (Self::On, Style::Heading) => ansi.bold(),
        };
        format!("{ansi}{text}{ansi:#}")
    }
}
