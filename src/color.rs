//! ICC color management: converts pixels to sRGB and embeds profiles in tiles.
//!
//! moxcms applies profiles that consist of a matrix and one curve, for which it has vector code.
//! Nearly all profiles of slides are of this kind. Little CMS applies all others: tables, separate
//! curves, gray, CMYK. A converted pixel depends only on that pixel, so tiles, levels and workers
//! agree.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

/// Implements the methods and traits that all conversions share. A conversion is identified by its
/// profile and intent.
macro_rules! identified_by_profile {
    ($conversion:ident) => {
        impl $conversion {
            /// The profile.
            #[must_use]
            pub const fn profile(&self) -> &IccProfile {
                &self.profile
            }

            /// The rendering intent.
            #[must_use]
            pub const fn intent(&self) -> Intent {
                self.intent
            }
        }

        impl PartialEq for $conversion {
            fn eq(&self, other: &Self) -> bool {
                (&self.profile, self.intent) == (&other.profile, other.intent)
            }
        }

        impl std::fmt::Debug for $conversion {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let name = stringify!($conversion);
                write!(formatter, "{name}({:?}, {:?})", self.profile, self.intent)
            }
        }
    };
}

mod cache;
mod cmyk;
mod conversion;
mod embedding;
mod little_cms;
#[cfg(test)]
mod tests;

pub use cmyk::CmykConversion;
pub use conversion::{ColorConversion, PixelColors, ProfileEffect};
pub use embedding::embed_in_jpeg;

/// An ICC profile as a slide stores it. Its bytes are not validated.
#[derive(Clone, PartialEq, Eq)]
pub struct IccProfile(Arc<[u8]>);

impl IccProfile {
    /// Creates a profile from its bytes, without validating them.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }

    /// The bytes of the profile.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns whether the profile is for gray pixels, according to its header.
    #[must_use]
    pub fn is_gray(&self) -> bool {
        self.color_space() == Some(*b"GRAY")
    }

    /// The color space of the pixels that the profile is for, according to its header.
    fn color_space(&self) -> Option<[u8; 4]> {
        self.0.get(16..20).and_then(|space| space.try_into().ok())
    }
}

impl fmt::Debug for IccProfile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "IccProfile({} bytes)", self.0.len())
    }
}

/// A rendering intent of ICC.1:2022: how a conversion treats colors that sRGB cannot show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Intent {
    /// Preserves the relation between colors, with black point compensation.
    Perceptual,
    /// Preserves colors that sRGB can show, relative to the medium's white.
    Relative,
    /// Preserves saturation, with black point compensation.
    Saturation,
    /// Preserves colors that sRGB can show, including the tint of the medium's white.
    Absolute,
}

/// The reason why a profile cannot be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// The profile violates the ICC specification or contains no conversion to sRGB.
    #[error("it is malformed: {reason}")]
    Malformed {
        /// What is wrong.
        reason: &'static str,
    },
    /// The profile is longer than a JPEG file can hold.
    #[error("its {bytes} bytes exceed the {limit} bytes that a JPEG file can hold")]
    TooLong {
        /// The length of the profile.
        bytes: usize,
        /// The maximum length.
        limit: usize,
    },
    /// The profile is for another color space than that of the pixels.
    #[error("it is for {expected} pixels, and these are {found}")]
    ColorSpace {
        /// The color space that the profile is for.
        expected: String,
        /// The color space of the pixels.
        found: &'static str,
    },
    /// The profile is for gray pixels, and lossless tiles with other colors cannot be converted.
    #[error("it is for gray pixels, and lossless tiles with other colors cannot be converted")]
    NotGrayThroughout,
}
