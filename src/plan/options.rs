//! What can be asked of an export. Every option documents its default, and `Default` agrees.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::resolution::Resolution;
use crate::codec::{JpegCoding, Quality, Subsampling};
use crate::color::Intent;
use crate::geometry::MicronsPerPixel;
use crate::geometry::{Flip, Rect, Rotation};
use crate::layout::Container;
use crate::layout::tile_layout::{ResourceId, TileLayout};
use crate::pixels::{ReductionMethod, Rgb};
use crate::pyramid::{Depth, TileGeometry};
use crate::source::SourceIdentity;

/// Which part of the slide is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Bounds {
    /// The scanned area that the slide names, or all of it where it names none: as openslide-python's tiler.
    #[default]
    Scan,
    /// All of the slide.
    Full,
    /// This part of it, in slide-level-0 pixels: all of it lies in the slide, be it scanned or not.
    Crop(Rect),
}

impl Serialize for Bounds {
    /// In a word, or as what was asked for.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Scan => serializer.serialize_str("scan"),
            Self::Full => serializer.serialize_str("full"),
            Self::Crop(crop) => {
                let (origin, size) = (crop.origin(), crop.size());
                let numbers = [("x", origin.x), ("y", origin.y), ("width", size.width()), ("height", size.height())];
                serializer.collect_map([("crop", BTreeMap::from(numbers))])
            }
        }
    }
}

/// The tiles' file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum FormatOption {
    /// JPEG.
    #[default]
    Jpeg,
    /// PNG.
    Png,
    /// Lossy WebP.
    WebP,
    /// Lossless WebP.
    WebPLossless,
}

/// How JPEG tiles store chroma.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum SubsamplingOption {
    /// As the slide's own JPEG tiles, and gray where these are and the export's colors and background are too; 4:4:4 where that is not known.
    #[default]
    Auto,
    /// Always this.
    Fixed(Subsampling),
}

/// What the tiles of the full size are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BaseTiles {
    /// Decoded and encoded, as those of every other level.
    #[default]
    Encoded,
    /// The slide's own JPEG data, never decoded and encoded again.
    Lossless,
}

/// What is done with the slide's ICC profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ColorOption {
    /// The pixels are converted to sRGB, which every browser shows alike. Lossless tiles cannot be, and get the profile instead.
    #[default]
    Srgb,
    /// The pixels stay, and every tile gets the profile. Where tiles are RGB and the profile is for gray, they are converted to sRGB instead.
    Embed,
    /// The pixels stay, and the profile is left out.
    Ignore,
}

/// What becomes of tiles on which there is nothing but the background.
///
/// Blank is what was not scanned, which alpha tells, and with a tolerance also a tile every channel of every pixel of which is within so many
/// steps of the background.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BlankTiles {
    /// They are written as all others.
    #[default]
    Keep,
    /// They are left out, but for those of levels that are one tile; the description and the descriptor say which. Of lossless tiles only
    /// those that were never scanned.
    Skip(u8),
    /// They are written once for each size, and have one file's contents under many names where the destination is a folder.
    Share(u8),
}

/// What happens where a part of the slide cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ReadErrorPolicy {
    /// The export fails and names the region.
    #[default]
    Stop,
    /// The native tile is shown as background, and its rectangle is written down.
    Blank,
}

/// Whether the export gets a web page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Page {
    /// `index.html`, `slide.js` and `viewer/`.
    #[default]
    Include,
    /// The tiles, the descriptor and the metadata only.
    Omit,
}

/// Which associated images are published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Associated {
    /// Those with these names, where the slide has them.
    Named(Vec<String>),
    /// All that the slide has, the label too.
    All,
}

impl Default for Associated {
    /// The thumbnail only: a label can carry a patient's name, and some scanners' macro image shows the label.
    fn default() -> Self {
        Self::Named(vec!["thumbnail".to_owned()])
    }
}

/// Which of the slide's properties are published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PublishedProperties {
    /// Those on a list of harmless ones, which tell of the picture.
    #[default]
    Listed,
    /// All that the reader reports: names, dates and serial numbers too, where the file has them.
    All,
}

/// Tile size and overlap where none are asked for: those of the layout, but SZI 1.2 wants 256 and 0.
#[must_use]
pub fn default_geometry(container: Container, tile_layout: TileLayout) -> TileGeometry {
    let szi = (container == Container::Szi).then(|| TileGeometry::new(256, 0).ok()).flatten();
    szi.unwrap_or_else(|| tile_layout.default_geometry())
}

/// What is asked of an export. `Default` is what the command line does without options.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ExportOptions {
    /// A folder.
    pub container: Container,
    /// Deep Zoom's.
    pub tile_layout: TileLayout,
    /// Of IIIF's layouts, where the export's folder will be served, without its own name; by default a placeholder.
    pub resource_id: Option<ResourceId>,
    /// Tile size and overlap; by default 254 and 1, in a `.szi` 256 and 0, in other layouts 256 or 512 and 0, with lossless tiles the slide's
    /// own and 0.
    pub geometry: Option<TileGeometry>,
    /// Down to where the pyramid goes; by default to the level of one pixel, in other layouts than Deep Zoom's to the largest of one tile.
    pub depth: Option<Depth>,
    /// Encoded.
    pub base_tiles: BaseTiles,
    /// JPEG.
    pub format: FormatOption,
    /// The quality of JPEG and lossy WebP; 80.
    pub quality: Quality,
    /// As the slide's own tiles.
    pub subsampling: SubsamplingOption,
    /// How JPEG tiles are written down: baseline. Lossless tiles stay as they are.
    pub jpeg_coding: JpegCoding,
    /// Written as all others.
    pub blank_tiles: BlankTiles,
    /// Each level's pixels are the mean of 2×2 of the next larger one's.
    pub reduction: ReductionMethod,
    /// The scanned area.
    pub bounds: Bounds,
    /// From which size the export starts; the slide's full size.
    pub resolution: Resolution,
    /// How the area is turned; as it is.
    pub rotation: Rotation,
    /// How it is mirrored once it is turned; not at all.
    pub flip: Option<Flip>,
    /// What transparent pixels are composited on; by default the slide's background, else white.
    pub background: Option<Rgb>,
    /// What becomes of colors; by default, they are converted to sRGB.
    pub color: ColorOption,
    /// What a conversion keeps of colors that sRGB cannot show; by default what the profile says.
    pub intent: Option<Intent>,
    /// Micrometers per pixel of slide level 0, where the slide does not say or is wrong; by default the slide's.
    pub microns_per_pixel: Option<MicronsPerPixel>,
    /// The thumbnail.
    pub associated: Associated,
    /// The harmless ones.
    pub properties: PublishedProperties,
    /// With the page; a `.szi` never has one.
    pub page: Page,
    /// The slide's SHA-256 is written down.
    pub source_identity: SourceIdentity,
    /// The export fails.
    pub on_read_error: ReadErrorPolicy,
}
