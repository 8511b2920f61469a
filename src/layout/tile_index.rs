//! The tile index of an archive, with which a client finds tiles without reading the central
//! directory.
//!
//! A zip's central directory takes some hundred bytes per file, 20 MB before the first tile of a
//! large slide. This index takes twelve bytes per tile, in an order that needs no names, so a
//! client can fetch any part of it alone. To other programs it is an ordinary file, the last one of
//! the archive.
//!
//! # Format, version 1
//!
//! All numbers are little-endian and unsigned. A header of 64 bytes:
//!
//! | at | bytes | content |
//! |---|---|---|
//! | 0 | 8 | the signature `89 53 5A 49 0D 0A 1A 0A` (`\x89SZI\r\n\x1a\n`) |
//! | 8 | 2 | version: 1; readers must reject others |
//! | 10 | 2 | bytes of this header: 64; records begin here |
//! | 12 | 2 | bytes of a record: 12 |
//! | 14 | 2 | number of levels (see below) |
//! | 16 | 4 + 4 | width and height of the image in pixels |
//! | 24 | 4 + 4 | tile size (the step between tiles, 2 to 8192) and overlap in pixels |
//! | 32 | 8 | the file name extension of tiles, padded with zeros |
//! | 40 | 8 | number of tiles |
//! | 48 | 8 + 4 | offset and length of the description (the export's JSON), or 0 and 0 |
//! | 60 | 4 | CRC-32 (that of zip and PNG) of all records |
//!
//! A record for each tile follows: 8 bytes with the offset of the first byte of the tile file in
//! the archive (after the local header), and 4 bytes with its length. A length of 0 marks a tile
//! that the archive does not contain. Tiles are ordered by level from the smallest, then by row,
//! then by column. Levels are Deep Zoom levels: starting from the full size, each side is halved
//! rounding up until both are 1. A pyramid with fewer levels has the largest of them, under the
//! same numbers. A level of *w*×*h* pixels has ⌈*w* / tile size⌉ columns and ⌈*h* / tile size⌉
//! rows. The record of a tile is at
//!
//! `64 + 12 × (tiles of all smaller levels + row × columns of its level + column)`
//!
//! # Finding the index
//!
//! The index is the archive's last entry. The last 64 KiB of the file contain the end of the
//! central directory; the end record, or the ZIP64 end record before it, says where the directory
//! ends, and that is where the last directory record ends. Its name ends in `tile-index.bin`.
//! Beyond 4 GiB, a ZIP64 field of 12 bytes with the offset follows the name. The record points to
//! the entry's local header, which has the same name and no extra field (a field of 20 bytes if the
//! index itself reaches 4 GiB), and the index follows it. Readers then fetch the 64 KiB that start
//! at the description: description, descriptor and the first five thousand records of the index are
//! adjacent.
//!
//! # Trusting the index
//!
//! The entries before the index are the export's description (`<name>.json`) and then its
//! descriptor (`<name>.dzi`; another file, or none, in other layouts), so the last three directory
//! records locate all of them. A program that unpacks and repacks an archive keeps the index,
//! although its offsets become wrong. Readers must therefore compare the description's position in
//! the directory with that in the index. If they differ, or if the index is not the last entry, use
//! the directory instead. A reader that fetches parts of the index cannot check the CRC-32, which
//! covers all records; `slidezoom verify` checks it, and each record against the directory. The
//! directory of an archive with a comment ends up to 64 KiB earlier; slidezoom writes no comments.
//!
//! # Example
//!
//! An image of 3×2 pixels in tiles of 2 without overlap has three levels, of 1×1, 2×1 and 3×2
//! pixels, and 1 + 1 + 2 tiles:
//!
//! ```
//! use slidezoom::internals::layout::tile_index::TileIndex;
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
//! # Ok::<(), slidezoom::internals::layout::tile_index::TileIndexError>(())
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

/// The positions of an archive's tiles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TileIndex {
    pyramid: PyramidPlan,
    extension: String,
    /// Empty if there is none.
    description: Range<u64>,
    /// Offset and length, by ordinal.
    records: Vec<(u64, u32)>,
}

/// Reasons why bytes are not a valid tile index.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TileIndexError {
    /// The signature is missing.
    #[error("does not start with the signature of a tile index")]
    Signature,
    /// The version is not supported.
    #[error("has version {version}, but only version 1 is supported")]
    Version {
        /// The version.
        version: u16,
    },
    /// A header field contradicts others, or version 1.
    #[error("has {found} {field} instead of {expected}")]
    Field {
        /// What the field counts.
        field: &'static str,
        /// Its value.
        found: u64,
        /// The correct value.
        expected: u64,
    },
    /// The image is empty.
    #[error("describes an empty image")]
    Empty,
    /// Tile size and overlap are invalid.
    #[error(transparent)]
    Geometry(#[from] TileGeometryError),
    /// The extension is not alphanumeric.
    #[error("has an invalid file name extension")]
    Extension,
    /// The records are damaged.
    #[error("has records with the CRC-32 {found:08x} instead of {expected:08x}")]
    Checksum {
        /// The CRC-32 in the header.
        expected: u32,
        /// The CRC-32 of the records.
        found: u32,
    },
}

impl TileIndex {
    /// Parses an index.
    ///
    /// # Errors
    /// [`TileIndexError`] if any byte is invalid.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TileIndexError> {
        let (header, records) =
            bytes.split_at_checked(HEADER_BYTES).ok_or(TileIndexError::Signature)?;
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
            if found == expected {
                Ok(())
            } else {
                Err(TileIndexError::Field { field, found, expected })
            }
        };
        expect("header bytes", short(10).into(), HEADER_BYTES as u64)?;
        expect("bytes per record", short(12).into(), RECORD_BYTES as u64)?;
        expect("tiles", long(40), tiles)?;
        expect(
            "bytes of records",
            records.len() as u64,
            tiles.saturating_mul(RECORD_BYTES as u64),
        )?;
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
                    let number = |bytes: &[u8]| {
                        bytes.iter().rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte))
                    };
                    (number(offset), number(length) as u32)
                })
                .collect(),
        })
    }

    /// Writes the index.
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
        for short in
            [VERSION, HEADER_BYTES as u16, RECORD_BYTES as u16, self.pyramid.levels().len() as u16]
        {
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

    /// The pyramid of the tiles.
    #[must_use]
    pub const fn pyramid(&self) -> &PyramidPlan {
        &self.pyramid
    }

    /// The file name extension of tiles.
    #[must_use]
    pub fn extension(&self) -> &str {
        &self.extension
    }

    /// The byte range of a tile in the archive; `None` if the archive does not contain it.
    #[must_use]
    pub fn tile(&self, tile: TileAddress) -> Option<Range<u64>> {
        let &(offset, length) = self.records.get(self.pyramid.ordinal(tile) as usize)?;
        (length > 0).then(|| offset..offset.saturating_add(length.into()))
    }

    /// The byte range of the description in the archive.
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
    /// Builds the index of an archive with the tiles of `pyramid`. `name` is the index's own name.
    #[must_use]
    pub fn new(
        name: EntryName,
        description_name: String,
        pyramid: PyramidPlan,
        names: TileNames,
    ) -> Self {
        let records = vec![(0, 0); pyramid.tile_count() as usize];
        let index = TileIndex {
            pyramid,
            extension: names.extension().to_owned(),
            description: 0..0,
            records,
        };
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
        let records = (0..pyramid.tile_count())
            .map(|tile| (tile.wrapping_mul(seed) >> 8, (tile ^ seed) as u32));
        TileIndex {
            extension: "png".to_owned(),
            description: seed..seed + 9,
            records: records.collect(),
            pyramid,
        }
    }

    #[test]
    fn detects_every_flipped_bit() {
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

    /// Nothing is allocated by sizes of the header alone.
    #[test]
    fn rejects_headers_that_promise_too_much() {
        let mut bytes = index(10, 10, 5, 1).to_bytes();
        bytes[16..24].fill(0xff);
        bytes[24..28].copy_from_slice(&[2, 0, 0, 0]);
        assert!(matches!(TileIndex::from_bytes(&bytes), Err(TileIndexError::Field { .. })));
    }

    proptest! {
        #[test]
        fn reads_back_what_it_writes(width in 1_u32..3000, height in 1_u32..3000, tile in 2_u32..300, seed in 1_u64..1 << 60) {
            let written = index(width, height, tile, seed);
            let bytes = written.to_bytes();
            prop_assert_eq!(bytes.len(), 64 + 12 * written.records.len());
            prop_assert_eq!(TileIndex::from_bytes(&bytes), Ok(written));
        }
    }
}
