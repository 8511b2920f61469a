//! From which size an export starts: settled from what was asked and what the slide is.
//!
//! A smaller size comes of the slide's own level with the largest downsample that does not pass it (as openslide-python's `DeepZoomGenerator`
//! picks), then of exact reduction_levels as long as they do not pass it either, and of resampling for what is left. What always holds: nothing is
//! ever enlarged.

use serde::{Serialize, Serializer};

use super::PlanError;
use crate::geometry::MicronsPerPixel;
use crate::source::{SlideInfo, SlideLevel};

/// How many times an objective magnifies: finite and above 0.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Magnification(f64);

impl Magnification {
    /// A magnification; `None` where the number is not finite or not above 0.
    #[must_use]
    pub fn new(times: f64) -> Option<Self> {
        (times.is_finite() && times > 0.0).then_some(Self(times))
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

/// From which size the export starts.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub enum Resolution {
    /// The slide's full size.
    #[default]
    Full,
    /// That of one of the slide's own levels, with the pixels that are stored there.
    Level(SlideLevel),
    /// That at which a pixel has so many micrometers, along the slide's x and y.
    MicronsPerPixel(MicronsPerPixel),
    /// That at which the slide is magnified so many times.
    Magnification(Magnification),
}

impl Serialize for Resolution {
    /// A word, or what was asked for by its name.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Full => serializer.serialize_str("full"),
            Self::Level(level) => serializer.collect_map([("level", level)]),
            Self::MicronsPerPixel(target) => serializer.collect_map([("micronsPerPixel", target)]),
            Self::Magnification(target) => serializer.collect_map([("magnification", target)]),
        }
    }
}

/// What one of the slide's levels is reduced by, along its columns and rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Reduction {
    pub level: SlideLevel,
    /// Halvings, rounding up, from the area's top left corner.
    pub reduction_levels: u32,
    /// By how much what they leave is resampled to be smaller; 1 where it is not.
    pub scale: [f64; 2],
}

impl Reduction {
    const NONE: Self = Self { level: SlideLevel::BASE, reduction_levels: 0, scale: [1.0; 2] };

    /// Pixels as oblong as this are made square by resampling one side; beyond, the numbers are taken for a mistake.
    const MOST_OBLONG: f64 = 4.0;

    /// By how much numbers that mean the same may differ, being quotients of decimal fractions.
    const ROUNDING: f64 = 1e-9;

    pub fn settle(
        resolution: Resolution,
        info: &SlideInfo,
        microns_per_pixel: Option<MicronsPerPixel>,
    ) -> Result<Self, PlanError> {
        match resolution {
            Resolution::Full => Ok(Self::NONE),
            Resolution::Level(level) if (level.0 as usize) < info.levels.len() => Ok(Self { level, ..Self::NONE }),
            Resolution::Level(level) => Err(PlanError::NoSuchLevel { level, levels: info.levels.len() }),
            Resolution::MicronsPerPixel(target) => {
                let of_slide = microns_per_pixel.ok_or(PlanError::UnknownScale)?;
                let ratios = [target.x() / of_slide.x(), target.y() / of_slide.y()].map(Self::rounded);
                let [across, down] = ratios;
                if across < 1.0 || down < 1.0 {
                    return Err(PlanError::FinerThanSlide { target, of_slide });
                }
                if across.max(down) / across.min(down) > Self::MOST_OBLONG {
                    return Err(PlanError::Oblong { of_slide });
                }
                Ok(Self::by(ratios, info))
            }
            Resolution::Magnification(target) => {
                let of_slide = info.objective_power.ok_or(PlanError::UnknownObjective)?;
                let ratio = Self::rounded(of_slide / target.get());
                if ratio < 1.0 {
                    return Err(PlanError::MoreThanObjective { target: target.get(), of_slide });
                }
                Ok(Self::by([ratio; 2], info))
            }
        }
    }

    /// Smaller than the full size by these ratios, each at least 1.
    fn by(ratios: [f64; 2], info: &SlideInfo) -> Self {
        let least = ratios[0].min(ratios[1]);
        let levels = (0..).map(SlideLevel).zip(&info.levels);
        let (level, downsample) = levels
            .map(|(level, info)| (level, info.downsample))
            .filter(|&(level, downsample)| level != SlideLevel::BASE && downsample <= least)
            .max_by(|(_, one), (_, other)| one.total_cmp(other))
            .unwrap_or((SlideLevel::BASE, 1.0));
        let left = ratios.map(|ratio| Self::rounded(ratio / downsample));
        let least = left[0].min(left[1]);
        #[expect(
            clippy::cast_sign_loss,
            reason = "at least 1; too much for any slide is cut to what is too much as well"
        )]
        let reduction_levels = (least as u64).max(1).ilog2();
        let scale = left.map(|ratio| ratio / f64::from(reduction_levels).exp2());
        Self { level, reduction_levels, scale }
    }

    /// A ratio that can only have been meant to be a whole number is one: 0.6 / 0.2 is 2.9999999999999996.
    fn rounded(ratio: f64) -> f64 {
        let whole = ratio.round();
        if (ratio - whole).abs() <= Self::ROUNDING * whole { whole } else { ratio }
    }
}
