//! Partitions: groups of keys, the same on every machine.

use xxhash_rust::xxh3::xxh3_64;

/// A key belongs to one of so many partitions: a reader that wants one key need not fetch all of a map, and one that wants
/// all of it can build a table of each partition at the same time.
pub const PARTITIONS: usize = 64;

/// The partition of a key: the highest bits of its xxh3-64.
///
/// ```
/// use kiwi_store::{PARTITIONS, partition_of};
///
/// assert!(partition_of("FR") < PARTITIONS);
/// ```
#[must_use]
#[inline]
pub fn partition_of(key: &str) -> usize {
    (xxh3_64(key.as_bytes()) >> (64 - PARTITIONS.ilog2())) as usize
}
