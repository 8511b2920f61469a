//! TIFF files: the parser, ordinary images in strips or tiles, and the native tiles of slides.
//!
//! A file is opened and its chain of directories read once. Images of an unsupported kind are
//! rejected before a sample is decoded. Memory is bounded by a row of strips or by a tile.

use std::collections::BTreeMap;

use crate::codec::decode::{Decoder, ImageError, ImageHeader, Request, exif};
use crate::color::IccProfile;
use crate::geometry::{MicronsPerPixel, Orientation, Size};
use crate::source::tiff_scale;

mod directory;
mod image;
mod image_tiles;
mod samples;
mod slide_tiles;
mod strips;

#[cfg(test)]
mod tests;

pub(crate) use directory::TiffFile;
pub(crate) use slide_tiles::{SlideTiles, SlideTilesError};

use directory::{Directory, tag};
use image::{Shape, TiffImage};
use image_tiles::ImageTiles;
use strips::StripDecoder;

/// Opens a page of a TIFF file. Pages are the directories of its chain that are neither reduced
/// versions of another nor masks.
///
/// # Errors
/// [`ImageError`] if the file is damaged, of an unsupported kind, or has no such page.
pub(crate) fn open(tiff: TiffFile, request: Request) -> Result<(ImageHeader, Decoder), ImageError> {
    let mut pages = read_pages(&tiff)?;
    let count = pages.len();
    if request.page >= count {
        return Err(ImageError::NoSuchPage { pages: count });
    }
    let first = pages[0].at;
    let Page { at, following } = pages.swap_remove(request.page);
    let directory = tiff.directory(at)?;
    let image = TiffImage::read(&directory, request.memory)?;
    let mut header = read_header(&tiff, &directory, &image)?;
    header.pages = u32::try_from(count).unwrap_or(u32::MAX);
    header.microns_per_pixel = read_scale(&tiff, first, &header)?;
    let Shape::Tiles(_) = image.shape else {
        return Ok((header, Decoder::Rows(Box::new(StripDecoder::new(tiff, image)))));
    };
    let children = ignore_damage(directory.numbers(tag::SUB_IFDS, MAX_LEVELS))?.unwrap_or_default();
    let following = following.into_iter().take(MAX_LEVELS as usize);
    let candidates: Vec<u64> = children.into_iter().chain(following).collect();
    let smaller = read_levels(&tiff, &candidates, &image, request.memory)?;
    Ok((header, Decoder::Tiles(Box::new(ImageTiles::new(tiff, image, smaller)))))
}

/// Whether libtiff's conversion to RGBA, through which OpenSlide reads generic TIFF files, shows
/// the first image correctly. It does so for upright images with 8-bit unsigned gray or RGB samples
/// and nothing else. Of others, OpenSlide 4.0.1 ignores the orientation or mirrors each tile by
/// itself, keeps the upper 8 of 16 bits, uses unspecified samples as alpha, and ignores signs.
///
/// # Errors
/// [`ImageError`] if the first directory cannot be read.
pub(crate) fn is_shown_by_libtiff(tiff: &TiffFile) -> Result<bool, ImageError> {
    let directory = tiff.first_directory()?;
    let is_upright = read_orientation(&directory)? == Orientation::UPRIGHT;
    let bits = directory.numbers(tag::BITS_PER_SAMPLE, 4)?.unwrap_or_default();
    let format = directory.numbers(tag::SAMPLE_FORMAT, 4)?.unwrap_or_default();
    let samples = directory.number(tag::SAMPLES_PER_PIXEL)?.unwrap_or(1);
    let colors = match directory.number(tag::PHOTOMETRIC_INTERPRETATION)? {
        Some(0 | 1) => 1,
        Some(2 | 6) => 3,
        _ => return Ok(false),
    };
    let is_8_bit = !bits.is_empty()
        && bits.iter().all(|&bits| bits == 8)
        && format.iter().all(|&format| format == 1);
    Ok(is_upright && is_8_bit && samples == colors)
}

/// Whether some builds of libtiff cannot decode the first image. All have the codecs listed here.
///
/// # Errors
/// [`ImageError`] if the first directory cannot be read.
pub(crate) fn needs_optional_codec(tiff: &TiffFile) -> Result<bool, ImageError> {
    let compression = tiff.first_directory()?.number(tag::COMPRESSION)?.unwrap_or(1);
    Ok(!matches!(compression, 1 | 5 | 7 | 8 | 32_773 | 32_946))
}

/// Returns the number of pages.
///
/// # Errors
/// [`ImageError`] if the directories cannot be read.
pub(crate) fn page_count(tiff: &TiffFile) -> Result<u32, ImageError> {
    Ok(u32::try_from(read_pages(tiff)?.len()).unwrap_or(u32::MAX))
}

/// Returns the number of samples per pixel of the first image that are neither color nor alpha.
///
/// # Errors
/// [`ImageError`] if its samples are not supported.
pub(crate) fn unshown_samples(tiff: &TiffFile) -> Result<u16, ImageError> {
    let directory = tiff.first_directory()?;
    Ok(samples::read_samples(&directory, directory.number(tag::COMPRESSION)?.unwrap_or(1))?.ignored)
}

/// A page.
struct Page {
    /// The offset of its directory.
    at: u64,
    /// The offsets of the auxiliary directories that follow it in the chain.
    following: Vec<u64>,
}

/// Reads the pages of a file. If the chain has only reduced images, as camera raw files have, the
/// pages are in sub-directories of these.
fn read_pages(tiff: &TiffFile) -> Result<Vec<Page>, ImageError> {
    let page = |at| Page { at, following: Vec::new() };
    let chain = tiff.chain()?;
    let mut pages: Vec<Page> = Vec::new();
    for link in chain {
        match pages.last_mut() {
            _ if !link.is_auxiliary => pages.push(page(link.at)),
            Some(page) => page.following.push(link.at),
            None => {}
        }
    }
    if pages.is_empty() {
        for link in chain {
            let children = tiff.directory(link.at)?.numbers(tag::SUB_IFDS, MAX_LEVELS);
            for at in ignore_damage(children)?.unwrap_or_default() {
                if !tiff.directory(at)?.is_auxiliary()? {
                    pages.push(page(at));
                }
            }
        }
    }
    if pages.is_empty() {
        pages = chain.iter().map(|link| page(link.at)).collect();
    }
    Ok(pages)
}

/// An image can be halved 31 times.
const MAX_LEVELS: u64 = 64;

/// Reads the candidates that are reductions of an image, largest first. Others, and damaged ones,
/// are skipped: every level can be made from the image.
fn read_levels(
    tiff: &TiffFile,
    candidates: &[u64],
    image: &TiffImage,
    memory: u64,
) -> Result<Vec<TiffImage>, ImageError> {
    let mut levels: Vec<TiffImage> = Vec::new();
    for &at in candidates {
        match tiff.directory(at).and_then(|directory| TiffImage::read(&directory, memory)) {
            Ok(level)
                if matches!(level.shape, Shape::Tiles(_))
                    && level.samples == image.samples
                    && level.planes == image.planes
                    && is_reduction(level.size, image.size)
                    && levels.iter().all(|other| other.size != level.size) =>
            {
                levels.push(level);
            }
            Err(ImageError::System(error)) => return Err(ImageError::System(error)),
            Ok(_) | Err(_) => {}
        }
    }
    levels.sort_by_key(|level| std::cmp::Reverse((level.size.area(), level.size.width())));
    Ok(levels)
}

/// Whether a size is `full` halved one or more times, rounded up or down.
fn is_reduction(size: Size, full: Size) -> bool {
    let is_smaller = size != full && size.width() <= full.width() && size.height() <= full.height();
    is_smaller
        && (1..32).any(|reduction_levels| {
            let fits = |side: u32, full: u32| {
                let least = (full >> reduction_levels).max(1);
                (least..=least + 1).contains(&side)
            };
            fits(size.width(), full.width()) && fits(size.height(), full.height())
        })
}

fn read_header(
    tiff: &TiffFile,
    directory: &Directory<'_>,
    image: &TiffImage,
) -> Result<ImageHeader, ImageError> {
    /// Printer profiles have some megabytes.
    const MAX_PROFILE_BYTES: u64 = 64 << 20;
    let profile =
        directory.raw(tag::ICC_PROFILE, MAX_PROFILE_BYTES)?.filter(|profile| !profile.is_empty());
    Ok(ImageHeader {
        coding: image.describe_coding(),
        orientation: read_orientation(directory)?,
        icc_profile: profile.map(IccProfile::new),
        subsampling: image.subsampling(&tiff.file)?,
        unshown_samples: image.unshown_samples,
        properties: read_properties(directory)?,
        held_bytes: held_bytes(image),
        ..ImageHeader::new(image.size, image.samples.clone())
    })
}

/// Reads the scale of a page. OME-XML and ImageJ describe all pages in the first one, whose
/// directory is at `first`.
fn read_scale(
    tiff: &TiffFile,
    first: u64,
    header: &ImageHeader,
) -> Result<Option<MicronsPerPixel>, ImageError> {
    let of_page = header.properties.get("tiff.ImageDescription").cloned();
    let description = match of_page {
        Some(text) => Some(text),
        None => ignore_damage(
            tiff.directory(first).and_then(|first| first.text(tag::IMAGE_DESCRIPTION)),
        )?,
    };
    Ok(tiff_scale::microns_per_pixel(&header.properties, description.as_deref(), header.size))
}

fn read_orientation(directory: &Directory<'_>) -> Result<Orientation, ImageError> {
    let number = directory.number(tag::ORIENTATION)?.unwrap_or(1);
    Ok(exif::of_number(u32::try_from(number).unwrap_or(0)))
}

/// The bytes that decoding holds in addition to rows: of tiles, one per thread, decoded and
/// compressed; of strips, a whole one unless it is decoded row by row.
fn held_bytes(image: &TiffImage) -> u64 {
    let chunk = image.chunk_size();
    let decoded =
        (image.samples.row_bytes(chunk.width()) as u64).saturating_mul(u64::from(chunk.height()));
    match (image.row_parameters(), image.shape) {
        (Some(_), Shape::Strips { .. }) => 0,
        (Some(_), Shape::Tiles(_)) => decoded.saturating_add(image.longest()),
        // The compressed bytes are copied to add shared tables.
        (None, _) => decoded.saturating_add(2 * image.longest()),
    }
}

/// Replaces damage by `None`, for values that no pixel depends on.
fn ignore_damage<T>(value: Result<Option<T>, ImageError>) -> Result<Option<T>, ImageError> {
    match value {
        Err(ImageError::System(error)) => Err(ImageError::System(error)),
        other => Ok(other.unwrap_or(None)),
    }
}

/// Reads the descriptive tags, named as OpenSlide names them.
fn read_properties(directory: &Directory<'_>) -> Result<BTreeMap<String, String>, ImageError> {
    const TEXTS: [(u16, &str); 9] = [
        (tag::ARTIST, "tiff.Artist"),
        (tag::COPYRIGHT, "tiff.Copyright"),
        (tag::DATE_TIME, "tiff.DateTime"),
        (tag::DOCUMENT_NAME, "tiff.DocumentName"),
        (tag::HOST_COMPUTER, "tiff.HostComputer"),
        (tag::IMAGE_DESCRIPTION, "tiff.ImageDescription"),
        (tag::MAKE, "tiff.Make"),
        (tag::MODEL, "tiff.Model"),
        (tag::SOFTWARE, "tiff.Software"),
    ];
    const NUMBERS: [(u16, &str); 4] = [
        (tag::X_POSITION, "tiff.XPosition"),
        (tag::X_RESOLUTION, "tiff.XResolution"),
        (tag::Y_POSITION, "tiff.YPosition"),
        (tag::Y_RESOLUTION, "tiff.YResolution"),
    ];
    let mut properties = BTreeMap::new();
    for (tag, name) in TEXTS {
        if let Some(text) = ignore_damage(directory.text(tag))? {
            properties.insert(name.to_owned(), text);
        }
    }
    for (tag, name) in NUMBERS {
        if let Some(number) = ignore_damage(directory.real(tag))? {
            properties.insert(name.to_owned(), number.to_string());
        }
    }
    let unit = match ignore_damage(directory.number(tag::RESOLUTION_UNIT))?.unwrap_or(2) {
        1 => "none",
        2 => "inch",
        3 => "centimeter",
        _ => "unknown",
    };
    properties.insert("tiff.ResolutionUnit".to_owned(), unit.to_owned());
    Ok(properties)
}
