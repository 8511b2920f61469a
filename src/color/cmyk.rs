//! Conversion from CMYK to sRGB.

use std::sync::Arc;

use lcms2::PixelFormat;

use super::little_cms::{OpenProfile, Precision, SharedTransform, wrong_color_space};
use super::{IccProfile, Intent, ProfileError};
use crate::pixels::PIXEL_BYTES;

/// A conversion from CMYK to sRGB by a profile. Cheap to clone.
#[derive(Clone)]
pub struct CmykConversion {
    profile: IccProfile,
    intent: Intent,
    transform: Arc<SharedTransform<[u8; 4], [u8; PIXEL_BYTES]>>,
}

impl CmykConversion {
    /// Creates the conversion by `profile`, with the profile's own intent if `intent` is `None`.
    ///
    /// # Errors
    /// [`ProfileError`] if the profile is malformed or not for CMYK.
    pub fn to_srgb(profile: &IccProfile, intent: Option<Intent>) -> Result<Self, ProfileError> {
        let opened = OpenProfile::open(profile)?;
        if &opened.color_space != b"CMYK" {
            return Err(wrong_color_space(opened.color_space, "CMYK"));
        }
        let intent = intent.unwrap_or(opened.intent);
        let formats = (PixelFormat::CMYK_8, PixelFormat::BGRA_8);
        let transform = Arc::new(opened.to_srgb(formats, intent, Precision::Sampled)?);
        Ok(Self { profile: profile.clone(), intent, transform })
    }

    /// Converts pixels of cyan, magenta, yellow and black (255 is full coverage) to opaque pixels
    /// of blue, green, red and alpha. Both slices have the same length.
    pub fn convert(&self, cmyk: &[[u8; 4]], bgra: &mut [[u8; PIXEL_BYTES]]) {
        // Little CMS leaves alpha as it is.
        bgra.fill([u8::MAX; PIXEL_BYTES]);
        self.transform.transform_pixels(cmyk, bgra);
    }
}

identified_by_profile!(CmykConversion);
