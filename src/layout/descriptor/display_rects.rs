//! `DisplayRects`, with which the Deep Zoom schema describes sparse images.
//!
//! Viewers request the tiles that a rectangle of their level touches (OpenSeadragon's
//! `DziTileSource.tileExists`), so rectangles follow tile edges, level by level. Every existing
//! tile is in a rectangle. A level that would need too many rectangles has one around all of its
//! tiles.

use quick_xml::events::{BytesEnd, BytesStart, Event};

use crate::geometry::Rect;
use crate::pyramid::{Level, PyramidPlan, TileSet};

/// A rectangle in which tiles exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DisplayRect {
    /// The smallest level.
    pub smallest: Level,
    /// The largest level.
    pub largest: Level,
    /// The rectangle, in pixels of the full size.
    pub rect: Rect,
}

impl DisplayRect {
    /// The rectangle's XML element.
    pub(crate) fn events(&self) -> [Event<'static>; 3] {
        let element = |name: &'static str, attributes: &[(&str, u32)]| {
            let attributes: Vec<_> =
                attributes.iter().map(|(name, value)| (*name, value.to_string())).collect();
            BytesStart::new(name)
                .with_attributes(attributes.iter().map(|(name, value)| (*name, value.as_str())))
        };
        let (origin, size) = (self.rect.origin(), self.rect.size());
        let levels = [("MinLevel", self.smallest.number()), ("MaxLevel", self.largest.number())];
        let rect =
            [("X", origin.x), ("Y", origin.y), ("Width", size.width()), ("Height", size.height())];
        [
            Event::Start(element("DisplayRect", &levels)),
            Event::Empty(element("Rect", &rect)),
            Event::End(BytesEnd::new("DisplayRect")),
        ]
    }
}

/// The largest number of rectangles per level: viewers search them for every tile.
const MOST_PER_LEVEL: usize = 500;

/// The rectangles of a pyramid that lacks the tiles in `absent`.
#[must_use]
pub fn display_rects(pyramid: &PyramidPlan, absent: &TileSet) -> Vec<DisplayRect> {
    let whole = Rect::of(pyramid.size());
    let is_sparse = |level: Level| {
        let first = pyramid.tile(level, 0, 0).map_or(0, |tile| pyramid.ordinal(tile));
        (first..first + pyramid.level_tile_count(level)).any(|ordinal| absent.contains(ordinal))
    };
    let mut rects: Vec<DisplayRect> = Vec::new();
    for level in pyramid.levels() {
        if is_sparse(level) {
            let cells = present_cells(pyramid, level, absent);
            rects.extend(cells.into_iter().filter_map(|cells| {
                Some(DisplayRect {
                    smallest: level,
                    largest: level,
                    rect: at_full_size(pyramid, level, cells)?,
                })
            }));
        } else if let Some(below) = rects.last_mut().filter(|below| below.rect == whole) {
            below.largest = level;
        } else {
            rects.push(DisplayRect { smallest: level, largest: level, rect: whole });
        }
    }
    rects
}

/// The existing tiles of a level, as rectangles of columns and rows.
fn present_cells(pyramid: &PyramidPlan, level: Level, absent: &TileSet) -> Vec<Rect> {
    let grid = pyramid.grid(level);
    let is_present = |column, row| {
        pyramid.tile(level, column, row).is_some_and(|tile| !absent.has(tile, pyramid))
    };
    let mut finished: Vec<Rect> = Vec::new();
    // Rectangles that the current row may extend.
    let mut open: Vec<Rect> = Vec::new();
    for row in 0..grid.height() {
        let mut runs = Vec::new();
        let mut column = 0;
        while column < grid.width() {
            let start = column;
            while column < grid.width() && is_present(column, row) {
                column += 1;
            }
            runs.extend(Rect::spanning(start..column, row..row + 1));
            column += u32::from(column < grid.width() && !is_present(column, row));
        }
        let (extended, ended): (Vec<Rect>, Vec<Rect>) = open
            .into_iter()
            .partition(|above| runs.iter().any(|run| run.columns() == above.columns()));
        finished.extend(ended);
        open = runs
            .into_iter()
            .map(|run| {
                extended
                    .iter()
                    .find(|above| above.columns() == run.columns())
                    .map_or(run, |above| above.union(run))
            })
            .collect();
    }
    finished.append(&mut open);
    if finished.len() > MOST_PER_LEVEL {
        finished = finished.into_iter().reduce(Rect::union).into_iter().collect();
    }
    finished
}

/// Maps columns and rows of tiles to pixels of the full size.
fn at_full_size(pyramid: &PyramidPlan, level: Level, cells: Rect) -> Option<Rect> {
    let (tile_size, reduction_levels) =
        (u64::from(pyramid.geometry().tile_size()), pyramid.reduction_levels(level));
    let edge = |cell: u32, length: u32| {
        ((u64::from(cell) * tile_size) << reduction_levels).min(u64::from(length)) as u32
    };
    let (width, height) = (pyramid.size().width(), pyramid.size().height());
    let (columns, rows) = (cells.columns(), cells.rows());
    Rect::spanning(
        edge(columns.start, width)..edge(columns.end, width),
        edge(rows.start, height)..edge(rows.end, height),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::geometry::Size;
    use crate::pyramid::TileGeometry;

    /// The decision of OpenSeadragon 6.1, in floating point. A level without rectangles counts as
    /// whole.
    fn tile_exists(
        rects: &[DisplayRect],
        pyramid: &PyramidPlan,
        level: Level,
        column: u32,
        row: u32,
    ) -> bool {
        let mut of_level =
            rects.iter().filter(|rect| rect.smallest <= level && level <= rect.largest).peekable();
        if of_level.peek().is_none() {
            return true;
        }
        let scale = 1.0 / f64::from(pyramid.reduction_levels(level)).exp2();
        let tile_size = f64::from(pyramid.geometry().tile_size());
        let inside = |range: std::ops::Range<u32>, index: u32| {
            let (first, end) = (
                (f64::from(range.start) * scale / tile_size).floor(),
                (f64::from(range.end) * scale / tile_size).ceil(),
            );
            first <= f64::from(index) && f64::from(index) < end
        };
        of_level.any(|rect| inside(rect.rect.columns(), column) && inside(rect.rect.rows(), row))
    }

    proptest! {
        #[test]
        fn viewers_request_exactly_the_existing_tiles(
            (width, height, tile_size) in (1_u32..600, 1_u32..600, 20_u32..90), seed in any::<u64>(), share in 1_u64..8,
        ) {
            let pyramid = PyramidPlan::new(Size::new(width, height).unwrap(), TileGeometry::new(tile_size, 1).unwrap());
            let is_absent = |ordinal: u64| (ordinal ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 61 < share;
            // Levels of one tile are never skipped.
            let single = pyramid.levels().filter(|&level| pyramid.level_tile_count(level) == 1).count() as u64;
            let absent = TileSet::of(&pyramid, |ordinal| ordinal >= single && is_absent(ordinal));
            let rects = display_rects(&pyramid, &absent);
            for level in pyramid.levels() {
                let tiles: Vec<_> = pyramid.tiles().filter(|tile| tile.level() == level).collect();
                // A level without tiles has no rectangle, so viewers would request all of it.
                if tiles.iter().all(|&tile| absent.has(tile, &pyramid)) {
                    continue;
                }
                for tile in tiles {
                    let asked = tile_exists(&rects, &pyramid, level, tile.column(), tile.row());
                    prop_assert_eq!(asked, !absent.has(tile, &pyramid), "{}", tile);
                }
            }
        }
    }
}
