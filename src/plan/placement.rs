//! The position of an export's pixels in the slide.
//!
//! Reading, the description, unreadable regions and the page all use this one mapping.

use std::ops::Range;

use super::resolution::Downsampling;
use super::{Bounds, ExportOptions, PlanError};
use crate::geometry::{MicronsPerPixel, Orientation, Rect, Size};
use crate::pixels::ResampledAxis;
use crate::source::{SlideInfo, SlideLevel};

mod transform;

#[cfg(test)]
mod tests;

pub use transform::SlideTransform;

/// The position of an export's full size in the slide.
///
/// An area of a slide level is halved, resampled, rotated and then flipped. "Upright" means before
/// the rotation and the flip.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    level: SlideLevel,
    /// Pixels of slide level 0 per pixel of `level`, as OpenSlide reports it.
    downsample: f64,
    /// The exported area, in pixels of `level`.
    on_level: Rect,
    /// The pixels of slide level 0 that `on_level` covers, at least in part.
    area: Rect,
    reduction_levels: u32,
    /// Resampling factors along the slide's x and y, after halving.
    scale: [f64; 2],
    orientation: Orientation,
}

impl Placement {
    /// Settles the area, the level and the orientation.
    ///
    /// # Errors
    /// [`PlanError`] if the area is not inside the slide, or the slide has no such resolution.
    pub(crate) fn settle(info: &SlideInfo, options: &ExportOptions) -> Result<Self, PlanError> {
        let whole = Rect::of(info.size());
        let area = match options.bounds {
            Bounds::Scan => info.bounds.unwrap_or(whole),
            Bounds::Full => whole,
            Bounds::Crop(crop) if whole.contains(crop) => crop,
            Bounds::Crop(crop) => return Err(PlanError::Crop { crop, size: whole.size() }),
        };
        let largest = i32::MAX as u32;
        if !whole.contains(area)
            || whole.size().width() > largest
            || whole.size().height() > largest
        {
            return Err(PlanError::Area { area, size: whole.size() });
        }
        let of_slide = options.microns_per_pixel.or(info.microns_per_pixel);
        let reduction = Downsampling::settle(options.resolution, info, of_slide)?;
        Ok(Self::new(info, area, reduction, Orientation::new(options.rotation, options.flip)))
    }

    /// Places the export of `area`, which is inside the slide and in pixels of slide level 0.
    fn new(
        info: &SlideInfo,
        area: Rect,
        reduction: Downsampling,
        orientation: Orientation,
    ) -> Self {
        let Downsampling { level, reduction_levels, scale } = reduction;
        let of_base = Self {
            level,
            downsample: 1.0,
            on_level: area,
            area,
            reduction_levels,
            scale,
            orientation,
        };
        let level = match info.levels.get(level.0 as usize) {
            Some(of_level) if level != SlideLevel::BASE => of_level,
            _ => return of_base,
        };
        let (downsample, slide) = (level.downsample, info.size());
        let on_axis = |taken: Range<u32>, length: u32, of_slide: u32| {
            // The whole slide is the whole level, although its rounded downsample may say that it
            // ends a pixel earlier or later.
            if taken == (0..of_slide) {
                0..length
            } else {
                covering(taken, |at| at / downsample, length)
            }
        };
        let on_level = between(
            on_axis(area.columns(), level.size.width(), slide.width()),
            on_axis(area.rows(), level.size.height(), slide.height()),
        );
        let area = between(
            covering(on_level.columns(), |at| at * downsample, slide.width()),
            covering(on_level.rows(), |at| at * downsample, slide.height()),
        );
        Self { downsample, on_level, area, ..of_base }
    }

    /// The exported area, in pixels of slide level 0.
    #[must_use]
    pub const fn area(&self) -> Rect {
        self.area
    }

    /// The rotation and the flip.
    #[must_use]
    pub const fn orientation(&self) -> Orientation {
        self.orientation
    }

    /// The slide level from which pixels are read.
    #[must_use]
    pub const fn level(&self) -> SlideLevel {
        self.level
    }

    /// The exported area, in pixels of [`level`](Self::level).
    #[must_use]
    pub const fn area_on_level(&self) -> Rect {
        self.on_level
    }

    /// How many times the pixels are halved after reading.
    #[must_use]
    pub const fn reduction_levels(&self) -> u32 {
        self.reduction_levels
    }

    /// The size of the area after halving.
    #[must_use]
    pub fn halved_size(&self) -> Size {
        self.halved_size_after(self.reduction_levels)
    }

    /// The size of the area after `reduction_levels` halvings.
    #[must_use]
    pub fn halved_size_after(&self, reduction_levels: u32) -> Size {
        (0..reduction_levels.min(u32::BITS)).fold(self.on_level.size(), |size, _| size.halved())
    }

    /// The factors by which the halved pixels are downsampled along the slide's x and y; 1 if they
    /// are not resampled.
    #[must_use]
    pub const fn scale(&self) -> [f64; 2] {
        self.scale
    }

    /// Whether one pixel of the export is one pixel of slide level 0.
    #[must_use]
    pub fn is_full_size(&self) -> bool {
        self.level == SlideLevel::BASE && self.reduction_levels == 0 && !self.is_resampled()
    }

    /// Whether the export's rows are rows of slide level 0, in order.
    #[must_use]
    pub fn is_upright_full_size(&self) -> bool {
        self.is_full_size() && self.orientation == Orientation::UPRIGHT
    }

    /// Whether the halved pixels are resampled.
    #[must_use]
    pub fn is_resampled(&self) -> bool {
        self.scale.iter().any(|&scale| scale > 1.0)
    }

    /// The size of the export before rotation, in pixels.
    #[must_use]
    pub fn upright_size(&self) -> Size {
        let (size, [across, down]) = (self.halved_size(), self.scale);
        // Rounding to the nearest keeps the center of the last pixel inside the image.
        #[expect(clippy::cast_sign_loss, reason = "a length over a scale of at least 1")]
        let scaled = |length: u32, scale: f64| ((f64::from(length) / scale).round() as u32).max(1);
        Size::new(scaled(size.width(), across), scaled(size.height(), down)).unwrap_or(size)
    }

    /// The axes along which the halved pixels are resampled.
    #[must_use]
    pub fn axes(&self) -> [ResampledAxis; 2] {
        let (size, [across, down]) = (self.halved_size(), self.scale);
        [
            ResampledAxis { length: size.width(), scale: across },
            ResampledAxis { length: size.height(), scale: down },
        ]
    }

    /// The rectangle of the halved image from which `upright` is resampled.
    #[must_use]
    pub fn halved(&self, upright: Rect) -> Rect {
        if !self.is_resampled() {
            return upright;
        }
        let [across, down] = self.axes();
        between(across.source(upright.columns()), down.source(upright.rows()))
    }

    /// The rectangle of the exported area, in pixels of [`level`](Self::level), from which
    /// `upright` is computed.
    #[must_use]
    pub fn stored(&self, upright: Rect) -> Rect {
        let (halved, size) = (self.halved(upright), self.on_level.size());
        let under = |range: Range<u32>, length: u32| {
            let edge = |at: u32| {
                (u64::from(at) << self.reduction_levels.min(u32::BITS)).min(u64::from(length))
                    as u32
            };
            edge(range.start)..edge(range.end)
        };
        between(under(halved.columns(), size.width()), under(halved.rows(), size.height()))
    }

    /// The size of the export, in pixels.
    #[must_use]
    pub fn size(&self) -> Size {
        self.orientation.size(self.upright_size())
    }

    /// Maps a rectangle of the export to the upright image. Returns `None` if it is not inside the
    /// export.
    #[must_use]
    pub fn upright(&self, part: Rect) -> Option<Rect> {
        Rect::of(self.size())
            .contains(part)
            .then(|| self.orientation.to_upright(part, self.upright_size()))
    }

    /// Pixels of slide level 0 per pixel of the export, along the slide's x and y.
    #[must_use]
    pub fn downsamples(&self) -> [f64; 2] {
        self.scale.map(|scale| self.downsample * f64::from(self.reduction_levels).exp2() * scale)
    }

    /// The origin of the exported area in slide level 0, along x and y.
    #[must_use]
    pub fn begin(&self) -> [f64; 2] {
        let origin = self.on_level.origin();
        [origin.x, origin.y].map(|at| f64::from(at) * self.downsample)
    }

    /// Maps a rectangle of the exported area, in pixels of [`level`](Self::level), to the pixels of
    /// slide level 0 that it covers at least in part.
    #[must_use]
    pub fn level_to_slide(&self, part: Rect) -> Rect {
        let (origin, slide) = (self.on_level.origin(), self.area);
        if self.level == SlideLevel::BASE {
            return part.moved(origin).unwrap_or(slide);
        }
        let axis = |range: Range<u32>, origin: u32, within: Range<u32>| {
            covering(
                range.start + origin..range.end + origin,
                |at| at * self.downsample,
                within.end,
            )
        };
        between(
            axis(part.columns(), origin.x, slide.columns()),
            axis(part.rows(), origin.y, slide.rows()),
        )
    }

    /// The export's micrometers per pixel, given the slide's. Returns `None` on overflow.
    #[must_use]
    pub fn microns_per_pixel(&self, of_slide: MicronsPerPixel) -> Option<MicronsPerPixel> {
        let [across, down] = self.downsamples();
        let upright = of_slide.times(across, down)?;
        Some(if self.orientation.is_transposed() { upright.transposed() } else { upright })
    }

    /// The map from points of the export to points of the slide.
    #[must_use]
    pub fn to_slide(&self) -> SlideTransform {
        let ([across, down], [x, y], size) =
            (self.downsamples(), self.begin(), self.upright_size());
        // The step and the origin along one axis of the slide.
        let axis = |start: f64, step: f64, length: u32, mirrored: bool| {
            if mirrored { (-step, start + f64::from(length) * step) } else { (step, start) }
        };
        let (across, x) = axis(x, across, size.width(), self.orientation.mirrors_columns());
        let (down, y) = axis(y, down, size.height(), self.orientation.mirrors_rows());
        SlideTransform(if self.orientation.is_transposed() {
            [[0.0, across, x], [down, 0.0, y]]
        } else {
            [[across, 0.0, x], [0.0, down, y]]
        })
    }
}

/// Maps `range` to the pixels that it covers at least in part, of `length` pixels on another scale.
/// Ignores parts of less than a millionth of a pixel, which are rounding errors. Returns at least
/// one pixel.
#[expect(clippy::cast_sign_loss, reason = "positions are not negative")]
fn covering(range: Range<u32>, to: impl Fn(f64) -> f64, length: u32) -> Range<u32> {
    const ROUNDING: f64 = 1e-6;
    let start = ((to(f64::from(range.start)) + ROUNDING).floor() as u32).min(length - 1);
    start..((to(f64::from(range.end)) - ROUNDING).ceil() as u32).clamp(start + 1, length)
}

/// The rectangle of these columns and rows, neither of which is empty.
#[expect(clippy::expect_used, reason = "`covering` returns at least one pixel")]
fn between(columns: Range<u32>, rows: Range<u32>) -> Rect {
    Rect::spanning(columns, rows).expect("at least one pixel")
}
