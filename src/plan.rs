//! The plan of an export: everything that is decided before a pixel is read.
//!
//! [`ExportPlan::new`] combines the user's [`ExportOptions`] with the slide's
//! [`SlideInfo`](crate::source::SlideInfo) into an
//! area, a pyramid, a format, colors, and names. The engine makes no decisions of its own.

use crate::codec::TileFormat;
use crate::color::IccProfile;
use crate::geometry::{Flip, MicronsPerPixel, Rect, Rotation, Size};
use crate::layout::descriptor::{Descriptor, display_rects};
use crate::layout::tile_layout::{ResourceId, TileLayout, TileNames};
use crate::layout::{Container, Layout};
use crate::pixels::{Pixels, PremultipliedPixels, ReductionMethod, Rgb};
use crate::pyramid::{Level, PyramidPlan, TileAddress, TileSet};
use crate::source::{NativeColorSpace, SourceIdentity};

mod color;
mod error;
mod estimate;
mod format;
mod json;
mod layout_rules;
mod lossless;
mod options;
mod placement;
mod resolution;
mod settle;

pub use color::Color;
use color::{ColorFiles, RequestedColor};
pub use error::PlanError;
pub use estimate::BytesPerPixel;
pub use lossless::NotLossless;
pub use options::{
    Associated, BaseTiles, BlankTiles, Bounds, ColorOption, ExportOptions, FormatOption, Page,
    PublishedProperties, ReadErrorPolicy, SubsamplingOption, default_geometry,
};
pub use placement::{Placement, SlideTransform};
pub use resolution::{Magnification, Resolution};

/// The settled plan of one export.
///
/// Serializes to the JSON that a dry run prints. It cannot be deserialized: it holds color
/// conversions computed from the slide's ICC profile. To plan the same export again, call
/// [`ExportPlan::new`] with the same slide, name and options.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportPlan {
    name: String,
    container: Container,
    tile_layout: TileLayout,
    resource_id: Option<ResourceId>,
    bounds: Bounds,
    resolution: Resolution,
    rotation: Rotation,
    flip: Option<Flip>,
    placement: Placement,
    pyramid: PyramidPlan,
    base_tiles: BaseTiles,
    blank_tiles: BlankTiles,
    /// Compressed bytes of the native tiles under the exported area, assuming that all pixels of
    /// the slide take the same; 0 if the slide has no native tiles.
    native_bytes: u64,
    format: TileFormat,
    reduction: ReductionMethod,
    color: Color,
    requested_color: RequestedColor,
    background: Rgb,
    microns_per_pixel: Option<MicronsPerPixel>,
    objective_power: Option<f64>,
    associated: Vec<String>,
    missing_associated: Vec<String>,
    properties: PublishedProperties,
    page: Page,
    source_identity: SourceIdentity,
    on_read_error: ReadErrorPolicy,
}

impl ExportPlan {
    /// The largest number of columns or rows of tiles. The read schedule takes about 40 bytes for
    /// each; with the default tile size this allows 266 million pixels per side.
    pub const MOST_TILES_A_SIDE: u32 = 1 << 20;

    /// The export's name, which its descriptor and its tile directory start with.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The part of the slide that the options select.
    #[must_use]
    pub const fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// The size from which the pyramid starts.
    #[must_use]
    pub const fn resolution(&self) -> Resolution {
        self.resolution
    }

    /// The clockwise rotation of the area.
    #[must_use]
    pub const fn rotation(&self) -> Rotation {
        self.rotation
    }

    /// The flip, applied after the rotation.
    #[must_use]
    pub const fn flip(&self) -> Option<Flip> {
        self.flip
    }

    /// The position of the export's pixels in the slide.
    #[must_use]
    pub const fn placement(&self) -> &Placement {
        &self.placement
    }

    /// The exported part of the slide, in pixels of slide level 0.
    #[must_use]
    pub const fn area(&self) -> Rect {
        self.placement.area()
    }

    /// The levels and their tile grids.
    #[must_use]
    pub const fn pyramid(&self) -> &PyramidPlan {
        &self.pyramid
    }

    /// The address of the tile at `column` and `row` of `level`.
    ///
    /// # Errors
    /// [`PlanError::NoTilesOnLevel`] or [`PlanError::NoSuchTile`] if the pyramid has no such tile.
    pub fn tile(&self, level: u32, column: u32, row: u32) -> Result<TileAddress, PlanError> {
        let pyramid = &self.pyramid;
        let found = pyramid.level(level).ok_or_else(|| PlanError::NoTilesOnLevel {
            level,
            smallest: pyramid.smallest_level(),
            largest: pyramid.max_level(),
        })?;
        let grid = pyramid.grid(found);
        pyramid.tile(found, column, row).ok_or(PlanError::NoSuchTile {
            level: found,
            column,
            row,
            grid,
        })
    }

    /// Whether tiles of the full size are encoded or copied from the slide.
    #[must_use]
    pub const fn base_tiles(&self) -> BaseTiles {
        self.base_tiles
    }

    /// The handling of blank tiles.
    #[must_use]
    pub const fn blank_tiles(&self) -> BlankTiles {
        self.blank_tiles
    }

    /// Whether blank tiles of `level` are skipped. A level's only tile is always written, so that
    /// every viewer has something to show.
    #[must_use]
    pub fn skips_blank(&self, level: Level) -> bool {
        matches!(self.blank_tiles, BlankTiles::Skip(_)) && self.pyramid.level_tile_count(level) > 1
    }

    /// The largest difference from the background, per channel, at which a tile of `level` counts
    /// as blank; `None` if blank tiles are written like others.
    #[must_use]
    pub fn blank_tolerance(&self, level: Level) -> Option<u8> {
        match self.blank_tiles {
            BlankTiles::Share(tolerance) => Some(tolerance),
            BlankTiles::Skip(tolerance) => self.skips_blank(level).then_some(tolerance),
            BlankTiles::Keep => None,
        }
    }

    /// The format of tile files. Lossless tiles are JPEG with the slide's own quality and
    /// subsampling.
    #[must_use]
    pub const fn format(&self) -> TileFormat {
        self.format
    }

    /// The format of associated images. In a `.szi`, it is always JPEG.
    #[must_use]
    pub fn associated_format(&self) -> TileFormat {
        format::of_associated(self.format, self.container)
    }

    /// The method that downsamples a level from the next larger one.
    #[must_use]
    pub const fn reduction(&self) -> ReductionMethod {
        self.reduction
    }

    /// The handling of the slide's colors.
    #[must_use]
    pub const fn color(&self) -> &Color {
        &self.color
    }

    /// The handling of an associated image's colors, given its own profile. Its file always has
    /// three channels.
    #[must_use]
    pub fn associated_color(
        &self,
        pixels: &PremultipliedPixels,
        profile: Option<&IccProfile>,
    ) -> Color {
        let is_gray = profile.is_some_and(IccProfile::is_gray) && pixels.is_gray();
        let native = if is_gray { NativeColorSpace::Gray } else { NativeColorSpace::Rgb };
        Color::settle(
            profile,
            native,
            self.requested_color,
            ColorFiles { base_tiles: BaseTiles::Encoded, gray: false },
        )
    }

    /// Whether embedding the profile was asked for but `color` is converted instead, because RGB
    /// files cannot carry a gray or CMYK profile.
    #[must_use]
    pub fn is_converted_instead(&self, color: &Color) -> bool {
        self.requested_color.option == ColorOption::Embed && color.is_converted()
    }

    /// Converts pixels to the export's colors and composites them on its background.
    #[must_use]
    pub fn rendered(&self, pixels: PremultipliedPixels) -> Pixels {
        self.color.apply(pixels).over(self.background)
    }

    /// The color on which transparent pixels are composited.
    #[must_use]
    pub const fn background(&self) -> Rgb {
        self.background
    }

    /// Micrometers per pixel of the export's full size, along its own rows and columns.
    #[must_use]
    pub const fn microns_per_pixel(&self) -> Option<MicronsPerPixel> {
        self.microns_per_pixel
    }

    /// The magnification of the export's full size: the objective power, divided by the downsample
    /// at which the export starts.
    #[must_use]
    pub const fn objective_power(&self) -> Option<f64> {
        self.objective_power
    }

    /// The names of the associated images to publish.
    #[must_use]
    pub fn associated(&self) -> &[String] {
        &self.associated
    }

    /// The names of requested associated images that the slide lacks or that cannot be published.
    #[must_use]
    pub fn missing_associated(&self) -> &[String] {
        &self.missing_associated
    }

    /// The slide properties to publish.
    #[must_use]
    pub const fn properties(&self) -> PublishedProperties {
        self.properties
    }

    /// Whether the export includes a web page.
    #[must_use]
    pub const fn page(&self) -> Page {
        self.page
    }

    /// Which facts about the slide's file are recorded.
    #[must_use]
    pub const fn source_identity(&self) -> SourceIdentity {
        self.source_identity
    }

    /// The handling of regions that cannot be read.
    #[must_use]
    pub const fn on_read_error(&self) -> ReadErrorPolicy {
        self.on_read_error
    }

    /// The names of the export's files, except tiles.
    #[must_use]
    pub fn layout(&self) -> Layout {
        Layout::new(&self.name, self.container)
    }

    /// The naming convention of the pyramid's files.
    #[must_use]
    pub const fn tile_layout(&self) -> TileLayout {
        self.tile_layout
    }

    /// The URI under which an IIIF export will be served; `None` if not given, in which case the
    /// export contains a placeholder.
    #[must_use]
    pub const fn resource_id(&self) -> Option<&ResourceId> {
        self.resource_id.as_ref()
    }

    /// The names of the tile files and the descriptor.
    #[must_use]
    pub fn names(&self) -> TileNames {
        self.layout().tiles(self.tile_layout, self.tile_layout.extension(self.format.extension()))
    }

    /// The size of the image in a tile's file, in pixels.
    #[must_use]
    pub fn image_size(&self, tile: TileAddress) -> Size {
        self.tile_layout.image_size(tile, &self.pyramid)
    }

    /// The name and the text of the descriptor, for an export that lacks the tiles in `absent`;
    /// `None` if the layout has no descriptor.
    #[must_use]
    pub fn descriptor_file(&self, absent: &TileSet) -> Option<(String, String)> {
        let names = self.names();
        let text = match self.tile_layout {
            TileLayout::DeepZoom => Some(self.descriptor(absent).to_xml()),
            _ => {
                names.descriptor_text(&self.pyramid, &self.resource_id.clone().unwrap_or_default())
            }
        };
        names.descriptor().zip(text)
    }

    /// The Deep Zoom descriptor of an export that lacks the tiles in `absent`.
    #[must_use]
    pub fn descriptor(&self, absent: &TileSet) -> Descriptor {
        let sparse = !absent.is_empty();
        Descriptor {
            size: self.pyramid.size(),
            geometry: self.pyramid.geometry(),
            format: self.format.extension().to_owned(),
            display_rects: if sparse { display_rects(&self.pyramid, absent) } else { Vec::new() },
        }
    }

    /// Estimates the size of all tiles in bytes, assuming that all of the slide is stained tissue.
    #[must_use]
    pub fn estimated_bytes(&self) -> u64 {
        self.estimated_bytes_at(BytesPerPixel::of_tissue(self.format))
    }

    /// Estimates the size of all tiles in bytes. The size of lossless tiles is known.
    #[must_use]
    pub fn estimated_bytes_at(&self, BytesPerPixel { full_size, reduced }: BytesPerPixel) -> u64 {
        let base = self.pyramid.size().area();
        let base_bytes = match self.base_tiles {
            BaseTiles::Encoded => estimate::bytes(base, full_size),
            BaseTiles::Lossless => self.native_bytes,
        };
        base_bytes.saturating_add(estimate::bytes(self.pyramid.pixel_count() - base, reduced))
    }
}
