//! What the files of a pyramid are called.
//!
//! What always holds: each tile has one name, and no two have the same; from a name follows its tile, and only names that are written exactly so
//! are a tile's.

use crate::pyramid::{PyramidPlan, TileAddress};

/// The names of the files of one pyramid, relative to the export's folder, with `/` between folders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TileNames {
    /// The folder that the export's picture lies in, with a `/`, or nothing.
    folder: &'static str,
    name: String,
    extension: String,
}

impl TileNames {
    /// The names for an export called `name`, whose tiles have this extension. `folder` stands before all of them.
    #[must_use]
    pub fn new(folder: &'static str, name: &str, extension: &str) -> Self {
        Self { folder, name: name.to_owned(), extension: extension.to_owned() }
    }

    /// The tiles' file name extension.
    #[must_use]
    pub fn extension(&self) -> &str {
        &self.extension
    }

    /// The file that tells viewers of the pyramid.
    #[must_use]
    pub fn descriptor(&self) -> String {
        format!("{}{}.dzi", self.folder, self.name)
    }

    /// The folder that nothing but tiles lies in.
    #[must_use]
    pub fn tiles(&self) -> String {
        format!("{}{}_files", self.folder, self.name)
    }

    /// Every folder of tiles, outermost first.
    #[must_use]
    pub fn folders(&self, pyramid: &PyramidPlan) -> Vec<String> {
        let levels = pyramid.levels().map(|level| format!("{}/{level}", self.tiles()));
        std::iter::once(self.tiles()).chain(levels).collect()
    }

    /// A tile's file.
    #[must_use]
    pub fn tile(&self, tile: TileAddress) -> String {
        let Self { folder, name, extension } = self;
        format!("{folder}{name}_files/{}/{}_{}.{extension}", tile.level(), tile.column(), tile.row())
    }

    /// The tile whose file has this name; `None` for a file that is no tile of the pyramid.
    #[must_use]
    pub fn tile_named(&self, name: &str, pyramid: &PyramidPlan) -> Option<TileAddress> {
        let inside = name.strip_prefix(self.folder)?.strip_prefix(&self.name)?.strip_prefix("_files/")?;
        let (level, file) = inside.split_once('/')?;
        let (column, row) = file.strip_suffix(&self.extension)?.strip_suffix('.')?.split_once('_')?;
        pyramid.tile(pyramid.level(number(level)?)?, number(column)?, number(row)?)
    }
}

/// A number as names have it: no leading zero, no sign.
fn number(text: &str) -> Option<u32> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}
