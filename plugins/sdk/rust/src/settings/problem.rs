//! What is wrong with the settings.

use std::fmt;

/// What is wrong with which setting.
#[derive(Debug)]
pub struct Problem {
    /// Where, for example `columns[1]`; empty for the settings as a whole.
    path: String,
    fault: Fault,
}

#[derive(Debug)]
enum Fault {
    Missing,
    Unknown { known: Vec<&'static str> },
    Invalid(String),
}

impl Problem {
    /// A value is invalid, as this says.
    pub fn new(message: impl fmt::Display) -> Self {
        Self { path: String::new(), fault: Fault::Invalid(message.to_string()) }
    }

    pub(super) fn missing(name: &str) -> Self {
        Self { path: name.to_owned(), fault: Fault::Missing }
    }

    pub(super) fn unknown(name: &str, known: Vec<&'static str>) -> Self {
        Self { path: name.to_owned(), fault: Fault::Unknown { known } }
    }

    /// The same, of a value inside the one at `path`.
    pub(super) fn inside(self, path: &str) -> Self {
        let path = match self.path.as_str() {
            "" => path.to_owned(),
            inner if inner.starts_with('[') => format!("{path}{inner}"),
            inner => format!("{path}.{inner}"),
        };
        Self { path, ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match &self.fault {
            Fault::Missing => write!(f, "`{path}` is missing"),
            Fault::Unknown { known } if known.is_empty() => {
                write!(f, "`{path}` is not a setting of this loader: it takes none")
            }
            Fault::Unknown { known } => {
                write!(f, "`{path}` is not a setting of this loader: expected {}", alternatives(known))
            }
            Fault::Invalid(message) if path.is_empty() => f.write_str(message),
            Fault::Invalid(message) => write!(f, "`{path}`: {message}"),
        }
    }
}

/// For example "`json`, `ndjson` or `csv`".
pub(super) fn alternatives(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}
