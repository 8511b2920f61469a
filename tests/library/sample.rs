//! What samples tell of an export: which pixels are read for them, and how near the estimates come.

use std::path::Path;

use slidezoom::engine::progress::NoProgress;
use slidezoom::engine::{Sample, sample};
use slidezoom::geometry::{Point, Rect, Size};
use slidezoom::plan::{BaseTiles, ExportOptions, FormatOption, Magnification, Page, Resolution};
use slidezoom::sink::MemorySink;
use slidezoom::source::{OpenOptions, ReaderChoice, SlideError, SlideLevel, open_with};
use slidezoom::{Error, ExportPlan, Source, export};
use slidezoom_fixtures::image::{ImageBuilder, ImageFormat, JpegCoding, RowOrder};

use crate::drawn_source::{DrawnSource, Fault};
use crate::engine::{jobs, orientations};

fn size(width: u32, height: u32) -> Size {
    Size::new(width, height).unwrap()
}

fn plan(source: &dyn Source, options: &ExportOptions) -> ExportPlan {
    ExportPlan::new(source.info(), "slide", options).unwrap()
}

fn sampled(source: &dyn Source) -> Sample {
    sample(source, &plan(source, &ExportOptions::default()), jobs(2)).unwrap()
}

#[test]
fn what_is_read_is_bounded_and_inside_the_area() {
    let area = |x, y, width, height| Rect::new(Point { x, y }, size(width, height)).unwrap();
    for (native_tile, area) in [
        (Some(240), area(1001, 7, 150_000, 90_000)),
        (None, area(0, 0, 150_000, 90_000)),
        (Some(1000), area(30_000, 5, 900, 120_000)),
        (Some(16), area(3, 3, 700, 500)),
        (None, area(5, 5, 1, 1)),
        (None, area(0, 0, 200_000, 1)),
    ] {
        let tile = native_tile.map(|side| size(side, side));
        let source = DrawnSource::new(size(210_000, 130_000), tile, Some(area));
        let found = sampled(&source);
        let reads = source.reads();
        assert!(reads.iter().all(|&rect| area.contains(rect)), "{reads:?}");
        let pixels: u64 = reads.iter().map(|rect| rect.size().area()).sum();
        assert!(pixels <= (1 << 25) + (1 << 24), "{pixels} pixels of {area}");
        assert!((1..=32).contains(&found.regions) && found.unreadable.is_empty(), "{found:?}");
        // The grid reaches into every quarter of an area that is large both ways.
        if area.size().height() > 1 && area.size().width() > 10_000 {
            let middle = |range: &std::ops::Range<u32>| range.start.midpoint(range.end);
            let quarter =
                |rect: &Rect| (rect.origin().x > middle(&area.columns()), rect.origin().y > middle(&area.rows()));
            let quarters: std::collections::BTreeSet<_> = reads.iter().map(quarter).collect();
            assert_eq!(quarters.len(), 4, "{reads:?}");
        }
    }
}

#[test]
fn exports_that_are_turned_or_smaller_are_sampled_too() {
    let area = Rect::new(Point { x: 301, y: 77 }, size(9_001, 3_000)).unwrap();
    for (rotation, flip) in orientations().step_by(5) {
        for resolution in
            [1.0, 1.7, 40.0].map(|times| Resolution::Magnification(Magnification::new(40.0 / times).unwrap()))
        {
            let source = DrawnSource::new(size(10_000, 5_000), Some(size(240, 240)), Some(area)).with_scale(0.25, 40.0);
            let plan = plan(&source, &ExportOptions::default().rotation(rotation).flip(flip).resolution(resolution));
            let found = sample(&source, &plan, jobs(2)).unwrap();
            assert!(found.regions > 0 && found.unreadable.is_empty() && found.blank.is_some(), "{plan:?}: {found:?}");
            assert!(plan.estimated_bytes_of(&found.contents) > 0);
            let pixels: u64 = source.reads().iter().map(|rect| rect.size().area()).sum();
            assert!(pixels <= (1 << 25) + (1 << 24), "{pixels} pixels read");
        }
    }
}

#[test]
fn what_is_found_is_the_same_for_any_number_of_workers() {
    let source = DrawnSource::new(size(9_000, 7_000), Some(size(240, 240)), None);
    let plan = plan(&source, &ExportOptions::default());
    let [one, eight] = [1, 8].map(|workers| sample(&source, &plan, jobs(workers)).unwrap());
    assert_eq!((one.blank, one.contents, one.regions), (eight.blank, eight.contents, eight.regions));
    assert!(one.estimated_seconds(&plan, jobs(1)).is_some_and(|seconds| seconds > 0.0));
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_is_sampled() {
    let broken = Point { x: 1_500, y: 1_500 };
    let of = |level_size: Size| {
        let source = DrawnSource::new(level_size, Some(size(1000, 1000)), None).with_fault(Fault::Unreadable(broken));
        sampled(&source)
    };
    // One region of the grid, and the level that is the full size itself.
    let found = of(size(5_001, 5_001));
    assert_eq!(found.unreadable.len(), 2, "{found:?}");
    assert!(found.regions > 4 && found.blank.is_some_and(|blank| blank.slide_level.is_none()), "{found:?}");
    let source = DrawnSource::new(size(900, 900), None, None).with_fault(Fault::Unreadable(Point { x: 5, y: 5 }));
    let found = sampled(&source);
    let plan = plan(&source, &ExportOptions::default());
    assert!(found.blank.is_none_or(|blank| blank.share < 0.01), "{found:?}");
    assert!(plan.estimated_bytes_of(&found.contents) > 0);
}

/// Of the real slide that comes with the crate `openslide-rs`, and of one that is glass mostly: within a sixth.
#[test]
fn estimated_bytes_are_near_those_of_an_export() {
    let near = |slide: &Path, options: &ExportOptions| {
        let source = open_with(slide, ReaderChoice::Auto).unwrap();
        let plan = plan(source.as_ref(), options);
        let found = sample(source.as_ref(), &plan, jobs(2)).unwrap();
        let estimated = plan.estimated_bytes_of(&found.contents) as f64;
        let report = export(source.as_ref(), &plan, Box::new(MemorySink::new()), jobs(2), &NoProgress).unwrap();
        let ratio = estimated / report.tile_bytes as f64;
        assert!((5.0 / 6.0..6.0 / 5.0).contains(&ratio), "{}, {options:?}: {ratio}, {found:?}", slide.display());
        found
    };
    let real = slidezoom_fixtures::real_slide().unwrap();
    let plain = ExportOptions::default().page(Page::Omit);
    let found = near(&real, &plain);
    assert_eq!(found.blank.unwrap().slide_level, Some(SlideLevel::BASE));
    near(&real, &plain.clone().format(FormatOption::Png));
    near(&real, &plain.clone().base_tiles(BaseTiles::Lossless));

    // A small piece of tissue on a large glass, seen on a smaller level.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scan.svs");
    let tissue = slidezoom_fixtures::Pattern::Tissue { seed: 3 };
    let slide = slidezoom_fixtures::SlideBuilder::new(3000, 2600).levels([1, 2]).pattern(tissue);
    slide.write(&path).unwrap();
    let found = near(&path, &plain);
    assert_eq!(found.blank.unwrap().slide_level, Some(SlideLevel(1)));
}

/// A PGM file of rows that are less and less even.
fn growing_pgm(path: &Path, width: usize, height: usize) {
    let tone = |x: usize, y: usize| 128 + (x * 7919 % 97 * y * 100 / height / 97) as u8;
    let rows = (0..height).flat_map(|y| (0..width).map(move |x| tone(x, y)));
    let header = format!("P5 {width} {height} 255\n").into_bytes();
    std::fs::write(path, header.into_iter().chain(rows).collect::<Vec<u8>>()).unwrap();
}

#[test]
fn an_image_that_comes_row_by_row_is_told_from_its_first_rows_and_never_held() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("picture.pgm");
    for (width, height, first_rows) in [(16_000, 2_500, Some((1 << 25) / 16_000)), (3_000, 2_000, None)] {
        growing_pgm(&path, width, height);
        let source = open_with(&path, ReaderChoice::Auto).unwrap();
        let plan = plan(source.as_ref(), &ExportOptions::default());
        let [one, five] = [1, 5].map(|workers| sample(source.as_ref(), &plan, jobs(workers)).unwrap());
        assert_eq!((one.contents, one.regions, one.first_rows), (five.contents, five.regions, five.first_rows));
        assert_eq!((one.first_rows, one.blank), (first_rows, None));
        assert!(one.regions > 4 && one.unreadable.is_empty(), "{one:?}");
        assert!(one.estimated_seconds(&plan, jobs(1)).is_some_and(|seconds| seconds > 0.0));
        assert!(source.rows().is_some(), "all of it is in memory");
    }
}

/// Where all of it is looked at, within a sixth; whichever way it is decoded.
#[test]
fn estimated_bytes_of_an_image_are_near_those_of_an_export() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("picture");
    let jpeg = |coding| ImageFormat::Jpeg { coding, subsampling: slidezoom_fixtures::Subsampling::Full, quality: 90 };
    for format in [
        ImageFormat::Png(RowOrder::Sequential),
        ImageFormat::Png(RowOrder::Adam7),
        jpeg(JpegCoding::Baseline),
        jpeg(JpegCoding::Progressive),
    ] {
        ImageBuilder::new(1_700, 1_300, format).write(&path).unwrap();
        let source = open_with(&path, ReaderChoice::Auto).unwrap();
        let plan = plan(source.as_ref(), &ExportOptions::default().page(Page::Omit));
        let found = sample(source.as_ref(), &plan, jobs(2)).unwrap();
        let estimated = plan.estimated_bytes_of(&found.contents) as f64;
        let report = export(source.as_ref(), &plan, Box::new(MemorySink::new()), jobs(2), &NoProgress).unwrap();
        let ratio = estimated / report.tile_bytes as f64;
        assert!((5.0 / 6.0..6.0 / 5.0).contains(&ratio), "{format:?}: {ratio}, {found:?}");
    }
}

#[test]
fn what_needs_more_memory_than_it_may_have_is_an_error_and_no_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("picture.pgm");
    growing_pgm(&path, 500, 6_000);
    // Enough for its rows, and not for all of it.
    let source = open_with(&path, OpenOptions::default().memory(2_500_000)).unwrap();
    let turned = ExportOptions::default().rotation(slidezoom::geometry::Rotation::Quarter);
    let found = sample(source.as_ref(), &plan(source.as_ref(), &turned), jobs(2));
    assert!(matches!(found, Err(Error::Slide(SlideError::Memory { .. }))), "{found:?}");
}
