//! `kiwi-host run [PLUGIN.wasm...]`

use anyhow::Result;
use kiwi_host::CancellationToken;

use super::{dry, once, start};
use crate::args::RunArgs;
use crate::config::select;
use crate::exit::Exit;
use crate::live::Screen;
use crate::output::Output;
use crate::place::Place;
use crate::stop;

/// Keeps caches warm until a signal comes, or with `--once` or `--dry-run` loads each of them once.
pub(crate) async fn run(place: &Place, args: &RunArgs, output: &mut Output, screen: &Screen) -> Result<Exit> {
    let caches = select(place.config.as_ref(), &args.plugins)?;
    if args.dry_run {
        return dry::run(place, caches, output, screen).await;
    }
    let started = start::host(place, caches, || place.open_store()).await?;
    let running = started.host.instances().len();
    if args.once || running == 0 {
        return once::run(&started, output, screen).await;
    }
    let caches = if running == 1 { "cache is" } else { "caches are" };
    tracing::info!("{running} {caches} kept warm; Ctrl-C ends it");
    let stop = CancellationToken::new();
    let work = async {
        screen.during(&started.host, started.host.run(stop.cancelled(), args.drain_timeout)).await;
        Exit::Done
    };
    stop::run_until_stopped(&stop, work).await
}
