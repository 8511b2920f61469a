//! TIFF files that OpenSlide does not open: in strips, or in tiles of any coding.
//!
//! The structure is read first and as a whole: which directories are pictures, what their samples are, where each strip or tile lies. What
//! always holds: a file of a kind that is not read is refused before a sample is decoded; a pixel comes of bytes that are there (a tile that a sparse file leaves out
//! is an error and not black); and memory is bounded by a row of strips or by a tile, and not by what the file says of itself.

use std::collections::BTreeMap;
use std::fs::File;

use crate::codec::decode::{Decoder, ImageError, ImageHeader, Request, exif};
use crate::color::IccProfile;
use crate::geometry::MicronsPerPixel;
use crate::geometry::{Orientation, Size};
use crate::source::tiff_scale;

mod chunk;
mod compression;
mod directory;
mod interleave;
mod jpeg;
mod meaning;
mod picture;
mod predictor;
mod strips;
mod tiles;
#[cfg_attr(not(feature = "zstd"), path = "tiff/zstd_disabled.rs")]
mod zstd;

#[cfg(test)]
mod tests;

use chunk::ChunkDecoder;
use directory::{Container, Directory, tag};
use picture::{ChunkCoding, Picture, Shape};
use strips::StripDecoder;
use tiles::Tiles;

/// Opens a picture of a TIFF file. Pages are the directories of its chain that are neither reduced versions of another nor masks.
///
/// # Errors
/// [`ImageError`] where the file is damaged, of a kind that is not read, or has no such page.
pub(crate) fn open(file: File, request: Request) -> Result<(ImageHeader, Decoder), ImageError> {
    let container = Container::open(file)?;
    let mut pages = read_pages(&container)?;
    let count = pages.len();
    if request.page >= count {
        return Err(ImageError::NoSuchPage { pages: count });
    }
    let first = pages[0].at;
    let Page { at, following } = pages.swap_remove(request.page);
    let directory = container.directory(at)?;
    let picture = Picture::read(&container, &directory, request.memory)?;
    let mut header = read_header(&container, &directory, &picture)?;
    header.pages = u32::try_from(count).unwrap_or(u32::MAX);
    header.microns_per_pixel = read_scale(&container, first, &header)?;
    let Shape::Tiles(_) = picture.shape else {
        return Ok((header, Decoder::Rows(Box::new(StripDecoder::new(container, picture)))));
    };
    let candidates = if_sound(directory.numbers(tag::SUB_IFDS, LEVELS_AT_MOST))?.unwrap_or_default();
    let following = following.into_iter().take(LEVELS_AT_MOST as usize);
    let candidates: Vec<u64> = candidates.into_iter().chain(following).collect();
    let smaller = read_levels(&container, &candidates, &picture, request.memory)?;
    Ok((header, Decoder::Tiles(Box::new(Tiles::new(container, picture, smaller)))))
}

/// A picture of its own, by where its directory is, and the directories after it in the chain that are none.
struct Page {
    at: u64,
    following: Vec<u64>,
}

/// The pictures of a file. Where the chain has but reduced ones, as of cameras' raw files, what they are reductions of is in directories of their own below these.
fn read_pages(container: &Container) -> Result<Vec<Page>, ImageError> {
    let mut pages: Vec<Page> = Vec::new();
    let mut reduced = Vec::new();
    let mut below = Vec::new();
    container.chain(|directory| {
        if !is_auxiliary(directory)? {
            pages.push(Page { at: directory.at, following: Vec::new() });
            return Ok(());
        }
        match pages.last_mut() {
            Some(page) => page.following.push(directory.at),
            None => below.extend(if_sound(directory.numbers(tag::SUB_IFDS, LEVELS_AT_MOST))?.unwrap_or_default()),
        }
        reduced.push(directory.at);
        Ok(())
    })?;
    if pages.is_empty() {
        for at in below {
            if !is_auxiliary(&container.directory(at)?)? {
                pages.push(Page { at, following: Vec::new() });
            }
        }
    }
    if pages.is_empty() {
        pages = reduced.into_iter().map(|at| Page { at, following: Vec::new() }).collect();
    }
    Ok(pages)
}

/// A picture can be halved 31 times.
const LEVELS_AT_MOST: u64 = 64;

/// Whether a directory says that it is a reduced version of another, or a mask.
fn is_auxiliary(directory: &Directory<'_>) -> Result<bool, ImageError> {
    const REDUCED: u64 = 1;
    const MASK: u64 = 4;
    const OLD_REDUCED: u64 = 2;
    Ok(match directory.number(tag::NEW_SUBFILE_TYPE)? {
        Some(kind) => kind & (REDUCED | MASK) != 0,
        None => directory.number(tag::SUBFILE_TYPE)? == Some(OLD_REDUCED),
    })
}

/// Those of the directories that are reductions of a picture, largest first. What is none, or is damaged, is no level: all can be made of the picture.
fn read_levels(
    container: &Container,
    candidates: &[u64],
    picture: &Picture,
    memory: u64,
) -> Result<Vec<Picture>, ImageError> {
    let mut levels: Vec<Picture> = Vec::new();
    for &at in candidates {
        match container.directory(at).and_then(|directory| Picture::read(container, &directory, memory)) {
            Ok(level)
                if matches!(level.shape, Shape::Tiles(_))
                    && level.samples == picture.samples
                    && is_reduction(level.size, picture.size)
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

/// Whether a size is another one halved some times, and rounded in whichever way.
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

fn read_header(container: &Container, directory: &Directory<'_>, picture: &Picture) -> Result<ImageHeader, ImageError> {
    /// Profiles of printers have some megabytes.
    const PROFILE_BYTES_AT_MOST: u64 = 64 << 20;
    let profile = directory.raw(tag::ICC_PROFILE, PROFILE_BYTES_AT_MOST)?.filter(|profile| !profile.is_empty());
    Ok(ImageHeader {
        size: picture.size,
        samples: picture.samples.clone(),
        coding: picture.coding_words(),
        orientation: orientation(directory)?,
        icc_profile: profile.map(IccProfile::new),
        subsampling: ChunkDecoder::default().subsampling(&container.file, picture)?,
        microns_per_pixel: None,
        pages: 1,
        unshown_samples: picture.unshown_samples,
        properties: read_properties(directory)?,
        held_bytes: held_bytes(picture),
    })
}

/// The scale of a page. Programs that write OME-XML, and ImageJ, describe all pages in the first one, which is the directory `first`.
fn read_scale(container: &Container, first: u64, header: &ImageHeader) -> Result<Option<MicronsPerPixel>, ImageError> {
    let of_page = header.properties.get("tiff.ImageDescription").cloned();
    let description = match of_page {
        Some(text) => Some(text),
        None => if_sound(container.directory(first).and_then(|first| first.text(tag::IMAGE_DESCRIPTION)))?,
    };
    Ok(tiff_scale::microns_per_pixel(&header.properties, description.as_deref(), header.size))
}

fn orientation(directory: &Directory<'_>) -> Result<Orientation, ImageError> {
    let number = directory.number(tag::ORIENTATION)?.unwrap_or(1);
    Ok(exif::of_number(u32::try_from(number).unwrap_or(0)))
}

/// Whether a file's first picture is one of those that libtiff's own conversion to RGBA, through which OpenSlide reads plain TIFF files, shows as they are: upright, gray or
/// colored samples of 8 bits without a sign, and nothing beside them.
///
/// # Errors
/// [`ImageError`] where the file is no TIFF.
pub(crate) fn is_plain(file: File) -> Result<bool, ImageError> {
    let container = Container::open(file)?;
    let directory = container.first_directory()?;
    let is_upright = orientation(&directory)? == Orientation::UPRIGHT;
    let bits = directory.numbers(tag::BITS_PER_SAMPLE, 4)?.unwrap_or_default();
    let format = directory.numbers(tag::SAMPLE_FORMAT, 4)?.unwrap_or_default();
    let samples = directory.number(tag::SAMPLES_PER_PIXEL)?.unwrap_or(1);
    let colors = match directory.number(tag::PHOTOMETRIC_INTERPRETATION)? {
        Some(0 | 1) => 1,
        Some(2 | 6) => 3,
        _ => return Ok(false),
    };
    let whole_numbers =
        !bits.is_empty() && bits.iter().all(|&bits| bits == 8) && format.iter().all(|&format| format == 1);
    Ok(is_upright && whole_numbers && samples == colors)
}

/// What decoding holds beyond rows: of tiles one, in each thread; of strips the whole of one where it is JPEG.
fn held_bytes(picture: &Picture) -> u64 {
    let chunk = picture.chunk_size();
    let decoded = picture.samples.row_bytes(chunk.width()) as u64 * u64::from(chunk.height());
    match (&picture.coding, picture.shape) {
        (ChunkCoding::Stream { .. }, Shape::Strips { .. }) => 0,
        (ChunkCoding::Stream { .. }, Shape::Tiles(_)) => decoded,
        // As it is stored, and once more with its tables.
        (ChunkCoding::Jpeg { .. }, _) => decoded.saturating_add(2 * picture.longest()),
    }
}

/// What is said beside the picture, where it can be read: no pixel depends on it.
fn if_sound<T>(value: Result<Option<T>, ImageError>) -> Result<Option<T>, ImageError> {
    match value {
        Err(ImageError::System(error)) => Err(ImageError::System(error)),
        other => Ok(other.unwrap_or(None)),
    }
}

/// What the file says of itself, under OpenSlide's names.
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
        if let Some(text) = if_sound(directory.text(tag))? {
            properties.insert(name.to_owned(), text);
        }
    }
    for (tag, name) in NUMBERS {
        if let Some(number) = if_sound(directory.real(tag))? {
            properties.insert(name.to_owned(), number.to_string());
        }
    }
    let unit = match if_sound(directory.number(tag::RESOLUTION_UNIT))?.unwrap_or(2) {
        1 => "none",
        2 => "inch",
        3 => "centimeter",
        _ => "unknown",
    };
    properties.insert("tiff.ResolutionUnit".to_owned(), unit.to_owned());
    Ok(properties)
}
