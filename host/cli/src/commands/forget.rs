//! `kiwi-host forget CACHE --yes`

use anyhow::Result;
use kiwi_store::{Error, Presence};

use crate::args::{ForgetArgs, Format};
use crate::exit::Exit;
use crate::human;
use crate::output::Output;
use crate::place::Place;

/// Deletes everything of a cache. Without `--yes` it only says what that would be.
pub(crate) async fn run(place: &Place, args: &ForgetArgs, output: &mut Output) -> Result<Exit> {
    let store = place.look_into_store()?;
    let (cache, location) = (&args.cache, store.location());
    if !args.yes {
        let what = match store.status(cache).await?.presence {
            Presence::Whole(head) | Presence::Lost(head) => human::entries(head.entries),
            Presence::Foreign(_) => "what is left of it, and not the record, which no host has written,".to_owned(),
            Presence::Missing => "whatever is left of it, which is no snapshot".to_owned(),
        };
        let message =
            format!("this would delete {what} from {location}: say `kiwi-host forget {cache} --yes` if that is meant");
        return Err(Error::invalid(message).of(cache).into());
    }
    let forgotten = store.forget(cache).await?;
    match output.format() {
        Format::Json => output.json(&serde_json::json!({ "cache": cache.as_str(), "forgotten": forgotten }))?,
        Format::Human if forgotten => output.line(format_args!("cache `{cache}` is deleted from {location}"))?,
        Format::Human => output.line(format_args!("there was nothing of cache `{cache}` in {location}"))?,
    }
    Ok(Exit::Done)
}
