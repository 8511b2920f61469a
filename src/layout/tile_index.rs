//! The tile index of an archive: where each tile's bytes are, so that a browser needs no list of all files.
//!
//! An archive's own directory has some hundred bytes for every file: 20 MB before the first tile of a big slide. This index has twelve, in an
//! order that needs no names, and so any part of it can be fetched alone. To other programs it is one more file in the archive: its last.
//!
//! # Format, version 1
//!
//! All numbers are little-endian and unsigned. A header of 64 bytes:
//!
//! | at | bytes | what |
//! |---|---|---|
//! | 0 | 8 | the signature `89 53 5A 49 0D 0A 1A 0A` (`\x89SZI\r\n\x1a\n`) |
//! | 8 | 2 | version: 1. A reader refuses any other |
//! | 10 | 2 | bytes of this header: 64. Records begin here |
//! | 12 | 2 | bytes of a record: 12 |
//! | 14 | 2 | number of levels, see below |
//! | 16 | 4 + 4 | width and height of the image in pixels |
//! | 24 | 4 + 4 | tile size (the step between tiles, 2 to 8192) and overlap in pixels |
//! | 32 | 8 | the tiles' file name extension, filled up with zeros |
//! | 40 | 8 | number of tiles |
//! | 48 | 8 + 4 | offset and length of the description (the export's JSON), 0 and 0 where there is none |
//! | 60 | 4 | CRC-32 (that of zip and PNG) of all records |
//!
//! Then a record for each tile: 8 bytes, the offset in the archive of the tile file's first byte (not of the local header before it), and 4
//! bytes, its length. A length of 0 is a tile that the archive does not have. Tiles come level by level from 0, the 1×1 image, to the full size;
//! in a level row by row; in a row column by column. Levels are Deep Zoom's: from the full size down, each side is halved and rounded up until
//! both are 1; a pyramid that does not go so far has the largest of them, as many as the header says, under their own numbers. A level of *w*×*h* pixels has ⌈*w* / tile size⌉ columns and ⌈*h* / tile size⌉ rows. So the record of the tile at a level, column
//! and row stands at
//!
//! `64 + 12 × (tiles of all smaller levels + row × columns of its level + column)`
//!
//! # How it is found
//!
//! The index is the archive's last entry. The last 64 KiB of the file hold the end of the central directory: where that ends (the end record,
//! or the ZIP64 end record before it, says), the last directory record ends. Its name ends in `tile-index.bin`; past 4 GiB, 12 bytes of ZIP64
//! field with the offset follow the name. It says where the entry's local header is, and the index follows that header, which has the same name
//! and no extra field (20 bytes of it if the index itself is of 4 GiB). What a reader wants then is the 64 KiB from the description on:
//! description, descriptor and the index's first five thousand tiles follow each other there.
//!
//! # What a reader may trust
//!
//! The entries before the index are, in this order, the export's description (`<name>.json`) and its descriptor (`<name>.dzi`; of other layouts another
//! file, or none): the last three records of the directory tell where all are. An archive that was unpacked and packed anew by another program carries the index along, with offsets
//! that are no longer right: a reader compares the description's place by the directory with that by the index, and where they differ, or the index is
//! not the last entry, it goes by the directory. A reader of parts of the index cannot check the CRC-32, which is of all records; `slidezoom verify` does,
//! and holds every record against the directory. An archive with a comment, which ours never have, ends up to 64 KiB later.
//!
//! # Example
//!
//! An image of 3×2 pixels in tiles of 2 without overlap has three levels, of 1×1, 2×1 and 3×2 pixels, and 1 + 1 + 2 tiles:
//!
//! ```
//! use slidezoom::layout::tile_index::TileIndex;
//!
//! let index = [
//!     b"\x89SZI\r\n\x1a\n".as_slice(),
//!     &[1, 0, 64, 0, 12, 0, 3, 0],                         // version, header, record, levels
//!     &[3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0],   // 3×2 pixels, tiles of 2, overlap 0
//!     b"jpeg\0\0\0\0",
//!     &[4, 0, 0, 0, 0, 0, 0, 0],                           // four tiles
//!     &[0x34, 0x12, 0, 0, 0, 0, 0, 0, 99, 0, 0, 0],        // the description: 99 bytes at 0x1234
//!     &[0x4e, 0x8f, 0xfa, 0x57],                           // CRC-32 of what follows
//!     &[41, 0, 0, 0, 0, 0, 0, 0, 200, 1, 0, 0],            // level 0: 456 bytes at 41
//!     &[0x48, 2, 0, 0, 0, 0, 0, 0, 210, 1, 0, 0],          // level 1: 466 bytes at 584
//!     &[0x60, 4, 0, 0, 0, 0, 0, 0, 220, 1, 0, 0],          // level 2, column 0: 476 bytes at 1120
//!     &[0x80, 6, 0, 0, 0, 0, 0, 0, 230, 1, 0, 0],          // level 2, column 1: 486 bytes at 1664
//! ]
//! .concat();
//! let index = TileIndex::from_bytes(&index)?;
//! let level = index.pyramid().level(2).unwrap();
//! let tile = index.pyramid().tile(level, 1, 0).unwrap();
//! assert_eq!(index.tile(tile), Some(1664..2150));
//! assert_eq!(index.description(), Some(0x1234..0x1297));
//! # Ok::<(), slidezoom::layout::tile_index::TileIndexError>(())
//! ```

use std::ops::Range;

use crate::geometry::Size;
use crate::key::EntryName;
use crate::layout::ArchiveIndex;
use crate::layout::tile_layout::TileNames;
use crate::pyramid::{PyramidPlan, TileAddress, TileGeometry, TileGeometryError};

const SIGNATURE: [u8; 8] = *b"\x89SZI\r\n\x1a\n";
const VERSION: u16 = 1;
const HEADER_BYTES: usize = 64;
const RECORD_BYTES: usize = 12;
const EXTENSION_BYTES: usize = 8;

/// Where every tile of an archive is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TileIndex {
    pyramid: PyramidPlan,
    extension: String,
    /// Empty where there is none.
    description: Range<u64>,
    /// By ordinal.
    records: Vec<(u64, u32)>,
}

/// Why bytes are no tile index.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TileIndexError {
    /// They do not begin as one.
    #[error("does not begin as a tile index")]
    Signature,
    /// It is of another version.
    #[error("is of version {version}, and 1 is known")]
    Version {
        /// The version.
        version: u16,
    },
    /// A header's field does not have the value that follows from the others, or that version 1 has.
    #[error("says {found} {field}, and {expected} are right")]
    Field {
        /// What the field is of.
        field: &'static str,
        /// What it says.
        found: u64,
        /// What is right.
        expected: u64,
    },
    /// The image is empty.
    #[error("is of an empty image")]
    Empty,
    /// Tile size and overlap make no tiles.
    #[error(transparent)]
    Geometry(#[from] TileGeometryError),
    /// The extension is no plain text.
    #[error("names no extension that tiles could have")]
    Extension,
    /// The records are not those that were written.
    #[error("its records have the CRC-32 {found:08x}, and its header says {expected:08x}")]
    Checksum {
        /// What the header says.
        expected: u32,
        /// What the records have.
        found: u32,
    },
}

impl TileIndex {
    /// Reads an index.
    ///
    /// # Errors
    /// [`TileIndexError`] where any byte of it cannot be right.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TileIndexError> {
        let (header, records) = bytes.split_at_checked(HEADER_BYTES).ok_or(TileIndexError::Signature)?;
        if header[..8] != SIGNATURE {
            return Err(TileIndexError::Signature);
        }
        let short = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
        let word = |at: usize| u32::from(short(at)) | u32::from(short(at + 2)) << 16;
        let long = |at: usize| u64::from(word(at)) | u64::from(word(at + 4)) << 32;
        if short(8) != VERSION {
            return Err(TileIndexError::Version { version: short(8) });
        }
        let size = Size::new(word(16), word(20)).ok_or(TileIndexError::Empty)?;
        let whole = PyramidPlan::new(size, TileGeometry::new(word(24), word(28))?);
        let (found, expected) = (short(14).into(), whole.levels().len() as u64);
        let levels = TileIndexError::Field { field: "levels", found, expected };
        let pyramid = whole.with_levels(found as usize).ok_or(levels)?;
        let tiles = pyramid.tile_count();
        let expect = |field, found: u64, expected: u64| {
            if found == expected { Ok(()) } else { Err(TileIndexError::Field { field, found, expected }) }
        };
        expect("bytes of header", short(10).into(), HEADER_BYTES as u64)?;
        expect("bytes a record", short(12).into(), RECORD_BYTES as u64)?;
        expect("tiles", long(40), tiles)?;
        expect("bytes of records", records.len() as u64, tiles.saturating_mul(RECORD_BYTES as u64))?;
        let found = crc32fast::hash(records);
        if word(60) != found {
            return Err(TileIndexError::Checksum { expected: word(60), found });
        }
        let extension = &header[32..32 + EXTENSION_BYTES];
        let length = extension.iter().position(|&byte| byte == 0).unwrap_or(EXTENSION_BYTES);
        let (extension, filling) = extension.split_at(length);
        let plain = !extension.is_empty() && extension.iter().all(u8::is_ascii_alphanumeric);
        if !plain || filling.iter().any(|&byte| byte != 0) {
            return Err(TileIndexError::Extension);
        }
        Ok(Self {
            pyramid,
            extension: extension.iter().map(|&byte| char::from(byte)).collect(),
            description: long(48)..long(48).saturating_add(word(56).into()),
            records: records
                .chunks_exact(RECORD_BYTES)
                .map(|record| {
                    let (offset, length) = record.split_at(8);
                    let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte));
                    (number(offset), number(length) as u32)
                })
                .collect(),
        })
    }

    /// The index as bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut records = Vec::with_capacity(self.records.len() * RECORD_BYTES);
        for (offset, length) in &self.records {
            records.extend(offset.to_le_bytes());
            records.extend(length.to_le_bytes());
        }
        let (size, geometry) = (self.pyramid.size(), self.pyramid.geometry());
        let mut extension = [0; EXTENSION_BYTES];
        let length = self.extension.len().min(EXTENSION_BYTES);
        extension[..length].copy_from_slice(&self.extension.as_bytes()[..length]);
        let mut bytes = Vec::with_capacity(HEADER_BYTES + records.len());
        bytes.extend(SIGNATURE);
        for short in [VERSION, HEADER_BYTES as u16, RECORD_BYTES as u16, self.pyramid.levels().len() as u16] {
            bytes.extend(short.to_le_bytes());
        }
        for word in [size.width(), size.height(), geometry.tile_size(), geometry.overlap()] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(extension);
        bytes.extend((self.records.len() as u64).to_le_bytes());
        bytes.extend(self.description.start.to_le_bytes());
        bytes.extend(((self.description.end - self.description.start) as u32).to_le_bytes());
        bytes.extend(crc32fast::hash(&records).to_le_bytes());
        bytes.extend(records);
        bytes
    }

    /// The pyramid that the tiles make.
    #[must_use]
    pub const fn pyramid(&self) -> &PyramidPlan {
        &self.pyramid
    }

    /// The tiles' file name extension.
    #[must_use]
    pub fn extension(&self) -> &str {
        &self.extension
    }

    /// Where in the archive a tile's bytes are; `None` for one that is not there.
    #[must_use]
    pub fn tile(&self, tile: TileAddress) -> Option<Range<u64>> {
        let &(offset, length) = self.records.get(self.pyramid.ordinal(tile) as usize)?;
        (length > 0).then(|| offset..offset.saturating_add(length.into()))
    }

    /// Where in the archive the description's bytes are.
    #[must_use]
    pub fn description(&self) -> Option<Range<u64>> {
        Some(self.description.clone()).filter(|range| !range.is_empty())
    }
}

/// Builds the index of an archive while it is written.
#[derive(Debug)]
pub struct TileIndexBuilder {
    name: EntryName,
    names: TileNames,
    description_name: String,
    index: TileIndex,
}

impl TileIndexBuilder {
    /// For an archive with these tiles. `name` is what the index will be called, `description_name` what the export's description is.
    #[must_use]
    pub fn new(name: EntryName, description_name: String, pyramid: PyramidPlan, names: TileNames) -> Self {
        let records = vec![(0, 0); pyramid.tile_count() as usize];
        let index = TileIndex { pyramid, extension: names.extension().to_owned(), description: 0..0, records };
        Self { name, names, description_name, index }
    }
}

impl ArchiveIndex for TileIndexBuilder {
    fn add(&mut self, name: &EntryName, place: Range<u64>) {
        if let Some(tile) = self.names.tile_named(name.as_str(), &self.index.pyramid) {
            let ordinal = self.index.pyramid.ordinal(tile) as usize;
            self.index.records[ordinal] = (place.start, (place.end - place.start) as u32);
        } else if name.as_str() == self.description_name {
            self.index.description = place;
        }
    }

    fn finish(&mut self) -> (EntryName, Vec<u8>) {
        (self.name.clone(), self.index.to_bytes())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn index(width: u32, height: u32, tile_size: u32, seed: u64) -> TileIndex {
        let geometry = TileGeometry::new(tile_size, 1).unwrap();
        let pyramid = PyramidPlan::new(Size::new(width, height).unwrap(), geometry);
        let records = (0..pyramid.tile_count()).map(|tile| (tile.wrapping_mul(seed) >> 8, (tile ^ seed) as u32));
        TileIndex { extension: "png".to_owned(), description: seed..seed + 9, records: records.collect(), pyramid }
    }

    #[test]
    fn every_bit_counts() {
        let good = index(700, 300, 100, 12345);
        let bytes = good.to_bytes();
        assert_eq!(TileIndex::from_bytes(&bytes), Ok(good.clone()));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(TileIndex::from_bytes(&flipped).as_ref(), Ok(&good), "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert!(TileIndex::from_bytes(&bytes[..length]).is_err(), "{length} bytes");
        }
    }

    /// Nothing is allocated for what a header merely promises.
    #[test]
    fn promises_are_not_believed() {
        let mut bytes = index(10, 10, 5, 1).to_bytes();
        bytes[16..24].fill(0xff);
        bytes[24..28].copy_from_slice(&[2, 0, 0, 0]);
        assert!(matches!(TileIndex::from_bytes(&bytes), Err(TileIndexError::Field { .. })));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(width in 1_u32..3000, height in 1_u32..3000, tile in 2_u32..300, seed in 1_u64..1 << 60) {
            let written = index(width, height, tile, seed);
            let bytes = written.to_bytes();
            prop_assert_eq!(bytes.len(), 64 + 12 * written.records.len());
            prop_assert_eq!(TileIndex::from_bytes(&bytes), Ok(written));
        }
    }
}
