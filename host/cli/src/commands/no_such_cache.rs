//! Whether a cache exists, and the error for a name that no cache has.

use kiwi_rows::near;
use kiwi_store::{Error, HostState, LeaseState, Name, Presence, Status, Store};

use crate::config::Config;
use crate::target::Target;

/// Whether the store knows anything of a cache.
pub(super) fn exists(status: &Status, hosts: &[HostState]) -> bool {
    let is_held = matches!(status.lease, LeaseState::Held { .. });
    status.presence != Presence::Missing || !status.failing.is_empty() || !hosts.is_empty() || is_held
}

/// That there is no such cache, in the store or in the configuration.
pub(super) async fn no_such_cache(target: &Target, store: &dyn Store, cache: &Name) -> Error {
    // The user of the store may not be allowed to list its caches; those of the configuration are still known.
    let mut names = store.caches().await.unwrap_or_default();
    names.extend(target.config.iter().flat_map(Config::all).map(|cache| cache.name.clone()));
    names.sort_unstable();
    names.dedup();
    let hint = hint(cache.as_str(), &names);
    Error::missing(format!("no such cache in {} or in kiwi.toml: {hint}", store.location())).of(cache)
}

fn hint(wanted: &str, names: &[Name]) -> String {
    match names {
        [] => "there are no caches yet".to_owned(),
        names => near::hint(wanted, names.iter().map(Name::as_str)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_like_another_is_suggested() {
        let names: Vec<Name> = ["airlines", "rates"].map(|name| name.parse().expect("a name")).into();
        assert_eq!(hint("airline", &names), "did you mean `airlines`?");
        assert_eq!(hint("xyz", &names), "there are `airlines`, `rates`");
        assert_eq!(hint("xyz", &[]), "there are no caches yet");
    }
}
