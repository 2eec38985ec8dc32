//! The formats of compressed bodies, each unpacked piece by piece, with a window that is bounded.

use std::io::{BufRead, ErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use brotli_decompressor::{
    Allocator, BrotliDecoderErrorCode, BrotliDecompressStream, BrotliResult, BrotliState, SliceWrapper, StandardAlloc,
};
use bytes::{Buf, Bytes};
use flate2::bufread::MultiGzDecoder;
use zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, get_error_name};

/// The largest window of zstd is 8 MiB: what clients of HTTP have to accept (RFC 9659).
const ZSTD_WINDOW_LOG: u32 = 23;
/// zstd's error for a larger one: `ZSTD_error_frameParameter_windowTooLarge`.
const WINDOW_TOO_LARGE: usize = 16_usize.wrapping_neg();
/// The state and the header of gzip, whose window has 32 KiB.
const GZIP_BYTES: u64 = 256 << 10;

/// One compressed body.
pub(super) trait Codec: Send + Sync {
    /// Takes the next bytes of the body, when all before are unpacked. No bytes: that was the end.
    fn feed(&mut self, packed: Bytes);

    /// Unpacks what was fed, as far as `piece` has room. It may hold memory for more than it has unpacked.
    fn unpack(&mut self, piece: &mut [u8]) -> Result<Unpacked, BadBody>;

    /// The bytes of memory it holds.
    fn bytes_held(&self) -> u64;
}

/// What became of a step.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unpacked {
    /// So many bytes.
    Piece(usize),
    /// Nothing: more must be fed first.
    NeedsMore,
    /// Nothing: that was the whole body.
    End,
}

/// Why a body cannot be unpacked.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BadBody {
    CutOff,
    Damaged(String),
    /// It wants a window that HTTP does not allow.
    LargeWindow,
}

/// What was fed and is not yet unpacked.
#[derive(Default)]
struct Fed {
    bytes: Bytes,
    ended: bool,
}

impl Fed {
    fn feed(&mut self, packed: Bytes) {
        self.ended = packed.is_empty();
        self.bytes = packed;
    }
}

impl Read for Fed {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.fill_buf()?.read(buffer)?;
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for Fed {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        if self.bytes.is_empty() && !self.ended { Err(ErrorKind::WouldBlock.into()) } else { Ok(&self.bytes) }
    }

    fn consume(&mut self, length: usize) {
        self.bytes.advance(length);
    }
}

/// `gzip`, of one member or several.
pub(super) struct Gzip(MultiGzDecoder<Fed>);

impl Gzip {
    pub(super) fn new() -> Self {
        Self(MultiGzDecoder::new(Fed::default()))
    }
}

impl Codec for Gzip {
    fn feed(&mut self, packed: Bytes) {
        self.0.get_mut().feed(packed);
    }

    fn unpack(&mut self, piece: &mut [u8]) -> Result<Unpacked, BadBody> {
        match self.0.read(piece) {
            Ok(0) => Ok(Unpacked::End),
            Ok(length) => Ok(Unpacked::Piece(length)),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock => Ok(Unpacked::NeedsMore),
                ErrorKind::UnexpectedEof => Err(BadBody::CutOff),
                _ => Err(BadBody::Damaged(error.to_string())),
            },
        }
    }

    fn bytes_held(&self) -> u64 {
        GZIP_BYTES
    }
}

/// `br`, with windows of up to 16 MiB, which are all but those of the extension "large window".
pub(super) struct Brotli {
    state: Box<BrotliState<Counted, Counted, Counted>>,
    fed: Fed,
    allocated: Counted,
    is_whole: bool,
}

impl Brotli {
    pub(super) fn new() -> Self {
        let allocated = Counted::default();
        let state = BrotliState::new_strict(allocated.clone(), allocated.clone(), allocated.clone());
        Self { state: Box::new(state), fed: Fed::default(), allocated, is_whole: false }
    }
}

impl Codec for Brotli {
    fn feed(&mut self, packed: Bytes) {
        self.fed.feed(packed);
    }

    fn unpack(&mut self, piece: &mut [u8]) -> Result<Unpacked, BadBody> {
        let ended = self.fed.ended;
        if self.is_whole {
            return Ok(if ended { Unpacked::End } else { Unpacked::NeedsMore });
        }
        let (mut read, mut written) = (0, 0);
        let result = BrotliDecompressStream(
            &mut self.fed.bytes.len(),
            &mut read,
            &self.fed.bytes,
            &mut piece.len(),
            &mut written,
            piece,
            &mut 0,
            &mut self.state,
        );
        self.fed.bytes.advance(read);
        match result {
            BrotliResult::ResultFailure => Err(match self.state.error_code {
                BrotliDecoderErrorCode::BROTLI_DECODER_ERROR_FORMAT_WINDOW_BITS => BadBody::LargeWindow,
                code => BadBody::Damaged(format!("{code:?}")),
            }),
            BrotliResult::ResultSuccess => {
                self.is_whole = true;
                Ok(if written > 0 { Unpacked::Piece(written) } else { Unpacked::NeedsMore })
            }
            _ if written > 0 => Ok(Unpacked::Piece(written)),
            _ if ended => Err(BadBody::CutOff),
            _ => Ok(Unpacked::NeedsMore),
        }
    }

    fn bytes_held(&self) -> u64 {
        self.allocated.0.load(Ordering::Relaxed)
    }
}

/// Allocates as usual, and counts the bytes.
#[derive(Clone, Default)]
struct Counted(Arc<AtomicU64>);

impl<T: Clone + Default> Allocator<T> for Counted {
    type AllocatedMemory = <StandardAlloc as Allocator<T>>::AllocatedMemory;

    fn alloc_cell(&mut self, length: usize) -> Self::AllocatedMemory {
        self.0.fetch_add((length * size_of::<T>()) as u64, Ordering::Relaxed);
        StandardAlloc::default().alloc_cell(length)
    }

    fn free_cell(&mut self, memory: Self::AllocatedMemory) {
        self.0.fetch_sub(size_of_val(memory.slice()) as u64, Ordering::Relaxed);
    }
}

/// `zstd`, of one frame or several.
pub(super) struct Zstd {
    context: DCtx<'static>,
    fed: Fed,
    /// The last piece was full: there may be more without more input.
    was_full: bool,
    /// What was unpacked so far ends with a frame.
    is_whole: bool,
}

impl Zstd {
    pub(super) fn new() -> Self {
        let mut context = DCtx::create();
        if let Err(code) = context.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG)) {
            unreachable!("zstd allows a window of 8 MiB: {}", get_error_name(code));
        }
        Self { context, fed: Fed::default(), was_full: false, is_whole: false }
    }
}

impl Codec for Zstd {
    fn feed(&mut self, packed: Bytes) {
        self.fed.feed(packed);
    }

    fn unpack(&mut self, piece: &mut [u8]) -> Result<Unpacked, BadBody> {
        // A step that can do nothing is an error to zstd.
        while self.was_full || !self.fed.bytes.is_empty() {
            let mut input = InBuffer::around(&self.fed.bytes);
            let mut output = OutBuffer::around(&mut *piece);
            let result = self.context.decompress_stream(&mut output, &mut input);
            let (read, written) = (input.pos(), output.pos());
            self.fed.bytes.advance(read);
            let wanted = result.map_err(|code| match code {
                WINDOW_TOO_LARGE => BadBody::LargeWindow,
                _ => BadBody::Damaged(get_error_name(code).to_owned()),
            })?;
            self.is_whole = wanted == 0;
            self.was_full = written == piece.len() && wanted > 0;
            if written > 0 {
                return Ok(Unpacked::Piece(written));
            }
        }
        match (self.fed.ended, self.is_whole) {
            (false, _) => Ok(Unpacked::NeedsMore),
            (true, true) => Ok(Unpacked::End),
            (true, false) => Err(BadBody::CutOff),
        }
    }

    fn bytes_held(&self) -> u64 {
        self.context.sizeof() as u64
    }
}
