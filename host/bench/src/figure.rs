//! A figure: a name and a target, and the values that were measured.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::series::Series;

/// What is measured, and its target.
#[derive(Debug)]
pub(crate) struct Figure {
    /// Its name on the command line and in BENCHMARKS.md.
    pub(crate) name: &'static str,
    /// What it measures, in a few words.
    pub(crate) what: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) target: Target,
}

/// The target of a figure.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    AtMost(f64),
    AtLeast(f64),
    /// No target: the value is for information.
    None,
}

/// The measured values of a figure.
#[derive(Debug)]
pub(crate) struct Measured {
    figure: &'static Figure,
    /// One value for each run.
    runs: Series,
    /// The medians that the values were computed from.
    detail: Vec<(String, f64)>,
}

impl Figure {
    /// The figure with its measured values, one for each run.
    pub(crate) fn measured(&'static self, runs: impl Into<Series>) -> Result<Measured> {
        let runs = runs.into();
        ensure!(!runs.is_empty(), "{} was not measured", self.name);
        Ok(Measured { figure: self, runs, detail: Vec::new() })
    }
}

impl Measured {
    /// Adds a median that the values were computed from.
    pub(crate) fn with(mut self, name: impl Into<String>, runs: &Series) -> Self {
        self.detail.push((name.into(), runs.median()));
        self
    }

    pub(crate) fn figure(&self) -> &'static Figure {
        self.figure
    }

    pub(crate) fn is_met(&self) -> bool {
        match self.figure.target {
            Target::AtMost(max) => self.runs.median() <= max,
            Target::AtLeast(min) => self.runs.median() >= min,
            Target::None => true,
        }
    }

    /// The figure as JSON.
    pub(crate) fn to_json(&self) -> Value {
        let target = match self.figure.target {
            Target::AtMost(target) | Target::AtLeast(target) => Some(target),
            Target::None => None,
        };
        let detail: serde_json::Map<_, _> =
            self.detail.iter().map(|(name, value)| (name.clone(), significant(*value).into())).collect();
        json!({
            "figure": self.figure.name,
            "ratio": significant(self.runs.median()),
            "target": target,
            "ok": self.is_met(),
            "unit": self.figure.unit,
            "wanted": self.figure.target.to_string(),
            "min": significant(self.runs.min()),
            "max": significant(self.runs.max()),
            "runs": self.runs.len(),
            "detail": detail,
        })
    }

    /// The cells of a table row: figure, what, median, min .. max, target, met.
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
            Target::None => "none".to_owned(),
            target => format!("{target}{unit}"),
        };
        let met = match (self.figure.target, self.is_met()) {
            (Target::None, _) => "",
            (_, true) => "yes",
            (_, false) => "NO",
        };
        let median = format!("{}{unit}", significant(self.runs.median()));
        [self.figure.name.to_owned(), self.figure.what.to_owned(), median, range, target, met.to_owned()]
    }

    /// The medians behind the figure, as text.
    pub(crate) fn detail(&self) -> String {
        let parts =
            self.detail.iter().map(|(name, value)| format!("{} {}", name.replace('_', " "), significant(*value)));
        parts.collect::<Vec<_>>().join(", ")
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtMost(max) => write!(f, "<= {max}"),
            Self::AtLeast(min) => write!(f, ">= {min}"),
            Self::None => Ok(()),
        }
    }
}

/// Rounded to three significant digits: the measurements are not more precise.
pub(crate) fn significant(value: f64) -> f64 {
    format!("{value:.2e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    static FIGURE: Figure = Figure { name: "f", what: "a figure", unit: "x", target: Target::AtMost(1.1) };

    #[test]
    fn a_figure_compares_its_median_with_its_target() {
        let measured = FIGURE.measured(vec![1.0712, 1.3, 1.0]).unwrap().with("ours_s", &vec![2.0].into());
        assert!(measured.is_met());
        assert_eq!(
            measured.to_json().to_string(),
            r#"{"detail":{"ours_s":2.0},"figure":"f","max":1.3,"min":1.0,"ok":true,"ratio":1.07,"runs":3,"target":1.1,"unit":"x","wanted":"<= 1.1"}"#
        );
        assert_eq!(measured.cells(), ["f", "a figure", "1.07x", "1 .. 1.3", "<= 1.1x", "yes"]);
        assert!(!FIGURE.measured(vec![1.2]).unwrap().is_met());
        assert!(FIGURE.measured(Vec::new()).is_err());
    }

    #[test]
    fn values_have_three_significant_digits() {
        assert_eq!([1234.0, 0.01239, 99.96].map(significant), [1230.0, 0.0124, 100.0]);
    }
}
