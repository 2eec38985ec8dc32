//! Exit codes, and what an error says at the end of a command.

use std::io;
use std::process::ExitCode;

use kiwi_host::PluginError;

use crate::config::Problems;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, or drained.
    Done,
    /// Something failed at run time.
    Failed,
    /// The cache or the key that was asked for is not there.
    Absent,
    /// The command line or the configuration is wrong, or nothing could run.
    Usage,
    /// A second Ctrl-C.
    Interrupted,
}

impl Exit {
    /// The code for an error that ended a command. A reader of our output that has gone away, as in
    /// `kiwi-host dump airlines | head`, is none.
    pub(crate) fn of(error: &anyhow::Error) -> Self {
        let broken_pipe = |cause: &io::Error| cause.kind() == io::ErrorKind::BrokenPipe;
        if error.chain().any(|cause| cause.downcast_ref().is_some_and(broken_pipe)) {
            return Self::Done;
        }
        let any = |is: fn(&kiwi_store::Error) -> bool| error.chain().any(|cause| cause.downcast_ref().is_some_and(is));
        if error.chain().any(|cause| cause.is::<Problems>() || cause.is::<PluginError>())
            || any(kiwi_store::Error::is_invalid)
        {
            Self::Usage
        } else if any(kiwi_store::Error::is_missing) {
            Self::Absent
        } else {
            Self::Failed
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Absent => 2,
            Exit::Usage => 64,
            Exit::Interrupted => 130,
        })
    }
}

/// An error and its causes, each said once.
pub(crate) fn explain(error: &anyhow::Error) -> String {
    let mut said = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !said.contains(&cause) {
            said = format!("{said}\n  because {cause}");
        }
    }
    said
}
