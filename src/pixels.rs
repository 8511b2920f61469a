//! Pixels: what a source yields, what an encoder takes, and the arithmetic between the two.
//!
//! One layout serves everywhere: four bytes a pixel, blue, green, red, then alpha, rows without padding. It is what
//! OpenSlide delivers on a little-endian machine and what libjpeg-turbo takes, so the common case is
//! never copied, and four-byte pixels reduce without shuffling. [`PremultipliedPixels`] may be transparent;
//! [`Pixels`] never are: the only way from one to the other is [`PremultipliedPixels::over`] a background.

use std::fmt;

use image::RgbImage;
use serde::Serialize;

use crate::geometry::{Point, Rect, Size};

mod canvas;
mod halving;
mod orientation;
mod reduction;
mod resampling;
mod rgb_image;

pub use canvas::{Canvas, Patch};
pub use reduction::ReductionMethod;
pub use resampling::ResampledAxis;

/// Bytes a pixel.
pub const PIXEL_BYTES: usize = 4;

/// An opaque color, red, green, blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rgb(pub [u8; 3]);

impl Rgb {
    /// White: what scanners leave around the tissue.
    pub const WHITE: Self = Self([255, 255, 255]);

    /// Reads `RRGGBB`, in either case, with or without a leading `#`.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').unwrap_or(text);
        if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let value = u32::from_str_radix(digits, 16).ok()?;
        let [_, red, green, blue] = value.to_be_bytes();
        Some(Self([red, green, blue]))
    }
}

impl fmt::Display for Rgb {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(formatter, "{red:02x}{green:02x}{blue:02x}")
    }
}

impl Serialize for Rgb {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Pixels as a source yields them: blue, green, red, alpha, the colors premultiplied by alpha.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PremultipliedPixels {
    size: Size,
    bytes: Vec<u8>,
    opacity: Opacity,
}

/// What is known of the alpha of all pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opacity {
    Opaque,
    Unknown,
}

impl PremultipliedPixels {
    /// Takes OpenSlide's pixels: one native-endian `u32` of premultiplied ARGB each.
    ///
    /// # Panics
    /// Where `bytes` does not hold exactly `size`.
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

    /// Takes pixels in this module's own layout.
    ///
    /// # Panics
    /// Where `bytes` does not hold exactly `size`.
    #[must_use]
    pub fn from_bgra(size: Size, bytes: Vec<u8>) -> Self {
        assert_eq!(bytes.len(), byte_count(size), "a buffer of {size} pixels");
        Self { size, bytes, opacity: Opacity::Unknown }
    }

    /// Takes pixels in this module's own layout whose alpha is 255 throughout, as a decoder of opaque pictures sets it.
    ///
    /// # Panics
    /// As [`from_bgra`](Self::from_bgra).
    #[must_use]
    pub fn opaque(size: Size, bytes: Vec<u8>) -> Self {
        Self { opacity: Opacity::Opaque, ..Self::from_bgra(size, bytes) }
    }

    /// Pixels of which nothing is to be seen.
    #[must_use]
    pub fn clear(size: Size) -> Self {
        Self::from_bgra(size, vec![0; byte_count(size)])
    }

    /// Puts other pixels in the place of some of these, from `at` on.
    ///
    /// # Panics
    /// Where they reach outside.
    pub fn paste(&mut self, at: Point, pixels: &Self) {
        let inside = Rect::new(at, pixels.size).is_some_and(|place| Rect::of(self.size).contains(place));
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

    /// Half the size, as [`PixelView::halved`] does it; where alpha differs, colors count as they are seen.
    #[must_use]
    pub fn halved(&self, spare: Vec<u8>) -> Self {
        let view = PixelView { size: self.size, stride: row_bytes(self.size), bytes: &self.bytes };
        let Pixels { size, bytes } = view.halved(spare);
        Self { size, bytes, opacity: self.opacity }
    }

    /// Width and height.
    #[must_use]
    pub const fn size(&self) -> Size {
        self.size
    }

    /// The bytes, row by row: blue, green, red, alpha.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether nothing is to be seen: every pixel is wholly transparent, and so, being premultiplied, without a color.
    #[must_use]
    pub fn is_clear(&self) -> bool {
        self.opacity == Opacity::Unknown
            && in_parts(&self.bytes).all(|part| part.iter().fold(0, |any, byte| any | byte) == 0)
    }

    /// Whether red, green and blue are the same in every pixel.
    #[must_use]
    pub fn is_gray(&self) -> bool {
        self.bytes.chunks_exact(PIXEL_BYTES).all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2])
    }

    /// The bytes themselves, to be used again.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The bytes, to be changed where they are without changing any alpha.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// Whether every pixel is fully opaque.
    pub(crate) fn is_opaque(&self) -> bool {
        self.opacity == Opacity::Opaque
            || self.bytes.chunks_exact(PIXEL_BYTES).fold(u8::MAX, |all, pixel| all & pixel[3]) == u8::MAX
    }

    /// The share of each color that `background` gives is what alpha leaves: `color + background·(255 − alpha)/255`,
    /// rounded to nearest. As the colors are premultiplied, nothing is lost by dividing first.
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
                    // A malformed file can hold colors brighter than their alpha allows.
                    *channel = (u32::from(*channel) + share).min(255) as u8;
                }
                pixel[3] = u8::MAX;
            }
        }
        Pixels { size: self.size, bytes: self.bytes }
    }
}

/// Opaque pixels: blue, green, red and 255.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pixels {
    size: Size,
    bytes: Vec<u8>,
}

impl Pixels {
    /// Width and height.
    #[must_use]
    pub const fn size(&self) -> Size {
        self.size
    }

    /// The bytes, row by row.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The pixels that [`bytes`](Self::bytes) gave; `None` where these are not of that size.
    #[must_use]
    pub fn from_bytes(size: Size, bytes: Vec<u8>) -> Option<Self> {
        (bytes.len() == byte_count(size)).then_some(Self { size, bytes })
    }

    /// The bytes themselves, to be used again.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// All of them, to encode or reduce.
    #[must_use]
    pub fn view(&self) -> PixelView<'_> {
        PixelView { size: self.size, stride: row_bytes(self.size), bytes: &self.bytes }
    }

    /// The pixels of one color.
    #[must_use]
    pub fn filled(size: Size, color: Rgb) -> Self {
        let [red, green, blue] = color.0;
        Self { size, bytes: [blue, green, red, u8::MAX].repeat(byte_count(size) / PIXEL_BYTES) }
    }

    /// A part, copied; `part` lies inside, in pixels from the top left corner.
    #[must_use]
    pub fn cropped(&self, part: Rect) -> Self {
        self.view().part(part).to_pixels()
    }

    /// Lanczos-resampled to `size`, as openslide-python's Deep Zoom tiles are.
    ///
    /// # Panics
    /// Never: both buffers are made here, of one pixel type and of sizes that hold.
    #[must_use]
    pub fn resampled(self, size: Size) -> Self {
        use fast_image_resize::images::Image;
        use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

        if size == self.size {
            return self;
        }
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3))
            // Opaque: there is no alpha to weight by.
            .use_alpha(false);
        let mut target = Image::new(size.width(), size.height(), PixelType::U8x4);
        let resized = Image::from_vec_u8(self.size.width(), self.size.height(), self.bytes, PixelType::U8x4)
            .map(|source| Resizer::new().resize(&source, &mut target, &options));
        assert!(matches!(resized, Ok(Ok(()))), "resampling to {size}: {resized:?}");
        Self { size, bytes: target.into_vec() }
    }
}

impl From<Pixels> for RgbImage {
    fn from(pixels: Pixels) -> Self {
        let mut image = Self::new(pixels.size.width(), pixels.size.height());
        for (target, source) in image.pixels_mut().zip(pixels.bytes.chunks_exact(PIXEL_BYTES)) {
            target.0 = [source[2], source[1], source[0]];
        }
        image
    }
}

/// A rectangle of opaque pixels inside a larger buffer.
#[derive(Clone, Copy, Debug)]
pub struct PixelView<'a> {
    size: Size,
    stride: usize,
    bytes: &'a [u8],
}

impl<'a> PixelView<'a> {
    /// Width and height.
    #[must_use]
    pub const fn size(self) -> Size {
        self.size
    }

    /// Bytes from one row to the next.
    #[must_use]
    pub const fn stride(self) -> usize {
        self.stride
    }

    /// The bytes from the first pixel on; rows lie [`stride`](Self::stride) bytes apart.
    #[must_use]
    pub const fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// A part; `part` lies inside, in pixels from the view's top left corner.
    ///
    /// # Panics
    /// Where `part` reaches outside.
    #[must_use]
    pub fn part(self, part: Rect) -> Self {
        assert!(Rect::of(self.size).contains(part), "{part} of {}", self.size);
        let start = part.origin().y as usize * self.stride + part.origin().x as usize * PIXEL_BYTES;
        Self { size: part.size(), stride: self.stride, bytes: &self.bytes[start..] }
    }

    /// Whether every channel of every pixel is within `tolerance` of `color`.
    #[must_use]
    pub fn is_within(self, tolerance: u8, color: Rgb) -> bool {
        let [red, green, blue] = color.0;
        let pattern: [u8; PART_BYTES] = std::array::from_fn(|at| [blue, green, red, u8::MAX][at % PIXEL_BYTES]);
        let differs = |part: &[u8]| {
            part.iter().zip(&pattern).fold(0, |most: u8, (&one, &other)| most.max(one.abs_diff(other))) > tolerance
        };
        self.rows().all(|row| !in_parts(row).any(differs))
    }

    /// The same at the upper left of a picture of `size`, the rest of which is of one color.
    ///
    /// # Panics
    /// Where the view is larger.
    #[must_use]
    pub fn filled_up(self, size: Size, color: Rgb) -> Pixels {
        assert!(Rect::of(size).contains(Rect::of(self.size)), "{} in {size}", self.size);
        let mut filled = Pixels::filled(size, color);
        for (row, own) in filled.bytes.chunks_exact_mut(row_bytes(size)).zip(self.rows()) {
            row[..own.len()].copy_from_slice(own);
        }
        filled
    }

    /// The rows, each exactly as long as the view is wide.
    pub fn rows(self) -> impl Iterator<Item = &'a [u8]> {
        (0..self.size.height() as usize).map(move |row| self.row(row))
    }

    /// A copy of its own.
    #[must_use]
    pub fn to_pixels(self) -> Pixels {
        let mut bytes = Vec::with_capacity(byte_count(self.size));
        for row in self.rows() {
            bytes.extend_from_slice(row);
        }
        Pixels { size: self.size, bytes }
    }

    fn row(self, row: usize) -> &'a [u8] {
        let start = row * self.stride;
        &self.bytes[start..start + row_bytes(self.size)]
    }
}

/// `rect` seen from `origin`, which lies above and to the left of it.
#[must_use]
#[expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "moving toward the origin keeps every edge within u32"
)]
pub fn relative_to(rect: Rect, origin: Point) -> Rect {
    let corner = Point { x: rect.origin().x - origin.x, y: rect.origin().y - origin.y };
    Rect::new(corner, rect.size()).expect("moved toward the origin")
}

/// Bytes to look through until a part of them decides the matter: each part by vector code, and in tissue the first one.
fn in_parts(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.chunks(PART_BYTES)
}

const PART_BYTES: usize = 64 * PIXEL_BYTES;

fn row_bytes(size: Size) -> usize {
    size.width() as usize * PIXEL_BYTES
}

fn byte_count(size: Size) -> usize {
    row_bytes(size) * size.height() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(width: u32, height: u32) -> Size {
        Size::new(width, height).unwrap()
    }

    #[test]
    fn colors_are_six_hexadecimal_digits() {
        assert_eq!(Rgb::from_hex("8000fF"), Some(Rgb([128, 0, 255])));
        assert_eq!(Rgb::from_hex("#ffffff"), Some(Rgb::WHITE));
        for wrong in ["", "fff", "gggggg", "+fffff", "1234567", "é0000", "##fffff"] {
            assert_eq!(Rgb::from_hex(wrong), None, "{wrong}");
        }
        assert_eq!(Rgb([1, 2, 255]).to_string(), "0102ff");
    }

    #[test]
    fn one_channel_of_one_pixel_decides() {
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

    #[test]
    fn converts_to_an_rgb_image() {
        let bytes = (0..24).map(|at| if at % 4 == 3 { 255 } else { at }).collect();
        let image = RgbImage::from(Pixels::from_bytes(size(3, 2), bytes).unwrap());
        assert_eq!(image.dimensions(), (3, 2));
        assert_eq!(image.into_raw(), [2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, 18, 17, 16, 22, 21, 20]);
    }

    #[test]
    fn transparent_pixels_take_the_background_and_partial_ones_their_share() {
        // Premultiplied: opaque, clear, half of pure red, and colors beyond their alpha.
        let bytes = vec![10, 20, 30, 255, 0, 0, 0, 0, 0, 0, 128, 128, 250, 250, 250, 100];
        let pixels = PremultipliedPixels::from_native_argb(size(4, 1), bytes).over(Rgb([200, 100, 50]));
        assert_eq!(pixels.bytes(), [10, 20, 30, 255, 50, 100, 200, 255, 25, 50, 128 + 100, 255, 255, 255, 255, 255]);
    }
}
