//! Unpacks a response's body: chooses the format by the headers, and counts the memory that it takes.

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};

use super::codec::{BadBody, Brotli, Codec, Gzip, Unpacked, Zstd};
use crate::failure::{Failure, FailureKind};
use crate::memory::{Memory, Part};

/// What a server may send, for `accept-encoding`.
pub(super) const ACCEPTED: &str = "gzip, br, zstd";
/// What is unpacked in one step.
const PIECE: usize = 64 << 10;

/// Unpacks one body.
pub(super) struct Decoder {
    coding: &'static str,
    codec: Box<dyn Codec>,
    piece: Vec<u8>,
    held: Part,
    /// Nothing was fed: an empty body is valid in every coding, and the only one a HEAD can have.
    is_empty: bool,
}

impl Decoder {
    /// The decoder for a response with these headers, and the headers of what it unpacks to. `None`: the body is not
    /// compressed, or in a way that was not asked for.
    pub(super) fn new(headers: &mut HeaderMap, memory: &Memory) -> Option<Self> {
        let mut codings = headers.get_all(CONTENT_ENCODING).iter();
        let (first, None) = (codings.next()?, codings.next()) else { return None };
        let (coding, codec): (_, Box<dyn Codec>) = match first.as_bytes().to_ascii_lowercase().as_slice() {
            b"gzip" | b"x-gzip" => ("gzip", Box::new(Gzip::new())),
            b"br" => ("br", Box::new(Brotli::new())),
            b"zstd" => ("zstd", Box::new(Zstd::new())),
            _ => return None,
        };
        headers.remove(CONTENT_ENCODING);
        headers.remove(CONTENT_LENGTH);
        Some(Self { coding, codec, piece: Vec::new(), held: memory.part(), is_empty: true })
    }

    /// Takes the next bytes of the body, when `next` has asked for them.
    pub(super) fn feed(&mut self, packed: Bytes) {
        if !packed.is_empty() {
            self.is_empty = false;
            self.codec.feed(packed);
        }
    }

    /// Takes note that no more bytes come.
    pub(super) fn end(&mut self) {
        self.codec.feed(Bytes::new());
    }

    /// The next piece of what was fed. `None`: more must be fed, or that was all.
    ///
    /// # Errors
    /// `Unavailable`: the body is damaged or cut off; `Limit`: the load has too much memory with this.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>, Failure> {
        if self.is_empty {
            return Ok(None);
        }
        self.piece.resize(PIECE, 0);
        let unpacked = self.codec.unpack(&mut self.piece);
        let held = self.codec.bytes_held() + PIECE as u64;
        self.held.resize(held).map_err(|wanted| self.too_large(wanted))?;
        match unpacked {
            Ok(Unpacked::Piece(length)) => Ok(Some(&self.piece[..length])),
            Ok(Unpacked::NeedsMore | Unpacked::End) => Ok(None),
            Err(bad) => Err(self.unavailable(&bad)),
        }
    }

    fn too_large(&self, wanted: u64) -> Failure {
        let Self { coding, held, .. } = self;
        let max = held.max();
        let message = format!(
            "to unpack an HTTP response (`{coding}`), the load needs {wanted} bytes of memory in all, more than the \
             {max} allowed"
        );
        Failure::limit("memory", message)
    }

    fn unavailable(&self, bad: &BadBody) -> Failure {
        let coding = self.coding;
        let message = match bad {
            BadBody::CutOff => format!("the response broke off: its compressed body (`{coding}`) is not complete"),
            BadBody::Damaged(why) => format!("the response cannot be unpacked: it is not valid `{coding}` ({why})"),
            BadBody::LargeWindow => format!(
                "the response cannot be unpacked: its `{coding}` has a larger window than HTTP allows (8 MiB for \
                 `zstd`, 16 MiB for `br`); the server must compress it with a smaller one"
            ),
        };
        Failure::new(FailureKind::Unavailable, message)
    }
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder")
            .field("coding", &self.coding)
            .field("held", &self.held.bytes())
            .finish_non_exhaustive()
    }
}
