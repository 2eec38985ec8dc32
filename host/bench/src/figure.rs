//! A figure: one ratio with a name, a target, and what it came to.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::series::Series;

/// What is measured, and what is wanted of it.
#[derive(Debug)]
pub(crate) struct Figure {
    /// By which it is asked for, and found in BENCHMARKS.md.
    pub(crate) name: &'static str,
    /// In a few words.
    pub(crate) what: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) target: Target,
}

/// What is wanted of a figure.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    AtMost(f64),
    AtLeast(f64),
    /// Nothing: it is only stated.
    Stated,
}

/// What a figure came to.
#[derive(Debug)]
pub(crate) struct Measured {
    figure: &'static Figure,
    /// The figure itself, once a run.
    runs: Series,
    /// What it was made of, for those who want to know.
    detail: Vec<(String, f64)>,
}

impl Figure {
    /// Says what it came to, run by run.
    pub(crate) fn came_to(&'static self, runs: impl Into<Series>) -> Result<Measured> {
        let runs = runs.into();
        ensure!(!runs.is_empty(), "{} was not measured", self.name);
        Ok(Measured { figure: self, runs, detail: Vec::new() })
    }
}

impl Measured {
    /// Adds what it was made of: the median of some runs.
    pub(crate) fn with(mut self, name: impl Into<String>, runs: &Series) -> Self {
        self.detail.push((name.into(), runs.median()));
        self
    }

    pub(crate) fn figure(&self) -> &'static Figure {
        self.figure
    }

    pub(crate) fn ok(&self) -> bool {
        match self.figure.target {
            Target::AtMost(most) => self.runs.median() <= most,
            Target::AtLeast(least) => self.runs.median() >= least,
            Target::Stated => true,
        }
    }

    /// As one line of JSON.
    pub(crate) fn to_json(&self) -> Value {
        let target = match self.figure.target {
            Target::AtMost(target) | Target::AtLeast(target) => Some(target),
            Target::Stated => None,
        };
        let detail: serde_json::Map<_, _> =
            self.detail.iter().map(|(name, value)| (name.clone(), significant(*value).into())).collect();
        json!({
            "figure": self.figure.name,
            "ratio": significant(self.runs.median()),
            "target": target,
            "ok": self.ok(),
            "unit": self.figure.unit,
            "wanted": self.figure.target.to_string(),
            "min": significant(self.runs.min()),
            "max": significant(self.runs.max()),
            "runs": self.runs.len(),
            "detail": detail,
        })
    }

    /// As the cells of a row: figure, what, median, from .. to, target, whether it is met.
    pub(crate) fn cells(&self) -> [String; 6] {
        let unit = match self.figure.unit {
            "x" => "x".to_owned(),
            unit => format!(" {unit}"),
        };
        let range = match self.runs.len() {
            1 => "1 run".to_owned(),
            _ => format!("{} .. {}", significant(self.runs.min()), significant(self.runs.max())),
        };
        let target = match self.figure.target {
            Target::Stated => "stated".to_owned(),
            target => format!("{target}{unit}"),
        };
        let met = match (self.figure.target, self.ok()) {
            (Target::Stated, _) => "",
            (_, true) => "yes",
            (_, false) => "NO",
        };
        let median = format!("{}{unit}", significant(self.runs.median()));
        [self.figure.name.to_owned(), self.figure.what.to_owned(), median, range, target, met.to_owned()]
    }

    /// What it was made of, in words.
    pub(crate) fn detail(&self) -> String {
        let parts =
            self.detail.iter().map(|(name, value)| format!("{} {}", name.replace('_', " "), significant(*value)));
        parts.collect::<Vec<_>>().join(", ")
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "<= {most}"),
            Self::AtLeast(least) => write!(f, ">= {least}"),
            Self::Stated => Ok(()),
        }
    }
}

/// The first three digits that count: more would claim what was not measured.
pub(crate) fn significant(value: f64) -> f64 {
    format!("{value:.2e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    static FIGURE: Figure = Figure { name: "f", what: "a figure", unit: "x", target: Target::AtMost(1.1) };

    #[test]
    fn a_figure_is_its_median_against_its_target() {
        let measured = FIGURE.came_to(vec![1.0712, 1.3, 1.0]).unwrap().with("ours_s", &vec![2.0].into());
        assert!(measured.ok());
        assert_eq!(
            measured.to_json().to_string(),
            r#"{"detail":{"ours_s":2.0},"figure":"f","max":1.3,"min":1.0,"ok":true,"ratio":1.07,"runs":3,"target":1.1,"unit":"x","wanted":"<= 1.1"}"#
        );
        assert_eq!(measured.cells(), ["f", "a figure", "1.07x", "1 .. 1.3", "<= 1.1x", "yes"]);
        assert!(!FIGURE.came_to(vec![1.2]).unwrap().ok());
        assert!(FIGURE.came_to(Vec::new()).is_err());
    }

    #[test]
    fn three_digits_count() {
        assert_eq!([1234.0, 0.01239, 99.96].map(significant), [1230.0, 0.0124, 100.0]);
    }
}
