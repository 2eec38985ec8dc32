//! Colours by meaning.

use std::fmt::Display;
use std::io::IsTerminal;

use clap::builder::styling::{self, AnsiColor};

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
    /// On for a terminal, unless `NO_COLOR` is set (<https://no-color.org>).
    pub(crate) fn of(stream: &impl IsTerminal) -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        if wanted && stream.is_terminal() { Self::On } else { Self::Off }
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
