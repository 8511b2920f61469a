//! The engine against a rendering that shares nothing with it: the whole image in memory, halved level by level. Of Lanczos, which the library's own
//! tests hold against its definition, the whole level resampled at once.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use slidezoom::engine::exact_tile;
use slidezoom::engine::progress::{NoProgress, Progress, TileWritten};
use slidezoom::geometry::{Flip, Point, Rect, Rotation, Size};
use slidezoom::key::EntryName;
use slidezoom::pixels::{Pixels, ReductionMethod};
use slidezoom::plan::{Bounds, ExportOptions, FormatOption, Page, PlanError};
use slidezoom::pyramid::TileGeometry;
use slidezoom::sink::{MemorySink, Published};
use slidezoom::source::SourceIdentity;
use slidezoom::{Error, ExportPlan, Source, export};

use crate::drawn_source::{DrawnSource, Fault, color};

/// An image in memory.
struct Image {
    width: usize,
    height: usize,
    pixels: Vec<[u8; 3]>,
}

impl Image {
    fn drawn(area: Rect) -> Self {
        let pixels = area.rows().flat_map(|y| area.columns().map(move |x| color(x, y))).collect();
        Self { width: area.size().width() as usize, height: area.size().height() as usize, pixels }
    }

    /// The mean of what exists of each 2×2, exact halves to the even value, by floating point: every sum of four bytes is exact.
    fn halved(&self) -> Self {
        let (width, height) = (self.width.div_ceil(2), self.height.div_ceil(2));
        let mut pixels = Vec::with_capacity(width * height);
        for y in 0..height {
            for x in 0..width {
                let mut of: Vec<[u8; 3]> = Vec::new();
                for row in [2 * y, 2 * y + 1] {
                    for column in [2 * x, 2 * x + 1] {
                        if row < self.height && column < self.width {
                            of.push(self.pixels[row * self.width + column]);
                        }
                    }
                }
                #[expect(clippy::cast_sign_loss, reason = "a mean of bytes")]
                let mean = |channel: usize| {
                    let sum: f64 = of.iter().map(|pixel| f64::from(pixel[channel])).sum();
                    (sum / of.len() as f64).round_ties_even() as u8
                };
                pixels.push([mean(0), mean(1), mean(2)]);
            }
        }
        Self { width, height, pixels }
    }

    /// A quarter clockwise: each row, from the top, becomes a column, from the right.
    fn turned(&self) -> Self {
        let columns = (0..self.width).flat_map(|x| (0..self.height).rev().map(move |y| (x, y)));
        let pixels = columns.map(|(x, y)| self.pixels[y * self.width + x]).collect();
        Self { width: self.height, height: self.width, pixels }
    }

    fn flipped(mut self, flip: Option<Flip>) -> Self {
        let mut rows: Vec<Vec<[u8; 3]>> = self.pixels.chunks(self.width).map(<[_]>::to_vec).collect();
        match flip {
            None => {}
            Some(Flip::Horizontal) => rows.iter_mut().for_each(|row| row.reverse()),
            Some(Flip::Vertical) => rows.reverse(),
        }
        self.pixels = rows.concat();
        self
    }

    /// The whole export: cut out, turned, mirrored.
    fn of(plan: &ExportPlan) -> Self {
        let turns = plan.rotation().degrees() / 90;
        (0..turns).fold(Self::drawn(plan.area()), |image, _| image.turned()).flipped(plan.flip())
    }

    /// The next smaller level.
    fn reduced(&self, method: ReductionMethod) -> Self {
        let each = |value: &dyn Fn(&[[u8; 3]]) -> [u8; 3]| {
            let (width, height) = (self.width.div_ceil(2), self.height.div_ceil(2));
            let four = |x: usize, y: usize| {
                let (right, below) = ((2 * x + 1).min(self.width - 1), (2 * y + 1).min(self.height - 1));
                [(2 * x, 2 * y), (right, 2 * y), (2 * x, below), (right, below)]
                    .map(|(x, y)| self.pixels[y * self.width + x])
            };
            let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
            Self { width, height, pixels: pixels.map(|(x, y)| value(&four(x, y))).collect() }
        };
        let by_channel = |value: fn([u8; 4]) -> u8| {
            each(&|four| {
                [0, 1, 2].map(|channel| {
                    let mut values = [0, 1, 2, 3].map(|at: usize| four[at][channel]);
                    values.sort_unstable();
                    value(values)
                })
            })
        };
        match method {
            ReductionMethod::Mean => self.halved(),
            ReductionMethod::Median => by_channel(|[_, one, other, _]| {
                let sum = u16::from(one) + u16::from(other);
                (sum / 2 + sum % 2 * (sum / 2 % 2)) as u8
            }),
            ReductionMethod::Max => by_channel(|values| values[3]),
            ReductionMethod::Min => by_channel(|values| values[0]),
            ReductionMethod::Nearest => each(&|four| four[0]),
            ReductionMethod::Mode => each(&|four| {
                let count = |at: usize| four.iter().filter(|&&other| other == four[at]).count();
                // Those that are found most often; of several, as documented.
                let most = (0..4).map(count).max().unwrap();
                let order = if most == 1 { [2, 1, 0, 3] } else { [1, 0, 2, 3] };
                four[order.into_iter().find(|&at| count(at) == most).unwrap()]
            }),
            ReductionMethod::Lanczos3 => {
                let whole = size(self.width as u32, self.height as u32);
                let bytes = self.pixels.iter().flat_map(|&[red, green, blue]| [blue, green, red, 255]).collect();
                let pixels = Pixels::from_bytes(whole, bytes).unwrap();
                let reduced = pixels.view().reduced(Rect::of(whole), method, Vec::new());
                let (width, height) = (reduced.size().width() as usize, reduced.size().height() as usize);
                let pixels = reduced.bytes().chunks_exact(4).map(|pixel| [pixel[2], pixel[1], pixel[0]]).collect();
                Self { width, height, pixels }
            }
        }
    }

    fn cut(&self, rect: Rect) -> Vec<[u8; 3]> {
        rect.rows()
            .flat_map(|y| rect.columns().map(move |x| self.pixels[y as usize * self.width + x as usize]))
            .collect()
    }
}

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
    assert_eq!(result.is_ok(), files.is_some(), "published exactly where the export succeeded");
    result.map(|_| files.unwrap())
}

/// Every tile against the independent rendering of the full size.
fn check_tiles(mut image: Image, plan: &ExportPlan, published: &Published) {
    let pyramid = plan.pyramid();
    let mut tiles = 0;
    for level in pyramid.levels().rev() {
        let grid = pyramid.grid(level);
        for row in 0..grid.height() {
            for column in 0..grid.width() {
                let tile = pyramid.tile(level, column, row).unwrap();
                let (_, bytes) = &published[&EntryName::new(plan.names().tile(tile, plan.pyramid())).unwrap()];
                let (size, pixels) = decode_png(bytes);
                let full = pyramid.region(tile).full;
                assert_eq!(size, full.size(), "{tile}");
                assert!(pixels == image.cut(full), "pixels of {tile}");
                tiles += 1;
            }
        }
        image = image.reduced(plan.reduction());
    }
    // Besides the tiles: descriptor, description and manifest.
    assert_eq!(published.len(), tiles + 3);
}

/// Every tile; then that each pixel was read once.
fn check(source: &DrawnSource, plan: &ExportPlan, published: &Published) {
    check_tiles(Image::of(plan), plan, published);
    let mut entries: Vec<u64> = published.values().map(|(entry, _)| *entry).collect();
    entries.sort_unstable();
    assert!(entries.iter().zip(0..).all(|(&entry, expected)| entry == expected), "entries count up without a gap");

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
    let Some(tile) = source.info().levels[0].native_tile.filter(|_| plan.pyramid().size().width() <= 16_384) else {
        return;
    };
    let tiles = |rect: Rect| {
        let columns = rect.columns().start / tile.width()..rect.columns().end.div_ceil(tile.width());
        let rows = rect.rows().start / tile.height()..rect.rows().end.div_ceil(tile.height());
        columns.len() * rows.len()
    };
    let decoded: usize = source.reads().into_iter().map(tiles).sum();
    assert_eq!(decoded, tiles(plan.area()), "each native tile is decoded once");
}

/// Every way in which an export can be turned and mirrored.
pub fn orientations() -> impl Iterator<Item = (Rotation, Option<Flip>)> {
    let rotations = [Rotation::None, Rotation::Quarter, Rotation::Half, Rotation::ThreeQuarters];
    let flips = [None, Some(Flip::Horizontal), Some(Flip::Vertical)];
    rotations.into_iter().flat_map(move |rotation| flips.map(move |flip| (rotation, flip)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn every_pixel_of_every_tile_is_right_and_read_once(
        (width, height) in (1..700_u32, 1..500_u32),
        (tile_size, overlap) in (8..200_u32).prop_flat_map(|tile_size| (Just(tile_size), 0..tile_size.min(9))),
        native_tile in prop::option::of((16..300_u32, 8..300_u32)),
        (left, top) in (0..300_u32, 0..300_u32),
        is_cropped in any::<bool>(),
        way in 0..12_usize,
        workers in 1..5_usize,
    ) {
        let area = Rect::new(Point { x: left, y: top }, size(width, height)).unwrap();
        let whole = size(left + width + 7, top + height + 3);
        // What was scanned does not count for a crop.
        let (scanned, bounds) = if is_cropped {
            (Rect::of(size(left + 1, top + 1)), Bounds::Crop(area))
        } else {
            (area, Bounds::Scan)
        };
        let source = DrawnSource::new(whole, native_tile.map(|(width, height)| size(width, height)), Some(scanned));
        let (rotation, flip) = orientations().nth(way).unwrap();
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
    fn every_way_of_reduction_is_seamless(
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
fn what_was_never_scanned_is_background_to_every_way_of_reduction() {
    for (method, tile_size) in METHODS.into_iter().flat_map(|method| [33, 64].map(|tile_size| (method, tile_size))) {
        let unscanned = |row: u32| row % 700 > 150;
        let source = DrawnSource::new(size(300, 1500), Some(size(64, 64)), None).with_unscanned(unscanned);
        let plan = ExportPlan::new(source.info(), "drawn", &options_to(method, tile_size, 1)).unwrap();
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
fn awkward_shapes_are_right() {
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
            let plan = ExportPlan::new(source.info(), "drawn", &options_to(method, tile_size, overlap)).unwrap();
            check(&source, &plan, &run(&source, &plan, jobs(2), &NoProgress).unwrap());
        }
    }
}

/// Wide enough for three stripes: tiles that straddle two of them, at every level, and chunks cut at the seam.
#[test]
fn stripes_leave_no_seam() {
    for (native_tile, tile_size, overlap) in [(240, 254, 1), (256, 256, 0), (1000, 101, 3), (192, 33, 5)] {
        for method in [ReductionMethod::Mean, ReductionMethod::Lanczos3] {
            let source = DrawnSource::new(size(36_000, 70), Some(size(native_tile, 64)), None);
            let plan = ExportPlan::new(source.info(), "drawn", &options_to(method, tile_size, overlap)).unwrap();
            check(&source, &plan, &run(&source, &plan, jobs(3), &NoProgress).unwrap());
        }
    }
}

/// The same of a high slide, which is a wide export once it is turned.
#[test]
fn stripes_leave_no_seam_however_the_export_is_turned() {
    for (rotation, flip) in orientations().skip(1).step_by(4) {
        let transposed = matches!(rotation, Rotation::Quarter | Rotation::ThreeQuarters);
        let (whole, native_tile) =
            if transposed { (size(70, 36_000), size(64, 240)) } else { (size(36_000, 70), size(240, 64)) };
        let source = DrawnSource::new(whole, Some(native_tile), None);
        let options = options(254, 1).rotation(rotation).flip(flip);
        let plan = ExportPlan::new(source.info(), "drawn", &options).unwrap();
        check(&source, &plan, &run(&source, &plan, jobs(3), &NoProgress).unwrap());
    }
}

/// Through the description's equation, each pixel of the full size is found in the slide.
#[test]
fn the_description_says_where_each_pixel_lies_in_the_slide() {
    let crop = Rect::new(Point { x: 31, y: 7 }, size(211, 150)).unwrap();
    let source = DrawnSource::new(size(400, 300), Some(size(64, 64)), None);
    for (rotation, flip) in orientations() {
        let options = options(256, 0).bounds(Bounds::Crop(crop)).rotation(rotation).flip(flip);
        let plan = ExportPlan::new(source.info(), "drawn", &options).unwrap();
        let published = run(&source, &plan, jobs(2), &NoProgress).unwrap();
        let file = |name: &str| &published[&EntryName::new(name.to_owned()).unwrap()].1;
        let description: serde_json::Value = serde_json::from_slice(file("drawn.json")).unwrap();
        let row = |row: usize| [0, 1, 2].map(|column| description["toSlide"][row][column].as_f64().unwrap());
        let (across, down) = (row(0), row(1));
        let (size, pixels) = decode_png(file("drawn_files/8/0_0.png"));
        assert_eq!((size.width(), size.height()), (plan.pyramid().size().width(), plan.pyramid().size().height()));
        for (index, pixel) in (0_u32..).zip(pixels) {
            let center = (f64::from(index % size.width()) + 0.5, f64::from(index / size.width()) + 0.5);
            #[expect(clippy::cast_sign_loss, reason = "a place in the slide")]
            let at = |[a, b, c]: [f64; 3]| (a * center.0 + b * center.1 + c) as u32;
            assert_eq!(pixel, color(at(across), at(down)), "{rotation:?} {flip:?} {center:?}");
        }
    }
}

#[test]
fn a_crop_that_is_not_all_in_the_slide_is_refused() {
    let source = DrawnSource::new(size(40, 30), None, None);
    let plan = |x, y, width, height| {
        let bounds = Bounds::Crop(Rect::new(Point { x, y }, size(width, height)).unwrap());
        ExportPlan::new(source.info(), "drawn", &options(256, 0).bounds(bounds))
    };
    assert!(plan(0, 0, 40, 30).is_ok() && plan(39, 29, 1, 1).is_ok());
    for (x, y, width, height) in [(0, 0, 41, 30), (1, 0, 40, 30), (0, 30, 1, 1), (u32::MAX - 1, 0, 1, 1)] {
        assert!(matches!(plan(x, y, width, height), Err(PlanError::Crop { .. })), "{width}×{height} at ({x}, {y})");
    }
}

#[test]
fn files_bytes_and_order_do_not_depend_on_the_number_of_workers() {
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
fn the_unreadable_region_is_named_and_nothing_is_published() {
    let broken = Point { x: 500, y: 700 };
    let source = DrawnSource::new(size(1000, 1000), Some(size(240, 240)), None).with_fault(Fault::Unreadable(broken));
    let plan = ExportPlan::new(source.info(), "drawn", &options(254, 1)).unwrap();
    let error = run(&source, &plan, jobs(4), &NoProgress).unwrap_err();
    assert_eq!(error.to_string(), "drawn: cannot read 240×240 pixels at (480, 480) of slide level 0: drawn to fail");
}

#[test]
fn a_panic_in_a_reader_is_an_error() {
    let source = DrawnSource::new(size(1000, 1000), None, None).with_fault(Fault::Panic(Point { x: 999, y: 0 }));
    let plan = ExportPlan::new(source.info(), "drawn", &options(254, 1)).unwrap();
    let error = run(&source, &plan, jobs(2), &NoProgress).unwrap_err();
    assert_eq!(error.to_string(), "defect in slidezoom: drawn to panic");
}

/// Asks to stop after some tiles.
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
fn stopping_takes_effect_within_the_tiles_under_way() {
    let source = DrawnSource::new(size(3000, 3000), None, None);
    let plan = ExportPlan::new(source.info(), "drawn", &options(100, 0)).unwrap();
    for tiles in [0, 1, 100] {
        let progress = StopAfter { tiles, written: AtomicU64::new(0) };
        assert!(matches!(run(&source, &plan, jobs(2), &progress), Err(Error::Interrupted)));
        let written = progress.written.into_inner();
        assert!(written >= tiles && written <= tiles + 2, "{written} tiles written, {tiles} wanted");
    }
}

#[test]
fn an_exact_tile_is_the_export_s_tile() {
    let area = Rect::new(Point { x: 31, y: 7 }, size(1500, 1101)).unwrap();
    let source = DrawnSource::new(size(1600, 1200), None, Some(area));
    let orientations = [Bounds::Scan, Bounds::Full].into_iter().cycle().zip(orientations());
    let by_mean = orientations.map(|(bounds, orientation)| (bounds, orientation, ReductionMethod::Mean));
    let turned = METHODS.map(|method| (Bounds::Scan, (Rotation::Quarter, Some(Flip::Horizontal)), method));
    for (bounds, (rotation, flip), method) in by_mean.chain(turned) {
        let options = options_to(method, 101, 2).bounds(bounds).rotation(rotation).flip(flip);
        let plan = ExportPlan::new(source.info(), "drawn", &options).unwrap();
        let published = run(&source, &plan, jobs(2), &NoProgress).unwrap();
        for level in plan.pyramid().levels() {
            let grid = plan.pyramid().grid(level);
            let tile = plan.pyramid().tile(level, grid.width() / 2, grid.height() - 1).unwrap();
            let pixels = exact_tile(&source, &plan, tile, jobs(2)).unwrap();
            let (size, expected) =
                decode_png(&published[&EntryName::new(plan.names().tile(tile, plan.pyramid())).unwrap()].1);
            assert_eq!(pixels.size(), size);
            let found: Vec<_> = pixels.bytes().chunks_exact(4).map(|pixel| [pixel[2], pixel[1], pixel[0]]).collect();
            assert!(found == expected, "pixels of {tile}");
        }
    }
}

/// The order of reading is planned in time and memory that do not grow with the square of the width.
#[test]
fn absurdly_wide_slides_are_planned_at_once_or_refused() {
    let options = ExportOptions::default().page(Page::Omit).source_identity(SourceIdentity::Omit);
    let wide = DrawnSource::new(size(200_000_000, 1), None, None).with_fault(Fault::Unreadable(Point { x: 0, y: 0 }));
    let plan = ExportPlan::new(wide.info(), "drawn", &options).unwrap();
    let begun = std::time::Instant::now();
    assert!(matches!(run(&wide, &plan, jobs(2), &NoProgress), Err(Error::Slide(_))));
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
    let absurd = DrawnSource::new(size(i32::MAX as u32, i32::MAX as u32), None, None);
    assert!(matches!(ExportPlan::new(absurd.info(), "drawn", &options), Err(PlanError::Grid { .. })));
    let outside = DrawnSource::new(size(10, 10), None, Some(Rect::new(Point { x: 5, y: 5 }, size(6, 1)).unwrap()));
    assert!(matches!(ExportPlan::new(outside.info(), "drawn", &options), Err(PlanError::Area { .. })));
}
