//! Run-length encoded bitmaps, whose lowest row comes first.
//!
//! A run past the end of its row is damage, and so is an end before the last row. Skipped pixels
//! have color 0, as in Pillow.

use std::io;

use crate::codec::decode::ImageError;
use crate::geometry::Size;

/// Decodes runs of 4-bit or 8-bit indices to one byte per pixel, top row first.
pub(crate) fn decode(runs: &[u8], bits: u8, size: Size) -> Result<Vec<u8>, ImageError> {
    let (width, height) = (size.width() as usize, size.height() as usize);
    let mut pixels = Vec::new();
    let room = width.checked_mul(height).filter(|&area| pixels.try_reserve_exact(area).is_ok());
    pixels.resize(room.ok_or_else(|| ImageError::System(io::ErrorKind::OutOfMemory.into()))?, 0);
    let (mut x, mut y) = (0, 0);
    let mut runs = runs.iter().copied();
    let outside = || ImageError::malformed("a run of pixels leaves the image");
    loop {
        let Some(count) = runs.next() else {
            // Some programs omit the end marker.
            let is_complete = y == height || (y + 1 == height && x == width);
            return if is_complete { Ok(pixels) } else { Err(ImageError::Truncated) };
        };
        let mut next = || runs.next().ok_or(ImageError::Truncated);
        let value = next()?;
        match (count, value) {
            (0, 0) => (x, y) = (0, y + 1),
            // The rest of the last row is skipped.
            (0, 1) => return if y + 1 >= height { Ok(pixels) } else { Err(ImageError::Truncated) },
            (0, 2) => {
                (x, y) = (x + usize::from(next()?), y + usize::from(next()?));
                if x > width || y > height {
                    return Err(outside());
                }
            }
            (count, value) => {
                let literal = count == 0;
                let length = usize::from(if literal { value } else { count });
                let row = (height.checked_sub(y + 1)).map(|row| row * width).ok_or_else(outside)?;
                let run = if x + length > width {
                    None
                } else {
                    pixels.get_mut(row + x..row + x + length)
                };
                let run = run.ok_or_else(outside)?;
                let mut bytes = 0;
                let mut pair = value;
                for (at, pixel) in run.iter_mut().enumerate() {
                    if literal && (bits == 8 || at % 2 == 0) {
                        (pair, bytes) = (next()?, bytes + 1);
                    }
                    *pixel = match (bits, at % 2) {
                        (8, _) => pair,
                        (_, 0) => pair >> 4,
                        (_, _) => pair & 15,
                    };
                }
                if bytes % 2 == 1 {
                    next()?;
                }
                x += length;
            }
        }
        if y > height {
            return Err(outside());
        }
    }
}
