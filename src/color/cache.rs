//! A cache of converted colors.
//!
//! Little CMS converts one to three million colors per second exactly, and a slide has about a
//! million different ones. With the cache, a tile of tissue converts at over 200 megapixels per
//! second.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::little_cms::SharedTransform;

/// The side of a cube of neighboring colors.
const SIDE: usize = 8;

/// The number of cubes along each of red, green and blue.
const CUBES: usize = 256 / SIDE;

/// A converted color as `0xff_rr_gg_bb`; 0 until it is known.
type Cube = [AtomicU32; SIDE * SIDE * SIDE];

/// A conversion of RGB that remembers each color. All 16 million colors take 67 MB; tissue takes 8
/// to 25 MB.
pub(super) struct ColorCache {
    transform: SharedTransform<[u8; 3], [u8; 3]>,
    cubes: Box<[OnceLock<Box<Cube>>]>,
}

impl ColorCache {
    pub fn new(transform: SharedTransform<[u8; 3], [u8; 3]>) -> Self {
        Self { transform, cubes: (0..CUBES * CUBES * CUBES).map(|_| OnceLock::new()).collect() }
    }

    /// Converts a color of red, green and blue.
    #[inline]
    pub fn convert(&self, color: [u8; 3]) -> [u8; 3] {
        let index = |parts: [usize; 3], side: usize| (parts[0] * side + parts[1]) * side + parts[2];
        let place = color.map(usize::from);
        let cube =
            self.cubes[index(place.map(|value| value / SIDE), CUBES)].get_or_init(empty_cube);
        let entry = &cube[index(place.map(|value| value % SIDE), SIDE)];
        match entry.load(Ordering::Relaxed).to_be_bytes() {
            // Threads that meet here compute the same color.
            [0, ..] => {
                let converted @ [red, green, blue] = self.convert_uncached(color);
                entry.store(u32::from_be_bytes([u8::MAX, red, green, blue]), Ordering::Relaxed);
                converted
            }
            [_, red, green, blue] => [red, green, blue],
        }
    }

    /// Converts a color without remembering it.
    #[cold]
    pub fn convert_uncached(&self, color: [u8; 3]) -> [u8; 3] {
        let mut converted = [[0; 3]];
        self.transform.transform_pixels(&[color], &mut converted);
        converted[0]
    }
}

#[cold]
fn empty_cube() -> Box<Cube> {
    Box::new(std::array::from_fn(|_| AtomicU32::new(0)))
}

#[cfg(test)]
mod tests {
    use lcms2::PixelFormat;
    use slidezoom_fixtures::icc::{self, Precision};

    use super::*;
    use crate::color::little_cms::{self, OpenProfile};
    use crate::color::{IccProfile, Intent};

    #[test]
    fn returns_the_converted_color_when_threads_ask_at_once() {
        let node =
            |place: &[f64]| icc::encoded_xyz(icc::light_to_xyz([place[0], place[1], place[2]]));
        let table =
            icc::lut(Precision::Sixteen, (3, 5), |value| value.powf(1.8), node, |value| value);
        let profile = icc::IccProfile::new(b"RGB ", b"XYZ ").class(b"scnr").tag(b"A2B0", table);
        let profile = OpenProfile::open(&IccProfile::new(profile.bytes())).unwrap();
        let formats = (PixelFormat::RGB_8, PixelFormat::RGB_8);
        let transform =
            profile.to_srgb(formats, Intent::Relative, little_cms::Precision::Exact).unwrap();
        let cache = ColorCache::new(transform);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    // Every cube, and every place in a cube; each color twice.
                    for number in (0_u32..1 << 24).step_by(61).flat_map(|number| [number, number]) {
                        let [_, red, green, blue] = number.to_be_bytes();
                        let color = [red, green, blue];
                        assert_eq!(
                            cache.convert(color),
                            cache.convert_uncached(color),
                            "{color:?}"
                        );
                    }
                });
            }
        });
    }
}
