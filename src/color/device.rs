//! A device's colors, as a profile's tables and curves describe them, as sRGB.
//!
//! Each pixel goes the whole way that the profile says, in single precision: its curves, its table, the connection space, sRGB's primaries and curve. No table in between is
//! sampled anew, so that what differs from Little CMS is rounding. What always holds: the same device color becomes the same sRGB color, on any processor.

use super::icc::{Curve, D50, Encoding, Grid, Profile, Steps, malformed};
use super::{Intent, ProfileError};

mod adjustment;
#[cfg(test)]
mod tests;

use adjustment::adjustment;

/// Three numbers, and one that is for the processor's registers.
type Vector = [f32; 4];

/// Columns, and what is added.
type Affine = [Vector; 4];

/// The way from a device's colors, of one to four channels of 8 bits, to sRGB.
#[derive(Clone)]
pub(crate) struct DeviceToSrgb {
    device: DeviceToConnection,
    connection: Connection,
    /// Of steps of light from none to all.
    tones: Box<[u8; LIGHTS]>,
}

/// The profile's own part, made ready for channels of 8 bits.
#[derive(Clone)]
struct DeviceToConnection {
    table: DeviceTable,
    middle: Option<[Vec<f32>; 3]>,
    matrix: Option<Affine>,
    last: Option<[Vec<f32>; 3]>,
    encoding: Encoding,
}

/// The device's own part.
#[derive(Clone)]
enum DeviceTable {
    /// A curve of each channel.
    Curves(Vec<[f32; 256]>),
    /// For each channel, where each of its values lies in the grid.
    Grid { places: Vec<[Place; 256]>, strides: Vec<u32>, nodes: Vec<Vector> },
}

/// Where a value of a channel lies in the grid.
#[derive(Clone, Copy, Default)]
struct Place {
    /// What the step before it adds to a node's number.
    offset: u32,
    /// How far it is to the next step: from 0 to 1.
    fraction: f32,
}

/// From the connection space to light of sRGB's red, green and blue.
#[derive(Clone)]
enum Connection {
    Xyz { to_light: Affine },
    Lab { to_roots: Affine, to_light: Affine },
}

/// How much light the table of tones knows, a power of two: a tone near black is five of them.
const LIGHTS: usize = 1 << 14;

/// What curves between tables are sampled at.
const CURVE_STEPS: usize = 4_096;

impl DeviceToSrgb {
    /// The way by an intent, of a device with so many channels. Like Little CMS with its own sRGB: black is compensated where the intent is
    /// perceptual or saturation, and the media's white is kept where it is absolute.
    ///
    /// # Errors
    /// [`ProfileError::Malformed`] where the profile makes no sense.
    pub fn new(profile: &Profile<'_>, intent: Intent, channels: usize) -> Result<Self, ProfileError> {
        let device = DeviceToConnection::new(&profile.steps(intent, channels)?)?;
        let (scale, offset) = adjustment(profile, intent, channels)?;
        Ok(Self {
            connection: Connection::new(device.encoding, scale, offset),
            device,
            tones: Box::new(std::array::from_fn(|step| tone(step as f64 / (LIGHTS - 1) as f64))),
        })
    }

    /// Red, green and blue.
    #[inline]
    pub fn convert<const N: usize>(&self, device: [u8; N]) -> [u8; 3] {
        let light = unit(self.connection.light(self.device.encoded(device)));
        let [red, green, blue, _] = light.map(|light| whole(light * (LIGHTS - 1) as f32));
        [red, green, blue].map(|step| self.tones[step as usize % LIGHTS])
    }
}

impl DeviceToConnection {
    fn new(steps: &Steps) -> Result<Self, ProfileError> {
        Ok(Self {
            table: DeviceTable::new(steps)?,
            middle: steps.middle.as_ref().map(sampled),
            matrix: steps.matrix.as_ref().map(affine),
            last: steps.last.as_ref().map(sampled),
            encoding: steps.encoding,
        })
    }

    /// The color in the connection space, as the profile writes it.
    #[inline]
    fn encoded<const N: usize>(&self, device: [u8; N]) -> Vector {
        let mut value = self.table.of(device);
        if let Some(curves) = &self.middle {
            value = through(curves, value);
        }
        if let Some(matrix) = &self.matrix {
            value = transformed(matrix, value);
        }
        if let Some(curves) = &self.last {
            value = through(curves, value);
        }
        value
    }
}

impl DeviceTable {
    fn new(steps: &Steps) -> Result<Self, ProfileError> {
        let share = |value: usize| value as f64 / 255.0;
        let Some(Grid { steps: counts, nodes }) = &steps.grid else {
            let sampled = |curve: &Curve| std::array::from_fn(|value| curve.of(share(value)) as f32);
            return Ok(Self::Curves(steps.first.iter().map(sampled).collect()));
        };
        let mut strides = vec![1; counts.len()];
        for at in (1..counts.len()).rev() {
            strides[at - 1] = strides[at] * counts[at];
        }
        if nodes.len() != strides[0] * counts[0]
            || u32::try_from(nodes.len()).is_err()
            || steps.first.len() != counts.len()
        {
            return Err(malformed("its table has not as many colors as it says"));
        }
        let places = steps.first.iter().zip(counts.iter().zip(&strides)).map(|(curve, (&count, &stride))| {
            std::array::from_fn(|value| {
                let at = curve.of(share(value)) * (count - 1) as f64;
                #[expect(clippy::cast_sign_loss, reason = "from 0 on")]
                let cell = (at as usize).min(count - 2);
                Place { offset: (cell * stride) as u32, fraction: (at - cell as f64) as f32 }
            })
        });
        let strides = strides.iter().map(|&stride| stride as u32).collect();
        let nodes = nodes.iter().map(|&[x, y, z]| [x, y, z, 0.0]).collect();
        Ok(Self::Grid { places: places.collect(), strides, nodes })
    }

    #[inline]
    fn of<const N: usize>(&self, device: [u8; N]) -> Vector {
        match self {
            Self::Curves(curves) => {
                let of = |channel: usize| curves[channel][usize::from(device[channel])];
                if N == 1 { [of(0), of(0), of(0), 0.0] } else { [of(0), of(1), of(2), 0.0] }
            }
            Self::Grid { places, strides, nodes } => {
                let place = |channel: usize| places[channel][usize::from(device[channel])];
                let axis = |channel: usize| Axis::new(place(channel).fraction, strides[channel]);
                let first = (0..N).map(|channel| place(channel).offset as usize).sum();
                match N {
                    1 => {
                        let (fraction, stride) = (place(0).fraction, strides[0] as usize);
                        between(nodes[first], nodes[first + stride], fraction)
                    }
                    // As Little CMS does it: the first channel along a line, the others in a tetrahedron.
                    4 => {
                        let corners = tetrahedron(first, [axis(1), axis(2), axis(3)]);
                        let (fraction, stride) = (place(0).fraction, strides[0] as usize);
                        sum(corners, |node| between(nodes[node], nodes[node + stride], fraction))
                    }
                    _ => sum(tetrahedron(first, [axis(0), axis(1), axis(2)]), |node| nodes[node]),
                }
            }
        }
    }
}

/// The four nodes around a point of a cell, and how much each counts: from the first to the last corner, along the axis with the largest fraction first.
#[inline]
fn tetrahedron(first: usize, axes: [Axis; 3]) -> [(usize, f32); 4] {
    // Which is the largest cannot be foreseen: minimum and maximum take no branch.
    let [one, two, three] = axes.map(|Axis(axis)| axis);
    let (one, two) = (one.max(two), one.min(two));
    let (two, three) = (two.max(three), two.min(three));
    let (one, two) = (one.max(two), one.min(two));
    let [one, two, three] = [one, two, three].map(Axis);
    let second = first + one.stride();
    let third = second + two.stride();
    let [x, y, z] = [one, two, three].map(Axis::fraction);
    [(first, 1.0 - x), (second, x - y), (third, y - z), (third + three.stride(), z)]
}

/// How far a point is along an axis, and how many nodes a step along it is: the former's bits, which are ordered as the numbers from 0 to 1 are, above the latter.
#[derive(Clone, Copy)]
struct Axis(u64);

impl Axis {
    #[inline]
    fn new(fraction: f32, stride: u32) -> Self {
        Self(u64::from(fraction.to_bits()) << 32 | u64::from(stride))
    }

    #[inline]
    fn fraction(self) -> f32 {
        f32::from_bits((self.0 >> 32) as u32)
    }

    #[inline]
    fn stride(self) -> usize {
        self.0 as u32 as usize
    }
}

/// Cut off at 0 and 1; what is no number is 0. In the processor's own minimum and maximum, which standard ones are not.
#[inline]
fn unit(value: Vector) -> Vector {
    value.map(|value| {
        let value = if value > 0.0 { value } else { 0.0 };
        if value < 1.0 { value } else { 1.0 }
    })
}

/// The nearest whole number of one from 0 to 2²²: the lowest bits of what has no room for others.
#[inline]
fn whole(value: f32) -> u32 {
    (value + 8_388_608.0).to_bits() & 0x007f_ffff
}

#[inline]
fn sum(corners: [(usize, f32); 4], node: impl Fn(usize) -> Vector) -> Vector {
    corners.into_iter().fold([0.0; 4], |sum, (at, weight)| plus(sum, node(at), weight))
}

#[inline]
fn between(low: Vector, high: Vector, fraction: f32) -> Vector {
    std::array::from_fn(|at| low[at] + (high[at] - low[at]) * fraction)
}

#[inline]
fn plus(sum: Vector, value: Vector, weight: f32) -> Vector {
    std::array::from_fn(|at| sum[at] + value[at] * weight)
}

#[inline]
fn transformed([x, y, z, added]: &Affine, value: Vector) -> Vector {
    plus(plus(plus(*added, *x, value[0]), *y, value[1]), *z, value[2])
}

#[inline]
fn through(curves: &[Vec<f32>; 3], value: Vector) -> Vector {
    let value = unit(value);
    let of = |at: usize| {
        let curve = &curves[at];
        let place = value[at] * (curve.len() - 1) as f32;
        #[expect(clippy::cast_sign_loss, reason = "from 0 on; what is no number becomes 0")]
        let cell = (place as usize).min(curve.len() - 2);
        curve[cell] + (curve[cell + 1] - curve[cell]) * (place - cell as f32)
    };
    [of(0), of(1), of(2), 0.0]
}

/// Tables as they are, functions at many places.
fn sampled(curves: &[Curve; 3]) -> [Vec<f32>; 3] {
    curves.each_ref().map(|curve| match curve {
        Curve::Table(values) => values.clone(),
        Curve::Identity => vec![0.0, 1.0],
        Curve::Power { .. } => {
            (0..=CURVE_STEPS).map(|step| curve.of(step as f64 / CURVE_STEPS as f64) as f32).collect()
        }
    })
}

impl Connection {
    /// `scale` and `offset` are what becomes of XYZ on the way.
    fn new(encoding: Encoding, scale: [f64; 3], offset: [f64; 3]) -> Self {
        let light = light_of_xyz();
        // Of numbers that are `unit` for the connection space's white.
        let to_light = |unit: [f64; 3]| {
            let rows: [[f64; 4]; 3] = std::array::from_fn(|row| {
                let of = |column: usize| light[row][column] * scale[column] * unit[column];
                [of(0), of(1), of(2), (0..3).map(|column| light[row][column] * offset[column]).sum()]
            });
            affine(&rows)
        };
        match encoding {
            Encoding::Xyz => Self::Xyz { to_light: to_light([XYZ_UNIT; 3]) },
            Encoding::Lab | Encoding::LegacyLab => {
                let more = encoding.lab_unit();
                // Lightness is 100 of it, opponent colors 255 of it from -128 on.
                let (lightness, opponent) = (100.0 * more / 116.0, 255.0 * more);
                let to_roots = affine(&[
                    [lightness, opponent / 500.0, 0.0, 16.0 / 116.0 - 128.0 / 500.0],
                    [lightness, 0.0, 0.0, 16.0 / 116.0],
                    [lightness, 0.0, -opponent / 200.0, 16.0 / 116.0 + 128.0 / 200.0],
                ]);
                Self::Lab { to_roots, to_light: to_light(D50) }
            }
        }
    }

    #[inline]
    fn light(&self, encoded: Vector) -> Vector {
        match self {
            Self::Xyz { to_light } => transformed(to_light, encoded),
            Self::Lab { to_roots, to_light } => {
                let roots = transformed(to_roots, encoded);
                let cubes = std::array::from_fn(|at| {
                    let root = roots[at];
                    if root > 6.0 / 29.0 { root * root * root } else { (root - 16.0 / 116.0) * (108.0 / 841.0) }
                });
                transformed(to_light, cubes)
            }
        }
    }
}

/// What 1 is in the encoding of XYZ.
const XYZ_UNIT: f64 = 1.0 + 32_767.0 / 32_768.0;

fn affine(rows: &[[f64; 4]; 3]) -> Affine {
    std::array::from_fn(|column| [rows[0][column] as f32, rows[1][column] as f32, rows[2][column] as f32, 0.0])
}

/// From XYZ relative to D50 to light of sRGB's primaries: the inverse of the sum of their colors (IEC 61966-2-1, adapted by Bradford's matrix), of which white is D50 exactly.
fn light_of_xyz() -> [[f64; 3]; 3] {
    let primaries = [
        [0.436_074_7, 0.385_064_9, 0.143_080_4],
        [0.222_504_5, 0.716_878_6, 0.060_616_9],
        [0.013_932_2, 0.097_104_5, 0.714_173_3],
    ];
    let matrix: [[f64; 3]; 3] = std::array::from_fn(|row| {
        let sum: f64 = primaries[row].iter().sum();
        primaries[row].map(|value| value * D50[row] / sum)
    });
    // By Cramer's rule; counted on around the edges, minors have their signs.
    let minor = |row: usize, column: usize| {
        let at = |down: usize, right: usize| matrix[(row + down) % 3][(column + right) % 3];
        at(1, 1) * at(2, 2) - at(1, 2) * at(2, 1)
    };
    let determinant: f64 = (0..3).map(|column| matrix[0][column] * minor(0, column)).sum();
    std::array::from_fn(|row| std::array::from_fn(|column| minor(column, row) / determinant))
}

/// sRGB's 8-bit tone of so much light, from 0 to 1.
#[expect(clippy::cast_sign_loss, reason = "from 0 on")]
fn tone(light: f64) -> u8 {
    let tone = if light <= 0.003_130_8 { 12.92 * light } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 };
    (tone * 255.0 + 0.5) as u8
}
