//! `kiwi-host get CACHE KEY`

use anyhow::{Context, Result};
use kiwi_store::{Error, HashState, LookUp, Name, Presence};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::args::{Format, GetArgs};
use crate::exit::Exit;
use crate::human;
use crate::output::Output;
use crate::target::Target;
use crate::visible;

/// The result as JSON: docs/output.md describes the fields.
#[derive(Serialize)]
struct Found<'a> {
    cache: &'a str,
    key: &'a str,
    value: &'a RawValue,
    id: String,
    /// `None` if kiwi-cache wrote the record.
    seq: Option<u64>,
    age_ms: u64,
    loaded_at: String,
    checked_at: String,
    hash_behind: bool,
}

/// Prints one value, as its loader wrote it, on one line. It is of what is published, also where `HGET` shows something
/// older.
pub(crate) async fn run(target: &Target, args: &GetArgs, output: &mut Output) -> Result<Exit> {
    let store = target.open_existing_store()?;
    let (cache, key) = (&args.cache, args.key.as_str());
    let Some(LookUp { now, head, hash, values, .. }) = store.look_up(cache, &[key]).await? else {
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
            output.json(&Found {
                cache: cache.as_str(),
                key,
                value,
                id: head.id.to_string(),
                seq: Some(head.seq).filter(|&seq| seq > 0),
                age_ms: human::millis(now.duration_since(head.checked_at).unwrap_or_default()),
                loaded_at: human::exact_time(head.loaded_at),
                checked_at: human::exact_time(head.checked_at),
                hash_behind: hash == HashState::Behind,
            })?;
        }
    }
    if hash == HashState::Behind {
        eprintln!("kiwi-host: {}", hash_is_behind(cache, head.seq));
    }
    Ok(Exit::Success)
}

fn hash_is_behind(cache: &Name, seq: u64) -> String {
    format!(
        "cache `{cache}`: the value is of snapshot {seq}, but the plain hash is behind, so `HGET` may show an older one; a \
         host brings it up to date within seconds: if it does not, see `kiwi-host status {cache}`"
    )
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
