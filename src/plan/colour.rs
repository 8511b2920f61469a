//! What becomes of a slide's colours, settled from its ICC profile and what was asked.

use serde::{Serialize, Serializer};

use super::{BaseTiles, ColourOption};
use crate::render::{ColourConversion, IccProfile, Intent, PremultipliedPixels, ProfileEffect, ProfileError};

/// What is asked to become of colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AskedColour {
    pub option: ColourOption,
    /// That of the profile where none is asked for.
    pub intent: Option<Intent>,
}

/// What becomes of a slide's colours, or an associated image's.
#[derive(Clone, Debug, PartialEq)]
pub enum Colour {
    /// They stay: the slide has no profile.
    WithoutProfile,
    /// They stay, and the profile is left out, as was asked.
    Ignored(IccProfile),
    /// They stay, since the profile is of no use.
    Unusable(IccProfile, ProfileError),
    /// They stay, being sRGB.
    AlreadySrgb(IccProfile),
    /// They are converted to sRGB.
    Converted(ColourConversion),
    /// They stay, and every tile has the profile.
    Embedded(IccProfile),
}

impl Colour {
    /// Of pixels with this profile that go this way.
    pub(super) fn settle(profile: Option<&IccProfile>, asked: AskedColour, base_tiles: BaseTiles) -> Self {
        let Some(profile) = profile.cloned() else { return Self::WithoutProfile };
        let AskedColour { option, intent } = asked;
        if option == ColourOption::Ignore {
            return Self::Ignored(profile);
        }
        let wanted = match base_tiles {
            BaseTiles::Lossless => ColourOption::Embed,
            BaseTiles::Encoded => option,
        };
        match ColourConversion::to_srgb(&profile, intent) {
            Err(error) => Self::Unusable(profile, error),
            // Untagged pixels are sRGB to every browser.
            Ok(ProfileEffect::None) if option == ColourOption::Srgb => Self::AlreadySrgb(profile),
            Ok(ProfileEffect::Conversion(conversion)) if wanted == ColourOption::Srgb => Self::Converted(conversion),
            Ok(_) => Self::Embedded(profile),
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
        }
    }

    /// The profile that every tile has.
    #[must_use]
    pub const fn embedded(&self) -> Option<&IccProfile> {
        if let Self::Embedded(profile) = self { Some(profile) } else { None }
    }

    /// The slide's pixels in the colours of the export.
    #[must_use]
    pub fn apply(&self, pixels: PremultipliedPixels) -> PremultipliedPixels {
        if let Self::Converted(conversion) = self { conversion.convert(pixels) } else { pixels }
    }

    /// Whether grey pixels stay grey, and their files may be: a profile that a tile gets is for RGB.
    pub(super) const fn keeps_grey(&self) -> bool {
        match self {
            Self::WithoutProfile | Self::Ignored(_) | Self::Unusable(..) | Self::AlreadySrgb(_) => true,
            Self::Converted(_) | Self::Embedded(_) => false,
        }
    }

    /// In a word, as the description has it.
    #[must_use]
    pub const fn handling(&self) -> &'static str {
        match self {
            Self::WithoutProfile => "no profile",
            Self::Ignored(_) => "ignored",
            Self::Unusable(..) => "unusable",
            Self::AlreadySrgb(_) => "sRGB already",
            Self::Converted(_) => "converted to sRGB",
            Self::Embedded(_) => "embedded",
        }
    }

    /// What a conversion keeps of colours that sRGB cannot show.
    #[must_use]
    pub const fn intent(&self) -> Option<Intent> {
        if let Self::Converted(conversion) = self { Some(conversion.intent()) } else { None }
    }
}

impl Serialize for Colour {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut object = serializer.serialize_struct("Colour", 3)?;
        object.serialize_field("profileBytes", &self.profile().map(|profile| profile.bytes().len()))?;
        object.serialize_field("handling", self.handling())?;
        object.serialize_field("intent", &self.intent())?;
        object.end()
    }
}
