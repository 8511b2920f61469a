//! Methods for downsampling a level to the next smaller one.
//!
//! A pixel depends on the 2×2 pixels under it (two or one at an odd edge) and, with Lanczos, on
//! [`ReductionMethod::margin`] more on each side. It does not depend on the part of the level that
//! is downsampled at a time, so a level is the same whatever parts it is computed in.

use serde::Serialize;

use super::resampling::{ResampledAxis, resample};
use super::{PIXEL_BYTES, PixelView, Pixels, byte_count, row_bytes};
use crate::geometry::{Point, Rect};

/// The pixels that the Lanczos kernel needs on each side of the 2×2. The kernel extends six pixels
/// from its center, which takes five more; one is added to make the number even.
const LANCZOS_MARGIN: u32 = 6;

/// How a pixel is computed from 2×2 pixels of the next larger level. At an odd edge, these are two
/// pixels or one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ReductionMethod {
    /// The mean of each channel, with ties to even, which keeps the brightness of levels.
    #[default]
    Mean,
    /// The median of each channel: the mean of the two middle values, with ties to even. A single
    /// outlier has no effect. (libvips takes the smaller of the rows' maxima, which can be the
    /// second or the third value.)
    Median,
    /// The most frequent color. With two pairs, the color of the top right pixel; with four
    /// different colors, that of the bottom left pixel. libvips breaks ties in the same way, but
    /// per channel, which mixes colors.
    Mode,
    /// The maximum of each channel.
    Max,
    /// The minimum of each channel.
    Min,
    /// The top left pixel.
    Nearest,
    /// A weighted sum of 12×12 pixels with the Lanczos-3 kernel: sharper than the mean, with some
    /// overshoot at hard edges. At the level's edges, the weights of the existing pixels are
    /// normalized.
    Lanczos3,
}

impl ReductionMethod {
    /// The number of pixels on each side of the 2×2 that the method uses too.
    #[must_use]
    pub const fn margin(self) -> u32 {
        match self {
            Self::Lanczos3 => LANCZOS_MARGIN,
            _ => 0,
        }
    }

    /// The name of the method on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Median => "median",
            Self::Mode => "mode",
            Self::Max => "max",
            Self::Min => "min",
            Self::Nearest => "nearest",
            Self::Lanczos3 => "lanczos3",
        }
    }
}

impl PixelView<'_> {
    /// Downsamples `core`, in pixels from the view's top left corner, by 2 along both axes.
    ///
    /// View and `core` begin at even coordinates of the level, and `core` has odd lengths only at
    /// the level's end. The view contains the method's margin around `core`, as far as the level
    /// extends. `spare` is reused for the result.
    ///
    /// # Panics
    /// Panics if `core` extends beyond the view.
    #[must_use]
    pub fn reduced(self, core: Rect, method: ReductionMethod, spare: Vec<u8>) -> Pixels {
        match method {
            ReductionMethod::Mean => self.part(core).halved(spare),
            ReductionMethod::Median => {
                self.part(core).of_each_four(spare, |four| by_channel(four, median))
            }
            ReductionMethod::Mode => self.part(core).of_each_four(spare, mode),
            ReductionMethod::Max => self.part(core).of_each_four(spare, |four| {
                by_channel(four, |[a, b, c, d]| a.max(b).max(c.max(d)))
            }),
            ReductionMethod::Min => self.part(core).of_each_four(spare, |four| {
                by_channel(four, |[a, b, c, d]| a.min(b).min(c.min(d)))
            }),
            ReductionMethod::Nearest => self.part(core).of_each_four(spare, |[first, ..]| first),
            ReductionMethod::Lanczos3 => self.halved_by_lanczos(core, spare),
        }
    }

    /// Treats the view as the whole level: beyond the margin, the view ends only where the level
    /// does.
    fn halved_by_lanczos(self, core: Rect, spare: Vec<u8>) -> Pixels {
        let by_two = |length: u32| ResampledAxis { length, scale: 2.0 };
        let axes = [by_two(self.size.width()), by_two(self.size.height())];
        let corner = Point { x: core.origin().x / 2, y: core.origin().y / 2 };
        let size = core.size().halved();
        let Some(target) = Rect::of(size).moved(corner) else {
            return Pixels { size, bytes: spare };
        };
        let row = |row: u32| self.row(row as usize).as_chunks().0;
        Pixels { size, bytes: resample(row, 0, axes, target, spare) }
    }

    /// Downsamples with a function of the top left, top right, bottom left and bottom right pixels.
    /// At an odd edge, the last row or column is repeated.
    fn of_each_four(
        self,
        spare: Vec<u8>,
        pixel: impl Fn([[u8; PIXEL_BYTES]; 4]) -> [u8; PIXEL_BYTES],
    ) -> Pixels {
        let size = self.size.halved();
        let mut bytes = spare;
        bytes.resize(byte_count(size), 0);
        let last_row = self.size.height() as usize - 1;
        for (row, target) in bytes.chunks_exact_mut(row_bytes(size)).enumerate() {
            let (top, bottom) = (self.row(2 * row), self.row((2 * row + 1).min(last_row)));
            let ((top, _), (bottom, _)) =
                (top.as_chunks::<PIXEL_BYTES>(), bottom.as_chunks::<PIXEL_BYTES>());
            let (target, _) = target.as_chunks_mut::<PIXEL_BYTES>();
            let ((top, top_odd), (bottom, bottom_odd)) =
                (top.as_chunks::<2>(), bottom.as_chunks::<2>());
            for ((target, top), bottom) in target.iter_mut().zip(top).zip(bottom) {
                *target = pixel([top[0], top[1], bottom[0], bottom[1]]);
            }
            if let (Some(target), [top], [bottom]) = (target.last_mut(), top_odd, bottom_odd) {
                *target = pixel([*top, *top, *bottom, *bottom]);
            }
        }
        Pixels { size, bytes }
    }
}

fn by_channel(
    [a, b, c, d]: [[u8; PIXEL_BYTES]; 4],
    value: impl Fn([u8; 4]) -> u8,
) -> [u8; PIXEL_BYTES] {
    std::array::from_fn(|channel| value([a[channel], b[channel], c[channel], d[channel]]))
}

/// The mean of the two middle values, with ties to even.
fn median([a, b, c, d]: [u8; 4]) -> u8 {
    let (least, greatest) = (a.min(b).min(c.min(d)), a.max(b).max(c.max(d)));
    let sum = [a, b, c, d].into_iter().map(u16::from).sum::<u16>()
        - u16::from(least)
        - u16::from(greatest);
    // An odd sum is a tie: it rounds up if the quotient is odd.
    ((sum + (sum >> 1 & 1)) >> 1) as u8
}

/// The most frequent pixel.
fn mode([a, b, c, d]: [[u8; PIXEL_BYTES]; 4]) -> [u8; PIXEL_BYTES] {
    let is_repeated = |one, others: [[u8; PIXEL_BYTES]; 3]| others.contains(&one);
    match (is_repeated(a, [b, c, d]), is_repeated(b, [a, c, d])) {
        (_, true) => b,
        (true, false) => a,
        (false, false) => c,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::ops::Range;

    use proptest::prelude::*;

    use super::*;
    use crate::geometry::Size;
    use crate::pixels::{Rgb, relative_to};

    /// Pixels of few colors, so that many are equal.
    fn images() -> impl Strategy<Value = Pixels> {
        let color = (0_u8..4).prop_map(|seed| [seed * 80, 255 - seed * 71, seed ^ 2, u8::MAX]);
        let noise = any::<[u8; 3]>().prop_map(|[blue, green, red]| [blue, green, red, u8::MAX]);
        let pixel = prop_oneof![color, noise];
        (1_u32..24, 1_u32..12).prop_flat_map(move |(width, height)| {
            prop::collection::vec(pixel.clone(), (width * height) as usize).prop_map(
                move |pixels| Pixels {
                    size: Size::new(width, height).unwrap(),
                    bytes: pixels.concat(),
                },
            )
        })
    }

    fn at(pixels: &Pixels, x: u32, y: u32) -> [u8; 4] {
        let start = ((y * pixels.size.width() + x) * 4) as usize;
        pixels.bytes[start..start + 4].try_into().unwrap()
    }

    /// The pixels that exist of the 2×2 under a pixel of the smaller level.
    fn under(pixels: &Pixels, x: u32, y: u32) -> Vec<[u8; 4]> {
        let columns = 2 * x..(2 * x + 2).min(pixels.size.width());
        let rows = 2 * y..(2 * y + 2).min(pixels.size.height());
        rows.flat_map(|y| columns.clone().map(move |x| (x, y)))
            .map(|(x, y)| at(pixels, x, y))
            .collect()
    }

    fn reduced(pixels: &Pixels, method: ReductionMethod) -> Pixels {
        pixels.view().reduced(Rect::of(pixels.size), method, vec![7; 5])
    }

    fn check(
        pixels: &Pixels,
        method: ReductionMethod,
        right: impl Fn(&[[u8; 4]], [u8; 4]) -> bool,
    ) {
        let found = reduced(pixels, method);
        assert_eq!(found.size, pixels.size.halved());
        for y in 0..found.size.height() {
            for x in 0..found.size.width() {
                let (of, found) = (under(pixels, x, y), at(&found, x, y));
                assert!(right(&of, found), "{method:?}: {found:?} of {of:?}");
            }
        }
    }

    /// Returns whether each channel equals a function of its sorted values.
    fn each_channel(of: &[[u8; 4]], found: [u8; 4], value: impl Fn(&[u8]) -> u8) -> bool {
        (0..4).all(|channel| {
            let mut values: Vec<u8> = of.iter().map(|pixel| pixel[channel]).collect();
            values.sort_unstable();
            value(&values) == found[channel]
        })
    }

    proptest! {
        #[test]
        fn each_method_matches_its_definition(pixels in images()) {
            check(&pixels, ReductionMethod::Max, |of, found| each_channel(of, found, |values| *values.last().unwrap()));
            check(&pixels, ReductionMethod::Min, |of, found| each_channel(of, found, |values| values[0]));
            check(&pixels, ReductionMethod::Nearest, |of, found| found == of[0]);
            #[expect(clippy::cast_sign_loss, reason = "bytes")]
            check(&pixels, ReductionMethod::Median, |of, found| each_channel(of, found, |values| {
                let middle = f64::midpoint(f64::from(values[(values.len() - 1) / 2]), f64::from(values[values.len() / 2]));
                middle.round_ties_even() as u8
            }));
            check(&pixels, ReductionMethod::Mode, |of, found| {
                let mut counts = HashMap::new();
                for pixel in of {
                    *counts.entry(pixel).or_insert(0) += 1;
                }
                // It exists, and no other is more frequent.
                counts.get(&found) == counts.values().max()
            });
            prop_assert_eq!(reduced(&pixels, ReductionMethod::Mean), pixels.view().halved(Vec::new()));
        }
    }

    #[test]
    fn mode_breaks_ties_as_documented() {
        let of = |labels: [u8; 4]| mode(labels.map(|label| [label; 4]))[0];
        for (labels, expected) in [
            ([1, 1, 2, 2], 1),
            ([1, 2, 1, 2], 2),
            ([1, 2, 2, 1], 2),
            ([1, 2, 3, 4], 3),
            ([1, 2, 3, 3], 3),
            ([1, 2, 3, 1], 1),
            ([1, 2, 3, 2], 2),
            ([5, 1, 5, 5], 5),
            ([1, 5, 5, 5], 5),
        ] {
            assert_eq!(of(labels), expected, "{labels:?}");
        }
    }

    /// The definition of the Lanczos-3 kernel.
    fn lanczos(x: f64) -> f64 {
        let sinc = |x: f64| {
            if x == 0.0 {
                1.0
            } else {
                (std::f64::consts::PI * x).sin() / (std::f64::consts::PI * x)
            }
        };
        if x.abs() < 3.0 { sinc(x) * sinc(x / 3.0) } else { 0.0 }
    }

    /// The definition of the result: both axes at once, in floating point.
    fn exact(pixels: &Pixels) -> Vec<f64> {
        let (width, height) = (pixels.size.width(), pixels.size.height());
        let weights = |start: u32, length: u32| -> Vec<(u32, f64)> {
            let weight = |pixel: u32| lanczos((f64::from(pixel) - f64::from(start) - 0.5) / 2.0);
            let sum: f64 = (0..length).map(weight).sum();
            (0..length)
                .map(|pixel| (pixel, weight(pixel) / sum))
                .filter(|(_, weight)| *weight != 0.0)
                .collect()
        };
        let mut found = Vec::new();
        for y in (0..height).step_by(2) {
            for x in (0..width).step_by(2) {
                for channel in 0..4 {
                    let mut sum = 0.0;
                    for (row, down) in weights(y, height) {
                        for (column, across) in weights(x, width) {
                            let value =
                                pixels.bytes[((row * width + column) * 4 + channel) as usize];
                            sum += down * across * f64::from(value);
                        }
                    }
                    found.push(sum.clamp(0.0, 255.0));
                }
            }
        }
        found
    }

    proptest! {
        #[test]
        fn lanczos_matches_its_definition_within_rounding(pixels in images()) {
            let found = reduced(&pixels, ReductionMethod::Lanczos3);
            for (found, exact) in found.bytes.iter().zip(exact(&pixels)) {
                prop_assert!((f64::from(*found) - exact).abs() < 0.6, "{} for {}", found, exact);
            }
        }

        #[test]
        fn lanczos_of_a_part_equals_that_of_the_whole(
            pixels in images(),
            (left, top, right, bottom) in any::<(u32, u32, u32, u32)>(),
            more in 0_u32..4,
        ) {
            // Any part of the result, from its margin or more.
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
                range.start.saturating_sub(LANCZOS_MARGIN + 2 * more)..(range.end + LANCZOS_MARGIN + 2 * more).min(length)
            };
            let window =
                Rect::spanning(around(&columns, pixels.size.width()), around(&rows, pixels.size.height())).unwrap();
            let core = relative_to(Rect::spanning(columns, rows).unwrap(), window.origin());
            let found = pixels.view().part(window).reduced(core, ReductionMethod::Lanczos3, vec![1; 3]);
            prop_assert_eq!(found, reduced(&pixels, ReductionMethod::Lanczos3).cropped(target));
        }
    }

    #[test]
    fn lanczos_preserves_a_single_color() {
        for side in [1, 2, 3, 7, 40] {
            let plain = Pixels::filled(Size::new(side, 41 - side).unwrap(), Rgb([0, 131, 255]));
            assert_eq!(
                reduced(&plain, ReductionMethod::Lanczos3),
                Pixels::filled(plain.size.halved(), Rgb([0, 131, 255]))
            );
        }
    }
}
