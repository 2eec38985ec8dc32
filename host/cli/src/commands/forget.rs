//! `kiwi-host forget CACHE --yes`

use anyhow::Result;
use kiwi_store::{Error, Presence};

use crate::args::{ForgetArgs, Format};
use crate::exit::Exit;
use crate::human;
use crate::output::Output;
use crate::target::Target;

/// Deletes a cache from the store. Without `--yes` it only reports what would be deleted.
pub(crate) async fn run(target: &Target, args: &ForgetArgs, output: &mut Output) -> Result<Exit> {
    let store = target.open_existing_store()?;
    let (cache, location) = (&args.cache, store.location());
    if !args.yes {
        let what = match store.status(cache).await?.presence {
            Presence::Whole(head) | Presence::Lost(head) => human::entries(head.entries),
            Presence::Foreign(_) => "leftover keys (but not the record, which kiwi-cache wrote)".to_owned(),
            _ => "leftover keys, if any (nothing is published)".to_owned(),
        };
        let message =
            format!("this would delete {what} from {location}; to delete, run `kiwi-host forget {cache} --yes`");
        return Err(Error::invalid(message).of(cache).into());
    }
    let forgotten = store.forget(cache).await?;
    match output.format() {
        Format::Json => output.json(&serde_json::json!({ "cache": cache.as_str(), "forgotten": forgotten }))?,
        Format::Human if forgotten => output.line(format_args!("deleted cache `{cache}` from {location}"))?,
        Format::Human => output.line(format_args!("nothing to delete: {location} has no cache `{cache}`"))?,
    }
    Ok(Exit::Success)
}
