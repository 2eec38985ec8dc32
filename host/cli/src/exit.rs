//! Exit codes, and how an error is printed.

use std::io;
use std::process::ExitCode;

use kiwi_host::PluginError;
use kiwi_store::{ErrorKind, Name};
use serde::Serialize;

use crate::config::Problems;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Success, or shut down after a signal.
    Success,
    /// A failure at run time.
    Failure,
    /// The requested cache or key does not exist.
    Absent,
    /// Invalid usage or configuration, or nothing to run.
    Usage,
    /// Stopped by a signal before the work was done; for `run` and `refill`, by a second one.
    Interrupted,
}

impl Exit {
    /// The exit code for an error. A broken pipe is a success: in `kiwi-host dump airlines | head`,
    /// `head` exits as soon as it has enough.
    pub(crate) fn of(error: &anyhow::Error) -> Self {
        let broken_pipe = |cause: &io::Error| cause.kind() == io::ErrorKind::BrokenPipe;
        if error.chain().any(|cause| cause.downcast_ref().is_some_and(broken_pipe)) {
            return Self::Success;
        }
        if error.chain().any(|cause| cause.is::<Stopped>()) {
            return Self::Interrupted;
        }
        let any = |is: fn(&kiwi_store::Error) -> bool| error.chain().any(|cause| cause.downcast_ref().is_some_and(is));
        if error.chain().any(|cause| cause.is::<Problems>() || cause.is::<PluginError>())
            || any(kiwi_store::Error::is_invalid)
        {
            Self::Usage
        } else if any(kiwi_store::Error::is_missing) {
            Self::Absent
        } else {
            Self::Failure
        }
    }
}

impl Exit {
    fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::Absent => 2,
            Self::Usage => 64,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// An error as JSON: docs/output.md describes the fields.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorDocument {
    kind: &'static str,
    cache: Option<String>,
    message: String,
    exit_code: u8,
}

impl ErrorDocument {
    pub(crate) fn new(error: &anyhow::Error) -> Self {
        let of_store = error.chain().find_map(|cause| cause.downcast_ref::<kiwi_store::Error>());
        let kind = match of_store.map(kiwi_store::Error::kind) {
            _ if error.chain().any(|cause| cause.is::<Problems>()) => "configuration",
            _ if error.chain().any(|cause| cause.is::<PluginError>()) => "plugin",
            None => "failure",
            Some(ErrorKind::Invalid) => "invalid",
            Some(ErrorKind::Missing) => "missing",
            Some(ErrorKind::Unavailable) => "unavailable",
            Some(ErrorKind::Denied) => "denied",
            Some(ErrorKind::WrongType) => "wrong-type",
            Some(ErrorKind::Full) => "full",
            Some(ErrorKind::NewerFormat) => "newer-format",
            Some(ErrorKind::Value) => "value",
            Some(ErrorKind::LoadFailed) => "load-failed",
            Some(_) => "failure",
        };
        let cache = of_store.and_then(kiwi_store::Error::cache).map(Name::to_string);
        Self { kind, cache, message: explain(error), exit_code: Exit::of(error).code() }
    }
}

/// Stopped by a signal before there was anything to give back.
#[derive(Debug)]
pub(crate) struct Stopped;

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("stopped by a signal")
    }
}

impl std::error::Error for Stopped {}

/// An error and its causes, without repeating a cause whose text the error already contains.
pub(crate) fn explain(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}\n  caused by: {cause}");
        }
    }
    text
}
