//! What a host has written and announced, moment by moment, as it stands in `recorded.json`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::bytes::Bytes;

/// Set to write `recorded.json` anew.
pub(crate) const UPDATE: &str = "KIWI_UPDATE_RECORDED";

/// All recordings: the moments of each, by its name.
#[derive(Deserialize, Serialize)]
pub(crate) struct Recordings(pub(crate) BTreeMap<String, Vec<Moment>>);

/// What was in Redis after something was published.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Moment {
    pub(crate) id: String,
    pub(crate) seq: u64,
    pub(crate) entries: u64,
    /// What has changed since the moment before. `null`: the key is gone.
    pub(crate) keys: BTreeMap<String, Option<Content>>,
    /// What was announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<Bytes>,
}

/// What is at a key.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Content {
    String(Bytes),
    /// The fields that have changed; `null`: the field is gone.
    Hash(BTreeMap<String, Option<Bytes>>),
    /// Ids and the fields with their values in one list.
    Stream(Vec<(String, Vec<Bytes>)>),
}

impl Recordings {
    pub(crate) fn checked_in() -> Self {
        let text = std::fs::read_to_string(Self::path());
        let text = text.unwrap_or_else(|error| panic!("{}: {error}; {UPDATE}=1 writes it", Self::path().display()));
        serde_json::from_str(&text).expect("recordings")
    }

    pub(crate) fn write(&self) {
        let mut text = String::from("{");
        // A line for each moment, so that a diff can be read.
        for (count, (name, moments)) in self.0.iter().enumerate() {
            text += if count == 0 { "\n" } else { ",\n" };
            let lines: Vec<String> =
                moments.iter().map(|moment| serde_json::to_string(moment).expect("a moment is JSON")).collect();
            text += &format!("{name:?}: [\n{}\n]", lines.join(",\n"));
        }
        text += "\n}\n";
        std::fs::write(Self::path(), text).expect("the recordings can be written");
    }

    fn path() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("conformance/recorded.json")
    }

    /// A moment by its name, such as `small/2`.
    #[track_caller]
    pub(crate) fn moment(&self, name: &str) -> &Moment {
        self.until(name).last().expect("a recording has a moment")
    }

    /// All that was in Redis at a moment.
    #[track_caller]
    pub(crate) fn content(&self, name: &str) -> BTreeMap<String, Content> {
        let mut all = BTreeMap::new();
        for (key, content) in self.until(name).iter().flat_map(|moment| &moment.keys) {
            match content {
                None => drop(all.remove(key)),
                Some(Content::Hash(changed)) => {
                    let Content::Hash(fields) =
                        all.entry(key.clone()).or_insert_with(|| Content::Hash(BTreeMap::new()))
                    else {
                        panic!("{name}: {key} has become a hash")
                    };
                    fields.extend(changed.clone());
                }
                Some(content) => drop(all.insert(key.clone(), content.clone())),
            }
        }
        all
    }

    #[track_caller]
    fn until(&self, name: &str) -> &[Moment] {
        let (recording, number) = name.split_once('/').unwrap_or_else(|| panic!("`{name}` is not NAME/NUMBER"));
        let number: usize = number.parse().unwrap_or_else(|_| panic!("`{name}` is not NAME/NUMBER"));
        let moments = self.0.get(recording).unwrap_or_else(|| panic!("there is no recording `{recording}`"));
        moments
            .get(..number)
            .filter(|moments| !moments.is_empty())
            .unwrap_or_else(|| panic!("there is no moment `{name}`"))
    }
}

/// What has changed from what was in Redis to what is there.
pub(crate) fn changes(
    before: &BTreeMap<String, Content>,
    now: &BTreeMap<String, Content>,
) -> BTreeMap<String, Option<Content>> {
    let gone = before.keys().filter(|key| !now.contains_key(*key)).map(|key| (key.clone(), None));
    let changed = now.iter().filter(|(key, content)| before.get(*key) != Some(content)).map(|(key, content)| {
        let changed = match (before.get(key), content) {
            (Some(Content::Hash(before)), Content::Hash(now)) => {
                let gone = before.keys().filter(|field| !now.contains_key(*field)).map(|field| (field.clone(), None));
                let changed = now.iter().filter(|(field, value)| before.get(*field) != Some(value));
                Content::Hash(gone.chain(changed.map(|(field, value)| (field.clone(), value.clone()))).collect())
            }
            _ => content.clone(),
        };
        (key.clone(), Some(changed))
    });
    gone.chain(changed).collect()
}
