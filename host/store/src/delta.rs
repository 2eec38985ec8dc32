//! What changed from one snapshot to the next, and how it is packed.

use crate::leb128::{read_number, write_number};
use crate::{Batch, Error, Result};

/// What changed from one snapshot to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// Entries that are new or have another value.
    pub set: Batch,
    /// Keys that are gone.
    pub removed: Vec<String>,
}

impl Delta {
    /// How many bytes it takes where deltas are kept, at most.
    #[must_use]
    pub fn max_packed_bytes(&self) -> usize {
        let removed: usize = self.removed.iter().map(|key| key.len() + 10).sum();
        32 + self.set.bytes() + 20 * self.set.len() + removed
    }

    /// Packs it: the number of entries set, each as key and value, then the removed keys to the
    /// end. Every text has its length in front; every number is LEB128.
    pub(crate) fn pack(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.set.bytes() + 6 * self.set.len());
        write_number(&mut out, self.set.len());
        for (key, value) in self.set.iter() {
            write_text(&mut out, key);
            write_text(&mut out, value);
        }
        for key in &self.removed {
            write_text(&mut out, key);
        }
        out
    }

    /// The inverse of `pack`.
    pub(crate) fn unpack(packed: &[u8]) -> Result<Self> {
        unpack(packed).ok_or_else(|| Error::format("a recorded change cannot be read: another program has written it"))
    }
}

fn unpack(mut rest: &[u8]) -> Option<Delta> {
    let rest = &mut rest;
    let mut delta = Delta::default();
    for _ in 0..read_number(rest)? {
        let key = read_text(rest)?;
        delta.set.push(key, read_text(rest)?);
    }
    while !rest.is_empty() {
        delta.removed.push(read_text(rest)?.to_owned());
    }
    Some(delta)
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    write_number(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

fn read_text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let length = read_number(rest)?;
    let (text, after) = rest.split_at_checked(length)?;
    *rest = after;
    std::str::from_utf8(text).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_delta_is_read_back_as_packed(set in prop::collection::vec((".*", ".*"), 0..20), removed in prop::collection::vec(".*", 0..20)) {
            let delta = Delta { set: set.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect(), removed };
            prop_assert_eq!(Delta::unpack(&delta.pack()).unwrap(), delta);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = Delta::unpack(&bytes);
        }
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    /// Whatever is unpacked is packed and unpacked to the same again; a length can be written in several ways, so the
    /// bytes may differ.
    #[test]
    fn deltas() {
        bolero::check!().with_iterations(20_000).with_max_len(64).for_each(|packed: &[u8]| {
            let Ok(delta) = Delta::unpack(packed) else { return };
            assert!(delta.set.bytes() + delta.removed.iter().map(String::len).sum::<usize>() <= packed.len());
            let packed_again = delta.pack();
            assert!(packed_again.len() <= packed.len());
            assert_eq!(Delta::unpack(&packed_again).unwrap(), delta);
        });
    }
}
