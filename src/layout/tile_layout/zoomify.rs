//! Zoomify: tiles in groups of 256, numbered level by level from the smallest, row by row.
//!
//! Levels halve rounding up, as libvips writes them and OpenLayers expects by default. Viewers that
//! round down, such as OpenSeadragon, look for some tiles in another group if a level has fewer
//! tiles that way.

use crate::pyramid::{PyramidPlan, TileAddress};

pub(crate) const DESCRIPTOR: &str = "ImageProperties.xml";

pub(crate) const GROUP: &str = "TileGroup";

const TILES_PER_GROUP: u64 = 256;

/// The group of a tile.
pub(crate) fn group(tile: TileAddress, pyramid: &PyramidPlan) -> u64 {
    pyramid.ordinal(tile) / TILES_PER_GROUP
}

/// Writes the descriptor as libvips does.
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
