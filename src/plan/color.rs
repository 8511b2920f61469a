//! Color handling, settled from the ICC profile, the native color space and the options.

use serde::{Serialize, Serializer};

use super::{BaseTiles, ColorOption};
use crate::color::{
    CmykConversion, ColorConversion, IccProfile, Intent, PixelColors, ProfileEffect, ProfileError,
};
use crate::pixels::PremultipliedPixels;
use crate::source::NativeColorSpace;

/// The color options of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestedColor {
    pub option: ColorOption,
    /// The profile's own intent if `None`.
    pub intent: Option<Intent>,
}

/// The kind of files that contain the pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ColorFiles {
    pub base_tiles: BaseTiles,
    /// Whether gray pixels are encoded as gray files, which can contain a gray profile.
    pub gray: bool,
}

/// How the colors of a slide or an associated image are handled.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Color {
    /// Unchanged: there is no profile.
    WithoutProfile,
    /// Unchanged: the profile is ignored, as requested. CMYK is converted naively.
    Ignored(IccProfile),
    /// Unchanged: the profile is unusable. CMYK is converted naively.
    Unusable(IccProfile, ProfileError),
    /// Unchanged: the profile is sRGB.
    AlreadySrgb(IccProfile),
    /// Converted to sRGB.
    Converted(ColorConversion),
    /// Converted from CMYK to sRGB by the source.
    ConvertedCmyk(CmykConversion),
    /// Unchanged, with the profile in every tile.
    Embedded(IccProfile),
}

impl Color {
    /// Settles the handling of pixels with this profile. If the files cannot contain the profile
    /// (CMYK, or gray in RGB files), colors are converted instead of embedding it.
    pub(crate) fn settle(
        profile: Option<&IccProfile>,
        native: NativeColorSpace,
        requested: RequestedColor,
        files: ColorFiles,
    ) -> Self {
        let Some(profile) = profile.cloned() else { return Self::WithoutProfile };
        let RequestedColor { option, intent } = requested;
        if option == ColorOption::Ignore {
            return Self::Ignored(profile);
        }
        let pixels = match native {
            NativeColorSpace::Cmyk => {
                return CmykConversion::to_srgb(&profile, intent)
                    .map_or_else(|error| Self::Unusable(profile, error), Self::ConvertedCmyk);
            }
            NativeColorSpace::Rgb => PixelColors::Rgb,
            NativeColorSpace::Gray => PixelColors::Gray,
        };
        let effect = match ColorConversion::to_srgb(&profile, pixels, intent) {
            Ok(effect) => effect,
            Err(error) => return Self::Unusable(profile, error),
        };
        let can_embed = files.gray || !profile.is_gray();
        let embeds = option == ColorOption::Embed || files.base_tiles == BaseTiles::Lossless;
        match effect {
            // Browsers treat pixels without a profile as sRGB.
            ProfileEffect::None if option == ColorOption::Srgb || !can_embed => {
                Self::AlreadySrgb(profile)
            }
            ProfileEffect::Conversion(_)
                if !can_embed && files.base_tiles == BaseTiles::Lossless =>
            {
                Self::Unusable(profile, ProfileError::NotGrayThroughout)
            }
            ProfileEffect::Conversion(conversion) if !(embeds && can_embed) => {
                Self::Converted(conversion)
            }
            ProfileEffect::None | ProfileEffect::Conversion(_) => Self::Embedded(profile),
        }
    }

    /// The profile of the slide or image.
    #[must_use]
    pub const fn profile(&self) -> Option<&IccProfile> {
        match self {
            Self::WithoutProfile => None,
            Self::Ignored(profile)
            | Self::Unusable(profile, _)
            | Self::AlreadySrgb(profile)
            | Self::Embedded(profile) => Some(profile),
            Self::Converted(conversion) => Some(conversion.profile()),
            Self::ConvertedCmyk(conversion) => Some(conversion.profile()),
        }
    }

    /// The profile that is embedded in every tile.
    #[must_use]
    pub const fn embedded(&self) -> Option<&IccProfile> {
        if let Self::Embedded(profile) = self { Some(profile) } else { None }
    }

    /// The conversion that the source applies to CMYK pixels while it reads them.
    #[must_use]
    pub const fn cmyk_conversion(&self) -> Option<&CmykConversion> {
        if let Self::ConvertedCmyk(conversion) = self { Some(conversion) } else { None }
    }

    /// Converts the source's pixels to the colors of the export.
    #[must_use]
    pub fn apply(&self, pixels: PremultipliedPixels) -> PremultipliedPixels {
        if let Self::Converted(conversion) = self { conversion.convert(pixels) } else { pixels }
    }

    /// Returns whether gray pixels can be encoded as gray files: an embedded RGB profile needs
    /// three channels.
    pub(crate) fn keeps_gray(&self) -> bool {
        match self {
            Self::WithoutProfile | Self::Ignored(_) | Self::Unusable(..) | Self::AlreadySrgb(_) => {
                true
            }
            Self::Converted(conversion) => conversion.keeps_gray(),
            Self::Embedded(profile) => profile.is_gray(),
            Self::ConvertedCmyk(_) => false,
        }
    }

    /// Returns whether colors are converted to sRGB.
    #[must_use]
    pub const fn is_converted(&self) -> bool {
        matches!(self, Self::Converted(_) | Self::ConvertedCmyk(_))
    }

    /// The name of the handling in JSON and text output.
    #[must_use]
    pub const fn handling(&self) -> &'static str {
        match self {
            Self::WithoutProfile => "no profile",
            Self::Ignored(_) => "ignored",
            Self::Unusable(..) => "unusable",
            Self::AlreadySrgb(_) => "sRGB already",
            Self::Converted(_) | Self::ConvertedCmyk(_) => "converted to sRGB",
            Self::Embedded(_) => "embedded",
        }
    }

    /// The rendering intent of the conversion.
    #[must_use]
    pub const fn intent(&self) -> Option<Intent> {
        match self {
            Self::Converted(conversion) => Some(conversion.intent()),
            Self::ConvertedCmyk(conversion) => Some(conversion.intent()),
            _ => None,
        }
    }
}

impl Serialize for Color {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut object = serializer.serialize_struct("Color", 3)?;
        object.serialize_field(
            "profileBytes",
            &self.profile().map(|profile| profile.bytes().len()),
        )?;
        object.serialize_field("handling", self.handling())?;
        object.serialize_field("intent", &self.intent())?;
        object.end()
    }
}
