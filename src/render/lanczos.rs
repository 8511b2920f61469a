//! Half the size by the Lanczos kernel of three lobes.
//!
//! What always holds: weights are rounded far more coarsely than any machine's sine, and all else is integers, so that every machine and every
//! partition comes to the same bytes; the weights of a pixel sum up to one exactly, so that one colour stays that colour.

use std::ops::Range;

use super::{PIXEL_BYTES, PixelView, Pixels, byte_count, relative_to, row_bytes};
use crate::geometry::Rect;

/// Pixels beyond the 2×2 on each side: the kernel ends six pixels from its middle, which is between the two.
pub(super) const MARGIN: u32 = 5;

/// The pixels that are weighted along one axis.
const TAPS: usize = 2 * (MARGIN as usize + 1);

/// Weights are 1/16,384ths. The largest is 0.45 but at the level's edges.
const WEIGHT_BITS: u32 = 14;

/// Between the two passes, values are 1/64ths: with overshoot to both sides they are within 16 bits.
const BETWEEN_BITS: u32 = 6;

/// The pixels that one pixel is made of, along one axis, and their weights.
struct Kernel {
    pixels: Range<usize>,
    weights: [i16; TAPS],
}

/// sin(πx)/(πx), windowed by its own middle lobe stretched over three; 0 from 3 on.
fn lanczos3(x: f64) -> f64 {
    let sinc = |x: f64| (std::f64::consts::PI * x).sin() / (std::f64::consts::PI * x);
    if x == 0.0 {
        1.0
    } else if x.abs() < 3.0 {
        sinc(x) * sinc(x / 3.0)
    } else {
        0.0
    }
}

impl Kernel {
    /// Of the pixel whose 2×2 begins at `start` of an axis of `length` pixels: those beyond do not exist, and the others share their weight.
    fn new(start: usize, length: usize) -> Self {
        let margin = MARGIN as usize;
        let pixels = start.saturating_sub(margin)..(start + 2 + margin).min(length);
        let exact = |pixel: usize| lanczos3((pixel as f64 - (start as f64 + 0.5)) / 2.0);
        let sum: f64 = pixels.clone().map(exact).sum();
        let one = f64::from(1 << WEIGHT_BITS);
        let mut weights = [0; TAPS];
        for (weight, pixel) in weights.iter_mut().zip(pixels.clone()) {
            *weight = (exact(pixel) / sum * one).round() as i16;
        }
        // What rounding has left over or taken goes to the two in the middle, or to the one that exists of them.
        let missing = (1_i16 << WEIGHT_BITS) - weights.iter().sum::<i16>();
        let middle = start - pixels.start;
        if start + 1 < length {
            weights[middle] += missing / 2;
            weights[middle + 1] += missing - missing / 2;
        } else {
            weights[middle] += missing;
        }
        Self { pixels, weights }
    }
}

/// The kernels of all pixels of a part `core` of an axis of which `length` pixels are given.
fn kernels(core: Range<u32>, length: u32) -> impl Iterator<Item = Kernel> {
    core.step_by(2).map(move |start| Kernel::new(start as usize, length as usize))
}

/// As [`PixelView::reduced`]. First the columns, in which neighbours lie side by side and go through vector code, then the rows of what is left.
pub(super) fn halved(view: PixelView<'_>, core: Rect, spare: Vec<u8>) -> Pixels {
    // No more of the view than is looked at.
    let around = |range: Range<u32>, length: u32| range.start.saturating_sub(MARGIN)..(range.end + MARGIN).min(length);
    let columns = around(core.columns(), view.size.width());
    let rows = around(core.rows(), view.size.height());
    let Some(window) = Rect::spanning(columns, rows) else {
        return Pixels { size: core.size().halved(), bytes: spare };
    };
    let (view, core) = (view.part(window), relative_to(core, window.origin()));

    let size = core.size().halved();
    let mut bytes = spare;
    bytes.resize(byte_count(size), 0);
    let across: Vec<Kernel> = kernels(core.columns(), view.size.width()).collect();
    let mut between = vec![0_i16; row_bytes(view.size)];
    let down = kernels(core.rows(), view.size.height());
    for (kernel, target) in down.zip(bytes.chunks_exact_mut(row_bytes(size))) {
        weigh_rows(view, &kernel, &mut between);
        let (pixels, _) = between.as_chunks::<PIXEL_BYTES>();
        let (target, _) = target.as_chunks_mut::<PIXEL_BYTES>();
        for (kernel, target) in across.iter().zip(target) {
            let mut sums = [1_i32 << (WEIGHT_BITS + BETWEEN_BITS - 1); PIXEL_BYTES];
            for (pixel, &weight) in pixels[kernel.pixels.clone()].iter().zip(&kernel.weights) {
                for (sum, &value) in sums.iter_mut().zip(pixel) {
                    *sum += i32::from(value) * i32::from(weight);
                }
            }
            // The kernel overshoots at hard edges.
            *target = sums.map(|sum| (sum >> (WEIGHT_BITS + BETWEEN_BITS)).max(0).unsigned_abs().min(255) as u8);
        }
    }
    Pixels { size, bytes }
}

/// Bytes of a row whose sums stay in registers while all rows are added to them.
const BLOCK: usize = 16;

/// The weighted sum of the rows, byte by byte.
fn weigh_rows(view: PixelView<'_>, kernel: &Kernel, target: &mut [i16]) {
    let weighted = |sum: i32| (sum >> (WEIGHT_BITS - BETWEEN_BITS)) as i16;
    let half = 1 << (WEIGHT_BITS - BETWEEN_BITS - 1);
    let rows: [(&[u8], i16); TAPS] = std::array::from_fn(|tap| {
        // A row that does not exist has no weight.
        let row = (kernel.pixels.start + tap).min(kernel.pixels.end - 1);
        (view.row(row), kernel.weights[tap])
    });
    let (blocks, rest) = target.as_chunks_mut::<BLOCK>();
    let end = blocks.len() * BLOCK;
    for (number, block) in blocks.iter_mut().enumerate() {
        let mut sums = [half; BLOCK];
        for (row, weight) in rows {
            let (row, _) = row.as_chunks::<BLOCK>();
            for (sum, &value) in sums.iter_mut().zip(&row[number]) {
                *sum += i32::from(i16::from(value)) * i32::from(weight);
            }
        }
        *block = sums.map(weighted);
    }
    for (at, target) in rest.iter_mut().enumerate() {
        let values = rows.iter().map(|(row, weight)| i32::from(row[end + at]) * i32::from(*weight));
        *target = weighted(half + values.sum::<i32>());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::geometry::Size;
    use crate::render::{ReductionMethod, Rgb};

    /// The definition: both axes at once, in floating point.
    fn exact(pixels: &Pixels) -> Vec<f64> {
        let (width, height) = (pixels.size.width(), pixels.size.height());
        let weights = |start: u32, length: u32| -> Vec<(u32, f64)> {
            let weight = |pixel: u32| lanczos3((f64::from(pixel) - f64::from(start) - 0.5) / 2.0);
            let sum: f64 = (0..length).map(weight).sum();
            (0..length).map(|pixel| (pixel, weight(pixel) / sum)).filter(|(_, weight)| *weight != 0.0).collect()
        };
        let mut found = Vec::new();
        for y in (0..height).step_by(2) {
            for x in (0..width).step_by(2) {
                for channel in 0..4 {
                    let mut sum = 0.0;
                    for (row, down) in weights(y, height) {
                        for (column, across) in weights(x, width) {
                            let value = pixels.bytes[((row * width + column) * 4 + channel) as usize];
                            sum += down * across * f64::from(value);
                        }
                    }
                    found.push(sum.clamp(0.0, 255.0));
                }
            }
        }
        found
    }

    fn pictures() -> impl Strategy<Value = Pixels> {
        (1_u32..40, 1_u32..30).prop_flat_map(|(width, height)| {
            prop::collection::vec(any::<u8>(), (width * height * 4) as usize)
                .prop_map(move |bytes| Pixels { size: Size::new(width, height).unwrap(), bytes })
        })
    }

    fn whole(pixels: &Pixels) -> Pixels {
        pixels.view().reduced(Rect::of(pixels.size), ReductionMethod::Lanczos3, Vec::new())
    }

    proptest! {
        #[test]
        fn it_is_the_weighted_sum_within_rounding(pixels in pictures()) {
            let found = whole(&pixels);
            for (found, exact) in found.bytes.iter().zip(exact(&pixels)) {
                prop_assert!((f64::from(*found) - exact).abs() < 0.6, "{} for {}", found, exact);
            }
        }

        #[test]
        fn a_part_is_as_that_of_the_whole(
            pixels in pictures(),
            (left, top, right, bottom) in any::<(u32, u32, u32, u32)>(),
            more in 0_u32..4,
        ) {
            // Any part of the result, from what it says it needs or somewhat more.
            let size = pixels.size.halved();
            let span = |one: u32, other: u32, length: u32| {
                let (one, other) = (one % length, other % length);
                one.min(other)..one.max(other) + 1
            };
            let target = Rect::spanning(span(left, right, size.width()), span(top, bottom, size.height())).unwrap();
            let core = |range: Range<u32>, length: u32| 2 * range.start..(2 * range.end).min(length);
            let columns = core(target.columns(), pixels.size.width());
            let rows = core(target.rows(), pixels.size.height());
            let around = |range: &Range<u32>, length: u32| {
                range.start.saturating_sub(MARGIN + more)..(range.end + MARGIN + more).min(length)
            };
            let window =
                Rect::spanning(around(&columns, pixels.size.width()), around(&rows, pixels.size.height())).unwrap();
            let core = relative_to(Rect::spanning(columns, rows).unwrap(), window.origin());
            let found = pixels.view().part(window).reduced(core, ReductionMethod::Lanczos3, vec![1; 3]);
            prop_assert_eq!(found, whole(&pixels).cropped(target));
        }
    }

    #[test]
    fn values_between_the_passes_fit_16_bits() {
        for length in 1..40 {
            for kernel in kernels(0..length, length) {
                let sum: i32 = kernel.weights.iter().map(|&weight| i32::from(weight)).sum();
                let most: i32 = kernel.weights.iter().map(|&weight| i32::from(weight).abs()).sum();
                assert_eq!(sum, 1 << WEIGHT_BITS);
                let value = (most * i32::from(u8::MAX)) >> (WEIGHT_BITS - BETWEEN_BITS);
                assert!(value < i32::from(i16::MAX), "{value} at {:?} of {length}", kernel.pixels);
            }
        }
    }

    #[test]
    fn one_colour_stays_that_colour() {
        for side in [1, 2, 3, 7, 40] {
            let plain = Pixels::filled(Size::new(side, 41 - side).unwrap(), Rgb([0, 131, 255]));
            assert_eq!(whole(&plain), Pixels::filled(plain.size.halved(), Rgb([0, 131, 255])));
        }
    }
}
