//! Reads an image with very large tiles row by row.
//!
//! The engine reads regions of a few hundred pixels a side, so a tile of thousands would be decoded
//! many times. Here each row of tiles is decoded once, and its rows are returned in order.

use std::ops::Range;

use crate::codec::decode::{ImageError, RowDecoder, SampleLayout};
use crate::codec::tile::{TileError, TileStore, region};
use crate::geometry::{Rect, Size};

/// The rows of an image in tiles.
pub(crate) struct TileRows {
    image: Box<dyn TileStore>,
    size: Size,
    row_bytes: usize,
    /// Rows that were decoded, and their samples.
    decoded: Range<u32>,
    samples: Vec<u8>,
    next: u32,
}

impl TileRows {
    /// Goes through an image of this size.
    pub fn new(image: Box<dyn TileStore>, size: Size, layout: &SampleLayout) -> Self {
        Self {
            image,
            size,
            row_bytes: layout.row_bytes(size.width()),
            decoded: 0..0,
            samples: Vec::new(),
            next: 0,
        }
    }

    /// Bytes of the samples that are decoded at a time.
    pub fn held_bytes(&self) -> u64 {
        self.row_bytes as u64
            * u64::from(self.image.grids()[0].tile.height().min(self.size.height()))
    }

    fn decode_tiles(&mut self) -> Result<(), ImageError> {
        let height = self.image.grids()[0].tile.height();
        let rows = self.next..self.next.saturating_add(height).min(self.size.height());
        let part = Rect::spanning(0..self.size.width(), rows.clone());
        let part = part.ok_or_else(|| ImageError::malformed("it has fewer rows than it says"))?;
        self.samples.resize(self.row_bytes * rows.len(), 0);
        region::read(
            &*self.image,
            0,
            part,
            &mut self.samples,
            self.row_bytes,
            |tile, error, _| match error {
                TileError::System(error) => Err(ImageError::System(error)),
                error => Err(ImageError::malformed(format!("tile at {tile}: {error}"))),
            },
        )?;
        self.decoded = rows;
        Ok(())
    }
}

impl RowDecoder for TileRows {
    fn decode_rows(&mut self, mut rows: &mut [u8]) -> Result<(), ImageError> {
        while !rows.is_empty() {
            if !self.decoded.contains(&self.next) {
                self.decode_tiles()?;
            }
            let there = (self.decoded.end - self.next) as usize * self.row_bytes;
            let (some, rest) = rows.split_at_mut(there.min(rows.len()));
            let from = (self.next - self.decoded.start) as usize * self.row_bytes;
            some.copy_from_slice(&self.samples[from..from + some.len()]);
            self.next += (some.len() / self.row_bytes) as u32;
            rows = rest;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), ImageError> {
        self.samples = Vec::new();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::codec::decode::samples::{Channels, SampleType};
    use crate::codec::tile::decompressor::{Compression, FillOrder};
    use crate::codec::tile::predictor::Predictor;
    use crate::codec::tile::row_stream::{self, RowParameters};
    use crate::codec::tile::{CompressedTile, NativeTile, TileGrid};

    /// Tiles whose pixels depend on their position. Records the tiles that are read.
    struct Places {
        grids: [TileGrid; 1],
        samples: SampleLayout,
        reads: Arc<Mutex<Vec<NativeTile>>>,
    }

    impl TileStore for Places {
        fn grids(&self) -> &[TileGrid] {
            &self.grids
        }

        fn samples(&self) -> &SampleLayout {
            &self.samples
        }

        fn compressed<'a>(
            &'a self,
            tile: NativeTile,
            _plane: usize,
            buffer: &'a mut Vec<u8>,
        ) -> Result<Option<CompressedTile<'a>>, TileError> {
            self.reads.lock().unwrap().push(tile);
            let size = self.grids[0].tile;
            let (left, top) = (tile.column * size.width(), tile.row * size.height());
            let places = (top..top + size.height())
                .flat_map(|y| (left..left + size.width()).map(move |x| (x * 7 + y * 13) as u8));
            buffer.clear();
            buffer.extend(places);
            let codec = &row_stream::UNCOMPRESSED;
            Ok(Some(CompressedTile {
                codec,
                bytes: buffer,
                size,
                samples: &self.samples,
                parameters: &UNCOMPRESSED,
            }))
        }
    }

    static UNCOMPRESSED: RowParameters = RowParameters {
        compression: Compression::None,
        fill_order: FillOrder::HighestFirst,
        predictor: Predictor::None,
    };

    #[test]
    fn every_row_comes_and_every_tile_is_read_once() {
        let (size, reads) = (Size::new(95, 71).unwrap(), Arc::default());
        let layout = SampleLayout::new(Channels::Gray, SampleType::U8);
        let places = Places {
            grids: [TileGrid::new(size, Size::new(40, 30).unwrap())],
            samples: layout.clone(),
            reads: Arc::clone(&reads),
        };
        let mut rows = TileRows::new(Box::new(places), size, &layout);
        assert_eq!(rows.held_bytes(), 95 * 30);
        let mut all = vec![0; 95 * 71];
        for some in all.chunks_mut(95 * 13) {
            rows.decode_rows(some).unwrap();
        }
        rows.finish().unwrap();
        assert!(
            all.iter()
                .zip(0_u32..)
                .all(|(&sample, at)| sample == (at % 95 * 7 + at / 95 * 13) as u8)
        );
        let cells =
            (0..3).flat_map(|row| (0..3).map(move |column| NativeTile { level: 0, column, row }));
        let expected: Vec<_> = cells.collect();
        assert_eq!(*reads.lock().unwrap(), expected);
    }
}
