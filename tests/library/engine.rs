//! Compares the engine with an independent rendering of the whole image in memory.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use slidezoom::internals::engine::exact_tile;
use slidezoom::internals::engine::progress::{NoProgress, Progress, TileWritten};
use slidezoom::internals::geometry::{Flip, Point, Rect, Rotation, Size};
use slidezoom::internals::key::EntryName;
use slidezoom::internals::pixels::ReductionMethod;
use slidezoom::internals::plan::{Bounds, ExportOptions, FormatOption, Page, PlanError};
use slidezoom::internals::pyramid::TileGeometry;
use slidezoom::internals::sink::{MemorySink, Published};
use slidezoom::internals::source::SourceIdentity;
use slidezoom::{Error, ExportPlan, Source, export};

use crate::drawn_source::{DrawnSource, Fault, color};
use crate::reference_image::Image;

pub fn decode_png(bytes: &[u8]) -> (Size, Vec<[u8; 3]>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut rgb).unwrap();
    let pixels = rgb.chunks_exact(3).map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
    (Size::new(frame.width, frame.height).unwrap(), pixels)
}

pub fn options(tile_size: u32, overlap: u32) -> ExportOptions {
    ExportOptions::default()
        .geometry(Some(TileGeometry::new(tile_size, overlap).unwrap()))
        .format(FormatOption::Png)
        .page(Page::Omit)
        .source_identity(SourceIdentity::Omit)
}

pub fn size(width: u32, height: u32) -> Size {
    Size::new(width, height).unwrap()
}

pub fn jobs(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

pub fn run(
    source: &DrawnSource,
    plan: &ExportPlan,
    jobs: NonZeroUsize,
    progress: &dyn Progress,
) -> Result<Published, Error> {
    let sink = MemorySink::new();
    let published = sink.published();
    let result = export(source, plan, Box::new(sink), jobs, progress);
    let files = published.lock().unwrap().take();
    assert_eq!(result.is_ok(), files.is_some(), "published if and only if the export succeeded");
    result.map(|_| files.unwrap())
}

/// Compares every tile with the independent rendering.
fn check_tiles(mut image: Image, plan: &ExportPlan, published: &Published) {
    let pyramid = plan.pyramid();
    let mut tiles = 0;
    for level in pyramid.levels().rev() {
        let grid = pyramid.grid(level);
        for row in 0..grid.height() {
            for column in 0..grid.width() {
                let tile = pyramid.tile(level, column, row).unwrap();
                let (_, bytes) =
                    &published[&EntryName::new(plan.names().tile(tile, plan.pyramid())).unwrap()];
                let (size, pixels) = decode_png(bytes);
                let full = pyramid.region(tile).full;
                assert_eq!(size, full.size(), "{tile}");
                assert!(pixels == image.cut(full), "pixels of {tile}");
                tiles += 1;
            }
        }
        image = image.reduced(plan.reduction());
    }
    // And the descriptor, the description and the manifest.
    assert_eq!(published.len(), tiles + 3);
}

/// Compares every tile, and checks that each pixel was read once.
fn check(source: &DrawnSource, plan: &ExportPlan, published: &Published) {
    check_tiles(Image::of(plan), plan, published);
    let mut entries: Vec<u64> = published.values().map(|(entry, _)| *entry).collect();
    entries.sort_unstable();
    assert!(
        entries.iter().zip(0..).all(|(&entry, expected)| entry == expected),
        "entries count up without a gap"
    );

    let mut times_read = vec![0_u8; plan.area().size().area() as usize];
    for rect in source.reads() {
        assert!(plan.area().contains(rect), "{rect} is outside the exported area");
        for y in rect.rows() {
            for x in rect.columns() {
                let (x, y) = (x - plan.area().origin().x, y - plan.area().origin().y);
                times_read[y as usize * plan.area().size().width() as usize + x as usize] += 1;
            }
        }
    }
    assert!(times_read.iter().all(|&times| times == 1), "each pixel is read once");

    // Stripes may cut native tiles; nothing else does.
    let Some(tile) =
        source.info().levels[0].native_tile.filter(|_| plan.pyramid().size().width() <= 16_384)
    else {
        return;
    };
    let tiles = |rect: Rect| {
        let columns =
            rect.columns().start / tile.width()..rect.columns().end.div_ceil(tile.width());
        let rows = rect.rows().start / tile.height()..rect.rows().end.div_ceil(tile.height());
        columns.len() * rows.len()
    };
    let decoded: usize = source.reads().into_iter().map(tiles).sum();
    assert_eq!(decoded, tiles(plan.area()), "each native tile is decoded once");
}

/// All combinations of rotation and flip.
pub fn orientations() -> impl Iterator<Item = (Rotation, Option<Flip>)> {
    let rotations = [Rotation::None, Rotation::Quarter, Rotation::Half, Rotation::ThreeQuarters];
    let flips = [None, Some(Flip::Horizontal), Some(Flip::Vertical)];
    rotations.into_iter().flat_map(move |rotation| flips.map(move |flip| (rotation, flip)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn renders_every_tile_and_reads_every_pixel_once(
        (width, height) in (1..700_u32, 1..500_u32),
        (tile_size, overlap) in (8..200_u32).prop_flat_map(|tile_size| (Just(tile_size), 0..tile_size.min(9))),
        native_tile in prop::option::of((16..300_u32, 8..300_u32)),
        (left, top) in (0..300_u32, 0..300_u32),
        is_cropped in any::<bool>(),
        orientation in 0..12_usize,
        workers in 1..5_usize,
    ) {
        let area = Rect::new(Point { x: left, y: top }, size(width, height)).unwrap();
        let whole = size(left + width + 7, top + height + 3);
        // A crop ignores the scanned area.
        let (scanned, bounds) = if is_cropped {
            (Rect::of(size(left + 1, top + 1)), Bounds::Crop(area))
        } else {
            (area, Bounds::Scan)
        };
        let source = DrawnSource::new(whole, native_tile.map(|(width, height)| size(width, height)), Some(scanned));
        let (rotation, flip) = orientations().nth(orientation).unwrap();
        let options = options(tile_size, overlap).bounds(bounds).rotation(rotation).flip(flip);
        let plan = ExportPlan::new(source.info(), "drawn", &options).unwrap();
        prop_assert_eq!(plan.area(), area);
        let published = run(&source, &plan, jobs(workers), &NoProgress).unwrap();
        check(&source, &plan, &published);
    }
}

const METHODS: [ReductionMethod; 7] = [
    ReductionMethod::Mean,
    ReductionMethod::Median,
    ReductionMethod::Mode,
    ReductionMethod::Max,
    ReductionMethod::Min,
    ReductionMethod::Nearest,
    ReductionMethod::Lanczos3,
];

fn options_to(reduction: ReductionMethod, tile_size: u32, overlap: u32) -> ExportOptions {
    options(tile_size, overlap).reduction(reduction)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn reduces_without_seams_by_every_method(
        method in prop::sample::select(&METHODS[1..]),
        (width, height) in (1..400_u32, 1..300_u32),
        (tile_size, overlap) in (2..120_u32).prop_flat_map(|tile_size| (Just(tile_size), 0..tile_size.min(9))),
        native_tile in prop::option::of((16..200_u32, 8..200_u32)),
        (left, top) in (0..300_u32, 0..300_u32),
        workers in 1..4_usize,
    ) {
        let area = Rect::new(Point { x: left, y: top }, size(width, height)).unwrap();
        let whole = size(left + width + 7, top + height + 3);
        let source = DrawnSource::new(whole, native_tile.map(|(width, height)| size(width, height)), Some(area));
        let plan = ExportPlan::new(source.info(), "drawn", &options_to(method, tile_size, overlap)).unwrap();
        check(&source, &plan, &run(&source, &plan, jobs(workers), &NoProgress).unwrap());
    }
}

#[test]
fn reduces_unscanned_areas_as_background_by_every_method() {
    for (method, tile_size) in
        METHODS.into_iter().flat_map(|method| [33, 64].map(|tile_size| (method, tile_size)))
    {
        let unscanned = |row: u32| row % 700 > 150;
        let source =
            DrawnSource::new(size(300, 1500), Some(size(64, 64)), None).with_unscanned(unscanned);
        let plan =
            ExportPlan::new(source.info(), "drawn", &options_to(method, tile_size, 1)).unwrap();
        let mut image = Image::drawn(plan.area());
        for (number, pixel) in image.pixels.iter_mut().enumerate() {
            if unscanned((number / 300) as u32) {
                *pixel = [255; 3];
            }
        }
        let published = run(&source, &plan, jobs(2), &NoProgress).unwrap();
        check_tiles(image, &plan, &published);
    }
}

#[test]
fn renders_extreme_shapes() {
    for (width, height, tile_size, overlap) in [
        (1, 1, 254, 1),
        (1, 900, 254, 1),
        (900, 1, 254, 1),
        (508, 508, 254, 1),
        (509, 507, 254, 1),
        (4, 4, 3, 2),
        (7, 5, 2, 1),
        (90, 41, 2, 0),
        (33, 31, 2, 0),
        (300, 300, 3, 0),
        (256, 256, 256, 0),
        (257, 255, 256, 255),
    ] {
        for method in METHODS {
            let source = DrawnSource::new(size(width, height), None, None);
            let plan =
                ExportPlan::new(source.info(), "drawn", &options_to(method, tile_size, overlap))
                    .unwrap();
            check(&source, &plan, &run(&source, &plan, jobs(2), &NoProgress).unwrap());
        }
    }
}

/// Wide enough for three stripes: at every level tiles straddle two stripes, and chunks are cut at
/// the seam.
#[test]
fn renders_stripes_without_seams() {
    for (native_tile, tile_size, overlap) in
        [(240, 254, 1), (256, 256, 0), (1000, 101, 3), (192, 33, 5)]
    {
        for method in [ReductionMethod::Mean, ReductionMethod::Lanczos3] {
            let source = DrawnSource::new(size(36_000, 70), Some(size(native_tile, 64)), None);
            let plan =
                ExportPlan::new(source.info(), "drawn", &options_to(method, tile_size, overlap))
                    .unwrap();
            check(&source, &plan, &run(&source, &plan, jobs(3), &NoProgress).unwrap());
        }
    }
}

/// A tall slide becomes a wide export when it is rotated.
#[test]
fn renders_rotated_stripes_without_seams() {
    for (rotation, flip) in orientations().skip(1).step_by(4) {
        let transposed = matches!(rotation, Rotation::Quarter | Rotation::ThreeQuarters);
        let (whole, native_tile) = if transposed {
            (size(70, 36_000), size(64, 240))
        } else {
            (size(36_000, 70), size(240, 64))
        };
        let source = DrawnSource::new(whole, Some(native_tile), None);
        let options = options(254, 1).rotation(rotation).flip(flip);
        let plan = ExportPlan::new(source.info(), "drawn", &options).unwrap();
        check(&source, &plan, &run(&source, &plan, jobs(3), &NoProgress).unwrap());
    }
}

/// The transform in the description maps each pixel of the full size to the slide.
#[test]
fn describes_the_transform_to_the_slide() {
    let crop = Rect::new(Point { x: 31, y: 7 }, size(211, 150)).unwrap();
    let source = DrawnSource::new(size(400, 300), Some(size(64, 64)), None);
    for (rotation, flip) in orientations() {
        let options = options(256, 0).bounds(Bounds::Crop(crop)).rotation(rotation).flip(flip);
        let plan = ExportPlan::new(source.info(), "drawn", &options).unwrap();
        let published = run(&source, &plan, jobs(2), &NoProgress).unwrap();
        let file = |name: &str| &published[&EntryName::new(name.to_owned()).unwrap()].1;
        let description: serde_json::Value = serde_json::from_slice(file("drawn.json")).unwrap();
        let row = |row: usize| {
            [0, 1, 2].map(|column| description["toSlide"][row][column].as_f64().unwrap())
        };
        let (across, down) = (row(0), row(1));
        let (size, pixels) = decode_png(file("drawn_files/8/0_0.png"));
        assert_eq!(
            (size.width(), size.height()),
            (plan.pyramid().size().width(), plan.pyramid().size().height())
        );
        for (index, pixel) in (0_u32..).zip(pixels) {
            let center =
                (f64::from(index % size.width()) + 0.5, f64::from(index / size.width()) + 0.5);
            #[expect(clippy::cast_sign_loss, reason = "a place in the slide")]
            let at = |[a, b, c]: [f64; 3]| (a * center.0 + b * center.1 + c) as u32;
            assert_eq!(pixel, color(at(across), at(down)), "{rotation:?} {flip:?} {center:?}");
        }
    }
}

#[test]
fn rejects_crops_beyond_the_slide() {
    let source = DrawnSource::new(size(40, 30), None, None);
    let plan = |x, y, width, height| {
        let bounds = Bounds::Crop(Rect::new(Point { x, y }, size(width, height)).unwrap());
        ExportPlan::new(source.info(), "drawn", &options(256, 0).bounds(bounds))
    };
    assert!(plan(0, 0, 40, 30).is_ok() && plan(39, 29, 1, 1).is_ok());
    for (x, y, width, height) in
        [(0, 0, 41, 30), (1, 0, 40, 30), (0, 30, 1, 1), (u32::MAX - 1, 0, 1, 1)]
    {
        assert!(
            matches!(plan(x, y, width, height), Err(PlanError::Crop { .. })),
            "{width}×{height} at ({x}, {y})"
        );
    }
}

#[test]
fn output_is_the_same_for_any_number_of_workers() {
    let source = DrawnSource::new(size(3000, 2000), Some(size(240, 240)), None);
    let plan = ExportPlan::new(
        source.info(),
        "drawn",
        &ExportOptions::default().page(Page::Omit).source_identity(SourceIdentity::Omit),
    );
    let plan = plan.unwrap();
    let alone = run(&source, &plan, jobs(1), &NoProgress).unwrap();
    assert!(alone == run(&source, &plan, jobs(8), &NoProgress).unwrap());
}

#[test]
fn names_the_unreadable_region_and_publishes_nothing() {
    let broken = Point { x: 500, y: 700 };
    let source = DrawnSource::new(size(1000, 1000), Some(size(240, 240)), None)
        .with_fault(Fault::Unreadable(broken));
    let plan = ExportPlan::new(source.info(), "drawn", &options(254, 1)).unwrap();
    let error = run(&source, &plan, jobs(4), &NoProgress).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot read drawn: 240×240 pixels at (480, 480) of slide level 0: drawn to fail"
    );
}

#[test]
fn reports_a_panic_in_a_reader_as_an_error() {
    let source = DrawnSource::new(size(1000, 1000), None, None)
        .with_fault(Fault::Panic(Point { x: 999, y: 0 }));
    let plan = ExportPlan::new(source.info(), "drawn", &options(254, 1)).unwrap();
    let error = run(&source, &plan, jobs(2), &NoProgress).unwrap_err();
    assert_eq!(error.to_string(), "defect in slidezoom: drawn to panic");
}

/// Stops the export after a number of tiles.
struct StopAfter {
    tiles: u64,
    written: AtomicU64,
}

impl Progress for StopAfter {
    fn tile_written(&self, _tile: TileWritten) {
        self.written.fetch_add(1, Ordering::Relaxed);
    }

    fn stop_requested(&self) -> bool {
        self.written.load(Ordering::Relaxed) >= self.tiles
    }
}

#[test]
fn stops_after_the_tiles_in_flight() {
    let source = DrawnSource::new(size(3000, 3000), None, None);
    let plan = ExportPlan::new(source.info(), "drawn", &options(100, 0)).unwrap();
    for tiles in [0, 1, 100] {
        let progress = StopAfter { tiles, written: AtomicU64::new(0) };
        assert!(matches!(run(&source, &plan, jobs(2), &progress), Err(Error::Interrupted)));
        let written = progress.written.into_inner();
        assert!(
            written >= tiles && written <= tiles + 2,
            "{written} tiles written, {tiles} wanted"
        );
    }
}

#[test]
fn exact_tile_equals_the_exported_tile() {
    let area = Rect::new(Point { x: 31, y: 7 }, size(1500, 1101)).unwrap();
    let source = DrawnSource::new(size(1600, 1200), None, Some(area));
    let orientations = [Bounds::Scan, Bounds::Full].into_iter().cycle().zip(orientations());
    let by_mean =
        orientations.map(|(bounds, orientation)| (bounds, orientation, ReductionMethod::Mean));
    let rotated =
        METHODS.map(|method| (Bounds::Scan, (Rotation::Quarter, Some(Flip::Horizontal)), method));
    for (bounds, (rotation, flip), method) in by_mean.chain(rotated) {
        let options = options_to(method, 101, 2).bounds(bounds).rotation(rotation).flip(flip);
        let plan = ExportPlan::new(source.info(), "drawn", &options).unwrap();
        let published = run(&source, &plan, jobs(2), &NoProgress).unwrap();
        for level in plan.pyramid().levels() {
            let grid = plan.pyramid().grid(level);
            let tile = plan.pyramid().tile(level, grid.width() / 2, grid.height() - 1).unwrap();
            let pixels = exact_tile(&source, &plan, tile, jobs(2)).unwrap();
            let (size, expected) = decode_png(
                &published[&EntryName::new(plan.names().tile(tile, plan.pyramid())).unwrap()].1,
            );
            assert_eq!(pixels.size(), size);
            let found: Vec<_> = pixels
                .bytes()
                .chunks_exact(4)
                .map(|pixel| [pixel[2], pixel[1], pixel[0]])
                .collect();
            assert!(found == expected, "pixels of {tile}");
        }
    }
}

/// Planning the read order takes time and memory that do not grow with the square of the width.
#[test]
fn plans_extremely_wide_slides_quickly_or_rejects_them() {
    let options = ExportOptions::default().page(Page::Omit).source_identity(SourceIdentity::Omit);
    let wide = DrawnSource::new(size(200_000_000, 1), None, None)
        .with_fault(Fault::Unreadable(Point { x: 0, y: 0 }));
    let plan = ExportPlan::new(wide.info(), "drawn", &options).unwrap();
    let begun = std::time::Instant::now();
    assert!(matches!(run(&wide, &plan, jobs(2), &NoProgress), Err(Error::Slide(_))));
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
    let absurd = DrawnSource::new(size(i32::MAX as u32, i32::MAX as u32), None, None);
    assert!(matches!(
        ExportPlan::new(absurd.info(), "drawn", &options),
        Err(PlanError::Grid { .. })
    ));
    let outside = DrawnSource::new(
        size(10, 10),
        None,
        Some(Rect::new(Point { x: 5, y: 5 }, size(6, 1)).unwrap()),
    );
    assert!(matches!(
        ExportPlan::new(outside.info(), "drawn", &options),
        Err(PlanError::Area { .. })
    ));
}
