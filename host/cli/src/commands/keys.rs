//! `kiwi-host keys CACHE`

use anyhow::Result;

use super::snapshot;
use crate::args::{CacheArgs, Format};
use crate::exit::Exit;
use crate::output::Output;
use crate::target::Target;
use crate::visible;

/// Prints the keys, sorted.
pub(crate) async fn run(target: &Target, args: &CacheArgs, output: &mut Output) -> Result<Exit> {
    let snapshot = snapshot::load(target, &args.cache).await?;
    let mut keys: Vec<&str> = snapshot.keys().collect();
    keys.sort_unstable();
    match output.format() {
        Format::Human => keys.iter().try_for_each(|key| output.line(visible::text(key)))?,
        Format::Json => output.json(&serde_json::json!({ "cache": args.cache.as_str(), "keys": keys }))?,
    }
    Ok(Exit::Success)
}
