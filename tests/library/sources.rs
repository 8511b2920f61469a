//! A contract suite that every source passes, on built slides of every kind and on real ones if
//! available.

use std::path::{Path, PathBuf};

use slidezoom::internals::geometry::{Point, Rect, Size};
use slidezoom::internals::pixels::{Pixels, Rgb};
use slidezoom::internals::source::{self, ReaderChoice, SlideError, SlideLevel, Source};
use slidezoom_fixtures::{
    AssociatedImage, AssociatedKind, Color, Compression, Pattern, SlideBuilder, Style, TileFault,
};

use crate::drawn_source::DrawnSource;

const BEHIND: Rgb = Rgb([10, 200, 90]);

fn assert_contract(source: &dyn Source) {
    let info = source.info();
    let whole = Rect::of(info.size());
    assert_eq!(info.levels[0].size, info.size());
    assert!((info.levels[0].downsample - 1.0).abs() < 1e-9);
    assert!(
        info.levels.windows(2).all(|pair| pair[0].downsample <= pair[1].downsample),
        "{:?}",
        info.levels
    );
    if let Some(bounds) = info.bounds {
        assert!(whole.contains(bounds), "{bounds} of {whole}");
    }

    // A region reads the same from one thread and from many, whole and in parts.
    let center = Point { x: info.size().width() / 2, y: info.size().height() / 2 };
    let reach = |length: u32, start: u32| (length - start).min(300);
    let size =
        Size::new(reach(info.size().width(), center.x), reach(info.size().height(), center.y))
            .unwrap();
    let region = Rect::new(center, size).unwrap();
    let read = |region: Rect| -> Pixels { source.read(region, Vec::new()).unwrap().over(BEHIND) };
    let once = read(region);
    assert_eq!(once.size(), size);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert!(read(region) == once));
        }
    });
    let part =
        Rect::spanning(size.width() / 3..size.width(), size.height() / 2..size.height()).unwrap();
    assert!(read(part.moved(center).unwrap()) == once.cropped(part));
    let same = source.read_level(SlideLevel::BASE, center, size).unwrap().over(BEHIND);
    assert!(same == once);

    // The corners are inside the slide.
    for (x, y) in [(0, 0), (info.size().width() - 1, info.size().height() - 1)] {
        assert_eq!(
            read(Rect::new(Point { x, y }, Size::new(1, 1).unwrap()).unwrap()).size().area(),
            1
        );
    }
    for image in &info.associated_images {
        assert_eq!(source.read_associated(&image.name).unwrap().size(), image.size);
    }
    assert!(source.read_associated("no such image").is_err());
    // A missing associated image does not stop the reading of the slide.
    assert!(read(region) == once);
}

#[test]
fn drawn_sources_keep_the_contract() {
    assert_contract(&DrawnSource::new(Size::new(500, 400).unwrap(), None, None));
}

/// Checks both readers of a slide.
fn both_readers_keep_the_contract(path: &Path) {
    for choice in [ReaderChoice::Auto, ReaderChoice::OpenSlide] {
        assert_contract(source::open_with(path, choice).unwrap().as_ref());
    }
}

fn built(folder: &Path, name: &str, builder: &SlideBuilder) -> Result<Box<dyn Source>, SlideError> {
    let path = folder.join(name);
    builder.write(&path).unwrap();
    source::open(&path)
}

#[test]
fn built_slides_keep_the_contract_and_report_their_properties() {
    let folder = tempfile::tempdir().unwrap();
    let generic = SlideBuilder::new(700, 500)
        .levels([1, 4])
        .pattern(Pattern::TileCoordinates { width: 64, height: 64 });
    let source = built(folder.path(), "generic.tiff", &generic).unwrap();
    both_readers_keep_the_contract(&source.info().path);
    let info = source.info();
    assert_eq!(info.vendor.as_deref(), Some("generic-tiff"));
    assert_eq!(info.levels.len(), 2);
    assert_eq!(info.levels[0].native_tile, Size::new(256, 256));
    let mpp = info.microns_per_pixel.unwrap();
    assert!((mpp.x() - 0.5).abs() < 1e-6 && (mpp.y() - 0.5).abs() < 1e-6, "{mpp:?}");

    let aperio = SlideBuilder::new(640, 480)
        .style(Style::Aperio)
        .color(Color::Rgb)
        .subsampling(slidezoom_fixtures::Subsampling::Full)
        .levels([1, 4])
        .associated(AssociatedImage {
            kind: AssociatedKind::Thumbnail,
            width: 160,
            height: 120,
            pattern: Pattern::Gradient,
        })
        .associated(AssociatedImage {
            kind: AssociatedKind::Label,
            width: 90,
            height: 80,
            pattern: Pattern::Gradient,
        });
    let source = built(folder.path(), "aperio.svs", &aperio).unwrap();
    both_readers_keep_the_contract(&source.info().path);
    let info = source.info();
    assert_eq!(info.vendor.as_deref(), Some("aperio"));
    assert_eq!(info.objective_power, Some(20.0));
    assert_eq!(info.native_subsampling, Some(slidezoom::internals::codec::Subsampling::Full));
    let names: Vec<_> = info.associated_images.iter().map(|image| image.name.as_str()).collect();
    assert_eq!(names, ["label", "thumbnail"]);
}

#[test]
fn reports_the_subsampling_of_native_tiles() {
    use slidezoom::internals::codec::Subsampling as Found;
    use slidezoom_fixtures::Subsampling as Built;

    let folder = tempfile::tempdir().unwrap();
    for (built_with, expected) in [
        (Built::Full, Found::Full),
        (Built::HalfWidth, Found::HalfWidth),
        (Built::Quarter, Found::Quarter),
    ] {
        let source = built(
            folder.path(),
            "slide.tiff",
            &SlideBuilder::new(300, 300).subsampling(built_with),
        )
        .unwrap();
        assert_eq!(source.info().native_subsampling, Some(expected));
    }
    let gray = SlideBuilder::new(300, 300).color(slidezoom_fixtures::Color::Gray);
    assert_eq!(
        built(folder.path(), "gray.tiff", &gray).unwrap().info().native_subsampling,
        Some(Found::Gray)
    );
    // Only direct reading knows that the full size is gray.
    let strips = gray.clone().tile_size(2048, 2048);
    assert_eq!(
        built(folder.path(), "large.tiff", &strips).unwrap().info().native_subsampling,
        None
    );
    let uncompressed = SlideBuilder::new(300, 300).compression(Compression::Uncompressed);
    assert_eq!(
        built(folder.path(), "raw.tiff", &uncompressed).unwrap().info().native_subsampling,
        None
    );
}

#[test]
fn preserves_uncompressed_pixels() {
    let folder = tempfile::tempdir().unwrap();
    let pattern = Pattern::Gradient;
    let slide = SlideBuilder::new(520, 300).compression(Compression::Uncompressed).pattern(pattern);
    let source = built(folder.path(), "raw.tiff", &slide).unwrap();
    let region = Rect::new(Point { x: 250, y: 100 }, Size::new(270, 200).unwrap()).unwrap();
    let pixels = source.read(region, Vec::new()).unwrap().over(Rgb::WHITE);
    let found: Vec<[u8; 3]> =
        pixels.bytes().chunks_exact(4).map(|pixel| [pixel[2], pixel[1], pixel[0]]).collect();
    let expected: Vec<[u8; 3]> =
        region.rows().flat_map(|y| region.columns().map(move |x| pattern.pixel(x, y))).collect();
    assert!(found == expected);
}

#[test]
fn ignores_invalid_mpp() {
    let folder = tempfile::tempdir().unwrap();
    for text in ["0", "-0.5", "1e9", "inf", "NaN", ""] {
        let slide = SlideBuilder::new(300, 300).style(Style::Aperio).mpp_text(text);
        let source = built(folder.path(), "slide.svs", &slide).unwrap();
        assert_eq!(source.info().microns_per_pixel, None, "{text:?}");
    }
}

#[test]
fn names_the_damaged_tile_with_many_threads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.tiff");
    let choices = [ReaderChoice::Auto, ReaderChoice::OpenSlide];
    let faults = [TileFault::BrokenHeader, TileFault::GarbageData];
    for (choice, fault) in
        choices.into_iter().flat_map(|choice| faults.map(|fault| (choice, fault)))
    {
        SlideBuilder::new(1000, 1000).tile_fault(0, 2, 1, fault).write(&path).unwrap();
        let source = source::open_with(&path, choice).unwrap();
        let tile = |column: u32, row: u32| {
            Rect::new(Point { x: column * 256, y: row * 256 }, Size::new(200, 200).unwrap())
                .unwrap()
        };
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let source = &source;
                scope.spawn(move || {
                    for number in 0..9 {
                        let (column, row) = ((number + thread) % 3, (number + thread) / 3 % 3);
                        // The failure of one tile neither fails nor clears another.
                        let read = source.read(tile(column, row), Vec::new());
                        assert_eq!(
                            read.is_err(),
                            (column, row) == (2, 1),
                            "{fault:?}: {column}, {row}"
                        );
                        if let Ok(pixels) = read {
                            assert!(
                                pixels.over(BEHIND)
                                    != Pixels::filled(Size::new(200, 200).unwrap(), BEHIND)
                            );
                        }
                    }
                });
            }
        });
        let error = source.read(tile(2, 1), Vec::new()).unwrap_err().to_string();
        assert!(error.contains("200×200 pixels at (512, 256) of slide level 0"), "{error}");
    }
}

#[test]
fn distinguishes_files_that_are_not_slides() {
    let folder = tempfile::tempdir().unwrap();
    let open = |path: &Path| source::open(path).err().unwrap();
    assert!(matches!(open(&folder.path().join("missing.svs")), SlideError::Open { .. }));
    let text = folder.path().join("text.svs");
    std::fs::write(&text, "no slide").unwrap();
    assert!(matches!(open(&text), SlideError::Unsupported { .. }));
    let empty = folder.path().join("empty.svs");
    std::fs::write(&empty, "").unwrap();
    assert!(open(&empty).to_string().ends_with("the file is empty"));
    assert!(matches!(open(folder.path()), SlideError::Open { .. }));
    let truncated = folder.path().join("truncated.tiff");
    SlideBuilder::new(600, 600).truncate_at(5000).write(&truncated).unwrap();
    source::open(&truncated).err().unwrap();
}

/// Returns the directory of real slides, if available.
pub fn shared_slides() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/slides");
    if !folder.is_dir() {
        eprintln!("SKIPPED: no real slides at {}", folder.display());
        return None;
    }
    Some(folder)
}

#[test]
fn real_slides_keep_the_contract() {
    let Some(folder) = shared_slides() else { return };
    for slide in [
        "svs/CMU-1-Small-Region.svs",
        "svs/tcga-cr-7395-01a-01-ts1.svs",
        "ndpi/test3-DAPI-2-(387).ndpi",
        "dicom/gcp-multi_frame_jpeg_camelyon.dcm",
        "tiff/tcga_jpeg_pyr.tif",
        "tiff/slaid-test.tif",
        "tiff/slaid-patch.tif",
    ] {
        both_readers_keep_the_contract(&folder.join(slide));
    }
    let mirax = source::open(&folder.join("mrxs/Mirax2-Fluorescence-2.mrxs")).unwrap();
    assert_eq!(mirax.info().background, Some(Rgb([0x80, 0x80, 0x80])));
    assert_eq!(mirax.info().bounds.unwrap().to_string(), "10439×7641 at (9153, 102664)");
    for broken in ["unreadable/broken_zstd_missing_tiles.tif", "unreadable/pathml-small_dicom.dcm"]
    {
        assert!(source::open(&folder.join(broken)).is_err(), "{broken}");
    }
}
