//! The Lua scripts that read or change a cache in one step, and how they are called.
//!
//! Every script gets the same keys in the same order ([`Keys::of_scripts`]), and arguments by name.
//! `prelude.lua` unpacks both.

use std::fmt::Display;
use std::sync::LazyLock;

use redis::Cmd;

use super::keys::Keys;

/// A script, called by its hash, or by its source where the server does not know it yet.
pub(super) struct Script {
    source: &'static str,
    hash: String,
}

/// How a script is named in a call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Hash,
    Source,
}

impl Script {
    fn new(source: &'static str) -> Self {
        Self { source, hash: redis::Script::new(source).get_hash().to_owned() }
    }

    /// A call of the script about one cache. `token` names the staging keys.
    pub(super) fn call(&'static self, keys: &Keys, token: impl Display) -> Call {
        Call { script: self, keys: keys.of_scripts(token), args: Vec::new() }
    }
}

/// A call of a script with its arguments.
#[derive(Clone)]
pub(super) struct Call {
    script: &'static Script,
    keys: Vec<String>,
    args: Vec<(&'static str, String)>,
}

impl Call {
    /// Adds an argument: `args.NAME` in the script.
    pub(super) fn arg(mut self, name: &'static str, value: impl Display) -> Self {
        self.args.push((name, value.to_string()));
        self
    }

    /// Adds an argument that may be absent: nil in the script.
    pub(super) fn optional(self, name: &'static str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.arg(name, value),
            None => self,
        }
    }

    pub(super) fn command(&self, by: By) -> Cmd {
        let mut command = match by {
            By::Hash => redis::cmd("EVALSHA"),
            By::Source => redis::cmd("EVAL"),
        };
        command.arg(if by == By::Hash { &self.script.hash } else { self.script.source });
        command.arg(self.keys.len()).arg(&self.keys);
        for (name, value) in &self.args {
            command.arg(name).arg(value);
        }
        command
    }
}

macro_rules! script {
    ($name:ident: $($file:literal)+) => {
        pub(super) static $name: LazyLock<Script> = LazyLock::new(|| {
            Script::new(concat!(include_str!("scripts/prelude.lua"), "\n", include_str!("scripts/ttl.lua"), $("\n", include_str!($file)),+))
        });
    };
}

script!(BEGIN: "scripts/begin.lua");
script!(RENEW: "scripts/renew.lua");
script!(COMMIT: "scripts/publication.lua" "scripts/commit.lua");
script!(RESTORE: "scripts/publication.lua" "scripts/restore.lua");
script!(FAIL: "scripts/fail.lua");
script!(RELEASE: "scripts/release.lua");
script!(PROLONG: "scripts/prolong.lua");
script!(REPORT: "scripts/report.lua");
script!(READ: "scripts/read.lua");
script!(FORGET: "scripts/forget.lua");
script!(CHECK: "scripts/check.lua");
