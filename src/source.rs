//! What a slide is, and the one way to its pixels.
//!
//! [`open`] picks the reader for a file; the rest of the crate sees only the [`Source`] trait and the
//! [`SlideInfo`] that was read when it was opened. What always holds: a [`Source`] that returns pixels has
//! looked at its reader's error state after reading them; anything it cannot vouch for is an error that
//! names the region.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use crate::codec::{ImageFormat, Subsampling};
use crate::color::{CmykConversion, IccProfile};
use crate::geometry::{MicronsPerPixel, Point, Rect, Size};
use crate::pixels::{Pixels, PremultipliedPixels, ReductionMethod, Rgb};

mod error;
mod identity;
mod image;
mod native_color_space;
mod openslide;
mod pages;
mod pass;
mod reader;
mod tiff;
mod tiff_scale;
mod tiled;

pub use error::{ImagePart, SlideError};
pub use identity::{SourceFile, SourceIdentity};
pub use image::SampleRange;
pub use native_color_space::NativeColorSpace;
pub use openslide::library_version as openslide_version;
pub use pages::{PageChoice, Pages};
pub use pass::{Band, SourcePass, SourceRows};
pub use reader::{Access, ImageReader, OpenOptions, Reader, ReaderChoice};
pub use tiled::{DirectReadUnsupported, NativeTiles};

pub(crate) use identity::identify;
use openslide::OpenSlideSource;
use tiled::{TableError, TiffSource, TileGrid};

/// A level of the slide's own pyramid, as OpenSlide counts: 0 is the full size.
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
    /// Its size in its own pixels.
    pub size: Size,
    /// How much smaller than slide level 0 it is; at least 1, and not always a whole number.
    pub downsample: f64,
    /// The size of the tiles it is stored in, where the reader tells.
    pub native_tile: Option<Size>,
}

impl SlideLevelInfo {
    /// Native tiles with a longer side (strips as wide as the slide, whole images) are not read whole.
    const TILE_AT_MOST: u32 = 1024;

    /// The slide-level-0 pixel that is nearest to where a pixel of this level begins.
    #[must_use]
    #[expect(clippy::cast_sign_loss, reason = "pixels are counted from 0 on")]
    pub fn on_slide(&self, Point { x, y }: Point) -> Point {
        let nearest = |at: u32| (f64::from(at) * self.downsample).round() as u32;
        Point { x: nearest(x), y: nearest(y) }
    }

    /// From which slide-level-0 pixel on OpenSlide reads a part of this level. It measures in these alone, and where that is a fraction of the level's
    /// pixel off, by half a pixel of slide level 0, it mixes neighbors. At the level's end it must not be after its
    /// place: what lies past the end is transparent.
    #[must_use]
    pub fn read_from(&self, region: Rect) -> Point {
        let nearest = self.on_slide(region.origin());
        let axis = |at: u32, start: u32, is_last: bool| {
            if is_last && f64::from(at) > f64::from(start) * self.downsample + 1e-6 { at - 1 } else { at }
        };
        Point {
            x: axis(nearest.x, region.columns().start, region.columns().end == self.size.width()),
            y: axis(nearest.y, region.rows().start, region.rows().end == self.size.height()),
        }
    }

    /// The size of the native tiles, where they are small enough to be read whole.
    #[must_use]
    pub fn tile_to_read_whole(&self) -> Option<Size> {
        self.native_tile.filter(|&tile| Self::is_read_whole(tile))
    }

    /// Whether native tiles of this size are small enough for that.
    pub(crate) fn is_read_whole(tile: Size) -> bool {
        tile.width().max(tile.height()) <= Self::TILE_AT_MOST
    }
}

/// A picture that comes with the slide: label, macro, thumbnail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AssociatedImage {
    /// The reader's name for it, as the file gives it: not fit for a file name without a check.
    pub name: String,
    /// Its size in pixels.
    pub size: Size,
}

impl AssociatedImage {
    /// The largest that is read, in pixels: pictures of the glass are a hundredth of that.
    pub const LARGEST: u64 = 100_000_000;

    /// No longer name becomes a file's, in bytes: endings and the names of partial files come on top, and file systems take 255.
    const LONGEST_NAME: usize = 200;

    /// Whether the name, which comes from the file, can be a file's name wherever: letters, digits, spaces, `-` and `_`, and not too many.
    #[must_use]
    pub fn has_plain_name(&self) -> bool {
        let plain = |letter: char| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_');
        (1..=Self::LONGEST_NAME).contains(&self.name.len()) && self.name.chars().all(plain)
    }
}

/// All that is known of a slide before its pixels are read.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SlideInfo {
    /// The file it was read from.
    #[serde(serialize_with = "as_text")]
    pub path: PathBuf,
    /// The vendor as OpenSlide names it: `aperio`, `hamamatsu`, `generic-tiff`, …
    pub vendor: Option<String>,
    /// Which way the full-size pixels come.
    pub reader: Reader,
    /// The slide's own levels, full size first; never empty.
    pub levels: Vec<SlideLevelInfo>,
    /// Micrometers per pixel at slide level 0; `None` where the slide gives none, or none to believe.
    pub microns_per_pixel: Option<MicronsPerPixel>,
    /// The objective's magnification.
    pub objective_power: Option<f64>,
    /// The scanned area in slide-level-0 pixels, where the slide names one.
    pub bounds: Option<Rect>,
    /// The color of what was not scanned, where the slide names one.
    pub background: Option<Rgb>,
    /// How the slide's own JPEG tiles store chroma, where that can be told; gray only where all of the full size is stored so.
    pub native_subsampling: Option<Subsampling>,
    /// The color space of the stored pixels.
    #[serde(skip)]
    pub native_color_space: NativeColorSpace,
    /// The slide's ICC profile, where it has one.
    #[serde(rename = "iccProfileBytes", serialize_with = "as_length")]
    pub icc_profile: Option<IccProfile>,
    /// The pictures that come with it.
    pub associated_images: Vec<AssociatedImage>,
    /// The pictures of the file, of which one is read; `None` where there is one, or it is not known.
    pub pages: Option<Pages>,
    /// Samples of each pixel that are not shown, as the file does not say that they are colors or alpha; 0 where none is known.
    pub unshown_samples: u16,
    /// Every property the reader reports. They can name people and places: see
    /// [`published_properties`](crate::engine::metadata::published_properties) for those that leave the house.
    pub properties: BTreeMap<String, String>,
}

impl SlideInfo {
    /// The slide's full size: that of slide level 0.
    ///
    /// # Panics
    /// Never for a `SlideInfo` made by [`open`], whose `levels` are not empty.
    #[must_use]
    pub fn size(&self) -> Size {
        self.levels[0].size
    }

    /// What tells two files of one slide from two slides: the DICOM series. `None` where every file is a slide of its own.
    #[must_use]
    pub fn series(&self) -> Option<&str> {
        self.properties.get("dicom.SeriesInstanceUID").map(String::as_str)
    }
}

/// A path as text: what is no Unicode in it is replaced.
pub(crate) fn as_text<S: serde::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

/// A profile as the number of its bytes.
#[expect(clippy::ref_option, reason = "serde passes the field as it is")]
fn as_length<S: serde::Serializer>(profile: &Option<IccProfile>, serializer: S) -> Result<S::Ok, S::Error> {
    profile.as_ref().map(|profile| profile.bytes().len()).serialize(serializer)
}

/// Something that yields a slide's pixels. One value serves all threads at once.
pub trait Source: Send + Sync {
    /// What the slide is.
    fn info(&self) -> &SlideInfo;

    /// Reads `region`, in slide-level-0 pixels and inside the slide's size. `spare` is memory that may be used again for it, whatever is in it.
    ///
    /// # Errors
    /// [`SlideError::Region`], or of an ordinary image [`SlideError::Image`], where not every pixel of the region could be read; never a cleared buffer.
    fn read(&self, region: Rect, spare: Vec<u8>) -> Result<PremultipliedPixels, SlideError>;

    /// Whether it is known without reading that nothing of `region`, in slide-level-0 pixels, was scanned, so that all of it would come
    /// transparent. Cheap; `false` where a reader cannot tell.
    fn is_unscanned(&self, _region: Rect) -> bool {
        false
    }

    /// Reads `size` pixels of `level`, from the level's pixel nearest to `origin`, which is in slide-level-0 pixels.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    fn read_level(&self, level: SlideLevel, origin: Point, size: Size) -> Result<PremultipliedPixels, SlideError>;

    /// Reads `region`, in pixels of `level` and inside its size: those that are stored there, where the level's downsample is a whole number or the
    /// reader reads it directly; otherwise mixed with their neighbors, as if they lay up to half a pixel of slide level 0 (at the level's end, one) beside their place.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    fn read_from_level(
        &self,
        level: SlideLevel,
        region: Rect,
        spare: Vec<u8>,
    ) -> Result<PremultipliedPixels, SlideError> {
        match self.info().levels.get(level.0 as usize) {
            Some(of_level) if level != SlideLevel::BASE => {
                self.read_level(level, of_level.read_from(region), region.size())
            }
            _ => self.read(region, spare),
        }
    }

    /// Reads an associated image.
    ///
    /// # Errors
    /// [`SlideError::Associated`] where the slide has none of this name or it can't be read.
    fn read_associated(&self, name: &str) -> Result<PremultipliedPixels, SlideError>;

    /// The ICC profile of an associated image, which need not be the slide's; `None` where it has none. One that cannot be read is empty.
    ///
    /// # Errors
    /// [`SlideError::Associated`] where the slide has no image of this name.
    fn associated_profile(&self, _name: &str) -> Result<Option<IccProfile>, SlideError> {
        Ok(None)
    }

    /// Returns this source with its CMYK pixels converted to sRGB by a profile. `None` unless
    /// [`SlideInfo::native_color_space`] is [`NativeColorSpace::Cmyk`].
    ///
    /// The engine calls this once, before it reads pixels, if the plan converts CMYK. Both sources share the open
    /// file; without a conversion, a CMYK source multiplies each of cyan, magenta and yellow by black.
    fn with_cmyk(&self, _conversion: &CmykConversion) -> Option<Box<dyn Source>> {
        None
    }

    /// The way through the full size row after row, where parts of it cannot be had in any other order without holding all of it in memory.
    fn rows(&self) -> Option<&dyn SourceRows> {
        None
    }

    /// The largest sample that was read so far, where samples of 16 bits are shown by all of the values that they can have and none has passed an eighth of
    /// these, so that the picture is almost black. `None` where that is not so, or not known.
    fn largest_dark_sample(&self) -> Option<u16> {
        None
    }

    /// The way to the full size's tiles as they are stored. `None` where this reader has none.
    fn native_tiles(&self) -> Option<&dyn NativeTileReader> {
        None
    }
}

/// Yields the slide's own JPEG data. One value serves all threads at once.
pub trait NativeTileReader: Send + Sync {
    /// The tiles' size in pixels of slide level 0.
    fn tile_size(&self) -> Size;

    /// Makes a JPEG file of a native tile in `jpeg`: with the tables that it needs and a marker that tells its colors, its quantized coefficients untouched.
    /// `region`, in slide-level-0 pixels, is the tile or a part of it from its top left corner on; what lies beyond is cut off without
    /// decoding. Returns the region's pixels at half size: by [`ReductionMethod::Mean`] as libjpeg-turbo decodes them, or where the region cuts
    /// through the JPEG's blocks, as the mean of 2×2; by any other method, which must have no margin, decoded whole and reduced. `None` for a tile that was never scanned. `spare` as in [`Source::read`].
    ///
    /// # Errors
    /// [`SlideError::Region`] where the tile is damaged in any way that decoding at half size shows.
    fn read_native(
        &self,
        region: Rect,
        method: ReductionMethod,
        jpeg: &mut Vec<u8>,
        spare: Vec<u8>,
    ) -> Result<Option<Pixels>, SlideError>;
}

/// Opens a slide or an ordinary image with the reader that fits it.
///
/// # Errors
/// [`SlideError`] where the file can't be opened, is of no known kind, is damaged, or holds no pixels.
pub fn open(path: &Path) -> Result<Box<dyn Source>, SlideError> {
    open_with(path, OpenOptions::default())
}

/// Opens a slide or an ordinary image. This is the one place that chooses a reader; [`SlideInfo::reader`] tells the choice and why.
///
/// What OpenSlide knows is a slide, and OpenSlide says what it is. Where it is a TIFF that is no more than a grid of JPEG tiles, these are read directly. Anything else is an
/// image if it begins like one, whatever its name; but not with the ending of a scanner's files: half a slide can begin like a whole image.
///
/// # Errors
/// As [`open`].
pub fn open_with(path: &Path, options: impl Into<OpenOptions>) -> Result<Box<dyn Source>, SlideError> {
    let options = options.into();
    let format = openslide::check_file(path).and_then(|()| image_format(path))?;
    let vendor = openslide::detect_vendor(path);
    match format.filter(|_| options.reader != ReaderChoice::OpenSlide) {
        Some(format) if is_image(path, vendor.as_deref(), format, &options)? => {
            image::open_file(path, format, &options)
        }
        _ if options.page.is_some() => Err(SlideError::NotImage { path: path.to_owned(), what: "pages" }),
        _ if options.range.is_some() => {
            Err(SlideError::NotImage { path: path.to_owned(), what: "samples of more than 8 bits" })
        }
        _ => open_slide(path, options.reader),
    }
}

/// Opens an image that comes from a pipe, whose name in messages is `name`. It can be read once, row by row.
///
/// # Errors
/// As [`open`]; and where an image of its format can only be read from a file.
pub fn open_pipe(
    name: &Path,
    mut pipe: Box<dyn Read + Send>,
    options: &OpenOptions,
) -> Result<Box<dyn Source>, SlideError> {
    let mut first = Vec::new();
    let failed = |source| SlideError::Open { path: name.to_owned(), source: Arc::new(source) };
    pipe.by_ref().take(ImageFormat::SIGNATURE_BYTES as u64).read_to_end(&mut first).map_err(failed)?;
    if first.is_empty() {
        return Err(SlideError::NothingCame { path: name.to_owned() });
    }
    image::open_pipe(name, first, pipe, options)
}

/// The format that a file begins like.
fn image_format(path: &Path) -> Result<Option<ImageFormat>, SlideError> {
    let failed = |source| SlideError::Open { path: path.to_owned(), source: Arc::new(source) };
    let mut first = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(ImageFormat::SIGNATURE_BYTES as u64).read_to_end(&mut first).map_err(failed)?;
    Ok(ImageFormat::detect(&first))
}

/// What OpenSlide calls a tiled TIFF file of no maker that it knows.
const PLAIN_TIFF: &str = "generic-tiff";

/// Whether a file that begins like an image of that format is one and no slide.
///
/// # Errors
/// [`SlideError::CalledAsSlide`] where it is none of both.
fn is_image(path: &Path, vendor: Option<&str>, format: ImageFormat, options: &OpenOptions) -> Result<bool, SlideError> {
    match vendor {
        None if has_slide_ending(path) && !has_tiff_ending(path) => {
            Err(SlideError::CalledAsSlide { path: path.to_owned(), format })
        }
        None => Ok(true),
        // OpenSlide shows the first page only.
        Some(PLAIN_TIFF) => {
            Ok(options.page.is_some() || options.range.is_some() || image::is_misread_by_openslide(path))
        }
        Some(_) => Ok(false),
    }
}

/// Endings of files that are meant to be slides. One that no reader knows is damaged, and must be told of and not passed over.
const SLIDE_ENDINGS: [&str; 13] =
    ["svs", "ndpi", "mrxs", "scn", "bif", "vms", "vmu", "svslide", "czi", "dcm", "dicom", "tif", "tiff"];

/// Whether a file is called as slides are. Ordinary TIFF files are called so too.
#[must_use]
pub fn has_slide_ending(path: &Path) -> bool {
    has_ending(path, &SLIDE_ENDINGS)
}

fn has_tiff_ending(path: &Path) -> bool {
    has_ending(path, &["tif", "tiff"])
}

fn has_ending(path: &Path, endings: &[&str]) -> bool {
    let ending = path.extension().map(OsStr::to_ascii_lowercase);
    ending.is_some_and(|ending| endings.iter().any(|known| ending == *known))
}

fn open_slide(path: &Path, choice: ReaderChoice) -> Result<Box<dyn Source>, SlideError> {
    let mut info = openslide::read_slide_info(path)?;
    if info.vendor.as_deref() == Some(PLAIN_TIFF) {
        let image::PageSummary { pages, unshown_samples } = image::page_summary(path);
        (info.pages, info.unshown_samples) = (pages, unshown_samples);
    }
    let failed = |source: std::io::Error| SlideError::Open { path: path.to_owned(), source: Arc::new(source) };
    let found = TileGrid::open(path, info.size()).and_then(|tiles| Ok((tiles.subsampling()?, tiles)));
    let stored = match found {
        Ok((subsampling, tiles)) => {
            info.native_subsampling =
                subsampling.filter(|&found| found != Subsampling::Gray || are_full_size(&tiles, &info));
            if info.native_subsampling == Some(Subsampling::Gray) {
                info.native_color_space = NativeColorSpace::Gray;
            }
            Ok(tiles)
        }
        Err(TableError::DirectReadUnsupported(reason)) => Err(reason),
        Err(TableError::System(error)) => return Err(failed(error)),
    };
    match choose(choice, &info, stored) {
        Ok(tiles) => {
            info.reader = Reader::Direct(tiles.stored());
            Ok(Box::new(TiffSource::new(info, tiles)))
        }
        Err(reason) => {
            info.reader = Reader::OpenSlide(reason);
            Ok(Box::new(OpenSlideSource::open(info)?))
        }
    }
}

fn choose(
    choice: ReaderChoice,
    info: &SlideInfo,
    stored: Result<TileGrid, DirectReadUnsupported>,
) -> Result<TileGrid, DirectReadUnsupported> {
    if choice == ReaderChoice::OpenSlide {
        return Err(DirectReadUnsupported::AskedFor);
    }
    if !tiled::is_plain(info.vendor.as_deref()) {
        return Err(DirectReadUnsupported::Vendor { vendor: info.vendor.clone() });
    }
    let tiles = stored?;
    let size = tiles.stored().size;
    if are_full_size(&tiles, info) {
        Ok(tiles)
    } else {
        Err(DirectReadUnsupported::TileSize { width: size.width(), height: size.height() })
    }
}

/// Whether the tiles are all of the slide's full size. OpenSlide has read the same numbers then; where it has not, it knows something that the
/// file's first directory does not tell.
fn are_full_size(tiles: &TileGrid, info: &SlideInfo) -> bool {
    tiled::is_plain(info.vendor.as_deref()) && info.levels[0].tile_to_read_whole() == Some(tiles.stored().size)
}

/// The vendor of a file that some reader knows, told from its contents and not from its name; `None` for any other file.
/// Cheap: pixels are not read.
#[must_use]
pub fn detect_vendor(path: &Path) -> Option<String> {
    openslide::detect_vendor(path)
}
