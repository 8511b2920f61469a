use proptest::prelude::*;

use super::*;
use crate::geometry::{Flip, Point, Rotation};
use crate::plan::{Magnification, PlanError, Resolution};
use crate::source::SlideLevelInfo;

fn rect(x: u32, y: u32, width: u32, height: u32) -> Rect {
    Rect::new(Point { x, y }, Size::new(width, height).unwrap()).unwrap()
}

fn slide(size: (u32, u32), levels: &[(u32, u32, f64)]) -> SlideInfo {
    let mut slide = SlideInfo::builder("slide", Size::new(size.0, size.1).unwrap())
        .microns_per_pixel(MicronsPerPixel::new(0.25, 0.25).unwrap())
        .objective_power(40.0);
    for &(width, height, downsample) in levels {
        let size = Size::new(width, height).unwrap();
        slide = slide.level(SlideLevelInfo { size, downsample, native_tile: None });
    }
    slide.build()
}

fn placement(
    info: &SlideInfo,
    area: Rect,
    resolution: Resolution,
    way: (Rotation, Option<Flip>),
) -> Placement {
    let reduction = Downsampling::settle(resolution, info, info.microns_per_pixel).unwrap();
    Placement::new(info, area, reduction, Orientation::new(way.0, way.1))
}

fn target(microns: f64) -> Resolution {
    Resolution::MicronsPerPixel(MicronsPerPixel::new(microns, microns).unwrap())
}

#[test]
fn maps_points_as_computed_by_hand() {
    let info = slide((1000, 800), &[(250, 200, 4.0)]);
    let area = rect(100, 20, 30, 8);
    let upright = Rotation::None;
    for (resolution, rotation, flip, expected) in [
        (Resolution::Full, upright, None, "[[1,0,100],[0,1,20]]"),
        // The top left corner of the rotated image is the bottom left corner of the area.
        (Resolution::Full, Rotation::Quarter, None, "[[0,1,100],[-1,0,28]]"),
        (Resolution::Full, Rotation::Half, None, "[[-1,0,130],[0,-1,28]]"),
        (Resolution::Full, Rotation::ThreeQuarters, None, "[[0,-1,130],[1,0,20]]"),
        (Resolution::Full, upright, Some(Flip::Horizontal), "[[-1,0,130],[0,1,20]]"),
        (Resolution::Full, upright, Some(Flip::Vertical), "[[1,0,100],[0,-1,28]]"),
        (Resolution::Full, Rotation::Quarter, Some(Flip::Horizontal), "[[0,1,100],[1,0,20]]"),
        // Columns 25 to 33 of the level; the last one extends beyond the area.
        (Resolution::SlideLevel(SlideLevel(1)), upright, None, "[[4,0,100],[0,4,20]]"),
        (Resolution::SlideLevel(SlideLevel(1)), Rotation::Half, None, "[[-4,0,132],[0,-4,28]]"),
        // A factor of 2.5: halved once, then resampled from 15 columns by 1.25.
        (target(0.625), upright, None, "[[2.5,0,100],[0,2.5,20]]"),
        (target(0.625), Rotation::Half, None, "[[-2.5,0,130],[0,-2.5,27.5]]"),
    ] {
        let placement = placement(&info, area, resolution, (rotation, flip));
        let found = serde_json::to_string(&placement.to_slide()).unwrap();
        assert_eq!(found, expected, "{resolution:?} {rotation:?} {flip:?}");
    }
}

#[test]
fn reads_the_nearest_level_then_halves_then_resamples() {
    // Scanners cut off the last rows of small levels, so OpenSlide's downsamples are slightly above
    // 4 and 16.
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
        assert_eq!(
            (found.level().0, found.reduction_levels()),
            (level, reduction_levels),
            "{microns}"
        );
        assert!((found.scale()[0] - scale).abs() < 1e-9, "{microns}: {:?}", found.scale());
        assert_eq!(found.size(), Size::new(size.0, size.1).unwrap(), "{microns}");
        let microns_per_pixel = found.microns_per_pixel(info.microns_per_pixel.unwrap()).unwrap();
        assert!((microns_per_pixel.x() / microns - 1.0).abs() < 1e-9);
    }
    // 0.6 / 0.2 is not quite 3.
    let thrice =
        SlideInfo { microns_per_pixel: MicronsPerPixel::new(0.2, 0.2), ..slide((3000, 3000), &[]) };
    let found = placement(&thrice, Rect::of(thrice.size()), target(0.6), (Rotation::None, None));
    assert_eq!(
        (found.reduction_levels(), found.scale(), found.size().width()),
        (1, [1.5; 2], 1000)
    );
}

#[test]
fn resamples_oblong_pixels_to_squares() {
    let info =
        SlideInfo { microns_per_pixel: MicronsPerPixel::new(0.25, 0.5), ..slide((1000, 600), &[]) };
    let found = placement(&info, Rect::of(info.size()), target(0.5), (Rotation::Quarter, None));
    assert_eq!((found.reduction_levels(), found.scale()), (0, [2.0, 1.0]));
    assert_eq!(found.size(), Size::new(600, 500).unwrap());
    assert_eq!(
        found.microns_per_pixel(info.microns_per_pixel.unwrap()),
        MicronsPerPixel::new(0.5, 0.5)
    );
}

#[test]
fn rejects_enlargement_and_unknown_scales() {
    let info = slide((100, 100), &[(25, 25, 4.0)]);
    let settle = |resolution, info: &SlideInfo| {
        Downsampling::settle(resolution, info, info.microns_per_pixel)
    };
    let magnified = |times| Resolution::Magnification(Magnification::new(times).unwrap());
    assert!(matches!(settle(target(0.2499), &info), Err(PlanError::FinerThanSlide { .. })));
    assert!(matches!(settle(magnified(40.1), &info), Err(PlanError::MoreThanObjective { .. })));
    assert!(matches!(
        settle(Resolution::SlideLevel(SlideLevel(2)), &info),
        Err(PlanError::NoSuchLevel { .. })
    ));
    let unknown = SlideInfo { microns_per_pixel: None, objective_power: None, ..info.clone() };
    assert!(matches!(settle(target(1.0), &unknown), Err(PlanError::UnknownScale)));
    assert!(matches!(settle(magnified(5.0), &unknown), Err(PlanError::UnknownObjective)));
    let oblong = SlideInfo { microns_per_pixel: MicronsPerPixel::new(0.1, 0.5), ..info.clone() };
    assert!(matches!(settle(target(1.0), &oblong), Err(PlanError::Oblong { .. })));
    assert_eq!(
        settle(magnified(10.0), &info).unwrap(),
        Downsampling { level: SlideLevel(1), reduction_levels: 0, scale: [1.0; 2] }
    );
    for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(Magnification::new(wrong), None);
    }
    // However absurd the numbers, a pixel is left.
    let absurd =
        SlideInfo { microns_per_pixel: MicronsPerPixel::new(1e-300, 1e-300), ..info.clone() };
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
        let resolution = if on_level { Resolution::SlideLevel(SlideLevel(1)) } else { Resolution::Full };
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
