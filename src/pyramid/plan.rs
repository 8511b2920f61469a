//! All levels, grids and tiles of a pyramid.

use std::ops::Range;

use serde::Serialize;

use super::{Level, TileAddress, TileGeometry, TileRegion};
use crate::geometry::{Rect, Size};

/// The smallest level of a pyramid, with the names of libvips.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Depth {
    /// The level of one pixel, as Deep Zoom viewers expect.
    #[default]
    Pixel,
    /// The largest level that consists of one tile.
    Tile,
    /// The full size.
    One,
}

/// The levels, grids and tiles of a pyramid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PyramidPlan {
    geometry: TileGeometry,
    /// Sizes by level number. Never empty.
    sizes: Vec<Size>,
    /// Smaller levels have no tiles. Levels keep their numbers, which viewers compute from the
    /// image's size.
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

    /// Removes the levels below `depth`.
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

    /// Keeps the `count` largest levels. `None` if `count` is 0 or exceeds the number of levels.
    #[must_use]
    pub fn with_levels(self, count: usize) -> Option<Self> {
        let smallest = self.sizes.len().checked_sub(count).filter(|_| count > 0)?;
        Some(Self { smallest: Level(smallest as u8), ..self })
    }

    /// The tile size and overlap.
    #[must_use]
    pub const fn geometry(&self) -> TileGeometry {
        self.geometry
    }

    /// The size of the full image.
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

    /// All levels that have tiles, in ascending order.
    #[must_use]
    pub fn levels(&self) -> impl DoubleEndedIterator<Item = Level> + ExactSizeIterator + use<> {
        (usize::from(self.smallest.0)..self.sizes.len()).map(|number| Level(number as u8))
    }

    /// The level with this number. `None` if it does not exist or has no tiles.
    #[must_use]
    pub fn level(&self, number: u32) -> Option<Level> {
        self.levels().find(|level| level.number() == number)
    }

    /// The index of a level in [`levels`](Self::levels).
    #[must_use]
    pub const fn place(&self, level: Level) -> usize {
        (level.0 - self.smallest.0) as usize
    }

    /// The number of times that the full size is halved for `level`.
    #[must_use]
    pub fn reduction_levels(&self, level: Level) -> u32 {
        self.max_level().number() - level.number()
    }

    /// The size of a level in pixels.
    #[must_use]
    pub fn level_size(&self, level: Level) -> Size {
        self.sizes[usize::from(level.0)]
    }

    /// The grid of a level, in columns and rows of tiles.
    #[must_use]
    pub fn grid(&self, level: Level) -> Size {
        self.level_size(level).grid(self.geometry.tile_size)
    }

    /// The number of tiles of a level.
    #[must_use]
    pub fn level_tile_count(&self, level: Level) -> u64 {
        self.grid(level).area()
    }

    /// The number of tiles of the pyramid.
    #[must_use]
    pub fn tile_count(&self) -> u64 {
        self.levels().map(|level| self.level_tile_count(level)).sum()
    }

    /// The number of pixels of all levels, without overlaps.
    #[must_use]
    pub fn pixel_count(&self) -> u64 {
        self.levels().map(|level| self.level_size(level).area()).sum()
    }

    /// The tile at a column and row of a level. `None` outside the level's grid.
    #[must_use]
    pub fn tile(&self, level: Level, column: u32, row: u32) -> Option<TileAddress> {
        let grid = self.grid(level);
        (column < grid.width() && row < grid.height()).then_some(TileAddress { level, column, row })
    }

    /// The index of a tile among all tiles: by level from the smallest, then by row, then by
    /// column.
    #[must_use]
    pub fn ordinal(&self, tile: TileAddress) -> u64 {
        let before: u64 = self
            .levels()
            .take(self.place(tile.level))
            .map(|level| self.level_tile_count(level))
            .sum();
        before
            + u64::from(tile.row) * u64::from(self.grid(tile.level).width())
            + u64::from(tile.column)
    }

    /// All tiles, in the order of [`ordinal`](Self::ordinal).
    pub fn tiles(&self) -> impl Iterator<Item = TileAddress> {
        self.levels().flat_map(|level| {
            let grid = self.grid(level);
            (0..grid.height()).flat_map(move |row| {
                (0..grid.width()).map(move |column| TileAddress { level, column, row })
            })
        })
    }

    /// The rectangles of a tile in its level.
    #[must_use]
    pub fn region(&self, tile: TileAddress) -> TileRegion {
        let size = self.level_size(tile.level);
        let grid = self.grid(tile.level);
        let (x, width, left, right) = self.span(tile.column, grid.width(), size.width());
        let (y, height, top, bottom) = self.span(tile.row, grid.height(), size.height());
        TileRegion {
            core: rect(x..x + width, y..y + height),
            full: rect(x - left..x + width + right, y - top..y + height + bottom),
        }
    }

    /// Computes one axis of a tile: start, length, and the overlap before and after, clipped at the
    /// level's edges.
    fn span(&self, index: u32, count: u32, length: u32) -> (u32, u32, u32, u32) {
        let tile_size = self.geometry.tile_size.get();
        let start = index * tile_size;
        let extent = tile_size.min(length - start);
        let before = if index == 0 { 0 } else { self.geometry.overlap() };
        let after = if index + 1 == count {
            0
        } else {
            self.geometry.overlap().min(length - start - extent)
        };
        (start, extent, before, after)
    }
}

/// Creates the rectangle of a tile, which has pixels because a [`TileAddress`] lies in its level's
/// grid.
#[expect(clippy::expect_used, reason = "an empty tile would be a defect of this module")]
fn rect(columns: Range<u32>, rows: Range<u32>) -> Rect {
    Rect::spanning(columns, rows).expect("a tile of the grid has pixels")
}
