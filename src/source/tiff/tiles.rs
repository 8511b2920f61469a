//! TIFF in tiles: any part of the picture, and of the smaller ones that belong to it.
//!
//! Tiles are read by position, so that no worker waits for another, and each worker keeps its own decoder. What always holds: a tile is decoded as a whole, so that what
//! tells of damage in it is looked at.

use std::cell::RefCell;

use super::chunk::ChunkDecoder;
use super::directory::Container;
use super::interleave::copy;
use super::picture::Picture;
use crate::codec::decode::{ImageError, TiledImage};
use crate::geometry::{Point, Rect, Size};
use crate::pixels::relative_to;
use crate::source::tiled::cells;

/// The full size and its levels.
pub(crate) struct Tiles {
    container: Container,
    /// Largest first; the sizes are those of all but the first.
    levels: Vec<Picture>,
    smaller: Vec<Size>,
}

/// What a thread keeps from tile to tile.
#[derive(Default)]
struct Scratch {
    decoder: ChunkDecoder,
    tile: Vec<u8>,
}

thread_local! {
    static DESK: RefCell<Scratch> = RefCell::default();
}

impl Tiles {
    /// The picture and the smaller ones, which have the same samples, largest first.
    pub fn new(container: Container, picture: Picture, smaller: Vec<Picture>) -> Self {
        let sizes = smaller.iter().map(|picture| picture.size).collect();
        Self { container, levels: std::iter::once(picture).chain(smaller).collect(), smaller: sizes }
    }
}

impl TiledImage for Tiles {
    fn tile_size(&self) -> Size {
        self.levels[0].chunk_size()
    }

    fn smaller_levels(&self) -> &[Size] {
        &self.smaller
    }

    fn read(&self, level: usize, region: Rect, rows: &mut [u8]) -> Result<(), ImageError> {
        let picture = &self.levels[level];
        let tile = picture.chunk_size();
        let samples = &picture.samples;
        let bits = samples.sample.bits();
        let per_pixel = samples.channels.count() + usize::from(samples.ignored);
        let (tile_row_bytes, row_bytes) = (samples.row_bytes(tile.width()), samples.row_bytes(region.size().width()));
        let (columns, cell_rows) = cells(region, tile);
        DESK.with_borrow_mut(|Scratch { decoder, tile: decoded }| {
            decoded.resize(tile_row_bytes * tile.height() as usize, 0);
            for cell in cell_rows.flat_map(|row| columns.clone().map(move |column| (column, row))) {
                let origin = Point { x: cell.0 * tile.width(), y: cell.1 * tile.height() };
                let whole = Rect::spanning(
                    origin.x..origin.x.saturating_add(tile.width()),
                    origin.y..origin.y.saturating_add(tile.height()),
                );
                let Some(shared) = whole.and_then(|whole| whole.intersection(region)) else { continue };
                let mut progress = decoder.begin(picture, cell)?;
                decoder.read(&self.container.file, picture, &mut progress, decoded)?;
                let (from, to) = (relative_to(shared, origin), relative_to(shared, region.origin()));
                let count = shared.size().width() as usize * per_pixel;
                let sources = decoded.chunks_exact(tile_row_bytes).skip(from.origin().y as usize);
                let targets = rows.chunks_exact_mut(row_bytes).skip(to.origin().y as usize);
                for (source, target) in sources.zip(targets).take(shared.size().height() as usize) {
                    let first = |part: Rect| part.origin().x as usize * per_pixel;
                    copy(source, first(from), target, first(to), count, bits);
                }
            }
            Ok(())
        })
    }
}
