//! Opens the files that OpenSlide recognizes: with a reader of their native tiles if possible, and
//! with OpenSlide otherwise.

use super::error::{SlideError, cannot_open};
use super::file_reader::{Candidate, FileReader, Kind};
use super::native_color_space::NativeColorSpace;
use super::native_tiles::{DirectReadUnsupported, NativeTiles};
use super::openslide::{self, OpenSlideSource};
use super::pages::{PageChoice, Pages};
use super::pixel_source::Source;
use super::reader::{Reader, ReaderChoice};
use super::slide_info::SlideInfo;
use super::tiff::{self, SlideTiles, SlideTilesError, TiffFile};
use super::tiff_scale;
use super::tiled::{OpenSlideFallback, TiledSource};
use crate::codec::Subsampling;
use crate::codec::decode::ImageError;
use crate::pixels::PIXEL_BYTES;

/// Opens every file: OpenSlide's error is the one for a file that no reader recognizes.
pub(super) static READER: FileReader = FileReader {
    kind: Kind::Slide {
        extensions: &[
            "svs", "ndpi", "mrxs", "scn", "bif", "vms", "vmu", "svslide", "czi", "dcm", "dicom",
            "tif", "tiff",
        ],
    },
    detect: |_| Ok(true),
    open,
};

/// OpenSlide's vendor of a tiled TIFF file that is not a known scanner's.
pub(super) const GENERIC_TIFF: &str = "generic-tiff";

/// The vendors whose full size is one plain grid of tiles in the first directory.
const PLAIN_VENDORS: [&str; 3] = ["aperio", GENERIC_TIFF, "philips"];

fn open(file: Candidate<'_>) -> Result<Box<dyn Source>, SlideError> {
    let Candidate { path, tiff, options, .. } = file;
    let mut info = openslide::read_slide_info(path)?;
    check_tiles_fit(&info, options.memory)?;
    if info.vendor.as_deref() == Some(GENERIC_TIFF) {
        describe_generic_tiff(&mut info, tiff.as_ref().ok().and_then(Option::as_ref));
    }
    match open_tiles(&mut info, options.reader, tiff) {
        Ok((tiles, native)) => {
            info.reader = Reader::Direct(native);
            let fallback = OpenSlideFallback::new(native.color);
            Ok(Box::new(TiledSource::slide(info, Box::new(tiles), Some(fallback))))
        }
        Err(SlideTilesError::Unsupported(reason)) => {
            info.reader = Reader::OpenSlide(reason);
            Ok(Box::new(OpenSlideSource::open(info)?))
        }
        Err(SlideTilesError::System(error)) => Err(cannot_open(path)(error)),
    }
}

/// Checks that a native tile of any level fits in `allowed` bytes. OpenSlide ends the process if it
/// cannot allocate one.
fn check_tiles_fit(info: &SlideInfo, allowed: u64) -> Result<(), SlideError> {
    let tiles = info.levels.iter().filter_map(|level| level.native_tile);
    let bytes = tiles.map(|tile| tile.area().saturating_mul(PIXEL_BYTES as u64));
    let needed = bytes.max().unwrap_or(0);
    if needed > allowed {
        let reason = "a native tile is decoded as a whole";
        return Err(SlideError::Memory { path: info.path.clone(), needed, allowed, reason });
    }
    Ok(())
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
