//! Views of parts of opaque pixels.

use super::{CHUNK_BYTES, PIXEL_BYTES, Pixels, Rgb, byte_count, chunks, row_bytes};
use crate::geometry::{Rect, Size};

/// A rectangle of opaque pixels inside a larger buffer.
#[derive(Clone, Copy, Debug)]
pub struct PixelView<'a> {
    pub(super) size: Size,
    pub(super) stride: usize,
    pub(super) bytes: &'a [u8],
}

impl<'a> PixelView<'a> {
    /// A view of a whole buffer.
    pub(super) fn new(size: Size, bytes: &'a [u8]) -> Self {
        Self { size, stride: row_bytes(size), bytes }
    }

    /// The size in pixels.
    #[must_use]
    pub const fn size(self) -> Size {
        self.size
    }

    /// The number of bytes from one row to the next.
    #[must_use]
    pub const fn stride(self) -> usize {
        self.stride
    }

    /// The bytes from the first pixel on, with rows [`stride`](Self::stride) bytes apart.
    #[must_use]
    pub const fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Returns a view of `part`, which is in pixels from the view's top left corner.
    ///
    /// # Panics
    /// Panics if `part` extends beyond the view.
    #[must_use]
    pub fn part(self, part: Rect) -> Self {
        assert!(Rect::of(self.size).contains(part), "{part} of {}", self.size);
        let start = part.origin().y as usize * self.stride + part.origin().x as usize * PIXEL_BYTES;
        Self { size: part.size(), stride: self.stride, bytes: &self.bytes[start..] }
    }

    /// Returns whether every channel of every pixel is within `tolerance` of `color`.
    #[must_use]
    pub fn is_within(self, tolerance: u8, color: Rgb) -> bool {
        let [red, green, blue] = color.0;
        let pattern: [u8; CHUNK_BYTES] =
            std::array::from_fn(|at| [blue, green, red, u8::MAX][at % PIXEL_BYTES]);
        let differs = |chunk: &[u8]| {
            chunk
                .iter()
                .zip(&pattern)
                .fold(0, |most: u8, (&one, &other)| most.max(one.abs_diff(other)))
                > tolerance
        };
        self.rows().all(|row| !chunks(row).any(differs))
    }

    /// Copies the view to the top left corner of a buffer of `size` that is otherwise filled with
    /// `color`.
    ///
    /// # Panics
    /// Panics if the view is larger than `size`.
    #[must_use]
    pub fn padded(self, size: Size, color: Rgb) -> Pixels {
        assert!(Rect::of(size).contains(Rect::of(self.size)), "{} in {size}", self.size);
        let mut filled = Pixels::filled(size, color);
        for (row, own) in filled.bytes.chunks_exact_mut(row_bytes(size)).zip(self.rows()) {
            row[..own.len()].copy_from_slice(own);
        }
        filled
    }

    /// The rows, each as long as the view is wide.
    pub fn rows(self) -> impl Iterator<Item = &'a [u8]> {
        (0..self.size.height() as usize).map(move |row| self.row(row))
    }

    /// Copies the view.
    #[must_use]
    pub fn to_pixels(self) -> Pixels {
        let mut bytes = Vec::with_capacity(byte_count(self.size));
        for row in self.rows() {
            bytes.extend_from_slice(row);
        }
        Pixels { size: self.size, bytes }
    }

    pub(super) fn row(self, row: usize) -> &'a [u8] {
        let start = row * self.stride;
        &self.bytes[start..start + row_bytes(self.size)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::PremultipliedPixels;

    fn size(width: u32, height: u32) -> Size {
        Size::new(width, height).unwrap()
    }

    #[test]
    fn a_single_channel_decides() {
        let white = Pixels::filled(size(131, 3), Rgb([250, 251, 252]));
        let same = Rgb([250, 251, 252]);
        assert!(white.view().is_within(0, same));
        for at in (0..white.bytes.len()).filter(|at| at % PIXEL_BYTES != 3) {
            for (value, difference) in [(white.bytes[at] - 3, 3), (white.bytes[at] + 2, 2)] {
                let mut other = white.clone();
                other.bytes[at] = value;
                assert!(!other.view().is_within(difference - 1, same), "byte {at}");
                assert!(other.view().is_within(difference, same), "byte {at}");
            }
        }
        let clear = |at: usize| {
            let mut bytes = vec![0; 131 * 3 * PIXEL_BYTES];
            bytes[at] = 1;
            PremultipliedPixels::from_bgra(size(131, 3), bytes).is_clear()
        };
        assert!(PremultipliedPixels::from_bgra(size(2, 1), vec![0; 8]).is_clear());
        assert!(!(0..131 * 3 * PIXEL_BYTES).any(clear));
    }
}
