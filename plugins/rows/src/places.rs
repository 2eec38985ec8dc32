//! Where the rows of a load are, so that an error can name the places: also both of two rows with the same key.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use kiwi_loader::Error;
use kiwi_rows::near;

use crate::format::Format;

/// Keys are remembered up to this number, in about 5 MB. After that the host still finds a duplicate, without its places.
const MAX_KEYS: usize = 100_000;

/// The texts of a load, and the places of its first keys.
pub(crate) struct Places {
    texts: Vec<(String, &'static str)>,
    /// By 128 bits of the key's hash: two keys that share them are not to be expected.
    keys: HashMap<[u64; 2], Place>,
    hashers: [RandomState; 2],
}

#[derive(Clone, Copy)]
struct Place {
    text: u32,
    number: u32,
}

impl Places {
    pub(crate) fn new() -> Self {
        Self { texts: Vec::new(), keys: HashMap::new(), hashers: [RandomState::new(), RandomState::new()] }
    }

    /// A new text begins. It has no name where it is the only one.
    pub(crate) fn begin(&mut self, name: String, format: Format) {
        self.texts.push((name, format.unit()));
    }

    /// A row of this text, for example `line 7`.
    pub(crate) fn row(&self, number: u64) -> String {
        format!("{} {number}", self.texts.last().map_or("row", |(_, unit)| unit))
    }

    /// The same, with the name of the text.
    pub(crate) fn place(&self, number: u64) -> String {
        match self.texts.last() {
            Some((name, _)) if !name.is_empty() => format!("{name}, {}", self.row(number)),
            _ => self.row(number),
        }
    }

    /// Puts the name of the text before the message.
    pub(crate) fn in_text(&self, error: Error) -> Error {
        match self.texts.last() {
            Some((name, _)) if !name.is_empty() => error.context(name),
            _ => error,
        }
    }

    /// Remembers the place of a key, which must be a new one.
    pub(crate) fn remember(&mut self, key: &str, number: u64) -> Result<(), Error> {
        if self.keys.len() == MAX_KEYS {
            return Ok(());
        }
        let here = Place {
            text: u32::try_from(self.texts.len().saturating_sub(1)).unwrap_or(u32::MAX),
            number: u32::try_from(number).unwrap_or(u32::MAX),
        };
        let hash = self.hashers.each_ref().map(|hasher| hasher.hash_one(key));
        let Some(first) = self.keys.insert(hash, here) else { return Ok(()) };
        let (name, unit) = &self.texts[first.text as usize];
        let elsewhere = if first.text == here.text { String::new() } else { format!(" of {name}") };
        let (key, first) = (near::shown(key), first.number);
        Err(Error::other(format_args!(
            "{}: the key `{key}` is also in {unit} {first}{elsewhere}: expected each key once; remove one of \
             the rows, or choose another `key` (several fields: `key = [\"a\", \"b\"]`) or a `filter`",
            self.row(number)
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(result: Result<(), Error>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn a_repeated_key_is_told_by_both_places() {
        let mut places = Places::new();
        places.begin("a.csv".into(), Format::Csv);
        places.remember("FR", 2).unwrap();
        places.remember("LH", 3).unwrap();
        assert!(message(places.remember("FR", 9)).starts_with("line 9: the key `FR` is also in line 2: "));
        places.begin("b.json".into(), Format::Json);
        let twice = message(places.remember("LH", 1));
        assert!(twice.starts_with("row 1: the key `LH` is also in line 3 of a.csv: expected"), "{twice}");
    }

    #[test]
    fn only_so_many_keys_are_remembered() {
        let mut places = Places::new();
        places.begin(String::new(), Format::Csv);
        for number in 0..=MAX_KEYS {
            places.remember(&number.to_string(), 1).unwrap();
        }
        assert_eq!(places.keys.len(), MAX_KEYS);
        places.remember("0", 1).unwrap();
    }
}
