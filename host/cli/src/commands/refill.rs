//! `kiwi-host refill [CACHE...|--all]`

use anyhow::Result;
use kiwi_host::{CacheConfig, Guards};
use kiwi_store::{Error, Name};

use super::{diff, dry, once, start};
use crate::args::RefillArgs;
use crate::config::Config;
use crate::exit::Exit;
use crate::live::Screen;
use crate::output::Output;
use crate::place::Place;

/// Loads the caches that are named, or all, once, and publishes them or tells what that would do.
pub(crate) async fn run(place: &Place, args: &RefillArgs, output: &mut Output, screen: &Screen) -> Result<Exit> {
    let Some(config) = &place.config else {
        return Err(Error::invalid(
            "there is no kiwi.toml here, which says how caches are loaded: name it with `--config`, or load plugins \
             with `kiwi-host run --once PLUGIN.wasm`",
        )
        .into());
    };
    let mut caches = if args.all {
        config.caches.clone()
    } else {
        args.caches.iter().map(|name| find(config, name)).collect::<Result<_, _>>()?
    };
    if args.diff {
        return diff::run(place, caches, output, screen).await;
    }
    if args.dry_run {
        return dry::run(place, caches, output, screen).await;
    }
    if args.force {
        caches.iter_mut().for_each(|cache| cache.guards = Guards::default());
    }
    let started = start::host(place, caches, || place.open_store()).await?;
    once::run(&started, output, screen).await
}

fn find(config: &Config, name: &Name) -> Result<CacheConfig, Error> {
    config.caches.iter().find(|cache| cache.name == *name).cloned().ok_or_else(|| {
        let known: Vec<&str> = config.caches.iter().map(|cache| cache.name.as_str()).collect();
        let path = config.path.display();
        Error::invalid(format!("`{path}` has no such cache: expected one of `{}`", known.join("`, `"))).of(name)
    })
}
