//! Picks the reader for a file. This is the only place that knows the kinds of files.

use crate::platform::FileExt;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::error::SlideError;
use super::native_color_space::NativeColorSpace;
use super::native_tiles::{DirectReadUnsupported, NativeTiles};
use super::openslide::{self, OpenSlideSource};
use super::pages::{PageChoice, Pages};
use super::pixel_source::Source;
use super::reader::{OpenOptions, Reader, ReaderChoice};
use super::slide_info::SlideInfo;
use super::tiff::{self, SlideTiles, SlideTilesError, TiffFile};
use super::tiled::TiledSource;
use super::{image, tiff_scale};
use crate::codec::decode::ImageError;
use crate::codec::{ImageFormat, Subsampling};

/// OpenSlide's vendor of a tiled TIFF file that is not a known scanner's.
const GENERIC_TIFF: &str = "generic-tiff";

/// The vendors whose full size is one plain grid of tiles in the first directory.
const PLAIN_VENDORS: [&str; 3] = ["aperio", GENERIC_TIFF, "philips"];

/// Opens a slide or an ordinary image with the reader that fits it.
///
/// # Errors
/// [`SlideError`] if the file cannot be opened, its format is unknown, it is damaged, or it has no
/// pixels.
pub fn open(path: &Path) -> Result<Box<dyn Source>, SlideError> {
    open_with(path, OpenOptions::default())
}

/// Opens a slide or an ordinary image. [`SlideInfo::reader`] reports which reader was chosen and
/// why.
///
/// A file that OpenSlide recognizes is a slide, and OpenSlide describes it. If it is a TIFF file
/// with plain grids of JPEG tiles, these are read directly. Any other file is an image if its first
/// bytes say so, whatever its name; but not if it has a scanner's extension, since a truncated
/// slide can start like an image.
///
/// # Errors
/// As [`open`].
pub fn open_with(
    path: &Path,
    options: impl Into<OpenOptions>,
) -> Result<Box<dyn Source>, SlideError> {
    let options = options.into();
    openslide::check_file(path)?;
    let (file, format) = detect_format(path)?;
    let tiff = match format {
        Some(ImageFormat::Tiff) => Some(TiffFile::open(file)).transpose(),
        _ => Ok(None),
    };
    let vendor = openslide::detect_vendor(path);
    match format.filter(|_| options.reader != ReaderChoice::OpenSlide) {
        Some(format) if is_image(path, vendor.as_deref(), format, &options, tiff.as_ref())? => {
            let tiff = tiff.map_err(|error| error.of(path))?;
            image::open_file(path, format, tiff, &options)
        }
        _ if options.page.is_some() => {
            Err(SlideError::NotImage { path: path.to_owned(), what: "pages" })
        }
        _ if options.range.is_some() => {
            Err(SlideError::NotImage { path: path.to_owned(), what: "samples of more than 8 bits" })
        }
        _ => open_slide(path, options.reader, tiff),
    }
}

/// Opens an image from a pipe. `name` is its name in messages. The image can be read once, row by
/// row.
///
/// # Errors
/// As [`open`], and if its format can be read only from a file.
pub fn open_pipe(
    name: &Path,
    mut pipe: Box<dyn Read + Send>,
    options: &OpenOptions,
) -> Result<Box<dyn Source>, SlideError> {
    let mut first = Vec::new();
    pipe.by_ref()
        .take(ImageFormat::SIGNATURE_BYTES as u64)
        .read_to_end(&mut first)
        .map_err(cannot_open(name))?;
    if first.is_empty() {
        return Err(SlideError::EmptyInput { path: name.to_owned() });
    }
    image::open_pipe(name, first, pipe, options)
}

/// Returns the vendor of a file that OpenSlide recognizes by its contents; `None` for any other
/// file. Cheap: no pixels are read.
#[must_use]
pub fn detect_vendor(path: &Path) -> Option<String> {
    openslide::detect_vendor(path)
}

/// Extensions of slides. A file with one of them that no reader recognizes is damaged, which must
/// be reported and not skipped.
const SLIDE_EXTENSIONS: [&str; 13] = [
    "svs", "ndpi", "mrxs", "scn", "bif", "vms", "vmu", "svslide", "czi", "dcm", "dicom", "tif",
    "tiff",
];

/// Whether a file has a slide's extension, which ordinary TIFF files have too.
#[must_use]
pub fn has_slide_extension(path: &Path) -> bool {
    has_extension(path, &SLIDE_EXTENSIONS)
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    let extension = path.extension().map(OsStr::to_ascii_lowercase);
    extension.is_some_and(|extension| extensions.iter().any(|known| extension == *known))
}

fn cannot_open(path: &Path) -> impl Fn(std::io::Error) -> SlideError {
    move |error| SlideError::Open { path: path.to_owned(), error: Arc::new(error) }
}

/// Opens a file and detects its format by its first bytes.
fn detect_format(path: &Path) -> Result<(File, Option<ImageFormat>), SlideError> {
    let file = File::open(path).map_err(cannot_open(path))?;
    let length = file.metadata().map_err(cannot_open(path))?.len();
    let mut first = vec![0; length.min(ImageFormat::SIGNATURE_BYTES as u64) as usize];
    file.read_exact_at(&mut first, 0).map_err(cannot_open(path))?;
    Ok((file, ImageFormat::detect(&first, Some(path))))
}

/// Whether a file with an image's first bytes is an image and not a slide.
///
/// # Errors
/// [`SlideError::SlideExtension`] if it is neither.
fn is_image(
    path: &Path,
    vendor: Option<&str>,
    format: ImageFormat,
    options: &OpenOptions,
    tiff: Result<&Option<TiffFile>, &ImageError>,
) -> Result<bool, SlideError> {
    match vendor {
        None if has_slide_extension(path) && !has_extension(path, &["tif", "tiff"]) => {
            Err(SlideError::SlideExtension { path: path.to_owned(), format })
        }
        None => Ok(true),
        // OpenSlide reads the first page only.
        Some(GENERIC_TIFF) => {
            let is_misread = || match tiff {
                Ok(Some(tiff)) => tiff::is_shown_by_libtiff(tiff).is_ok_and(|is_shown| !is_shown),
                _ => false,
            };
            Ok(options.page.is_some() || options.range.is_some() || is_misread())
        }
        Some(_) => Ok(false),
    }
}

fn open_slide(
    path: &Path,
    choice: ReaderChoice,
    tiff: Result<Option<TiffFile>, ImageError>,
) -> Result<Box<dyn Source>, SlideError> {
    let mut info = openslide::read_slide_info(path)?;
    if info.vendor.as_deref() == Some(GENERIC_TIFF) {
        describe_generic_tiff(&mut info, tiff.as_ref().ok().and_then(Option::as_ref));
    }
    match open_tiles(&mut info, choice, tiff) {
        Ok((tiles, native)) => {
            info.reader = Reader::Direct(native);
            Ok(Box::new(TiledSource::slide(info, Box::new(tiles), native.color)))
        }
        Err(SlideTilesError::Unsupported(reason)) => {
            info.reader = Reader::OpenSlide(reason);
            Ok(Box::new(OpenSlideSource::open(info)?))
        }
        Err(SlideTilesError::System(error)) => Err(cannot_open(path)(error)),
    }
}

/// Corrects and completes what OpenSlide reports of a TIFF file that is not a scanner's: OpenSlide
/// takes any resolution for a scale, ignores descriptions, and reports neither pages nor samples
/// that it does not show.
fn describe_generic_tiff(info: &mut SlideInfo, tiff: Option<&TiffFile>) {
    let description = info.properties.get("tiff.ImageDescription").map(String::as_str);
    info.microns_per_pixel =
        tiff_scale::microns_per_pixel(&info.properties, description, info.size());
    let Some(tiff) = tiff else { return };
    info.pages = tiff::page_count(tiff).ok().and_then(|pages| Pages::new(pages, PageChoice::First));
    info.unshown_samples = tiff::unshown_samples(tiff).unwrap_or(0);
}

/// Opens the tiles of a slide's levels, if they can be read directly, and records their
/// subsampling.
fn open_tiles(
    info: &mut SlideInfo,
    choice: ReaderChoice,
    tiff: Result<Option<TiffFile>, ImageError>,
) -> Result<(SlideTiles, NativeTiles), SlideTilesError> {
    let not_tiff =
        || DirectReadUnsupported::Structure { message: "it is not a TIFF file".to_owned() };
    let tiles = tiff
        .map_err(SlideTilesError::from)
        .and_then(|tiff| SlideTiles::open(tiff.ok_or_else(not_tiff)?, info.size()))
        .and_then(|tiles| Ok((tiles.subsampling()?, tiles)));
    let is_plain = info.vendor.as_deref().is_some_and(|vendor| PLAIN_VENDORS.contains(&vendor));
    // OpenSlide has read the same tags then. If it reports another tile size, the slide is more
    // than its first directory.
    let is_full_size = |tiles: &SlideTiles| {
        is_plain && info.levels[0].tile_to_read_whole() == Some(tiles.native_tiles().size)
    };
    let tiles = match tiles {
        Ok((subsampling, tiles)) => {
            let is_full_size = is_full_size(&tiles);
            info.native_subsampling =
                subsampling.filter(|&found| found != Subsampling::Gray || is_full_size);
            if info.native_subsampling == Some(Subsampling::Gray) {
                info.native_color_space = NativeColorSpace::Gray;
            }
            Ok((tiles, is_full_size))
        }
        Err(SlideTilesError::System(error)) => return Err(SlideTilesError::System(error)),
        Err(unsupported) => Err(unsupported),
    };
    if choice == ReaderChoice::OpenSlide {
        return Err(DirectReadUnsupported::AskedFor.into());
    }
    if !is_plain {
        return Err(DirectReadUnsupported::Vendor { vendor: info.vendor.clone() }.into());
    }
    let (mut tiles, is_full_size) = tiles?;
    let native = tiles.native_tiles();
    if !is_full_size {
        let (width, height) = (native.size.width(), native.size.height());
        return Err(DirectReadUnsupported::TileSize { width, height }.into());
    }
    tiles.add_levels(&info.levels[1..])?;
    Ok((tiles, native))
}
