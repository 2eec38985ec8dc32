//! Measured values, run by run.

use std::time::Duration;

/// One value for each run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Series(Vec<f64>);

impl Series {
    pub(crate) fn push(&mut self, run: f64) {
        self.0.push(run);
    }

    /// Adds a time, in seconds.
    pub(crate) fn push_time(&mut self, time: Duration) {
        self.push(time.as_secs_f64());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The median; not a number if there are no runs.
    pub(crate) fn median(&self) -> f64 {
        (self.quantile(0.5 - f64::EPSILON) + self.quantile(0.5)) / 2.0
    }

    /// The value that this part of all runs is below.
    pub(crate) fn quantile(&self, part: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let place = (part * sorted.len() as f64) as usize;
        sorted.get(place.min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
    }

    pub(crate) fn min(&self) -> f64 {
        self.0.iter().copied().fold(f64::NAN, f64::min)
    }

    pub(crate) fn max(&self) -> f64 {
        self.0.iter().copied().fold(f64::NAN, f64::max)
    }

    /// Each value divided by that of the peer in the same turn, when the machine was equally busy.
    pub(crate) fn over(&self, peer: &Series) -> Series {
        self.0.iter().zip(&peer.0).map(|(ours, theirs)| ours / theirs).collect()
    }

    /// Each value less that of the peer in the same turn.
    pub(crate) fn minus(&self, peer: &Series) -> Series {
        self.0.iter().zip(&peer.0).map(|(ours, theirs)| ours - theirs).collect()
    }

    /// Each value, converted.
    pub(crate) fn map(&self, change: impl Fn(f64) -> f64) -> Series {
        self.0.iter().copied().map(change).collect()
    }
}

impl From<Vec<f64>> for Series {
    fn from(runs: Vec<f64>) -> Self {
        Self(runs)
    }
}

impl FromIterator<f64> for Series {
    fn from_iter<I: IntoIterator<Item = f64>>(runs: I) -> Self {
        Self(runs.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_extremes_and_ratios() {
        let odd = Series::from(vec![3.0, 1.0, 2.0]);
        assert_eq!((odd.median(), odd.min(), odd.max()), (2.0, 1.0, 3.0));
        let even = Series::from(vec![4.0, 1.0, 2.0, 3.0]);
        assert_eq!((even.median(), even.quantile(0.99), even.quantile(0.0)), (2.5, 4.0, 1.0));
        assert_eq!(odd.over(&Series::from(vec![1.0, 2.0, 4.0])).0, [3.0, 0.5, 0.5]);
        assert_eq!(odd.minus(&odd).0, [0.0; 3]);
        assert!(Series::default().median().is_nan());
    }
}
