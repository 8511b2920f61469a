//! What colors are before they are red, green and blue.

use crate::color::{Intent, ProfileError};

/// What the full size's colors are where it is stored; pixels have red, green and blue in any case.
#[derive(Clone, Debug, PartialEq)]
pub enum NativeColorSpace {
    /// Red, green and blue, or what is not known.
    Rgb,
    /// Gray throughout.
    Gray,
    /// Cyan, magenta, yellow and black.
    Inks(CmykColors),
}

/// How pixels come of inks, which is settled when an image is opened.
#[derive(Clone, Debug, PartialEq)]
pub enum CmykColors {
    /// Each ink takes its share of the light: there is no profile, or none is wanted.
    Multiplied,
    /// So too, since the image's profile is of no use.
    Unusable(ProfileError),
    /// By the image's profile, as sRGB, by this intent.
    Converted(Intent),
}
