//! Estimates from sampled tiles: which pixels they read, and how close they are.

use std::path::Path;

use slidezoom::internals::engine::progress::NoProgress;
use slidezoom::internals::engine::{Sample, sample};
use slidezoom::internals::geometry::{Point, Rect, Size};
use slidezoom::internals::plan::{BaseTiles, ExportOptions, Page};
use slidezoom::internals::sink::MemorySink;
use slidezoom::internals::source::{ReaderChoice, open_with};
use slidezoom::{ExportPlan, Source, export};

use crate::drawn_source::{DrawnSource, Fault};
use crate::engine::jobs;

fn size(width: u32, height: u32) -> Size {
    Size::new(width, height).unwrap()
}

fn plan(source: &dyn Source, options: &ExportOptions) -> ExportPlan {
    ExportPlan::new(source.info(), "slide", options).unwrap()
}

fn sampled(source: &dyn Source) -> Option<Sample> {
    sample(source, &plan(source, &ExportOptions::default()), jobs(2)).unwrap()
}

#[test]
fn reads_few_pixels_and_only_inside_the_area() {
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
        let found = sampled(&source).unwrap();
        let reads = source.reads();
        assert!(reads.iter().all(|&rect| area.contains(rect)), "{reads:?}");
        let pixels: u64 = reads.iter().map(|rect| rect.size().area()).sum();
        assert!(pixels <= 9 << 20, "{pixels} pixels of {area}");
        assert!((1..=64).contains(&found.tiles) && found.unreadable.is_empty(), "{found:?}");
        // The grid covers every quarter of an area that is large in both directions.
        if area.size().height() > 1 && area.size().width() > 10_000 {
            let middle = |range: &std::ops::Range<u32>| range.start.midpoint(range.end);
            let quarter = |rect: &Rect| {
                (rect.origin().x > middle(&area.columns()), rect.origin().y > middle(&area.rows()))
            };
            let quarters: std::collections::BTreeSet<_> = reads.iter().map(quarter).collect();
            assert_eq!(quarters.len(), 4, "{reads:?}");
        }
    }
}

#[test]
fn estimates_do_not_depend_on_the_number_of_workers() {
    let source = DrawnSource::new(size(9_000, 7_000), Some(size(240, 240)), None);
    let plan = plan(&source, &ExportOptions::default());
    let [one, eight] =
        [1, 8].map(|workers| sample(&source, &plan, jobs(workers)).unwrap().unwrap());
    assert_eq!(
        (one.blank, one.bytes_per_pixel, one.tiles),
        (eight.blank, eight.bytes_per_pixel, eight.tiles)
    );
    assert!(one.estimated_seconds(&plan, jobs(1)) > 0.0);
}

#[test]
fn reports_unreadable_tiles_and_samples_the_rest() {
    let broken = Fault::Unreadable(Point { x: 1_500, y: 1_500 });
    let source =
        DrawnSource::new(size(2_000, 2_000), Some(size(1000, 1000)), None).with_fault(broken);
    let found = sampled(&source).unwrap();
    assert_eq!((found.unreadable.len(), found.tiles), (1, 3), "{found:?}");
    let source = DrawnSource::new(size(900, 900), Some(size(1000, 1000)), None)
        .with_fault(Fault::Unreadable(Point { x: 5, y: 5 }));
    assert!(sampled(&source).is_none());
}

/// The bytes are within a factor of 2 of an export, for a real slide and for one of mostly glass.
#[test]
fn estimated_bytes_are_close_to_those_of_an_export() {
    let assert_close = |slide: &Path, base_tiles: BaseTiles| {
        let source = open_with(slide, ReaderChoice::Auto).unwrap();
        let mut options = ExportOptions::default();
        (options.base_tiles, options.page) = (base_tiles, Page::Omit);
        let plan = plan(source.as_ref(), &options);
        let found = sample(source.as_ref(), &plan, jobs(2)).unwrap().unwrap();
        let estimated = plan.estimated_bytes_at(found.bytes_per_pixel) as f64;
        let report =
            export(source.as_ref(), &plan, Box::new(MemorySink::new()), jobs(2), &NoProgress)
                .unwrap();
        let ratio = estimated / report.tile_bytes as f64;
        assert!(
            (0.5..2.0).contains(&ratio),
            "{}, {base_tiles:?}: {ratio}, {found:?}",
            slide.display()
        );
    };
    let real = slidezoom_fixtures::real_slide().unwrap();
    assert_close(&real, BaseTiles::Encoded);
    assert_close(&real, BaseTiles::Lossless);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scan.svs");
    let tissue = slidezoom_fixtures::Pattern::Tissue { seed: 3 };
    slidezoom_fixtures::SlideBuilder::new(3000, 2600)
        .levels([1, 2])
        .pattern(tissue)
        .write(&path)
        .unwrap();
    assert_close(&path, BaseTiles::Encoded);
}

#[test]
fn images_decoded_row_by_row_are_not_sampled() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image.pgm");
    std::fs::write(&path, [&b"P5 500 600 255\n"[..], &vec![7; 500 * 600]].concat()).unwrap();
    let source = open_with(&path, ReaderChoice::Auto).unwrap();
    assert!(sampled(source.as_ref()).is_none());
    assert!(source.rows().is_some(), "the image was decoded into memory");
}
