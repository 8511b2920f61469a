//! Resampling to a smaller size with the Lanczos-3 kernel, in parts that join without a seam.
//!
//! The kernel widens with the scale, which prevents aliasing. A pixel depends on its place in the
//! whole image and on the pixels around it, not on the part that is resampled: parts equal the
//! whole resampled at once, byte for byte. (`fast_image_resize` chooses the precision of its
//! weights by the part, and serves for single tiles only.) Weights are multiples of 2⁻¹⁴ that sum
//! to 1, so that single colors and opacity are preserved. At the image's edges, the weights of the
//! existing pixels are normalized.

use std::collections::VecDeque;
use std::f64::consts::PI;
use std::ops::Range;

use super::{PIXEL_BYTES, PremultipliedPixels, byte_count};
use crate::geometry::{Point, Rect};

/// The number of lobes of the kernel on each side.
const LOBES: f64 = 3.0;

/// The sum of the weights of a pixel.
const ONE: f64 = 16_384.0;

/// One axis of a whole image to be resampled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ResampledAxis {
    /// The length of the image in pixels.
    pub length: u32,
    /// The number of pixels per pixel of the result, at least 1. With 1, pixels are unchanged.
    pub scale: f64,
}

/// The first pixel that contributes to a pixel of the result, and the weights from there on.
struct Taps {
    first: u32,
    weights: Vec<f32>,
}

impl ResampledAxis {
    /// The pixels that contribute to `target`, a range of pixels of the result.
    #[must_use]
    pub fn source(self, target: Range<u32>) -> Range<u32> {
        self.reach(target.start).start..self.reach(target.end - 1).end
    }

    /// The pixels that contribute to one pixel of the result.
    #[expect(clippy::cast_sign_loss, reason = "clamped to the image")]
    fn reach(self, target: u32) -> Range<u32> {
        let (center, radius) = (self.center(target), LOBES * self.scale);
        let within = |at: f64| at.clamp(0.0, f64::from(self.length)) as u32;
        // Pixels whose centers lie within the radius; at least one, even if the image is narrower
        // than a pixel.
        let start = within((center - radius - 0.5).ceil()).min(self.length - 1);
        start..within((center + radius + 0.5).floor()).max(start + 1)
    }

    /// The center of a pixel of the result, in pixels from the image's edge.
    fn center(self, target: u32) -> f64 {
        (f64::from(target) + 0.5) * self.scale
    }

    fn taps(self, target: u32) -> Taps {
        let reach = self.reach(target);
        let center = self.center(target);
        let weights: Vec<f64> =
            reach.clone().map(|at| lanczos((f64::from(at) + 0.5 - center) / self.scale)).collect();
        let sum: f64 = weights.iter().sum();
        let mut rounded: Vec<f64> =
            weights.iter().map(|weight| (weight / sum * ONE).round()).collect();
        // The rounding error goes to the largest weight, where it matters least.
        let left = ONE - rounded.iter().sum::<f64>();
        if let Some(largest) = rounded.iter_mut().max_by(|one, other| one.total_cmp(other)) {
            *largest += left;
        }
        Taps {
            first: reach.start,
            weights: rounded.into_iter().map(|weight| (weight / ONE) as f32).collect(),
        }
    }
}

fn lanczos(at: f64) -> f64 {
    let sinc = |at: f64| if at == 0.0 { 1.0 } else { (PI * at).sin() / (PI * at) };
    if at.abs() < LOBES { sinc(at) * sinc(at / LOBES) } else { 0.0 }
}

impl PremultipliedPixels {
    /// Resamples the part `target` of an image along columns and rows. These pixels are the part of
    /// the image that begins at `origin`, and contain all of [`ResampledAxis::source`]. `spare` is
    /// reused for the result.
    ///
    /// # Panics
    /// Panics if pixels are missing.
    #[must_use]
    pub fn resampled(
        &self,
        origin: Point,
        axes: [ResampledAxis; 2],
        target: Rect,
        spare: Vec<u8>,
    ) -> Self {
        let width = self.size.width() as usize;
        let row =
            |row: u32| &self.bytes.as_chunks().0[(row - origin.y) as usize * width..][..width];
        let bytes = resample(row, origin.x, axes, target, spare);
        Self { size: target.size(), bytes, opacity: self.opacity }
    }
}

/// Resamples the part `target` of an image. `row` returns the pixels of a row of the image, from
/// column `from` on.
pub(crate) fn resample<'p>(
    row: impl Fn(u32) -> &'p [[u8; PIXEL_BYTES]],
    from: u32,
    [across, down]: [ResampledAxis; 2],
    target: Rect,
    spare: Vec<u8>,
) -> Vec<u8> {
    let mut bytes = spare;
    bytes.resize(byte_count(target.size()), 0);
    let columns: Vec<Taps> = target.columns().map(|column| across.taps(column)).collect();
    let width = target.size().width() as usize * PIXEL_BYTES;
    // The rows that contribute to the next row, each resampled along its columns.
    let mut rows: VecDeque<Vec<f32>> = VecDeque::new();
    let mut first = down.source(target.rows()).start;
    let mut sums = vec![0.0_f32; width];
    for (number, bytes) in target.rows().zip(bytes.chunks_exact_mut(width)) {
        let taps = down.taps(number);
        let mut free = Vec::new();
        while first < taps.first
            && let Some(row) = rows.pop_front()
        {
            free.push(row);
            first += 1;
        }
        while rows.len() < taps.weights.len() {
            let mut resampled = free.pop().unwrap_or_else(|| vec![0.0; width]);
            resample_row(row(first + rows.len() as u32), from, &columns, &mut resampled);
            rows.push_back(resampled);
        }
        sums.fill(0.0);
        for (row, &weight) in rows.iter().zip(&taps.weights) {
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += weight * value);
        }
        round_row(&sums, bytes);
    }
    bytes
}

/// Resamples a row whose first pixel is in column `from` of the image.
fn resample_row(row: &[[u8; PIXEL_BYTES]], from: u32, columns: &[Taps], target: &mut [f32]) {
    for (taps, target) in columns.iter().zip(target.as_chunks_mut::<PIXEL_BYTES>().0) {
        let pixels = &row[(taps.first - from) as usize..][..taps.weights.len()];
        let mut sum = [0.0_f32; PIXEL_BYTES];
        for (pixel, weight) in pixels.iter().zip(&taps.weights) {
            for (sum, &value) in sum.iter_mut().zip(pixel) {
                *sum += weight * f32::from(value);
            }
        }
        *target = sum;
    }
}

/// Rounds to nearest. The kernel overshoots at edges, so channels are clamped to 0 to 255 and
/// colors to alpha.
#[expect(clippy::cast_sign_loss, reason = "clamped to a byte")]
fn round_row(sums: &[f32], bytes: &mut [u8]) {
    for (pixel, sum) in
        bytes.as_chunks_mut::<PIXEL_BYTES>().0.iter_mut().zip(sums.as_chunks::<PIXEL_BYTES>().0)
    {
        let [blue, green, red, alpha] = sum.map(|sum| (sum.clamp(0.0, 255.0) + 0.5) as u8);
        *pixel = [blue.min(alpha), green.min(alpha), red.min(alpha), alpha];
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::geometry::Size;

    fn size(width: u32, height: u32) -> Size {
        Size::new(width, height).unwrap()
    }

    #[expect(clippy::cast_sign_loss, reason = "a length")]
    fn result(size: Size, scales: [f64; 2]) -> Size {
        let length = |length: u32, scale: f64| ((f64::from(length) / scale).round() as u32).max(1);
        Size::new(length(size.width(), scales[0]), length(size.height(), scales[1])).unwrap()
    }

    fn axes(size: Size, scales: [f64; 2]) -> [ResampledAxis; 2] {
        let [across, down] = scales;
        [
            ResampledAxis { length: size.width(), scale: across },
            ResampledAxis { length: size.height(), scale: down },
        ]
    }

    /// Premultiplied noise: no color exceeds its alpha.
    fn noise(size: Size, seed: u32, is_opaque: bool) -> PremultipliedPixels {
        let pixel = |index: u32| {
            let mixed =
                (index ^ seed).wrapping_mul(0x9e37_79b1).rotate_left(13).wrapping_mul(0x85eb_ca77);
            let [blue, green, red, alpha] = (mixed ^ (mixed >> 15)).to_le_bytes();
            let alpha = if is_opaque { 255 } else { alpha };
            [blue.min(alpha), green.min(alpha), red.min(alpha), alpha]
        };
        PremultipliedPixels::from_bgra(size, (0..size.area() as u32).flat_map(pixel).collect())
    }

    /// The definition: the sum over both axes at once, in double precision, with unrounded weights.
    fn by_definition(pixels: &PremultipliedPixels, scales: [f64; 2]) -> Vec<f64> {
        let kernel = |at: f64| {
            if at == 0.0 {
                1.0
            } else if at.abs() < 3.0 {
                3.0 * (PI * at).sin() * (PI * at / 3.0).sin() / (PI * at).powi(2)
            } else {
                0.0
            }
        };
        let weights = |target: u32, length: u32, scale: f64| -> Vec<f64> {
            let weights: Vec<f64> = (0..length)
                .map(|at| kernel((f64::from(at) + 0.5) / scale - f64::from(target) - 0.5))
                .collect();
            let sum: f64 = weights.iter().sum();
            weights.into_iter().map(|weight| weight / sum).collect()
        };
        let (from, to) = (pixels.size(), result(pixels.size(), scales));
        let columns: Vec<_> =
            (0..to.width()).map(|column| weights(column, from.width(), scales[0])).collect();
        let mut values = Vec::new();
        for row in 0..to.height() {
            let down = weights(row, from.height(), scales[1]);
            for across in &columns {
                for channel in 0..PIXEL_BYTES {
                    let mut sum = 0.0;
                    for (y, weight) in down.iter().enumerate().filter(|(_, weight)| **weight != 0.0)
                    {
                        for (x, other) in
                            across.iter().enumerate().filter(|(_, other)| **other != 0.0)
                        {
                            let at = PIXEL_BYTES * (y * from.width() as usize + x) + channel;
                            sum += weight * other * f64::from(pixels.bytes()[at]);
                        }
                    }
                    values.push(sum);
                }
            }
        }
        values
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn parts_equal_the_whole_and_match_the_definition(
            (width, height) in (1..60_u32, 1..60_u32),
            scales in [1.0..2.5_f64, 1.0..2.5_f64],
            cuts in [0.0..1.0_f64, 0.0..1.0_f64],
            seed in any::<u32>(),
            is_opaque in any::<bool>(),
        ) {
            let pixels = noise(size(width, height), seed, is_opaque);
            let to = result(pixels.size(), scales);
            let axes = axes(pixels.size(), scales);
            let whole = pixels.resampled(Point::default(), axes, Rect::of(to), vec![0xa5; 7]);
            for (found, [expected, alpha]) in whole.bytes().iter().zip(
                by_definition(&pixels, scales).chunks(4).flat_map(|pixel| [0, 1, 2, 3].map(|at| [pixel[at], pixel[3]])),
            ) {
                // Allows for rounding to a byte, and of up to fifteen weights to 2⁻¹⁴ on two axes.
                let expected = expected.min(alpha).clamp(0.0, 255.0);
                prop_assert!((f64::from(*found) - expected).abs() < 0.75, "{} {}", found, expected);
            }
            if is_opaque {
                prop_assert!(whole.bytes().chunks(4).all(|pixel| pixel[3] == 255));
            }

            #[expect(clippy::cast_sign_loss, reason = "a share of a length")]
            let cut = |length: u32, share: f64| (f64::from(length) * share) as u32;
            let (x, y) = (cut(to.width(), cuts[0]), cut(to.height(), cuts[1]));
            let mut joined = PremultipliedPixels::clear(to);
            for columns in [0..x, x..to.width()] {
                for rows in [0..y, y..to.height()] {
                    let Some(part) = Rect::spanning(columns.clone(), rows.clone()) else { continue };
                    let needed = Rect::spanning(axes[0].source(columns.clone()), axes[1].source(rows)).unwrap();
                    let mut source = PremultipliedPixels::clear(needed.size());
                    for row in needed.rows() {
                        let of_row = Rect::spanning(needed.columns(), row..row + 1).unwrap();
                        let start = PIXEL_BYTES * (row * width + needed.columns().start) as usize;
                        let bytes = pixels.bytes()[start..][..PIXEL_BYTES * needed.size().width() as usize].to_vec();
                        let row = PremultipliedPixels::from_bgra(of_row.size(), bytes);
                        source.paste(Point { x: 0, y: of_row.origin().y - needed.origin().y }, &row);
                    }
                    joined.paste(part.origin(), &source.resampled(needed.origin(), axes, part, Vec::new()));
                }
            }
            prop_assert!(joined.bytes() == whole.bytes());
        }
    }

    #[test]
    fn preserves_a_single_color_and_a_scale_of_one() {
        let flat = PremultipliedPixels::from_bgra(size(40, 30), [1, 2, 200, 255].repeat(1200));
        for scale in [1.0, 1.1, 1.5, 1.999, 2.7] {
            let to = result(flat.size(), [scale, 1.0]);
            let found = flat.resampled(
                Point::default(),
                axes(flat.size(), [scale, 1.0]),
                Rect::of(to),
                Vec::new(),
            );
            assert!(found.bytes() == [1, 2, 200, 255].repeat(to.area() as usize), "{scale}");
        }
        let pixels = noise(size(23, 17), 5, false);
        let same = pixels.resampled(
            Point::default(),
            axes(pixels.size(), [1.0; 2]),
            Rect::of(pixels.size()),
            Vec::new(),
        );
        assert_eq!(same, pixels);
    }

    /// `fast_image_resize` rounds and clamps between the axes, so the images have no sharp edges.
    #[test]
    fn matches_fast_image_resize() {
        use crate::pixels::{Pixels, Rgb};
        for (width, height, to) in [(300, 200, size(200, 125)), (96, 96, size(64, 60))] {
            let mut pixels = noise(size(width, height), 9, true);
            pixels
                .bytes
                .iter_mut()
                .for_each(|value| *value = if *value == 255 { 255 } else { 96 + *value / 4 });
            let scales = [
                f64::from(width) / f64::from(to.width()),
                f64::from(height) / f64::from(to.height()),
            ];
            let found = pixels.resampled(
                Point::default(),
                axes(pixels.size(), scales),
                Rect::of(to),
                Vec::new(),
            );
            let other: Pixels = pixels.over(Rgb::WHITE).resampled(to);
            for (one, other) in found.bytes().iter().zip(other.bytes()) {
                assert!(one.abs_diff(*other) <= 2, "{one} {other}");
            }
        }
    }
}
