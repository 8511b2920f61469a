//! A set of tiles of a pyramid, with one bit per tile.
//!
//! Bits are in the order of [`PyramidPlan::ordinal`], from the most significant of each byte; bits
//! after the last tile are 0. In JSON, the bytes are base64 (RFC 4648, with padding).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::pyramid::{PyramidPlan, TileAddress};

/// A set of a pyramid's tiles. The default is the empty set of no pyramid.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct TileSet {
    bits: Vec<u8>,
    tiles: u64,
}

/// A text that is not a set of tiles of the pyramid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TileSetError {
    /// The text is not base64.
    #[error("is not base64")]
    Base64(#[source] base64::DecodeError),
    /// The set is of another pyramid.
    #[error("has {found} bytes instead of {expected}, one bit for each of {tiles} tiles")]
    Length {
        /// The number of the pyramid's tiles.
        tiles: u64,
        /// The number of bytes for them.
        expected: u64,
        /// The number of bytes in the text.
        found: u64,
    },
    /// Bits after the last tile are set.
    #[error("contains tiles that the pyramid does not have")]
    Beyond,
}

impl TileSet {
    /// Creates the set of the tiles of `pyramid` for whose ordinals `contains` returns true.
    #[must_use]
    pub fn of(pyramid: &PyramidPlan, contains: impl Fn(u64) -> bool) -> Self {
        let tiles = pyramid.tile_count();
        let bit = |ordinal: u64| u8::from(ordinal < tiles && contains(ordinal));
        let byte =
            |first: u64| (first..first + 8).fold(0, |byte, ordinal| byte << 1 | bit(ordinal));
        Self { bits: (0..tiles).step_by(8).map(byte).collect(), tiles }
    }

    /// Parses the output of [`to_base64`](Self::to_base64) for a set of this pyramid's tiles.
    ///
    /// # Errors
    /// [`TileSetError`] if the text is not base64 or does not match the pyramid.
    pub fn from_base64(text: &str, pyramid: &PyramidPlan) -> Result<Self, TileSetError> {
        let bits = STANDARD.decode(text).map_err(TileSetError::Base64)?;
        let tiles = pyramid.tile_count();
        let (expected, found) = (tiles.div_ceil(8), bits.len() as u64);
        if expected != found {
            return Err(TileSetError::Length { tiles, expected, found });
        }
        let beyond = (expected * 8 - tiles) as u32;
        match bits.last() {
            Some(last) if last.trailing_zeros() < beyond => Err(TileSetError::Beyond),
            _ => Ok(Self { bits, tiles }),
        }
    }

    /// Encodes the set as base64.
    #[must_use]
    pub fn to_base64(&self) -> String {
        STANDARD.encode(&self.bits)
    }

    /// Returns whether the set contains the tile with this ordinal.
    #[must_use]
    pub fn contains(&self, ordinal: u64) -> bool {
        self.bits.get((ordinal / 8) as usize).is_some_and(|byte| byte >> (7 - ordinal % 8) & 1 == 1)
    }

    /// Returns whether the set contains a tile of `pyramid`, the one that it was created for.
    #[must_use]
    pub fn has(&self, tile: TileAddress, pyramid: &PyramidPlan) -> bool {
        self.contains(pyramid.ordinal(tile))
    }

    /// The number of tiles.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.bits.iter().map(|byte| u64::from(byte.count_ones())).sum()
    }

    /// Returns whether the set is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bits.iter().all(|&byte| byte == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;
    use crate::pyramid::TileGeometry;

    fn pyramid(width: u32) -> PyramidPlan {
        PyramidPlan::new(Size::new(width, 1).unwrap(), TileGeometry::new(2, 0).unwrap())
    }

    #[test]
    fn the_first_tile_is_the_most_significant_bit() {
        // Levels of 1, 2, 3, 5 and 10 pixels: 1 + 1 + 2 + 3 + 5 tiles.
        let plan = pyramid(10);
        assert_eq!(plan.tile_count(), 12);
        let set = TileSet::of(&plan, |ordinal| [0, 6, 8, 11].contains(&ordinal));
        assert_eq!(set.bits, [0b1000_0010, 0b1001_0000]);
        assert_eq!(set.to_base64(), "gpA=");
        assert_eq!((set.len(), set.is_empty()), (4, false));
        assert!(TileSet::of(&plan, |_| false).is_empty());
    }

    #[test]
    fn round_trips_and_rejects_other_texts() {
        for width in 1..40 {
            let plan = pyramid(width);
            let set = TileSet::of(&plan, |ordinal| ordinal % 3 == 1);
            assert_eq!(TileSet::from_base64(&set.to_base64(), &plan), Ok(set.clone()));
            assert!(
                (0..plan.tile_count() + 9)
                    .all(|tile| set.contains(tile) == (tile < plan.tile_count() && tile % 3 == 1))
            );
        }
        let plan = pyramid(10);
        assert_eq!(TileSet::from_base64("gpE=", &plan), Err(TileSetError::Beyond));
        assert_eq!(
            TileSet::from_base64("gpAA", &plan),
            Err(TileSetError::Length { tiles: 12, expected: 2, found: 3 })
        );
        assert!(matches!(TileSet::from_base64("gpA", &plan), Err(TileSetError::Base64(_))));
    }
}
