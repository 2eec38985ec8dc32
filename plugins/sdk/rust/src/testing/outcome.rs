//! What the host makes of a load: the rules of the contract that a loader can break.

use std::collections::BTreeMap;

use serde_json::Value;

use super::state::State;
use crate::bindings::entries::Entry;
use crate::loader::Loaded;
use crate::{Error, Load};

/// The longest mark that the contract allows, in bytes.
const MAX_MARK: usize = 4 * 1024;

/// Takes in what a load has returned, as the host does: a load that keeps the rules leaves its mark.
pub(super) fn take(state: &mut State, loaded: Loaded) -> Result<Load<BTreeMap<String, Value>>, Error> {
    let load = check(state, loaded);
    match &load {
        Ok(Load::Unchanged) if state.mark.is_none() => {}
        Ok(_) => state.published_mark = state.mark.clone(),
        Err(_) => state.mark = None,
    }
    load
}

fn check(state: &mut State, loaded: Loaded) -> Result<Load<BTreeMap<String, Value>>, Error> {
    let mut entries = std::mem::take(&mut state.emitted);
    entries.extend(loaded.map_err(Error::from_contract)?);
    if let Some(mark) = &state.mark
        && mark.len() > MAX_MARK
    {
        return Err(Error::other(format_args!(
            "the mark is {} bytes long: expected at most {MAX_MARK}; keep a hash of it instead",
            mark.len()
        )));
    }
    if !state.unchanged {
        return map(entries).map(Load::Entries);
    }
    if state.published_mark.is_none() {
        return Err(Error::other(
            "the loader said that nothing has changed, but no mark is published: load everything when \
             `mark::published()` is `None`",
        ));
    }
    Ok(Load::Unchanged)
}

fn map(entries: Vec<Entry>) -> Result<BTreeMap<String, Value>, Error> {
    let mut map = BTreeMap::new();
    for Entry { key, value } in entries {
        if key.is_empty() {
            return Err(Error::other("an entry has an empty key: expected a key of at least one character"));
        }
        let value = serde_json::from_str(&value)
            .map_err(|error| Error::other(format_args!("the value of the key `{key}` is not JSON: {error}")))?;
        if map.contains_key(&key) {
            return Err(Error::other(format_args!(
                "the key `{key}` came twice: expected each key once; the loader must merge or drop one"
            )));
        }
        map.insert(key, value);
    }
    Ok(map)
}
