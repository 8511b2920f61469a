//! Whether a pyramid can be laid out as asked.

use super::{ExportOptions, PlanError};
use crate::layout::{Container, Layout};
use crate::pyramid::PyramidPlan;

/// Refuses what the layout that was asked for cannot hold, or could not tell apart.
pub(crate) fn check(options: &ExportOptions, name: &str, pyramid: &PyramidPlan) -> Result<(), PlanError> {
    let tile_layout = options.tile_layout;
    if tile_layout.is_deep_zoom() {
        return Ok(());
    }
    if options.container == Container::Szi {
        return Err(PlanError::SziLayout { tile_layout });
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
        Some((one, other)) => Err(PlanError::Namesakes { tile_layout, one, other }),
        None => Ok(()),
    }
}
