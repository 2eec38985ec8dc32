//! One load by a loader in Rust: called once, within its time.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use kiwi_cache::Name;
use tracing::Instrument;

use crate::config::Limits;
use crate::deadline::Deadline;
use crate::failure::{Failure, FailureKind};
use crate::intake::Intake;
use crate::load_error::LoadError;
use crate::loaded::Loaded;
use crate::loader::NativeLoader;
use crate::output::Output;
use crate::plain;

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
    let mut output = Output::new(intake, published_mark);
    let deadline = Deadline::after(limits.load_timeout);
    // What the loader logs is logged under its cache's name.
    let called = loader.load_from_source(&mut output).instrument(tracing::info_span!("load", %cache));
    let returned = deadline.bounds(AssertUnwindSafe(called).catch_unwind()).await;
    if let Some(refusal) = output.refusal() {
        return Err(refusal);
    }
    returned?.map_err(|panic| panicked(&*panic))?.map_err(LoadError::into_failure)?;
    deadline.bounds(output.conclude()).await?
}

fn panicked(panic: &(dyn Any + Send)) -> Failure {
    let said = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let message = format!("the loader panicked: {}", said.unwrap_or("with a value that is no text"));
    Failure::new(FailureKind::Trap, plain::message(&message))
}
