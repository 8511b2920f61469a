//! The size from which an export starts.
//!
//! A target resolution is reached in three steps: read the slide level with the largest downsample
//! that does not exceed the target (the choice of openslide-python's `DeepZoomGenerator`), halve
//! while the result is not smaller than the target, and resample the rest. Nothing is ever
//! enlarged.

use serde::{Serialize, Serializer};

use super::PlanError;
use crate::geometry::MicronsPerPixel;
use crate::source::{SlideInfo, SlideLevel};

/// A magnification: finite and positive.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Magnification(f64);

impl Magnification {
    /// Returns `None` if `times` is not finite or not positive.
    #[must_use]
    pub fn new(times: f64) -> Option<Self> {
        (times.is_finite() && times > 0.0).then_some(Self(times))
    }

    /// The magnification as a number, such as 40.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

/// The size from which an export starts.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
#[non_exhaustive]
pub enum Resolution {
    /// The slide's full size.
    #[default]
    Full,
    /// The size of a slide level, with its stored pixels.
    SlideLevel(SlideLevel),
    /// The size at which a pixel has these micrometers, along the slide's x and y.
    MicronsPerPixel(MicronsPerPixel),
    /// The size that corresponds to this magnification.
    Magnification(Magnification),
}

impl Serialize for Resolution {
    /// Writes `"full"`, or an object with the requested value.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Full => serializer.serialize_str("full"),
            Self::SlideLevel(level) => serializer.collect_map([("slideLevel", level)]),
            Self::MicronsPerPixel(target) => serializer.collect_map([("micronsPerPixel", target)]),
            Self::Magnification(target) => serializer.collect_map([("magnification", target)]),
        }
    }
}

/// The downsampling of a slide level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Downsampling {
    pub level: SlideLevel,
    /// The number of halvings, which round sizes up.
    pub reduction_levels: u32,
    /// The factors of the resampling that follows, along x and y; 1 if there is none.
    pub scale: [f64; 2],
}

impl Downsampling {
    const NONE: Self = Self { level: SlideLevel::BASE, reduction_levels: 0, scale: [1.0; 2] };

    /// The largest aspect ratio of pixels that are resampled to squares. Larger ratios are taken
    /// for wrong metadata.
    const MOST_OBLONG: f64 = 4.0;

    /// The relative rounding error of quotients of decimal fractions.
    const ROUNDING: f64 = 1e-9;

    pub fn settle(
        resolution: Resolution,
        info: &SlideInfo,
        microns_per_pixel: Option<MicronsPerPixel>,
    ) -> Result<Self, PlanError> {
        match resolution {
            Resolution::Full => Ok(Self::NONE),
            Resolution::SlideLevel(level) if (level.0 as usize) < info.levels.len() => {
                Ok(Self { level, ..Self::NONE })
            }
            Resolution::SlideLevel(level) => {
                Err(PlanError::NoSuchLevel { level, levels: info.levels.len() })
            }
            Resolution::MicronsPerPixel(target) => {
                let of_slide = microns_per_pixel.ok_or(PlanError::UnknownScale)?;
                let ratios =
                    [target.x() / of_slide.x(), target.y() / of_slide.y()].map(Self::rounded);
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

    /// Downsamples the full size by `ratios`, each at least 1.
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
            reason = "at least 1; saturates at a ratio larger than any slide"
        )]
        let reduction_levels = (least as u64).max(1).ilog2();
        let scale = left.map(|ratio| ratio / f64::from(reduction_levels).exp2());
        Self { level, reduction_levels, scale }
    }

    /// Rounds ratios that are whole numbers but for rounding errors: 0.6 / 0.2 is
    /// 2.9999999999999996.
    fn rounded(ratio: f64) -> f64 {
        let whole = ratio.round();
        if (ratio - whole).abs() <= Self::ROUNDING * whole { whole } else { ratio }
    }
}
