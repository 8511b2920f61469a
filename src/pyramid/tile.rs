//! Addresses and rectangles of tiles.

use std::fmt;

use serde::Serialize;

use super::Level;
use crate::geometry::Rect;

/// The level, column and row of a tile that exists. Created by
/// [`PyramidPlan::tile`](super::PyramidPlan::tile).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct TileAddress {
    pub(super) level: Level,
    pub(super) column: u32,
    pub(super) row: u32,
}

impl TileAddress {
    /// The level.
    #[must_use]
    pub const fn level(self) -> Level {
        self.level
    }

    /// The column, counted from the left.
    #[must_use]
    pub const fn column(self) -> u32 {
        self.column
    }

    /// The row, counted from the top.
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

/// The rectangles of a tile, in pixels of its level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TileRegion {
    /// The tile without overlap: its part of the level, which belongs to no other tile.
    pub core: Rect,
    /// The tile as it is encoded, with overlap on each interior edge.
    pub full: Rect,
}
