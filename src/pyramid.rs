//! The arithmetic of a Deep Zoom pyramid: levels, grids and tile rectangles, and nothing else.
//!
//! Pure and complete before a pixel is read. What always holds: level `max_level` has the image's size and
//! level 0 is 1×1; each level is the ceiling half of the next; a level's grid is the ceiling of its size over
//! the tile size; tiles without their overlap partition the level exactly; a tile's overlap is clipped at
//! the level's edges. The convention is Microsoft's Deep Zoom, as libvips 8.14 and openslide-python 1.4 write it.

use std::fmt;
use std::num::NonZeroU32;
use std::ops::Range;

use serde::Serialize;

use crate::geometry::{Rect, Size};

mod tile_set;

pub use tile_set::{TileSet, TileSetError};

/// A Deep Zoom level: 0 is the 1×1 image, [`PyramidPlan::max_level`] the full size.
///
/// Not a slide level (those count from the full size down, see [`SlideLevel`](crate::source::SlideLevel)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Level(u8);

impl Level {
    /// The level's number, at most 32.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0 as u32
    }

    /// The next smaller level; `None` for level 0.
    #[must_use]
    pub const fn smaller(self) -> Option<Self> {
        match self.0.checked_sub(1) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Tile size and overlap, checked against each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TileGeometry {
    tile_size: NonZeroU32,
    overlap: u32,
}

/// Why a tile size and an overlap do not make tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TileGeometryError {
    /// The tile size is not between [`TileGeometry::SMALLEST_TILE_SIZE`] and [`TileGeometry::LARGEST_TILE_SIZE`].
    #[error("tile size {tile_size} is not between {smallest} and {largest}",
        smallest = TileGeometry::SMALLEST_TILE_SIZE, largest = TileGeometry::LARGEST_TILE_SIZE)]
    TileSize {
        /// The tile size asked for.
        tile_size: u32,
    },
    /// The overlap is as large as the tile, so that a tile would reach past its neighbor.
    #[error("overlap {overlap} is not smaller than the tile size {tile_size}")]
    Overlap {
        /// The overlap asked for.
        overlap: u32,
        /// The tile size asked for.
        tile_size: u32,
    },
}

impl TileGeometry {
    /// The smallest tile size: a single pixel has no half that could go into the next smaller level.
    pub const SMALLEST_TILE_SIZE: u32 = 2;

    /// The largest tile size: what libvips allows too, and a tile with its overlap stays within JPEG's 65,535.
    pub const LARGEST_TILE_SIZE: u32 = 8192;

    /// Checks a tile size and an overlap, both in pixels of the tile's own level.
    ///
    /// # Errors
    /// [`TileGeometryError`] where the tile size is not from 2 to 8192, or the overlap is not smaller than it.
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

    /// The step between tiles.
    #[must_use]
    pub const fn tile_size(self) -> u32 {
        self.tile_size.get()
    }

    /// The pixels shared with the neighbor on each interior edge.
    #[must_use]
    pub const fn overlap(self) -> u32 {
        self.overlap
    }
}

impl Default for TileGeometry {
    /// 254 with overlap 1, as in every Deep Zoom tool: interior tiles are then 256×256.
    fn default() -> Self {
        const STEP: NonZeroU32 = NonZeroU32::new(254).unwrap();
        Self { tile_size: STEP, overlap: 1 }
    }
}

/// Where a tile stands: only [`PyramidPlan::tile`] makes one, so it always names a tile that exists in its plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct TileAddress {
    level: Level,
    column: u32,
    row: u32,
}

impl TileAddress {
    /// The tile's level.
    #[must_use]
    pub const fn level(self) -> Level {
        self.level
    }

    /// The tile's column, counted from the left.
    #[must_use]
    pub const fn column(self) -> u32 {
        self.column
    }

    /// The tile's row, counted from the top.
    #[must_use]
    pub const fn row(self) -> u32 {
        self.row
    }
}

impl fmt::Display for TileAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "level {}, column {}, row {}", self.level, self.column, self.row)
    }
}

/// The pixels of a tile, in pixels of its own level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TileRegion {
    /// The tile without overlap: its share of the level, which no other tile has.
    pub core: Rect,
    /// The tile as it is written: with overlap on each interior edge.
    pub full: Rect,
}

/// Down to where a pyramid goes, in the words of libvips.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Depth {
    /// To the level of one pixel, as every Deep Zoom viewer expects.
    #[default]
    Pixel,
    /// To the largest level that is one tile.
    Tile,
    /// The full size alone.
    One,
}

/// All levels, grids and tiles of one pyramid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PyramidPlan {
    geometry: TileGeometry,
    /// Sizes by level number, smallest first; never empty.
    sizes: Vec<Size>,
    /// Smaller levels have no tiles. Levels keep their numbers: viewers reckon them from the image's size.
    smallest: Level,
}

impl PyramidPlan {
    /// Plans the pyramid of an image of `size` pixels.
    #[must_use]
    pub fn new(size: Size, geometry: TileGeometry) -> Self {
        let mut sizes = vec![size];
        let mut smallest = size;
        while smallest.area() > 1 {
            smallest = smallest.halved();
            sizes.push(smallest);
        }
        sizes.reverse();
        Self { geometry, sizes, smallest: Level(0) }
    }

    /// The same without the levels that are smaller than `depth` says.
    #[must_use]
    pub fn to_depth(self, depth: Depth) -> Self {
        let one_tile = |level: &Level| self.level_tile_count(*level) == 1;
        let smallest = match depth {
            Depth::Pixel => Level(0),
            Depth::Tile => self.levels().rev().find(one_tile).unwrap_or(Level(0)),
            Depth::One => self.max_level(),
        };
        Self { smallest, ..self }
    }

    /// The same with so many levels, the largest; `None` where it has not so many, or there are none of them.
    #[must_use]
    pub fn with_levels(self, count: usize) -> Option<Self> {
        let smallest = self.sizes.len().checked_sub(count).filter(|_| count > 0)?;
        Some(Self { smallest: Level(smallest as u8), ..self })
    }

    /// Tile size and overlap.
    #[must_use]
    pub const fn geometry(&self) -> TileGeometry {
        self.geometry
    }

    /// The size of the full image: of level [`max_level`](Self::max_level).
    #[must_use]
    pub fn size(&self) -> Size {
        self.level_size(self.max_level())
    }

    /// The level of the full size.
    #[must_use]
    pub fn max_level(&self) -> Level {
        Level((self.sizes.len() - 1) as u8)
    }

    /// The smallest level that has tiles.
    #[must_use]
    pub const fn smallest_level(&self) -> Level {
        self.smallest
    }

    /// All levels that have tiles, the full size last.
    #[must_use]
    pub fn levels(&self) -> impl DoubleEndedIterator<Item = Level> + ExactSizeIterator + use<> {
        (usize::from(self.smallest.0)..self.sizes.len()).map(|number| Level(number as u8))
    }

    /// The level with this number; `None` where the pyramid has no such level.
    #[must_use]
    pub fn level(&self, number: u32) -> Option<Level> {
        self.levels().find(|level| level.number() == number)
    }

    /// The place of a level that has tiles among [`levels`](Self::levels).
    #[must_use]
    pub const fn place(&self, level: Level) -> usize {
        (level.0 - self.smallest.0) as usize
    }

    /// By how many reduction_levels `level` is smaller than the full size.
    #[must_use]
    pub fn reduction_levels(&self, level: Level) -> u32 {
        self.max_level().number() - level.number()
    }

    /// A level's size in pixels.
    #[must_use]
    pub fn level_size(&self, level: Level) -> Size {
        self.sizes[usize::from(level.0)]
    }

    /// A level's grid: columns × rows of tiles.
    #[must_use]
    pub fn grid(&self, level: Level) -> Size {
        self.level_size(level).grid(self.geometry.tile_size)
    }

    /// How many tiles a level has.
    #[must_use]
    pub fn level_tile_count(&self, level: Level) -> u64 {
        self.grid(level).area()
    }

    /// How many tiles the pyramid has.
    #[must_use]
    pub fn tile_count(&self) -> u64 {
        self.levels().map(|level| self.level_tile_count(level)).sum()
    }

    /// How many pixels all levels have together, without overlaps.
    #[must_use]
    pub fn pixel_count(&self) -> u64 {
        self.levels().map(|level| self.level_size(level).area()).sum()
    }

    /// The tile at a column and row of a level; `None` outside the level's grid.
    #[must_use]
    pub fn tile(&self, level: Level, column: u32, row: u32) -> Option<TileAddress> {
        let grid = self.grid(level);
        (column < grid.width() && row < grid.height()).then_some(TileAddress { level, column, row })
    }

    /// A tile's place among all tiles: level by level from the smallest, row by row.
    #[must_use]
    pub fn ordinal(&self, tile: TileAddress) -> u64 {
        let before: u64 = self.levels().take(self.place(tile.level)).map(|level| self.level_tile_count(level)).sum();
        before + u64::from(tile.row) * u64::from(self.grid(tile.level).width()) + u64::from(tile.column)
    }

    /// All tiles, in the order of [`ordinal`](Self::ordinal).
    pub fn tiles(&self) -> impl Iterator<Item = TileAddress> {
        self.levels().flat_map(|level| {
            let grid = self.grid(level);
            (0..grid.height())
                .flat_map(move |row| (0..grid.width()).map(move |column| TileAddress { level, column, row }))
        })
    }

    /// A tile's pixels in its level.
    #[must_use]
    pub fn region(&self, tile: TileAddress) -> TileRegion {
        let size = self.level_size(tile.level);
        let grid = self.grid(tile.level);
        let (x, width, left, right) = self.span(tile.column, grid.width(), size.width());
        let (y, height, top, bottom) = self.span(tile.row, grid.height(), size.height());
        TileRegion {
            core: covering(x..x + width, y..y + height),
            full: covering(x - left..x + width + right, y - top..y + height + bottom),
        }
    }

    /// One axis of a tile: start, length, and the overlap before and after it, clipped at the level's edges.
    fn span(&self, index: u32, count: u32, length: u32) -> (u32, u32, u32, u32) {
        let tile_size = self.geometry.tile_size.get();
        let start = index * tile_size;
        let extent = tile_size.min(length - start);
        let before = if index == 0 { 0 } else { self.geometry.overlap };
        let after = if index + 1 == count { 0 } else { self.geometry.overlap.min(length - start - extent) };
        (start, extent, before, after)
    }
}

/// A tile's rectangle: never empty, as a [`TileAddress`] always lies in its level's grid.
#[expect(clippy::expect_used, reason = "a plan's own arithmetic; an empty tile would be a defect of this module")]
fn covering(columns: Range<u32>, rows: Range<u32>) -> Rect {
    Rect::spanning(columns, rows).expect("a tile of the grid has pixels")
}
