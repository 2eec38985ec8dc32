//! The Lua scripts that read or change a cache in one step, and how they are called.
//!
//! Every script gets the same keys in the same order ([`Keys::of_scripts`]), and arguments by name.
//! `prelude.lua` unpacks both.

use std::fmt::Display;
use std::sync::LazyLock;

use redis::Cmd;

use super::keys::Keys;
use crate::{Batch, Id};

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
        #[cfg(feature = "testing")]
        let source = mutated(source);
        Self { source, hash: redis::Script::new(source).get_hash().to_owned() }
    }

    /// A call of the script about one cache. `token` names the staging keys.
    pub(super) fn call(&'static self, keys: &Keys, token: impl Display) -> Call {
        self.call_with_version(keys, token, Id::of(0))
    }

    /// The same for a lease, or a repacking, that writes a version.
    pub(super) fn call_with_version(&'static self, keys: &Keys, token: impl Display, version: Id) -> Call {
        Call { script: self, keys: keys.of_scripts(token, version), args: Vec::new(), entries: Batch::default() }
    }
}

/// A script with a fault, for showing that a test notices it: `KIWI_MUTATE_SCRIPTS="OLD=>NEW"` replaces a part of it.
#[cfg(feature = "testing")]
fn mutated(script: &'static str) -> &'static str {
    match std::env::var("KIWI_MUTATE_SCRIPTS").as_deref().unwrap_or_default().split_once("=>") {
        Some((old, new)) => script.replace(old, new).leak(),
        None => script,
    }
}

/// A call of the script with its arguments.
#[derive(Clone)]
pub(super) struct Call {
    script: &'static Script,
    keys: Vec<String>,
    args: Vec<(&'static str, Vec<u8>)>,
    entries: Batch,
}

impl Call {
    /// Adds an argument: `args.NAME` in the script.
    pub(super) fn arg(self, name: &'static str, value: impl Display) -> Self {
        self.bytes(name, value.to_string().into_bytes())
    }

    /// Adds an argument that is not a text.
    pub(super) fn bytes(mut self, name: &'static str, value: Vec<u8>) -> Self {
        self.args.push((name, value));
        self
    }

    /// Adds an argument that may be absent: nil in the script.
    pub(super) fn optional(self, name: &'static str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.arg(name, value),
            None => self,
        }
    }

    /// Adds entries behind the arguments: `ARGV` from `rest` on.
    pub(super) fn entries(self, entries: Batch) -> Self {
        Self { entries, ..self }
    }

    pub(super) fn command(&self, by: By) -> Cmd {
        let mut command = match by {
            By::Hash => redis::cmd("EVALSHA"),
            By::Source => redis::cmd("EVAL"),
        };
        command.arg(if by == By::Hash { &self.script.hash } else { self.script.source });
        command.arg(self.keys.len()).arg(&self.keys).arg(self.args.len());
        for (name, value) in &self.args {
            command.arg(name).arg(value);
        }
        for (key, value) in self.entries.iter() {
            command.arg(key).arg(value);
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

script!(BEGIN: "scripts/published.lua" "scripts/begin.lua");
script!(RENEW: "scripts/renew.lua");
script!(COMMIT: "scripts/published.lua" "scripts/publication.lua" "scripts/commit.lua");
script!(RESTORE: "scripts/published.lua" "scripts/publication.lua" "scripts/restore.lua");
script!(HASH: "scripts/hash.lua");
script!(REPACK: "scripts/published.lua" "scripts/repack.lua");
script!(FAIL: "scripts/fail.lua");
script!(RELEASE: "scripts/release.lua");
script!(PROLONG: "scripts/prolong.lua");
script!(REPORT: "scripts/report.lua");
script!(READ: "scripts/read.lua");
script!(FORGET: "scripts/forget.lua");
script!(CHECK: "scripts/check.lua");
