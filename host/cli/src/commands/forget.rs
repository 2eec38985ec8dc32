//! `kiwi-host forget CACHE [--yes]`

use anyhow::Result;
use kiwi_store::{Error, Presence};

use super::no_such_cache::{exists, no_such_cache};
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
        let status = store.status(cache).await?;
        if !exists(&status, &store.hosts(std::slice::from_ref(cache)).await?.concat()) {
            return Err(no_such_cache(target, &*store, cache).await.into());
        }
        let what = match status.presence {
            Presence::Whole(head) | Presence::Lost(head) => human::entries(head.entries),
            Presence::Foreign(_) => "leftover keys (but not the record, which kiwi-cache wrote)".to_owned(),
            _ => "leftover keys, if any (nothing is published)".to_owned(),
        };
        let message =
            format!("this would delete {what} from {location}; to delete, run `kiwi-host forget {cache} --yes`");
        return Err(Error::invalid(message).of(cache).into());
    }
    if !store.forget(cache).await? {
        return Err(no_such_cache(target, &*store, cache).await.into());
    }
    match output.format() {
        Format::Json => output.json(&serde_json::json!({ "cache": cache.as_str(), "forgotten": true }))?,
        Format::Human => output.line(format_args!("deleted cache `{cache}` from {location}"))?,
    }
    Ok(Exit::Success)
}
