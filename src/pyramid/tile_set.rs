//! A set of tiles of a pyramid: one bit for each.
//!
//! What always holds: the bits come in the order of [`PyramidPlan::ordinal`], that of the tile index, from each byte's highest on, and those after the
//! last tile are 0. As text, in a description, the bytes are base64 (RFC 4648, with padding).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::pyramid::{PyramidPlan, TileAddress};

/// Some of a pyramid's tiles. By default none, of no pyramid.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct TileSet {
    bits: Vec<u8>,
    tiles: u64,
}

/// Why a text is no set of tiles.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TileSetError {
    /// It is no base64.
    #[error("is no base64: {message}")]
    Base64 {
        /// What is wrong with it.
        message: String,
    },
    /// It is of another pyramid.
    #[error("has {found} bytes, and a bit for each of {tiles} tiles takes {expected}")]
    Length {
        /// The pyramid's tiles.
        tiles: u64,
        /// The bytes that they take.
        expected: u64,
        /// The bytes that there are.
        found: u64,
    },
    /// Bits are set that stand for no tile.
    #[error("names tiles that the pyramid does not have")]
    Beyond,
}

impl TileSet {
    /// The tiles of `pyramid` whose ordinals `contains`.
    #[must_use]
    pub fn of(pyramid: &PyramidPlan, contains: impl Fn(u64) -> bool) -> Self {
        let tiles = pyramid.tile_count();
        let bit = |ordinal: u64| u8::from(ordinal < tiles && contains(ordinal));
        let byte = |first: u64| (first..first + 8).fold(0, |byte, ordinal| byte << 1 | bit(ordinal));
        Self { bits: (0..tiles).step_by(8).map(byte).collect(), tiles }
    }

    /// Reads what [`to_base64`](Self::to_base64) has written of a set of this pyramid's tiles.
    ///
    /// # Errors
    /// [`TileSetError`] where it cannot be that.
    pub fn from_base64(text: &str, pyramid: &PyramidPlan) -> Result<Self, TileSetError> {
        let decoded = STANDARD.decode(text);
        let bits = decoded.map_err(|error| TileSetError::Base64 { message: error.to_string() })?;
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

    /// The set as text.
    #[must_use]
    pub fn to_base64(&self) -> String {
        STANDARD.encode(&self.bits)
    }

    /// Whether the tile with this ordinal is one of them.
    #[must_use]
    pub fn contains(&self, ordinal: u64) -> bool {
        self.bits.get((ordinal / 8) as usize).is_some_and(|byte| byte >> (7 - ordinal % 8) & 1 == 1)
    }

    /// Whether a tile of the pyramid that the set was made for is one of them.
    #[must_use]
    pub fn has(&self, tile: TileAddress, pyramid: &PyramidPlan) -> bool {
        self.contains(pyramid.ordinal(tile))
    }

    /// How many they are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.bits.iter().map(|byte| u64::from(byte.count_ones())).sum()
    }

    /// Whether there are none.
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
    fn the_first_tile_is_the_highest_bit() {
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
    fn what_is_written_is_read_back_and_nothing_else_is_read() {
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
        assert_eq!(TileSet::from_base64("gpAA", &plan), Err(TileSetError::Length { tiles: 12, expected: 2, found: 3 }));
        assert!(matches!(TileSet::from_base64("gpA", &plan), Err(TileSetError::Base64 { .. })));
    }
}
