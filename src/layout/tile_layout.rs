//! File naming conventions of pyramids, as libvips writes them.
//!
//! Names and tiles correspond one to one. All layouts have the tiles of a Deep Zoom pyramid, whose
//! levels halve rounding up; other layouts number levels from the smallest one that exists.

use serde::{Deserialize, Serialize};

use crate::geometry::Size;
use crate::pyramid::{Depth, PyramidPlan, TileAddress, TileGeometry};

mod iiif;
mod zoomify;

pub use iiif::{ResourceId, ResourceIdError};

/// A file naming convention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum TileLayout {
    /// Deep Zoom: `<name>.dzi` and `<name>_files/<level>/<column>_<row>.jpeg`.
    #[default]
    #[serde(rename = "dz")]
    DeepZoom,
    /// Zoomify: `ImageProperties.xml` and `TileGroup<n>/<level>-<column>-<row>.jpg`, with 256 tiles
    /// per group.
    #[serde(rename = "zoomify")]
    Zoomify,
    /// Google Maps: `<level>/<row>/<column>.jpg`, all padded to full size, and `blank.png` as
    /// substitute for skipped tiles.
    #[serde(rename = "google")]
    Google,
    /// IIIF Image API 2.1, level 0: `info.json` and `<region>/<width>,/0/default.jpg`.
    #[serde(rename = "iiif2")]
    Iiif2,
    /// IIIF Image API 3.0, level 0: `info.json` and `<region>/<width>,<height>/0/default.jpg`.
    #[serde(rename = "iiif3")]
    Iiif3,
}

impl TileLayout {
    /// The layout's name in options and descriptions.
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

    /// The default tile size and overlap.
    #[must_use]
    pub fn default_geometry(self) -> TileGeometry {
        let without_overlap = |tile_size| TileGeometry::new(tile_size, 0).unwrap_or_default();
        match self {
            Self::DeepZoom => TileGeometry::default(),
            Self::Zoomify | Self::Google => without_overlap(256),
            Self::Iiif2 | Self::Iiif3 => without_overlap(512),
        }
    }

    /// The default smallest level.
    #[must_use]
    pub const fn default_depth(self) -> Depth {
        match self {
            Self::DeepZoom => Depth::Pixel,
            _ => Depth::Tile,
        }
    }

    /// The file name extension of tiles, given the name of their format.
    #[must_use]
    pub fn extension(self, format: &str) -> &str {
        match (self, format) {
            (Self::DeepZoom, format) => format,
            (_, "jpeg") => "jpg",
            (_, format) => format,
        }
    }

    /// Whether tiles at the right and bottom edges are padded with the background.
    #[must_use]
    pub const fn pads(self) -> bool {
        matches!(self, Self::Google)
    }

    /// Whether this is the layout of a `.dzi`.
    #[must_use]
    pub const fn is_deep_zoom(self) -> bool {
        matches!(self, Self::DeepZoom)
    }

    /// Whether this is an IIIF layout.
    #[must_use]
    pub const fn is_iiif(self) -> bool {
        matches!(self, Self::Iiif2 | Self::Iiif3)
    }

    /// The size of the image in a tile's file, in pixels.
    #[must_use]
    pub fn image_size(self, tile: TileAddress, pyramid: &PyramidPlan) -> Size {
        let square = Size::new(pyramid.geometry().tile_size(), pyramid.geometry().tile_size());
        square.filter(|_| self.pads()).unwrap_or_else(|| pyramid.region(tile).full.size())
    }

    /// Finds two tiles that would have the same name. Only IIIF tiles of one pixel, at the lower
    /// right corner, can collide.
    #[must_use]
    pub fn name_collision(self, pyramid: &PyramidPlan) -> Option<(TileAddress, TileAddress)> {
        match self {
            Self::DeepZoom | Self::Zoomify | Self::Google => None,
            Self::Iiif2 => iiif::name_collision(pyramid, iiif::request_of_version_2),
            Self::Iiif3 => iiif::name_collision(pyramid, iiif::request_of_version_3),
        }
    }

    /// Whether `name` is a top-level file or directory of this layout, other than those of every
    /// export.
    #[must_use]
    pub fn knows(self, name: &str) -> bool {
        match self {
            Self::DeepZoom => false,
            Self::Zoomify => {
                name == zoomify::DESCRIPTOR
                    || name.strip_prefix(zoomify::GROUP).and_then(number).is_some()
            }
            Self::Google => name == BLANK || number(name).is_some_and(|level| level <= 32),
            Self::Iiif2 | Self::Iiif3 => name == iiif::DESCRIPTOR || iiif::is_region(name),
        }
    }

    /// All layouts but Deep Zoom.
    pub const OTHERS: [Self; 4] = [Self::Zoomify, Self::Google, Self::Iiif2, Self::Iiif3];
}

/// The substitute for skipped tiles.
const BLANK: &str = "blank.png";

/// The names of one pyramid's files, relative to the export's root and separated by `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TileNames {
    layout: TileLayout,
    /// The prefix of all names: empty, or a directory and a `/`.
    folder: &'static str,
    name: String,
    extension: String,
}

impl TileNames {
    /// The names of an export called `name` whose tiles have this extension. `folder` is a prefix
    /// of all names.
    #[must_use]
    pub fn new(layout: TileLayout, folder: &'static str, name: &str, extension: &str) -> Self {
        Self { layout, folder, name: name.to_owned(), extension: extension.to_owned() }
    }

    /// The naming convention.
    #[must_use]
    pub const fn layout(&self) -> TileLayout {
        self.layout
    }

    /// The file name extension of tiles.
    #[must_use]
    pub fn extension(&self) -> &str {
        &self.extension
    }

    /// The descriptor that viewers open; `None` if the layout has none.
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

    /// The text of the descriptor of a layout other than Deep Zoom. `id` is the base URI of an IIIF
    /// resource.
    #[must_use]
    pub fn descriptor_text(&self, pyramid: &PyramidPlan, id: &ResourceId) -> Option<String> {
        match self.layout {
            TileLayout::DeepZoom | TileLayout::Google => None,
            TileLayout::Zoomify => Some(zoomify::image_properties(pyramid)),
            TileLayout::Iiif2 => {
                Some(iiif::info_of_version_2(pyramid, &id.of(&self.name), &self.extension))
            }
            TileLayout::Iiif3 => {
                Some(iiif::info_of_version_3(pyramid, &id.of(&self.name), &self.extension))
            }
        }
    }

    /// The PNG that substitutes for skipped tiles, if the layout has one. It has the size of a
    /// tile.
    #[must_use]
    pub fn blank(&self) -> Option<String> {
        (self.layout == TileLayout::Google).then(|| format!("{}{BLANK}", self.folder))
    }

    /// The file name of a tile.
    #[must_use]
    pub fn tile(&self, tile: TileAddress, pyramid: &PyramidPlan) -> String {
        let Self { folder, name, extension, layout } = self;
        let (level, column, row) = (tile.level(), tile.column(), tile.row());
        match layout {
            TileLayout::DeepZoom => {
                format!("{folder}{name}_files/{level}/{column}_{row}.{extension}")
            }
            TileLayout::Zoomify => {
                let (group, place) = (zoomify::group(tile, pyramid), pyramid.place(level));
                format!("{folder}{}{group}/{place}-{column}-{row}.{extension}", zoomify::GROUP)
            }
            TileLayout::Google => {
                format!("{folder}{}/{row}/{column}.{extension}", pyramid.place(level))
            }
            TileLayout::Iiif2 => {
                format!(
                    "{folder}{}/0/default.{extension}",
                    iiif::request_of_version_2(tile, pyramid)
                )
            }
            TileLayout::Iiif3 => {
                format!(
                    "{folder}{}/0/default.{extension}",
                    iiif::request_of_version_3(tile, pyramid)
                )
            }
        }
    }

    /// The alias of a tile that clients may request by two names: in IIIF 2.1, images listed in
    /// `sizes` can be requested by width, or by width and height.
    #[must_use]
    pub fn alias(&self, tile: TileAddress, pyramid: &PyramidPlan) -> Option<String> {
        let Self { folder, extension, .. } = self;
        let request = if self.layout == TileLayout::Iiif2 {
            iiif::alias_request(tile, pyramid)
        } else {
            None
        };
        Some(format!("{folder}{}/0/default.{extension}", request?))
    }

    /// All tiles with an alias, and the alias.
    pub fn aliases(&self, pyramid: &PyramidPlan) -> impl Iterator<Item = (TileAddress, String)> {
        let single = pyramid.levels().filter(|&level| pyramid.level_tile_count(level) == 1);
        single.filter_map(|level| {
            let tile = pyramid.tile(level, 0, 0)?;
            Some((tile, self.alias(tile, pyramid)?))
        })
    }

    /// The files of the layout other than tiles: descriptor, substitute for skipped tiles, and
    /// aliases.
    #[must_use]
    pub fn auxiliary_files(&self, pyramid: &PyramidPlan) -> Vec<String> {
        let aliases = self.aliases(pyramid).map(|(_, name)| name);
        self.descriptor().into_iter().chain(self.blank()).chain(aliases).collect()
    }

    /// Parses the file name of a tile. Returns `None` if it is not a tile of the pyramid.
    #[must_use]
    pub fn tile_named(&self, name: &str, pyramid: &PyramidPlan) -> Option<TileAddress> {
        let inside = name.strip_prefix(self.folder)?;
        let stem = inside.strip_suffix(&self.extension)?.strip_suffix('.')?;
        let placed = |place: &str| pyramid.levels().nth(number(place)? as usize);
        match self.layout {
            TileLayout::DeepZoom => {
                let (level, file) =
                    stem.strip_prefix(&self.name)?.strip_prefix("_files/")?.split_once('/')?;
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

    /// Whether `name` has the form of a tile's name in a larger pyramid, which makes it an
    /// unexpected entry.
    #[must_use]
    pub fn looks_like_a_tile(&self, name: &str) -> bool {
        let Some(inside) = name.strip_prefix(self.folder) else { return false };
        match self.layout {
            TileLayout::DeepZoom => {
                let file =
                    inside.strip_prefix(&self.name).and_then(|rest| rest.strip_prefix("_files/"));
                file.is_some_and(|file| file.contains('/'))
            }
            layout => inside.split_once('/').is_some_and(|(folder, _)| layout.knows(folder)),
        }
    }
}

/// Parses a number without sign or leading zeros.
fn number(text: &str) -> Option<u32> {
    let plain =
        text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}
