//! The options of an export.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::resolution::Resolution;
use crate::codec::{JpegCoding, Quality, Subsampling};
use crate::color::Intent;
use crate::geometry::{Flip, MicronsPerPixel, Rect, Rotation};
use crate::layout::Container;
use crate::layout::tile_layout::{ResourceId, TileLayout};
use crate::pixels::{ReductionMethod, Rgb};
use crate::pyramid::{Depth, TileGeometry};
use crate::source::SourceIdentity;

/// The part of the slide to export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Bounds {
    /// The scanned area, or the whole slide if it states none, as in openslide-python's tiler.
    #[default]
    Scan,
    /// The whole slide.
    Full,
    /// A rectangle inside the slide, in pixels of slide level 0.
    Crop(Rect),
}

impl Serialize for Bounds {
    /// Writes `"scan"`, `"full"`, or an object with the crop.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Scan => serializer.serialize_str("scan"),
            Self::Full => serializer.serialize_str("full"),
            Self::Crop(crop) => {
                let (origin, size) = (crop.origin(), crop.size());
                let numbers = [
                    ("x", origin.x),
                    ("y", origin.y),
                    ("width", size.width()),
                    ("height", size.height()),
                ];
                serializer.collect_map([("crop", BTreeMap::from(numbers))])
            }
        }
    }
}

/// The file format of tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
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

/// The chroma subsampling of JPEG tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SubsamplingOption {
    /// The subsampling of the slide's native JPEG tiles, or 4:4:4 if unknown. Gray native tiles
    /// give gray tiles if the export's colors and background are gray too.
    #[default]
    Auto,
    /// A fixed subsampling.
    Fixed(Subsampling),
}

/// The source of full-size tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum BaseTiles {
    /// Decode the slide and encode tiles, as on every other level.
    #[default]
    Encoded,
    /// Copy the slide's native JPEG data without decoding it.
    Lossless,
}

/// The use of the slide's ICC profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ColorOption {
    /// Convert pixels to sRGB, which every browser shows alike. Lossless tiles embed the profile
    /// instead, because their pixels are not decoded.
    #[default]
    Srgb,
    /// Keep pixels and embed the profile in every tile. Gray and CMYK profiles, which RGB tiles
    /// cannot carry, are used to convert to sRGB instead.
    Embed,
    /// Keep pixels and drop the profile.
    Ignore,
}

/// The handling of blank tiles.
///
/// A tile is blank if none of it was scanned (the slide's alpha is 0), or if each channel of each
/// pixel is within the tolerance of the background.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum BlankTiles {
    /// Write them like other tiles.
    #[default]
    Keep,
    /// Skip them, except on levels of a single tile. The description and the descriptor list them.
    /// Lossless tiles are skipped only if they were not scanned.
    Skip(u8),
    /// Write one file for each size and link it under all names, if the destination is a directory.
    Share(u8),
}

/// The handling of regions that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ReadErrorPolicy {
    /// Fail with an error that names the region.
    #[default]
    Stop,
    /// Fill the native tile with the background and record its rectangle.
    Blank,
}

/// Whether the export includes a web page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Page {
    /// Write `index.html`, `slide.js` and `viewer/`.
    #[default]
    Include,
    /// Write only tiles, descriptor and metadata.
    Omit,
}

/// The associated images to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Associated {
    /// Images with these names.
    Named(Vec<String>),
    /// All images, including the label.
    All,
}

impl Default for Associated {
    /// The thumbnail only. A label may show a patient's name, and macro images of some scanners
    /// show the label.
    fn default() -> Self {
        Self::Named(vec!["thumbnail".to_owned()])
    }
}

/// The slide properties to publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum PublishedProperties {
    /// Properties on a list of harmless ones, which describe the image.
    #[default]
    Listed,
    /// All properties of the file, which may include names, dates and serial numbers.
    All,
}

/// The default tile size and overlap of a layout; 256 and 0 in a `.szi`, as SZI 1.2 recommends.
#[must_use]
pub fn default_geometry(container: Container, tile_layout: TileLayout) -> TileGeometry {
    let szi = (container == Container::Szi).then(|| TileGeometry::new(256, 0).ok()).flatten();
    szi.unwrap_or_else(|| tile_layout.default_geometry())
}

option_struct! {
    /// The options of an export.
    ///
    /// The defaults are those of the command line. Each field has a setter of the same name:
    ///
    /// ```
    /// use slidezoom::ExportOptions;
    /// use slidezoom::options::{FormatOption, TileGeometry};
    ///
    /// let geometry = TileGeometry::new(512, 0)?;
    /// let options = ExportOptions::default().format(FormatOption::Png).geometry(geometry);
    /// # Ok::<(), slidezoom::errors::TileGeometryError>(())
    /// ```
    #[derive(Clone, Debug, PartialEq, Default)]
    pub struct ExportOptions {
        /// The container. Default: a directory.
        pub container: Container,
        /// The naming convention of tiles. Default: Deep Zoom.
        pub tile_layout: TileLayout,
        /// The URI under which the parent directory of an IIIF export will be served. Default: a
        /// placeholder.
        pub resource_id: Option<ResourceId>,
        /// Tile size and overlap. Default: 254 and 1 for Deep Zoom, 256 and 0 in a `.szi`, 256 or
        /// 512 and 0 in other layouts, and the native tile size and 0 for lossless tiles.
        pub geometry: Option<TileGeometry>,
        /// The smallest level. Default: 1×1 pixel for Deep Zoom, otherwise the largest level of one
        /// tile.
        pub depth: Option<Depth>,
        /// The source of full-size tiles. Default: encoded.
        pub base_tiles: BaseTiles,
        /// The file format of tiles. Default: JPEG.
        pub format: FormatOption,
        /// The quality of JPEG and lossy WebP. Default: 80.
        pub quality: Quality,
        /// The chroma subsampling of JPEG tiles. Default: that of the native tiles.
        pub subsampling: SubsamplingOption,
        /// The entropy coding of JPEG tiles, except lossless ones. Default: baseline.
        pub jpeg_coding: JpegCoding,
        /// The handling of blank tiles. Default: written like others.
        pub blank_tiles: BlankTiles,
        /// The method of downsampling levels. Default: the mean of 2×2 pixels.
        pub reduction: ReductionMethod,
        /// The part of the slide to export. Default: the scanned area.
        pub bounds: Bounds,
        /// The size from which the export starts. Default: the slide's full size.
        pub resolution: Resolution,
        /// The clockwise rotation of the area. Default: none.
        pub rotation: Rotation,
        /// The flip, applied after the rotation. Default: none.
        pub flip: Option<Flip>,
        /// The color on which transparent pixels are composited. Default: the slide's background,
        /// or white.
        pub background: Option<Rgb>,
        /// The use of the slide's ICC profile. Default: conversion to sRGB.
        pub color: ColorOption,
        /// The rendering intent of color conversion. Default: the profile's.
        pub intent: Option<Intent>,
        /// Micrometers per pixel of slide level 0, overriding the slide's. Default: the slide's.
        pub microns_per_pixel: Option<MicronsPerPixel>,
        /// The associated images to publish. Default: the thumbnail.
        pub associated: Associated,
        /// The slide properties to publish. Default: harmless ones.
        pub properties: PublishedProperties,
        /// Whether to include a web page. Default: yes, except in a `.szi`, which never has one.
        pub page: Page,
        /// Which facts about the slide's file to record. Default: its SHA-256.
        pub source_identity: SourceIdentity,
        /// The handling of regions that cannot be read. Default: fail.
        pub on_read_error: ReadErrorPolicy,
    }
}
