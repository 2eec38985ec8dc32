//! All keys of a map in random order: the same order in each run and for each peer.

use crate::map::key;

/// The keys of the entries `0..entries`, shuffled.
pub(crate) fn shuffled_keys(entries: u32) -> Vec<String> {
    let mut numbers: Vec<u32> = (0..entries).collect();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for place in (1..numbers.len()).rev() {
        // Marsaglia's xorshift.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        numbers.swap(place, (random % (place as u64 + 1)) as usize);
    }
    numbers.into_iter().map(key).collect()
}
