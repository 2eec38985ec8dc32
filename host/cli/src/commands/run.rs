//! `kiwi-host run [PLUGIN...]`

use anyhow::Result;
use kiwi_host::{CacheConfig, Host};
use tokio_util::sync::CancellationToken;

use super::{dry_run, run_once, start};
use crate::args::RunArgs;
use crate::config::select;
use crate::exit::Exit;
use crate::output::Output;
use crate::progress::Terminal;
use crate::shutdown;
use crate::target::Target;

/// Keeps caches warm until a signal comes. With `--once` or `--dry-run` it loads each of them once.
pub(crate) async fn run(target: &Target, args: &RunArgs, output: &mut Output, terminal: &Terminal) -> Result<Exit> {
    let caches = select(target.config.as_ref(), &args.plugins)?;
    if args.dry_run {
        return dry_run::run(target, caches, output, terminal).await;
    }
    if args.once {
        let started = start::host(target, caches, || target.open_store()).await?;
        return run_once::run(&started, false, output, terminal).await;
    }
    start::check_not_empty(target, &caches)?;
    if let Some(published) = start::published(target).filter(|_| args.plugins.is_empty()) {
        tracing::info!("{published}");
    }
    start::warn_of_missing_secrets(target, &caches);
    let (host, _) = start::builder(target, target.open_store()?)?.build().await?;
    let stop = CancellationToken::new();
    let work = async {
        let starting = start(&host, target, &caches, &stop);
        let running = terminal.show_progress(&host, host.run(stop.cancelled(), args.drain_timeout));
        let (exit, ()) = tokio::join!(starting, running);
        exit
    };
    shutdown::run_until_stopped(&stop, work).await
}

/// Starts all caches on a host that runs, each as soon as it is ready. If none can run, ends the host.
async fn start(host: &Host, target: &Target, caches: &[CacheConfig], stop: &CancellationToken) -> Exit {
    let started = stop.run_until_cancelled(start::insert_all(host, target, caches)).await;
    match started {
        Some(0) => {
            stop.cancel();
            return Exit::Usage;
        }
        Some(1) => tracing::info!("keeping 1 cache warm; press Ctrl-C to stop"),
        Some(running) => tracing::info!("keeping {running} caches warm; press Ctrl-C to stop"),
        None => {}
    }
    Exit::Success
}
