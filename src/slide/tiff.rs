//! Tiled TIFF with JPEG tiles, its full size read directly: several times faster than through OpenSlide, and the same pixels.
//!
//! OpenSlide opens the slide all the same and says what it is: vendor, scale, properties, bounds, associated images and smaller levels come
//! from it. What always holds: pixels are those that OpenSlide would give, sample for sample (tests compare them); a tile that libjpeg-turbo has any
//! doubt about is read by OpenSlide, which forgives what does not touch the pixels, and what it refuses too is an error that names the tile; a tile
//! without bytes was never scanned and is transparent. Tiles are read by position, so that no worker waits for another, and each worker
//! keeps its own decoder.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use super::openslide::{OpenSlideSource, read_associated_image, read_associated_profile};
use super::{SlideError, SlideInfo, SlideLevel, Source, StoredTileReader};
use crate::encode::Subsampling;
use crate::geometry::{Point, Rect, Size};
use crate::render::{IccProfile, PIXEL_BYTES, Pixels, PremultipliedPixels, ReductionMethod, Rgb, relative_to};

mod codec;
mod jpeg_segments;
mod jpeg_stream;
mod tile_table;

pub(super) use jpeg_stream::JpegTables;
pub use jpeg_stream::{JpegStreamError, TileColour};
pub use tile_table::{NotDirect, StoredTiles};

use codec::{Conversion, JpegFile, TileCodec};
use jpeg_stream::Frame;
pub(super) use tile_table::TableError;
use tile_table::{TileBytesError, TileTable};

/// The vendors whose full size is one plain grid of tiles, in the first directory.
const PLAIN_VENDORS: [&str; 3] = ["aperio", "generic-tiff", "philips"];

/// The JPEG tiles of a TIFF's full size, or of a smaller level.
#[derive(Debug)]
pub(super) struct DirectTiles {
    table: TileTable,
}

/// Why a tile cannot be shown.
#[derive(Debug, thiserror::Error)]
enum TileError {
    #[error(transparent)]
    Bytes(#[from] TileBytesError),
    #[error(transparent)]
    Stream(#[from] JpegStreamError),
    #[error("libjpeg-turbo: {0}")]
    Codec(#[from] turbojpeg::Error),
    #[error("it does not begin at ({x}, {y})")]
    Corner { x: u32, y: u32 },
}

/// What a thread keeps from tile to tile.
#[derive(Default)]
struct Desk {
    codec: TileCodec,
    stored: Vec<u8>,
    jpeg: Vec<u8>,
    pixels: Vec<u8>,
}

thread_local! {
    static DESK: RefCell<Desk> = RefCell::default();
}

impl DirectTiles {
    /// Finds the tiles of the slide's full `size`.
    ///
    /// # Errors
    /// [`TableError`] where the file is anything but a tiled TIFF with JPEG tiles of that size, or cannot be read.
    pub fn open(path: &std::path::Path, size: Size) -> Result<Self, TableError> {
        Ok(Self { table: TileTable::open(path, size)? })
    }

    /// Finds the tiles of a smaller level of `size` pixels.
    ///
    /// # Errors
    /// [`TableError`] as for [`open`](Self::open), and where it is not known which tiles are that level's.
    fn open_level(path: &std::path::Path, size: Size) -> Result<Self, TableError> {
        let tiles = Self { table: TileTable::open_level(path, size)? };
        tiles.subsampling()?;
        Ok(tiles)
    }

    /// What is known of the tiles.
    pub fn stored(&self) -> StoredTiles {
        self.table.tiles
    }

    /// How the tiles store chroma: what the first of them says, since writers forget the TIFF's own tag.
    /// `None` where it is damaged, or says what [`Subsampling`] has no word for.
    ///
    /// # Errors
    /// [`TableError`] where it could not be read, or is sound and of a kind that is not read directly.
    pub fn subsampling(&self) -> Result<Option<Subsampling>, TableError> {
        let Some((column, row)) = self.table.first_stored() else { return Ok(None) };
        match DESK.with_borrow_mut(|desk| self.fetch(column, row, desk)) {
            Ok(frame) => Ok(frame.and_then(|frame| frame.subsampling)),
            Err(TileError::Bytes(TileBytesError::System(error))) => Err(TableError::System(error)),
            // No JPEG at all, or a part of one: damage, which is told of when the tile is read.
            Err(TileError::Stream(JpegStreamError::Start | JpegStreamError::CutShort)) => Ok(None),
            Err(TileError::Stream(error)) => Err(NotDirect::FirstTile(error).into()),
            Err(_) => Ok(None),
        }
    }

    /// Reads a tile and makes a JPEG file of it in `desk.jpeg`. `None` where it has no bytes.
    fn fetch(&self, column: u32, row: u32, desk: &mut Desk) -> Result<Option<Frame>, TileError> {
        if !self.table.read(column, row, &mut desk.stored)? {
            return Ok(None);
        }
        let StoredTiles { size, colour, .. } = self.table.tiles;
        Ok(Some(self.table.tables.splice(colour, size, &desk.stored, &mut desk.jpeg)?))
    }

    /// As [`StoredTileReader::read_stored`].
    fn read_stored(
        &self,
        region: Rect,
        method: ReductionMethod,
        output: &mut Vec<u8>,
        spare: Vec<u8>,
    ) -> Result<Option<Pixels>, TileError> {
        let StoredTiles { size: tile, colour, .. } = self.table.tiles;
        let (size, Point { x, y }) = (region.size(), region.origin());
        let at_corner = x.is_multiple_of(tile.width()) && y.is_multiple_of(tile.height());
        if !at_corner || !Rect::of(tile).contains(Rect::of(size)) {
            return Err(TileError::Corner { x, y });
        }
        DESK.with_borrow_mut(|desk| {
            let Some(frame) = self.fetch(x / tile.width(), y / tile.height(), desk)? else { return Ok(None) };
            let Desk { codec, jpeg, .. } = desk;
            if size == tile {
                output.clone_from(jpeg);
            } else {
                codec.cut(jpeg, size, output)?;
            }
            let file = JpegFile { bytes: output, size, conversion: Conversion::of(colour, frame) };
            // A block that reaches past the region holds what the scanner put there: reduced as a whole, it would bleed into the region's edge.
            let whole_blocks =
                size.width().is_multiple_of(frame.mcu.width()) && size.height().is_multiple_of(frame.mcu.height());
            Ok(Some(if whole_blocks && method == ReductionMethod::Mean {
                codec.decode_halved(file, spare)?.over(Rgb::WHITE)
            } else {
                codec.decode_whole(file, Vec::new())?.over(Rgb::WHITE).view().reduced(Rect::of(size), method, spare)
            }))
        })
    }

    /// Decodes the part `shared` of a tile into `target`, rows `stride` bytes apart, from its first byte on. Both rectangles in pixels of
    /// slide level 0.
    fn decode(
        &self,
        (column, row): (u32, u32),
        shared: Rect,
        target: &mut [u8],
        stride: usize,
    ) -> Result<(), TileError> {
        DESK.with_borrow_mut(|desk| {
            let row_bytes = shared.size().width() as usize * PIXEL_BYTES;
            let Some(frame) = self.fetch(column, row, desk)? else {
                target.chunks_mut(stride).for_each(|row| row[..row_bytes].fill(0));
                return Ok(());
            };
            let Desk { codec, jpeg, pixels, .. } = desk;
            let StoredTiles { size, colour, .. } = self.table.tiles;
            let file = JpegFile { bytes: jpeg, size, conversion: Conversion::of(colour, frame) };
            if shared.size() == size {
                return Ok(codec.decode(file, target, stride)?);
            }
            let pitch = size.width() as usize * PIXEL_BYTES;
            pixels.resize(pitch * size.height() as usize, 0);
            codec.decode(file, pixels, pitch)?;
            let part = relative_to(shared, Point { x: column * size.width(), y: row * size.height() });
            let left = part.origin().x as usize * PIXEL_BYTES;
            let rows = pixels.chunks_exact(pitch).skip(part.origin().y as usize);
            for (from, to) in rows.zip(target.chunks_mut(stride)) {
                to[..row_bytes].copy_from_slice(&from[left..left + row_bytes]);
            }
            Ok(())
        })
    }
}

/// A slide whose full size is read directly, and everything else through OpenSlide.
#[derive(Debug)]
pub(super) struct TiffSource {
    info: SlideInfo,
    /// Opened when a smaller level is asked for, which an export never does: OpenSlide's own tables of a large slide take as much memory as ours.
    openslide: OnceLock<OpenSlideSource>,
    tiles: DirectTiles,
    /// Of the smaller levels, in the order of their numbers: looked for when they are first read; `None` where OpenSlide reads them.
    levels: Vec<OnceLock<Option<DirectTiles>>>,
}

impl TiffSource {
    /// Joins the two.
    pub fn new(info: SlideInfo, tiles: DirectTiles) -> Self {
        let levels = info.levels[1..].iter().map(|_| OnceLock::new()).collect();
        Self { info, openslide: OnceLock::new(), tiles, levels }
    }

    /// The tiles of a level, where they can be read directly.
    ///
    /// # Errors
    /// [`SlideError::Open`] where the system could not read the file.
    fn tiles_of(&self, level: SlideLevel) -> Result<Option<&DirectTiles>, SlideError> {
        let Some(index) = level.0.checked_sub(1) else { return Ok(Some(&self.tiles)) };
        let Some((known, info)) = self.levels.get(index as usize).zip(self.info.levels.get(level.0 as usize)) else {
            return Ok(None);
        };
        if let Some(tiles) = known.get() {
            return Ok(tiles.as_ref());
        }
        // Where a tile is missing, OpenSlide has ways of its own to fill its place, on the smaller levels of some makers too.
        let larger = self.tiles_of(SlideLevel(index))?.filter(|tiles| tiles.table.is_complete());
        let found = match larger.map(|_| DirectTiles::open_level(&self.info.path, info.size)) {
            Some(Ok(tiles)) => Some(tiles)
                .filter(|tiles| tiles.table.is_complete() && info.tile_to_read_whole() == Some(tiles.stored().size)),
            Some(Err(TableError::NotDirect(_))) | None => None,
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
        tiles: &DirectTiles,
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
    /// image. Not for grey, which it leaves to libtiff: that shows damage as if it were pixels.
    fn decode_otherwise(
        &self,
        level: SlideLevel,
        shared: Rect,
        error: &TileError,
        target: &mut [u8],
        stride: usize,
    ) -> Result<(), SlideError> {
        let unreadable = self.unreadable(level, shared, error);
        if matches!(error, TileError::Bytes(_)) || self.tiles.stored().colour == TileColour::Grey {
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

/// The columns and rows of the stored tiles that a region lies in.
pub(super) fn cells(region: Rect, tile: Size) -> (Range<u32>, Range<u32>) {
    let cells = |range: Range<u32>, length: u32| range.start / length..range.end.div_ceil(length);
    (cells(region.columns(), tile.width()), cells(region.rows(), tile.height()))
}

/// Whether a vendor's slides are a plain grid of tiles.
pub(super) fn is_plain(vendor: Option<&str>) -> bool {
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

    fn stored_tiles(&self) -> Option<&dyn StoredTileReader> {
        Some(self)
    }
}

impl StoredTileReader for TiffSource {
    fn tile_size(&self) -> Size {
        self.tiles.table.tiles.size
    }

    fn read_stored(
        &self,
        region: Rect,
        method: ReductionMethod,
        jpeg: &mut Vec<u8>,
        spare: Vec<u8>,
    ) -> Result<Option<Pixels>, SlideError> {
        self.tiles
            .read_stored(region, method, jpeg, spare)
            .map_err(|error| self.unreadable(SlideLevel::BASE, region, &error))
    }
}

#[cfg(test)]
mod tests {
    //! Mutated files: whatever stands in a TIFF, reading it ends, and with pixels or an error.

    use std::io::Write;
    use std::path::PathBuf;

    use slidezoom_fixtures::{ByteOrder, Colour, Container, JpegTables, Random, SlideBuilder, TileFault};

    use super::*;

    const SIZE: (u32, u32) = (40, 24);

    /// Small files of every structure that is read directly.
    fn seeds(folder: &std::path::Path) -> Vec<Vec<u8>> {
        let small = || SlideBuilder::new(SIZE.0, SIZE.1).tile_size(16, 16);
        let slides = [
            small(),
            small().jpeg_tables(JpegTables::Shared).colour(Colour::Rgb),
            small().container(Container::BigTiff).byte_order(ByteOrder::Big),
            small().tile_fault(0, 1, 1, TileFault::Missing).levels([1, 2]),
        ];
        let path = folder.join("seed.tiff");
        slides
            .iter()
            .map(|slide| {
                slide.write(&path).unwrap();
                std::fs::read(&path).unwrap()
            })
            .collect()
    }

    /// Reads all there is to read of a file. Every pixel buffer is bounded by the slide's size, which the caller names.
    fn read_all(path: &std::path::Path, size: Size) -> Result<(), TableError> {
        // Of a level, too, nothing but tiles or a reason comes.
        if let (Ok(level), Some(pixel)) = (DirectTiles::open_level(path, size.halved()), Rect::spanning(0..1, 0..1)) {
            let _ = level.decode((0, 0), pixel, &mut [0; PIXEL_BYTES], PIXEL_BYTES);
        }
        let tiles = DirectTiles::open(path, size)?;
        tiles.subsampling()?;
        let tile = tiles.stored().size;
        // Larger ones go through OpenSlide.
        if tile.width().max(tile.height()) > 1024 {
            return Ok(());
        }
        let stride = tile.width() as usize * PIXEL_BYTES;
        let mut target = Vec::new();
        for row in 0..size.height().div_ceil(tile.height()) {
            for column in 0..size.width().div_ceil(tile.width()) {
                let rect = tiles.table.rect(column, row).unwrap();
                target.resize(stride * rect.size().height() as usize, 0);
                // Damage is an error here and nothing else.
                let _ = tiles.decode((column, row), rect, &mut target, stride);
            }
        }
        Ok(())
    }

    /// Reads `count` mutated files; returns how many were a grid of tiles still.
    fn read_mutated(first: u64, count: u64) -> u64 {
        let folder = tempfile::tempdir().unwrap();
        let seeds = seeds(folder.path());
        let size = Size::new(SIZE.0, SIZE.1).unwrap();
        let path: PathBuf = folder.path().join("mutated.tiff");
        let mut opened = 0;
        for number in first..first + count {
            let mut random = Random::new(number);
            let seed = random.below(seeds.len());
            let bytes = random.damaged(&seeds[seed]);
            std::fs::File::create(&path).unwrap().write_all(&bytes).unwrap();
            let outcome = std::panic::catch_unwind(|| read_all(&path, size));
            opened += u64::from(outcome.unwrap_or_else(|_| panic!("input {number}")).is_ok());
        }
        opened
    }

    #[test]
    fn mutated_files_are_read_or_refused() {
        let opened = read_mutated(0, 3_000);
        // Both kinds must come, or the mutations are of no use.
        assert!((500..2_900).contains(&opened), "{opened} of 3000 were read");
    }

    #[test]
    #[ignore = "takes minutes: make soak"]
    fn a_million_mutated_files_are_read_or_refused() {
        let workers: Vec<_> =
            (0..2).map(|part| std::thread::spawn(move || read_mutated(part << 32, 500_000))).collect();
        let opened: u64 = workers.into_iter().map(|worker| worker.join().unwrap()).sum();
        assert!(opened > 100_000, "{opened} of a million were read");
    }
}
