//! A log line as text: its fields first, then what happened.

use std::error::Error;
use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::Writer;

use crate::human;

/// Writes `cache=rates times=2 not refilled: ...`.
pub(crate) enum FieldsFirst {
    /// For a service: one event is one line.
    OneLine,
    /// For a command that somebody waits for: what happened may have several lines, such as lines to add to kiwi.toml.
    Lines,
}

impl<'w> FormatFields<'w> for FieldsFirst {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut line = Line::default();
        fields.record(&mut line);
        let Line { fields, message } = line;
        let message = match self {
            Self::OneLine => human::one_line(&message),
            Self::Lines => message.lines().map(human::one_line).collect::<Vec<_>>().join("\n"),
        };
        let space = if fields.is_empty() || message.is_empty() { "" } else { " " };
        write!(writer, "{fields}{space}{message}")
    }
}

#[derive(Default)]
struct Line {
    fields: String,
    message: String,
}

impl Line {
    fn add(&mut self, field: &Field, text: &str) {
        match field.name() {
            "message" => text.clone_into(&mut self.message),
            name => {
                let space = if self.fields.is_empty() { "" } else { " " };
                let is_word = !text.is_empty() && !text.contains([' ', '"', '=']);
                let text = human::one_line(text);
                // Writing to a string does not fail.
                let _ = match is_word {
                    true => write!(self.fields, "{space}{name}={text}"),
                    false => write!(self.fields, "{space}{name}=\"{}\"", text.replace('"', "\\\"")),
                };
            }
        }
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.add(field, &value.to_string());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    /// What is logged, without the time.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic").write(line)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn fields_come_first_and_an_event_is_one_line() {
        let log = Log::default();
        let writer = log.clone();
        let lines = tracing_subscriber::fmt().fmt_fields(FieldsFirst::OneLine).with_target(false).without_time();
        let subscriber = lines.with_ansi(false).with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, || {
            let nothing: Option<&str> = None;
            tracing::error!(cache = %"rates", times = 2, host = "a (process 1)", nothing, "not refilled: {}", "a\nERROR b");
            tracing::warn!(detail = "at \"f\"\n  at g", "stopped");
            tracing::info!("\u{1b}[31mred");
        });
        let text = String::from_utf8(log.0.lock().expect("no panic").clone()).expect("UTF-8");
        let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
        assert_eq!(
            lines,
            [
                r#"ERROR cache=rates times=2 host="a (process 1)" not refilled: a\nERROR b"#,
                r#"WARN detail="at \"f\"\n  at g" stopped"#,
                r"INFO \u{1b}[31mred",
            ]
        );
    }
}
