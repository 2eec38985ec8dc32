//! One load by a loader in Rust: called once, within its time.

use kiwi_store::Name;
use tokio::task::{JoinError, JoinSet};
use tracing::Instrument;

use crate::config::limits::Limits;
use crate::entries::intake::Intake;
use crate::failure::{Failure, FailureKind};
use crate::loader::deadline::Deadline;
use crate::loader::load_error::LoadError;
use crate::loader::mark::Loaded;
use crate::loader::native::NativeLoader;
use crate::loader::output::{Output, Refusal};
use crate::printable;

/// Runs `load_from_source` once, and sends its entries to `intake`.
///
/// # Errors
/// A refusal, the loader's own error, its panic, or a limit.
pub(crate) async fn load(
    loader: &NativeLoader,
    cache: &Name,
    limits: &Limits,
    published_mark: Option<String>,
    intake: Intake,
) -> Result<Loaded, Failure> {
    let deadline = Deadline::after(limits.load_timeout, intake.progress());
    let refusal = Refusal::default();
    let (loader, mut output) = (loader.clone(), Output::new(intake, published_mark, refusal.clone()));
    let call = async move {
        loader.load_from_source(&mut output).await.map_err(LoadError::into_failure)?;
        output.conclude().await
    };
    // A task of its own, which ends with this: a loader that does not await for a while must not keep the
    // lease from being renewed. What it logs is logged under its cache's name.
    let mut task = JoinSet::new();
    task.spawn(call.instrument(tracing::info_span!("load", %cache)));
    let ended = deadline.bounds(task.join_next()).await;
    if let Some(refusal) = refusal.get() {
        // A loader cannot hide it, but may say where in its source the entry is.
        return Err(match ended {
            Ok(Some(Ok(Err(failure)))) if failure.repeats(refusal) => failure,
            _ => refusal.clone(),
        });
    }
    match ended? {
        Some(Ok(concluded)) => concluded,
        Some(Err(error)) => Err(panicked(error)),
        None => Err(Failure::new(FailureKind::Internal, "the load never began")),
    }
}

fn panicked(error: JoinError) -> Failure {
    let Ok(panic) = error.try_into_panic() else {
        return Failure::new(FailureKind::Other, "the load was cancelled: the runtime is shutting down");
    };
    let said = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let message = format!("the loader panicked: {}", said.unwrap_or("with a value that is not text"));
    Failure::new(FailureKind::Trap, printable::message(&message))
}
