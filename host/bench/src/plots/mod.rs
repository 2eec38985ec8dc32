//! The plots: how long a refill takes, by the size of the map and by how much of it has changed.

mod all;
mod by_change;
mod by_size;
mod drawing;
mod plot;

pub(crate) use all::PLOTS;
pub(crate) use plot::Plot;
