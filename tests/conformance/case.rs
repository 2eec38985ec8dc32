//! The cases, as they stand in `cases/*.json`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::bytes::Bytes;

/// What happens in a Redis, and what a reader must say meanwhile.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// Which rule of the protocol it holds.
    #[allow(dead_code, reason = "for whoever reads the case")]
    why: String,
    pub(crate) steps: Vec<Step>,
}

/// One step of a case.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Step {
    /// Connects a reader. Its settings are handed on to the driver.
    Open(Settings),
    /// The reader polls now.
    Reload(Empty),
    /// What it must say now; if it listens for messages, soon.
    Says(Says),
    /// What a read of one key gives that uses no copy.
    LookUp(LookUp),
    /// Something happens in Redis.
    #[serde(untagged)]
    Event(Event),
}

/// Something that happens in Redis.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Event {
    /// Everything is in Redis as it was at this moment of a recording, and nothing else is. It is checked and loaded now.
    Given(String),
    /// The times of what is published are so many milliseconds ago; in the future if negative.
    CheckedAgo(i64),
    /// A command. In each argument, `kiwi:` at the beginning is the case's own prefix, and `$version` the key of the version.
    Command(Vec<Bytes>),
    /// Changes some bytes.
    Edit(Edit),
    /// What was announced at this moment is announced again.
    Announce(String),
    /// A message on the channel of the cache.
    Message(Bytes),
    /// What was announced, in other words: each text is replaced by the one behind it.
    Forge(Forge),
    Flushall(Empty),
    /// Redis cannot be reached any more, or again.
    Away(bool),
    /// These events happen when a reader asks for something whose command has this text, before Redis hears it.
    Meanwhile(Meanwhile),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Empty {}

/// The settings of a reader.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Whether it listens for messages. If not, it polls only when it is told to.
    pub(crate) listen: bool,
    /// The key of a record, where it is told of one: needed if no host has published.
    pub(crate) record: Option<String>,
    /// An hour by default, so that it does not poll by itself.
    pub(crate) reload_ttl_ms: Option<u64>,
}

/// What a reader must say. Whatever is left out is not compared.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Says {
    /// The snapshot of this moment: its id, its seq and its number of entries.
    pub(crate) moment: Option<String>,
    /// `fresh`, `stale` or `missing`.
    pub(crate) state: Option<String>,
    pub(crate) seq: Option<u64>,
    pub(crate) entries: Option<u64>,
    /// The kind of the last error, or `none`.
    pub(crate) error: Option<String>,
    /// The JSON text of some values; `null` for keys that are not there.
    pub(crate) values: BTreeMap<String, Option<String>>,
    pub(crate) min_age_ms: Option<i64>,
    pub(crate) max_age_ms: Option<i64>,
    /// Snapshots that it must not have held at any time since it was opened.
    pub(crate) never: Vec<String>,
    /// It polls before each answer, until it says this.
    pub(crate) polling: bool,
    /// What was announced at this moment is announced before each answer, until it says this: a reader that has just
    /// subscribed asks Redis instead.
    pub(crate) announcing: Option<String>,
}

/// A read of one key from Redis itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LookUp {
    pub(crate) key: String,
    /// The snapshot that the value must be of.
    #[serde(default)]
    pub(crate) moment: Option<String>,
    #[serde(default)]
    pub(crate) value: Option<String>,
    /// The kind of the error, or `none`.
    pub(crate) error: String,
}

/// A change of some bytes in a field of a hash, a string, or the delta in a record of the log.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Edit {
    pub(crate) key: String,
    #[serde(default)]
    pub(crate) field: Option<String>,
    /// The record of the log, from 0; from the end if negative.
    #[serde(default)]
    pub(crate) record: Option<i64>,
    pub(crate) change: Change,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Change {
    /// All bits of one byte; from the end if negative.
    Flip(i64),
    /// A byte has another value.
    Byte(usize, u8),
    /// Bytes from a place on.
    Bytes(usize, Bytes),
    /// Only so many bytes are left.
    Cut(usize),
    /// A text is replaced.
    Replace(String, String),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Forge {
    pub(crate) announced: String,
    /// `$NAME/NUMBER` stands for the id of a moment.
    #[serde(default)]
    pub(crate) replace: Vec<(String, String)>,
    #[serde(default)]
    pub(crate) change: Option<Change>,
    /// So many spaces are added, where JSON may have them.
    #[serde(default)]
    pub(crate) spaces: usize,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Meanwhile {
    pub(crate) asks: String,
    pub(crate) events: Vec<Event>,
}

impl Case {
    /// What a reader must be able to do for it.
    pub(crate) fn needs(&self) -> Vec<&'static str> {
        let mut needs: Vec<_> = self.steps.iter().flat_map(Step::needs).copied().collect();
        needs.sort_unstable();
        needs.dedup();
        needs
    }
}

impl Step {
    fn needs(&self) -> &'static [&'static str] {
        match self {
            Self::Open(Settings { record: Some(_), .. }) => &["copy", "record"],
            Self::Open(Settings { listen: true, .. }) => &["copy", "listen"],
            Self::Open(_) => &["copy"],
            Self::LookUp(_) => &["look_up"],
            _ => &[],
        }
    }
}

/// All cases, in the order of their files.
pub(crate) fn all() -> Vec<Case> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance/cases");
    let mut files: Vec<_> =
        std::fs::read_dir(&dir).expect("the cases").map(|file| file.expect("a file").path()).collect();
    files.sort();
    let read = |path: &std::path::PathBuf| -> Vec<Case> {
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    files.iter().flat_map(read).collect()
}
