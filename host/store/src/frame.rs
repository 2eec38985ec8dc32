//! Frames: bytes that are compressed, and prove themselves when they are read.
//!
//! | bytes | what |
//! | --- | --- |
//! | 1 | format, 1 |
//! | 1 | codec: 0 plain, 1 zstd |
//! | 4 | how many bytes the content has when it is not compressed, little-endian |
//! | 8 | xxh3-64 of the content, little-endian |
//! | rest | the content |

use std::io::Read;
use std::sync::Mutex;

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;
use zstd::bulk::{Compressor, Decompressor};

use crate::{Error, Result};

const FORMAT: u8 = 1;
const PLAIN: u8 = 0;
const ZSTD: u8 = 1;
/// Higher levels gain little: the JSON of one map is much alike.
const LEVEL: i32 = 1;
const HEADER_BYTES: usize = 14;
/// A value in Redis has 512 MiB at most, so a frame that claims more than twice that is not ours.
const MAX_CONTENT_BYTES: usize = 1 << 30;
/// So much memory is allocated because a header says so, and more only as it is decompressed.
const MAX_TRUSTED_BYTES: usize = 4 << 20;

/// Kept, because each takes more than a megabyte: as many as were ever needed at the same time, and not one for each thread.
static COMPRESSORS: Mutex<Vec<Compressor<'static>>> = Mutex::new(Vec::new());
static DECOMPRESSORS: Mutex<Vec<Decompressor<'static>>> = Mutex::new(Vec::new());

/// Works with one of those that are kept, or with a new one. `None`: there is no memory for it, or the work has failed.
/// It never waits for the lock: in a process that was forked off, it may be held by a thread that does not exist there.
fn with_one<C, T>(
    kept: &Mutex<Vec<C>>,
    new: impl FnOnce() -> std::io::Result<C>,
    work: impl FnOnce(&mut C) -> std::io::Result<T>,
) -> Option<T> {
    let idle = kept.try_lock().ok().and_then(|mut kept| kept.pop());
    let mut context = idle.map_or_else(new, Ok).ok()?;
    let done = work(&mut context).ok();
    if let Ok(mut kept) = kept.try_lock() {
        kept.push(context);
    }
    done
}

/// Compresses: about 1 ms for 256 KiB.
pub(crate) fn pack(content: &[u8]) -> Vec<u8> {
    let new = || Compressor::new(LEVEL);
    let compressed = with_one(&COMPRESSORS, new, |compressor| compressor.compress(content));
    let compressed = compressed.filter(|compressed| compressed.len() < content.len());
    let (codec, packed) = compressed.as_deref().map_or((PLAIN, content), |compressed| (ZSTD, compressed));
    let mut frame = Vec::with_capacity(HEADER_BYTES + packed.len());
    frame.extend([FORMAT, codec]);
    frame.extend((content.len() as u32).to_le_bytes());
    frame.extend(xxh3_64(content).to_le_bytes());
    frame.extend_from_slice(packed);
    frame
}

/// The content of a frame: about 0.3 ms for 256 KiB.
///
/// # Errors
/// It is not a frame, or is damaged (`is_value`); a newer program has written it (`is_newer_format`).
pub(crate) fn unpack(frame: &Bytes) -> Result<Bytes> {
    unpack_at_most(frame, MAX_CONTENT_BYTES)
}

/// The same of a frame whose content has at most so many bytes.
///
/// # Errors
/// As [`unpack`]; it has more (`is_value`).
pub(crate) fn unpack_at_most(frame: &Bytes, most: usize) -> Result<Bytes> {
    let format = *frame.first().ok_or_else(|| damaged("it is empty"))?;
    if format != FORMAT {
        return Err(Error::format(format!(
            "some of it is in format {format}, and this program reads {FORMAT}: update it"
        )));
    }
    let header = frame.get(..HEADER_BYTES).ok_or_else(|| damaged("it is cut off"))?;
    let bytes = u32::from_le_bytes(header[2..6].try_into().expect("four bytes")) as usize;
    let hash = u64::from_le_bytes(header[6..14].try_into().expect("eight bytes"));
    let packed = frame.slice(HEADER_BYTES..);
    let content = match header[1] {
        _ if bytes > most => return Err(damaged("its length is impossible")),
        PLAIN => packed,
        ZSTD => decompress(&packed, bytes).ok_or_else(|| damaged("it cannot be decompressed"))?.into(),
        codec => return Err(Error::format(format!("some of it has the unknown codec {codec}: update this program"))),
    };
    if content.len() != bytes || xxh3_64(&content) != hash {
        return Err(damaged("its content does not match its hash"));
    }
    Ok(content)
}

/// No more than so many bytes, and no memory for bytes that are only claimed.
fn decompress(packed: &[u8], bytes: usize) -> Option<Vec<u8>> {
    if bytes <= MAX_TRUSTED_BYTES {
        return with_one(&DECOMPRESSORS, Decompressor::new, |decompressor| decompressor.decompress(packed, bytes));
    }
    let mut content = Vec::new();
    zstd::stream::read::Decoder::new(packed).ok()?.take(bytes as u64 + 1).read_to_end(&mut content).ok()?;
    Some(content)
}

pub(crate) fn damaged(what: &str) -> Error {
    Error::value(format!("some of it is damaged ({what}): refill the cache"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn content_comes_out_as_it_went_in(content in prop::collection::vec(any::<u8>(), 0..200), times in 1usize..100) {
            let content = content.repeat(times);
            prop_assert_eq!(&unpack(&pack(&content).into()).unwrap(), &content);
        }

        #[test]
        fn a_frame_that_was_changed_or_cut_off_is_refused(place in any::<prop::sample::Index>(), change in 1u8..) {
            let content = b"some of this is repeated, some of this is not".repeat(20);
            let frame = pack(&content);
            let place = place.index(frame.len());
            let mut changed = frame.clone();
            changed[place] ^= change;
            // Some bits of a header of zstd mean nothing.
            prop_assert!(unpack(&changed.into()).map_or(true, |unpacked| unpacked == content));
            prop_assert!(unpack(&frame[..place].to_vec().into()).is_err());
        }
    }

    /// The test runs once more, in a process that cannot have as much memory.
    #[test]
    fn no_memory_is_allocated_because_a_header_says_so() {
        const LITTLE_MEMORY: &str = "KIWI_TEST_HAS_LITTLE_MEMORY";
        if std::env::var_os(LITTLE_MEMORY).is_none() {
            let limited = r#"ulimit -v 700000 && exec "$0" --exact "$1""#;
            let mut test = std::process::Command::new("sh");
            test.args(["-c", limited])
                .arg(std::env::current_exe().unwrap())
                .arg(std::thread::current().name().unwrap());
            let test = test.env(LITTLE_MEMORY, "1").output().unwrap();
            let said = String::from_utf8_lossy(&test.stdout);
            assert!(
                test.status.success() && said.contains("1 passed"),
                "{said}{}",
                String::from_utf8_lossy(&test.stderr)
            );
            return;
        }
        let mut frame = pack(&[b'a'; 1_000]);
        assert_eq!(frame[1], ZSTD);
        for claimed in [900u32 << 20, u32::MAX] {
            frame[2..6].copy_from_slice(&claimed.to_le_bytes());
            assert!(unpack(&frame.clone().into()).unwrap_err().is_value());
        }
    }

    #[test]
    fn a_frame_of_another_format_asks_for_an_update() {
        let mut frame = pack(b"a");
        frame[0] = 9;
        assert!(unpack(&frame.into()).unwrap_err().is_newer_format());
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn frames() {
        bolero::check!().with_iterations(20_000).with_max_len(200).for_each(|bytes: &[u8]| {
            if let Ok(content) = unpack(&Bytes::copy_from_slice(bytes)) {
                assert_eq!(unpack(&pack(&content).into()).unwrap(), content);
            }
        });
    }
}
