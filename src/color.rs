//! A slide's colors by its ICC profile: converted to sRGB, or handed on inside each tile.
//!
//! Profiles that are a matrix and three curves, as nearly all of slides are, go through moxcms, which has vector code for them; tables, grays and inks through
//! [`device`]. What always holds: a conversion is a function of each pixel alone, so that tiles, levels and workers agree; transparent pixels stay
//! transparent; gray stays gray by a gray profile; and a profile that is sRGB in effect changes nothing and costs nothing.

use std::fmt;
use std::sync::Arc;

use moxcms::{ColorProfile, Layout, RenderingIntent, TransformExecutor, TransformOptions};
use serde::Serialize;

use crate::geometry::Size;
use crate::pixels::{PIXEL_BYTES, PremultipliedPixels};

mod cache;
mod device;
mod embedding;
mod icc;
#[cfg(test)]
mod tests;

use cache::ColorCache;
use device::DeviceToSrgb;
use embedding::LONGEST_PROFILE;
pub use embedding::embed_in_jpeg;
use icc::{D50, Profile};

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

    /// Whether it is for gray pixels, which its header says.
    #[must_use]
    pub fn is_gray(&self) -> bool {
        self.0.get(16..20) == Some(b"GRAY")
    }

    /// Reads its header.
    fn parsed(&self) -> Result<Profile<'_>, ProfileError> {
        if self.0.len() > LONGEST_PROFILE {
            return Err(ProfileError::TooLong { bytes: self.0.len() });
        }
        Profile::read(&self.0)
    }
}

impl fmt::Debug for IccProfile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "an ICC profile of {} bytes", self.0.len())
    }
}

/// What is kept of colors that sRGB cannot show, by ICC.1:2022.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Intent {
    /// How colors look beside each other.
    Perceptual,
    /// Colors that sRGB has, exactly, white being white.
    Relative,
    /// How vivid they are.
    Saturation,
    /// Colors that sRGB has, exactly, white being the paper's or glass's.
    Absolute,
}

/// Why a profile is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// It makes no sense.
    #[error("it cannot be read: {message}")]
    Malformed {
        /// What the color library said.
        message: String,
    },
    /// It is longer than a JPEG file can hold, and than any profile in use.
    #[error("its {bytes} bytes are more than a JPEG file can hold")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// It is about something else than the pixels.
    #[error("it is for {space} pixels, and these are {pixels}")]
    Space {
        /// The color space that it is for.
        space: String,
        /// What they are.
        pixels: &'static str,
    },
    /// It is for gray pixels, and tiles that are not converted are not gray throughout.
    #[error("it is for gray pixels, and tiles that have other colors too cannot be converted")]
    NotGrayThroughout,
}

/// What is known of pixels before their colors are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PixelColors {
    /// They may have any.
    Rgb,
    /// Red, green and blue are the same in each.
    Gray,
}

/// A conversion to sRGB.
#[derive(Clone)]
pub struct ColorConversion {
    profile: IccProfile,
    intent: Intent,
    way: Way,
}

/// What a conversion does.
#[derive(Clone)]
enum Way {
    /// Curves, a matrix, and sRGB's curve.
    Matrix(Arc<dyn TransformExecutor<u8> + Send + Sync>),
    /// All that a profile with tables says, and the rarer things of others.
    Device(Arc<ColorCache>),
    /// Blue, green and red of each gray.
    Gray(Arc<[[u8; 3]; 256]>),
}

/// What a profile asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum ProfileEffect {
    /// Nothing: it is sRGB.
    None,
    /// A conversion.
    Conversion(ColorConversion),
}

impl PartialEq for ColorConversion {
    fn eq(&self, other: &Self) -> bool {
        (&self.profile, self.intent) == (&other.profile, other.intent)
    }
}

impl fmt::Debug for ColorConversion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "from {:?}, intent {:?}", self.profile, self.intent)
    }
}

/// Pixels that are converted at a time: what they take, before and after, stays in the processor's first cache.
const PIXELS_AT_A_TIME: usize = 1024;

impl ColorConversion {
    /// How far a conversion may move a channel to be none: color libraries round so differently.
    const ROUNDING: u8 = 1;

    /// The way from a profile's colors to sRGB's, by the profile's own intent where none is asked for.
    ///
    /// # Errors
    /// [`ProfileError`] where the profile makes no sense or is for other pixels.
    pub fn to_srgb(
        profile: &IccProfile,
        pixels: PixelColors,
        intent: Option<Intent>,
    ) -> Result<ProfileEffect, ProfileError> {
        let parsed = profile.parsed()?;
        let intent = intent.unwrap_or(parsed.intent);
        let way = match (&parsed.device, pixels) {
            // Gray is red, green and blue of one value too.
            (b"RGB ", _) => Way::of_rgb(profile, &parsed, intent)?,
            (b"GRAY", PixelColors::Gray) => Way::of_gray(&DeviceToSrgb::new(&parsed, intent, 1)?),
            (_, PixelColors::Rgb) => return Err(other_space(parsed.device, "RGB")),
            (_, PixelColors::Gray) => return Err(other_space(parsed.device, "gray")),
        };
        let conversion = Self { profile: profile.clone(), intent, way };
        Ok(if conversion.is_identity() { ProfileEffect::None } else { ProfileEffect::Conversion(conversion) })
    }

    /// The profile that it converts from.
    #[must_use]
    pub const fn profile(&self) -> &IccProfile {
        &self.profile
    }

    /// What is kept of colors that sRGB cannot show.
    #[must_use]
    pub const fn intent(&self) -> Intent {
        self.intent
    }

    /// Whether gray pixels stay gray.
    #[must_use]
    pub fn keeps_gray(&self) -> bool {
        match &self.way {
            Way::Matrix(_) | Way::Device(_) => false,
            Way::Gray(tones) => tones.iter().all(|&[blue, green, red]| blue == green && green == red),
        }
    }

    /// Whether no color of a fine grid, or no gray, moves by more than rounding.
    fn is_identity(&self) -> bool {
        let steps = || (0..=u8::MAX).step_by(15);
        let mut colors =
            steps().flat_map(|blue| steps().flat_map(move |green| steps().map(move |red| [red, green, blue])));
        let stays = |before: [u8; 3], after: [u8; 3]| {
            before.iter().zip(after).all(|(before, after)| before.abs_diff(after) <= Self::ROUNDING)
        };
        match &self.way {
            Way::Matrix(_) => {
                let grid: Vec<u8> = colors.flat_map(|[red, green, blue]| [blue, green, red, u8::MAX]).collect();
                let Some(size) = Size::new((grid.len() / PIXEL_BYTES) as u32, 1) else { return false };
                let converted = self.convert(PremultipliedPixels::opaque(size, grid.clone()));
                grid.iter().zip(converted.bytes()).all(|(before, after)| before.abs_diff(*after) <= Self::ROUNDING)
            }
            // Without what is known, which would come to be all colors.
            Way::Device(cache) => colors.all(|color| stays(color, cache.device().convert(color))),
            Way::Gray(tones) => (0..=u8::MAX).zip(tones.iter()).all(|(gray, &tone)| stays([gray; 3], tone)),
        }
    }

    /// Converts pixels where they are.
    ///
    /// # Panics
    /// Never: both buffers are of one length and of whole pixels.
    #[must_use]
    pub fn convert(&self, mut pixels: PremultipliedPixels) -> PremultipliedPixels {
        let opaque = pixels.is_opaque();
        match &self.way {
            Way::Matrix(transform) => convert_in_parts(transform.as_ref(), opaque, pixels.bytes_mut()),
            Way::Device(device) => convert_each(opaque, pixels.bytes_mut(), |[blue, green, red]| {
                let [red, green, blue] = device.convert([red, green, blue]);
                [blue, green, red]
            }),
            Way::Gray(tones) => convert_each(opaque, pixels.bytes_mut(), |bgr| {
                std::array::from_fn(|channel| tones[usize::from(bgr[channel])][channel])
            }),
        }
        pixels
    }
}

impl Way {
    /// By moxcms where the profile is nothing but a matrix and one curve (where two of three are alike it takes all for that one), and the
    /// white is the connection space's.
    fn of_rgb(profile: &IccProfile, parsed: &Profile<'_>, intent: Intent) -> Result<Self, ProfileError> {
        if parsed.has_tables() || !parsed.has_one_curve() || intent == Intent::Absolute && parsed.media_white()? != D50
        {
            return Ok(Self::Device(Arc::new(ColorCache::new(DeviceToSrgb::new(parsed, intent, 3)?))));
        }
        let malformed = |error: moxcms::CmsError| ProfileError::Malformed { message: error.to_string() };
        let options = TransformOptions {
            rendering_intent: match intent {
                Intent::Perceptual => RenderingIntent::Perceptual,
                Intent::Relative => RenderingIntent::RelativeColorimetric,
                Intent::Saturation => RenderingIntent::Saturation,
                Intent::Absolute => RenderingIntent::AbsoluteColorimetric,
            },
            ..TransformOptions::default()
        };
        let matrix = ColorProfile::new_from_slice(profile.bytes()).map_err(malformed)?;
        let transform = matrix
            .create_transform_8bit(Layout::Rgba, &ColorProfile::new_srgb(), Layout::Rgba, options)
            .map_err(malformed)?;
        // What it cannot do at all it says of one pixel too.
        transform.transform(&[0; PIXEL_BYTES], &mut [0; PIXEL_BYTES]).map_err(malformed)?;
        Ok(Self::Matrix(transform))
    }

    fn of_gray(device: &DeviceToSrgb) -> Self {
        let mut tones: [[u8; 3]; 256] = std::array::from_fn(|gray| {
            let [red, green, blue] = device.convert([gray as u8]);
            [blue, green, red]
        });
        // What is neutral but for rounding is neutral.
        let is_neutral = |&[blue, green, red]: &[u8; 3]| blue.abs_diff(green).max(red.abs_diff(green)) <= 1;
        if tones.iter().all(is_neutral) {
            tones = tones.map(|[_, green, _]| [green; 3]);
        }
        Self::Gray(Arc::new(tones))
    }
}

/// Colors of inks by their profile: cyan, magenta, yellow and black as sRGB.
#[derive(Clone)]
pub struct CmykConversion {
    profile: IccProfile,
    device: Arc<DeviceToSrgb>,
    intent: Intent,
}

impl CmykConversion {
    /// The way from a CMYK profile's inks to sRGB, by the profile's own intent where none is asked for.
    ///
    /// # Errors
    /// [`ProfileError`] where the profile makes no sense or is not for CMYK.
    pub fn to_srgb(profile: &IccProfile, intent: Option<Intent>) -> Result<Self, ProfileError> {
        let parsed = profile.parsed()?;
        if &parsed.device != b"CMYK" {
            return Err(other_space(parsed.device, "CMYK"));
        }
        let intent = intent.unwrap_or(parsed.intent);
        Ok(Self { device: Arc::new(DeviceToSrgb::new(&parsed, intent, 4)?), profile: profile.clone(), intent })
    }

    /// What is kept of colors that sRGB cannot show.
    #[must_use]
    pub const fn intent(&self) -> Intent {
        self.intent
    }

    /// The profile that it converts from.
    #[must_use]
    pub const fn profile(&self) -> &IccProfile {
        &self.profile
    }

    /// Red, green and blue of so much cyan, magenta, yellow and black, 255 being all of an ink.
    #[must_use]
    #[inline]
    pub fn convert(&self, inks: [u8; 4]) -> [u8; 3] {
        self.device.convert(inks)
    }
}

impl PartialEq for CmykConversion {
    fn eq(&self, other: &Self) -> bool {
        (&self.profile, self.intent) == (&other.profile, other.intent)
    }
}

impl fmt::Debug for CmykConversion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "from inks, intent {:?}", self.intent)
    }
}

fn other_space(space: [u8; 4], pixels: &'static str) -> ProfileError {
    let space = match &space {
        b"GRAY" => "gray".to_owned(),
        other => String::from_utf8_lossy(other).trim_end().to_owned(),
    };
    ProfileError::Space { space, pixels }
}

/// By moxcms, which knows no pixels that begin with blue.
fn convert_in_parts(transform: &(dyn TransformExecutor<u8> + Send + Sync), opaque: bool, pixels: &mut [u8]) {
    let mut before = [0; PIXELS_AT_A_TIME * PIXEL_BYTES];
    let mut after = [0; PIXELS_AT_A_TIME * PIXEL_BYTES];
    for part in pixels.chunks_mut(PIXELS_AT_A_TIME * PIXEL_BYTES) {
        let before = &mut before[..part.len()];
        let after = &mut after[..part.len()];
        swap_red_and_blue(part, before);
        if !opaque {
            before.chunks_exact_mut(PIXEL_BYTES).for_each(divide_by_alpha);
        }
        let converted = transform.transform(before, after);
        assert!(converted.is_ok(), "converting {} bytes: {converted:?}", part.len());
        if !opaque {
            after.chunks_exact_mut(PIXEL_BYTES).for_each(multiply_by_alpha);
        }
        swap_red_and_blue(after, part);
    }
}

/// Pixel by pixel, from blue, green and red to the same. Neighbors are often of one color, which is converted once.
fn convert_each(opaque: bool, pixels: &mut [u8], convert: impl Fn([u8; 3]) -> [u8; 3]) {
    let mut last = ([0; 3], convert([0; 3]));
    for pixel in pixels.as_chunks_mut::<PIXEL_BYTES>().0 {
        if !opaque {
            divide_by_alpha(pixel);
        }
        let [blue, green, red, alpha] = *pixel;
        if last.0 != [blue, green, red] {
            last = ([blue, green, red], convert([blue, green, red]));
        }
        let [blue, green, red] = last.1;
        *pixel = [blue, green, red, alpha];
        if !opaque {
            multiply_by_alpha(pixel);
        }
    }
}

/// Written so that the compiler makes vector code of it.
fn swap_red_and_blue(from: &[u8], to: &mut [u8]) {
    for (to, from) in to.as_chunks_mut::<PIXEL_BYTES>().0.iter_mut().zip(from.as_chunks::<PIXEL_BYTES>().0) {
        let pixel = u32::from_le_bytes(*from);
        let swapped = pixel & 0xff00_ff00 | (pixel >> 16) & 0xff | (pixel & 0xff) << 16;
        *to = swapped.to_le_bytes();
    }
}

/// Rounded to nearest; a malformed file can hold colors brighter than their alpha allows.
fn divide_by_alpha(pixel: &mut [u8]) {
    // What is wholly transparent stays so, whatever its colors become.
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
