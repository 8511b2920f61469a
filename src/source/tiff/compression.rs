//! The bytes of a strip or tile, read from the file and decompressed as they are needed.
//!
//! Strips may have gigabytes: a file with all of its rows in one strip is common. What always holds: nothing is kept but a buffer of compressed bytes and a
//! decompressor's own state; what comes out was decompressed without a doubt, as far as the coding allows to tell; and whatever the data,
//! each step goes forward or ends.

use std::fs::File;
use std::io;

use weezl::LzwStatus;
use zlib_rs::{Inflate, InflateError, InflateFlush};

use super::zstd::ZstdDecoder;
use crate::codec::jpeg::JpegStreamError;
use crate::platform::FileExt;

/// How strips and tiles are compressed, but for JPEG, of which each is a picture of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Lzw,
    Deflate,
    PackBits,
    Zstd,
}

impl Compression {
    /// Its name, as people write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "uncompressed",
            Self::Lzw => "LZW",
            Self::Deflate => "Deflate",
            Self::PackBits => "PackBits",
            Self::Zstd => "Zstandard",
        }
    }
}

/// Which bit of a byte of the file comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum FillOrder {
    #[default]
    HighestFirst,
    LowestFirst,
}

/// Why a strip or tile cannot be decompressed, in words that follow its number.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChunkError {
    #[error(transparent)]
    System(io::Error),
    #[error("its data ends too early")]
    TooShort,
    #[error("its {coding} data is damaged")]
    Damaged { coding: &'static str },
    #[error("its Deflate data does not have the check sum that it says")]
    CheckSum,
    #[error("its LZW data is of the kind that was written before TIFF 6.0, which is not read")]
    OldLzw,
    #[error("its data is {length} bytes long, more than its pixels can take")]
    TooLong { length: u64 },
    #[error(transparent)]
    Stream(#[from] JpegStreamError),
    #[error("libjpeg-turbo: {0}")]
    Codec(#[from] turbojpeg::Error),
}

/// Reads a part of a file from its first byte on.
#[derive(Debug, Default)]
struct ChunkBytes {
    /// What was read ahead is `buffer[position..filled]`.
    buffer: Vec<u8>,
    position: usize,
    filled: usize,
    /// Where the file is read next, and where the part ends.
    next: u64,
    end: u64,
    fill_order: FillOrder,
}

impl ChunkBytes {
    /// Bytes that are read at a time: as many as a tile takes, compressed.
    const BUFFER_BYTES: usize = 256 << 10;

    /// Begins with a part that is known to lie in the file.
    fn begin(&mut self, Place { offset, length }: Place, fill_order: FillOrder) {
        self.fill_order = fill_order;
        (self.position, self.filled) = (0, 0);
        (self.next, self.end) = (offset, offset.saturating_add(length));
    }

    /// What is at hand; empty at the end of the part only.
    fn fill(&mut self, file: &File) -> Result<&[u8], ChunkError> {
        if self.position == self.filled {
            let length = (self.end - self.next).min(Self::BUFFER_BYTES as u64) as usize;
            if self.buffer.len() < length {
                self.buffer.resize(length, 0);
            }
            file.read_exact_at(&mut self.buffer[..length], self.next).map_err(ChunkError::reading)?;
            self.fill_order.apply(&mut self.buffer[..length]);
            (self.position, self.filled) = (0, length);
            self.next += length as u64;
        }
        Ok(&self.buffer[self.position..self.filled])
    }

    fn consume(&mut self, bytes: usize) {
        self.position += bytes;
    }

    /// Reads past the buffer what is not in it yet.
    fn read_exact(&mut self, file: &File, output: &mut [u8]) -> Result<(), ChunkError> {
        let at_hand = (self.filled - self.position).min(output.len());
        let (first, rest) = output.split_at_mut(at_hand);
        first.copy_from_slice(&self.buffer[self.position..self.position + at_hand]);
        self.position += at_hand;
        if rest.len() as u64 > self.end - self.next {
            return Err(ChunkError::TooShort);
        }
        file.read_exact_at(rest, self.next).map_err(ChunkError::reading)?;
        self.fill_order.apply(rest);
        self.next += rest.len() as u64;
        Ok(())
    }
}

/// Where a strip's or tile's bytes lie in the file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub offset: u64,
    pub length: u64,
}

impl FillOrder {
    fn apply(self, bytes: &mut [u8]) {
        if self == Self::LowestFirst {
            for byte in bytes {
                *byte = byte.reverse_bits();
            }
        }
    }
}

impl ChunkError {
    pub fn reading(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::TooShort } else { Self::System(error) }
    }
}

/// Decompresses one strip or tile after the other.
pub(crate) struct Decompressor {
    bytes: ChunkBytes,
    coding: Coding,
}

enum Coding {
    None,
    Lzw { decoder: weezl::decode::Decoder, begun: bool },
    Deflate { inflate: Box<Inflate>, ended: bool },
    PackBits(Run),
    Zstd(ZstdDecoder),
}

/// What is left of a `PackBits` run.
#[derive(Clone, Copy, Debug)]
enum Run {
    Literal(usize),
    Repeat(u8, usize),
    /// Of a byte that has not been read yet.
    Awaiting(usize),
}

impl Decompressor {
    pub fn new(compression: Compression) -> Result<Self, ChunkError> {
        let coding = match compression {
            Compression::None => Coding::None,
            Compression::Lzw => Coding::Lzw {
                decoder: weezl::decode::Decoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8),
                begun: false,
            },
            Compression::Deflate => Coding::Deflate { inflate: Box::new(Inflate::new(true, 15)), ended: false },
            Compression::PackBits => Coding::PackBits(Run::Literal(0)),
            Compression::Zstd => Coding::Zstd(ZstdDecoder::new()?),
        };
        Ok(Self { bytes: ChunkBytes::default(), coding })
    }

    /// Begins with another strip or tile.
    pub fn begin(&mut self, place: Place, fill_order: FillOrder) -> Result<(), ChunkError> {
        self.bytes.begin(place, fill_order);
        match &mut self.coding {
            Coding::None => {}
            Coding::Lzw { decoder, begun } => {
                decoder.reset();
                *begun = false;
            }
            Coding::Deflate { inflate, ended } => {
                inflate.reset(true);
                *ended = false;
            }
            Coding::PackBits(run) => *run = Run::Literal(0),
            Coding::Zstd(decoder) => decoder.reset()?,
        }
        Ok(())
    }

    /// Decompresses the next bytes, all of `output`.
    pub fn read(&mut self, file: &File, mut output: &mut [u8]) -> Result<(), ChunkError> {
        let Self { bytes, coding } = self;
        if let Coding::None = coding {
            return bytes.read_exact(file, output);
        }
        while !output.is_empty() {
            let input = bytes.fill(file)?;
            let at_end = input.is_empty();
            let (consumed, written, ended) = coding.step(input, output)?;
            bytes.consume(consumed);
            output = &mut output[written..];
            if !output.is_empty() && (ended || (consumed, written) == (0, 0)) {
                return Err(if ended || at_end {
                    ChunkError::TooShort
                } else {
                    ChunkError::Damaged { coding: coding.name() }
                });
            }
        }
        Ok(())
    }

    /// Looks at what comes after the last byte that was asked for, where that tells whether the data was whole. More data than is needed is let pass,
    /// as libtiff does, and so is a check sum that is not there.
    pub fn finish(&mut self, file: &File) -> Result<(), ChunkError> {
        let Self { bytes, coding } = self;
        loop {
            let Coding::Deflate { ended: false, .. } = coding else { return Ok(()) };
            let input = bytes.fill(file)?;
            let (consumed, written, _) = coding.step(input, &mut [0])?;
            if written > 0 || consumed == 0 {
                return Ok(());
            }
            bytes.consume(consumed);
        }
    }
}

impl Coding {
    const fn name(&self) -> &'static str {
        match self {
            Self::None => Compression::None.name(),
            Self::Lzw { .. } => Compression::Lzw.name(),
            Self::Deflate { .. } => Compression::Deflate.name(),
            Self::PackBits(_) => Compression::PackBits.name(),
            Self::Zstd(_) => Compression::Zstd.name(),
        }
    }

    /// Decompresses some of `input` into some of `output`. Returns how many bytes of either, and whether no more comes.
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<(usize, usize, bool), ChunkError> {
        match self {
            Self::None => {
                let length = input.len().min(output.len());
                output[..length].copy_from_slice(&input[..length]);
                Ok((length, length, false))
            }
            Self::Lzw { decoder, begun } => {
                // As libtiff knows them: the first code, which clears the table, with its bits the other way round.
                if !*begun && matches!(input, [0, second, ..] if second & 1 == 1) {
                    return Err(ChunkError::OldLzw);
                }
                *begun = true;
                let result = decoder.decode_bytes(input, output);
                match result.status {
                    Ok(status) => Ok((result.consumed_in, result.consumed_out, matches!(status, LzwStatus::Done))),
                    Err(_) => Err(ChunkError::Damaged { coding: Compression::Lzw.name() }),
                }
            }
            Self::Deflate { inflate, ended } => {
                let before = (inflate.total_in(), inflate.total_out());
                let status = inflate.decompress(input, output, InflateFlush::NoFlush).map_err(|error| {
                    let in_trailer = matches!(error, InflateError::DataError)
                        && inflate.error_message() == Some("incorrect data check");
                    if in_trailer {
                        ChunkError::CheckSum
                    } else {
                        ChunkError::Damaged { coding: Compression::Deflate.name() }
                    }
                })?;
                *ended = status == zlib_rs::Status::StreamEnd;
                let (read, written) = (inflate.total_in() - before.0, inflate.total_out() - before.1);
                Ok((read as usize, written as usize, *ended))
            }
            Self::PackBits(run) => Ok(unpack(run, input, output)),
            Self::Zstd(decoder) => decoder.step(input, output),
        }
    }
}

/// TIFF 6.0, section 9.
fn unpack(run: &mut Run, input: &[u8], output: &mut [u8]) -> (usize, usize, bool) {
    let (mut read, mut written) = (0, 0);
    while written < output.len() {
        match run {
            Run::Literal(0) | Run::Repeat(_, 0) => match input[read..] {
                // Does nothing.
                [128, ..] => read += 1,
                [head @ 0..128, ..] => {
                    *run = Run::Literal(usize::from(head) + 1);
                    read += 1;
                }
                [head, ..] => {
                    *run = Run::Awaiting(257 - usize::from(head));
                    read += 1;
                }
                [] => break,
            },
            Run::Literal(left) => {
                let length = (*left).min(input.len() - read).min(output.len() - written);
                if length == 0 {
                    break;
                }
                output[written..written + length].copy_from_slice(&input[read..read + length]);
                *left -= length;
                (read, written) = (read + length, written + length);
            }
            Run::Repeat(value, left) => {
                let length = (*left).min(output.len() - written);
                output[written..written + length].fill(*value);
                *left -= length;
                written += length;
            }
            Run::Awaiting(length) => {
                let Some(&value) = input.get(read) else { break };
                *run = Run::Repeat(value, *length);
                read += 1;
            }
        }
    }
    (read, written, false)
}
