//! Converted colors that are kept, so that each color of a picture goes the whole way of its profile once.
//!
//! A way through tables takes some 17 ns, and pictures use few of the 16 million colors: those that lie close together are converted together, when the first of them comes. What
//! always holds: each comes out as the conversion itself makes it, whoever asks first; and all of them take 50 MB.

use std::sync::OnceLock;

use super::device::DeviceToSrgb;

/// Colors side by side, along each of red, green and blue.
const SIDE: usize = 8;

/// Of so many cubes the colors are made, along each of red, green and blue.
const CUBES: usize = 256 / SIDE;

/// Red, green and blue of the colors in a cube.
type Cube = [[u8; 3]; SIDE * SIDE * SIDE];

/// The conversion of red, green and blue, with what is known of it.
pub(crate) struct ColorCache {
    device: DeviceToSrgb,
    cubes: Box<[OnceLock<Box<Cube>>]>,
}

impl ColorCache {
    pub fn new(device: DeviceToSrgb) -> Self {
        Self { device, cubes: (0..CUBES * CUBES * CUBES).map(|_| OnceLock::new()).collect() }
    }

    /// The conversion itself.
    pub const fn device(&self) -> &DeviceToSrgb {
        &self.device
    }

    /// Red, green and blue.
    #[inline]
    pub fn convert(&self, color: [u8; 3]) -> [u8; 3] {
        let number = |parts: [usize; 3], side: usize| (parts[0] * side + parts[1]) * side + parts[2];
        let color = color.map(usize::from);
        let cube = self.cubes[number(color.map(|value| value / SIDE), CUBES)].get_or_init(|| self.cube(color));
        cube[number(color.map(|value| value % SIDE), SIDE)]
    }

    /// All colors of the cube that a color lies in.
    #[cold]
    fn cube(&self, color: [usize; 3]) -> Box<Cube> {
        let [red, green, blue] = color.map(|value| value / SIDE * SIDE);
        let mut cube = Box::new([[0; 3]; SIDE * SIDE * SIDE]);
        for (at, converted) in cube.iter_mut().enumerate() {
            let place = [red + at / (SIDE * SIDE), green + at / SIDE % SIDE, blue + at % SIDE];
            *converted = self.device.convert(place.map(|value| value as u8));
        }
        cube
    }
}

#[cfg(test)]
mod tests {
    use slidezoom_fixtures::icc::{self, Precision};

    use super::*;
    use crate::color::{IccProfile, Intent};

    /// All of them, and so every cube, by threads that want the same ones at once.
    #[test]
    fn every_color_is_what_the_conversion_makes_of_it() {
        let node = |place: &[f64]| icc::encoded_xyz(icc::light_to_xyz([place[0], place[1], place[2]]));
        let table = icc::lut(Precision::Sixteen, (3, 5), |value| value.powf(1.8), node, |value| value);
        let profile = icc::IccProfile::new(b"RGB ", b"XYZ ").class(b"scnr").tag(b"A2B0", table);
        let profile = IccProfile::new(profile.bytes());
        let parsed = profile.parsed().unwrap();
        let known = ColorCache::new(DeviceToSrgb::new(&parsed, Intent::Relative, 3).unwrap());
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for number in 0_u32..1 << 24 {
                        let [_, red, green, blue] = number.to_be_bytes();
                        let color = [red, green, blue];
                        assert_eq!(known.convert(color), known.device().convert(color), "{color:?}");
                    }
                });
            }
        });
    }
}
