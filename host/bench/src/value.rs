//! A value of the map, as a service has it.

use serde::Deserialize;

/// What readers parse each value as.
#[derive(Clone, Debug, Deserialize)]
#[allow(dead_code, reason = "a service parses all of a value, whatever it then reads")]
pub(crate) struct Airline {
    pub(crate) code: String,
    pub(crate) name: String,
    pub(crate) country: String,
    pub(crate) rating: f64,
    pub(crate) open: bool,
    /// The generation it was made in, and ten million.
    pub(crate) made: u32,
}

impl Airline {
    /// The generation it was made in.
    pub(crate) fn generation(&self) -> u32 {
        self.made - 10_000_000
    }
}
