//! JPEG 2000, as a `.jp2` file or a bare codestream, decoded by OpenJPEG.
//!
//! Boxes, sizes and the locations of tiles are parsed here ([`boxes`], [`codestream`]). OpenJPEG
//! gets one tile at a time ([`openjpeg`]), and each thread has its own decoder. Tiled images are
//! read at any position; others from the first row of tiles to the last, with one row of tiles in
//! memory, which is the whole image if it has one tile. Every size is checked before memory is
//! allocated for it, and each component must have one sample per pixel.

use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::stored::Stored;
use super::{Decoder, ImageError, ImageHeader, Request, RowDecoder, SampleLayout};
use crate::codec::tile::{
    CompressedTile, NativeTile, TileCodec, TileDecoder, TileError, TileGrid, TileStore,
};
use crate::geometry::{Rect, Size};

mod boxes;
mod codestream;
mod coding;
mod component;
mod components;
mod openjpeg;
#[cfg(test)]
mod tests;

use boxes::{Boxes, Color};
use codestream::Codestream;
use components::Interleaving;
use openjpeg::Planes;

/// Reads the boxes and the header of the codestream, and locates its tiles.
///
/// [`ImageHeader::held_bytes`] of a tiled image is what one tile takes. Each decoding thread takes
/// as much.
///
/// # Errors
/// [`ImageError`] if the file is truncated, contradicts itself, or has components other than gray
/// or RGB, with or without alpha, of at most 16 bits.
pub(crate) fn open(path: &Path, request: Request) -> Result<(ImageHeader, Decoder), ImageError> {
    request.check_single_page()?;
    open_stored(Stored::File(File::open(path).map_err(ImageError::System)?))
}

fn open_stored(stored: Stored) -> Result<(ImageHeader, Decoder), ImageError> {
    let mut first = [0; 2];
    stored.read_at(0, &mut first)?;
    let (boxes, bytes) = match first {
        [0xff, 0x4f] => (Boxes::default(), 0..stored.length()?),
        _ => Boxes::read(&stored)?,
    };
    let codestream = Codestream::read(&stored, &bytes)?;
    let size = codestream.size(0)?;
    let interleaving = Interleaving::of(&codestream.components, &boxes)?;
    let (columns, rows) = codestream.grid();
    let tiled = columns * rows > 1;
    let (tile_width, tile_height) = codestream.tile_size();
    let of_coding = [
        interleaving.odd_bits().map(|bits| format!("{bits}-bit")),
        tiled.then(|| format!("tiles of {tile_width}×{tile_height}")),
    ];
    let image = Jpeg2000Image { stored, codestream, interleaving: Arc::new(interleaving) };
    let held_bytes = image.held_bytes(size);
    let header = ImageHeader {
        coding: of_coding.into_iter().flatten().collect::<Vec<_>>().join(", "),
        icc_profile: match boxes.color {
            Some(Color::Profile(profile)) => Some(profile),
            _ => None,
        },
        held_bytes,
        ..ImageHeader::new(size, image.interleaving.layout())
    };
    Ok((header, image.into_decoder(size)?))
}

/// A file, and what is needed to decode any of its tiles.
struct Jpeg2000Image {
    stored: Stored,
    codestream: Codestream,
    interleaving: Arc<Interleaving>,
}

impl Jpeg2000Image {
    /// The longest side of tiles that are read one by one, not in rows.
    const LONGEST_TILE_SIDE: u32 = 4096;
    /// The largest number of smaller levels.
    const MOST_LEVELS: u32 = 16;

    /// The size of tiles that can be read one by one.
    fn separate_tiles(&self) -> Option<Size> {
        let (columns, rows) = self.codestream.grid();
        let (width, height) = self.codestream.tile_size();
        let size = Size::new(width, height)
            .filter(|_| columns * rows > 1 && self.codestream.begins_at_origin());
        size.filter(|_| width.max(height) <= Self::LONGEST_TILE_SIDE)
    }

    fn into_decoder(self, size: Size) -> Result<Decoder, ImageError> {
        let row_bytes = self.interleaving.layout().row_bytes(size.width());
        let Some(tile_size) = self.separate_tiles() else {
            return Ok(Decoder::Rows(Box::new(TileRows {
                image: self,
                row_bytes,
                next: 0,
                band: Band::None,
                used: 0,
            })));
        };
        let reduction_levels = self.codestream.reduction_levels.min(Self::MOST_LEVELS);
        let grids = (0..=reduction_levels)
            .map(|level| {
                Ok(TileGrid {
                    size: self.codestream.size(level)?,
                    tile: tile_size,
                    reduction_levels: level,
                })
            })
            .collect::<Result<Vec<_>, ImageError>>()?;
        let parameters = (0..=reduction_levels).map(|level| Jpeg2000Parameters {
            interleaving: Arc::clone(&self.interleaving),
            reduction_levels: level,
        });
        let (parameters, samples) = (parameters.collect(), self.interleaving.layout());
        Ok(Decoder::Tiles(Box::new(Tiles { image: self, samples, grids, parameters })))
    }

    /// Returns the bytes that decoding takes: OpenJPEG's samples of four bytes, its block tables,
    /// the compressed bytes with their copies, and the samples of a row of tiles.
    fn held_bytes(&self, size: Size) -> u64 {
        let (tile_width, tile_height) = self.codestream.tile_size();
        let area =
            u64::from(tile_width.min(size.width())) * u64::from(tile_height.min(size.height()));
        let samples = area.saturating_mul(self.codestream.components.len() as u64);
        let tile = samples
            .saturating_mul(4)
            .saturating_add(self.codestream.table_bytes)
            .saturating_add(3 * self.codestream.longest_tile());
        if self.separate_tiles().is_some() || self.codestream.grid().0 == 1 {
            return tile;
        }
        let row_bytes = self.interleaving.layout().row_bytes(size.width()) as u64;
        tile.saturating_add(row_bytes.saturating_mul(u64::from(tile_height.min(size.height()))))
    }

    /// Decodes one tile, given its columns and rows at this resolution.
    fn decode(
        &self,
        tile: (u32, u32),
        reduction_levels: u32,
        (columns, rows): (&Range<u32>, &Range<u32>),
        codestream: &mut Vec<u8>,
    ) -> Result<Planes, ImageError> {
        let size = Rect::spanning(columns.clone(), rows.clone()).map(Rect::size);
        let size = size.ok_or_else(|| ImageError::malformed("a tile without pixels"))?;
        self.codestream.extract(&self.stored, tile, codestream)?;
        openjpeg::decode(codestream, reduction_levels, size)
    }
}

/// Codestreams of one tile.
pub(crate) static CODEC: TileCodec = TileCodec {
    name: "JPEG 2000",
    tiff_compressions: &[],
    decoder: || Box::new(Jpeg2000TileDecoder),
};

/// How to decode the tiles of one level.
struct Jpeg2000Parameters {
    interleaving: Arc<Interleaving>,
    /// How many times the resolution is halved.
    reduction_levels: u32,
}

/// OpenJPEG keeps no state between codestreams.
struct Jpeg2000TileDecoder;

impl TileDecoder for Jpeg2000TileDecoder {
    fn decode(
        &mut self,
        tile: CompressedTile<'_>,
        target: &mut [u8],
        stride: usize,
    ) -> Result<(), TileError> {
        let Jpeg2000Parameters { interleaving, reduction_levels } = tile.parameters()?;
        let decoded =
            openjpeg::decode(tile.bytes, *reduction_levels, tile.size).map_err(tile_error)?;
        let planes = interleaving.planes(&decoded).map_err(tile_error)?;
        let (width, height) = (tile.size.width() as usize, tile.size.height() as usize);
        for (y, row) in target.chunks_mut(stride).take(height).enumerate() {
            interleaving.interleave(
                &planes,
                y * width,
                &mut row[..width * interleaving.pixel_bytes()],
            );
        }
        Ok(())
    }
}

fn tile_error(error: ImageError) -> TileError {
    match error {
        ImageError::System(error) => TileError::System(error),
        other => TileError::Jpeg2000 { message: other.to_string() },
    }
}

/// An image whose tiles are read one by one. Each tile holds all levels.
struct Tiles {
    image: Jpeg2000Image,
    samples: SampleLayout,
    grids: Vec<TileGrid>,
    /// The parameters of each level.
    parameters: Vec<Jpeg2000Parameters>,
}

impl TileStore for Tiles {
    fn grids(&self) -> &[TileGrid] {
        &self.grids
    }

    fn samples(&self) -> &SampleLayout {
        &self.samples
    }

    fn compressed<'a>(
        &'a self,
        NativeTile { level, column, row }: NativeTile,
        _plane: usize,
        buffer: &'a mut Vec<u8>,
    ) -> Result<Option<CompressedTile<'a>>, TileError> {
        let Some(rect) = self.grids[level].rect(column, row) else { return Ok(None) };
        self.image
            .codestream
            .extract(&self.image.stored, (column, row), buffer)
            .map_err(tile_error)?;
        let parameters = &self.parameters[level];
        Ok(Some(CompressedTile {
            codec: &CODEC,
            bytes: buffer,
            size: rect.size(),
            samples: &self.samples,
            parameters,
        }))
    }
}

/// An image that is decoded from the first row of tiles to the last.
struct TileRows {
    image: Jpeg2000Image,
    row_bytes: usize,
    /// The next row of tiles.
    next: u32,
    band: Band,
    /// Rows of the band that were returned.
    used: usize,
}

/// A row of tiles.
enum Band {
    /// Not decoded yet.
    None,
    /// One tile, and its number of rows.
    Tile(Planes, usize),
    /// The samples of several tiles.
    Samples(Vec<u8>),
}

impl TileRows {
    fn rows_left(&self) -> usize {
        match &self.band {
            Band::None => 0,
            Band::Tile(_, rows) => rows - self.used,
            Band::Samples(samples) => samples.len() / self.row_bytes - self.used,
        }
    }

    /// Decodes the next row of tiles.
    fn advance(&mut self) -> Result<(), ImageError> {
        let Jpeg2000Image { codestream, interleaving, .. } = &self.image;
        let (grid_columns, grid_rows) = codestream.grid();
        let row = self.next;
        if row == grid_rows {
            return Err(ImageError::Truncated);
        }
        (self.next, self.used) = (row + 1, 0);
        let mut extracted = Vec::new();
        let spare = std::mem::replace(&mut self.band, Band::None);
        let tile_rows = codestream.tile((0, row), 0).1;
        if grid_columns == 1 {
            drop(spare);
            let columns = codestream.tile((0, row), 0).0;
            let planes = self.image.decode((0, row), 0, (&columns, &tile_rows), &mut extracted)?;
            interleaving.planes(&planes)?;
            self.band = Band::Tile(planes, tile_rows.len());
            return Ok(());
        }
        let mut samples = if let Band::Samples(samples) = spare { samples } else { Vec::new() };
        samples.resize(tile_rows.len() * self.row_bytes, 0);
        let pixel_bytes = interleaving.pixel_bytes();
        for column in 0..grid_columns {
            let columns = codestream.tile((column, row), 0).0;
            let decoded =
                self.image.decode((column, row), 0, (&columns, &tile_rows), &mut extracted)?;
            let planes = interleaving.planes(&decoded)?;
            let part = columns.start as usize * pixel_bytes..columns.end as usize * pixel_bytes;
            for (y, target) in samples.chunks_exact_mut(self.row_bytes).enumerate() {
                interleaving.interleave(&planes, y * columns.len(), &mut target[part.clone()]);
            }
        }
        self.band = Band::Samples(samples);
        Ok(())
    }
}

impl RowDecoder for TileRows {
    fn decode_rows(&mut self, rows: &mut [u8]) -> Result<(), ImageError> {
        let mut rows = rows;
        while !rows.is_empty() {
            if self.rows_left() == 0 {
                self.advance()?;
            }
            let count = self.rows_left().min(rows.len() / self.row_bytes);
            let (now, later) = rows.split_at_mut(count * self.row_bytes);
            match &self.band {
                Band::None => return Err(ImageError::Truncated),
                Band::Tile(planes, _) => {
                    let interleaving = &self.image.interleaving;
                    let planes = interleaving.planes(planes)?;
                    let width = self.row_bytes / interleaving.pixel_bytes();
                    interleaving.interleave(&planes, self.used * width, now);
                }
                Band::Samples(samples) => {
                    now.copy_from_slice(&samples[self.used * self.row_bytes..][..now.len()]);
                }
            }
            self.used += count;
            rows = later;
        }
        Ok(())
    }

    /// The end of the codestream was checked when it was opened.
    fn finish(&mut self) -> Result<(), ImageError> {
        Ok(())
    }
}
