//! `kiwi-host refill [CACHE...|--all]`

use anyhow::Result;
use kiwi_host::{CacheConfig, Guards};
use kiwi_store::{Error, Name};

use super::{diff, dry_run, run_once, start};
use crate::args::RefillArgs;
use crate::config::Config;
use crate::exit::Exit;
use crate::output::Output;
use crate::progress::Terminal;
use crate::target::Target;

/// Loads caches once and publishes them; with `--dry-run` it only prints what would be published.
pub(crate) async fn run(target: &Target, args: &RefillArgs, output: &mut Output, terminal: &Terminal) -> Result<Exit> {
    let Some(config) = &target.config else {
        return Err(Error::invalid(
            "no kiwi.toml found: use --config, or load plugins without one, with `kiwi-host run --once PLUGIN`",
        )
        .into());
    };
    let mut caches = if args.all {
        config.caches.clone()
    } else {
        args.caches.iter().map(|name| find(config, name)).collect::<Result<_, _>>()?
    };
    if args.diff {
        return diff::run(target, caches, output, terminal).await;
    }
    if args.dry_run {
        return dry_run::run(target, caches, output, terminal).await;
    }
    if args.force {
        caches.iter_mut().for_each(|cache| cache.guards = Guards::default());
    }
    let started = start::host(target, caches, || target.open_store()).await?;
    run_once::run(&started, args.quiet, output, terminal).await
}

fn find(config: &Config, name: &Name) -> Result<CacheConfig, Error> {
    if config.published.iter().any(|cache| cache.name == *name) {
        let message = format!("it has no plugin to load it: publish it with `... | kiwi-host publish {name}`");
        return Err(Error::invalid(message).of(name));
    }
    config.caches.iter().find(|cache| cache.name == *name).cloned().ok_or_else(|| {
        let known: Vec<&str> = config.caches.iter().map(|cache| cache.name.as_str()).collect();
        let path = config.path.display();
        Error::invalid(format!("not found in `{path}` (expected one of `{}`)", known.join("`, `"))).of(name)
    })
}
