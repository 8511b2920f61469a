//! What the files of a pyramid are called, in each of the layouts that viewers know: the same that libvips writes, called as it calls them.
//!
//! What always holds: each tile has one name, and no two have the same; from a name follows its tile, and only names that are written exactly so
//! are a tile's. Tiles that other layouts than Deep Zoom's have are those of its pyramid too, by other names: levels halve with the ceiling, and
//! what they number from 0 is the smallest level that there is.

use serde::{Deserialize, Serialize};

use crate::geometry::Size;
use crate::pyramid::{Depth, PyramidPlan, TileAddress, TileGeometry};

mod iiif;
mod zoomify;

pub use iiif::{ResourceId, ResourceIdError};

/// By whose convention a pyramid's files are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum TileLayout {
    /// Deep Zoom: `<name>.dzi` and `<name>_files/<level>/<column>_<row>.jpeg`.
    #[default]
    #[serde(rename = "dz")]
    DeepZoom,
    /// Zoomify: `ImageProperties.xml` and `TileGroup<n>/<level>-<column>-<row>.jpg`, of which each group has 256.
    #[serde(rename = "zoomify")]
    Zoomify,
    /// As Google Maps: `<level>/<row>/<column>.jpg`, every tile of full size, and `blank.png` for those that there are not.
    #[serde(rename = "google")]
    Google,
    /// IIIF Image API 2.1, as static files of level 0: `info.json` and `<region>/<width>,/0/default.jpg`.
    #[serde(rename = "iiif2")]
    Iiif2,
    /// IIIF Image API 3.0, as static files of level 0: `info.json` and `<region>/<width>,<height>/0/default.jpg`.
    #[serde(rename = "iiif3")]
    Iiif3,
}

impl TileLayout {
    /// The word that options and descriptions use.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::DeepZoom => "dz",
            Self::Zoomify => "zoomify",
            Self::Google => "google",
            Self::Iiif2 => "iiif2",
            Self::Iiif3 => "iiif3",
        }
    }

    /// Tile size and overlap where none are asked for.
    #[must_use]
    pub fn default_geometry(self) -> TileGeometry {
        let without_overlap = |tile_size| TileGeometry::new(tile_size, 0).unwrap_or_default();
        match self {
            Self::DeepZoom => TileGeometry::default(),
            Self::Zoomify | Self::Google => without_overlap(256),
            Self::Iiif2 | Self::Iiif3 => without_overlap(512),
        }
    }

    /// How far down the pyramid goes where nothing else is asked for.
    #[must_use]
    pub const fn default_depth(self) -> Depth {
        match self {
            Self::DeepZoom => Depth::Pixel,
            _ => Depth::Tile,
        }
    }

    /// The tiles' file name extension, by the word for their format.
    #[must_use]
    pub fn extension(self, format: &str) -> &str {
        match (self, format) {
            (Self::DeepZoom, format) => format,
            (_, "jpeg") => "jpg",
            (_, format) => format,
        }
    }

    /// Whether tiles at the right and bottom edges are filled up with background.
    #[must_use]
    pub const fn pads(self) -> bool {
        matches!(self, Self::Google)
    }

    /// Whether it is that of a `.dzi`.
    #[must_use]
    pub const fn is_deep_zoom(self) -> bool {
        matches!(self, Self::DeepZoom)
    }

    /// Whether it is one of IIIF's.
    #[must_use]
    pub const fn is_iiif(self) -> bool {
        matches!(self, Self::Iiif2 | Self::Iiif3)
    }

    /// The size of the picture in a tile's file.
    #[must_use]
    pub fn picture_size(self, tile: TileAddress, pyramid: &PyramidPlan) -> Size {
        let square = Size::new(pyramid.geometry().tile_size(), pyramid.geometry().tile_size());
        square.filter(|_| self.pads()).unwrap_or_else(|| pyramid.region(tile).full.size())
    }

    /// Two tiles that would have the same name, if there are any: at the lower right corner, where both are one pixel.
    #[must_use]
    pub fn name_collision(self, pyramid: &PyramidPlan) -> Option<(TileAddress, TileAddress)> {
        match self {
            Self::DeepZoom | Self::Zoomify | Self::Google => None,
            Self::Iiif2 => iiif::name_collision(pyramid, iiif::request_of_version_2),
            Self::Iiif3 => iiif::name_collision(pyramid, iiif::request_of_version_3),
        }
    }

    /// Whether an export can have something with this name directly in its folder, beside what all exports have.
    #[must_use]
    pub fn knows(self, name: &str) -> bool {
        match self {
            Self::DeepZoom => false,
            Self::Zoomify => {
                name == zoomify::DESCRIPTOR || name.strip_prefix(zoomify::GROUP).and_then(number).is_some()
            }
            Self::Google => name == BLANK || number(name).is_some_and(|level| level <= 32),
            Self::Iiif2 | Self::Iiif3 => name == iiif::DESCRIPTOR || iiif::is_region(name),
        }
    }

    /// Those that have no `.dzi` to tell of them.
    pub const OTHERS: [Self; 4] = [Self::Zoomify, Self::Google, Self::Iiif2, Self::Iiif3];
}

/// What viewers show in place of a tile that is not there.
const BLANK: &str = "blank.png";

/// The names of the files of one pyramid, relative to the export's folder, with `/` between folders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TileNames {
    layout: TileLayout,
    /// The folder that the export's picture lies in, with a `/`, or nothing.
    folder: &'static str,
    name: String,
    extension: String,
}

impl TileNames {
    /// The names for an export called `name`, whose tiles have this extension. `folder` stands before all of them.
    #[must_use]
    pub fn new(layout: TileLayout, folder: &'static str, name: &str, extension: &str) -> Self {
        Self { layout, folder, name: name.to_owned(), extension: extension.to_owned() }
    }

    /// By whose convention they are.
    #[must_use]
    pub const fn layout(&self) -> TileLayout {
        self.layout
    }

    /// The tiles' file name extension.
    #[must_use]
    pub fn extension(&self) -> &str {
        &self.extension
    }

    /// The file that tells viewers of the pyramid; `None` where they have to be told otherwise.
    #[must_use]
    pub fn descriptor(&self) -> Option<String> {
        let Self { folder, name, .. } = self;
        match self.layout {
            TileLayout::DeepZoom => Some(format!("{folder}{name}.dzi")),
            TileLayout::Zoomify => Some(format!("{folder}{}", zoomify::DESCRIPTOR)),
            TileLayout::Google => None,
            TileLayout::Iiif2 | TileLayout::Iiif3 => Some(format!("{folder}{}", iiif::DESCRIPTOR)),
        }
    }

    /// What the descriptor of another layout than Deep Zoom's says; of IIIF, of a resource that has this identifier.
    #[must_use]
    pub fn descriptor_text(&self, pyramid: &PyramidPlan, id: &ResourceId) -> Option<String> {
        match self.layout {
            TileLayout::DeepZoom | TileLayout::Google => None,
            TileLayout::Zoomify => Some(zoomify::image_properties(pyramid)),
            TileLayout::Iiif2 => Some(iiif::info_of_version_2(pyramid, &id.of(&self.name), &self.extension)),
            TileLayout::Iiif3 => Some(iiif::info_of_version_3(pyramid, &id.of(&self.name), &self.extension)),
        }
    }

    /// The picture that viewers show in place of a tile that is not there, where the layout has one: a PNG as large as a tile.
    #[must_use]
    pub fn blank(&self) -> Option<String> {
        (self.layout == TileLayout::Google).then(|| format!("{}{BLANK}", self.folder))
    }

    /// Every folder of tiles that is made beforehand, outermost first; of other layouts than Deep Zoom's none.
    #[must_use]
    pub fn folders(&self, pyramid: &PyramidPlan) -> Vec<String> {
        if !self.layout.is_deep_zoom() {
            return Vec::new();
        }
        let tiles = format!("{}{}_files", self.folder, self.name);
        let levels = pyramid.levels().map(|level| format!("{tiles}/{level}"));
        std::iter::once(tiles.clone()).chain(levels).collect()
    }

    /// The folder of one of the layout's files that is made, with those above it, when the file is written: in IIIF's layouts each tile has three of
    /// its own, and making hundreds of thousands is work for all threads.
    #[must_use]
    pub fn folder_to_make<'a>(&self, name: &'a str) -> Option<&'a str> {
        let (outermost, _) = name.strip_prefix(self.folder)?.split_once('/')?;
        let (folder, _) = name.rsplit_once('/').filter(|_| self.layout.knows(outermost))?;
        Some(folder)
    }

    /// A tile's file.
    #[must_use]
    pub fn tile(&self, tile: TileAddress, pyramid: &PyramidPlan) -> String {
        let Self { folder, name, extension, layout } = self;
        let (level, column, row) = (tile.level(), tile.column(), tile.row());
        match layout {
            TileLayout::DeepZoom => format!("{folder}{name}_files/{level}/{column}_{row}.{extension}"),
            TileLayout::Zoomify => {
                let (group, place) = (zoomify::group(tile, pyramid), pyramid.place(level));
                format!("{folder}{}{group}/{place}-{column}-{row}.{extension}", zoomify::GROUP)
            }
            TileLayout::Google => format!("{folder}{}/{row}/{column}.{extension}", pyramid.place(level)),
            TileLayout::Iiif2 => {
                format!("{folder}{}/0/default.{extension}", iiif::request_of_version_2(tile, pyramid))
            }
            TileLayout::Iiif3 => {
                format!("{folder}{}/0/default.{extension}", iiif::request_of_version_3(tile, pyramid))
            }
        }
    }

    /// A second name for a tile's file, where clients may ask for it by two: IIIF 2.1 wants what `sizes` lists by width, and by width and height.
    #[must_use]
    pub fn second_name(&self, tile: TileAddress, pyramid: &PyramidPlan) -> Option<String> {
        let Self { folder, extension, .. } = self;
        let request = if self.layout == TileLayout::Iiif2 { iiif::second_request(tile, pyramid) } else { None };
        Some(format!("{folder}{}/0/default.{extension}", request?))
    }

    /// The tiles that have a second name.
    pub fn aliases(&self, pyramid: &PyramidPlan) -> impl Iterator<Item = (TileAddress, String)> {
        let single = pyramid.levels().filter(|&level| pyramid.level_tile_count(level) == 1);
        single.filter_map(|level| {
            let tile = pyramid.tile(level, 0, 0)?;
            Some((tile, self.second_name(tile, pyramid)?))
        })
    }

    /// The files of the layout that are no tiles, and that an export has: descriptor, blank tile, and tiles by their second names.
    #[must_use]
    pub fn auxiliary_files(&self, pyramid: &PyramidPlan) -> Vec<String> {
        let second_names = self.aliases(pyramid).map(|(_, name)| name);
        self.descriptor().into_iter().chain(self.blank()).chain(second_names).collect()
    }

    /// The tile whose file has this name; `None` for a file that is no tile of the pyramid.
    #[must_use]
    pub fn tile_named(&self, name: &str, pyramid: &PyramidPlan) -> Option<TileAddress> {
        let inside = name.strip_prefix(self.folder)?;
        let stem = inside.strip_suffix(&self.extension)?.strip_suffix('.')?;
        let placed = |place: &str| pyramid.levels().nth(number(place)? as usize);
        match self.layout {
            TileLayout::DeepZoom => {
                let (level, file) = stem.strip_prefix(&self.name)?.strip_prefix("_files/")?.split_once('/')?;
                let (column, row) = file.split_once('_')?;
                pyramid.tile(pyramid.level(number(level)?)?, number(column)?, number(row)?)
            }
            TileLayout::Zoomify => {
                let (group, file) = stem.strip_prefix(zoomify::GROUP)?.split_once('/')?;
                let (level, file) = file.split_once('-')?;
                let (column, row) = file.split_once('-')?;
                let tile = pyramid.tile(placed(level)?, number(column)?, number(row)?)?;
                (u64::from(number(group)?) == zoomify::group(tile, pyramid)).then_some(tile)
            }
            TileLayout::Google => {
                let (level, file) = stem.split_once('/')?;
                let (row, column) = file.split_once('/')?;
                pyramid.tile(placed(level)?, number(column)?, number(row)?)
            }
            TileLayout::Iiif2 | TileLayout::Iiif3 => {
                let request = stem.strip_suffix("/0/default")?;
                let candidates = iiif::tiles_at(request, pyramid);
                candidates.into_iter().find(|&tile| self.tile(tile, pyramid) == name)
            }
        }
    }

    /// Whether a file of this name would be a tile's of a pyramid with more levels or larger ones: where nobody lists the files, it belongs to none.
    #[must_use]
    pub fn looks_like_a_tile(&self, name: &str) -> bool {
        let Some(inside) = name.strip_prefix(self.folder) else { return false };
        match self.layout {
            TileLayout::DeepZoom => {
                let file = inside.strip_prefix(&self.name).and_then(|rest| rest.strip_prefix("_files/"));
                file.is_some_and(|file| file.contains('/'))
            }
            layout => inside.split_once('/').is_some_and(|(folder, _)| layout.knows(folder)),
        }
    }
}

/// A number as names have it: no leading zero, no sign.
fn number(text: &str) -> Option<u32> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}
