//! The deltas that readers replay, instead of loading the whole map.
//!
//! There is one record for each, under its snapshot's `seq`: the id it leads from, the id it leads to, and
//! the packed delta.

use heed::{RoTxn, RwTxn};

use super::environment::Environment;
use super::failure::Result;
use super::record::Loaded;
use crate::Delta;
use crate::{Error, Id};

/// The bytes of records that are kept: a reader that is further behind loads the whole map.
const KEPT_BYTES: u64 = 4 << 20;

/// An id as its 32 hexadecimal digits.
const ID_BYTES: usize = 32;

/// Records what leads from `base` to `id`, and gives the bytes of all records then.
pub(super) fn append(
    environment: &Environment,
    txn: &mut RwTxn<'_>,
    base: &Loaded,
    id: Id,
    delta: &Delta,
) -> Result<u64> {
    let changes = environment.changes();
    let mut record = format!("{}{id}", base.id).into_bytes();
    record.extend(delta.pack());
    let size = record.len() as u64;
    if size > KEPT_BYTES {
        changes.clear(txn)?;
        return Ok(0);
    }
    let mut kept = base.changes_bytes;
    while kept + size > KEPT_BYTES {
        let Some((oldest, record)) = changes.first(txn)? else { break };
        kept -= record.len() as u64;
        changes.delete(txn, &oldest)?;
    }
    changes.put(txn, &(base.seq + 1), &record)?;
    Ok(kept + size)
}

/// What leads from a snapshot to the one that is published, if all of it is kept.
pub(super) fn since(
    environment: &Environment,
    txn: &RoTxn<'_>,
    published: &Loaded,
    from: Id,
) -> Result<Option<Vec<(Id, Delta)>>> {
    let mut deltas = Vec::new();
    let mut reached = published.id;
    for record in environment.changes().rev_iter(txn)? {
        if reached == from {
            break;
        }
        let (before, after, packed) = split(record?.1).ok_or_else(unreadable)?;
        if after != reached {
            return Ok(None);
        }
        deltas.push((after, Delta::unpack(packed)?));
        reached = before;
    }
    deltas.reverse();
    Ok((reached == from).then_some(deltas))
}

fn split(record: &[u8]) -> Option<(Id, Id, &[u8])> {
    let (before, rest) = record.split_at_checked(ID_BYTES)?;
    let (after, packed) = rest.split_at_checked(ID_BYTES)?;
    let id = |digits| std::str::from_utf8(digits).ok()?.parse().ok();
    Some((id(before)?, id(after)?, packed))
}

fn unreadable() -> Error {
    Error::wrong_type("a recorded change cannot be read: another program has written it")
}

#[cfg(test)]
mod fuzz {
    use super::*;

    /// The first byte says whether the record begins with two ids, as ours do.
    #[test]
    fn changes() {
        let ids = format!("{}{}", Id::random(), Id::random());
        bolero::check!().with_iterations(10_000).with_max_len(100).for_each(|input: &[u8]| {
            let Some((first, rest)) = input.split_first() else { return };
            let record = if first % 2 == 0 { [ids.as_bytes(), rest].concat() } else { rest.to_vec() };
            match split(&record) {
                Some((before, after, packed)) => {
                    assert_eq!(format!("{before}{after}"), String::from_utf8_lossy(&record[..64]).to_ascii_lowercase());
                    assert_eq!(packed, &record[64..]);
                    let _ = Delta::unpack(packed);
                }
                None => assert!(first % 2 == 1),
            }
        });
    }
}
