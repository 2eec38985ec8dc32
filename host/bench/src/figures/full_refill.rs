//! A full refill of a map that is published already, compared with Redis itself, with kiwi-cache, and with a loader in plain Rust.

use anyhow::Result;
use kiwi_store::Layout;

use super::group::Group;
use crate::figure::{Figure, Measured, Target};
use crate::peers::{KiwiCache, Pipe};
use crate::refiller::{By, Expected, Refiller, Source};
use crate::series::Series;
use crate::server::Server;
use crate::setup::Setup;

pub(super) const GROUP: Group = Group { figures: &[&VS_PIPE, &WITHOUT_HASH, &VS_KIWI_CACHE, &WASM_VS_NATIVE], measure };

static VS_PIPE: Figure = Figure {
    name: "full-refill-vs-pipe",
    what: "full refill of 1M entries by a component: time, compared with `redis-cli --pipe` with HSET x 500",
    unit: "x",
    target: Target::AtMost(1.15),
};
static WITHOUT_HASH: Figure = Figure {
    name: "refill-without-hash-vs-pipe",
    what: "the same with `hash = false`",
    unit: "x",
    target: Target::AtMost(0.65),
};
static VS_KIWI_CACHE: Figure = Figure {
    name: "full-refill-vs-kiwi-cache",
    what: "the same: how many times as fast as kiwi-cache",
    unit: "x",
    target: Target::AtLeast(6.0),
};
static WASM_VS_NATIVE: Figure = Figure {
    name: "wasm-vs-native",
    what: "the same: time, compared with the same loader in plain Rust",
    unit: "x",
    target: Target::AtMost(1.15),
};

fn measure(setup: &Setup) -> Result<Vec<Measured>> {
    let server = Server::start();
    let entries = setup.entries();
    let source = Source::of(entries);
    let mut component = Refiller::new(setup, &server.url(), By::Component, source)?;
    let mut native = Refiller::new(setup, &server.url(), By::Native, source)?;
    let mut without_hash = Refiller::with_layout(setup, &server.url(), By::Component, source, Layout::Version)?;
    let pipe = Pipe::prepare(setup, entries)?;
    let mut kiwi_cache = KiwiCache::start(setup, &server, entries)?;

    let [
        mut by_component,
        mut from_empty,
        mut by_version,
        mut by_native,
        mut by_pipe,
        mut by_kiwi_cache,
        mut its_source,
    ] = std::array::from_fn(|_| Series::default());
    for _ in 0..setup.runs() {
        server.flush()?;
        by_pipe.push_time(pipe.run(&server)?);
        server.flush()?;
        from_empty.push_time(component.refill(Expected::Published)?);
        component.change()?;
        by_component.push_time(component.refill(Expected::Published)?);
        server.flush()?;
        native.refill(Expected::Published)?;
        native.change()?;
        by_native.push_time(native.refill(Expected::Published)?);
        server.flush()?;
        without_hash.refill(Expected::Published)?;
        without_hash.change()?;
        by_version.push_time(without_hash.refill(Expected::Published)?);
        server.flush()?;
        let (took, source) = kiwi_cache.refill()?;
        by_kiwi_cache.push_time(took);
        its_source.push_time(source);
    }
    Ok(vec![
        VS_PIPE
            .measured(by_component.over(&by_pipe))?
            .with("component_s", &by_component)
            .with("pipe_s", &by_pipe)
            .with("from_empty_s", &from_empty),
        WITHOUT_HASH.measured(by_version.over(&by_pipe))?.with("without_hash_s", &by_version).with("pipe_s", &by_pipe),
        VS_KIWI_CACHE
            .measured(by_kiwi_cache.over(&by_component))?
            .with("kiwi_cache_s", &by_kiwi_cache)
            .with("of_which_its_source_s", &its_source)
            .with("component_s", &by_component),
        WASM_VS_NATIVE
            .measured(by_component.over(&by_native))?
            .with("component_s", &by_component)
            .with("native_s", &by_native),
    ])
}
