//! Exit codes, and how an error is printed.

use std::io;
use std::process::ExitCode;

use kiwi_host::PluginError;

use crate::config::Problems;
use crate::shutdown::Stopped;

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

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Success => 0,
            Exit::Failure => 1,
            Exit::Absent => 2,
            Exit::Usage => 64,
            Exit::Interrupted => 130,
        })
    }
}

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
