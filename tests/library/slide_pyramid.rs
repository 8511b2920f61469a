//! `Slide` and `SlidePyramid`, compared with an export and with the drawing that the slide shows.

use image::imageops::crop_imm;
use image::{Rgb, RgbImage};
use slidezoom::internals::engine::progress::NoProgress;
use slidezoom::internals::geometry::{Point, Rect, Size};
use slidezoom::internals::plan::{ExportOptions, FormatOption, PlanError};
use slidezoom::internals::pyramid::TileGeometry;
use slidezoom::internals::sink::OverwritePolicy;
use slidezoom::{Error, Slide, SlidePyramid};

use crate::drawn_source::{DrawnSource, color};

const SIZE: Size = Size::new(700, 530).unwrap();

fn slide() -> Slide {
    Slide::from_source(DrawnSource::new(SIZE, Size::new(128, 128), None))
}

fn options() -> ExportOptions {
    ExportOptions::default().format(FormatOption::Png).geometry(TileGeometry::new(100, 3).ok())
}

fn decoded(png: &[u8]) -> RgbImage {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
    let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut rgb).unwrap();
    RgbImage::from_raw(frame.width, frame.height, rgb).unwrap()
}

/// The source has no file whose digest could be recorded.
#[test]
fn computes_the_tiles_of_an_export() {
    let slide = slide();
    let pyramid = slide.pyramid_named("scan", &options()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let destination = folder.path().join("scan");
    let report = pyramid
        .export(&destination, OverwritePolicy::Refuse, std::num::NonZeroUsize::MIN, &NoProgress)
        .unwrap();
    let plan = pyramid.plan().pyramid();
    assert_eq!(report.tiles, plan.tile_count());
    for tile in plan.tiles() {
        let file =
            std::fs::read(destination.join(pyramid.plan().names().tile(tile, plan))).unwrap();
        assert!(pyramid.encoded_tile(tile).unwrap() == file, "{tile}");
        assert!(decoded(&file) == pyramid.tile(tile).unwrap(), "{tile}");
    }
}

#[test]
fn computes_regions_at_any_position() {
    let slide = slide();
    let pyramid = slide.pyramid(&options()).unwrap();
    let full = pyramid.plan().pyramid().max_level().number();
    let region = |level, x, y, width, height| -> Result<RgbImage, Error> {
        pyramid.region(level, Rect::new(Point { x, y }, Size::new(width, height).unwrap()).unwrap())
    };
    for (x, y, width, height) in [(0, 0, 700, 530), (97, 101, 307, 5), (699, 529, 1, 1)] {
        let expected =
            RgbImage::from_fn(width, height, |column, row| Rgb(color(x + column, y + row)));
        assert!(region(full, x, y, width, height).unwrap() == expected);
    }
    // A part of a smaller level equals the same part of the whole level.
    let whole = region(full - 2, 0, 0, 175, 133).unwrap();
    let cut = Rect::new(Point { x: 33, y: 20 }, Size::new(70, 99).unwrap()).unwrap();
    assert!(pyramid.region(full - 2, cut).unwrap() == crop_imm(&whole, 33, 20, 70, 99).to_image());
    for (level, width) in [(full, 701), (full - 1, 351), (full + 1, 1)] {
        let refused = region(level, 0, 0, width, 1);
        assert!(matches!(refused, Err(Error::Plan(PlanError::NoSuchRegion { .. }))), "{level}");
    }
    assert!(matches!(pyramid.address(full, 7, 0), Err(Error::Plan(PlanError::NoSuchTile { .. }))));
}

#[test]
fn rejects_addresses_of_other_pyramids() {
    let pyramid = slide().pyramid(&options()).unwrap();
    let smaller_tiles = options().geometry(TileGeometry::new(50, 0).ok());
    let other = slide().pyramid(&smaller_tiles).unwrap();
    let tile = other.address(other.plan().pyramid().max_level().number(), 13, 0).unwrap();
    for refused in [pyramid.tile(tile), pyramid.nearest_tile(tile)] {
        assert!(matches!(refused, Err(Error::Plan(PlanError::NoSuchTile { column: 13, .. }))));
    }
}

#[test]
fn outlives_its_slide_and_serves_threads() {
    fn is_shareable<T: Clone + Send + Sync + 'static>(_: &T) {}
    let pyramid: SlidePyramid = slide().pyramid(&options()).unwrap();
    is_shareable(&pyramid);
    let tile = pyramid.address(pyramid.plan().pyramid().max_level().number(), 1, 1).unwrap();
    let expected = pyramid.tile(tile).unwrap();
    let threads: Vec<_> = (0..2)
        .map(|_| {
            let pyramid = pyramid.clone();
            std::thread::spawn(move || pyramid.tile(tile).unwrap())
        })
        .collect();
    for thread in threads {
        assert!(thread.join().unwrap() == expected);
    }
}
