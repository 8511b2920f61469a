//! JPEG 2000, as a `.jp2` file or a bare code stream, by OpenJPEG.
//!
//! Boxes, sizes and the places of tiles are read here ([`boxes`], [`codestream`]), and OpenJPEG is given one tile at a time ([`openjpeg`]), each thread with a decoder of its own. Tiled
//! pictures can so be read anywhere; others go from the first row of tiles to the last, in memory for one row of tiles, which is all of the picture where there is
//! one tile. What always holds: nothing is allocated by a size that was not looked at, and each component has as many samples as the picture has pixels.

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::Range;
use std::path::Path;

use super::stored::Stored;
use super::{Decoder, ImageError, ImageHeader, Request, RowDecoder, TiledImage};
use crate::geometry::{Orientation, Rect, Size};

mod boxes;
mod codestream;
mod coding;
mod components;
mod openjpeg;
#[cfg(test)]
mod tests;

use boxes::{Boxes, Color};
use codestream::Codestream;
use components::Interleaving;
use openjpeg::Planes;

/// Reads the boxes and the code stream's header, and looks its tiles up.
///
/// [`ImageHeader::held_bytes`] is what one tile takes where the picture is tiled: every thread that decodes takes as much.
///
/// # Errors
/// [`ImageError`] where the file is cut short, contradicts itself, or has components that are not gray or colors and alpha of at most 16 bits.
pub(crate) fn open(path: &Path, request: Request) -> Result<(ImageHeader, Decoder), ImageError> {
    if request.page > 0 {
        return Err(ImageError::NoSuchPage { pages: 1 });
    }
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
    let picture = Picture { stored, codestream, interleaving };
    let held_bytes = picture.held_bytes(size);
    let header = ImageHeader {
        size,
        samples: picture.interleaving.layout(),
        coding: of_coding.into_iter().flatten().collect::<Vec<_>>().join(", "),
        orientation: Orientation::UPRIGHT,
        icc_profile: match boxes.color {
            Some(Color::Profile(profile)) => Some(profile),
            _ => None,
        },
        subsampling: None,
        microns_per_pixel: None,
        pages: 1,
        unshown_samples: 0,
        properties: BTreeMap::new(),
        held_bytes,
    };
    Ok((header, picture.into_decoder(size)?))
}

/// A file, and all that is needed to decode any tile of it.
struct Picture {
    stored: Stored,
    codestream: Codestream,
    interleaving: Interleaving,
}

impl Picture {
    /// The longest side of tiles that are read one by one, and not in rows.
    const LONGEST_TILE_SIDE: u32 = 4096;
    /// Smaller pictures of the same that are of any use.
    const MOST_LEVELS: u32 = 16;

    /// The size of tiles that can be read one by one: chunks of this size are whole tiles.
    fn separate_tiles(&self) -> Option<Size> {
        let (columns, rows) = self.codestream.grid();
        let (width, height) = self.codestream.tile_size();
        let size = Size::new(width, height).filter(|_| columns * rows > 1 && self.codestream.begins_at_origin());
        size.filter(|_| width.max(height) <= Self::LONGEST_TILE_SIDE)
    }

    fn into_decoder(self, size: Size) -> Result<Decoder, ImageError> {
        let row_bytes = self.interleaving.layout().row_bytes(size.width());
        let Some(tile_size) = self.separate_tiles() else {
            return Ok(Decoder::Rows(Box::new(TileRows {
                picture: self,
                row_bytes,
                next: 0,
                band: Band::None,
                used: 0,
            })));
        };
        let reduction_levels = self.codestream.reduction_levels.min(Self::MOST_LEVELS);
        let smaller = (1..=reduction_levels)
            .map(|reduction_levels| self.codestream.size(reduction_levels))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Decoder::Tiles(Box::new(Tiles { picture: self, tile_size, smaller })))
    }

    /// What decoding takes: OpenJPEG's numbers of four bytes, its tables of blocks, the compressed bytes and copies of them; and where tiles lie beside each
    /// other in rows, their samples.
    fn held_bytes(&self, size: Size) -> u64 {
        let (tile_width, tile_height) = self.codestream.tile_size();
        let area = u64::from(tile_width.min(size.width())) * u64::from(tile_height.min(size.height()));
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

    /// Decodes one tile, whose columns and rows at that size are known.
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

/// A picture whose tiles are read one by one.
struct Tiles {
    picture: Picture,
    tile_size: Size,
    smaller: Vec<Size>,
}

impl TiledImage for Tiles {
    fn tile_size(&self) -> Size {
        self.tile_size
    }

    fn smaller_levels(&self) -> &[Size] {
        &self.smaller
    }

    fn read(&self, level: usize, region: Rect, rows: &mut [u8]) -> Result<(), ImageError> {
        let Picture { codestream, interleaving, .. } = &self.picture;
        // At most `MOST_LEVELS`.
        let reduction_levels = level as u32;
        let pixel_bytes = interleaving.pixel_bytes();
        let row_bytes = region.size().width() as usize * pixel_bytes;
        let mut extracted = Vec::new();
        let (grid_columns, grid_rows) = codestream.grid();
        let meets = |one: &Range<u32>, other: &Range<u32>| one.start < other.end && other.start < one.end;
        for row in 0..grid_rows {
            let tile_rows = codestream.tile((0, row), reduction_levels).1;
            if !meets(&tile_rows, &region.rows()) {
                continue;
            }
            for column in 0..grid_columns {
                let tile_columns = codestream.tile((column, row), reduction_levels).0;
                let Some(tile) = Rect::spanning(tile_columns.clone(), tile_rows.clone()) else { continue };
                let Some(common) = tile.intersection(region) else { continue };
                let decoded = self.picture.decode(
                    (column, row),
                    reduction_levels,
                    (&tile_columns, &tile_rows),
                    &mut extracted,
                )?;
                let planes = interleaving.planes(&decoded)?;
                let left = (common.origin().x - region.origin().x) as usize * pixel_bytes;
                for y in common.rows() {
                    let from = (y - tile_rows.start) as usize * tile.size().width() as usize;
                    let from = from + (common.origin().x - tile_columns.start) as usize;
                    let target = &mut rows[(y - region.origin().y) as usize * row_bytes + left..];
                    let count = common.size().width() as usize;
                    interleaving.interleave(&planes, from, &mut target[..count * pixel_bytes]);
                }
            }
        }
        Ok(())
    }
}

/// A picture that is decoded from its first row of tiles to its last.
struct TileRows {
    picture: Picture,
    row_bytes: usize,
    /// The next row of tiles.
    next: u32,
    band: Band,
    /// Rows of the band that were handed out.
    used: usize,
}

/// A row of tiles.
enum Band {
    /// Not yet decoded.
    None,
    /// One tile, and how many rows it has.
    Tile(Planes, usize),
    /// The samples of several.
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
        let Picture { codestream, interleaving, .. } = &self.picture;
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
            let planes = self.picture.decode((0, row), 0, (&columns, &tile_rows), &mut extracted)?;
            interleaving.planes(&planes)?;
            self.band = Band::Tile(planes, tile_rows.len());
            return Ok(());
        }
        let mut samples = if let Band::Samples(samples) = spare { samples } else { Vec::new() };
        samples.resize(tile_rows.len() * self.row_bytes, 0);
        let pixel_bytes = interleaving.pixel_bytes();
        for column in 0..grid_columns {
            let columns = codestream.tile((column, row), 0).0;
            let decoded = self.picture.decode((column, row), 0, (&columns, &tile_rows), &mut extracted)?;
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
                    let interleaving = &self.picture.interleaving;
                    let planes = interleaving.planes(planes)?;
                    let width = self.row_bytes / interleaving.pixel_bytes();
                    interleaving.interleave(&planes, self.used * width, now);
                }
                Band::Samples(samples) => now.copy_from_slice(&samples[self.used * self.row_bytes..][..now.len()]),
            }
            self.used += count;
            rows = later;
        }
        Ok(())
    }

    /// That the code stream ends as it should was looked at before.
    fn finish(&mut self) -> Result<(), ImageError> {
        Ok(())
    }
}
