//! TIFF in strips: gone through once, from the first row to the last.

use super::chunk::{ChunkDecoder, Progress};
use super::directory::Container;
use super::picture::Picture;
use crate::codec::decode::{ImageError, RowDecoder};

/// Decodes strip after strip.
pub(crate) struct StripDecoder {
    container: Container,
    picture: Picture,
    decoder: ChunkDecoder,
    /// The number of the strip that comes next, and the one that is being decoded.
    next: u32,
    current: Option<Progress>,
}

impl StripDecoder {
    pub fn new(container: Container, picture: Picture) -> Self {
        Self { container, picture, decoder: ChunkDecoder::default(), next: 0, current: None }
    }
}

impl RowDecoder for StripDecoder {
    fn decode_rows(&mut self, mut rows: &mut [u8]) -> Result<(), ImageError> {
        let Self { container, picture, decoder, next, current } = self;
        let row_bytes = picture.samples.row_bytes(picture.size.width());
        while rows.len() >= row_bytes {
            let mut progress = match *current {
                Some(progress) if progress.left() > 0 => progress,
                _ if *next < picture.grid().1 => {
                    *next += 1;
                    decoder.begin(picture, (0, *next - 1))?
                }
                _ => return Err(ImageError::malformed("it has no more rows")),
            };
            let count = (progress.left() as usize).min(rows.len() / row_bytes);
            let (now, later) = rows.split_at_mut(count * row_bytes);
            decoder.read(&container.file, picture, &mut progress, now)?;
            *current = Some(progress);
            rows = later;
        }
        Ok(())
    }

    /// What can be checked after a strip's last row was checked with it, and the strips have no order in the file that would make one byte the last.
    fn finish(&mut self) -> Result<(), ImageError> {
        Ok(())
    }
}
