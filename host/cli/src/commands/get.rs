//! `kiwi-host get CACHE KEY`

use anyhow::{Context, Result};
use kiwi_store::{Error, Presence};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::args::{Format, GetArgs};
use crate::exit::Exit;
use crate::output::Output;
use crate::target::Target;
use crate::visible;

/// The result as JSON.
#[derive(Serialize)]
struct Found<'a> {
    cache: &'a str,
    key: &'a str,
    value: &'a RawValue,
}

/// Prints one value, as its loader wrote it, on one line.
pub(crate) async fn run(target: &Target, args: &GetArgs, output: &mut Output) -> Result<Exit> {
    let store = target.open_existing_store()?;
    let (cache, key) = (&args.cache, args.key.as_str());
    let Some(values) = store.get(cache, &[key]).await? else {
        let presence = store.status(cache).await?.presence;
        return Err(Error::missing(no_cache(args, &presence, store.location())).of(cache).into());
    };
    let Some(value) = values.into_iter().next().flatten() else {
        let message = format!("there is no key `{}`; list its keys with `kiwi-host keys {cache}`", visible::text(key));
        return Err(Error::missing(message).of(cache).into());
    };
    let value = std::str::from_utf8(&value).with_context(|| invalid_json(args))?;
    match output.format() {
        Format::Human => output.line(visible::json(value))?,
        Format::Json => {
            let value = serde_json::from_str(value).with_context(|| invalid_json(args))?;
            output.json(&Found { cache: cache.as_str(), key, value })?;
        }
    }
    Ok(Exit::Success)
}

fn no_cache(args: &GetArgs, presence: &Presence, location: &str) -> String {
    let cache = &args.cache;
    match presence {
        Presence::Lost(_) => format!(
            "the data in {location} is not what was published (Redis may have evicted it); publish it \
             again with `kiwi-host refill {cache}`"
        ),
        // A map published between the two requests is `Whole` here; the next `get` will find it.
        _ => {
            format!("nothing is published in {location}; for the reason, see `kiwi-host status {cache}`")
        }
    }
}

fn invalid_json(args: &GetArgs) -> String {
    format!(
        "cache `{}`: the value of `{}` is not valid JSON, so something other than a host wrote it",
        args.cache,
        visible::text(&args.key)
    )
}
