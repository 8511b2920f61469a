//! What colours are before they are red, green and blue.

use crate::color::{Intent, ProfileError};

/// What the full size's colours are where it is stored; pixels have red, green and blue in any case.
#[derive(Clone, Debug, PartialEq)]
pub enum StoredColours {
    /// Red, green and blue, or what is not known.
    Rgb,
    /// Grey throughout.
    Grey,
    /// Cyan, magenta, yellow and black.
    Inks(InkColours),
}

/// How pixels come of inks, which is settled when an image is opened.
#[derive(Clone, Debug, PartialEq)]
pub enum InkColours {
    /// Each ink takes its share of the light: there is no profile, or none is wanted.
    Multiplied,
    /// So too, since the image's profile is of no use.
    Unusable(ProfileError),
    /// By the image's profile, as sRGB, by this intent.
    Converted(Intent),
}
