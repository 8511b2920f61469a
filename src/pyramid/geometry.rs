//! Tile size and overlap.

use std::num::NonZeroU32;

use serde::Serialize;

/// A valid combination of tile size and overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TileGeometry {
    pub(super) tile_size: NonZeroU32,
    overlap: u32,
}

/// An invalid tile size or overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TileGeometryError {
    /// The tile size is not between [`TileGeometry::SMALLEST_TILE_SIZE`] and
    /// [`TileGeometry::LARGEST_TILE_SIZE`].
    #[error("tile size {tile_size} is not between {smallest} and {largest}",
        smallest = TileGeometry::SMALLEST_TILE_SIZE, largest = TileGeometry::LARGEST_TILE_SIZE)]
    TileSize {
        /// The requested tile size.
        tile_size: u32,
    },
    /// The overlap is not smaller than the tile size: a tile would extend beyond its neighbor.
    #[error("overlap {overlap} is not smaller than the tile size {tile_size}")]
    Overlap {
        /// The requested overlap.
        overlap: u32,
        /// The requested tile size.
        tile_size: u32,
    },
}

impl TileGeometry {
    /// The minimum tile size: 2×2 pixels become one of the next smaller level.
    pub const SMALLEST_TILE_SIZE: u32 = 2;

    /// The maximum tile size, the same as in libvips. With its overlap, such a tile stays within
    /// JPEG's limit of 65,535.
    pub const LARGEST_TILE_SIZE: u32 = 8192;

    /// Creates a geometry from a tile size and an overlap, in pixels of the tile's level.
    ///
    /// # Errors
    /// [`TileGeometryError`] if the tile size is not between 2 and 8192, or the overlap is not
    /// smaller.
    pub const fn new(tile_size: u32, overlap: u32) -> Result<Self, TileGeometryError> {
        let Some(step) = NonZeroU32::new(tile_size) else {
            return Err(TileGeometryError::TileSize { tile_size });
        };
        if tile_size < Self::SMALLEST_TILE_SIZE || tile_size > Self::LARGEST_TILE_SIZE {
            return Err(TileGeometryError::TileSize { tile_size });
        }
        if overlap >= tile_size {
            return Err(TileGeometryError::Overlap { overlap, tile_size });
        }
        Ok(Self { tile_size: step, overlap })
    }

    /// The distance between the origins of neighboring tiles in pixels.
    #[must_use]
    pub const fn tile_size(self) -> u32 {
        self.tile_size.get()
    }

    /// The number of pixels that a tile shares with its neighbor on each interior edge.
    #[must_use]
    pub const fn overlap(self) -> u32 {
        self.overlap
    }
}

impl Default for TileGeometry {
    /// A tile size of 254 with an overlap of 1, as in other Deep Zoom tools: interior tiles are
    /// 256×256.
    fn default() -> Self {
        const STEP: NonZeroU32 = NonZeroU32::new(254).unwrap();
        Self { tile_size: STEP, overlap: 1 }
    }
}
