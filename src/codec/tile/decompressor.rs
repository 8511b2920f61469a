//! Decompresses the bytes of a strip or tile as they are needed.
//!
//! A strip can have gigabytes: files with all rows in one strip are common. Only a buffer of
//! compressed bytes and the decompressor's own state are kept in memory. Any input makes each step
//! advance or end.

use crate::platform::FileExt;
use std::fs::File;
use std::io;

use weezl::LzwStatus;
use zlib_rs::{Inflate, InflateError, InflateFlush};

use super::zstd::ZstdDecoder;
use super::{TileCodec, TileError};

/// The compressions that can be decoded row by row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Lzw,
    Deflate,
    PackBits,
    Zstd,
}

impl Compression {
    const ALL: [Self; 5] = [Self::None, Self::Lzw, Self::Deflate, Self::PackBits, Self::Zstd];

    /// Returns the compression of a codec; `None` if the codec decodes only whole tiles.
    pub fn of_codec(codec: &TileCodec) -> Option<Self> {
        Self::ALL.into_iter().find(|compression| compression.name() == codec.name)
    }

    /// Returns the name to show.
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

/// The order of the bits in each byte of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum FillOrder {
    #[default]
    HighestFirst,
    LowestFirst,
}

/// Bytes that can be read at any position.
pub(crate) trait ReadAt {
    /// Fills `buffer` with the bytes from `offset`.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

impl ReadAt for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.read_exact_at(buffer, offset)
    }
}

impl ReadAt for [u8] {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.get(offset..));
        let part =
            rest.and_then(|rest| rest.get(..buffer.len())).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(part);
        Ok(())
    }
}

/// Reads a part of a file sequentially.
#[derive(Debug, Default)]
struct ChunkBytes {
    /// `buffer[position..filled]` was read ahead.
    buffer: Vec<u8>,
    position: usize,
    filled: usize,
    /// The offset of the next read, and of the part's end.
    next: u64,
    end: u64,
    fill_order: FillOrder,
}

impl ChunkBytes {
    /// The number of bytes read at a time: about one compressed tile.
    const BUFFER_BYTES: usize = 256 << 10;

    /// Starts a part, which must be inside the file.
    fn begin(&mut self, Place { offset, length }: Place, fill_order: FillOrder) {
        self.fill_order = fill_order;
        (self.position, self.filled) = (0, 0);
        (self.next, self.end) = (offset, offset.saturating_add(length));
    }

    /// Returns the bytes read ahead. They are empty only at the end of the part.
    fn fill(&mut self, file: &(impl ReadAt + ?Sized)) -> Result<&[u8], TileError> {
        if self.position == self.filled {
            let length = (self.end - self.next).min(Self::BUFFER_BYTES as u64) as usize;
            if self.buffer.len() < length {
                self.buffer.resize(length, 0);
            }
            file.read_at(&mut self.buffer[..length], self.next).map_err(TileError::reading)?;
            self.fill_order.apply(&mut self.buffer[..length]);
            (self.position, self.filled) = (0, length);
            self.next += length as u64;
        }
        Ok(&self.buffer[self.position..self.filled])
    }

    fn consume(&mut self, bytes: usize) {
        self.position += bytes;
    }

    /// Fills `output`, bypassing the buffer for what is not in it yet.
    fn read_exact(
        &mut self,
        file: &(impl ReadAt + ?Sized),
        output: &mut [u8],
    ) -> Result<(), TileError> {
        let at_hand = (self.filled - self.position).min(output.len());
        let (first, rest) = output.split_at_mut(at_hand);
        first.copy_from_slice(&self.buffer[self.position..self.position + at_hand]);
        self.position += at_hand;
        if rest.len() as u64 > self.end - self.next {
            return Err(TileError::Truncated);
        }
        file.read_at(rest, self.next).map_err(TileError::reading)?;
        self.fill_order.apply(rest);
        self.next += rest.len() as u64;
        Ok(())
    }
}

/// The place of a strip or tile in the file, in bytes.
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

/// Decompresses strips or tiles one after another.
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

/// The rest of a `PackBits` run.
#[derive(Clone, Copy, Debug)]
enum Run {
    Literal(usize),
    Repeat(u8, usize),
    /// A repeated byte that has not been read yet.
    Awaiting(usize),
}

impl Decompressor {
    pub fn new(compression: Compression) -> Result<Self, TileError> {
        let coding = match compression {
            Compression::None => Coding::None,
            Compression::Lzw => Coding::Lzw {
                decoder: weezl::decode::Decoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8),
                begun: false,
            },
            Compression::Deflate => {
                Coding::Deflate { inflate: Box::new(Inflate::new(true, 15)), ended: false }
            }
            Compression::PackBits => Coding::PackBits(Run::Literal(0)),
            Compression::Zstd => Coding::Zstd(ZstdDecoder::new()?),
        };
        Ok(Self { bytes: ChunkBytes::default(), coding })
    }

    /// Starts another strip or tile.
    pub fn begin(&mut self, place: Place, fill_order: FillOrder) -> Result<(), TileError> {
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

    /// Decompresses the next bytes until `output` is full.
    pub fn read(
        &mut self,
        file: &(impl ReadAt + ?Sized),
        mut output: &mut [u8],
    ) -> Result<(), TileError> {
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
                    TileError::Truncated
                } else {
                    TileError::Damaged { codec: coding.name() }
                });
            }
        }
        Ok(())
    }

    /// Verifies the Deflate checksum after the last byte. As in libtiff, excess data and a missing
    /// checksum are accepted.
    pub fn finish(&mut self, file: &(impl ReadAt + ?Sized)) -> Result<(), TileError> {
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

    /// Decompresses a part of `input` to a part of `output`. Returns the number of bytes read and
    /// written, and whether the stream has ended.
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<(usize, usize, bool), TileError> {
        match self {
            Self::None => {
                let length = input.len().min(output.len());
                output[..length].copy_from_slice(&input[..length]);
                Ok((length, length, false))
            }
            Self::Lzw { decoder, begun } => {
                // libtiff's test: the first code, which clears the table, has its bits reversed.
                if !*begun && matches!(input, [0, second, ..] if second & 1 == 1) {
                    return Err(TileError::OldLzw);
                }
                *begun = true;
                let result = decoder.decode_bytes(input, output);
                match result.status {
                    Ok(status) => Ok((
                        result.consumed_in,
                        result.consumed_out,
                        matches!(status, LzwStatus::Done),
                    )),
                    Err(_) => Err(TileError::Damaged { codec: Compression::Lzw.name() }),
                }
            }
            Self::Deflate { inflate, ended } => {
                let before = (inflate.total_in(), inflate.total_out());
                let status =
                    inflate.decompress(input, output, InflateFlush::NoFlush).map_err(|error| {
                        let in_trailer = matches!(error, InflateError::DataError)
                            && inflate.error_message() == Some("incorrect data check");
                        if in_trailer {
                            TileError::Checksum
                        } else {
                            TileError::Damaged { codec: Compression::Deflate.name() }
                        }
                    })?;
                *ended = status == zlib_rs::Status::StreamEnd;
                let (read, written) =
                    (inflate.total_in() - before.0, inflate.total_out() - before.1);
                Ok((read as usize, written as usize, *ended))
            }
            Self::PackBits(run) => Ok(unpack(run, input, output)),
            Self::Zstd(decoder) => decoder.step(input, output),
        }
    }
}

/// Unpacks `PackBits` data: TIFF 6.0, section 9.
fn unpack(run: &mut Run, input: &[u8], output: &mut [u8]) -> (usize, usize, bool) {
    let (mut read, mut written) = (0, 0);
    while written < output.len() {
        match run {
            Run::Literal(0) | Run::Repeat(_, 0) => match input[read..] {
                // No operation.
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
