//! Tiled TIFF with JPEG tiles, its full size read directly: several times faster than through OpenSlide, and the same pixels.
//!
//! OpenSlide opens the slide all the same and says what it is: vendor, scale, properties, bounds, associated images and smaller levels come
//! from it. What always holds: pixels are those that OpenSlide would give, sample for sample (tests compare them); a tile that libjpeg-turbo has any
//! doubt about is read by OpenSlide, which forgives what does not touch the pixels, and what it refuses too is an error that names the tile; a tile
//! without bytes was never scanned and is transparent.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use super::openslide::{OpenSlideSource, read_associated_image, read_associated_profile};
use super::{NativeTileReader, SlideError, SlideInfo, SlideLevel, Source};
use crate::codec::jpeg::{JpegStreamError, TileColor};
use crate::color::IccProfile;
use crate::geometry::{Point, Rect, Size};
use crate::pixels::{PIXEL_BYTES, Pixels, PremultipliedPixels, ReductionMethod, relative_to};

mod tile_grid;
mod tile_table;

pub(crate) use tile_grid::TileGrid;
pub(crate) use tile_table::TableError;
pub use tile_table::{DirectReadUnsupported, NativeTiles};

use tile_grid::TileError;

/// The vendors whose full size is one plain grid of tiles, in the first directory.
const PLAIN_VENDORS: [&str; 3] = ["aperio", "generic-tiff", "philips"];

/// A slide whose full size is read directly, and everything else through OpenSlide.
#[derive(Debug)]
pub(crate) struct TiffSource {
    info: SlideInfo,
    /// Opened when a smaller level is asked for, which an export never does: OpenSlide's own tables of a large slide take as much memory as ours.
    openslide: OnceLock<OpenSlideSource>,
    tiles: TileGrid,
    /// Of the smaller levels, in the order of their numbers: looked for when they are first read; `None` where OpenSlide reads them.
    levels: Vec<OnceLock<Option<TileGrid>>>,
}

impl TiffSource {
    /// Joins the two.
    pub fn new(info: SlideInfo, tiles: TileGrid) -> Self {
        let levels = info.levels[1..].iter().map(|_| OnceLock::new()).collect();
        Self { info, openslide: OnceLock::new(), tiles, levels }
    }

    /// The tiles of a level, where they can be read directly.
    ///
    /// # Errors
    /// [`SlideError::Open`] where the system could not read the file.
    fn tiles_of(&self, level: SlideLevel) -> Result<Option<&TileGrid>, SlideError> {
        let Some(index) = level.0.checked_sub(1) else { return Ok(Some(&self.tiles)) };
        let Some((known, info)) = self.levels.get(index as usize).zip(self.info.levels.get(level.0 as usize)) else {
            return Ok(None);
        };
        if let Some(tiles) = known.get() {
            return Ok(tiles.as_ref());
        }
        // Where a tile is missing, OpenSlide has ways of its own to fill its place, on the smaller levels of some makers too.
        let larger = self.tiles_of(SlideLevel(index))?.filter(|tiles| tiles.table.is_complete());
        let found = match larger.map(|_| TileGrid::open_level(&self.info.path, info.size)) {
            Some(Ok(tiles)) => Some(tiles)
                .filter(|tiles| tiles.table.is_complete() && info.tile_to_read_whole() == Some(tiles.stored().size)),
            Some(Err(TableError::DirectReadUnsupported(_))) | None => None,
            Some(Err(TableError::System(error))) => {
                return Err(SlideError::Open { path: self.info.path.clone(), source: Arc::new(error) });
            }
        };
        Ok(known.get_or_init(|| found).as_ref())
    }

    /// Reads a part of a level's tiles, in pixels of the level.
    fn read_tiles(
        &self,
        level: SlideLevel,
        tiles: &TileGrid,
        region: Rect,
        mut spare: Vec<u8>,
    ) -> Result<PremultipliedPixels, SlideError> {
        let stride = region.size().width() as usize * PIXEL_BYTES;
        spare.resize(stride * region.size().height() as usize, 0);
        let (columns, rows) = cells(region, tiles.table.tiles.size);
        let mut missing = false;
        for row in rows {
            for column in columns.clone() {
                let Some(shared) = tiles.table.rect(column, row).and_then(|rect| rect.intersection(region)) else {
                    continue;
                };
                let place = relative_to(shared, region.origin());
                let start = place.origin().y as usize * stride + place.origin().x as usize * PIXEL_BYTES;
                let end = start
                    + (shared.size().height() as usize - 1) * stride
                    + shared.size().width() as usize * PIXEL_BYTES;
                let target = &mut spare[start..end];
                missing |= tiles.table.is_missing(column, row);
                if let Err(error) = tiles.decode((column, row), shared, target, stride) {
                    self.decode_otherwise(level, shared, &error, target, stride)?;
                    missing = true;
                }
            }
        }
        Ok(if missing {
            PremultipliedPixels::from_bgra(region.size(), spare)
        } else {
            PremultipliedPixels::opaque(region.size(), spare)
        })
    }

    /// OpenSlide, to be opened when it is first needed.
    fn openslide(&self) -> Result<&OpenSlideSource, SlideError> {
        if let Some(openslide) = self.openslide.get() {
            return Ok(openslide);
        }
        let opened = OpenSlideSource::open(self.info.clone())?;
        Ok(self.openslide.get_or_init(|| opened))
    }

    /// Reads the part `shared` of a tile that failed with `error` as OpenSlide does: it forgives, for example, filling bytes before the end of the
    /// image. Not for gray, which it leaves to libtiff, nor where scans are missing: damage is shown as if it were pixels then.
    fn decode_otherwise(
        &self,
        level: SlideLevel,
        shared: Rect,
        error: &TileError,
        target: &mut [u8],
        stride: usize,
    ) -> Result<(), SlideError> {
        let unreadable = self.unreadable(level, shared, error);
        let incomplete = matches!(error, TileError::Bytes(_) | TileError::Stream(JpegStreamError::MissingScans));
        if incomplete || self.tiles.stored().color == TileColor::Gray {
            return Err(unreadable);
        }
        let pixels = self.openslide()?.read_from_level(level, shared, Vec::new()).map_err(|_| unreadable)?;
        let row_bytes = shared.size().width() as usize * PIXEL_BYTES;
        for (from, to) in pixels.bytes().chunks_exact(row_bytes).zip(target.chunks_mut(stride)) {
            to[..row_bytes].copy_from_slice(from);
        }
        Ok(())
    }

    fn unreadable(&self, level: SlideLevel, region: Rect, error: &TileError) -> SlideError {
        let of_level = self.info.levels.get(level.0 as usize).filter(|_| level != SlideLevel::BASE);
        SlideError::Region {
            path: self.info().path.clone(),
            level,
            origin: of_level.map_or(region.origin(), |of_level| of_level.on_slide(region.origin())),
            size: region.size(),
            message: error.to_string(),
        }
    }
}

/// The columns and rows of the native tiles that a region lies in.
pub(crate) fn cells(region: Rect, tile: Size) -> (Range<u32>, Range<u32>) {
    let cells = |range: Range<u32>, length: u32| range.start / length..range.end.div_ceil(length);
    (cells(region.columns(), tile.width()), cells(region.rows(), tile.height()))
}

/// Whether a vendor's slides are a plain grid of tiles.
pub(crate) fn is_plain(vendor: Option<&str>) -> bool {
    vendor.is_some_and(|vendor| PLAIN_VENDORS.contains(&vendor))
}

impl Source for TiffSource {
    fn info(&self) -> &SlideInfo {
        &self.info
    }

    fn read(&self, region: Rect, spare: Vec<u8>) -> Result<PremultipliedPixels, SlideError> {
        self.read_tiles(SlideLevel::BASE, &self.tiles, region, spare)
    }

    fn is_unscanned(&self, region: Rect) -> bool {
        let table = &self.tiles.table;
        let (columns, mut rows) = cells(region, table.tiles.size);
        rows.all(|row| columns.clone().all(|column| table.is_missing(column, row)))
    }

    fn read_level(&self, level: SlideLevel, origin: Point, size: Size) -> Result<PremultipliedPixels, SlideError> {
        match Rect::new(origin, size) {
            Some(region) if level == SlideLevel::BASE && Rect::of(self.info().size()).contains(region) => {
                self.read(region, Vec::new())
            }
            _ => self.openslide()?.read_level(level, origin, size),
        }
    }

    fn read_from_level(
        &self,
        level: SlideLevel,
        region: Rect,
        spare: Vec<u8>,
    ) -> Result<PremultipliedPixels, SlideError> {
        match self.tiles_of(level)? {
            Some(tiles) => self.read_tiles(level, tiles, region, spare),
            None => self.openslide()?.read_from_level(level, region, spare),
        }
    }

    fn read_associated(&self, name: &str) -> Result<PremultipliedPixels, SlideError> {
        read_associated_image(&self.info.path, name)
    }

    fn associated_profile(&self, name: &str) -> Result<Option<IccProfile>, SlideError> {
        read_associated_profile(&self.info.path, name)
    }

    fn native_tiles(&self) -> Option<&dyn NativeTileReader> {
        Some(self)
    }
}

impl NativeTileReader for TiffSource {
    fn tile_size(&self) -> Size {
        self.tiles.table.tiles.size
    }

    fn read_native(
        &self,
        region: Rect,
        method: ReductionMethod,
        jpeg: &mut Vec<u8>,
        spare: Vec<u8>,
    ) -> Result<Option<Pixels>, SlideError> {
        self.tiles
            .read_native(region, method, jpeg, spare)
            .map_err(|error| self.unreadable(SlideLevel::BASE, region, &error))
    }
}
