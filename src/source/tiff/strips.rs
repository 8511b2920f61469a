//! TIFF images in strips, decoded once from the first row to the last.

use super::directory::TiffFile;
use super::image::{PlanarConfig, TiffImage};
use crate::codec::decode::{ImageError, RowDecoder};
use crate::codec::jpeg::JpegStreamError;
use crate::codec::tile::decompressor::Decompressor;
use crate::codec::tile::interleave::spread;
use crate::codec::tile::{CompressedTile, TileError, region};

/// Decodes strip after strip. Compressions that allow it are decoded row by row, so that a strip of
/// any length takes little memory.
pub(crate) struct StripDecoder {
    tiff: TiffFile,
    image: TiffImage,
    scratch: Scratch,
    /// The number of the next strip.
    next: u32,
    current: Option<Strip>,
}

/// A strip that is being decoded.
#[derive(Clone, Copy, Debug)]
struct Strip {
    row: u32,
    height: u32,
    /// The rows decoded so far.
    done: u32,
}

/// Reused memory.
#[derive(Default)]
struct Scratch {
    /// One per plane.
    decompressors: Vec<Decompressor>,
    compressed: Vec<u8>,
    /// The decoded planes of a strip that is handed out in parts.
    planes: Vec<Vec<u8>>,
    /// Rows of a plane before they are interleaved.
    plane: Vec<u8>,
    spare: Vec<u8>,
}

impl StripDecoder {
    /// Starts at the first row of `image`.
    pub fn new(tiff: TiffFile, image: TiffImage) -> Self {
        Self { tiff, image, scratch: Scratch::default(), next: 0, current: None }
    }
}

impl RowDecoder for StripDecoder {
    fn decode_rows(&mut self, mut rows: &mut [u8]) -> Result<(), ImageError> {
        let Self { tiff, image, scratch, next, current } = self;
        let row_bytes = image.samples.row_bytes(image.size.width());
        while rows.len() >= row_bytes {
            let mut strip = match *current {
                Some(strip) if strip.done < strip.height => strip,
                _ if *next < image.grid().1 => {
                    *next += 1;
                    scratch.begin(image, *next - 1)?
                }
                _ => return Err(ImageError::malformed("it has no more rows")),
            };
            let count = ((strip.height - strip.done) as usize).min(rows.len() / row_bytes);
            let (now, later) = rows.split_at_mut(count * row_bytes);
            scratch.read(tiff, image, &mut strip, now)?;
            *current = Some(strip);
            rows = later;
        }
        Ok(())
    }

    /// Strips are verified as they are decoded, and have no order in the file.
    fn finish(&mut self) -> Result<(), ImageError> {
        Ok(())
    }
}

impl Scratch {
    /// The number of bytes decompressed at a time, which stay in the processor's cache until the
    /// predictor is undone.
    const BLOCK_BYTES: usize = 256 << 10;

    /// Starts a strip.
    fn begin(&mut self, image: &TiffImage, row: u32) -> Result<Strip, ImageError> {
        if let Some(parameters) = image.row_parameters() {
            for plane in 0..image.planes.count() {
                let number = image.chunk_number(plane, (0, row));
                let failed = |error| failed(number, error);
                if self.decompressors.len() <= plane {
                    self.decompressors
                        .push(Decompressor::new(parameters.compression).map_err(failed)?);
                }
                self.decompressors[plane]
                    .begin(image.place(number), parameters.fill_order)
                    .map_err(failed)?;
            }
        }
        Ok(Strip { row, height: image.chunk_rows(row), done: 0 })
    }

    /// Decodes the next whole rows of a strip.
    fn read(
        &mut self,
        tiff: &TiffFile,
        image: &TiffImage,
        strip: &mut Strip,
        rows: &mut [u8],
    ) -> Result<(), ImageError> {
        let count = (rows.len() / image.samples.row_bytes(image.size.width())) as u32;
        let is_last = strip.done + count == strip.height;
        for plane in 0..image.planes.count() {
            let number = image.chunk_number(plane, (0, strip.row));
            if image.row_parameters().is_some() {
                self.read_rows(tiff, image, plane, is_last, rows)
            } else {
                self.read_whole(tiff, image, (plane, number), *strip, rows)
            }
            .map_err(|error| failed(number, error))?;
        }
        strip.done += count;
        Ok(())
    }

    fn read_rows(
        &mut self,
        tiff: &TiffFile,
        image: &TiffImage,
        plane: usize,
        is_last: bool,
        rows: &mut [u8],
    ) -> Result<(), TileError> {
        let Self { decompressors, plane: plane_rows, spare, .. } = self;
        let (Some(parameters), Some(decompressor)) =
            (image.row_parameters(), decompressors.get_mut(plane))
        else {
            return Ok(());
        };
        let (row_bytes, chunk_row_bytes) =
            (image.samples.row_bytes(image.size.width()), image.chunk_row_bytes());
        for block in rows.chunks_mut((Self::BLOCK_BYTES / row_bytes).max(1) * row_bytes) {
            let decompressed = match image.planes {
                PlanarConfig::Chunky => &mut *block,
                PlanarConfig::Planar(_) => {
                    plane_rows.resize(block.len() / row_bytes * chunk_row_bytes, 0);
                    &mut plane_rows[..]
                }
            };
            decompressor.read(&tiff.file, decompressed)?;
            parameters.predictor.undo(decompressed, chunk_row_bytes, spare);
            if let PlanarConfig::Planar(count) = image.planes {
                interleave(plane_rows, block, image, (plane, count));
            }
        }
        if is_last { decompressor.finish(&tiff.file) } else { Ok(()) }
    }

    fn read_whole(
        &mut self,
        tiff: &TiffFile,
        image: &TiffImage,
        (plane, number): (usize, usize),
        strip: Strip,
        rows: &mut [u8],
    ) -> Result<(), TileError> {
        let Self { compressed, planes, plane: whole_strip, .. } = self;
        let chunk_row_bytes = image.chunk_row_bytes();
        let strip_bytes = chunk_row_bytes * strip.height as usize;
        let mut decode = |target: &mut [u8]| {
            let tile = image.compressed(&tiff.file, number, strip.height, compressed)?;
            region::with_decoder(tile.codec, |decoder| {
                match decoder.decode(tile, target, chunk_row_bytes) {
                    // Some writers give the last strip as many rows as the others.
                    Err(TileError::JpegStream(JpegStreamError::Dimensions { found, .. }))
                        if found == image.chunk_size() =>
                    {
                        whole_strip.resize(chunk_row_bytes * found.height() as usize, 0);
                        decoder.decode(
                            CompressedTile { size: found, ..tile },
                            whole_strip,
                            chunk_row_bytes,
                        )?;
                        target.copy_from_slice(&whole_strip[..target.len()]);
                        Ok(())
                    }
                    other => other,
                }
            })
        };
        if image.planes == PlanarConfig::Chunky && rows.len() == strip_bytes {
            return decode(rows);
        }
        if planes.len() <= plane {
            planes.resize_with(plane + 1, Vec::new);
        }
        let decoded = &mut planes[plane];
        if strip.done == 0 {
            decoded.resize(strip_bytes, 0);
            decode(decoded)?;
        }
        let decoded = &decoded[strip.done as usize * chunk_row_bytes..];
        match image.planes {
            PlanarConfig::Chunky => rows.copy_from_slice(&decoded[..rows.len()]),
            PlanarConfig::Planar(count) => interleave(decoded, rows, image, (plane, count)),
        }
        Ok(())
    }
}

/// Writes the rows of one plane of `count` to their places in `rows`.
fn interleave(
    plane_rows: &[u8],
    rows: &mut [u8],
    image: &TiffImage,
    (plane, count): (usize, usize),
) {
    let row_bytes = image.samples.row_bytes(image.size.width());
    let plane_rows = plane_rows.chunks_exact(image.chunk_row_bytes());
    for (samples, row) in plane_rows.zip(rows.chunks_exact_mut(row_bytes)) {
        spread(samples, row, image.samples.sample.bits(), plane, count);
    }
}

fn failed(number: usize, error: TileError) -> ImageError {
    match error {
        TileError::System(error) => ImageError::System(error),
        TileError::OldLzw => {
            ImageError::unsupported(format!("old-style LZW data (strip {number})"))
        }
        error => ImageError::malformed(format!("strip {number}: {error}")),
    }
}
