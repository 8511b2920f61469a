//! The levels, grids and tiles of a Deep Zoom pyramid.
//!
//! Level 0 is 1×1 and the last level has the image's size; each level is half of the next, rounded
//! up. Tiles without overlap partition a level, and overlaps are clipped at its edges. The
//! convention is that of Microsoft's Deep Zoom, as implemented by libvips 8.14 and openslide-python
//! 1.4.

use std::fmt;

use serde::Serialize;

mod geometry;
mod plan;
mod tile;
mod tile_set;

pub use geometry::{TileGeometry, TileGeometryError};
pub use plan::{Depth, PyramidPlan};
pub use tile::{TileAddress, TileRegion};
pub use tile_set::{TileSet, TileSetError};

/// A Deep Zoom level: 0 is 1×1, [`PyramidPlan::max_level`] is the full size.
///
/// A [`SlideLevel`](crate::source::SlideLevel) counts in the opposite direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Level(u8);

impl Level {
    /// The number of the level, at most 32.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0 as u32
    }

    /// The next smaller level. `None` for level 0.
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
