//! From what a loader returns to what the host takes: entries, sent in batches.

use serde::Serialize;

use crate::Error;
use crate::bindings::entries::Entry;

/// A batch is sent when it has this many entries ..
const BATCH_ENTRIES: usize = 1_000;
/// .. or this many bytes of keys and values.
const BATCH_BYTES: usize = 256 * 1024;

/// What a load returns: a map, or that nothing has changed.
///
/// A loader that always loads everything returns the map itself (`Ok(map)`). This type is for loaders that use
/// [`mark`](crate::mark).
///
/// ```
/// use kiwi_loader::Load;
///
/// let load = Load::Entries(vec![("FR", "Ryanair")]);
/// assert!(!load.is_unchanged());
/// assert_eq!(load.into_entries(), Some(vec![("FR", "Ryanair")]));
/// assert_eq!(Load::<Vec<(&str, &str)>>::Unchanged.into_entries(), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Load<T> {
    /// The whole map.
    Entries(T),
    /// The source has not changed since the published mark: what is published stays, and its life is extended.
    Unchanged,
}

impl<T> Load<T> {
    /// The map, unless nothing has changed.
    pub fn into_entries(self) -> Option<T> {
        match self {
            Self::Entries(entries) => Some(entries),
            Self::Unchanged => None,
        }
    }

    /// Whether nothing has changed.
    pub fn is_unchanged(&self) -> bool {
        matches!(self, Self::Unchanged)
    }
}

/// A value that is JSON text already. It is published as it is written, each digit kept; the host checks it.
///
/// ```
/// use kiwi_loader::{Error, Json};
///
/// fn load_from_source() -> Result<Vec<(&'static str, Json)>, Error> {
///     Ok(vec![("EUR", Json(r#"{"rate": 1.10}"#.into()))])
/// }
/// # let _ = load_from_source();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Json(pub String);

/// What a loader may return: a map, a `Vec` of pairs, any iterator of pairs or of `Result`s of pairs, or a [`Load`]
/// of one of these.
///
/// An iterator is advanced while its entries are sent, so a large map never has to be in memory whole:
///
/// ```
/// use std::io::BufRead;
/// use kiwi_loader::{Error, http};
///
/// fn load_from_source() -> Result<impl Iterator<Item = Result<(String, u64), Error>>, Error> {
///     let response = http::get("https://example.com/words.txt").send()?.error_for_status()?;
///     Ok(response.lines().zip(1..).map(|(word, rank)| Ok((word?, rank))))
/// }
/// # let _ = load_from_source;
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a map that a loader can return",
    note = "a loader returns `Result<T, E>`, where `T` is a map, a `Vec` of pairs or an iterator of `(key, value)` or of `Result<(key, value), _>`, keys being `ToString` and values `serde::Serialize`"
)]
pub trait IntoLoad {
    /// The pairs.
    type Entries: IntoIterator<Item: IntoEntry>;

    /// The same as a [`Load`].
    fn into_load(self) -> Load<Self::Entries>;
}

impl<T: IntoIterator<Item: IntoEntry>> IntoLoad for T {
    type Entries = T;

    fn into_load(self) -> Load<T> {
        Load::Entries(self)
    }
}

impl<T: IntoIterator<Item: IntoEntry>> IntoLoad for Load<T> {
    type Entries = T;

    fn into_load(self) -> Load<T> {
        self
    }
}

/// One pair of an [`IntoLoad`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an entry",
    note = "an entry is `(key, value)` or `Result<(key, value), _>`, the key being `ToString` and the value `serde::Serialize`"
)]
pub trait IntoEntry {
    /// The key as text and the value as JSON text.
    fn into_entry(self) -> Result<(String, String), Error>;
}

impl<K: ToString, V: Serialize> IntoEntry for (K, V) {
    fn into_entry(self) -> Result<(String, String), Error> {
        let key = self.0.to_string();
        match serde_json::to_string(&self.1) {
            Ok(value) => Ok((key, value)),
            Err(error) => Err(Error::from(error).context(format_args!("the value of `{key}`"))),
        }
    }
}

impl<K: ToString> IntoEntry for (K, Json) {
    fn into_entry(self) -> Result<(String, String), Error> {
        Ok((self.0.to_string(), self.1.0))
    }
}

impl<T: IntoEntry, E: Into<Error>> IntoEntry for Result<T, E> {
    fn into_entry(self) -> Result<(String, String), Error> {
        self.map_err(Into::into)?.into_entry()
    }
}

/// Gives each full batch to `emit`, and returns the entries that are left. The first error ends it.
pub(crate) fn in_batches<T>(
    entries: T,
    mut emit: impl FnMut(&[Entry]) -> Result<(), Error>,
) -> Result<Vec<Entry>, Error>
where
    T: IntoIterator<Item: IntoEntry>,
{
    let mut batch = Vec::new();
    let mut bytes = 0;
    for entry in entries {
        let (key, value) = entry.into_entry()?;
        bytes += key.len() + value.len();
        batch.push(Entry { key, value });
        if batch.len() == BATCH_ENTRIES || bytes >= BATCH_BYTES {
            emit(&batch)?;
            batch.clear();
            bytes = 0;
        }
    }
    Ok(batch)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn sizes<T: IntoIterator<Item: IntoEntry>>(entries: T) -> (Vec<usize>, usize) {
        let mut emitted = Vec::new();
        let rest = in_batches(entries, |batch| {
            emitted.push(batch.len());
            Ok(())
        });
        (emitted, rest.unwrap().len())
    }

    #[test]
    fn a_small_map_is_returned_and_a_large_one_emitted() {
        assert_eq!(sizes(BTreeMap::from([("a", 1), ("b", 2)])), (vec![], 2));
        assert_eq!(sizes((0..2_500).map(|n| (n, n))), (vec![1_000, 1_000], 500));
        assert_eq!(sizes((0..5).map(|n| (n, "x".repeat(BATCH_BYTES / 2)))), (vec![2, 2], 1));
    }

    #[test]
    fn an_error_of_the_host_or_of_the_source_ends_the_load() {
        let mut taken = 0;
        let endless = (0..).inspect(|_| taken += 1).map(|n| (n, n));
        let refused = in_batches(endless, |_| Err(Error::other("the key `7` came twice")));
        assert_eq!(refused.unwrap_err().to_string(), "the key `7` came twice");
        assert_eq!(taken, BATCH_ENTRIES);

        let rows = [Ok(("a", 1)), Err(Error::unavailable("the connection was lost"))];
        assert_eq!(in_batches(rows, |_| Ok(())).unwrap_err().to_string(), "the connection was lost");
    }

    #[test]
    fn json_text_keeps_its_digits() {
        let text = r#"{"a": 1.10, "b": 1180591620717411303424}"#;
        assert_eq!(("x", Json(text.into())).into_entry().unwrap().1, text);
        let raw: &serde_json::value::RawValue = serde_json::from_str(text).unwrap();
        assert_eq!(("x", raw).into_entry().unwrap().1, text);
    }
}
