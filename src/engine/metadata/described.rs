//! What a description says of the pyramid, read back: all that other layouts than Deep Zoom's have to tell of it.
//!
//! Nothing that it says is believed before it makes a pyramid: it may have been written by hand.

use serde::Deserialize;

use crate::geometry::Size;
use crate::layout::Layout;
use crate::layout::tile_layout::{ResourceId, TileLayout, TileNames};
use crate::pyramid::{PyramidPlan, TileGeometry};

/// A pyramid by an export's description.
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
    /// Reads a description; `None` for what is none.
    pub fn read(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    /// The pyramid; `None` where there can be none such.
    pub fn pyramid(&self) -> Option<PyramidPlan> {
        let geometry = TileGeometry::new(self.tile_size, self.overlap).ok()?;
        let whole = PyramidPlan::new(Size::new(self.width, self.height)?, geometry);
        let left_out = usize::try_from(self.smallest_level).ok()?;
        let levels = whole.levels().len().checked_sub(left_out)?;
        whole.with_levels(levels)
    }

    /// The tiles' file name extension.
    pub fn extension(&self) -> &str {
        self.layout.extension(&self.format)
    }

    /// What the files are called in an export of this layout.
    pub fn names(&self, layout: &Layout) -> TileNames {
        layout.tiles(self.layout, self.extension())
    }

    /// Where the export says that it is served; `None` where it says something that is no such place.
    pub fn resource_id(&self) -> Option<ResourceId> {
        self.resource_id.as_ref().map_or_else(|| Some(ResourceId::default()), |id| ResourceId::new(id).ok())
    }
}
