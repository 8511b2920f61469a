//! Rules of containers and tile layouts that options must follow.

use super::{BlankTiles, ExportOptions, PlanError};
use crate::layout::{Container, Layout};
use crate::pyramid::{Depth, PyramidPlan, TileGeometry};

/// Checks that `name` is a file name, and one that every `BagIt` tool writes alike.
pub(crate) fn check_name(name: &str, container: Container) -> Result<(), PlanError> {
    if matches!(name, "" | "." | "..") || name.contains(['/', '\0']) {
        return Err(PlanError::Name { name: name.to_owned() });
    }
    if container == Container::Bag && name.contains(['%', '\\', '\n', '\r']) {
        return Err(PlanError::BagName { name: name.to_owned() });
    }
    Ok(())
}

/// Checks the rules of SZI 1.2 that do not depend on the slide.
pub(crate) fn check_szi(options: &ExportOptions, geometry: TileGeometry) -> Result<(), PlanError> {
    if options.container != Container::Szi {
        return Ok(());
    }
    let tile_layout = options.tile_layout;
    if geometry.overlap() > 0 {
        return Err(PlanError::SziOverlap { overlap: geometry.overlap() });
    }
    if matches!(options.blank_tiles, BlankTiles::Skip(_)) {
        return Err(PlanError::SparseSzi);
    }
    if options.depth.is_some_and(|depth| depth != Depth::Pixel) {
        return Err(PlanError::ShallowSzi);
    }
    if tile_layout.is_deep_zoom() { Ok(()) } else { Err(PlanError::SziLayout { tile_layout }) }
}

/// Checks that the layout has a distinct name for every file.
pub(crate) fn check_tile_layout(
    options: &ExportOptions,
    name: &str,
    pyramid: &PyramidPlan,
) -> Result<(), PlanError> {
    let tile_layout = options.tile_layout;
    if tile_layout.is_deep_zoom() {
        return Ok(());
    }
    let overlap = pyramid.geometry().overlap();
    if overlap > 0 {
        return Err(PlanError::LayoutOverlap { tile_layout, overlap });
    }
    let layout = Layout::new(name, options.container);
    if layout.tiles(tile_layout, "").descriptor() == Some(layout.description()) {
        return Err(PlanError::LayoutName { tile_layout, name: name.to_owned() });
    }
    match tile_layout.name_collision(pyramid) {
        Some((one, other)) => Err(PlanError::NameCollision { tile_layout, one, other }),
        None => Ok(()),
    }
}
