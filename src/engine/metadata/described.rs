//! Reads the pyramid back from the description of an export. Layouts other than Deep Zoom need it.
//!
//! A description may have been written by hand, so nothing in it is trusted before it makes a valid
//! pyramid.

use serde::Deserialize;

use crate::geometry::Size;
use crate::layout::Layout;
use crate::layout::tile_layout::{ResourceId, TileLayout, TileNames};
use crate::pyramid::{PyramidPlan, TileGeometry};

/// A pyramid as an export's description gives it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DescribedPyramid {
    #[serde(default)]
    pub layout: TileLayout,
    width: u32,
    height: u32,
    tile_size: u32,
    overlap: u32,
    #[serde(default)]
    smallest_level: u32,
    pub format: String,
    resource_id: Option<String>,
}

impl DescribedPyramid {
    /// Parses a description; `None` if `json` is not one.
    pub fn read(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    /// The pyramid; `None` if the numbers do not make one.
    pub fn pyramid(&self) -> Option<PyramidPlan> {
        let geometry = TileGeometry::new(self.tile_size, self.overlap).ok()?;
        let whole = PyramidPlan::new(Size::new(self.width, self.height)?, geometry);
        let omitted = usize::try_from(self.smallest_level).ok()?;
        let levels = whole.levels().len().checked_sub(omitted)?;
        whole.with_levels(levels)
    }

    /// The file name extension of the tiles.
    pub fn extension(&self) -> &str {
        self.layout.extension(&self.format)
    }

    /// The names of the tiles in an export of this layout.
    pub fn names(&self, layout: &Layout) -> TileNames {
        layout.tiles(self.layout, self.extension())
    }

    /// The identifier of the IIIF resource; `None` if it is invalid.
    pub fn resource_id(&self) -> Option<ResourceId> {
        self.resource_id
            .as_ref()
            .map_or_else(|| Some(ResourceId::default()), |id| ResourceId::new(id).ok())
    }
}
