//! Single tiles from slide levels that are not exactly 2× or 4× smaller.

use slidezoom::ExportPlan;
use slidezoom::internals::engine::{exact_tile, nearest_tile};
use slidezoom::internals::pixels::{Pixels, Rgb};
use slidezoom::internals::plan::ExportOptions;
use slidezoom::internals::source;
use slidezoom_fixtures::{Compression, Pattern, SlideBuilder};

fn squared_error(one: &Pixels, other: &Pixels) -> f64 {
    let sum: u64 =
        one.bytes().iter().zip(other.bytes()).map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum();
    sum as f64 / one.bytes().len() as f64
}

/// A slide level can be a pixel smaller than its downsample suggests. Pixels beyond it read as
/// transparent and must not become background.
#[test]
fn never_shows_background_in_an_opaque_slide() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("slide.tiff");
    let slide = SlideBuilder::new(1111, 907).levels([1, 2, 4, 8, 16]).pattern(Pattern::Gradient);
    slide.compression(Compression::Uncompressed).write(&path).unwrap();
    let source = source::open(&path).unwrap();
    assert!(source.info().levels[4].downsample > 16.0, "the point of this slide");
    let plan = |background| {
        let options = ExportOptions::default().background(Some(background));
        ExportPlan::new(source.info(), "slide", &options).unwrap()
    };
    let (on_red, on_green) = (plan(Rgb([255, 0, 0])), plan(Rgb([0, 255, 0])));
    let pyramid = on_red.pyramid();
    for level in pyramid.levels() {
        let grid = pyramid.grid(level);
        for (column, row) in [(0, 0), (grid.width() - 1, grid.height() - 1)] {
            let tile = pyramid.tile(level, column, row).unwrap();
            let nearest = nearest_tile(source.as_ref(), &on_red, tile).unwrap();
            assert_eq!(nearest.size(), pyramid.region(tile).full.size(), "{tile}");
            assert!(nearest == nearest_tile(source.as_ref(), &on_green, tile).unwrap(), "{tile}");
        }
    }
    // The nearest tile is close to the exact one on all levels.
    for level in pyramid.levels().rev().take(3) {
        let tile = pyramid.tile(level, 0, 0).unwrap();
        let nearest = nearest_tile(source.as_ref(), &on_red, tile).unwrap();
        let exact =
            exact_tile(source.as_ref(), &on_red, tile, std::num::NonZeroUsize::MIN).unwrap();
        let error = squared_error(&nearest, &exact);
        assert!(error < 65.0, "{tile}: mean squared error {error}, 30 dB is 65");
    }
}
