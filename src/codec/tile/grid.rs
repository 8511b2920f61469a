//! The grid of native tiles of one level.

use std::ops::Range;

use crate::geometry::{Rect, Size};

/// The grid of tiles that covers one level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TileGrid {
    /// The level's size in its own pixels.
    pub size: Size,
    /// The step between tiles in pixels of the grid's full resolution.
    pub tile: Size,
    /// How many times that resolution is halved, with edges rounded up: 0 where each level has
    /// tiles of its own, more for JPEG 2000, whose tiles hold all resolutions.
    pub reduction_levels: u32,
}

impl TileGrid {
    /// The grid of a level that has its own tiles.
    pub const fn new(size: Size, tile: Size) -> Self {
        Self { size, tile, reduction_levels: 0 }
    }

    /// The part of the level that a tile covers, in the level's pixels. `None` if it covers
    /// nothing.
    pub fn rect(&self, column: u32, row: u32) -> Option<Rect> {
        let span = |index: u32, step: u32, end: u32| {
            let edge = |index: u64| {
                (index * u64::from(step)).div_ceil(1 << self.reduction_levels).min(end.into())
            };
            // At most `end`.
            edge(index.into()) as u32..edge(u64::from(index) + 1) as u32
        };
        Rect::spanning(
            span(column, self.tile.width(), self.size.width()),
            span(row, self.tile.height(), self.size.height()),
        )
    }

    /// The columns and rows of the tiles that a region of the level touches.
    pub fn cells(&self, region: Rect) -> (Range<u32>, Range<u32>) {
        let cells = |range: Range<u32>, step: u32| {
            // A pixel's index times 2^31 still fits in 64 bits; the quotient is a tile's index.
            let index =
                |pixel: u32| ((u64::from(pixel) << self.reduction_levels) / u64::from(step)) as u32;
            index(range.start)..index(range.end - 1) + 1
        };
        (cells(region.columns(), self.tile.width()), cells(region.rows(), self.tile.height()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_every_pixel_of_a_level_once() {
        for (full, tile, reduction_levels) in
            [((100, 70), (32, 16), 0), ((100, 70), (33, 17), 2), ((9, 9), (4, 4), 3)]
        {
            let halved = |length: u32| length.div_ceil(1 << reduction_levels);
            let size = Size::new(halved(full.0), halved(full.1)).unwrap();
            let grid =
                TileGrid { size, tile: Size::new(tile.0, tile.1).unwrap(), reduction_levels };
            for (x, y) in (0..size.width()).flat_map(|x| (0..size.height()).map(move |y| (x, y))) {
                let pixel = Rect::spanning(x..x + 1, y..y + 1).unwrap();
                let (columns, rows) = grid.cells(pixel);
                assert_eq!((columns.len(), rows.len()), (1, 1));
                assert!(
                    grid.rect(columns.start, rows.start).unwrap().contains(pixel),
                    "{grid:?} {pixel}"
                );
            }
        }
    }
}
