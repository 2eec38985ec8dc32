//! The Lua scripts that change a cache in one step.

use std::sync::LazyLock;

use redis::Cmd;

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

    /// A call whose keys and arguments are still to come: first the number of keys.
    pub(super) fn call(&self, by: By) -> Cmd {
        let mut call = match by {
            By::Hash => redis::cmd("EVALSHA"),
            By::Source => redis::cmd("EVAL"),
        };
        call.arg(if by == By::Hash { &self.hash } else { self.source });
        call
    }
}

macro_rules! script {
    ($name:ident, $file:literal) => {
        pub(super) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new(concat!(include_str!("prelude.lua"), "\n", include_str!($file))));
    };
}

script!(BEGIN, "begin.lua");
script!(RENEW, "renew.lua");
script!(COMMIT, "commit.lua");
script!(FAIL, "fail.lua");
script!(RELEASE, "release.lua");
script!(PROLONG, "prolong.lua");
script!(READ, "read.lua");
script!(FORGET, "forget.lua");
script!(RIGHTS, "rights.lua");
