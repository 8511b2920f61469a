//! Pixels with alpha.

use super::{PIXEL_BYTES, PixelView, Pixels, Rgb, byte_count, chunks, row_bytes};
use crate::geometry::{Point, Rect, Size};

/// Pixels as a source returns them: blue, green, red and alpha, with colors premultiplied by alpha.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PremultipliedPixels {
    pub(super) size: Size,
    pub(super) bytes: Vec<u8>,
    pub(super) opacity: Opacity,
}

/// What is known about alpha.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opacity {
    /// Alpha is 255 in all pixels.
    Opaque,
    Unknown,
}

impl PremultipliedPixels {
    /// Creates pixels from OpenSlide's: one native-endian `u32` of premultiplied ARGB per pixel.
    ///
    /// # Panics
    /// Panics if `bytes` does not contain exactly `size` pixels.
    #[must_use]
    pub fn from_native_argb(size: Size, bytes: Vec<u8>) -> Self {
        #[cfg(target_endian = "big")]
        let bytes = {
            let mut bytes = bytes;
            bytes.chunks_exact_mut(PIXEL_BYTES).for_each(<[u8]>::reverse);
            bytes
        };
        Self::from_bgra(size, bytes)
    }

    /// Creates pixels from bytes: blue, green, red, alpha, premultiplied, rows without padding.
    ///
    /// # Panics
    /// Panics if `bytes` does not contain exactly `size` pixels.
    #[must_use]
    pub fn from_bgra(size: Size, bytes: Vec<u8>) -> Self {
        assert_eq!(bytes.len(), byte_count(size), "a buffer of {size} pixels");
        Self { size, bytes, opacity: Opacity::Unknown }
    }

    /// Creates pixels from BGRA bytes whose alpha is 255 throughout.
    ///
    /// # Panics
    /// As in [`from_bgra`](Self::from_bgra).
    #[must_use]
    pub fn opaque(size: Size, bytes: Vec<u8>) -> Self {
        Self { opacity: Opacity::Opaque, ..Self::from_bgra(size, bytes) }
    }

    /// Creates fully transparent pixels.
    #[must_use]
    pub fn clear(size: Size) -> Self {
        Self::from_bgra(size, vec![0; byte_count(size)])
    }

    /// Replaces the pixels from `at` on by `pixels`.
    ///
    /// # Panics
    /// Panics if `pixels` extend beyond these pixels.
    pub fn paste(&mut self, at: Point, pixels: &Self) {
        let inside =
            Rect::new(at, pixels.size).is_some_and(|place| Rect::of(self.size).contains(place));
        assert!(inside, "{} at ({}, {}) of {}", pixels.size, at.x, at.y, self.size);
        let (stride, left) = (row_bytes(self.size), at.x as usize * PIXEL_BYTES);
        let rows = self.bytes.chunks_exact_mut(stride).skip(at.y as usize);
        for (row, pasted) in rows.zip(pixels.bytes.chunks_exact(row_bytes(pixels.size))) {
            row[left..left + pasted.len()].copy_from_slice(pasted);
        }
        if pixels.opacity == Opacity::Unknown {
            self.opacity = Opacity::Unknown;
        }
    }

    /// Downsamples 2×2 as [`PixelView::halved`] does. Premultiplied colors are weighted by their
    /// alpha. `spare` is reused for the result.
    #[must_use]
    pub fn halved(&self, spare: Vec<u8>) -> Self {
        let view = PixelView::new(self.size, &self.bytes);
        let Pixels { size, bytes } = view.halved(spare);
        Self { size, bytes, opacity: self.opacity }
    }

    /// The size in pixels.
    #[must_use]
    pub const fn size(&self) -> Size {
        self.size
    }

    /// The bytes, row by row: blue, green, red, alpha.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns whether all pixels are fully transparent.
    #[must_use]
    pub fn is_clear(&self) -> bool {
        self.opacity == Opacity::Unknown
            && chunks(&self.bytes).all(|chunk| chunk.iter().fold(0, |any, byte| any | byte) == 0)
    }

    /// Returns whether red, green and blue are equal in every pixel.
    #[must_use]
    pub fn is_gray(&self) -> bool {
        self.bytes
            .chunks_exact(PIXEL_BYTES)
            .all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2])
    }

    /// Returns the buffer, for reuse.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The bytes, for changes in place that keep alpha.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// Returns whether all pixels are opaque.
    pub(crate) fn is_opaque(&self) -> bool {
        self.opacity == Opacity::Opaque
            || self.bytes.chunks_exact(PIXEL_BYTES).fold(u8::MAX, |all, pixel| all & pixel[3])
                == u8::MAX
    }

    /// Composites the pixels onto `background`: `color + background·(255 − alpha)/255`, rounded to
    /// nearest.
    #[must_use]
    pub fn over(mut self, background: Rgb) -> Pixels {
        if !self.is_opaque() {
            let [red, green, blue] = background.0;
            for pixel in self.bytes.chunks_exact_mut(PIXEL_BYTES) {
                let missing = u32::from(u8::MAX - pixel[3]);
                if missing == 0 {
                    continue;
                }
                for (channel, behind) in pixel.iter_mut().zip([blue, green, red]) {
                    let share = (u32::from(behind) * missing + 127) / 255;
                    // In a malformed file, colors can be brighter than alpha allows.
                    *channel = (u32::from(*channel) + share).min(255) as u8;
                }
                pixel[3] = u8::MAX;
            }
        }
        Pixels { size: self.size, bytes: self.bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(width: u32, height: u32) -> Size {
        Size::new(width, height).unwrap()
    }

    #[test]
    fn composites_onto_the_background() {
        // Premultiplied: opaque, clear, half of pure red, and colors beyond their alpha.
        let bytes = vec![10, 20, 30, 255, 0, 0, 0, 0, 0, 0, 128, 128, 250, 250, 250, 100];
        let pixels =
            PremultipliedPixels::from_native_argb(size(4, 1), bytes).over(Rgb([200, 100, 50]));
        assert_eq!(
            pixels.bytes(),
            [10, 20, 30, 255, 50, 100, 200, 255, 25, 50, 128 + 100, 255, 255, 255, 255, 255]
        );
    }
}
