//! What the user should know about an export that is nevertheless whole.

use crate::codec::EncodeError;
use crate::color::ProfileError;
use crate::error::with_causes;
use crate::geometry::Rect;
use crate::source::{PageChoice, Pages, SlideError};

/// A warning about an export.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Warning {
    /// An associated image cannot be read and is skipped.
    AssociatedImage(SlideError),
    /// An associated image cannot be encoded and is skipped.
    AssociatedImageFormat {
        /// The image's name.
        name: String,
        /// The error.
        source: EncodeError,
    },
    /// The slide has no associated image of the requested name.
    NoSuchAssociatedImage {
        /// The name.
        name: String,
    },
    /// Parts of the slide cannot be read and are shown as background.
    Unreadable {
        /// The number of native tiles, or of parts of a slide without native tiles.
        regions: usize,
        /// Their number of pixels at full size.
        pixels: u64,
        /// The first of these regions, in slide-level-0 pixels.
        first: Rect,
    },
    /// All rows of an image were read, but the data after them is damaged.
    DamagedEnd(SlideError),
    /// The slide's ICC profile cannot be used.
    ColorProfile(ProfileError),
    /// The file has several pages and the first was exported, as none was requested.
    OtherPages(Pages),
    /// Some samples of each pixel are not shown, as the file does not say what they mean.
    UnshownSamples {
        /// The number of samples.
        samples: u16,
    },
    /// The 16-bit samples use only the low end of their range, so the image is almost black.
    DarkSamples {
        /// The largest sample.
        largest: u16,
    },
    /// The slide's ICC profile cannot be embedded in RGB tiles, so colors are converted to sRGB.
    ColorProfileNotEmbedded {
        /// The color space of the profile: `CMYK` or `gray`.
        space: &'static str,
    },
    /// No identifier was given for a IIIF resource.
    PlaceholderId {
        /// The placeholder that is written.
        id: String,
    },
    /// The ICC profile of an associated image cannot be used.
    AssociatedColorProfile {
        /// The image's name.
        name: String,
        /// The reason.
        reason: ProfileError,
    },
    /// The ICC profile of an associated image cannot be embedded in its RGB file, so its colors are
    /// converted to sRGB.
    AssociatedColorProfileNotEmbedded {
        /// The image's name.
        name: String,
        /// The color space of the profile: `CMYK` or `gray`.
        space: &'static str,
    },
}

impl std::fmt::Display for Warning {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AssociatedImage(error) => {
                write!(formatter, "{}; it is skipped", with_causes(error))
            }
            Self::AssociatedImageFormat { name, source } => {
                write!(
                    formatter,
                    "the associated image {name:?} is skipped: {}",
                    with_causes(source)
                )
            }
            Self::NoSuchAssociatedImage { name } => {
                write!(
                    formatter,
                    "the slide has no associated image {name:?} that can be published"
                )
            }
            Self::Unreadable { regions, pixels, first } => {
                let (many, are) = if *regions == 1 { ("region", "is") } else { ("regions", "are") };
                write!(
                    formatter,
                    "{regions} {many} of the slide ({pixels} pixels) cannot be read and {are} shown as background, \
                     starting with {first}; the description lists all"
                )
            }
            Self::DamagedEnd(error) => {
                write!(
                    formatter,
                    "{}, after the last row of the image, which is whole",
                    with_causes(error)
                )
            }
            Self::OtherPages(pages) if pages.choice() == PageChoice::Only => {
                write!(
                    formatter,
                    "the first of {} pages is exported; the others are not supported",
                    pages.count()
                )
            }
            Self::OtherPages(pages) => write!(formatter, "page 1 of {} is exported", pages.count()),
            Self::UnshownSamples { samples } => {
                let (many, they) =
                    if *samples == 1 { ("sample", "it is") } else { ("samples", "they are") };
                write!(
                    formatter,
                    "each pixel has {samples} extra {many} of unknown meaning; {they} not shown"
                )
            }
            Self::DarkSamples { largest } => {
                write!(
                    formatter,
                    "the image is almost black: no sample is above {largest} of {}",
                    u16::MAX
                )
            }
            Self::PlaceholderId { id } => {
                write!(formatter, "info.json has the placeholder {id} as its identifier")
            }
            Self::ColorProfile(reason) => {
                write!(
                    formatter,
                    "the slide's ICC profile cannot be used ({reason}): colors are not converted"
                )
            }
            Self::ColorProfileNotEmbedded { space } => {
                write!(
                    formatter,
                    "the slide's ICC profile is for {space} and cannot be embedded in RGB tiles: colors are \
                     converted to sRGB"
                )
            }
            Self::AssociatedColorProfileNotEmbedded { name, space } => {
                write!(
                    formatter,
                    "the ICC profile of the associated image {name:?} is for {space} and cannot be embedded in an RGB \
                     file: its colors are converted to sRGB"
                )
            }
            Self::AssociatedColorProfile { name, reason } => {
                write!(
                    formatter,
                    "the ICC profile of the associated image {name:?} cannot be used ({reason}): its colors are not \
                     converted"
                )
            }
        }
    }
}
