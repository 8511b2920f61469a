//! Where an export's pixels lie in the slide, and back.
//!
//! The one place that knows it: reading, the description, the unreadable regions and the page all go by this. What always holds: each pixel
//! of the export has its place in the exported area, and no two have the same.

use std::ops::Range;

use serde::ser::SerializeTuple;
use serde::{Serialize, Serializer};

use super::resolution::Reduction;
use super::{Bounds, ExportOptions, PlanError};
use crate::geometry::MicronsPerPixel;
use crate::geometry::{Orientation, Rect, Size};
use crate::pixels::ResampledAxis;
use crate::source::{SlideInfo, SlideLevel};

/// Where an export's full size lies in the slide: cut out of one of its levels, made smaller, then turned, then mirrored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    level: SlideLevel,
    /// Of `level`, as OpenSlide has it: a pixel of the level is so many of slide level 0, from the slide's corner on.
    downsample: f64,
    /// The exported part, in pixels of `level`.
    on_level: Rect,
    /// The same in slide-level-0 pixels: whole ones, as many as have a part in it.
    area: Rect,
    reduction_levels: u32,
    /// Along the area's columns and rows.
    scale: [f64; 2],
    orientation: Orientation,
}

impl Placement {
    /// What was asked for.
    ///
    /// # Errors
    /// [`PlanError`] where the slide has no such part, or cannot be exported so.
    pub(crate) fn settle(info: &SlideInfo, options: &ExportOptions) -> Result<Self, PlanError> {
        let whole = Rect::of(info.size());
        let area = match options.bounds {
            Bounds::Scan => info.bounds.unwrap_or(whole),
            Bounds::Full => whole,
            Bounds::Crop(crop) if whole.contains(crop) => crop,
            Bounds::Crop(crop) => return Err(PlanError::Crop { crop, size: whole.size() }),
        };
        let largest = i32::MAX as u32;
        if !whole.contains(area) || whole.size().width() > largest || whole.size().height() > largest {
            return Err(PlanError::Area { area, size: whole.size() });
        }
        let of_slide = options.microns_per_pixel.or(info.microns_per_pixel);
        let reduction = Reduction::settle(options.resolution, info, of_slide)?;
        Ok(Self::new(info, area, reduction, Orientation::new(options.rotation, options.flip)))
    }

    /// Places the export of `area`, which is in slide-level-0 pixels and inside the slide.
    fn new(info: &SlideInfo, area: Rect, reduction: Reduction, orientation: Orientation) -> Self {
        let Reduction { level, reduction_levels, scale } = reduction;
        let of_base = Self { level, downsample: 1.0, on_level: area, area, reduction_levels, scale, orientation };
        let level = match info.levels.get(level.0 as usize) {
            Some(of_level) if level != SlideLevel::BASE => of_level,
            _ => return of_base,
        };
        let (downsample, slide) = (level.downsample, info.size());
        let reached = |taken: Range<u32>, length: u32, of_slide: u32| {
            // All of the slide is all of the level, though its downsample may say that it ends a pixel before or after.
            if taken == (0..of_slide) { 0..length } else { covering(taken, |at| at / downsample, length) }
        };
        let on_level = between(
            reached(area.columns(), level.size.width(), slide.width()),
            reached(area.rows(), level.size.height(), slide.height()),
        );
        let area = between(
            covering(on_level.columns(), |at| at * downsample, slide.width()),
            covering(on_level.rows(), |at| at * downsample, slide.height()),
        );
        Self { downsample, on_level, area, ..of_base }
    }

    /// The exported part of the slide, in slide-level-0 pixels.
    #[must_use]
    pub const fn area(&self) -> Rect {
        self.area
    }

    /// How it is turned and mirrored.
    #[must_use]
    pub const fn orientation(&self) -> Orientation {
        self.orientation
    }

    /// The slide's own level that the pixels are read from.
    #[must_use]
    pub const fn level(&self) -> SlideLevel {
        self.level
    }

    /// The part of that level that is exported, in its own pixels.
    #[must_use]
    pub const fn area_on_level(&self) -> Rect {
        self.on_level
    }

    /// How often what is read is halved before anything else is done with it.
    #[must_use]
    pub const fn reduction_levels(&self) -> u32 {
        self.reduction_levels
    }

    /// The size of what is read once it is halved.
    #[must_use]
    pub fn halved_size(&self) -> Size {
        self.halved_size_after(self.reduction_levels)
    }

    /// Its size after some of the reduction_levels.
    #[must_use]
    pub fn halved_size_after(&self, reduction_levels: u32) -> Size {
        (0..reduction_levels.min(u32::BITS)).fold(self.on_level.size(), |size, _| size.halved())
    }

    /// By how much it is then resampled to be smaller, along the slide's rows and columns; 1 where it is not.
    #[must_use]
    pub const fn scale(&self) -> [f64; 2] {
        self.scale
    }

    /// Whether the export's full size is that of the slide.
    #[must_use]
    pub fn is_full_size(&self) -> bool {
        self.level == SlideLevel::BASE && self.reduction_levels == 0 && !self.is_resampled()
    }

    /// Whether the export's rows are rows of the slide's full size, from the first on.
    #[must_use]
    pub fn is_upright_full_size(&self) -> bool {
        self.is_full_size() && self.orientation == Orientation::UPRIGHT
    }

    /// Whether more than halving is done.
    #[must_use]
    pub fn is_resampled(&self) -> bool {
        self.scale.iter().any(|&scale| scale > 1.0)
    }

    /// The size of the picture before it is turned.
    #[must_use]
    pub fn upright_size(&self) -> Size {
        let (size, [across, down]) = (self.halved_size(), self.scale);
        // To the nearest: the center of the last pixel is then inside the picture.
        #[expect(clippy::cast_sign_loss, reason = "a length over a scale of at least 1")]
        let scaled = |length: u32, scale: f64| ((f64::from(length) / scale).round() as u32).max(1);
        Size::new(scaled(size.width(), across), scaled(size.height(), down)).unwrap_or(size)
    }

    /// The columns and rows of the halved picture, to be resampled.
    #[must_use]
    pub fn axes(&self) -> [ResampledAxis; 2] {
        let (size, [across, down]) = (self.halved_size(), self.scale);
        [ResampledAxis { length: size.width(), scale: across }, ResampledAxis { length: size.height(), scale: down }]
    }

    /// The part of the halved picture that a part of the upright one is made of.
    #[must_use]
    pub fn halved(&self, upright: Rect) -> Rect {
        if !self.is_resampled() {
            return upright;
        }
        let [across, down] = self.axes();
        between(across.source(upright.columns()), down.source(upright.rows()))
    }

    /// The part of the exported area, in pixels of the level that is read, that a part of the upright picture is made of.
    #[must_use]
    pub fn stored(&self, upright: Rect) -> Rect {
        let (halved, size) = (self.halved(upright), self.on_level.size());
        let under = |range: Range<u32>, length: u32| {
            let edge = |at: u32| (u64::from(at) << self.reduction_levels.min(u32::BITS)).min(u64::from(length)) as u32;
            edge(range.start)..edge(range.end)
        };
        between(under(halved.columns(), size.width()), under(halved.rows(), size.height()))
    }

    /// The export's full size in pixels.
    #[must_use]
    pub fn size(&self) -> Size {
        self.orientation.size(self.upright_size())
    }

    /// Where a part of the full size lies in the upright picture. `None` where it reaches outside.
    #[must_use]
    pub fn upright(&self, part: Rect) -> Option<Rect> {
        Rect::of(self.size()).contains(part).then(|| self.orientation.to_upright(part, self.upright_size()))
    }

    /// How many slide-level-0 pixels one of the export's full size takes, along the slide's rows and columns.
    #[must_use]
    pub fn downsamples(&self) -> [f64; 2] {
        self.scale.map(|scale| self.downsample * f64::from(self.reduction_levels).exp2() * scale)
    }

    /// Where the exported area begins in slide level 0, along its columns and rows.
    #[must_use]
    pub fn begin(&self) -> [f64; 2] {
        let origin = self.on_level.origin();
        [origin.x, origin.y].map(|at| f64::from(at) * self.downsample)
    }

    /// Where a part of the level that is read lies, in slide-level-0 pixels: as many whole ones as have a part in it. `part` is in pixels of the
    /// exported area.
    #[must_use]
    pub fn level_to_slide(&self, part: Rect) -> Rect {
        let (origin, slide) = (self.on_level.origin(), self.area);
        if self.level == SlideLevel::BASE {
            return part.moved(origin).unwrap_or(slide);
        }
        let axis = |range: Range<u32>, origin: u32, within: Range<u32>| {
            covering(range.start + origin..range.end + origin, |at| at * self.downsample, within.end)
        };
        between(axis(part.columns(), origin.x, slide.columns()), axis(part.rows(), origin.y, slide.rows()))
    }

    /// Micrometers per pixel of the export, from those of the slide; `None` where they are too many for a number.
    #[must_use]
    pub fn microns_per_pixel(&self, of_slide: MicronsPerPixel) -> Option<MicronsPerPixel> {
        let [across, down] = self.downsamples();
        let upright = of_slide.times(across, down)?;
        Some(if self.orientation.is_transposed() { upright.transposed() } else { upright })
    }

    /// The equation of each point of the export's full size in the slide.
    #[must_use]
    pub fn to_slide(&self) -> SlideTransform {
        let ([across, down], [x, y], size) = (self.downsamples(), self.begin(), self.upright_size());
        // Along one axis of the slide: a step for a step of the export, from one end or the other.
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

/// The pixels of another size, `length` of them, that have a part in `range`; at least one. A part of a millionth is none, but what rounding has left.
#[expect(clippy::cast_sign_loss, reason = "pixels are counted from 0 on")]
fn covering(range: Range<u32>, to: impl Fn(f64) -> f64, length: u32) -> Range<u32> {
    const NOTHING: f64 = 1e-6;
    let start = ((to(f64::from(range.start)) + NOTHING).floor() as u32).min(length - 1);
    start..((to(f64::from(range.end)) - NOTHING).ceil() as u32).clamp(start + 1, length)
}

/// The rectangle between columns and rows of which neither is empty.
#[expect(clippy::expect_used, reason = "what `covering` gives has at least one pixel")]
fn between(columns: Range<u32>, rows: Range<u32>) -> Rect {
    Rect::spanning(columns, rows).expect("at least one pixel")
}

/// `[[a, b, c], [d, e, f]]`: a point (x, y) of the export's full size lies at (a·x + b·y + c, d·x + e·y + f) in slide-level-0 pixels.
///
/// Points are measured from the top left corner of the top left pixel, so that pixel (i, j) reaches from (i, j) to (i + 1, j + 1) and has its
/// center at (i + ½, j + ½), in the export and in the slide.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SlideTransform(pub [[f64; 3]; 2]);

impl SlideTransform {
    /// Where a point of the export lies in the slide.
    #[must_use]
    pub fn apply(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let [across, down] = self.0.map(|[of_x, of_y, from]| of_x * x + of_y * y + from);
        (across, down)
    }
}

impl Serialize for SlideTransform {
    /// Whole numbers as such.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut rows = serializer.serialize_tuple(2)?;
        for row in self.0 {
            rows.serialize_element(&row.map(Coefficient))?;
        }
        rows.end()
    }
}

struct Coefficient(f64);

impl Serialize for Coefficient {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        /// Every whole number up to here is an `f64`.
        const LARGEST: f64 = 9_007_199_254_740_992.0;
        if self.0.fract() == 0.0 && self.0.abs() <= LARGEST {
            serializer.serialize_i64(self.0 as i64)
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::geometry::{Flip, Point, Rotation};
    use crate::plan::{Magnification, PlanError, Resolution};
    use crate::source::{DirectReadUnsupported, NativeColorSpace, Reader, SlideLevelInfo};

    fn rect(x: u32, y: u32, width: u32, height: u32) -> Rect {
        Rect::new(Point { x, y }, Size::new(width, height).unwrap()).unwrap()
    }

    fn slide(size: (u32, u32), levels: &[(u32, u32, f64)]) -> SlideInfo {
        let level = |&(width, height, downsample): &(u32, u32, f64)| SlideLevelInfo {
            size: Size::new(width, height).unwrap(),
            downsample,
            native_tile: None,
        };
        SlideInfo {
            path: "slide".into(),
            vendor: None,
            reader: Reader::OpenSlide(DirectReadUnsupported::AskedFor),
            levels: [&(size.0, size.1, 1.0)].into_iter().chain(levels).map(level).collect(),
            microns_per_pixel: MicronsPerPixel::new(0.25, 0.25),
            objective_power: Some(40.0),
            bounds: None,
            background: None,
            native_subsampling: None,
            native_color_space: NativeColorSpace::Rgb,
            icc_profile: None,
            associated_images: Vec::new(),
            pages: None,
            unshown_samples: 0,
            properties: std::collections::BTreeMap::new(),
        }
    }

    fn placement(info: &SlideInfo, area: Rect, resolution: Resolution, way: (Rotation, Option<Flip>)) -> Placement {
        let reduction = Reduction::settle(resolution, info, info.microns_per_pixel).unwrap();
        Placement::new(info, area, reduction, Orientation::new(way.0, way.1))
    }

    fn target(microns: f64) -> Resolution {
        Resolution::MicronsPerPixel(MicronsPerPixel::new(microns, microns).unwrap())
    }

    #[test]
    fn the_equations_by_hand() {
        let info = slide((1000, 800), &[(250, 200, 4.0)]);
        let area = rect(100, 20, 30, 8);
        let upright = Rotation::None;
        for (resolution, rotation, flip, expected) in [
            (Resolution::Full, upright, None, "[[1,0,100],[0,1,20]]"),
            // The top left corner of the turned picture is the bottom left corner of the area.
            (Resolution::Full, Rotation::Quarter, None, "[[0,1,100],[-1,0,28]]"),
            (Resolution::Full, Rotation::Half, None, "[[-1,0,130],[0,-1,28]]"),
            (Resolution::Full, Rotation::ThreeQuarters, None, "[[0,-1,130],[1,0,20]]"),
            (Resolution::Full, upright, Some(Flip::Horizontal), "[[-1,0,130],[0,1,20]]"),
            (Resolution::Full, upright, Some(Flip::Vertical), "[[1,0,100],[0,-1,28]]"),
            (Resolution::Full, Rotation::Quarter, Some(Flip::Horizontal), "[[0,1,100],[1,0,20]]"),
            // Columns 25 to 33 of the level, of which the last reaches beyond the area.
            (Resolution::Level(SlideLevel(1)), upright, None, "[[4,0,100],[0,4,20]]"),
            (Resolution::Level(SlideLevel(1)), Rotation::Half, None, "[[-4,0,132],[0,-4,28]]"),
            // 2.5 times smaller: halved once, then 15 columns by 1.25.
            (target(0.625), upright, None, "[[2.5,0,100],[0,2.5,20]]"),
            (target(0.625), Rotation::Half, None, "[[-2.5,0,130],[0,-2.5,27.5]]"),
        ] {
            let placement = placement(&info, area, resolution, (rotation, flip));
            let found = serde_json::to_string(&placement.to_slide()).unwrap();
            assert_eq!(found, expected, "{resolution:?} {rotation:?} {flip:?}");
        }
    }

    #[test]
    fn a_smaller_size_comes_of_the_nearest_level_then_halvings_then_resampling() {
        // As scanners have them: their last rows cut off, so that OpenSlide's downsamples are a little more than 4 and 16.
        let info = slide((46000, 32914), &[(11500, 8228, 4.000_121_5), (2875, 2057, 16.000_486)]);
        let whole = Rect::of(info.size());
        for (microns, level, reduction_levels, scale, size) in [
            (0.25, 0, 0, 1.0, (46000, 32914)),
            (0.3, 0, 0, 1.2, (38333, 27428)),
            (0.5, 0, 1, 1.0, (23000, 16457)),
            (0.75, 0, 1, 1.5, (15333, 10971)),
            // Not level 1, whose pixels are a little larger.
            (1.0, 0, 2, 1.0, (11500, 8229)),
            (1.2, 1, 0, 4.8 / 4.000_121_5, (9584, 6857)),
            (3.9, 1, 1, 15.6 / 4.000_121_5 / 2.0, (2949, 2110)),
            (4.5, 2, 0, 18.0 / 16.000_486, (2556, 1828)),
            (99.0, 2, 4, 396.0 / 16.000_486 / 16.0, (116, 83)),
        ] {
            let found = placement(&info, whole, target(microns), (Rotation::None, None));
            assert_eq!((found.level().0, found.reduction_levels()), (level, reduction_levels), "{microns}");
            assert!((found.scale()[0] - scale).abs() < 1e-9, "{microns}: {:?}", found.scale());
            assert_eq!(found.size(), Size::new(size.0, size.1).unwrap(), "{microns}");
            let microns_per_pixel = found.microns_per_pixel(info.microns_per_pixel.unwrap()).unwrap();
            assert!((microns_per_pixel.x() / microns - 1.0).abs() < 1e-9);
        }
        // 0.6 / 0.2 is not quite 3.
        let thrice = SlideInfo { microns_per_pixel: MicronsPerPixel::new(0.2, 0.2), ..slide((3000, 3000), &[]) };
        let found = placement(&thrice, Rect::of(thrice.size()), target(0.6), (Rotation::None, None));
        assert_eq!((found.reduction_levels(), found.scale(), found.size().width()), (1, [1.5; 2], 1000));
    }

    #[test]
    fn oblong_pixels_become_square() {
        let info = SlideInfo { microns_per_pixel: MicronsPerPixel::new(0.25, 0.5), ..slide((1000, 600), &[]) };
        let found = placement(&info, Rect::of(info.size()), target(0.5), (Rotation::Quarter, None));
        assert_eq!((found.reduction_levels(), found.scale()), (0, [2.0, 1.0]));
        assert_eq!(found.size(), Size::new(600, 500).unwrap());
        assert_eq!(found.microns_per_pixel(info.microns_per_pixel.unwrap()), MicronsPerPixel::new(0.5, 0.5));
    }

    #[test]
    fn nothing_is_enlarged_and_nothing_unknown_is_guessed() {
        let info = slide((100, 100), &[(25, 25, 4.0)]);
        let settle = |resolution, info: &SlideInfo| Reduction::settle(resolution, info, info.microns_per_pixel);
        let magnified = |times| Resolution::Magnification(Magnification::new(times).unwrap());
        assert!(matches!(settle(target(0.2499), &info), Err(PlanError::FinerThanSlide { .. })));
        assert!(matches!(settle(magnified(40.1), &info), Err(PlanError::MoreThanObjective { .. })));
        assert!(matches!(settle(Resolution::Level(SlideLevel(2)), &info), Err(PlanError::NoSuchLevel { .. })));
        let unknown = SlideInfo { microns_per_pixel: None, objective_power: None, ..info.clone() };
        assert!(matches!(settle(target(1.0), &unknown), Err(PlanError::UnknownScale)));
        assert!(matches!(settle(magnified(5.0), &unknown), Err(PlanError::UnknownObjective)));
        let oblong = SlideInfo { microns_per_pixel: MicronsPerPixel::new(0.1, 0.5), ..info.clone() };
        assert!(matches!(settle(target(1.0), &oblong), Err(PlanError::Oblong { .. })));
        assert_eq!(
            settle(magnified(10.0), &info).unwrap(),
            Reduction { level: SlideLevel(1), reduction_levels: 0, scale: [1.0; 2] }
        );
        for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Magnification::new(wrong), None);
        }
        // However absurd the numbers, a pixel is left.
        let absurd = SlideInfo { microns_per_pixel: MicronsPerPixel::new(1e-300, 1e-300), ..info.clone() };
        let found = placement(&absurd, Rect::of(absurd.size()), target(99.0), (Rotation::None, None));
        assert_eq!(found.size(), Size::new(1, 1).unwrap());
    }

    proptest! {
        #[test]
        fn rectangles_lie_where_the_equation_says(
            (x, y, width, height) in (0..1000_u32, 0..1000_u32, 1..1000_u32, 1..1000_u32),
            part in (0.0..1.0_f64, 0.0..1.0_f64, 0.0..1.0_f64, 0.0..1.0_f64),
            on_level in any::<bool>(),
            way in 0..12_usize,
        ) {
            let info = slide((2000, 2000), &[(500, 499, 4.004_008)]);
            let way = crate::geometry::orientation_tests::every().nth(way).unwrap();
            let resolution = if on_level { Resolution::Level(SlideLevel(1)) } else { Resolution::Full };
            let area = rect(x, y, width, height);
            let placement = placement(&info, area, resolution, way);
            #[expect(clippy::cast_sign_loss, reason = "a share of a length")]
            let span = |length: u32, from: f64, share: f64| {
                let start = (f64::from(length) * from) as u32;
                (start, 1 + (f64::from(length - start - 1) * share) as u32)
            };
            let (left, across) = span(placement.size().width(), part.0, part.1);
            let (top, down) = span(placement.size().height(), part.2, part.3);
            let found = placement.level_to_slide(placement.upright(rect(left, top, across, down)).unwrap());
            let corner = |x: u32, y: u32| placement.to_slide().apply((f64::from(x), f64::from(y)));
            let (one, other) = (corner(left, top), corner(left + across, top + down));
            let near = |one: f64, other: f64, found: Range<u32>| {
                let (start, end) = (one.min(other), one.max(other).min(2000.0));
                let off = [start - f64::from(found.start), f64::from(found.end) - end];
                if on_level { off.iter().all(|off| (-1e-3..1.0).contains(off)) } else { off.iter().all(|off| off.abs() < f64::EPSILON) }
            };
            prop_assert!(near(one.0, other.0, found.columns()), "{:?} {:?} {}", one, other, found);
            prop_assert!(near(one.1, other.1, found.rows()), "{:?} {:?} {}", one, other, found);
            prop_assert!(placement.area().contains(found) && placement.area().contains(area));
            let outside = Rect::of(Size::new(placement.size().width() + 1, 1).unwrap());
            prop_assert_eq!(placement.upright(outside), None);
        }
    }
}
