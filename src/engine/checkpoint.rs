//! The state of an export at a checkpoint, from which another run can resume it.
//!
//! At each [pause](crate::schedule::Step::Pause) of the schedule nothing is in flight. The blocks
//! that are held and a few numbers are then all that the rest of the export depends on: the
//! position in the schedule follows from the number of chunks read. A state is only used for the
//! same slide, options and versions.

use std::io::{self, Write};
use std::sync::Arc;

use super::digests::TileDigests;
use super::identity::RunIdentity;
use super::level_assembler::{Block, Content, SavedBlock};
use crate::geometry::{Point, Rect, Size};
use crate::key::Digest;
use crate::pixels::{PIXEL_BYTES, Pixels};

/// Tiles that are blank and were not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct SkippedTiles {
    pub tiles: u64,
    /// Their pixels, without overlap.
    pub pixels: u64,
}

impl SkippedTiles {
    pub fn add(&mut self, pixels: u64) {
        self.tiles += 1;
        self.pixels += pixels;
    }
}

/// The state of an export between two reads.
#[derive(Debug)]
pub(crate) struct SavedState {
    pub identity: Arc<RunIdentity>,
    /// Chunks read.
    pub chunks: u64,
    /// Entry numbers given to tiles.
    pub entries: u64,
    /// Tiles written.
    pub written: u64,
    /// The total size of the tiles written.
    pub tile_bytes: u64,
    pub skipped: SkippedTiles,
    /// Whether any pixel was not fully transparent.
    pub any_opaque: bool,
    pub unreadable: Vec<Rect>,
    pub digests: TileDigests,
    /// The blocks held, for each level.
    pub blocks: Vec<Vec<SavedBlock>>,
}

impl SavedState {
    /// The state before anything is read.
    pub fn initial(identity: Arc<RunIdentity>, tiles: u64, levels: usize) -> Self {
        Self {
            identity,
            chunks: 0,
            entries: 0,
            written: 0,
            tile_bytes: 0,
            skipped: SkippedTiles::default(),
            any_opaque: false,
            unreadable: Vec::new(),
            digests: TileDigests::none_of(tiles),
            blocks: (0..levels).map(|_| Vec::new()).collect(),
        }
    }

    /// The approximate number of bytes that [`write`](Self::write) writes.
    pub fn bytes(&self) -> u64 {
        let pixels: usize =
            self.blocks.iter().flatten().map(|(_, block)| block.content.bytes().len()).sum();
        (pixels + size_of::<Digest>() * self.digests.len()) as u64
    }

    pub fn write(&self, file: &mut dyn Write) -> io::Result<()> {
        let identity = serde_json::to_vec(&*self.identity)?;
        write_numbers(file, &[identity.len() as u64])?;
        file.write_all(&identity)?;
        let any_opaque = u64::from(self.any_opaque);
        let SkippedTiles { tiles, pixels } = self.skipped;
        write_numbers(
            file,
            &[self.chunks, self.entries, self.written, self.tile_bytes, tiles, pixels, any_opaque],
        )?;
        write_numbers(file, &[self.unreadable.len() as u64])?;
        for &rect in &self.unreadable {
            write_rect(file, rect)?;
        }
        write_numbers(file, &[self.digests.len() as u64])?;
        for digest in self.digests.iter() {
            file.write_all(digest.as_bytes())?;
        }
        write_numbers(file, &[self.blocks.len() as u64])?;
        for blocks in &self.blocks {
            write_numbers(file, &[blocks.len() as u64])?;
            for ((column, row), block) in blocks {
                write_numbers(file, &[u64::from(*column), u64::from(*row)])?;
                write_rect(file, block.rect)?;
                write_numbers(file, &[u64::from(block.content.is_blank())])?;
                file.write_all(block.content.bytes())?;
            }
        }
        Ok(())
    }

    /// Parses a state; `None` if `bytes` are not one.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let length = fields.count(1)?;
        let identity = Arc::new(serde_json::from_slice(fields.bytes(length)?).ok()?);
        let (chunks, entries, written, tile_bytes) =
            (fields.number()?, fields.number()?, fields.number()?, fields.number()?);
        let skipped = SkippedTiles { tiles: fields.number()?, pixels: fields.number()? };
        let any_opaque = fields.number()? != 0;
        let unreadable = (0..fields.count(32)?).map(|_| fields.rect()).collect::<Option<_>>()?;
        let digests = (0..fields.count(32)?)
            .map(|_| Some(Digest::from_bytes(fields.bytes(32)?.try_into().ok()?)));
        let digests = digests.collect::<Option<TileDigests>>()?;
        let blocks = (0..fields.count(8)?).map(|_| fields.blocks()).collect::<Option<_>>()?;
        let state = Self {
            identity,
            chunks,
            entries,
            written,
            tile_bytes,
            skipped,
            any_opaque,
            unreadable,
            digests,
            blocks,
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

/// The bytes that remain to be parsed.
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

    /// The number of items that follow, each of at least `bytes` bytes.
    fn count(&mut self, bytes: usize) -> Option<usize> {
        let count = usize::try_from(self.number()?).ok()?;
        (count <= self.0.len() / bytes).then_some(count)
    }

    fn rect(&mut self) -> Option<Rect> {
        let (x, y) = (self.small()?, self.small()?);
        Rect::new(Point { x, y }, Size::new(self.small()?, self.small()?)?)
    }

    fn blocks(&mut self) -> Option<Vec<SavedBlock>> {
        let blocks = (0..self.count(56)?).map(|_| {
            let place = (self.small()?, self.small()?);
            let rect = self.rect()?;
            let content = if self.number()? == 1 {
                Content::Blank
            } else {
                let bytes = self
                    .bytes(usize::try_from(rect.size().area()).ok()?.checked_mul(PIXEL_BYTES)?)?;
                Content::Pixels(Pixels::from_bytes(rect.size(), bytes.to_vec())?)
            };
            Some((place, Arc::new(Block { rect, content })))
        });
        blocks.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::Rgb;

    #[test]
    fn reads_back_a_state_and_rejects_truncated_ones() {
        let rect = Rect::spanning(3..8, 2..4).unwrap();
        let pixels = Content::Pixels(Pixels::filled(rect.size(), Rgb::WHITE));
        let block = |content| Arc::new(Block { rect, content });
        let state = SavedState {
            identity: Arc::new(RunIdentity::default()),
            chunks: 7,
            entries: 6,
            written: 5,
            tile_bytes: 1234,
            skipped: SkippedTiles { tiles: 8, pixels: 9 },
            any_opaque: true,
            unreadable: vec![rect],
            digests: [Digest::of(b"a"), Digest::default()].into_iter().collect(),
            blocks: vec![vec![((1, 2), block(pixels)), ((2, 2), block(Content::Blank))]],
        };
        let mut bytes = Vec::new();
        state.write(&mut bytes).unwrap();
        let read = SavedState::read(&bytes).unwrap();
        let mut again = Vec::new();
        read.write(&mut again).unwrap();
        assert_eq!(again, bytes);
        assert_eq!((read.chunks, read.entries, read.written, read.tile_bytes), (7, 6, 5, 1234));
        assert!(read.any_opaque);
        assert_eq!(read.skipped, SkippedTiles { tiles: 8, pixels: 9 });
        assert_eq!(read.blocks[0][0].1.rect, rect);
        let is_blank: Vec<bool> =
            read.blocks[0].iter().map(|(_, block)| block.content.is_blank()).collect();
        assert_eq!(is_blank, [false, true]);
        for length in 0..bytes.len() {
            assert!(SavedState::read(&bytes[..length]).is_none(), "{length} bytes");
        }
    }
}
