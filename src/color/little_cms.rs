//! Profiles and conversions of Little CMS.

use lcms2::{
    DisallowCache, Flags, GlobalContext, PixelFormat, Pod, Profile, TagSignature, Transform,
};

use super::embedding::LONGEST_PROFILE;
use super::{IccProfile, Intent, ProfileError};

/// A conversion that all threads can share: it has no one-pixel cache. Little CMS's global context
/// is only read.
pub(super) type SharedTransform<From, To> = Transform<From, To, GlobalContext, DisallowCache>;

/// A profile that Little CMS could open.
pub(super) struct OpenProfile {
    profile: Profile,
    pub color_space: [u8; 4],
    /// The intent in the header.
    pub intent: Intent,
    /// Whether the absolute intent uses the media's white. As in Little CMS, version 2 displays
    /// have none.
    pub has_media_white: bool,
}

/// How Little CMS evaluates a profile.
#[derive(Clone, Copy)]
pub(super) enum Precision {
    /// Every pixel goes through all of the profile's curves and tables: exact, at 1 to 3 megapixels
    /// per second.
    Exact,
    /// Through one table of 23⁴ nodes, which Little CMS samples first (about 0.2 s). At 20
    /// megapixels per second; the mean error is a ΔE 2000 of 0.04 to 0.2.
    Sampled,
}

impl OpenProfile {
    /// Opens a profile of an input device, display, output device or color space.
    ///
    /// # Errors
    /// [`ProfileError::TooLong`] or [`ProfileError::Malformed`].
    pub fn open(profile: &IccProfile) -> Result<Self, ProfileError> {
        let bytes = profile.bytes();
        if bytes.len() > LONGEST_PROFILE {
            return Err(ProfileError::TooLong { bytes: bytes.len(), limit: LONGEST_PROFILE });
        }
        let malformed = |reason| ProfileError::Malformed { reason };
        let mut opened =
            Profile::new_icc(bytes).map_err(|_| malformed("Little CMS cannot open it"))?;
        // Read here because `lcms2` returns enums that do not cover every value that a file can
        // contain.
        let (Some(color_space), Some(class), Some(&[_, _, _, intent])) =
            (profile.color_space(), bytes.get(12..16), bytes.get(64..68))
        else {
            return Err(malformed("its header is truncated"));
        };
        if ![b"scnr", b"mntr", b"prtr", b"spac"].iter().any(|known| *known == class) {
            return Err(malformed("it does not describe a device or a color space"));
        }
        // Little CMS prefers these, but their number of steps is unlimited: a hostile profile could
        // take hours.
        for tag in [
            TagSignature::DToB0Tag,
            TagSignature::DToB1Tag,
            TagSignature::DToB2Tag,
            TagSignature::DToB3Tag,
        ] {
            if opened.has_tag(tag) && !opened.remove_tag(tag) {
                return Err(malformed("its D2B tables cannot be ignored"));
            }
        }
        let is_old_display = bytes[8] < 4 && class == b"mntr";
        Ok(Self {
            color_space,
            intent: match intent {
                1 => Intent::Relative,
                2 => Intent::Saturation,
                3 => Intent::Absolute,
                _ => Intent::Perceptual,
            },
            has_media_white: !is_old_display && opened.has_tag(TagSignature::MediaWhitePointTag),
            profile: opened,
        })
    }

    /// Returns whether the profile contains a table for any intent.
    pub fn has_tables(&self) -> bool {
        [TagSignature::AToB0Tag, TagSignature::AToB1Tag, TagSignature::AToB2Tag]
            .into_iter()
            .any(|tag| self.profile.has_tag(tag))
    }

    /// Creates the conversion to sRGB. With the perceptual and saturation intents, Little CMS
    /// compensates the black point, because its sRGB profile is of version 4.
    ///
    /// # Errors
    /// [`ProfileError::Malformed`] if Little CMS finds no conversion in the profile.
    pub fn to_srgb<From: Copy + Pod, To: Copy + Pod>(
        &self,
        (from, to): (PixelFormat, PixelFormat),
        intent: Intent,
        precision: Precision,
    ) -> Result<SharedTransform<From, To>, ProfileError> {
        let intent = match intent {
            Intent::Perceptual => lcms2::Intent::Perceptual,
            Intent::Relative => lcms2::Intent::RelativeColorimetric,
            Intent::Saturation => lcms2::Intent::Saturation,
            Intent::Absolute => lcms2::Intent::AbsoluteColorimetric,
        };
        let precision = match precision {
            Precision::Exact => Flags::NO_OPTIMIZE,
            Precision::Sampled => Flags::HIGHRES_PRECALC,
        };
        let flags = Flags::NO_CACHE | precision;
        Transform::new_flags_context(
            GlobalContext::new(),
            &self.profile,
            from,
            &Profile::new_srgb(),
            to,
            intent,
            flags,
        )
        .map_err(|_| ProfileError::Malformed {
            reason: "Little CMS finds no conversion to sRGB in it",
        })
    }
}

/// The error for a profile of `space` and pixels that are `found`.
pub(super) fn wrong_color_space(space: [u8; 4], found: &'static str) -> ProfileError {
    let expected = match &space {
        b"GRAY" => "gray".to_owned(),
        other => String::from_utf8_lossy(other).trim_end().to_owned(),
    };
    ProfileError::ColorSpace { expected, found }
}
