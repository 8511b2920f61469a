//! What becomes of a slide's colors, settled from its ICC profile and what was asked.

use serde::{Serialize, Serializer};

use super::{BaseTiles, ColorOption};
use crate::color::{CmykConversion, ColorConversion, IccProfile, Intent, PixelColors, ProfileEffect, ProfileError};
use crate::pixels::PremultipliedPixels;
use crate::source::NativeColorSpace;

/// What is asked to become of colors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AskedColor {
    pub option: ColorOption,
    /// That of the profile where none is asked for.
    pub intent: Option<Intent>,
}

/// The files that colors go into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ColorFiles {
    pub base_tiles: BaseTiles,
    /// Whether those of gray pixels are gray, and so may have a profile for gray.
    pub gray: bool,
}

/// What becomes of a slide's colors, or an associated image's.
#[derive(Clone, Debug, PartialEq)]
pub enum Color {
    /// They stay: the slide has no profile.
    WithoutProfile,
    /// They stay, and the profile is left out, as was asked.
    Ignored(IccProfile),
    /// They stay, since the profile is of no use.
    Unusable(IccProfile, ProfileError),
    /// They stay, being sRGB.
    AlreadySrgb(IccProfile),
    /// They are converted to sRGB.
    Converted(ColorConversion),
    /// CMYK is converted to sRGB while the source is read.
    ConvertedCmyk(CmykConversion),
    /// They stay, and every tile has the profile.
    Embedded(IccProfile),
}

impl Color {
    /// Of pixels with this profile that go this way. A profile that tiles cannot have (of inks; of gray, where they are not) is converted by instead: what is
    /// seen is the same.
    pub(crate) fn settle(
        profile: Option<&IccProfile>,
        native: NativeColorSpace,
        asked: AskedColor,
        files: ColorFiles,
    ) -> Self {
        let Some(profile) = profile.cloned() else { return Self::WithoutProfile };
        let AskedColor { option, intent } = asked;
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
            // Untagged pixels are sRGB to every browser.
            ProfileEffect::None if option == ColorOption::Srgb || !can_embed => Self::AlreadySrgb(profile),
            ProfileEffect::Conversion(_) if !can_embed && files.base_tiles == BaseTiles::Lossless => {
                Self::Unusable(profile, ProfileError::NotGrayThroughout)
            }
            ProfileEffect::Conversion(conversion) if !(embeds && can_embed) => Self::Converted(conversion),
            ProfileEffect::None | ProfileEffect::Conversion(_) => Self::Embedded(profile),
        }
    }

    /// The slide's profile.
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

    /// The profile that every tile has.
    #[must_use]
    pub const fn embedded(&self) -> Option<&IccProfile> {
        if let Self::Embedded(profile) = self { Some(profile) } else { None }
    }

    /// The conversion that the source applies to CMYK pixels while it reads them.
    #[must_use]
    pub const fn cmyk_conversion(&self) -> Option<&CmykConversion> {
        if let Self::ConvertedCmyk(conversion) = self { Some(conversion) } else { None }
    }

    /// The slide's pixels in the colors of the export.
    #[must_use]
    pub fn apply(&self, pixels: PremultipliedPixels) -> PremultipliedPixels {
        if let Self::Converted(conversion) = self { conversion.convert(pixels) } else { pixels }
    }

    /// Whether gray pixels stay gray, and their files may be: a profile for RGB that a tile gets needs three.
    pub(crate) fn keeps_gray(&self) -> bool {
        match self {
            Self::WithoutProfile | Self::Ignored(_) | Self::Unusable(..) | Self::AlreadySrgb(_) => true,
            Self::Converted(conversion) => conversion.keeps_gray(),
            Self::Embedded(profile) => profile.is_gray(),
            Self::ConvertedCmyk(_) => false,
        }
    }

    /// Whether they are converted to sRGB.
    #[must_use]
    pub const fn is_converted(&self) -> bool {
        matches!(self, Self::Converted(_) | Self::ConvertedCmyk(_))
    }

    /// In a word, as the description has it.
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

    /// What a conversion keeps of colors that sRGB cannot show.
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
        object.serialize_field("profileBytes", &self.profile().map(|profile| profile.bytes().len()))?;
        object.serialize_field("handling", self.handling())?;
        object.serialize_field("intent", &self.intent())?;
        object.end()
    }
}
