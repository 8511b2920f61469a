//! Zoomify: tiles in groups of 256, counted level by level from the smallest, row by row.
//!
//! The levels are those of libvips, which halve with the ceiling: OpenLayers reckons them so by default. Where a side is odd and halving it
//! downwards would give a level fewer tiles, viewers that halve downwards (OpenSeadragon) look for some tiles in another group.

use crate::pyramid::{PyramidPlan, TileAddress};

pub(crate) const DESCRIPTOR: &str = "ImageProperties.xml";

pub(crate) const GROUP: &str = "TileGroup";

const TILES_A_GROUP: u64 = 256;

/// The group that a tile lies in.
pub(crate) fn group(tile: TileAddress, pyramid: &PyramidPlan) -> u64 {
    pyramid.ordinal(tile) / TILES_A_GROUP
}

/// The text of the descriptor, as libvips writes it.
pub(crate) fn image_properties(pyramid: &PyramidPlan) -> String {
    let size = pyramid.size();
    format!(
        "<IMAGE_PROPERTIES WIDTH=\"{}\" HEIGHT=\"{}\" NUMTILES=\"{}\" NUMIMAGES=\"1\" VERSION=\"1.8\" TILESIZE=\"{}\" />\n",
        size.width(),
        size.height(),
        pyramid.tile_count(),
        pyramid.geometry().tile_size()
    )
}
