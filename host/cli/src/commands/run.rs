//! `kiwi-host run [PLUGIN.wasm...]`

use anyhow::Result;
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
    let started = start::host(target, caches, || target.open_store()).await?;
    let running = started.host.instances().len();
    if args.once || running == 0 {
        return run_once::run(&started, output, terminal).await;
    }
    let caches = if running == 1 { "1 cache".to_owned() } else { format!("{running} caches") };
    tracing::info!("keeping {caches} warm; press Ctrl-C to stop");
    let stop = CancellationToken::new();
    let work = async {
        terminal.show_progress(&started.host, started.host.run(stop.cancelled(), args.drain_timeout)).await;
        Exit::Success
    };
    shutdown::run_until_stopped(&stop, work).await
}
