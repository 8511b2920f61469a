//! Groups of options that several subcommands share, and what they mean to the library.

use std::num::NonZeroUsize;

use crate::ExportOptions;
use crate::codec::{JpegCoding, Quality, Subsampling};
use crate::color::Intent;
use crate::geometry::MicronsPerPixel;
use crate::geometry::{Flip, Rect, Rotation};
use crate::layout::Container;
use crate::layout::tile_layout::{ResourceId, TileLayout};
use crate::pixels::{ReductionMethod, Rgb};
use crate::plan::{
    Associated, BaseTiles, BlankTiles, Bounds, ColorOption, FormatOption, Magnification, Page,
    PublishedProperties, ReadErrorPolicy, Resolution, SubsamplingOption, default_geometry,
};
use crate::pyramid::{Depth, TileGeometry};
use crate::source::{SlideLevel, SourceIdentity};
use clap::Args;

use super::failure::Failure;
use super::values::{self, one_of};

/// How tiles are cut and encoded, and which pixels they show.
#[derive(Debug, Args)]
pub(super) struct PyramidOptions {
    #[command(flatten)]
    tiles: TileOptions,

    #[command(flatten)]
    geometry: GeometryOptions,

    #[command(flatten)]
    color: ColorOptions,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Tiles")]
struct TileOptions {
    /// Tile size in pixels, without overlap [default: 254]
    ///
    /// The default is 256 in a .szi, 256 or 512 in other layouts than dz, and the native tile size
    /// with --lossless.
    #[arg(long, value_name = "N")]
    tile_size: Option<u32>,

    /// Pixels shared with the neighbor on each interior edge [default: 1]
    ///
    /// The default is 0 in a .szi, in other layouts than dz, and with --lossless.
    #[arg(long, value_name = "N")]
    overlap: Option<u32>,

    /// File format of the tiles
    #[arg(long, default_value = "jpeg", value_name = "FORMAT", value_parser = one_of([
        ("jpeg", "Smallest files that every viewer shows", FormatOption::Jpeg),
        ("png", "Lossless; about four times as large as jpeg", FormatOption::Png),
        ("webp", "Smaller than jpeg, always with 4:2:0 chroma subsampling", FormatOption::WebP),
        ("webp-lossless", "Lossless; about a tenth smaller than png", FormatOption::WebPLossless),
    ]))]
    format: FormatOption,

    /// JPEG or WebP quality, from 1 to 100
    #[arg(
        short, long, value_name = "N", default_value_t = 80, value_parser = clap::value_parser!(u8).range(1..=100)
    )]
    quality: u8,

    /// Chroma subsampling of JPEG tiles
    #[arg(
        long, value_name = "MODE", default_value = "auto", hide_short_help = true, value_parser = one_of([
            ("auto", "As in the slide's native JPEG tiles, else 444", SubsamplingOption::Auto),
            ("444", "Full resolution", SubsamplingOption::Fixed(Subsampling::Full)),
            ("422", "Half the width", SubsamplingOption::Fixed(Subsampling::HalfWidth)),
            ("420", "Half the width and height", SubsamplingOption::Fixed(Subsampling::Quarter)),
        ])
    )]
    subsampling: SubsamplingOption,

    /// Optimize the Huffman tables of JPEG tiles
    ///
    /// Tiles get about 7 % smaller, and encoding takes twice as long. The pixels are the same.
    #[arg(long, hide_short_help = true)]
    optimize: bool,

    /// Write progressive JPEG tiles
    ///
    /// Tiles get about 9 % smaller. Encoding takes five times as long, decoding three times. The
    /// pixels are the same.
    #[arg(long, hide_short_help = true)]
    progressive: bool,

    /// Method for downsampling each level
    #[arg(long, value_name = "METHOD", default_value = "mean", hide_short_help = true, value_parser = one_of([
        ("mean", "Mean of each 2×2 pixels", ReductionMethod::Mean),
        ("median", "Median of each 2×2 pixels, by channel", ReductionMethod::Median),
        ("mode", "Most frequent color; for label images", ReductionMethod::Mode),
        ("max", "Maximum, by channel", ReductionMethod::Max),
        ("min", "Minimum, by channel", ReductionMethod::Min),
        ("nearest", "Top left pixel; for label images", ReductionMethod::Nearest),
        ("lanczos3", "Lanczos filter over 12×12 pixels; sharper", ReductionMethod::Lanczos3),
    ]))]
    reduce: ReductionMethod,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Geometry")]
struct GeometryOptions {
    /// Area of the slide to export
    #[arg(long, value_name = "AREA", default_value = "scan", value_parser = one_of([
        ("scan", "The scanned area, if the slide reports one, else all", Bounds::Scan),
        ("full", "The entire slide", Bounds::Full),
    ]))]
    bounds: Bounds,

    /// Export only this rectangle, in pixels of the full-size slide
    #[arg(long, value_name = "X,Y,W,H", value_parser = values::rect, conflicts_with = "bounds")]
    crop: Option<Rect>,

    /// Start from slide level N, where 0 is full size
    #[arg(long, value_name = "N", group = "resolution")]
    slide_level: Option<u32>,

    /// Downsample the slide to this resolution, in micrometers per pixel
    ///
    /// The slide is halved as often as possible and resampled for the remainder. It is never
    /// enlarged.
    #[arg(long, value_name = "MPP", group = "resolution", value_parser = values::target)]
    target_mpp: Option<MicronsPerPixel>,

    /// Downsample the slide to this magnification, such as 10
    #[arg(long, value_name = "TIMES", group = "resolution", value_parser = values::magnification)]
    magnification: Option<Magnification>,

    /// Rotate the export clockwise, by degrees
    ///
    /// The slide is cropped first, then downsampled, rotated, and flipped.
    #[arg(long, value_name = "DEGREES", value_parser = one_of([
        ("90", "", Rotation::Quarter),
        ("180", "", Rotation::Half),
        ("270", "", Rotation::ThreeQuarters),
    ]))]
    rotate: Option<Rotation>,

    /// Mirror the export, after rotation
    #[arg(long, value_name = "DIRECTION", value_parser = one_of([
        ("horizontal", "Swap left and right", Flip::Horizontal),
        ("vertical", "Swap top and bottom", Flip::Vertical),
    ]))]
    flip: Option<Flip>,

    /// Micrometers per pixel at full size, or X,Y [default: the slide's]
    ///
    /// The scale bar uses this value. An image of 300 pixels per inch has 25400 / 300.
    #[arg(long, value_name = "MPP", value_parser = values::microns)]
    mpp: Option<MicronsPerPixel>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Color")]
struct ColorOptions {
    /// Handling of the ICC profile
    ///
    /// Lossless tiles are never converted: srgb embeds the profile instead, unless it is sRGB.
    /// Tiles whose profile does not fit RGB pixels (gray, CMYK) are converted by embed as well.
    /// CMYK pixels become RGB without their profile by ignore.
    #[arg(long, value_name = "MODE", default_value = "srgb", value_parser = one_of([
        ("srgb", "Convert pixels to sRGB, which every browser shows alike", ColorOption::Srgb),
        ("embed", "Keep pixels and embed the profile in every tile", ColorOption::Embed),
        ("ignore", "Keep pixels and drop the profile", ColorOption::Ignore),
    ]))]
    color: ColorOption,

    /// Rendering intent of the conversion [default: the profile's]
    #[arg(long, hide_short_help = true, value_parser = one_of([
        ("perceptual", "", Intent::Perceptual),
        ("relative", "", Intent::Relative),
        ("saturation", "", Intent::Saturation),
        ("absolute", "", Intent::Absolute),
    ]))]
    intent: Option<Intent>,

    /// Color behind transparent pixels [default: the slide's, else ffffff]
    #[arg(long, value_name = "RRGGBB", hide_short_help = true, value_parser = values::color)]
    background: Option<Rgb>,
}

/// What an export contains besides the pixels of its tiles.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct PublishingOptions {
    /// Associated images to publish: all, none, or a comma-separated list
    ///
    /// A label, and the macro image of some scanners, can show a patient's name. They are published
    /// only on request.
    #[arg(long, value_name = "LIST", default_value = "thumbnail")]
    associated: String,

    /// Publish every property of the slide, not only harmless ones
    ///
    /// Other properties can hold the names of patients and users, dates, the scanner's serial
    /// number, and the slide's original file name. `slidezoom info --json` prints all of them.
    #[arg(long, hide_short_help = true)]
    all_properties: bool,

    /// Omit the viewer page: index.html, slide.js, and viewer/
    #[arg(long)]
    no_viewer: bool,

    /// Naming scheme of the tile files
    ///
    /// Layouts other than dz have tiles of 256 pixels (iiif2 and iiif3: 512) without overlap, with
    /// the extension .jpg, down to the level of one tile. The viewer page opens every layout. A
    /// .szi is always dz.
    #[arg(long, value_name = "NAME", default_value = "dz", value_parser = one_of([
        ("dz", "Deep Zoom", TileLayout::DeepZoom),
        ("zoomify", "Zoomify: groups of 256 tiles and ImageProperties.xml", TileLayout::Zoomify),
        ("google", "level/row/column with full-size tiles; blank.png stands in for missing ones", TileLayout::Google),
        ("iiif2|iiif", "Static files of the IIIF Image API 2.1, with info.json", TileLayout::Iiif2),
        ("iiif3", "Static files of the IIIF Image API 3.0, with info.json", TileLayout::Iiif3),
    ]))]
    layout: TileLayout,

    /// URL of the directory that will serve an IIIF export, for info.json
    ///
    /// Without it, info.json gets a placeholder.
    #[arg(long, value_name = "URL", hide_short_help = true, value_parser = values::resource_id)]
    id: Option<ResourceId>,

    /// Smallest level to write [default: pixel; tile in other layouts than dz]
    ///
    /// Levels keep their Deep Zoom numbers. Viewers other than the built-in page still request the
    /// missing levels.
    #[arg(long, value_name = "LEVEL", hide_short_help = true, value_parser = one_of([
        ("pixel|onepixel", "The level of one pixel, as Deep Zoom viewers expect", Depth::Pixel),
        ("tile|onetile", "The largest level that fits in one tile", Depth::Tile),
        ("one", "Full size only", Depth::One),
    ]))]
    depth: Option<Depth>,

    /// Handling of blank tiles: keep, skip, or share
    ///
    /// A tile is blank if none of it was scanned. With =N, a tile is also blank if every channel of
    /// every pixel is within N (0 to 255) of the background.
    ///
    /// skip writes no file for a blank tile, except in levels of one tile. The viewer page draws
    /// the background; the .dzi and the JSON list which tiles exist. Not available in a .szi.
    ///
    /// share writes one file for each size of blank tile and hard-links the others to it. Most copy
    /// tools and object stores expand hard links again.
    #[arg(long, value_name = "MODE[=N]", default_value = "keep", value_parser = values::blank)]
    blank: BlankTiles,

    /// Record a quick fingerprint of the input instead of its SHA-256
    #[arg(long, hide_short_help = true)]
    no_source_hash: bool,

    /// What to do if part of the slide cannot be read
    #[arg(long, value_name = "ACTION", default_value = "stop", hide_short_help = true, value_parser = one_of([
        ("stop", "Fail and report the place", ReadErrorPolicy::Stop),
        ("blank", "Fill the place with background, list it in the JSON, and warn", ReadErrorPolicy::Blank),
    ]))]
    on_read_error: ReadErrorPolicy,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Run")]
pub(super) struct Jobs {
    /// Number of worker threads, from 1 to 512 [default: available processors]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    jobs: Option<u16>,
}

impl Jobs {
    /// The number of worker threads.
    pub fn count(&self) -> NonZeroUsize {
        self.jobs
            .and_then(|jobs| NonZeroUsize::new(usize::from(jobs)))
            .unwrap_or_else(available_jobs)
    }
}

/// The number of processors that this process may use, or 1 if the system does not tell.
pub(super) fn available_jobs() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

impl PyramidOptions {
    /// Returns the library's options, without those of [`PublishingOptions`].
    pub fn resolve(
        &self,
        container: Container,
        tile_layout: TileLayout,
        base_tiles: BaseTiles,
    ) -> Result<ExportOptions, Failure> {
        let Self { tiles, geometry, color } = self;
        let quality = Quality::new(tiles.quality).ok_or_else(|| {
            Failure::usage(
                format!("quality {} is not between 1 and 100", tiles.quality),
                "see --quality in --help",
            )
        })?;
        Ok(ExportOptions {
            container,
            tile_layout,
            geometry: tiles.geometry(default_geometry(container, tile_layout), base_tiles)?,
            base_tiles,
            format: tiles.format,
            quality,
            subsampling: tiles.subsampling,
            reduction: tiles.reduce,
            jpeg_coding: tiles.jpeg_coding()?,
            bounds: geometry.crop.map_or(geometry.bounds, Bounds::Crop),
            resolution: match (geometry.slide_level, geometry.target_mpp, geometry.magnification) {
                (Some(level), ..) => Resolution::SlideLevel(SlideLevel(level)),
                (_, Some(target), _) => Resolution::MicronsPerPixel(target),
                (.., Some(target)) => Resolution::Magnification(target),
                (None, None, None) => Resolution::Full,
            },
            rotation: geometry.rotate.unwrap_or(Rotation::None),
            flip: geometry.flip,
            color: color.color,
            intent: color.intent,
            background: color.background,
            microns_per_pixel: geometry.mpp,
            ..ExportOptions::default()
        })
    }
}

impl TileOptions {
    /// Returns the coding of JPEG tiles. Progressive files always have optimized Huffman tables.
    fn jpeg_coding(&self) -> Result<JpegCoding, Failure> {
        let (coding, option) = match (self.progressive, self.optimize) {
            (true, _) => (JpegCoding::Progressive, "--progressive"),
            (false, true) => (JpegCoding::Optimized, "--optimize"),
            (false, false) => return Ok(JpegCoding::Baseline),
        };
        if self.format == FormatOption::Jpeg {
            return Ok(coding);
        }
        Err(Failure::usage(
            format!("{option} requires JPEG tiles"),
            format!("omit {option} or --format"),
        ))
    }

    /// Returns the requested tile size and overlap; `None` for the default or the native tile size.
    fn geometry(
        &self,
        default: TileGeometry,
        base_tiles: BaseTiles,
    ) -> Result<Option<TileGeometry>, Failure> {
        let (tile_size, overlap) = match (base_tiles, self.tile_size, self.overlap) {
            (_, None, None) | (BaseTiles::Lossless, None, Some(0)) => return Ok(None),
            (BaseTiles::Lossless, tile_size, overlap) => (tile_size, overlap.unwrap_or(0)),
            (BaseTiles::Encoded, tile_size, overlap) => {
                (tile_size, overlap.unwrap_or(default.overlap()))
            }
        };
        TileGeometry::new(tile_size.unwrap_or(default.tile_size()), overlap).map(Some).map_err(
            |error| Failure::usage(error.to_string(), "see --tile-size and --overlap in --help"),
        )
    }
}

impl PublishingOptions {
    /// Whether exports get a viewer page.
    pub fn page(&self) -> Page {
        if self.no_viewer { Page::Omit } else { Page::Include }
    }

    /// The naming scheme of the tile files.
    pub fn tile_layout(&self) -> Result<TileLayout, Failure> {
        if self.id.is_some() && !self.layout.is_iiif() {
            let message =
                format!("--id requires an IIIF layout, and the layout is {}", self.layout.word());
            return Err(Failure::usage(message, "omit --id, or use --layout iiif2 or iiif3"));
        }
        Ok(self.layout)
    }

    /// Returns `options` with these options added.
    pub fn resolve(&self, mut options: ExportOptions) -> ExportOptions {
        options.associated = match self.associated.trim() {
            "all" => Associated::All,
            "none" => Associated::Named(Vec::new()),
            list => Associated::Named(list.split(',').map(|name| name.trim().to_owned()).collect()),
        };
        options.properties = if self.all_properties {
            PublishedProperties::All
        } else {
            PublishedProperties::Listed
        };
        options.source_identity =
            if self.no_source_hash { SourceIdentity::Fingerprint } else { SourceIdentity::Sha256 };
        options.on_read_error = self.on_read_error;
        options.page = self.page();
        options.blank_tiles = self.blank;
        options.resource_id.clone_from(&self.id);
        options.depth = self.depth;
        options
    }
}
