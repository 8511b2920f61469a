//! Compares direct reading of TIFF slides with OpenSlide, sample by sample.

use std::path::Path;

use proptest::prelude::*;
use slidezoom::internals::codec::TileColor;
use slidezoom::internals::geometry::{Point, Rect, Size};
use slidezoom::internals::pixels::Rgb;
use slidezoom::internals::plan::{BaseTiles, NotLossless, PlanError};
use slidezoom::internals::source::{
    self, DirectReadUnsupported, NativeTiles, Reader, ReaderChoice, SlideError, SlideLevel, Source,
};
use slidezoom::{ExportOptions, ExportPlan};
use slidezoom_fixtures::{
    ByteOrder, Color, Compression, Container, JpegTables, Pattern, SlideBuilder, Style,
    Subsampling, TileFault,
};

use crate::drawn_source::DrawnSource;
use crate::sources::shared_slides;

/// Differs from every color in the slides, to reveal transparent pixels.
const BEHIND: Rgb = Rgb([3, 250, 7]);

fn both(path: &Path) -> (Box<dyn Source>, Box<dyn Source>) {
    let direct = source::open(path).unwrap();
    let openslide = source::open_with(path, ReaderChoice::OpenSlide).unwrap();
    assert!(
        matches!(direct.info().reader, Reader::Direct(_)),
        "{}: {}",
        path.display(),
        direct.info().reader
    );
    assert_eq!(openslide.info().reader, Reader::OpenSlide(DirectReadUnsupported::AskedFor));
    // Everything else in the description is the same.
    let mut info = direct.info().clone();
    info.reader = Reader::OpenSlide(DirectReadUnsupported::AskedFor);
    assert_eq!(info, *openslide.info());
    (direct, openslide)
}

#[track_caller]
fn assert_same(direct: &dyn Source, openslide: &dyn Source, region: Rect) {
    // Reused memory must not show.
    let spare = vec![0xa5; 1000];
    let direct = direct.read(region, spare).unwrap().over(BEHIND);
    assert!(direct == openslide.read(region, Vec::new()).unwrap().over(BEHIND), "{region}");
}

/// Compares the whole slide, in strips that cross tiles.
fn assert_all_same(path: &Path) {
    let (direct, openslide) = both(path);
    let size = direct.info().size();
    for top in (0..size.height()).step_by(300) {
        let rows = top..(top + 300).min(size.height());
        assert_same(
            direct.as_ref(),
            openslide.as_ref(),
            Rect::spanning(0..size.width(), rows).unwrap(),
        );
    }
}

#[test]
fn built_slides_read_as_through_openslide() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("slide.tiff");
    let tissue =
        |width, height| SlideBuilder::new(width, height).pattern(Pattern::Tissue { seed: 7 });
    for style in [Style::GenericTiff, Style::Aperio, Style::Philips] {
        for tables in [JpegTables::Inline, JpegTables::Shared] {
            for (color, subsampling) in [
                (Color::Rgb, Subsampling::Full),
                (Color::YCbCr, Subsampling::Full),
                (Color::YCbCr, Subsampling::HalfWidth),
                (Color::YCbCr, Subsampling::Quarter),
                (Color::Gray, Subsampling::Full),
            ] {
                let slide = tissue(500, 333)
                    .style(style)
                    .jpeg_tables(tables)
                    .color(color)
                    .subsampling(subsampling);
                slide.write(&path).unwrap();
                assert_all_same(&path);
            }
        }
    }
    for slide in [
        tissue(600, 300).container(Container::BigTiff),
        tissue(600, 300).container(Container::BigTiff).byte_order(ByteOrder::Big),
        tissue(601, 299).tile_size(240, 112).levels([1, 2, 4]),
        tissue(600, 300).tile_fault(0, 1, 0, TileFault::Missing).tile_fault(
            0,
            2,
            1,
            TileFault::Missing,
        ),
        tissue(600, 300)
            .style(Style::Philips)
            .tile_fault(0, 0, 1, TileFault::Missing)
            .levels([1, 2, 4]),
        tissue(600, 300)
            .style(Style::Aperio)
            .tile_fault(0, 0, 0, TileFault::Missing)
            .levels([1, 2]),
        tissue(1, 1),
        tissue(16, 700).tile_size(16, 16),
        tissue(1500, 1100).tile_size(1024, 1024),
    ] {
        slide.write(&path).unwrap();
        assert_all_same(&path);
    }
}

#[test]
fn real_slides_read_as_through_openslide() {
    let Some(folder) = shared_slides() else { return };
    for (slide, color) in [
        ("svs/CMU-1-Small-Region.svs", TileColor::Rgb),
        ("tiff/tcga_jpeg_pyr.tif", TileColor::YCbCr),
    ] {
        let path = folder.join(slide);
        assert_all_same(&path);
        let source = source::open(&path).unwrap();
        assert!(matches!(source.info().reader, Reader::Direct(tiles) if tiles.color == color));
    }
    for (slide, reason) in [
        ("svs/tcga-cr-7395-01a-01-ts1.svs", "its tiles are not JPEG (TIFF compression 33005)"),
        ("ndpi/test3-DAPI-2-(387).ndpi", "hamamatsu files are not read directly"),
        ("dicom/gcp-multi_frame_jpeg_camelyon.dcm", "dicom files are not read directly"),
        ("tiff/slaid-test.tif", "its tiles are not JPEG (TIFF compression 1)"),
        ("mrxs/Mirax2-Fluorescence-2.mrxs", "mirax files are not read directly"),
    ] {
        let source = source::open(&folder.join(slide)).unwrap();
        assert_eq!(source.info().reader.to_string(), format!("OpenSlide ({reason})"), "{slide}");
    }
    // OpenSlide ignores the meaning of its alpha channel.
    let reader =
        source::open(&folder.join("tiff/slaid-patch.tif")).unwrap().info().reader.to_string();
    assert_eq!(reader, "TIFF (8-bit RGB with alpha, uncompressed tiles of 256×256)");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn any_region_reads_as_through_openslide(
        (width, height) in (1_u32..700, 1_u32..700),
        (tile_width, tile_height) in (1_u32..20, 1_u32..20),
        missing in prop::collection::vec((0_u32..4, 0_u32..4), 0..4),
        regions in prop::collection::vec((0.0..1.0, 0.0..1.0, 0.0..1.0, 0.0..1.0), 10),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("slide.tiff");
        let (tile_width, tile_height) = (16 * tile_width, 16 * tile_height);
        let mut slide = SlideBuilder::new(width, height).tile_size(tile_width, tile_height);
        for (column, row) in missing {
            if column < width.div_ceil(tile_width) && row < height.div_ceil(tile_height) && (column, row) != (0, 0) {
                slide = slide.tile_fault(0, column, row, TileFault::Missing);
            }
        }
        slide.write(&path).unwrap();
        let (direct, openslide) = both(&path);
        for (x, y, right, bottom) in regions {
            let span = |from: f64, to: f64, length: u32| {
                #[expect(clippy::cast_sign_loss, reason = "not negative")]
                let start = (from * f64::from(length)) as u32;
                #[expect(clippy::cast_sign_loss, reason = "not negative")]
                let reach = (to * f64::from(length - start)) as u32;
                start..(start + reach + 1).min(length)
            };
            let region = Rect::spanning(span(x, right, width), span(y, bottom, height)).unwrap();
            assert_same(direct.as_ref(), openslide.as_ref(), region);
        }
    }
}

#[test]
fn leaves_other_files_to_openslide() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("slide.tiff");
    let reader = |slide: SlideBuilder| {
        slide.write(&path).unwrap();
        source::open(&path).unwrap().info().reader.clone()
    };
    let small = || SlideBuilder::new(300, 200);
    assert_eq!(
        reader(small().compression(Compression::Uncompressed)),
        Reader::OpenSlide(DirectReadUnsupported::Compression { compression: 1 })
    );
    assert_eq!(
        reader(SlideBuilder::new(3000, 200).tile_size(2048, 64)),
        Reader::OpenSlide(DirectReadUnsupported::TileSize { width: 2048, height: 64 })
    );
    let Reader::Direct(tiles) = reader(small()) else { panic!("read through OpenSlide") };
    assert_eq!((tiles.size, tiles.color), (Size::new(256, 256).unwrap(), TileColor::YCbCr));
    assert!(
        tiles.bytes > 500 && tiles.bytes < std::fs::metadata(&path).unwrap().len(),
        "{tiles:?}"
    );
}

/// Damages every tile in every way. The error names the tile's rectangle, and other tiles are read.
#[test]
fn names_a_damaged_tile_and_reads_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("slide.tiff");
    let (size, columns, rows) = (Size::new(600, 400).unwrap(), 3, 2);
    let tile = |column: u32, row: u32| {
        let span = |index: u32, length: u32| 256 * index..(256 * (index + 1)).min(length);
        Rect::spanning(span(column, size.width()), span(row, size.height())).unwrap()
    };
    for fault in [TileFault::BrokenHeader, TileFault::GarbageData, TileFault::PastTheEnd] {
        for (column, row) in (0..columns).flat_map(|column| (0..rows).map(move |row| (column, row)))
        {
            // The second level keeps OpenSlide from hashing the first when it opens the slide.
            let slide = SlideBuilder::new(size.width(), size.height()).levels([1, 4]);
            slide.tile_fault(0, column, row, fault).write(&path).unwrap();
            let source = source::open(&path).unwrap();
            assert!(matches!(source.info().reader, Reader::Direct(_)));
            for (x, y) in (0..columns).flat_map(|x| (0..rows).map(move |y| (x, y))) {
                assert_eq!(source.read(tile(x, y), Vec::new()).is_err(), (x, y) == (column, row));
            }
            // Reading the whole slide names only the tile.
            let error = source.read(Rect::of(size), Vec::new()).unwrap_err();
            let SlideError::Region { origin, size: named, .. } = &error else { panic!("{error}") };
            assert_eq!(Rect::new(*origin, *named).unwrap(), tile(column, row), "{error}");
        }
    }
}

#[test]
fn errors_describe_the_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("slide.tiff");
    for (fault, words) in [
        (TileFault::BrokenHeader, "its data does not start with a JPEG header"),
        (TileFault::GarbageData, "libjpeg-turbo: "),
        (TileFault::PastTheEnd, "but the file ends at"),
    ] {
        SlideBuilder::new(600, 400).levels([1, 4]).tile_fault(0, 1, 1, fault).write(&path).unwrap();
        let region = Rect::new(Point { x: 300, y: 300 }, Size::new(10, 10).unwrap()).unwrap();
        let error = source::open(&path).unwrap().read(region, Vec::new()).unwrap_err().to_string();
        assert!(error.contains("10×10 pixels at (300, 300) of slide level 0: "), "{error}");
        assert!(error.contains(words), "{error}");
    }
}

/// Readers interpret these tags differently, so OpenSlide reads the slide.
#[test]
fn leaves_ambiguous_directories_to_openslide() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("slide.tiff");
    for (style, tag, value, reason) in [
        // For a scanner's file. A generic TIFF with this tag is read as an image.
        (Style::Aperio, 274_u16, 3_u8, DirectReadUnsupported::Orientation { orientation: 3 }),
        // A second PhotometricInterpretation, RGB instead of YCbCr.
        (Style::GenericTiff, 262, 2, DirectReadUnsupported::RepeatedTag),
    ] {
        SlideBuilder::new(300, 200).levels([1, 4]).style(style).write(&path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        // The entry of PlanarConfiguration, which has its default value, becomes another entry.
        let planes = [0x1c, 0x01, 3, 0, 1, 0, 0, 0];
        let at = whole.windows(8).position(|entry| entry == planes).unwrap();
        let mut changed = whole.clone();
        changed[at..at + 2].copy_from_slice(&tag.to_le_bytes());
        changed[at + 8] = value;
        std::fs::write(&path, &changed).unwrap();
        assert_eq!(source::open(&path).unwrap().info().reader, Reader::OpenSlide(reason));
    }
}

#[test]
fn leaves_arithmetic_coding_to_openslide() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("slide.tiff");
    SlideBuilder::new(300, 200).levels([1, 4]).write(&path).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    // Baseline frames become arithmetic ones. OpenSlide tries to read them and fails on this data.
    let frames: Vec<usize> =
        (0..bytes.len() - 4).filter(|&at| bytes[at..at + 4] == [0xff, 0xc0, 0, 17]).collect();
    assert!(frames.len() > 1);
    for at in frames {
        bytes[at + 1] = 0xc9;
    }
    std::fs::write(&path, bytes).unwrap();
    match source::open(&path) {
        Ok(source) => assert!(matches!(
            source.info().reader,
            Reader::OpenSlide(DirectReadUnsupported::FirstTile(_))
        )),
        Err(error) => assert!(error.to_string().contains("JPEG"), "{error}"),
    }
}

#[test]
fn lossless_tiles_need_an_even_size() {
    let mut info = DrawnSource::new(Size::new(500, 500).unwrap(), None, None).info().clone();
    let options = ExportOptions::default().base_tiles(BaseTiles::Lossless);
    for (side, possible) in [(240, true), (2, true), (255, false), (63, false), (1, false)] {
        let size = Size::new(side, side).unwrap();
        info.reader = Reader::Direct(NativeTiles {
            file_format: "TIFF",
            size,
            color: TileColor::Gray,
            bytes: 1,
        });
        let plan = ExportPlan::new(&info, "slide", &options);
        let refused = matches!(plan, Err(PlanError::NotLossless(NotLossless::TileSize { tile })) if tile == size);
        assert_eq!((plan.is_ok(), refused), (possible, !possible), "{side}");
    }
}

/// Compares every level, whole and in part. OpenSlide returns stored pixels when it reads from the
/// slide's corner.
#[track_caller]
fn assert_levels_same(path: &Path, what: &str) {
    let (direct, openslide) = both(path);
    for (level, info) in (0..).map(SlideLevel).zip(&openslide.info().levels) {
        let expected =
            openslide.read_level(level, Point::default(), info.size).unwrap().over(BEHIND);
        let whole =
            direct.read_from_level(level, Rect::of(info.size), vec![0xa5; 9]).unwrap().over(BEHIND);
        assert!(whole == expected, "{what}: level {level}");
        let (width, height) = (info.size.width(), info.size.height());
        let part =
            Rect::spanning(width / 3..width.div_ceil(2) + width / 3, height / 2..height).unwrap();
        let found = direct.read_from_level(level, part, Vec::new()).unwrap().over(BEHIND);
        assert!(found == expected.cropped(part), "{what}: {part} of level {level}");
    }
}

#[test]
fn levels_read_as_stored_with_any_downsample() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("slide.tiff");
    // Downsamples of 2.0005 and more.
    let slide =
        || SlideBuilder::new(1111, 907).levels([1, 2, 4, 8]).pattern(Pattern::Tissue { seed: 2 });
    for (what, slide) in [
        ("generic", slide()),
        ("aperio", slide().style(Style::Aperio).tile_size(240, 240)),
        ("BigTIFF", slide().container(Container::BigTiff).jpeg_tables(JpegTables::Shared)),
        ("gray", slide().color(Color::Gray)),
    ] {
        slide.write(&path).unwrap();
        assert_levels_same(&path, what);
        let source = source::open(&path).unwrap();
        assert!(source.info().levels[1].downsample.fract() > 1e-4, "the point of this slide");
    }
    let Some(folder) = shared_slides() else { return };
    for slide in ["svs/CMU-1-Small-Region.svs", "tiff/tcga_jpeg_pyr.tif"] {
        assert_levels_same(&folder.join(slide), slide);
    }
}

/// OpenSlide reads levels that are ambiguous or incomplete.
#[test]
fn leaves_other_levels_to_openslide() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("slide.tiff");
    let slide =
        || SlideBuilder::new(1024, 768).levels([1, 2, 4]).pattern(Pattern::Tissue { seed: 2 });
    for (what, slide) in [
        ("sizes of whole tiles", slide().style(Style::Philips)),
        (
            "a tile missing in the full size",
            slide().style(Style::Aperio).tile_fault(0, 1, 1, TileFault::Missing),
        ),
        ("a missing tile", slide().style(Style::Aperio).tile_fault(1, 1, 0, TileFault::Missing)),
        ("a missing tile", slide().tile_fault(1, 0, 1, TileFault::Missing)),
    ] {
        slide.write(&path).unwrap();
        assert_levels_same(&path, what);
    }
}

#[test]
fn names_a_damaged_tile_of_a_level() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("slide.tiff");
    SlideBuilder::new(1024, 768)
        .levels([1, 2, 4])
        .tile_fault(1, 1, 0, TileFault::BrokenHeader)
        .write(&path)
        .unwrap();
    let source = source::open(&path).unwrap();
    let whole = Rect::of(source.info().levels[1].size);
    let error = source.read_from_level(SlideLevel(1), whole, Vec::new()).unwrap_err();
    let words = "256×256 pixels at (512, 0) of slide level 1: ";
    assert!(error.to_string().contains(words), "{error}");
    let left = Rect::spanning(0..256, 0..384).unwrap();
    assert!(source.read_from_level(SlideLevel(1), left, Vec::new()).is_ok());
}
