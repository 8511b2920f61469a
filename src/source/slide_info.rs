//! What is known of a slide before its pixels are read.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::native_color_space::NativeColorSpace;
use super::pages::Pages;
use super::reader::Reader;
use crate::codec::Subsampling;
use crate::color::IccProfile;
use crate::geometry::{MicronsPerPixel, Point, Rect, Size};
use crate::pixels::Rgb;

/// A level of the slide's own pyramid, as OpenSlide numbers them: 0 is the full size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct SlideLevel(pub u32);

impl SlideLevel {
    /// The full-size level.
    pub const BASE: Self = Self(0);
}

impl fmt::Display for SlideLevel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// One of the slide's own levels.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SlideLevelInfo {
    /// The size in the level's own pixels.
    pub size: Size,
    /// The ratio of slide level 0 to this level: at least 1, and not always an integer.
    pub downsample: f64,
    /// The size of the native tiles, if the reader reports it.
    pub native_tile: Option<Size>,
}

impl SlideLevelInfo {
    /// Native tiles with a longer side, such as strips as wide as the slide, are not read whole.
    const MAX_TILE: u32 = 1024;

    /// Returns the slide-level-0 pixel nearest to the corner of a pixel of this level.
    #[must_use]
    #[expect(clippy::cast_sign_loss, reason = "pixels are counted from 0")]
    pub fn on_slide(&self, Point { x, y }: Point) -> Point {
        let nearest = |at: u32| (f64::from(at) * self.downsample).round() as u32;
        Point { x: nearest(x), y: nearest(y) }
    }

    /// Returns the slide-level-0 pixel from which OpenSlide reads a region of this level.
    ///
    /// OpenSlide takes positions in slide-level-0 pixels only. Where such a position is a fraction
    /// of the level's pixel off, OpenSlide mixes neighboring pixels. At the level's end the
    /// position is rounded down, as everything past the end is transparent.
    #[must_use]
    pub fn read_from(&self, region: Rect) -> Point {
        let nearest = self.on_slide(region.origin());
        let axis = |at: u32, start: u32, is_last: bool| {
            if is_last && f64::from(at) > f64::from(start) * self.downsample + 1e-6 {
                at - 1
            } else {
                at
            }
        };
        Point {
            x: axis(nearest.x, region.columns().start, region.columns().end == self.size.width()),
            y: axis(nearest.y, region.rows().start, region.rows().end == self.size.height()),
        }
    }

    /// Returns the size of the native tiles, if they are small enough to be read whole.
    #[must_use]
    pub fn tile_to_read_whole(&self) -> Option<Size> {
        self.native_tile.filter(|&tile| Self::is_read_whole(tile))
    }

    /// Whether native tiles of this size are small enough to be read whole.
    pub(crate) fn is_read_whole(tile: Size) -> bool {
        tile.width().max(tile.height()) <= Self::MAX_TILE
    }
}

/// An image that comes with the slide: label, macro or thumbnail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AssociatedImage {
    /// The reader's name for it. It comes from the file; check it before using it as a file name.
    pub name: String,
    /// The size in pixels.
    pub size: Size,
}

impl AssociatedImage {
    /// The largest associated image that is read, in pixels: 100 times a usual one.
    pub const LARGEST: u64 = 100_000_000;

    /// The longest name that becomes a file name, in bytes. File systems allow 255; extensions and
    /// the suffixes of staging files are added.
    const LONGEST_NAME: usize = 200;

    /// Whether the name is valid as a file name on every system: at most 200 bytes of letters,
    /// digits, spaces, `-` and `_`.
    #[must_use]
    pub fn has_plain_name(&self) -> bool {
        let plain = |letter: char| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_');
        (1..=Self::LONGEST_NAME).contains(&self.name.len()) && self.name.chars().all(plain)
    }
}

/// What is known of a slide before its pixels are read.
///
/// A [`Source`](super::Source) of your own makes one with [`SlideInfo::builder`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SlideInfo {
    /// The file it was read from.
    #[serde(serialize_with = "as_text")]
    pub path: PathBuf,
    /// The vendor as OpenSlide names it: `aperio`, `hamamatsu`, `generic-tiff`, …
    pub vendor: Option<String>,
    /// How the full-size pixels are read.
    pub reader: Reader,
    /// The slide's own levels, full size first. Never empty.
    pub levels: Vec<SlideLevelInfo>,
    /// Micrometers per pixel at slide level 0, if the slide has a credible value.
    pub microns_per_pixel: Option<MicronsPerPixel>,
    /// The objective's magnification, such as 20 or 40.
    pub objective_power: Option<f64>,
    /// The scanned area in slide-level-0 pixels, if the slide reports one.
    pub bounds: Option<Rect>,
    /// The color of what was not scanned, if the slide reports one.
    pub background: Option<Rgb>,
    /// The chroma subsampling of the slide's own JPEG tiles, if known. It is gray only if all of
    /// the full size is.
    pub native_subsampling: Option<Subsampling>,
    /// The color space in which the full size is stored.
    #[serde(skip)]
    pub native_color_space: NativeColorSpace,
    /// The slide's ICC profile.
    #[serde(rename = "iccProfileBytes", serialize_with = "as_length")]
    pub icc_profile: Option<IccProfile>,
    /// The images that come with it.
    pub associated_images: Vec<AssociatedImage>,
    /// The pages of the file, of which one is read. `None` if there is one or the number is
    /// unknown.
    pub pages: Option<Pages>,
    /// The number of samples per pixel that are not shown, because the file does not declare them
    /// as color or alpha.
    pub unshown_samples: u16,
    /// All properties that the reader reports. They can identify people and places, so an export
    /// publishes only harmless ones by default: see
    /// [`PublishedProperties`](crate::options::PublishedProperties).
    pub properties: BTreeMap<String, String>,
}

impl SlideInfo {
    /// Starts building the description of a slide at `path` with `size` pixels. For a source
    /// without a file, `path` is a name for messages.
    pub fn builder(path: impl Into<PathBuf>, size: Size) -> SlideInfoBuilder {
        SlideInfoBuilder::new(
            path.into(),
            SlideLevelInfo { size, downsample: 1.0, native_tile: None },
        )
    }

    /// Returns the full size: that of slide level 0.
    ///
    /// # Panics
    /// If `levels` was emptied. [`open`](super::open) and [`builder`](Self::builder) never return
    /// such a value.
    #[must_use]
    pub fn size(&self) -> Size {
        self.levels[0].size
    }

    /// Returns the DICOM series, which files of one slide share. `None` if every file is a slide of
    /// its own.
    #[must_use]
    pub fn series(&self) -> Option<&str> {
        self.properties.get("dicom.SeriesInstanceUID").map(String::as_str)
    }
}

/// Builds a [`SlideInfo`]. Level 0 exists from the start; everything else is optional.
#[derive(Clone, Debug)]
#[must_use]
pub struct SlideInfoBuilder(SlideInfo);

impl SlideInfoBuilder {
    fn new(path: PathBuf, base: SlideLevelInfo) -> Self {
        Self(SlideInfo {
            path,
            vendor: None,
            reader: Reader::Custom,
            levels: vec![base],
            microns_per_pixel: None,
            objective_power: None,
            bounds: None,
            background: None,
            native_subsampling: None,
            native_color_space: NativeColorSpace::Rgb,
            icc_profile: None,
            associated_images: Vec::new(),
            pages: None,
            unshown_samples: 0,
            properties: BTreeMap::new(),
        })
    }

    /// Sets the size of the full size's native tiles.
    pub fn native_tile(mut self, tile: Size) -> Self {
        self.0.levels[0].native_tile = Some(tile);
        self
    }

    /// Adds a smaller level, which [`Source::read_level`](super::Source::read_level) must read. Add
    /// larger levels first.
    pub fn level(mut self, level: SlideLevelInfo) -> Self {
        self.0.levels.push(level);
        self
    }

    /// Sets the vendor.
    pub fn vendor(mut self, vendor: impl Into<String>) -> Self {
        self.0.vendor = Some(vendor.into());
        self
    }

    /// Sets how the pixels are read.
    pub fn reader(mut self, reader: Reader) -> Self {
        self.0.reader = reader;
        self
    }

    /// Sets the scale at level 0, in micrometers per pixel.
    pub fn microns_per_pixel(mut self, scale: MicronsPerPixel) -> Self {
        self.0.microns_per_pixel = Some(scale);
        self
    }

    /// Sets the objective's magnification, such as 20 or 40.
    pub fn objective_power(mut self, power: f64) -> Self {
        self.0.objective_power = Some(power);
        self
    }

    /// Sets the scanned area in level-0 pixels.
    pub fn bounds(mut self, bounds: Rect) -> Self {
        self.0.bounds = Some(bounds);
        self
    }

    /// Sets the color of what was not scanned.
    pub fn background(mut self, background: Rgb) -> Self {
        self.0.background = Some(background);
        self
    }

    /// Sets the chroma subsampling of the full size's JPEG tiles, which tiles of an export copy by
    /// default.
    pub fn native_subsampling(mut self, subsampling: Subsampling) -> Self {
        self.0.native_subsampling = Some(subsampling);
        self
    }

    /// Sets the color space in which the full size is stored. Default: RGB.
    pub fn native_color_space(mut self, space: NativeColorSpace) -> Self {
        self.0.native_color_space = space;
        self
    }

    /// Sets the ICC profile.
    pub fn icc_profile(mut self, profile: IccProfile) -> Self {
        self.0.icc_profile = Some(profile);
        self
    }

    /// Adds an associated image, which [`Source::read_associated`](super::Source::read_associated)
    /// must return.
    pub fn associated_image(mut self, image: AssociatedImage) -> Self {
        self.0.associated_images.push(image);
        self
    }

    /// Sets a property.
    pub fn property(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.properties.insert(name.into(), value.into());
        self
    }

    /// Returns the description.
    #[must_use]
    pub fn build(self) -> SlideInfo {
        self.0
    }
}

/// Serializes a path as text. Invalid Unicode is replaced.
pub(crate) fn as_text<S: serde::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

/// Serializes a profile as its number of bytes.
#[expect(clippy::ref_option, reason = "serde passes the field as it is")]
fn as_length<S: serde::Serializer>(
    profile: &Option<IccProfile>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    profile.as_ref().map(|profile| profile.bytes().len()).serialize(serializer)
}
