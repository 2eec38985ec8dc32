//! Compressed texts, unpacked while they are read. A window is bounded, so that what it takes of the guest's memory is.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use kiwi_loader::Error;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// What every client of HTTP accepts (RFC 9659), and all that `zstd` writes without `--ultra` and `--long`.
const MAX_WINDOW: u64 = 8 << 20;
/// How much is unpacked at a time.
const CHUNK: usize = 64 << 10;

/// How a text is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// One gzip member, or several.
    Gzip,
    /// One zstd frame, or several.
    Zstd,
}

impl Packing {
    /// The packing of a file whose name ends like this.
    pub fn of_extension(extension: &str) -> Option<Self> {
        match extension.to_ascii_lowercase().as_str() {
            "gz" => Some(Self::Gzip),
            "zst" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// The packing of bytes that begin like this. No text of a [`Format`](crate::Format) does: it would not be UTF-8.
    pub fn of_beginning(beginning: &[u8]) -> Option<Self> {
        match beginning {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            _ => None,
        }
    }

    /// Reads what was packed.
    pub fn unpack(self, packed: impl BufRead + 'static) -> Box<dyn BufRead> {
        match self {
            Self::Gzip => Box::new(BufReader::with_capacity(CHUNK, Gzip(MultiGzDecoder::new(packed)))),
            Self::Zstd => Box::new(BufReader::with_capacity(CHUNK, Zstd::new(packed))),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// An error keeps the kind that the source has given it.
    fn failed(self, error: impl Into<Error>) -> io::Error {
        error.into().context(format_args!("it cannot be unpacked as {}", self.name())).into()
    }
}

struct Gzip<R>(MultiGzDecoder<R>);

impl<R: BufRead> Read for Gzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| Packing::Gzip.failed(error))
    }
}

/// The frames of a text. The decoder knows only one, and leaves it to its caller to compare the checksum.
struct Zstd<R> {
    packed: R,
    decoder: FrameDecoder,
    is_in_frame: bool,
    has_frames: bool,
}

impl<R: BufRead> Zstd<R> {
    fn new(packed: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(MAX_WINDOW);
        Self { packed, decoder, is_in_frame: false, has_frames: false }
    }

    fn read_some(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        loop {
            if !self.is_in_frame && !self.next_frame()? {
                return Ok(0);
            }
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                self.decoder.decode_blocks(&mut self.packed, BlockDecodingStrategy::UptoBlocks(1))?;
            }
            let read = self.decoder.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            self.is_in_frame = false;
            let (written, calculated) = (self.decoder.get_checksum_from_data(), self.decoder.get_calculated_checksum());
            if written.is_some() && written != calculated {
                return Err(Error::other("its checksum is wrong: it is damaged"));
            }
        }
    }

    /// Begins the next frame that has content. `false`: there is none.
    fn next_frame(&mut self) -> Result<bool, Error> {
        while !self.packed.fill_buf()?.is_empty() {
            self.has_frames = true;
            match self.decoder.reset(&mut self.packed) {
                Ok(()) => {
                    self.is_in_frame = true;
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    let length = u64::from(length);
                    if io::copy(&mut self.packed.by_ref().take(length), &mut io::sink())? < length {
                        return Err(Error::other("it is cut off"));
                    }
                }
                Err(FrameDecoderError::WindowSizeTooBig { requested, max }) => {
                    return Err(Error::other(format_args!(
                        "it needs a window of {requested} bytes, more than the {max} allowed: pack it without `--ultra` \
                         and `--long`"
                    )));
                }
                Err(error) => return Err(error.into()),
            }
        }
        if self.has_frames { Ok(false) } else { Err(Error::other("it is empty")) }
    }
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_some(buffer).map_err(|error| Packing::Zstd.failed(error))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    fn text() -> Vec<u8> {
        (0..60_000_u64).flat_map(|n| format!("{n} {}\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).into_bytes()).collect()
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        packed.write_all(text).unwrap();
        packed.finish().unwrap()
    }

    fn zstd(text: &[u8]) -> Vec<u8> {
        compress_to_vec(text, CompressionLevel::Fastest)
    }

    /// Unpacks what arrives in pieces of this size.
    fn unpacked(packing: Packing, packed: &[u8], piece: usize) -> Result<Vec<u8>, Error> {
        let packed = BufReader::with_capacity(piece, io::Cursor::new(packed.to_vec()));
        let mut text = Vec::new();
        packing.unpack(packed).read_to_end(&mut text)?;
        Ok(text)
    }

    type Pack = fn(&[u8]) -> Vec<u8>;

    const PACKINGS: [(Packing, Pack); 2] = [(Packing::Gzip, gzip), (Packing::Zstd, zstd)];

    #[test]
    fn several_members_or_frames_are_one_text() {
        let text = text();
        let (first, second) = text.split_at(1_000_000);
        for (packing, pack) in PACKINGS {
            let packed = [pack(first), pack(b""), pack(second)].concat();
            assert_eq!(Packing::of_beginning(&packed), Some(packing));
            for piece in [7, CHUNK] {
                assert!(unpacked(packing, &packed, piece).unwrap() == text, "{packing:?} in pieces of {piece}");
            }
        }
        let skippable =
            [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3][..], &zstd(b"a"), &[0x5f, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]]
                .concat();
        assert_eq!(unpacked(Packing::Zstd, &skippable, CHUNK).unwrap(), b"a");
    }

    #[test]
    fn what_is_cut_off_or_damaged_is_an_error() {
        let text = text();
        for (packing, pack) in PACKINGS {
            let packed = pack(&text);
            let message = |packed: &[u8]| unpacked(packing, packed, CHUNK).unwrap_err().to_string();
            let start = format!("it cannot be unpacked as {}: ", packing.name());
            for end in [0, 3, 6, 1_000, packed.len() - 1] {
                assert!(message(&packed[..end]).starts_with(&start), "{packing:?} of {end} bytes");
            }
            let mut damaged = packed.clone();
            // The first byte of the checksum.
            let at = packed.len() - if packing == Packing::Gzip { 8 } else { 4 };
            damaged[at] ^= 1;
            assert!(message(&damaged).starts_with(&start));
            assert!(message(&[&packed[..], b"more than that"].concat()).starts_with(&start));
            assert!(message(b"iata,name\nFR,Ryanair\n").starts_with(&start));
        }
    }

    /// Some bytes of a valid beginning are replaced, and whatever follows it.
    #[test]
    fn whatever_arrives_is_a_text_or_an_error() {
        let beginnings = PACKINGS.map(|(packing, pack)| (packing, pack(&text()[..2_000])));
        bolero::check!().with_iterations(2_000).with_max_len(300).for_each(|input: &[u8]| {
            let [length, at, byte, rest @ ..] = input else { return };
            for (packing, packed) in &beginnings {
                let mut packed = packed[..usize::from(*length) * 4 % packed.len()].to_vec();
                if let Some(replaced) = packed.get_mut(usize::from(*at)) {
                    *replaced = *byte;
                }
                packed.extend_from_slice(rest);
                let mut text = Vec::new();
                let _ = packing.unpack(io::Cursor::new(packed)).take(1 << 20).read_to_end(&mut text);
            }
        });
    }

    #[test]
    fn a_large_window_is_refused() {
        // A frame header with a window descriptor for 16 MiB.
        let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 14 << 3];
        let message = unpacked(Packing::Zstd, &frame, CHUNK).unwrap_err().to_string();
        assert!(message.contains("it needs a window of 16777216 bytes, more than the 8388608 allowed"), "{message}");
    }

    #[test]
    fn an_error_of_the_source_keeps_its_kind() {
        struct Cut;
        impl Read for Cut {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(Error::unavailable("the connection was lost").into())
            }
        }
        for (packing, pack) in PACKINGS {
            let packed = pack(&text());
            let cut = BufReader::new(io::Cursor::new(packed[..10_000].to_vec()).chain(Cut));
            let error = Error::from(packing.unpack(cut).read_to_end(&mut Vec::new()).unwrap_err());
            assert!(error.is_unavailable(), "{error:?}");
        }
    }
}
