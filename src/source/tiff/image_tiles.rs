//! The tiles of an ordinary TIFF image and of its smaller levels.

use super::directory::TiffFile;
use super::image::TiffImage;
use crate::codec::decode::samples::SampleLayout;
use crate::codec::tile::{CompressedTile, NativeTile, TileError, TileGrid, TileStore};

/// The full size and its levels. All have the same samples.
pub(crate) struct ImageTiles {
    tiff: TiffFile,
    levels: Vec<TiffImage>,
    grids: Vec<TileGrid>,
}

impl ImageTiles {
    /// Joins an image and its smaller levels, largest first.
    pub fn new(tiff: TiffFile, image: TiffImage, smaller: Vec<TiffImage>) -> Self {
        let levels: Vec<_> = std::iter::once(image).chain(smaller).collect();
        let grids =
            levels.iter().map(|level| TileGrid::new(level.size, level.chunk_size())).collect();
        Self { tiff, levels, grids }
    }
}

impl TileStore for ImageTiles {
    fn grids(&self) -> &[TileGrid] {
        &self.grids
    }

    fn samples(&self) -> &SampleLayout {
        &self.levels[0].samples
    }

    fn planes(&self) -> usize {
        self.levels[0].planes.count()
    }

    fn compressed<'a>(
        &'a self,
        NativeTile { level, column, row }: NativeTile,
        plane: usize,
        buffer: &'a mut Vec<u8>,
    ) -> Result<Option<CompressedTile<'a>>, TileError> {
        let image = &self.levels[level];
        let number = image.chunk_number(plane, (column, row));
        image.compressed(&self.tiff.file, number, image.chunk_rows(row), buffer).map(Some)
    }
}
