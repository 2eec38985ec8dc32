//! A run of entries on their way from a loader to a store, or back.

/// Entries, packed one behind the other in one piece of memory: two allocations a batch, none an
/// entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    text: String,
    ends: Vec<(usize, usize)>,
}

impl Batch {
    /// An empty one with room for entries, and for the bytes of all their keys and values.
    #[must_use]
    pub fn with_capacity(entries: usize, bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes), ends: Vec::with_capacity(entries) }
    }

    /// Adds an entry. `value` is JSON text; it is not checked here.
    pub fn push(&mut self, key: &str, value: &str) {
        self.text.push_str(key);
        let key_end = self.text.len();
        self.text.push_str(value);
        self.ends.push((key_end, self.text.len()));
    }

    /// Adds all entries of another one.
    pub fn extend(&mut self, other: &Batch) {
        let before = self.text.len();
        self.text.push_str(&other.text);
        self.ends.extend(other.ends.iter().map(|&(key_end, end)| (before + key_end, before + end)));
    }

    /// The entries as (key, value), in the order they came.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.iter_from(0)
    }

    /// The entries from the one at `place` to the end.
    pub fn iter_from(&self, place: usize) -> impl ExactSizeIterator<Item = (&str, &str)> {
        let mut start = place.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |&(_, end)| end);
        let ends = self.ends.get(place..).unwrap_or_default();
        ends.iter().map(move |&(key_end, end)| {
            let entry = (&self.text[start..key_end], &self.text[key_end..end]);
            start = end;
            entry
        })
    }

    /// How many entries it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The bytes of all keys and values.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.text.len()
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Batch {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(entries: I) -> Self {
        let mut batch = Self::default();
        for (key, value) in entries {
            batch.push(key, value);
        }
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_out_as_they_went_in() {
        let entries = [("a", "1"), ("é", "\"ü\""), ("c", ""), ("", "x")];
        let batch: Batch = entries.into_iter().collect();
        assert_eq!(batch.iter().collect::<Vec<_>>(), entries);
        assert_eq!(batch.iter_from(3).collect::<Vec<_>>(), [("", "x")]);
        assert_eq!(batch.iter_from(4).len(), 0);
        assert_eq!((batch.len(), batch.bytes(), batch.is_empty()), (4, 10, false));
    }
}
