//! Exports at a smaller size than the slide's, compared with its slide levels, with the smaller
//! levels of a full export, and with an image that is resampled as a whole.

use std::num::NonZeroUsize;

use slidezoom::internals::engine::progress::NoProgress;
use slidezoom::internals::engine::{exact_tile, nearest_tile};
use slidezoom::internals::geometry::MicronsPerPixel;
use slidezoom::internals::geometry::{Flip, Orientation, Point, Rect, Rotation};
use slidezoom::internals::key::EntryName;
use slidezoom::internals::pixels::{PremultipliedPixels, ResampledAxis, Rgb};
use slidezoom::internals::plan::{Bounds, ExportOptions, Magnification, Resolution};
use slidezoom::internals::sink::Published;
use slidezoom::internals::source::SlideLevel;
use slidezoom::{ExportPlan, Source};

use crate::drawn_source::{DrawnSource, color, draw, level_color};
use crate::engine::{decode_png, jobs, options, orientations, run, size};

fn target(microns: f64) -> Resolution {
    Resolution::MicronsPerPixel(MicronsPerPixel::new(microns, microns).unwrap())
}

fn magnified(times: f64) -> Resolution {
    Resolution::Magnification(Magnification::new(times).unwrap())
}

fn plan_of(source: &DrawnSource, options: &ExportOptions) -> ExportPlan {
    ExportPlan::new(source.info(), "drawn", options).unwrap()
}

/// Assembles the full size of an export from its tiles.
fn full_size(plan: &ExportPlan, published: &Published) -> Vec<[u8; 3]> {
    let (pyramid, names) = (plan.pyramid(), plan.names());
    let (level, width) = (pyramid.max_level(), pyramid.size().width());
    let mut whole = vec![[0; 3]; pyramid.size().area() as usize];
    for tile in pyramid.tiles().filter(|tile| tile.level() == level) {
        let (found, pixels) =
            decode_png(&published[&EntryName::new(names.tile(tile, plan.pyramid())).unwrap()].1);
        let region = pyramid.region(tile).full;
        assert_eq!(found, region.size(), "{tile}");
        let points = region.rows().flat_map(|y| region.columns().map(move |x| (x, y)));
        for ((x, y), pixel) in points.zip(pixels) {
            whole[(y * width + x) as usize] = pixel;
        }
    }
    whole
}

fn colors(pixels: PremultipliedPixels) -> Vec<[u8; 3]> {
    pixels
        .over(Rgb::WHITE)
        .bytes()
        .chunks_exact(4)
        .map(|pixel| [pixel[2], pixel[1], pixel[0]])
        .collect()
}

#[test]
fn exports_the_pixels_of_a_slide_level() {
    // OpenSlide computes the downsample of a level as this mean.
    let downsample = f64::midpoint(4443.0 / 2221.0, 3567.0 / 1783.0);
    let source = DrawnSource::new(size(4443, 3567), Some(size(256, 256)), None).with_level(
        size(2221, 1783),
        downsample,
        Some(size(240, 256)),
    );
    let level = SlideLevel(1);
    let crop = Rect::new(Point { x: 1001, y: 2000 }, size(501, 300)).unwrap();
    // The crop covers columns 1001 / 2.0005 = 500.4 to 1502 / 2.0005 = 750.8 of the level, and rows
    // 999.7 to 1149.7.
    let part = Rect::spanning(500..751, 999..1150).unwrap();
    for (bounds, area) in [(Bounds::Scan, Rect::of(size(2221, 1783))), (Bounds::Crop(crop), part)] {
        for (rotation, flip) in [(Rotation::None, None), (Rotation::Quarter, Some(Flip::Vertical))]
        {
            let options = options(254, 1)
                .bounds(bounds)
                .resolution(Resolution::SlideLevel(level))
                .rotation(rotation)
                .flip(flip);
            let source = DrawnSource::new(source.info().size(), None, None).with_level(
                source.info().levels[1].size,
                downsample,
                source.info().levels[1].native_tile,
            );
            let plan = plan_of(&source, &options);
            assert_eq!(plan.placement().area_on_level(), area);
            let published = run(&source, &plan, jobs(2), &NoProgress).unwrap();
            let expected = draw(area, |x, y| level_color(level, x, y))
                .oriented(Orientation::new(rotation, flip), Vec::new());
            assert_eq!(plan.pyramid().size(), expected.size());
            assert!(full_size(&plan, &published) == colors(expected), "{area} {rotation:?}");
            // Each native tile is read once: all reads end at tile edges or at the area's edge.
            let pixels: u64 = source.reads().iter().map(|rect| rect.size().area()).sum();
            assert_eq!(pixels, area.size().area());
            for rect in source.reads() {
                let ends = |at: u32, tile: u32, area: std::ops::Range<u32>| {
                    at.is_multiple_of(tile) || at == area.start || at == area.end
                };
                assert!(
                    ends(rect.columns().end, 240, area.columns())
                        && ends(rect.rows().end, 256, area.rows())
                );
            }
        }
    }
}

/// At a half, a quarter and so on, tiles have the same bytes as in a full export.
#[test]
fn power_of_two_reductions_equal_the_smaller_levels_of_a_full_export() {
    for (whole, native_tile) in [((1501, 1103), 240), ((1024, 700), 256), ((999, 2003), 100)] {
        let source = || {
            DrawnSource::new(size(whole.0, whole.1), Some(size(native_tile, native_tile)), None)
                .with_scale(0.25, 40.0)
        };
        let whole_plan = plan_of(&source(), &options(101, 2));
        let full = run(&source(), &whole_plan, jobs(2), &NoProgress).unwrap();
        for (resolution, reduction_levels) in [
            (target(0.5), 1),
            (target(1.0), 2),
            (magnified(5.0), 3),
            (target(8.0), 5),
            (magnified(40.0 / 1024.0), 10),
        ] {
            let source = source();
            let plan = plan_of(&source, &options(101, 2).resolution(resolution));
            assert_eq!(
                plan.pyramid().levels().len() + reduction_levels,
                whole_plan.pyramid().levels().len()
            );
            let reduced = run(&source, &plan, jobs(3), &NoProgress).unwrap();
            for tile in plan.pyramid().tiles() {
                let name = EntryName::new(plan.names().tile(tile, plan.pyramid())).unwrap();
                assert!(reduced[&name].1 == full[&name].1, "{resolution:?} {tile}");
            }
            let pixels: u64 = source.reads().iter().map(|rect| rect.size().area()).sum();
            assert_eq!(pixels, source.info().size().area(), "each pixel is read once");
        }
    }
}

/// Crops, downsamples, resamples and orients the whole image in memory.
fn resampled_as_a_whole(plan: &ExportPlan) -> PremultipliedPixels {
    let placement = plan.placement();
    let area = placement.area_on_level();
    let drawn = draw(area, |x, y| match placement.level() {
        SlideLevel::BASE => color(x, y),
        level => level_color(level, x, y),
    });
    let halved =
        (0..placement.reduction_levels()).fold(drawn, |pixels, _| pixels.halved(Vec::new()));
    let [across, down] = placement.scale();
    let axes = [
        ResampledAxis { length: halved.size().width(), scale: across },
        ResampledAxis { length: halved.size().height(), scale: down },
    ];
    let target = Rect::of(placement.upright_size());
    halved
        .resampled(Point::default(), axes, target, Vec::new())
        .oriented(placement.orientation(), Vec::new())
}

/// Chunks are resampled separately, but the result is that of resampling the whole image.
#[test]
fn resampled_chunks_join_without_seams() {
    let mut reread: f64 = 0.0;
    for (number, (microns, whole, native_tile)) in [
        (0.2512, size(3700, 1900), Some(size(256, 256))),
        (0.33, size(5000, 1700), Some(size(240, 240))),
        (0.4999, size(3001, 3003), None),
        (0.77, size(4001, 3999), Some(size(1000, 64))),
        (1.9, size(6000, 5000), Some(size(512, 512))),
        (30.0, size(3000, 3000), Some(size(256, 256))),
        (0.3, size(1, 300), None),
        (90.0, size(700, 2), None),
    ]
    .into_iter()
    .enumerate()
    {
        let (rotation, flip) = orientations().nth(number).unwrap();
        let source = DrawnSource::new(whole, native_tile, None).with_scale(0.25, 40.0);
        let plan = plan_of(
            &source,
            &options(300, 1).resolution(target(microns)).rotation(rotation).flip(flip),
        );
        let published = run(&source, &plan, jobs(1 + number % 3), &NoProgress).unwrap();
        let expected = resampled_as_a_whole(&plan);
        assert_eq!(plan.pyramid().size(), expected.size(), "{microns}");
        assert!(full_size(&plan, &published) == colors(expected), "{microns}");
        let pixels: u64 = source.reads().iter().map(|rect| rect.size().area()).sum();
        reread = reread.max(pixels as f64 / whole.area() as f64);
    }
    assert!(reread < 1.3, "{reread} times the slide's pixels were read, including margins");
}

#[test]
fn resamples_crops_and_levels_from_their_own_edges() {
    let source = DrawnSource::new(size(9000, 6000), None, None)
        .with_level(size(2250, 1500), 4.0, Some(size(256, 256)))
        .with_scale(0.25, 40.0);
    let crop = Rect::new(Point { x: 1003, y: 2001 }, size(4999, 3111)).unwrap();
    for (resolution, level) in [(target(1.3), 1), (magnified(3.7), 1), (magnified(13.0), 0)] {
        let plan =
            plan_of(&source, &options(254, 1).bounds(Bounds::Crop(crop)).resolution(resolution));
        assert_eq!(plan.placement().level(), SlideLevel(level));
        let published = run(&source, &plan, jobs(2), &NoProgress).unwrap();
        assert!(
            full_size(&plan, &published) == colors(resampled_as_a_whole(&plan)),
            "{resolution:?}"
        );
    }
}

#[test]
fn single_tiles_equal_exported_tiles_with_any_number_of_workers() {
    let source =
        DrawnSource::new(size(5000, 4000), Some(size(240, 240)), None).with_scale(0.25, 40.0);
    let options = options(254, 1).resolution(target(0.4)).rotation(Rotation::ThreeQuarters);
    let plan = plan_of(&source, &options);
    let alone = run(&source, &plan, jobs(1), &NoProgress).unwrap();
    assert!(alone == run(&source, &plan, jobs(7), &NoProgress).unwrap());
    for level in plan.pyramid().levels() {
        let grid = plan.pyramid().grid(level);
        let tile = plan.pyramid().tile(level, grid.width() / 2, grid.height() - 1).unwrap();
        let exact = exact_tile(&source, &plan, tile, NonZeroUsize::MIN).unwrap();
        let (size, expected) =
            decode_png(&alone[&EntryName::new(plan.names().tile(tile, plan.pyramid())).unwrap()].1);
        let found: Vec<_> =
            exact.bytes().chunks_exact(4).map(|pixel| [pixel[2], pixel[1], pixel[0]]).collect();
        assert!(exact.size() == size && found == expected, "{tile}");
        assert_eq!(nearest_tile(&source, &plan, tile).unwrap().size(), size, "{tile}");
    }
}

#[test]
fn the_description_has_the_transform_and_the_scale() {
    let source = DrawnSource::new(size(1000, 800), None, None).with_scale(0.25, 40.0);
    let description = |options: &ExportOptions| {
        let published = run(&source, &plan_of(&source, options), jobs(2), &NoProgress).unwrap();
        let (_, bytes) = &published[&EntryName::new("drawn.json".to_owned()).unwrap()];
        serde_json::from_slice::<serde_json::Value>(bytes).unwrap()
    };
    let crop = Rect::new(Point { x: 101, y: 20 }, size(500, 400)).unwrap();
    let found = description(
        &options(254, 1)
            .bounds(Bounds::Crop(crop))
            .resolution(target(0.625))
            .rotation(Rotation::Quarter),
    );
    // 2.5 times smaller. The slide's left column is the top row, and starts with its bottom pixel.
    assert_eq!(found["toSlide"], serde_json::json!([[0, 2.5, 101], [-2.5, 0, 420]]));
    assert_eq!((&found["width"], &found["height"]), (&160.into(), &200.into()));
    assert_eq!(
        found["area"],
        serde_json::json!({ "x": 101, "y": 20, "width": 500, "height": 400 })
    );
    assert_eq!(found["micronsPerPixel"], serde_json::json!({ "x": 0.625, "y": 0.625 }));
    assert_eq!(found["objectivePower"], serde_json::json!(16.0));
    let target = serde_json::json!({ "micronsPerPixel": { "x": 0.625, "y": 0.625 } });
    assert_eq!(found["options"]["resolution"], target);
    let found = description(&options(254, 1).resolution(magnified(10.0)));
    assert_eq!(found["toSlide"], serde_json::json!([[4, 0, 0], [0, 4, 0]]));
    assert_eq!(found["micronsPerPixel"], serde_json::json!({ "x": 1.0, "y": 1.0 }));
    assert_eq!(found["objectivePower"], serde_json::json!(10.0));
}
