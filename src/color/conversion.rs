//! Conversion of RGB and gray pixels to sRGB.

use std::sync::Arc;

use lcms2::PixelFormat;
use moxcms::{ColorProfile, Layout, RenderingIntent, TransformExecutor, TransformOptions};

use super::cache::ColorCache;
use super::little_cms::{OpenProfile, Precision, wrong_color_space};
use super::{IccProfile, Intent, ProfileError};
use crate::geometry::Size;
use crate::pixels::{PIXEL_BYTES, PremultipliedPixels};

#[cfg(test)]
mod tests;

/// Whether all pixels are known to be gray.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PixelColors {
    /// Pixels may have any color.
    Rgb,
    /// Red, green and blue are equal in every pixel.
    Gray,
}

/// A conversion of RGB or gray pixels to sRGB by a profile. Cheap to clone.
#[derive(Clone)]
pub struct ColorConversion {
    profile: IccProfile,
    intent: Intent,
    method: Method,
}

#[derive(Clone)]
enum Method {
    /// moxcms: a matrix and one curve.
    Matrix(Arc<MatrixTransform>),
    /// Little CMS: everything else for RGB.
    Cached(Arc<ColorCache>),
    /// Little CMS: blue, green and red of each gray.
    Gray(Arc<[[u8; 3]; 256]>),
}

type MatrixTransform = dyn TransformExecutor<u8> + Send + Sync;

/// What a profile requires.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ProfileEffect {
    /// Nothing: the profile is sRGB, up to rounding.
    None,
    /// A conversion.
    Conversion(ColorConversion),
}

identified_by_profile!(ColorConversion);

/// The number of pixels that are converted at a time: both buffers fit into the processor's L1
/// cache.
const CHUNK_PIXELS: usize = 1024;

impl ColorConversion {
    /// A conversion that moves no channel further than this is the identity. Color libraries differ
    /// by as much.
    const ROUNDING: u8 = 1;

    /// Returns what `profile` requires to turn pixels into sRGB, with the profile's own intent if
    /// `intent` is `None`.
    ///
    /// # Errors
    /// [`ProfileError`] if the profile is malformed or for another color space.
    pub fn to_srgb(
        profile: &IccProfile,
        pixels: PixelColors,
        intent: Option<Intent>,
    ) -> Result<ProfileEffect, ProfileError> {
        let opened = OpenProfile::open(profile)?;
        let intent = intent.unwrap_or(opened.intent);
        let method = match (&opened.color_space, pixels) {
            (b"RGB ", _) => match matrix_transform(profile, &opened, intent) {
                Some(transform) => Method::Matrix(transform),
                None => Method::Cached(Arc::new(ColorCache::new(opened.to_srgb(
                    (PixelFormat::RGB_8, PixelFormat::RGB_8),
                    intent,
                    Precision::Exact,
                )?))),
            },
            (b"GRAY", PixelColors::Gray) => Method::Gray(Arc::new(gray_table(&opened, intent)?)),
            (_, PixelColors::Rgb) => return Err(wrong_color_space(opened.color_space, "RGB")),
            (_, PixelColors::Gray) => return Err(wrong_color_space(opened.color_space, "gray")),
        };
        let conversion = Self { profile: profile.clone(), intent, method };
        Ok(if conversion.is_identity() {
            ProfileEffect::None
        } else {
            ProfileEffect::Conversion(conversion)
        })
    }

    /// Returns whether gray pixels stay gray.
    #[must_use]
    pub fn keeps_gray(&self) -> bool {
        match &self.method {
            Method::Matrix(_) | Method::Cached(_) => false,
            Method::Gray(table) => {
                table.iter().all(|&[blue, green, red]| blue == green && green == red)
            }
        }
    }

    /// Returns whether no color of a grid of 18³, or no gray, moves by more than
    /// [`Self::ROUNDING`].
    fn is_identity(&self) -> bool {
        let steps = || (0..=u8::MAX).step_by(15);
        let mut colors = steps().flat_map(|blue| {
            steps().flat_map(move |green| steps().map(move |red| [red, green, blue]))
        });
        let is_same = |before: [u8; 3], after: [u8; 3]| {
            before.iter().zip(after).all(|(before, after)| before.abs_diff(after) <= Self::ROUNDING)
        };
        match &self.method {
            Method::Matrix(_) => {
                let grid: Vec<u8> =
                    colors.flat_map(|[red, green, blue]| [blue, green, red, u8::MAX]).collect();
                let Some(size) = Size::new((grid.len() / PIXEL_BYTES) as u32, 1) else {
                    return false;
                };
                let converted = self.convert(PremultipliedPixels::opaque(size, grid.clone()));
                grid.iter()
                    .zip(converted.bytes())
                    .all(|(before, after)| before.abs_diff(*after) <= Self::ROUNDING)
            }
            // The grid touches so many cubes that it would allocate much of the cache.
            Method::Cached(cache) => {
                colors.all(|color| is_same(color, cache.convert_uncached(color)))
            }
            Method::Gray(table) => {
                (0..=u8::MAX).zip(table.iter()).all(|(gray, &color)| is_same([gray; 3], color))
            }
        }
    }

    /// Converts pixels in place. Alpha is kept; colors of transparent pixels are converted as they
    /// were before they were multiplied by alpha.
    #[must_use]
    pub fn convert(&self, mut pixels: PremultipliedPixels) -> PremultipliedPixels {
        let opaque = pixels.is_opaque();
        match &self.method {
            Method::Matrix(transform) => {
                convert_in_chunks(transform.as_ref(), opaque, pixels.bytes_mut());
            }
            Method::Cached(cache) => {
                convert_each(opaque, pixels.bytes_mut(), |[blue, green, red]| {
                    let [red, green, blue] = cache.convert([red, green, blue]);
                    [blue, green, red]
                });
            }
            Method::Gray(table) => convert_each(opaque, pixels.bytes_mut(), |bgr| {
                std::array::from_fn(|channel| table[usize::from(bgr[channel])][channel])
            }),
        }
        pixels
    }
}

/// Returns moxcms's conversion if moxcms implements all of the profile: one curve (it applies one
/// curve to all channels if only two are equal), a matrix, and no white other than that of the
/// connection space.
fn matrix_transform(
    profile: &IccProfile,
    opened: &OpenProfile,
    intent: Intent,
) -> Option<Arc<MatrixTransform>> {
    if opened.has_tables() || intent == Intent::Absolute && opened.has_media_white {
        return None;
    }
    let matrix = ColorProfile::new_from_slice(profile.bytes()).ok()?;
    if matrix.red_trc.is_none()
        || matrix.red_trc != matrix.green_trc
        || matrix.red_trc != matrix.blue_trc
    {
        return None;
    }
    let options = TransformOptions {
        rendering_intent: match intent {
            Intent::Perceptual => RenderingIntent::Perceptual,
            Intent::Relative => RenderingIntent::RelativeColorimetric,
            Intent::Saturation => RenderingIntent::Saturation,
            Intent::Absolute => RenderingIntent::AbsoluteColorimetric,
        },
        ..TransformOptions::default()
    };
    let transform = matrix
        .create_transform_8bit(Layout::Rgba, &ColorProfile::new_srgb(), Layout::Rgba, options)
        .ok()?;
    // A transform that fails on one pixel fails on all; one that works never fails later.
    transform.transform(&[0; PIXEL_BYTES], &mut [0; PIXEL_BYTES]).ok()?;
    Some(transform)
}

/// Blue, green and red of each gray.
fn gray_table(profile: &OpenProfile, intent: Intent) -> Result<[[u8; 3]; 256], ProfileError> {
    let formats = (PixelFormat::GRAY_8, PixelFormat::BGR_8);
    let transform = profile.to_srgb::<u8, [u8; 3]>(formats, intent, Precision::Exact)?;
    let grays: [u8; 256] = std::array::from_fn(|gray| gray as u8);
    let mut table = [[0; 3]; 256];
    transform.transform_pixels(&grays, &mut table);
    let is_neutral =
        |&[blue, green, red]: &[u8; 3]| blue.abs_diff(green).max(red.abs_diff(green)) <= 1;
    // Rounding must not tint grays.
    if table.iter().all(is_neutral) {
        table = table.map(|[_, green, _]| [green; 3]);
    }
    Ok(table)
}

/// Converts by moxcms, which has no layout that begins with blue.
fn convert_in_chunks(transform: &MatrixTransform, opaque: bool, pixels: &mut [u8]) {
    let mut before = [0; CHUNK_PIXELS * PIXEL_BYTES];
    let mut after = [0; CHUNK_PIXELS * PIXEL_BYTES];
    for chunk in pixels.chunks_mut(CHUNK_PIXELS * PIXEL_BYTES) {
        let before = &mut before[..chunk.len()];
        let after = &mut after[..chunk.len()];
        swap_red_and_blue(chunk, before);
        if !opaque {
            before.chunks_exact_mut(PIXEL_BYTES).for_each(divide_by_alpha);
        }
        // Both buffers have the same length, in whole pixels.
        let converted = transform.transform(before, after);
        assert!(converted.is_ok(), "converting {} bytes: {converted:?}", chunk.len());
        if !opaque {
            after.chunks_exact_mut(PIXEL_BYTES).for_each(multiply_by_alpha);
        }
        swap_red_and_blue(after, chunk);
    }
}

/// Converts pixel by pixel with a function of blue, green and red. A run of one color is converted
/// once.
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

/// Written so that the compiler vectorizes it.
fn swap_red_and_blue(from: &[u8], to: &mut [u8]) {
    for (to, from) in
        to.as_chunks_mut::<PIXEL_BYTES>().0.iter_mut().zip(from.as_chunks::<PIXEL_BYTES>().0)
    {
        let pixel = u32::from_le_bytes(*from);
        let swapped = pixel & 0xff00_ff00 | (pixel >> 16) & 0xff | (pixel & 0xff) << 16;
        *to = swapped.to_le_bytes();
    }
}

/// Rounds to nearest. Colors are clamped: a malformed file can contain some that are brighter than
/// alpha allows.
fn divide_by_alpha(pixel: &mut [u8]) {
    // Clear pixels stay clear, so their colors do not matter.
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
