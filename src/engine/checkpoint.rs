//! How far an export has come, so that another run can go on from there and come to the same bytes.
//!
//! From time to time the engine reads nothing until all that is under way has ended. What it then holds, the pieces of the mosaics and a few
//! numbers, is all that the rest of the run depends on, and is handed to the sink. How often depends on how much that is, and on nothing
//! else: each checkpoint follows [`PIXEL_BYTES_A_BYTE`] times as many bytes of pixels read, so that keeping them takes a small part of the
//! time. What always holds: a state is used only for the same slide, the same options and the same versions.

use std::io::{self, Write};
use std::sync::Arc;

use super::digests::TileDigests;
use super::identity::Identity;
use super::level_assembler::{Block, Content, SavedAssembler};
use crate::geometry::{Point, Rect, Size};
use crate::key::Digest;
use crate::pixels::{PIXEL_BYTES, Pixels};

/// How many bytes of pixels are read for each byte that a checkpoint keeps. Reading and encoding takes some 3 ns a byte, and keeping one less than 1.
pub(crate) const PIXEL_BYTES_A_BYTE: u64 = 100;

/// The tiles that no file was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct LeftOut {
    pub tiles: u64,
    /// Their pixels, without overlap.
    pub pixels: u64,
}

impl LeftOut {
    pub fn count(&mut self, pixels: u64) {
        self.tiles += 1;
        self.pixels += pixels;
    }
}

/// The state of an export between two reads.
#[derive(Debug)]
pub(crate) struct SavedState {
    pub identity: Arc<Identity>,
    /// Chunks that were read.
    pub chunks: u64,
    /// Entry numbers that were given to tiles.
    pub entries: u64,
    /// Tiles that were written.
    pub written: u64,
    /// Their bytes.
    pub tile_bytes: u64,
    pub left_out: LeftOut,
    /// Whether any pixel was not wholly transparent.
    pub something_seen: bool,
    pub unreadable: Vec<Rect>,
    pub digests: TileDigests,
    /// By level.
    pub mosaics: Vec<SavedAssembler>,
}

impl SavedState {
    /// The state before anything was read.
    pub fn beginning(identity: Arc<Identity>, tiles: u64, levels: usize) -> Self {
        Self {
            identity,
            chunks: 0,
            entries: 0,
            written: 0,
            tile_bytes: 0,
            left_out: LeftOut::default(),
            something_seen: false,
            unreadable: Vec::new(),
            digests: TileDigests::none_of(tiles),
            mosaics: (0..levels).map(|_| SavedAssembler::default()).collect(),
        }
    }

    /// About how many bytes [`write`](Self::write) writes.
    pub fn bytes(&self) -> u64 {
        let pixels: u64 = self.mosaics.iter().map(SavedAssembler::bytes).sum();
        pixels + 32 * self.digests.len() as u64
    }

    pub fn write(&self, file: &mut dyn Write) -> io::Result<()> {
        let identity = serde_json::to_vec(&*self.identity)?;
        write_numbers(file, &[identity.len() as u64])?;
        file.write_all(&identity)?;
        let seen = u64::from(self.something_seen);
        let LeftOut { tiles, pixels } = self.left_out;
        write_numbers(file, &[self.chunks, self.entries, self.written, self.tile_bytes, tiles, pixels, seen])?;
        write_numbers(file, &[self.unreadable.len() as u64])?;
        for &rect in &self.unreadable {
            write_rect(file, rect)?;
        }
        write_numbers(file, &[self.digests.len() as u64])?;
        for digest in self.digests.iter() {
            file.write_all(digest.as_bytes())?;
        }
        write_numbers(file, &[self.mosaics.len() as u64])?;
        for SavedAssembler { held, arrived } in &self.mosaics {
            write_numbers(file, &[held.len() as u64])?;
            for (column, row, users, piece) in held {
                write_numbers(file, &[u64::from(*column), u64::from(*row), u64::from(*users)])?;
                write_rect(file, piece.rect)?;
                write_numbers(file, &[u64::from(piece.content.is_blank())])?;
                file.write_all(piece.content.bytes())?;
            }
            write_numbers(file, &[arrived.len() as u64])?;
            for ((column, row), count) in arrived {
                write_numbers(file, &[u64::from(*column), u64::from(*row), u64::from(*count)])?;
            }
        }
        Ok(())
    }

    /// Reads a state back; `None` where it is none.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let length = fields.count(1)?;
        let identity = Arc::new(serde_json::from_slice(fields.bytes(length)?).ok()?);
        let (chunks, entries, written, tile_bytes) =
            (fields.number()?, fields.number()?, fields.number()?, fields.number()?);
        let left_out = LeftOut { tiles: fields.number()?, pixels: fields.number()? };
        let something_seen = fields.number()? != 0;
        let unreadable = (0..fields.count(32)?).map(|_| fields.rect()).collect::<Option<_>>()?;
        let digests = (0..fields.count(32)?).map(|_| Some(Digest::from_bytes(fields.bytes(32)?.try_into().ok()?)));
        let digests = digests.collect::<Option<TileDigests>>()?;
        let mosaics = (0..fields.count(16)?).map(|_| fields.level_assembler()).collect::<Option<_>>()?;
        let state = Self {
            identity,
            chunks,
            entries,
            written,
            tile_bytes,
            left_out,
            something_seen,
            unreadable,
            digests,
            mosaics,
        };
        fields.0.is_empty().then_some(state)
    }
}

fn write_numbers(file: &mut dyn Write, numbers: &[u64]) -> io::Result<()> {
    numbers.iter().try_for_each(|number| file.write_all(&number.to_le_bytes()))
}

fn write_rect(file: &mut dyn Write, rect: Rect) -> io::Result<()> {
    let (origin, size) = (rect.origin(), rect.size());
    write_numbers(file, &[origin.x, origin.y, size.width(), size.height()].map(u64::from))
}

/// What is left to read.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.bytes(8)?.try_into().ok()?))
    }

    fn small(&mut self) -> Option<u32> {
        u32::try_from(self.number()?).ok()
    }

    /// How many things follow, each of at least so many bytes.
    fn count(&mut self, bytes: usize) -> Option<usize> {
        let count = usize::try_from(self.number()?).ok()?;
        (count <= self.0.len() / bytes).then_some(count)
    }

    fn rect(&mut self) -> Option<Rect> {
        let (x, y) = (self.small()?, self.small()?);
        Rect::new(Point { x, y }, Size::new(self.small()?, self.small()?)?)
    }

    fn level_assembler(&mut self) -> Option<SavedAssembler> {
        let held = (0..self.count(64)?).map(|_| {
            let (column, row, users) = (self.small()?, self.small()?, self.small()?);
            let rect = self.rect()?;
            let content = if self.number()? == 1 {
                Content::Blank
            } else {
                let bytes = self.bytes(usize::try_from(rect.size().area()).ok()?.checked_mul(PIXEL_BYTES)?)?;
                Content::Pixels(Pixels::from_bytes(rect.size(), bytes.to_vec())?)
            };
            Some((column, row, users, Arc::new(Block { rect, content })))
        });
        let held = held.collect::<Option<_>>()?;
        let arrived = (0..self.count(24)?).map(|_| Some(((self.small()?, self.small()?), self.small()?)));
        Some(SavedAssembler { held, arrived: arrived.collect::<Option<_>>()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::Rgb;

    #[test]
    fn a_state_is_read_back_and_part_of_one_is_none() {
        let rect = Rect::spanning(3..8, 2..4).unwrap();
        let pixels = Content::Pixels(Pixels::filled(rect.size(), Rgb::WHITE));
        let piece = |content| Arc::new(Block { rect, content });
        let state = SavedState {
            identity: Arc::new(vec![("name".to_owned(), "scan".to_owned())]),
            chunks: 7,
            entries: 6,
            written: 5,
            tile_bytes: 1234,
            left_out: LeftOut { tiles: 8, pixels: 9 },
            something_seen: true,
            unreadable: vec![rect],
            digests: [Digest::of(b"a"), Digest::default()].into_iter().collect(),
            mosaics: vec![SavedAssembler {
                held: vec![(1, 2, 3, piece(pixels)), (2, 2, 1, piece(Content::Blank))],
                arrived: vec![((4, 5), 6)],
            }],
        };
        let mut bytes = Vec::new();
        state.write(&mut bytes).unwrap();
        let read = SavedState::read(&bytes).unwrap();
        let mut again = Vec::new();
        read.write(&mut again).unwrap();
        assert_eq!(again, bytes);
        assert_eq!((read.chunks, read.entries, read.written, read.tile_bytes), (7, 6, 5, 1234));
        assert!(read.something_seen);
        assert_eq!(read.left_out, LeftOut { tiles: 8, pixels: 9 });
        assert_eq!(read.mosaics[0].held[0].3.rect, rect);
        assert!(!read.mosaics[0].held[0].3.content.is_blank() && read.mosaics[0].held[1].3.content.is_blank());
        for length in 0..bytes.len() {
            assert!(SavedState::read(&bytes[..length]).is_none(), "{length} bytes");
        }
    }
}
