//! The layer for programs that work with tiles, against what an export writes and what the slide was drawn from.

use slidezoom::engine::progress::NoProgress;
use slidezoom::geometry::{Point, Rect, Size};
use slidezoom::pixels::Pixels;
use slidezoom::plan::{ExportOptions, FormatOption, PlanError};
use slidezoom::pyramid::TileGeometry;
use slidezoom::sink::OverwritePolicy;
use slidezoom::source::SourceIdentity;
use slidezoom::{Error, Slide, Source};

use crate::drawn_source::{DrawnSource, color};

const SIZE: Size = Size::new(700, 530).unwrap();

fn slide() -> Slide {
    let source: Box<dyn Source> = Box::new(DrawnSource::new(SIZE, Size::new(128, 128), None));
    source.into()
}

fn options() -> ExportOptions {
    ExportOptions {
        format: FormatOption::Png,
        geometry: TileGeometry::new(100, 3).ok(),
        source_identity: SourceIdentity::Omit,
        ..ExportOptions::default()
    }
}

/// Blue, green, red, 255.
fn decoded(png: &[u8]) -> (u32, u32, Vec<u8>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
    let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut rgb).unwrap();
    (frame.width, frame.height, rgb.chunks_exact(3).flat_map(|pixel| [pixel[2], pixel[1], pixel[0], 255]).collect())
}

#[test]
fn a_tile_on_demand_is_that_of_an_export() {
    let slide = slide();
    let pyramid = slide.pyramid_named("scan", &options()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let destination = folder.path().join("scan");
    let report =
        pyramid.export(&destination, OverwritePolicy::Refuse, std::num::NonZeroUsize::MIN, &NoProgress).unwrap();
    let plan = pyramid.plan().pyramid();
    assert_eq!(report.tiles, plan.tile_count());
    let mut encoder = pyramid.encoder().unwrap();
    for tile in plan.tiles() {
        let pixels = pyramid.tile(tile.level().number(), tile.column(), tile.row()).unwrap();
        let file =
            std::fs::read(destination.join(pyramid.plan().names().tile(tile, pyramid.plan().pyramid()))).unwrap();
        assert!(encoder.encode(pixels.view()).unwrap() == file, "{tile}");
        assert!(decoded(&file) == (pixels.size().width(), pixels.size().height(), pixels.into_bytes()), "{tile}");
    }
}

#[test]
fn a_region_is_what_the_slide_shows_there_however_it_lies_to_the_tiles() {
    let slide = slide();
    let pyramid = slide.pyramid(&options()).unwrap();
    let full = pyramid.plan().pyramid().max_level().number();
    let region = |level, x, y, width, height| -> Result<Pixels, Error> {
        pyramid.region(level, Rect::new(Point { x, y }, Size::new(width, height).unwrap()).unwrap())
    };
    for (x, y, width, height) in [(0, 0, 700, 530), (97, 101, 307, 5), (699, 529, 1, 1)] {
        let expected: Vec<u8> = (y..y + height)
            .flat_map(|y| (x..x + width).map(move |x| color(x, y)))
            .flat_map(|[red, green, blue]| [blue, green, red, 255])
            .collect();
        assert!(region(full, x, y, width, height).unwrap().bytes() == expected);
    }
    // Of a smaller level: as the whole of it, cut.
    let whole = region(full - 2, 0, 0, 175, 133).unwrap();
    let cut = Rect::new(Point { x: 33, y: 20 }, Size::new(70, 99).unwrap()).unwrap();
    assert!(pyramid.region(full - 2, cut).unwrap() == whole.cropped(cut));
    for (level, width) in [(full, 701), (full - 1, 351), (full + 1, 1)] {
        let refused = region(level, 0, 0, width, 1);
        assert!(matches!(refused, Err(Error::Plan(PlanError::NoSuchRegion { .. }))), "{level}");
    }
    assert!(matches!(pyramid.tile(full, 7, 0), Err(Error::Plan(PlanError::NoSuchTile { .. }))));
}
