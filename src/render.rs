//! Pixels: what a source yields, what an encoder takes, and the arithmetic between the two.
//!
//! One layout serves everywhere: four bytes a pixel, blue, green, red, then alpha, rows without padding. It is what
//! OpenSlide delivers on a little-endian machine and what libjpeg-turbo takes, so the common case is
//! never copied, and four-byte pixels reduce without shuffling. [`PremultipliedPixels`] may be transparent;
//! [`Pixels`] never are: the only way from one to the other is [`PremultipliedPixels::over`] a background.

use std::fmt;

use serde::Serialize;

use crate::geometry::{Point, Rect, Size};

/// Bytes a pixel.
pub const PIXEL_BYTES: usize = 4;

/// An opaque colour, red, green, blue.
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

/// Pixels as a source yields them: blue, green, red, alpha, the colours premultiplied by alpha.
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

    /// Width and height.
    #[must_use]
    pub const fn size(&self) -> Size {
        self.size
    }

    /// Whether nothing is to be seen: every pixel is wholly transparent.
    #[must_use]
    pub fn is_clear(&self) -> bool {
        self.opacity == Opacity::Unknown
            && self.bytes.chunks_exact(PIXEL_BYTES).fold(0, |any, pixel| any | pixel[3]) == 0
    }

    /// The share of each colour that `background` gives is what alpha leaves: `colour + background·(255 − alpha)/255`,
    /// rounded to nearest. As the colours are premultiplied, nothing is lost by dividing first.
    #[must_use]
    pub fn over(mut self, background: Rgb) -> Pixels {
        let opaque = self.opacity == Opacity::Opaque
            || self.bytes.chunks_exact(PIXEL_BYTES).fold(u8::MAX, |all, pixel| all & pixel[3]) == u8::MAX;
        if !opaque {
            let [red, green, blue] = background.0;
            for pixel in self.bytes.chunks_exact_mut(PIXEL_BYTES) {
                let missing = u32::from(u8::MAX - pixel[3]);
                if missing == 0 {
                    continue;
                }
                for (channel, behind) in pixel.iter_mut().zip([blue, green, red]) {
                    let share = (u32::from(behind) * missing + 127) / 255;
                    // A malformed file can hold colours brighter than their alpha allows.
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

    /// All of them, to encode or reduce.
    #[must_use]
    pub fn view(&self) -> PixelView<'_> {
        PixelView { size: self.size, stride: row_bytes(self.size), bytes: &self.bytes }
    }

    /// The pixels of one colour.
    #[must_use]
    pub fn filled(size: Size, colour: Rgb) -> Self {
        let [red, green, blue] = colour.0;
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

    /// Half the size: each pixel the mean of 2×2, an odd edge the mean of the two or the one that exist.
    ///
    /// Exact halves are rounded to the even value. Rounding them up would brighten each level by 1/8 of a grey value
    /// on average, more than one whole value at the coarse end of a slide; truncating, as wsitools does, darkens by 3/8.
    #[must_use]
    pub fn halved(self) -> Pixels {
        let size = self.size.halved();
        let mut bytes = vec![0; byte_count(size)];
        let last_row = self.size.height() as usize - 1;
        for (row, target) in bytes.chunks_exact_mut(row_bytes(size)).enumerate() {
            // A missing row or column is replaced by the one beside it: the mean of a, b, a, b is that of a, b.
            let top = self.row(2 * row);
            let bottom = self.row((2 * row + 1).min(last_row));
            let pairs = top.chunks_exact(2 * PIXEL_BYTES).zip(bottom.chunks_exact(2 * PIXEL_BYTES));
            for ((top, bottom), target) in pairs.zip(target.chunks_exact_mut(PIXEL_BYTES)) {
                target.copy_from_slice(&mean_of_four(pixel_pair(top), pixel_pair(bottom)));
            }
            if self.size.width() % 2 == 1 {
                let [top, bottom] = [top, bottom].map(|row| pixel_pair(&row[row.len() - PIXEL_BYTES..].repeat(2)));
                let start = target.len() - PIXEL_BYTES;
                target[start..].copy_from_slice(&mean_of_four(top, bottom));
            }
        }
        Pixels { size, bytes }
    }
}

fn pixel_pair(bytes: &[u8]) -> u64 {
    let mut pair = [0; 2 * PIXEL_BYTES];
    pair.copy_from_slice(bytes);
    u64::from_le_bytes(pair)
}

/// The mean of two pixels above two pixels, each channel rounded half to even. Two channels share one 32-bit sum, 16 bits
/// each, so that the whole stays in general registers and LLVM can widen it.
fn mean_of_four(top: u64, bottom: u64) -> [u8; 4] {
    const EVEN_BYTES: u64 = 0x00ff_00ff_00ff_00ff;
    const ONES: u32 = 0x0001_0001;
    const LOW_BYTES: u32 = 0x00ff_00ff;
    let mean = |top: u64, bottom: u64| -> u32 {
        let sums = (top & EVEN_BYTES) + (bottom & EVEN_BYTES);
        let sums = sums as u32 + (sums >> 32) as u32;
        // A quarter of the sum, plus a half less a hair, plus the hair where the quarter is odd.
        ((sums + ONES + ((sums >> 2) & ONES)) >> 2) & LOW_BYTES
    };
    (mean(top, bottom) | (mean(top >> 8, bottom >> 8) << 8)).to_le_bytes()
}

/// A rectangle of a level being put together from the pieces that cover it. The buffer is kept from one tile to the next.
#[derive(Debug, Default)]
pub struct Canvas {
    bytes: Vec<u8>,
}

impl Canvas {
    /// Copies the parts of `pieces` that lie in `area` to their places. Each piece is given with its rectangle; both in
    /// pixels of one level. The pieces together cover the area.
    ///
    /// # Panics
    /// Where they leave a part of it uncovered or cover a part twice: a pixel of the tile before must never show.
    pub fn assemble<'p>(&mut self, area: Rect, pieces: impl Iterator<Item = (Rect, &'p Pixels)>) -> PixelView<'_> {
        let stride = row_bytes(area.size());
        self.bytes.resize(byte_count(area.size()), 0);
        let mut covered = 0;
        for (rect, pixels) in pieces {
            let Some(shared) = area.intersection(rect) else { continue };
            covered += shared.size().area();
            let view = pixels.view().part(relative_to(shared, rect.origin()));
            let target = relative_to(shared, area.origin());
            let start = target.origin().x as usize * PIXEL_BYTES;
            let rows = self.bytes.chunks_exact_mut(stride).skip(target.origin().y as usize);
            for (source, row) in view.rows().zip(rows) {
                row[start..start + source.len()].copy_from_slice(source);
            }
        }
        assert_eq!(covered, area.size().area(), "the pieces of {area}");
        PixelView { size: area.size(), stride, bytes: &self.bytes }
    }
}

/// `rect` seen from `origin`, which lies above and to the left of it.
#[must_use]
#[expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "moving towards the origin keeps every edge within u32"
)]
pub fn relative_to(rect: Rect, origin: Point) -> Rect {
    let corner = Point { x: rect.origin().x - origin.x, y: rect.origin().y - origin.y };
    Rect::new(corner, rect.size()).expect("moved towards the origin")
}

fn row_bytes(size: Size) -> usize {
    size.width() as usize * PIXEL_BYTES
}

fn byte_count(size: Size) -> usize {
    row_bytes(size) * size.height() as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn size(width: u32, height: u32) -> Size {
        Size::new(width, height).unwrap()
    }

    #[test]
    fn colours_are_six_hexadecimal_digits() {
        assert_eq!(Rgb::from_hex("8000fF"), Some(Rgb([128, 0, 255])));
        assert_eq!(Rgb::from_hex("#ffffff"), Some(Rgb::WHITE));
        for wrong in ["", "fff", "gggggg", "+fffff", "1234567", "é0000", "##fffff"] {
            assert_eq!(Rgb::from_hex(wrong), None, "{wrong}");
        }
        assert_eq!(Rgb([1, 2, 255]).to_string(), "0102ff");
    }

    #[test]
    fn transparent_pixels_take_the_background_and_partial_ones_their_share() {
        // Premultiplied: opaque, clear, half of pure red, and colours beyond their alpha.
        let bytes = vec![10, 20, 30, 255, 0, 0, 0, 0, 0, 0, 128, 128, 250, 250, 250, 100];
        let pixels = PremultipliedPixels::from_native_argb(size(4, 1), bytes).over(Rgb([200, 100, 50]));
        assert_eq!(pixels.bytes(), [10, 20, 30, 255, 50, 100, 200, 255, 25, 50, 128 + 100, 255, 255, 255, 255, 255]);
    }

    #[test]
    fn pieces_must_cover_the_area() {
        let piece = Pixels::filled(size(2, 2), Rgb::WHITE);
        let area = Rect::of(size(3, 2));
        let short = std::panic::catch_unwind(|| {
            Canvas::default().assemble(area, [(Rect::of(size(2, 2)), &piece)].into_iter());
        });
        assert!(short.is_err());
    }

    /// The definition, in exact fractions: half to even of the mean of what exists.
    fn exact_mean(values: &[u8]) -> u8 {
        let (sum, count) = (values.iter().map(|&value| u32::from(value)).sum::<u32>(), values.len() as u32);
        let (quotient, remainder) = (sum / count, sum % count);
        let up = 2 * remainder > count || (2 * remainder == count && quotient % 2 == 1);
        (quotient + u32::from(up)) as u8
    }

    proptest! {
        #[test]
        fn halving_is_the_mean_of_what_exists(
            (width, height, bytes) in (1_u32..12, 1_u32..12).prop_flat_map(|(width, height)| {
                (Just(width), Just(height), prop::collection::vec(any::<u8>(), (width * height * 4) as usize))
            })
        ) {
            let pixels = Pixels { size: size(width, height), bytes };
            let halved = pixels.view().halved();
            prop_assert_eq!(halved.size(), pixels.size().halved());
            for y in 0..halved.size().height() {
                for x in 0..halved.size().width() {
                    for channel in 0..4 {
                        let mut values = Vec::new();
                        for row in (2 * y)..(2 * y + 2).min(height) {
                            for column in (2 * x)..(2 * x + 2).min(width) {
                                values.push(pixels.bytes[((row * width + column) * 4 + channel) as usize]);
                            }
                        }
                        let found = halved.bytes[((y * halved.size().width() + x) * 4 + channel) as usize];
                        prop_assert_eq!(found, exact_mean(&values));
                    }
                }
            }
        }
    }
}
