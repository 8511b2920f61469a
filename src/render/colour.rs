//! A slide's colours by its ICC profile: converted to sRGB, or handed on inside each tile.
//!
//! What always holds: a conversion is a function of each pixel alone, so that tiles, levels and workers agree; transparent pixels stay
//! transparent; and a profile that is sRGB in effect changes nothing and costs nothing.

use std::fmt;
use std::sync::Arc;

use moxcms::{ColorProfile, DataColorSpace, Layout, RenderingIntent, TransformExecutor, TransformOptions};
use serde::Serialize;

use super::{PIXEL_BYTES, PremultipliedPixels};

/// An ICC profile as a slide holds it: bytes that may make no sense.
#[derive(Clone, PartialEq, Eq)]
pub struct IccProfile(Arc<[u8]>);

impl IccProfile {
    /// Takes a profile's bytes.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for IccProfile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "an ICC profile of {} bytes", self.0.len())
    }
}

/// What is kept of colours that sRGB cannot show, by ICC.1:2022.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Intent {
    /// How colours look beside each other.
    Perceptual,
    /// Colours that sRGB has, exactly, white being white.
    Relative,
    /// How vivid they are.
    Saturation,
    /// Colours that sRGB has, exactly, white being the paper's or glass's.
    Absolute,
}

/// Why a profile is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// It makes no sense.
    #[error("it cannot be read: {message}")]
    Malformed {
        /// What the colour library said.
        message: String,
    },
    /// It is longer than a JPEG file can hold, and than any profile in use.
    #[error("its {bytes} bytes are more than a JPEG file can hold")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// It is about something else than the pixels.
    #[error("it is for {space} pixels, and the slide's are RGB")]
    Space {
        /// The colour space that it is for.
        space: String,
    },
}

/// A conversion to sRGB.
#[derive(Clone)]
pub struct ColourConversion {
    profile: IccProfile,
    intent: Intent,
    transform: Arc<dyn TransformExecutor<u8> + Send + Sync>,
}

/// What a profile asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum ProfileEffect {
    /// Nothing: it is sRGB.
    None,
    /// A conversion.
    Conversion(ColourConversion),
}

impl PartialEq for ColourConversion {
    fn eq(&self, other: &Self) -> bool {
        (&self.profile, self.intent) == (&other.profile, other.intent)
    }
}

impl fmt::Debug for ColourConversion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "from {:?}, intent {:?}", self.profile, self.intent)
    }
}

/// Pixels that are converted at a time: what they take, before and after, stays in the processor's first cache.
const PIXELS_AT_A_TIME: usize = 1024;

impl ColourConversion {
    /// How far a conversion may move a channel to be none: colour libraries round so differently.
    const ROUNDING: u8 = 1;

    /// The way from a profile's colours to sRGB's, by the profile's own intent where none is asked for.
    ///
    /// # Errors
    /// [`ProfileError`] where the profile makes no sense or is not for RGB.
    pub fn to_srgb(profile: &IccProfile, intent: Option<Intent>) -> Result<ProfileEffect, ProfileError> {
        let malformed = |error: moxcms::CmsError| ProfileError::Malformed { message: error.to_string() };
        if profile.bytes().len() > LONGEST_PROFILE {
            return Err(ProfileError::TooLong { bytes: profile.bytes().len() });
        }
        let parsed = ColorProfile::new_from_slice(profile.bytes()).map_err(malformed)?;
        if parsed.color_space != DataColorSpace::Rgb {
            return Err(ProfileError::Space { space: format!("{:?}", parsed.color_space) });
        }
        let intent = intent.unwrap_or(match parsed.rendering_intent {
            RenderingIntent::Perceptual => Intent::Perceptual,
            RenderingIntent::RelativeColorimetric => Intent::Relative,
            RenderingIntent::Saturation => Intent::Saturation,
            RenderingIntent::AbsoluteColorimetric => Intent::Absolute,
        });
        let options = TransformOptions {
            rendering_intent: match intent {
                Intent::Perceptual => RenderingIntent::Perceptual,
                Intent::Relative => RenderingIntent::RelativeColorimetric,
                Intent::Saturation => RenderingIntent::Saturation,
                Intent::Absolute => RenderingIntent::AbsoluteColorimetric,
            },
            ..TransformOptions::default()
        };
        let transform = parsed
            .create_transform_8bit(Layout::Rgba, &ColorProfile::new_srgb(), Layout::Rgba, options)
            .map_err(malformed)?;
        let conversion = Self { profile: profile.clone(), intent, transform };
        Ok(if conversion.is_identity()? { ProfileEffect::None } else { ProfileEffect::Conversion(conversion) })
    }

    /// The profile that it converts from.
    #[must_use]
    pub const fn profile(&self) -> &IccProfile {
        &self.profile
    }

    /// What is kept of colours that sRGB cannot show.
    #[must_use]
    pub const fn intent(&self) -> Intent {
        self.intent
    }

    /// Whether no colour of a fine grid moves by more than rounding.
    fn is_identity(&self) -> Result<bool, ProfileError> {
        let steps = || (0..=u8::MAX).step_by(15);
        let grid: Vec<u8> = steps()
            .flat_map(|red| steps().flat_map(move |green| steps().flat_map(move |blue| [red, green, blue, u8::MAX])))
            .collect();
        let mut converted = vec![0; grid.len()];
        self.transform
            .transform(&grid, &mut converted)
            .map_err(|error| ProfileError::Malformed { message: error.to_string() })?;
        Ok(grid.iter().zip(&converted).all(|(before, after)| before.abs_diff(*after) <= Self::ROUNDING))
    }

    /// Converts pixels where they are.
    ///
    /// # Panics
    /// Never: both buffers are of one length and of whole pixels.
    #[must_use]
    pub fn convert(&self, mut pixels: PremultipliedPixels) -> PremultipliedPixels {
        let opaque = pixels.is_opaque();
        let mut before = [0; PIXELS_AT_A_TIME * PIXEL_BYTES];
        let mut after = [0; PIXELS_AT_A_TIME * PIXEL_BYTES];
        for part in pixels.bytes.chunks_mut(PIXELS_AT_A_TIME * PIXEL_BYTES) {
            let before = &mut before[..part.len()];
            let after = &mut after[..part.len()];
            swap_red_and_blue(part, before);
            if !opaque {
                before.chunks_exact_mut(PIXEL_BYTES).for_each(divide_by_alpha);
            }
            let converted = self.transform.transform(before, after);
            assert!(converted.is_ok(), "converting {} bytes: {converted:?}", part.len());
            if !opaque {
                after.chunks_exact_mut(PIXEL_BYTES).for_each(multiply_by_alpha);
            }
            swap_red_and_blue(after, part);
        }
        pixels
    }
}

/// Written so that the compiler makes vector code of it: moxcms knows no pixels that begin with blue.
fn swap_red_and_blue(from: &[u8], to: &mut [u8]) {
    for (to, from) in to.as_chunks_mut::<PIXEL_BYTES>().0.iter_mut().zip(from.as_chunks::<PIXEL_BYTES>().0) {
        let pixel = u32::from_le_bytes(*from);
        let swapped = pixel & 0xff00_ff00 | (pixel >> 16) & 0xff | (pixel & 0xff) << 16;
        *to = swapped.to_le_bytes();
    }
}

/// Rounded to nearest; a malformed file can hold colours brighter than their alpha allows.
fn divide_by_alpha(pixel: &mut [u8]) {
    // What is wholly transparent stays so, whatever its colours become.
    let alpha = u32::from(pixel[3]).max(1);
    for channel in &mut pixel[..3] {
        *channel = ((u32::from(*channel) * 255 + alpha / 2) / alpha).min(255) as u8;
    }
}

fn multiply_by_alpha(pixel: &mut [u8]) {
    let alpha = u32::from(pixel[3]);
    for channel in &mut pixel[..3] {
        *channel = ((u32::from(*channel) * alpha + 127) / 255) as u8;
    }
}

/// What introduces each part of a profile in a JPEG file.
const PART_SIGNATURE: &[u8; 12] = b"ICC_PROFILE\0";

/// A part's bytes beside the profile's own: the segment's length, the signature, which part it is and of how many.
const PART_HEAD_BYTES: usize = 2 + PART_SIGNATURE.len() + 2;

const PART_BYTES: usize = 65_535 - PART_HEAD_BYTES;

const LONGEST_PROFILE: usize = 255 * PART_BYTES;

/// Puts a profile into a JPEG file, as ICC.1:2022 B.4 says: in `APP2` segments, behind the JFIF header where there is one.
///
/// # Panics
/// Where `jpeg` does not begin as a JPEG file does, which is none of an encoder's.
pub fn embed_in_jpeg(jpeg: &mut Vec<u8>, profile: &IccProfile) {
    assert!(jpeg.starts_with(&[0xff, 0xd8]), "no JPEG file");
    // JFIF wants to be first.
    let at = match jpeg.get(2..6) {
        Some(&[0xff, 0xe0, high, low]) => 4 + usize::from(u16::from_be_bytes([high, low])),
        _ => 2,
    };
    let parts = profile.bytes().chunks(PART_BYTES);
    let count = parts.len();
    let at = at.min(jpeg.len());
    let mut segments = Vec::with_capacity(profile.bytes().len() + count * (PART_HEAD_BYTES + 2));
    for (number, part) in parts.enumerate() {
        segments.extend_from_slice(&[0xff, 0xe2]);
        segments.extend_from_slice(&((PART_HEAD_BYTES + part.len()) as u16).to_be_bytes());
        segments.extend_from_slice(PART_SIGNATURE);
        segments.extend_from_slice(&[number as u8 + 1, count as u8]);
        segments.extend_from_slice(part);
    }
    jpeg.splice(at..at, segments);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;

    fn conversion(profile: &ColorProfile) -> ColourConversion {
        let profile = IccProfile::new(profile.encode().unwrap());
        match ColourConversion::to_srgb(&profile, None).unwrap() {
            ProfileEffect::Conversion(conversion) => conversion,
            ProfileEffect::None => panic!("the profile moves no colour"),
        }
    }

    fn pixels(bytes: Vec<u8>) -> PremultipliedPixels {
        PremultipliedPixels::from_bgra(Size::new((bytes.len() / PIXEL_BYTES) as u32, 1).unwrap(), bytes)
    }

    #[test]
    fn colours_move_as_little_cms_moves_them() {
        let steps = || (0..=u8::MAX).step_by(5);
        let grid: Vec<[u8; 3]> = steps()
            .flat_map(|red| steps().flat_map(move |green| steps().map(move |blue| [red, green, blue])))
            .collect();
        for profile in [
            ColorProfile::new_adobe_rgb(),
            ColorProfile::new_display_p3(),
            ColorProfile::new_pro_photo_rgb(),
            ColorProfile::new_bt2020(),
        ] {
            let icc = profile.encode().unwrap();
            let theirs = lcms2::Transform::new(
                &lcms2::Profile::new_icc(&icc).unwrap(),
                lcms2::PixelFormat::RGB_8,
                &lcms2::Profile::new_srgb(),
                lcms2::PixelFormat::RGB_8,
                lcms2::Intent::Perceptual,
            )
            .unwrap();
            let mut expected = vec![[0; 3]; grid.len()];
            theirs.transform_pixels(&grid, &mut expected);
            let bgra = grid.iter().flat_map(|&[red, green, blue]| [blue, green, red, u8::MAX]).collect();
            let found = conversion(&profile).convert(pixels(bgra));
            let differences: Vec<u32> = found
                .bytes()
                .chunks_exact(PIXEL_BYTES)
                .zip(&expected)
                .flat_map(|(bgra, rgb)| [(bgra[2], rgb[0]), (bgra[1], rgb[1]), (bgra[0], rgb[2])])
                .map(|(found, expected)| u32::from(found.abs_diff(expected)))
                .collect();
            let mean = f64::from(differences.iter().sum::<u32>()) / differences.len() as f64;
            assert!(*differences.iter().max().unwrap() <= 2 && mean < 0.2, "mean difference {mean}");
        }
    }

    #[test]
    fn transparency_is_kept_and_colours_are_those_behind_it() {
        let conversion = conversion(&ColorProfile::new_adobe_rgb());
        let opaque = conversion.convert(pixels(vec![40, 200, 100, 255]));
        // The same colour at half alpha, clear pixels, and one brighter than its alpha allows.
        let found = conversion.convert(pixels(vec![20, 100, 50, 128, 0, 0, 0, 0, 90, 90, 90, 0, 250, 250, 250, 100]));
        for (channel, behind) in found.bytes()[..3].iter().zip(opaque.bytes()) {
            assert!(channel.abs_diff((u32::from(*behind) * 128 / 255) as u8) <= 1, "{found:?} of {opaque:?}");
        }
        assert_eq!(found.bytes()[3], 128);
        assert_eq!(found.bytes()[4..12], [0; 8]);
        assert_eq!(found.bytes()[12..], [100; 4]);
    }

    /// However many pixels there are, each is converted, and by itself.
    #[test]
    fn every_pixel_is_converted_alike() {
        let conversion = conversion(&ColorProfile::new_display_p3());
        let one = conversion.convert(pixels(vec![10, 130, 220, 255]));
        for count in [1, PIXELS_AT_A_TIME - 1, PIXELS_AT_A_TIME, PIXELS_AT_A_TIME + 1, 5 * PIXELS_AT_A_TIME + 7] {
            let many = conversion.convert(pixels([10, 130, 220, 255].repeat(count)));
            assert!(many.bytes().chunks_exact(PIXEL_BYTES).all(|pixel| pixel == one.bytes()), "{count}");
        }
    }

    #[test]
    fn srgb_asks_for_nothing_and_what_is_no_profile_is_of_no_use() {
        let srgb = IccProfile::new(ColorProfile::new_srgb().encode().unwrap());
        assert_eq!(ColourConversion::to_srgb(&srgb, None), Ok(ProfileEffect::None));
        let grey = IccProfile::new(ColorProfile::new_gray_with_gamma(2.2).encode().unwrap());
        assert!(matches!(ColourConversion::to_srgb(&grey, None), Err(ProfileError::Space { .. })));
        let long = IccProfile::new(vec![0; LONGEST_PROFILE + 1]);
        assert_eq!(ColourConversion::to_srgb(&long, None), Err(ProfileError::TooLong { bytes: LONGEST_PROFILE + 1 }));
        assert!(matches!(
            ColourConversion::to_srgb(&IccProfile::new(Vec::new()), None),
            Err(ProfileError::Malformed { .. })
        ));
    }

    /// Cut short at every byte, and with every bit flipped: a conversion or an error, and no panic.
    #[test]
    fn a_damaged_profile_does_no_harm() {
        let whole = ColorProfile::new_adobe_rgb().encode().unwrap();
        let white = || pixels(vec![255; 4 * PIXEL_BYTES]);
        let try_out = |bytes: Vec<u8>| {
            if let Ok(ProfileEffect::Conversion(conversion)) = ColourConversion::to_srgb(&IccProfile::new(bytes), None)
            {
                assert_eq!(conversion.convert(white()).bytes().len(), 4 * PIXEL_BYTES);
            }
        };
        for length in 0..whole.len() {
            try_out(whole[..length].to_vec());
        }
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            try_out(flipped);
        }
    }

    #[test]
    fn a_long_profile_is_embedded_in_parts_behind_the_jfif_header() {
        let profile = IccProfile::new((0..150_000_u32).map(|at| (at % 251) as u8).collect());
        let jfif = [&[0xff, 0xe0, 0, 16][..], b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"].concat();
        for header in [jfif, Vec::new()] {
            let mut jpeg = [&[0xff, 0xd8][..], &header, &[0xff, 0xdb, 9, 9]].concat();
            embed_in_jpeg(&mut jpeg, &profile);
            let (start, mut rest) = jpeg.split_at(2 + header.len());
            assert_eq!(start, [&[0xff, 0xd8][..], &header].concat());
            let mut found = Vec::new();
            for number in 1..=3 {
                let length = usize::from(u16::from_be_bytes([rest[2], rest[3]]));
                assert_eq!((&rest[..2], &rest[4..16]), (&[0xff, 0xe2][..], &b"ICC_PROFILE\0"[..]));
                assert_eq!(rest[16..18], [number, 3]);
                found.extend_from_slice(&rest[18..2 + length]);
                rest = &rest[2 + length..];
            }
            assert!(found == profile.bytes());
            assert_eq!(rest, [0xff, 0xdb, 9, 9]);
        }
    }
}
