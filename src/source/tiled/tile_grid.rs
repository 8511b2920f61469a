//! The JPEG tiles of one level of a TIFF, each fetched and decoded by itself.
//!
//! What always holds: a tile comes out as the pixels that its JPEG data has, or not at all; its bytes are read by position, so that no worker waits for another,
//! and each worker keeps its own decoder and buffers.

use std::cell::RefCell;

use super::tile_table::{DirectReadUnsupported, NativeTiles, TableError, TileBytesError, TileTable};
use crate::codec::Subsampling;
use crate::codec::jpeg::stream::{Frame, JpegStreamError};
use crate::codec::jpeg::tile_codec::{Conversion, JpegFile, TileCodec};
use crate::geometry::{Point, Rect, Size};
use crate::pixels::{PIXEL_BYTES, Pixels, ReductionMethod, Rgb, relative_to};

/// The JPEG tiles of a TIFF's full size, or of a smaller level.
#[derive(Debug)]
pub(crate) struct TileGrid {
    pub(crate) table: TileTable,
}

/// Why a tile cannot be shown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TileError {
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
struct Scratch {
    codec: TileCodec,
    stored: Vec<u8>,
    jpeg: Vec<u8>,
    pixels: Vec<u8>,
}

thread_local! {
    static DESK: RefCell<Scratch> = RefCell::default();
}

impl TileGrid {
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
    pub(crate) fn open_level(path: &std::path::Path, size: Size) -> Result<Self, TableError> {
        let tiles = Self { table: TileTable::open_level(path, size)? };
        tiles.subsampling()?;
        Ok(tiles)
    }

    /// What is known of the tiles.
    pub fn stored(&self) -> NativeTiles {
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
            Err(TileError::Stream(
                JpegStreamError::Start | JpegStreamError::CutShort | JpegStreamError::MissingScans,
            )) => Ok(None),
            Err(TileError::Stream(error)) => Err(DirectReadUnsupported::FirstTile(error).into()),
            Err(_) => Ok(None),
        }
    }

    /// Reads a tile and makes a JPEG file of it in `desk.jpeg`. `None` where it has no bytes.
    fn fetch(&self, column: u32, row: u32, desk: &mut Scratch) -> Result<Option<Frame>, TileError> {
        if !self.table.read(column, row, &mut desk.stored)? {
            return Ok(None);
        }
        let NativeTiles { size, color, .. } = self.table.tiles;
        Ok(Some(self.table.tables.splice(color, size, &desk.stored, &mut desk.jpeg)?))
    }

    /// As [`NativeTileReader::read_native`](crate::source::NativeTileReader::read_native).
    pub(crate) fn read_native(
        &self,
        region: Rect,
        method: ReductionMethod,
        output: &mut Vec<u8>,
        spare: Vec<u8>,
    ) -> Result<Option<Pixels>, TileError> {
        let NativeTiles { size: tile, color, .. } = self.table.tiles;
        let (size, Point { x, y }) = (region.size(), region.origin());
        let at_corner = x.is_multiple_of(tile.width()) && y.is_multiple_of(tile.height());
        if !at_corner || !Rect::of(tile).contains(Rect::of(size)) {
            return Err(TileError::Corner { x, y });
        }
        DESK.with_borrow_mut(|desk| {
            let Some(frame) = self.fetch(x / tile.width(), y / tile.height(), desk)? else { return Ok(None) };
            let Scratch { codec, jpeg, .. } = desk;
            if size == tile {
                output.clone_from(jpeg);
            } else {
                codec.cut(jpeg, size, output)?;
            }
            let file = JpegFile { bytes: output, size, conversion: Conversion::of(color, frame) };
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
    pub(crate) fn decode(
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
            let Scratch { codec, jpeg, pixels, .. } = desk;
            let NativeTiles { size, color, .. } = self.table.tiles;
            let file = JpegFile { bytes: jpeg, size, conversion: Conversion::of(color, frame) };
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

#[cfg(test)]
mod tests;
