//! A value of the map, as a service defines it.

use serde::Deserialize;

/// The type that readers parse each value into.
#[derive(Clone, Debug, Deserialize)]
#[allow(dead_code, reason = "a service parses all fields, whichever it then uses")]
pub(crate) struct Airline {
    pub(crate) code: String,
    pub(crate) name: String,
    pub(crate) country: String,
    pub(crate) rating: f64,
    pub(crate) open: bool,
    /// 10,000,000 plus the generation that the value was made in.
    pub(crate) made: u32,
}

impl Airline {
    /// The generation that the value was made in.
    pub(crate) fn generation(&self) -> u32 {
        self.made - 10_000_000
    }
}
