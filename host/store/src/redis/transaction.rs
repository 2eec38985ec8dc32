//! Commands that Redis runs in one step.

use redis::{Cmd, Pipeline};

/// Commands to be run in one MULTI. (`atomic()` of redis-rs panics where MULTI is denied.)
#[derive(Clone, Default)]
pub(super) struct Transaction(Vec<Cmd>);

impl Transaction {
    pub(super) fn of(commands: impl IntoIterator<Item = Cmd>) -> Self {
        Self(commands.into_iter().collect())
    }

    pub(super) fn with(mut self, commands: impl IntoIterator<Item = Cmd>) -> Self {
        self.0.extend(commands);
        self
    }

    /// Moves the commands: those of a refill hold its entries.
    pub(super) fn add_to(self, pipeline: &mut Pipeline) {
        pipeline.cmd("MULTI");
        for command in self.0 {
            pipeline.add_command(command);
        }
        pipeline.cmd("EXEC");
    }

    /// How many replies it has: one for each command, and those of MULTI and EXEC.
    pub(super) fn replies(&self) -> usize {
        self.0.len() + 2
    }

    /// The words of each command.
    pub(super) fn words(&self) -> Vec<Vec<String>> {
        let words = |command: &Cmd| {
            let words = command.args_iter().filter_map(|word| match word {
                redis::Arg::Simple(word) => Some(String::from_utf8_lossy(word).into_owned()),
                _ => None,
            });
            words.collect()
        };
        self.0.iter().map(words).collect()
    }
}
