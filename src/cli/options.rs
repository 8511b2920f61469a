//! The options that say what an export is: shared by `export`, `tile` and `info`.

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
    Associated, BaseTiles, BlankTiles, Bounds, ColorOption, FormatOption, Magnification, Page, PublishedProperties,
    ReadErrorPolicy, Resolution, SubsamplingOption, default_geometry,
};
use crate::pyramid::{Depth, TileGeometry};
use crate::source::{SlideLevel, SourceIdentity};
use clap::{Args, ValueEnum};

use super::failure::Failure;
use super::values;

#[derive(Debug, Args)]
pub(super) struct PyramidOptions {
    /// Pixels from one tile to the next; in a .szi 256 where none is given [default: 254]
    #[arg(long, value_name = "N")]
    tile_size: Option<u32>,

    /// Pixels that a tile shares with its neighbor on each interior edge; in a .szi 0 [default: 1]
    #[arg(long, value_name = "N")]
    overlap: Option<u32>,

    /// The tiles' file format. webp: smaller than jpeg, with color at half the width and height (4:2:0) always; webp-lossless and png: every
    /// pixel exactly as it is shown, in 8-bit RGB with transparent ones laid on the background; four times as large
    #[arg(long, value_enum, default_value_t = Format::Jpeg)]
    format: Format,

    /// Quality of jpeg and webp, 1 to 100, on the scale of each
    #[arg(short, long, value_name = "N", default_value_t = 80, value_parser = clap::value_parser!(u8).range(1..=100))]
    quality: u8,

    /// How JPEG tiles store color; auto: as the slide's own JPEG tiles, gray where these are, 444 where that is unknown
    #[arg(long, value_enum, default_value_t = ChromaSubsampling::Auto)]
    subsampling: ChromaSubsampling,

    /// Make Huffman tables for each JPEG tile: the same pixels in some 7 % fewer bytes; encoding takes twice as long
    #[arg(long)]
    optimize: bool,

    /// Make JPEG tiles that can be shown coarsely before all of them has come: the same pixels in some 9 % fewer bytes; encoding takes five times
    /// as long, and decoding three times
    #[arg(long)]
    progressive: bool,

    /// What a smaller level's pixel is of the 2×2 above it. mean: their mean; median: that of the two middle ones, by channel; mode: the most
    /// frequent color; max, min: by channel; nearest: the top left one; lanczos3: a sharper filter over 12×12. mode and nearest
    /// never make a color that is not there, as images of labels need it
    #[arg(long, value_enum, value_name = "METHOD", default_value_t = ReductionName::Mean)]
    reduce: ReductionName,

    /// scan: only the area that the slide says was scanned; full: all of it
    #[arg(long, value_enum, default_value_t = Area::Scan)]
    bounds: Area,

    /// Only this part of the slide: its left and top edge, width and height in pixels of the slide's full size, whatever was scanned of it
    #[arg(long, value_name = "X,Y,W,H", value_parser = values::rect, conflicts_with = "bounds")]
    crop: Option<Rect>,

    /// Start from the slide's own level N and the pixels that are stored there: 0 is its full size
    #[arg(long = "level", value_name = "N", group = "resolution")]
    slide_level: Option<u32>,

    /// Start from the size at which a pixel has so many micrometers: the slide is reduced by halves as far as that goes, and resampled for the
    /// rest, never enlarged
    #[arg(long, value_name = "MPP", group = "resolution", value_parser = values::target)]
    target_mpp: Option<MicronsPerPixel>,

    /// Start from the size at which the slide is magnified so many times, reduced in the same way
    #[arg(long, value_name = "TIMES", group = "resolution", value_parser = values::magnification)]
    magnification: Option<Magnification>,

    /// Turn the export clockwise, by so many degrees: the part of the slide is cut out first, then reduced, then turned, then mirrored
    #[arg(long, value_enum, value_name = "DEGREES")]
    rotate: Option<Turn>,

    /// Mirror the export: horizontal changes left and right, vertical top and bottom
    #[arg(long, value_enum, value_name = "DIRECTION")]
    flip: Option<Direction>,

    /// What is done with the ICC profile of the slide or image. srgb: convert the pixels to sRGB, which every browser shows alike; embed: leave the pixels and
    /// put the profile into every tile, which costs its bytes for each, and viewers that know no profiles show other colors; ignore: leave
    /// the pixels, and the profile out. Lossless tiles are not converted: with srgb they get the profile too, unless it is sRGB. Tiles that cannot have the
    /// profile, of gray or inks (CMYK) where tiles are RGB, are converted with embed too; inks become RGB without it with ignore, each by its share of light
    #[arg(long, value_enum, default_value_t = ColorHandling::Srgb)]
    color: ColorHandling,

    /// What a conversion keeps of colors that sRGB cannot show [default: what the profile says]
    #[arg(long, value_enum)]
    intent: Option<IntentName>,

    /// What transparent pixels are shown on [default: the slide's background, else ffffff]
    #[arg(long, value_name = "RRGGBB", value_parser = values::color)]
    background: Option<Rgb>,

    /// Micrometers per pixel of the full size, or those along x and y: what the scale bar measures by; 25400 / 300 in a picture of 300 dots an
    /// inch [default: the slide's]
    #[arg(long, value_name = "MPP|X,Y", value_parser = values::microns)]
    mpp: Option<MicronsPerPixel>,
}

#[derive(Debug, Args)]
pub(super) struct PublishingOptions {
    /// Associated images to publish: names separated by commas, all, or none. A label can carry a patient's
    /// name, and some scanners' macro shows the label: they are published only when asked for
    #[arg(long, value_name = "LIST", default_value = "thumbnail")]
    associated: String,

    /// Publish every property that the reader reports. Without it, only those on a list of harmless ones are published, which tell of the
    /// picture: the others can hold names of patients and users, dates, the scanner's serial number, and the slide's former file
    /// name. `slidezoom info --json` shows them all
    #[arg(long)]
    all_properties: bool,

    /// Where a part of the slide cannot be read, stop: fail and name it; blank: show it as background, write its place into the description,
    /// and warn
    #[arg(long, value_enum, default_value_t = OnReadError::Stop)]
    on_read_error: OnReadError,

    /// Leave the page out: index.html, slide.js and viewer/
    #[arg(long)]
    no_viewer: bool,

    /// How the tiles' files are named, as libvips and the viewers of each know them. dz: Deep Zoom; zoomify: in groups of 256, with
    /// ImageProperties.xml; google: level/row/column, every tile of full size, with blank.png for those that are not there; iiif2, iiif3: IIIF's
    /// Image API 2.1 or 3.0 as static files, with info.json. All but dz have tiles of 256 (iiif: 512) pixels without overlap, called .jpg, down
    /// to the level of one tile. The page opens each; a .szi is dz
    #[arg(long, value_enum, default_value_t = LayoutName::Dz)]
    layout: LayoutName,

    /// Of the layouts iiif2 and iiif3: the address of the folder that the export's own folder will be served in, which info.json names; where
    /// none is given, it has a placeholder, and a note says so
    #[arg(long, value_name = "URL", value_parser = values::resource_id)]
    id: Option<ResourceId>,

    /// Down to where the pyramid goes. pixel: to the level of one pixel, as Deep Zoom viewers expect; tile: to the largest level that is one
    /// tile; one: the full size alone. Deep Zoom's levels keep their numbers; other viewers than the page ask for the missing ones all the same
    /// [default: pixel; in other layouts than dz tile]
    #[arg(long, value_enum)]
    depth: Option<DepthName>,

    /// What becomes of tiles on which there is nothing but the background: what was not scanned, and with =N also what differs from it by no more than N
    /// of 255 in any channel. keep: they are files as all others; skip: they are left out, but for levels that are one tile; the page
    /// draws them, the .dzi tells other viewers where tiles are, and the description which are not; not in a .szi, which has every tile. share: in a
    /// folder they are one file a size with many names (hard links), which most copying programs and buckets make many files of again
    #[arg(long, value_name = "keep|skip[=N]|share[=N]", default_value = "keep", value_parser = values::blank)]
    blank: BlankTiles,

    /// Write a quick fingerprint of the slide's file into the description, and not the SHA-256 of all of it
    #[arg(long)]
    no_source_hash: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum OnReadError {
    Stop,
    Blank,
}

#[derive(Debug, Args)]
pub(super) struct Jobs {
    /// Worker threads, 1 to 512 [default: the processors that this program may use]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    jobs: Option<u16>,
}

impl Jobs {
    /// The number of worker threads.
    pub fn count(&self) -> NonZeroUsize {
        self.jobs.and_then(|jobs| NonZeroUsize::new(usize::from(jobs))).unwrap_or_else(available_jobs)
    }
}

/// As many worker threads as processors may be used.
pub(super) fn available_jobs() -> NonZeroUsize {
    // Where the system does not say, one is safe.
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LayoutName {
    Dz,
    Zoomify,
    Google,
    /// As libvips calls it, iiif.
    #[value(alias = "iiif")]
    Iiif2,
    Iiif3,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum DepthName {
    Pixel,
    Tile,
    One,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Jpeg,
    Png,
    Webp,
    WebpLossless,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ChromaSubsampling {
    Auto,
    #[value(name = "444")]
    Full,
    #[value(name = "422")]
    HalfWidth,
    #[value(name = "420")]
    Quarter,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ColorHandling {
    Srgb,
    Embed,
    Ignore,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum IntentName {
    Perceptual,
    Relative,
    Saturation,
    Absolute,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Turn {
    #[value(name = "90")]
    Quarter,
    #[value(name = "180")]
    Half,
    #[value(name = "270")]
    ThreeQuarters,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Direction {
    Horizontal,
    Vertical,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Area {
    Scan,
    Full,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ReductionName {
    Mean,
    Median,
    Mode,
    Max,
    Min,
    Nearest,
    Lanczos3,
}

impl PyramidOptions {
    /// What was typed, as the library takes it; without associated images and page.
    pub fn resolve(
        &self,
        container: Container,
        tile_layout: TileLayout,
        base_tiles: BaseTiles,
    ) -> Result<ExportOptions, Failure> {
        let geometry = self.geometry(default_geometry(container, tile_layout), base_tiles)?;
        let quality = Quality::new(self.quality).ok_or_else(|| {
            Failure::usage(format!("quality {} is not between 1 and 100", self.quality), "see --quality in --help")
        })?;
        Ok(ExportOptions {
            container,
            tile_layout,
            geometry,
            base_tiles,
            format: match self.format {
                Format::Jpeg => FormatOption::Jpeg,
                Format::Png => FormatOption::Png,
                Format::Webp => FormatOption::WebP,
                Format::WebpLossless => FormatOption::WebPLossless,
            },
            quality,
            subsampling: match self.subsampling {
                ChromaSubsampling::Auto => SubsamplingOption::Auto,
                ChromaSubsampling::Full => SubsamplingOption::Fixed(Subsampling::Full),
                ChromaSubsampling::HalfWidth => SubsamplingOption::Fixed(Subsampling::HalfWidth),
                ChromaSubsampling::Quarter => SubsamplingOption::Fixed(Subsampling::Quarter),
            },
            reduction: match self.reduce {
                ReductionName::Mean => ReductionMethod::Mean,
                ReductionName::Median => ReductionMethod::Median,
                ReductionName::Mode => ReductionMethod::Mode,
                ReductionName::Max => ReductionMethod::Max,
                ReductionName::Min => ReductionMethod::Min,
                ReductionName::Nearest => ReductionMethod::Nearest,
                ReductionName::Lanczos3 => ReductionMethod::Lanczos3,
            },
            jpeg_coding: self.jpeg_coding()?,
            bounds: match (self.crop, self.bounds) {
                (Some(crop), _) => Bounds::Crop(crop),
                (None, Area::Scan) => Bounds::Scan,
                (None, Area::Full) => Bounds::Full,
            },
            resolution: match (self.slide_level, self.target_mpp, self.magnification) {
                (Some(level), ..) => Resolution::Level(SlideLevel(level)),
                (_, Some(target), _) => Resolution::MicronsPerPixel(target),
                (.., Some(target)) => Resolution::Magnification(target),
                (None, None, None) => Resolution::Full,
            },
            rotation: self.rotate.map_or(Rotation::None, |turn| match turn {
                Turn::Quarter => Rotation::Quarter,
                Turn::Half => Rotation::Half,
                Turn::ThreeQuarters => Rotation::ThreeQuarters,
            }),
            flip: self.flip.map(|direction| match direction {
                Direction::Horizontal => Flip::Horizontal,
                Direction::Vertical => Flip::Vertical,
            }),
            color: match self.color {
                ColorHandling::Srgb => ColorOption::Srgb,
                ColorHandling::Embed => ColorOption::Embed,
                ColorHandling::Ignore => ColorOption::Ignore,
            },
            intent: self.intent(),
            background: self.background,
            microns_per_pixel: self.mpp,
            ..ExportOptions::default()
        })
    }
}

impl PyramidOptions {
    fn intent(&self) -> Option<Intent> {
        self.intent.map(|intent| match intent {
            IntentName::Perceptual => Intent::Perceptual,
            IntentName::Relative => Intent::Relative,
            IntentName::Saturation => Intent::Saturation,
            IntentName::Absolute => Intent::Absolute,
        })
    }

    /// How JPEG tiles are written down. A progressive file has Huffman tables of its own in any case.
    fn jpeg_coding(&self) -> Result<JpegCoding, Failure> {
        let (coding, option) = match (self.progressive, self.optimize) {
            (true, _) => (JpegCoding::Progressive, "--progressive"),
            (false, true) => (JpegCoding::Optimized, "--optimize"),
            (false, false) => return Ok(JpegCoding::Baseline),
        };
        match self.format {
            Format::Jpeg => Ok(coding),
            Format::Png | Format::Webp | Format::WebpLossless => {
                let message = format!("{option} is for JPEG tiles, and another format was asked for");
                Err(Failure::usage(message, format!("leave {option} out, or --format")))
            }
        }
    }

    /// The tile size and overlap that were typed; `None` where the default is to be taken, or the slide's own.
    fn geometry(&self, default: TileGeometry, base_tiles: BaseTiles) -> Result<Option<TileGeometry>, Failure> {
        let (tile_size, overlap) = match (base_tiles, self.tile_size, self.overlap) {
            (_, None, None) | (BaseTiles::Lossless, None, Some(0)) => return Ok(None),
            (BaseTiles::Lossless, tile_size, overlap) => (tile_size, overlap.unwrap_or(0)),
            (BaseTiles::Encoded, tile_size, overlap) => (tile_size, overlap.unwrap_or(default.overlap())),
        };
        let tile_size = tile_size.unwrap_or(default.tile_size());
        TileGeometry::new(tile_size, overlap)
            .map(Some)
            .map_err(|error| Failure::usage(error.to_string(), "see --tile-size and --overlap in --help"))
    }
}

impl PublishingOptions {
    /// Whether pages are wanted.
    pub fn page(&self) -> Page {
        if self.no_viewer { Page::Omit } else { Page::Include }
    }

    /// How the tiles' files are named.
    pub fn tile_layout(&self) -> Result<TileLayout, Failure> {
        let layout = match self.layout {
            LayoutName::Dz => TileLayout::DeepZoom,
            LayoutName::Zoomify => TileLayout::Zoomify,
            LayoutName::Google => TileLayout::Google,
            LayoutName::Iiif2 => TileLayout::Iiif2,
            LayoutName::Iiif3 => TileLayout::Iiif3,
        };
        if self.id.is_some() && !layout.is_iiif() {
            let message = format!("--id is of IIIF's layouts, and the layout is {}", layout.word());
            return Err(Failure::usage(message, "leave --id out, or ask for --layout iiif2 or iiif3"));
        }
        Ok(layout)
    }

    /// Adds what was typed to `options`.
    pub fn resolve(&self, mut options: ExportOptions) -> ExportOptions {
        options.associated = match self.associated.trim() {
            "all" => Associated::All,
            "none" => Associated::Named(Vec::new()),
            list => Associated::Named(list.split(',').map(|name| name.trim().to_owned()).collect()),
        };
        options.properties = if self.all_properties { PublishedProperties::All } else { PublishedProperties::Listed };
        options.source_identity =
            if self.no_source_hash { SourceIdentity::Fingerprint } else { SourceIdentity::Sha256 };
        options.on_read_error = match self.on_read_error {
            OnReadError::Stop => ReadErrorPolicy::Stop,
            OnReadError::Blank => ReadErrorPolicy::Blank,
        };
        options.page = self.page();
        options.blank_tiles = self.blank;
        options.resource_id.clone_from(&self.id);
        options.depth = self.depth.map(|depth| match depth {
            DepthName::Pixel => Depth::Pixel,
            DepthName::Tile => Depth::Tile,
            DepthName::One => Depth::One,
        });
        options
    }
}
