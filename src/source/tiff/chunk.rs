//! The rows of one strip or tile after the other, their planes put together.
//!
//! What always holds: rows are decoded in order and each once; and an error names the strip or tile.

use std::fs::File;

use super::compression::{ChunkError, Compression, Decompressor};
use super::interleave::spread;
use super::jpeg::{Expected, JpegDecoder};
use super::picture::{ChunkCoding, Picture, PlanarConfig};
use crate::codec::Subsampling;
use crate::codec::decode::ImageError;
use crate::geometry::Size;

/// Decodes strips and tiles, in memory that is used again.
#[derive(Default)]
pub(crate) struct ChunkDecoder {
    /// One a plane, all of the coding that was asked for last.
    decompressors: Vec<(Compression, Decompressor)>,
    jpeg: JpegDecoder,
    /// Of a JPEG strip that is handed out in parts: its planes.
    planes: Vec<Vec<u8>>,
    /// Rows of a plane before they are put in their places.
    plane: Vec<u8>,
    spare: Vec<u8>,
}

/// Where decoding a picture is: its strip or tile, how many rows that has, and how many of them have been decoded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    cell: (u32, u32),
    height: u32,
    done: u32,
}

impl Progress {
    /// How many rows are left.
    pub const fn left(self) -> u32 {
        self.height - self.done
    }
}

impl ChunkDecoder {
    /// Bytes of rows that are decompressed at a time, so that they are at hand still when the predictor is undone.
    const BLOCK_BYTES: usize = 256 << 10;

    /// Begins with the strip or tile in column and row `cell`.
    ///
    /// # Errors
    /// [`ImageError`] where there is no memory for a decompressor.
    pub fn begin(&mut self, picture: &Picture, cell: (u32, u32)) -> Result<Progress, ImageError> {
        if let ChunkCoding::Stream { compression, fill_order, .. } = picture.coding {
            for plane in 0..picture.planes.count() {
                let number = picture.chunk_number(plane, cell);
                let failed = |error| failed(picture, number, error);
                match self.decompressors.get_mut(plane) {
                    Some((kind, _)) if *kind == compression => {}
                    Some(other) => *other = (compression, Decompressor::new(compression).map_err(failed)?),
                    None => self.decompressors.push((compression, Decompressor::new(compression).map_err(failed)?)),
                }
                self.decompressors[plane].1.begin(picture.place(number), fill_order).map_err(failed)?;
            }
        }
        Ok(Progress { cell, height: picture.chunk_rows(cell.1), done: 0 })
    }

    /// Decodes the next rows, a whole number of them and no more than are left, each as wide as a whole strip or tile.
    ///
    /// # Errors
    /// [`ImageError`] where they are damaged.
    pub fn read(
        &mut self,
        file: &File,
        picture: &Picture,
        progress: &mut Progress,
        rows: &mut [u8],
    ) -> Result<(), ImageError> {
        let row_bytes = picture.samples.row_bytes(picture.chunk_size().width());
        let count = (rows.len() / row_bytes) as u32;
        let is_last = count == progress.left();
        for plane in 0..picture.planes.count() {
            let number = picture.chunk_number(plane, progress.cell);
            match &picture.coding {
                ChunkCoding::Stream { .. } => self.read_stream(file, picture, plane, is_last, rows),
                ChunkCoding::Jpeg { .. } => self.read_jpeg(file, picture, plane, *progress, rows),
            }
            .map_err(|error| failed(picture, number, error))?;
        }
        progress.done += count;
        Ok(())
    }

    fn read_stream(
        &mut self,
        file: &File,
        picture: &Picture,
        plane: usize,
        is_last: bool,
        rows: &mut [u8],
    ) -> Result<(), ChunkError> {
        let Self { decompressors, plane: apart, spare, .. } = self;
        let (ChunkCoding::Stream { predictor, .. }, Some((_, decompressor))) =
            (&picture.coding, decompressors.get_mut(plane))
        else {
            return Ok(());
        };
        let row_bytes = picture.samples.row_bytes(picture.chunk_size().width());
        let chunk_row_bytes = picture.chunk_row_bytes();
        let block_rows = (Self::BLOCK_BYTES / row_bytes).max(1);
        for block in rows.chunks_mut(block_rows * row_bytes) {
            let decompressed = match picture.planes {
                PlanarConfig::Chunky => &mut *block,
                PlanarConfig::Planar(_) => {
                    apart.resize(block.len() / row_bytes * chunk_row_bytes, 0);
                    &mut apart[..]
                }
            };
            decompressor.read(file, decompressed)?;
            predictor.undo(decompressed, chunk_row_bytes, spare);
            if let PlanarConfig::Planar(count) = picture.planes {
                let bits = picture.samples.sample.bits();
                for (samples, row) in apart.chunks_exact(chunk_row_bytes).zip(block.chunks_exact_mut(row_bytes)) {
                    spread(samples, row, bits, plane, count);
                }
            }
        }
        if is_last { decompressor.finish(file) } else { Ok(()) }
    }

    fn read_jpeg(
        &mut self,
        file: &File,
        picture: &Picture,
        plane: usize,
        progress: Progress,
        rows: &mut [u8],
    ) -> Result<(), ChunkError> {
        let Some(expected) = expected(picture, progress.height) else { return Ok(()) };
        let stored = picture.place(picture.chunk_number(plane, progress.cell));
        let chunk_row_bytes = picture.chunk_row_bytes();
        let whole_bytes = chunk_row_bytes * progress.height as usize;
        if picture.planes == PlanarConfig::Chunky && rows.len() == whole_bytes {
            return self.jpeg.decode(file, stored, expected, rows);
        }
        if self.planes.len() <= plane {
            self.planes.resize_with(plane + 1, Vec::new);
        }
        let decoded = &mut self.planes[plane];
        if progress.done == 0 {
            decoded.resize(whole_bytes, 0);
            self.jpeg.decode(file, stored, expected, decoded)?;
        }
        let decoded = &decoded[progress.done as usize * chunk_row_bytes..];
        match picture.planes {
            PlanarConfig::Chunky => rows.copy_from_slice(&decoded[..rows.len()]),
            PlanarConfig::Planar(count) => {
                let row_bytes = count * chunk_row_bytes;
                for (samples, row) in decoded.chunks_exact(chunk_row_bytes).zip(rows.chunks_exact_mut(row_bytes)) {
                    spread(samples, row, 8, plane, count);
                }
            }
        }
        Ok(())
    }

    /// How the picture's first strip or tile stores chroma, where it is JPEG and sound.
    ///
    /// # Errors
    /// [`ImageError::System`] where it could not be read.
    pub fn subsampling(&mut self, file: &File, picture: &Picture) -> Result<Option<Subsampling>, ImageError> {
        /// A strip that is longer is a whole picture, for which a caller has to have made room first.
        const BYTES_AT_MOST: u64 = 16 << 20;
        let Some(expected) = expected(picture, picture.chunk_rows(0)) else { return Ok(None) };
        if picture.place(0).length > BYTES_AT_MOST {
            return Ok(None);
        }
        match self.jpeg.subsampling(file, picture.place(0), expected) {
            // Three planes of brightness are no gray picture.
            Ok(found) => Ok(found.filter(|_| picture.planes == PlanarConfig::Chunky)),
            Err(ChunkError::System(error)) => Err(ImageError::System(error)),
            // Damage is told of when it is decoded.
            Err(_) => Ok(None),
        }
    }
}

/// What a JPEG strip or tile of so many rows is to be.
fn expected(picture: &Picture, height: u32) -> Option<Expected<'_>> {
    let ChunkCoding::Jpeg { tables, color } = &picture.coding else { return None };
    let whole = picture.chunk_size();
    Some(Expected { tables, color: *color, size: Size::new(whole.width(), height)?, whole })
}

fn failed(picture: &Picture, number: usize, error: ChunkError) -> ImageError {
    let part = picture.shape.part();
    match error {
        ChunkError::System(error) => ImageError::System(error),
        ChunkError::OldLzw => ImageError::unsupported(format!("of {part} {number}, {error}")),
        error => ImageError::malformed(format!("of {part} {number}, {error}")),
    }
}
