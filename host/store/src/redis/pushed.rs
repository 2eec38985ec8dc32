//! A delta in the announcement of a new snapshot: what it leads on from and the fields of meta as JSON, a line feed, and the
//! delta as it stands in the log.

use std::sync::Arc;

use bytes::Bytes;
use redis::Value;
use serde::Deserialize;
use serde_json::Value as Json;

use super::meta::{self, HEAD};
use crate::{Changes, Delta, Pushed, frame};

/// The longest delta that is announced: longer ones are read from the log, by those who need them.
pub(super) const MAX_DELTA_BYTES: usize = 8 << 10;
/// What it may be when it is unpacked. A delta of that length that gives more was not made by a host.
const MAX_UNPACKED_BYTES: usize = 1 << 20;
/// The fields of meta are few and short; only the mark may be long.
const MAX_MESSAGE_BYTES: usize = 64 << 10;

#[derive(Deserialize)]
struct Description {
    from: String,
    /// The values of the fields `HEAD`; `false` where there is none.
    head: Vec<Json>,
}

/// The fields of meta that the script is to put into an announcement, in their order.
pub(super) fn fields() -> String {
    HEAD.join(" ")
}

/// The change in an announcement. `None`: there is none that this build can read, and a reader has to look.
pub(super) fn read(message: &[u8]) -> Option<Pushed> {
    if message.len() > MAX_MESSAGE_BYTES {
        return None;
    }
    let end = message.iter().position(|&byte| byte == b'\n')?;
    let Description { from, head } = serde_json::from_slice(&message[..end]).ok()?;
    let head: Vec<Value> = head.iter().map(|field| field.as_str().map_or(Value::Nil, bulk)).collect();
    if meta::newer_format(&head).is_some() {
        return None;
    }
    let (from, head) = (from.parse().ok()?, meta::head(&head)?);
    let packed = Bytes::copy_from_slice(&message[end + 1..]);
    let delta = Delta::unpack(&frame::unpack_at_most(&packed, MAX_UNPACKED_BYTES).ok()?).ok()?;
    // It is announced in the moment in which the source was checked, by the clock of the store.
    let now = head.checked_at;
    Some(Pushed { from, changes: Arc::new(Changes { now, deltas: vec![(head.id, delta)], head }) })
}

fn bulk(text: &str) -> Value {
    Value::BulkString(text.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DESCRIPTION: &str = r#"{"from":"00000000000000000000000000000001","head":["2","00000000000000000000000000000002","3",
        "5","7","11","0000000000000000000000000000000d",false,"5","1000","2000","delta"]}"#;

    fn message(content: &[u8]) -> Vec<u8> {
        [DESCRIPTION.replace('\n', "").as_bytes(), b"\n", &frame::pack(content)].concat()
    }

    #[test]
    fn a_delta_is_read_with_its_head() {
        let mut delta = Delta::default();
        delta.set.push("FR", "1");
        let pushed = read(&message(&delta.pack())).unwrap();
        assert_eq!((pushed.from, pushed.changes.head.seq), (crate::Id::of(1), 7));
        assert_eq!(pushed.changes.deltas, [(crate::Id::of(2), delta)]);
        assert_eq!(pushed.changes.head.push, crate::Push::Delta);
    }

    #[test]
    fn what_is_none_or_unpacks_to_too_much_is_not_read() {
        let bomb = vec![0; MAX_UNPACKED_BYTES + 1];
        assert!(frame::pack(&bomb).len() < MAX_DELTA_BYTES);
        for message in [&b""[..], b"\n", b"00000000000000000000000000000001", &message(&bomb), &message(b"x")] {
            assert_eq!(read(message), None);
        }
    }
}
