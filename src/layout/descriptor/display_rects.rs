//! Where a sparse image has tiles, in the words of the Deep Zoom schema: `DisplayRects`.
//!
//! A viewer asks for the tiles of a level that one of its rectangles touches (OpenSeadragon's `DziTileSource.tileExists`), so these lie on the
//! tiles' own edges, level by level. What always holds: every tile that there is lies in a rectangle. Where rectangles that leave out all others
//! would be too many, a level has the one around all of its tiles.

use quick_xml::events::{BytesEnd, BytesStart, Event};

use crate::geometry::Rect;
use crate::pyramid::TileSet;
use crate::pyramid::{Level, PyramidPlan};

/// Some pixels that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DisplayRect {
    /// From which level on.
    pub smallest: Level,
    /// Up to which.
    pub largest: Level,
    /// In pixels of the full size.
    pub rect: Rect,
}

impl DisplayRect {
    /// Its element.
    pub(crate) fn events(&self) -> [Event<'static>; 3] {
        let element = |name: &'static str, attributes: &[(&str, u32)]| {
            let attributes: Vec<_> = attributes.iter().map(|(name, value)| (*name, value.to_string())).collect();
            BytesStart::new(name).with_attributes(attributes.iter().map(|(name, value)| (*name, value.as_str())))
        };
        let (origin, size) = (self.rect.origin(), self.rect.size());
        let levels = [("MinLevel", self.smallest.number()), ("MaxLevel", self.largest.number())];
        let rect = [("X", origin.x), ("Y", origin.y), ("Width", size.width()), ("Height", size.height())];
        [
            Event::Start(element("DisplayRect", &levels)),
            Event::Empty(element("Rect", &rect)),
            Event::End(BytesEnd::new("DisplayRect")),
        ]
    }
}

/// Viewers look through all of a level's rectangles for every tile.
const MOST_A_LEVEL: usize = 500;

/// The tiles of `pyramid` but for those that are `absent`.
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
                Some(DisplayRect { smallest: level, largest: level, rect: at_full_size(pyramid, level, cells)? })
            }));
        } else if let Some(below) = rects.last_mut().filter(|below| below.rect == whole) {
            below.largest = level;
        } else {
            rects.push(DisplayRect { smallest: level, largest: level, rect: whole });
        }
    }
    rects
}

/// The tiles that there are of a level, as rectangles of columns and rows.
fn present_cells(pyramid: &PyramidPlan, level: Level, absent: &TileSet) -> Vec<Rect> {
    let grid = pyramid.grid(level);
    let is_present = |column, row| pyramid.tile(level, column, row).is_some_and(|tile| !absent.has(tile, pyramid));
    let mut finished: Vec<Rect> = Vec::new();
    // Of the row before: what goes on below as it is.
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
        let (gone_on, ended): (Vec<Rect>, Vec<Rect>) =
            open.into_iter().partition(|above| runs.iter().any(|run| run.columns() == above.columns()));
        finished.extend(ended);
        open = runs
            .into_iter()
            .map(|run| {
                gone_on.iter().find(|above| above.columns() == run.columns()).map_or(run, |above| above.union(run))
            })
            .collect();
    }
    finished.append(&mut open);
    if finished.len() > MOST_A_LEVEL {
        finished = finished.into_iter().reduce(Rect::union).into_iter().collect();
    }
    finished
}

/// The pixels of the full size that some columns and rows of tiles are made of.
fn at_full_size(pyramid: &PyramidPlan, level: Level, cells: Rect) -> Option<Rect> {
    let (tile_size, reduction_levels) = (u64::from(pyramid.geometry().tile_size()), pyramid.reduction_levels(level));
    let edge =
        |cell: u32, length: u32| ((u64::from(cell) * tile_size) << reduction_levels).min(u64::from(length)) as u32;
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

    /// As OpenSeadragon 6.1 decides: in floating point, from the rectangles of a level, of which none means all of it.
    fn tile_exists(rects: &[DisplayRect], pyramid: &PyramidPlan, level: Level, column: u32, row: u32) -> bool {
        let mut of_level = rects.iter().filter(|rect| rect.smallest <= level && level <= rect.largest).peekable();
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
        fn a_viewer_asks_for_the_tiles_that_there_are(
            (width, height, tile_size) in (1_u32..600, 1_u32..600, 20_u32..90), seed in any::<u64>(), share in 1_u64..8,
        ) {
            let pyramid = PyramidPlan::new(Size::new(width, height).unwrap(), TileGeometry::new(tile_size, 1).unwrap());
            let is_absent = |ordinal: u64| (ordinal ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 61 < share;
            // The levels of one tile are never left out.
            let single = pyramid.levels().filter(|&level| pyramid.level_tile_count(level) == 1).count() as u64;
            let absent = TileSet::of(&pyramid, |ordinal| ordinal >= single && is_absent(ordinal));
            let rects = display_rects(&pyramid, &absent);
            for level in pyramid.levels() {
                let tiles: Vec<_> = pyramid.tiles().filter(|tile| tile.level() == level).collect();
                // A level without any tile has no rectangle, by which a viewer would take it for whole.
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
