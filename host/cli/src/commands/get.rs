//! `kiwi-host get CACHE KEY`

use anyhow::{Context, Result};
use kiwi_store::Presence;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::args::{Format, GetArgs};
use crate::exit::Exit;
use crate::output::Output;
use crate::place::Place;

/// What a program gets.
#[derive(Serialize)]
struct Found<'a> {
    cache: &'a str,
    key: &'a str,
    value: &'a RawValue,
}

/// Prints one value, as its loader wrote it.
pub(crate) async fn run(place: &Place, args: &GetArgs, output: &mut Output) -> Result<Exit> {
    let store = place.look_into_store()?;
    let (cache, key) = (&args.cache, args.key.as_str());
    let Some(values) = store.get(cache, &[key]).await? else {
        let presence = store.status(cache).await?.presence;
        eprintln!("kiwi-host: {}", absent(args, &presence, store.location()));
        return Ok(Exit::Absent);
    };
    let Some(value) = values.into_iter().next().flatten() else {
        eprintln!(
            "kiwi-host: cache `{cache}` has no key `{}`: `kiwi-host keys {cache}` lists them",
            key.escape_debug()
        );
        return Ok(Exit::Absent);
    };
    let value = std::str::from_utf8(&value).with_context(|| not_ours(args))?;
    match output.format() {
        Format::Human => output.line(value)?,
        Format::Json => {
            let value = serde_json::from_str(value).with_context(|| not_ours(args))?;
            output.json(&Found { cache: cache.as_str(), key, value })?;
        }
    }
    Ok(Exit::Done)
}

fn absent(args: &GetArgs, presence: &Presence, location: &str) -> String {
    let cache = &args.cache;
    match presence {
        Presence::Lost(_) => format!(
            "cache `{cache}`: its data in {location} does not match what was published, for example because Redis \
             evicted it: `kiwi-host refill {cache}` publishes it anew"
        ),
        // It may have come since it was asked for: then the next look shows it.
        Presence::Missing | Presence::Whole(_) | Presence::Foreign(_) => {
            format!("cache `{cache}`: nothing is published in {location}: `kiwi-host status` shows what is, and why")
        }
    }
}

fn not_ours(args: &GetArgs) -> String {
    format!(
        "cache `{}`: the value of `{}` is no JSON: something else than a host has written it",
        args.cache,
        args.key.escape_debug()
    )
}
