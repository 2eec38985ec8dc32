//! `kiwi-host publish CACHE`

use std::io::{self, BufRead, IsTerminal};

use anyhow::{Context, Result};
use kiwi_host::{AnyLoader, CacheConfig, FailureKind, Guards, NativeLoader, Outcome};
use kiwi_store::{Error, Name, Store, Ttl};

use super::{run_once, start};
use crate::args::{Format, PublishArgs};
use crate::config::{Config, Defaults};
use crate::exit::{Exit, Stopped};
use crate::output::Output;
use crate::progress::Terminal;
use crate::rows::{Given, Shape};
use crate::target::Target;
use crate::{human, shutdown};

/// Publishes the rows on standard input as the whole map of a cache, in the way a host publishes what a plugin loads.
pub(crate) async fn run(target: &Target, args: &PublishArgs, output: &mut Output, terminal: &Terminal) -> Result<Exit> {
    let mut cache = find(target.config.as_ref(), &args.cache)?;
    let shape = Shape::new(args)?;
    if io::stdin().is_terminal() {
        let message = format!(
            "standard input is a terminal: expected the rows of the whole map, as in `kiwi-host publish {} < rows.ndjson`",
            args.cache
        );
        return Err(Error::invalid(message).of(&args.cache).into());
    }
    if args.force {
        cache.guards = Guards::default();
    }
    cache.loader = AnyLoader::Native(NativeLoader::new(Given::new(shape, cache.limits.clone(), args.expect_rows)));
    // The lease is taken, and the time of the load begins, when its rows do.
    tokio::select! {
        begun = tokio::task::spawn_blocking(first_rows) => begun??,
        () = shutdown::received(1) => return Err(Stopped.into()),
    }
    let store = target.open_store()?;
    check_no_host(&*store, &args.cache).await?;
    let started = start::host(target, vec![cache.clone()], || Ok(store)).await?;
    let (outcomes, exit) = run_once::load_all(&started, terminal).await?;
    run_once::report(&started, &outcomes, args.quiet, output)?;
    if let (Some((_, outcome)), Format::Human) = (outcomes.first(), output.format()) {
        let timing = started.host.instances().first().map(|instance| instance.timing().cache_ttl);
        let is_configured = target.config.as_ref().is_some_and(|config| config.has(&args.cache));
        write_more(&args.cache, outcome, timing, is_configured, args.quiet, output)?;
    }
    Ok(exit)
}

/// The cache as kiwi.toml has it, or with defaults.
fn find(config: Option<&Config>, name: &Name) -> Result<CacheConfig> {
    let Some(config) = config else { return Ok(Defaults::default().published(name.clone())) };
    if let Some(cache) = config.published.iter().find(|cache| cache.name == *name) {
        return Ok(cache.clone());
    }
    let Some(cache) = config.caches.iter().find(|cache| cache.name == *name) else {
        return Ok(config.defaults.published(name.clone()));
    };
    let message = format!(
        "its plugin {} loads it, so a host would replace what you publish at its next refill: choose another name, or \
         replace `plugin` (with `settings` and `grants`) in [cache.{name}] of `{}` by `source = \"publish\"`",
        cache.loader,
        config.path.display()
    );
    Err(Error::invalid(message).of(name).into())
}

/// Waits for the first rows, or for the end of the input.
fn first_rows() -> Result<()> {
    io::stdin().lock().fill_buf().context("standard input cannot be read")?;
    Ok(())
}

/// Refuses to publish what a host would replace.
async fn check_no_host(store: &dyn Store, cache: &Name) -> Result<()> {
    // Whoever may not ask may still publish.
    let hosts = store.hosts(std::slice::from_ref(cache)).await.unwrap_or_default().concat();
    let Some(host) = hosts.into_iter().find(|host| host.is_alive) else { return Ok(()) };
    let message = format!(
        "the host {} loads it, and would replace what you publish at its next refill: choose another name, \
         or remove the cache from that host first",
        human::one_line(&host.report.host)
    );
    Err(Error::invalid(message).of(cache).into())
}

/// What to do after a failure, and how long the data lives after a success: nobody extends its life.
fn write_more(
    cache: &Name,
    outcome: &Outcome,
    cache_ttl: Option<Ttl>,
    is_configured: bool,
    is_quiet: bool,
    output: &mut Output,
) -> Result<()> {
    match (outcome, cache_ttl) {
        (Outcome::Published { .. } | Outcome::Unchanged { .. }, Some(Ttl::For(ttl))) if !is_quiet => {
            let ttl = human::duration(ttl);
            output.line(format_args!("{cache}: expires in {ttl} unless it is published again (`cache_ttl`)"))?;
        }
        (Outcome::Failed(failure), _) => match failure.kind {
            FailureKind::Guard => {
                eprintln!("    if the new map is right: `... | kiwi-host publish {cache} --force`");
            }
            FailureKind::Limit | FailureKind::Empty if !is_configured => {
                eprintln!("    to set that, add `[cache.{cache}]` with `source = \"publish\"` to kiwi.toml");
            }
            _ => {}
        },
        _ => {}
    }
    Ok(())
}
