//! What an intent asks of XYZ on its way: the media's white, or a compensated black.

use super::{DeviceToConnection, XYZ_UNIT};
use crate::color::icc::{D50, Encoding, Profile};
use crate::color::{Intent, ProfileError};

/// By what XYZ is multiplied on its way, and what is added: the white of the media, or black that becomes sRGB's.
pub(crate) fn adjustment(
    profile: &Profile<'_>,
    intent: Intent,
    channels: usize,
) -> Result<([f64; 3], [f64; 3]), ProfileError> {
    match intent {
        Intent::Relative => Ok(([1.0; 3], [0.0; 3])),
        Intent::Absolute => {
            let white = profile.media_white()?;
            Ok((std::array::from_fn(|at| white[at] / D50[at]), [0.0; 3]))
        }
        Intent::Perceptual | Intent::Saturation => {
            let black = black_point(profile, intent, channels)?;
            let scale = std::array::from_fn(|at| D50[at] / (D50[at] - black[at]));
            Ok((scale, std::array::from_fn(|at| -black[at] * scale[at])))
        }
    }
}

/// The black of the profile's connection space, as Little CMS finds it.
fn black_point(profile: &Profile<'_>, intent: Intent, channels: usize) -> Result<[f64; 3], ProfileError> {
    /// Of the reference medium of version 4.
    const REFERENCE: [f64; 3] = [0.003_36, 0.003_473_1, 0.002_87];
    let intent = match (profile.version >= 4, profile.has_curves()) {
        (true, false) => return Ok(REFERENCE),
        (true, true) => Intent::Relative,
        (false, _) => intent,
    };
    if !profile.has_table_of(intent) && !profile.has_curves() {
        return Ok([0.0; 3]);
    }
    let device = DeviceToConnection::new(&profile.steps(intent, channels)?)?;
    // All inks, or no light.
    let encoded = match channels {
        1 => device.encoded([0]),
        3 => device.encoded([0; 3]),
        _ => device.encoded([u8::MAX; 4]),
    };
    let [first, second, third, _] = encoded.map(f64::from);
    let [lightness, a, b] = match device.encoding {
        Encoding::Xyz => lab_of_xyz([first, second, third].map(|value| value * XYZ_UNIT)),
        Encoding::Lab | Encoding::LegacyLab => {
            let more = device.encoding.lab_unit();
            [first * more * 100.0, second * more * 255.0 - 128.0, third * more * 255.0 - 128.0]
        }
    };
    // Negatives have it the other way round.
    let lightness = if lightness > 95.0 { 0.0 } else { lightness.clamp(0.0, 50.0) };
    Ok(xyz_of_lab([lightness, a, b]))
}

fn lab_of_xyz(xyz: [f64; 3]) -> [f64; 3] {
    let root = |at: usize| {
        let share = xyz[at] / D50[at];
        if share > (6.0_f64 / 29.0).powi(3) { share.cbrt() } else { share * 841.0 / 108.0 + 16.0 / 116.0 }
    };
    [116.0 * root(1) - 16.0, 500.0 * (root(0) - root(1)), 200.0 * (root(1) - root(2))]
}

fn xyz_of_lab([lightness, a, b]: [f64; 3]) -> [f64; 3] {
    let middle = (lightness + 16.0) / 116.0;
    let roots = [middle + a / 500.0, middle, middle - b / 200.0];
    std::array::from_fn(|at| {
        let root = roots[at];
        let share = if root > 6.0 / 29.0 { root.powi(3) } else { (root - 16.0 / 116.0) * 108.0 / 841.0 };
        share * D50[at]
    })
}
