//! A service that holds a map as JSON text and does nothing else: `untyped-reader URL CACHE`. It loads the map when it
//! reads a line on standard input, prints how many entries it holds, as {"entries": 1000000}, and holds them until
//! standard input ends.

#[path = "../../cli/src/allocator.rs"]
mod allocator;

use std::io::BufRead;

use anyhow::{Context, Result};
use kiwi_cache::blocking::Cache;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, cache] = &arguments[..] else { anyhow::bail!("expected: untyped-reader URL CACHE") };
    let mut requests = std::io::stdin().lock().lines();
    requests.next().context("nothing was asked")??;
    let held: Cache<str> = Cache::connect(url.as_str(), cache.as_str())?;
    println!("{{\"entries\": {}}}", held.len()?);
    requests.for_each(drop);
    Ok(())
}
