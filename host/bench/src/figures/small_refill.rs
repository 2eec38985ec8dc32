//! The host's own time for a small map.

use anyhow::Result;

use super::group::Group;
use crate::figure::{Figure, Measured, Target};
use crate::refiller::{By, Expected, Refiller, Source};
use crate::series::Series;
use crate::server::Server;
use crate::setup::Setup;

pub(super) const GROUP: Group = Group { figures: &[&SMALL_REFILL], measure };

static SMALL_REFILL: Figure = Figure {
    name: "small-refill",
    what: "refill of 10 entries by a Rust component, without the store: instance, load, checks",
    unit: "µs",
    target: Target::AtMost(100.0),
};

fn measure(setup: &Setup) -> Result<Vec<Measured>> {
    let server = Server::start();
    let fixed = Refiller::new(setup, &server.url(), By::Component, Source::fixed(10))?;
    let [mut without_store, mut unchanged] = std::array::from_fn(|_| Series::default());
    fixed.refill(Expected::Published)?;
    for _ in 0..setup.runs() * 40 {
        without_store.push(fixed.load_dry()?.as_secs_f64() * 1e6);
        unchanged.push(fixed.refill(Expected::Unchanged)?.as_secs_f64() * 1e6);
    }
    let [mut from_file, mut published] = std::array::from_fn(|_| Series::default());
    let mut changing = Refiller::new(setup, &server.url(), By::Component, Source::of(10))?;
    for _ in 0..setup.runs() * 40 {
        changing.change()?;
        from_file.push(changing.load_dry()?.as_secs_f64() * 1e6);
        published.push(changing.refill(Expected::Published)?.as_secs_f64() * 1e6);
    }
    let measured = SMALL_REFILL.measured(without_store)?.with("from_a_file_µs", &from_file);
    Ok(vec![
        measured.with("with_redis_unchanged_µs", &unchanged).with("from_a_file_with_redis_published_µs", &published),
    ])
}
