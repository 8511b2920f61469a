//! Ordinary images, which are decoded row by row. Their exports must have the same bytes as those
//! of a source with the same pixels that can be read in any order.

use std::fs::File;
use std::io::{BufWriter, Cursor, Read};
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use slidezoom::internals::engine::progress::{NoProgress, Progress, TileWritten};
use slidezoom::internals::engine::{exact_tile, nearest_tile};
use slidezoom::internals::export::{create_sink, resume_sink};
use slidezoom::internals::geometry::{Flip, Point, Rect, Rotation, Size};
use slidezoom::internals::pixels::{ReductionMethod, Rgb};
use slidezoom::internals::plan::{Bounds, ExportOptions, FormatOption, Page, ReadErrorPolicy};
use slidezoom::internals::pyramid::TileGeometry;
use slidezoom::internals::sink::{MemorySink, OverwritePolicy, Published};
use slidezoom::internals::source::{
    self, Access, OpenOptions, Reader, SlideError, SlideLevel, SourceIdentity,
};
use slidezoom::{Error, ExportPlan, ExportReport, Source, export};

use crate::drawn_source::{DrawnSource, color};
use crate::resume::{StopAtCheckpoint, contents};

fn size(width: u32, height: u32) -> Size {
    Size::new(width, height).unwrap()
}

/// Writes the drawn source's pixels as PNG.
fn drawn_png(path: &Path, width: u32, height: u32) {
    let mut encoder = png::Encoder::new(BufWriter::new(File::create(path).unwrap()), width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header().unwrap();
    let mut rows = writer.stream_writer().unwrap();
    for y in 0..height {
        let row: Vec<u8> = (0..width).flat_map(|x| color(x, y)).collect();
        std::io::Write::write_all(&mut rows, &row).unwrap();
    }
    rows.finish().unwrap();
}

struct Image {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Image {
    fn drawn(width: u32, height: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("drawn.png");
        drawn_png(&path, width, height);
        Self { _folder: folder, path }
    }

    fn open(&self) -> Box<dyn Source> {
        source::open(&self.path).unwrap()
    }

    fn cut_to(&self, length: usize) {
        let bytes = std::fs::read(&self.path).unwrap();
        std::fs::write(&self.path, &bytes[..length]).unwrap();
    }
}

pub fn options() -> ExportOptions {
    ExportOptions::default()
        .format(FormatOption::Png)
        .page(Page::Omit)
        .source_identity(SourceIdentity::Omit)
}

fn exported(
    source: &dyn Source,
    options: &ExportOptions,
    jobs: usize,
) -> Result<(Published, ExportReport), Error> {
    let plan = ExportPlan::new(source.info(), "drawn", options).unwrap();
    let sink = MemorySink::new();
    let published = sink.published();
    let report =
        export(source, &plan, Box::new(sink), NonZeroUsize::new(jobs).unwrap(), &NoProgress)?;
    let files = published.lock().unwrap().take().unwrap();
    Ok((files, report))
}

/// The files of the tiles, by name.
pub fn tiles(published: &Published) -> Vec<(String, Vec<u8>)> {
    let files = published.iter().filter(|(name, _)| name.as_str().contains("_files/"));
    let mut tiles: Vec<_> =
        files.map(|(name, (_, bytes))| (name.as_str().to_owned(), bytes.clone())).collect();
    tiles.sort();
    tiles
}

#[test]
fn row_and_region_reads_give_the_same_tiles() {
    let image = Image::drawn(2_603, 611);
    let drawn = DrawnSource::new(size(2_603, 611), None, None);
    let crop =
        |x, y, width, height| Bounds::Crop(Rect::new(Point { x, y }, size(width, height)).unwrap());
    let geometry = |tile_size, overlap| Some(TileGeometry::new(tile_size, overlap).unwrap());
    for (what, options) in [
        ("plain", options()),
        ("odd tiles", options().geometry(geometry(101, 7))),
        ("large tiles", options().geometry(geometry(1_024, 0))),
        ("cut", options().bounds(crop(63, 129, 2_400, 300))),
        ("cut to one row", options().bounds(crop(1, 610, 2_600, 1))),
        ("lanczos", options().reduction(ReductionMethod::Lanczos3)),
        ("rotated", options().rotation(Rotation::Quarter)),
        ("mirrored", options().flip(Some(Flip::Vertical))),
    ] {
        let (expected, _) = exported(&drawn, &options, 2).unwrap();
        for jobs in [1, 5] {
            let (found, report) = exported(image.open().as_ref(), &options, jobs).unwrap();
            assert!(tiles(&found) == tiles(&expected), "{what}, {jobs} workers");
            assert!(report.warnings.is_empty());
        }
    }
}

#[test]
fn serves_several_exports_and_single_tiles() {
    let image = Image::drawn(700, 600);
    let (source, drawn) = (image.open(), DrawnSource::new(size(700, 600), None, None));
    let (expected, _) = exported(&drawn, &options(), 2).unwrap();
    for _ in 0..2 {
        let (found, _) = exported(source.as_ref(), &options(), 2).unwrap();
        assert!(tiles(&found) == tiles(&expected));
    }
    let plan = ExportPlan::new(source.info(), "drawn", &options()).unwrap();
    let of_drawn = ExportPlan::new(drawn.info(), "drawn", &options()).unwrap();
    let jobs = NonZeroUsize::new(2).unwrap();
    for tile in plan.pyramid().tiles() {
        let exact = |source: &dyn Source, plan| exact_tile(source, plan, tile, jobs).unwrap();
        assert!(exact(source.as_ref(), &plan) == exact(&drawn, &of_drawn), "{tile}");
        let nearest = |source: &dyn Source, plan| nearest_tile(source, plan, tile).unwrap();
        assert!(nearest(source.as_ref(), &plan) == nearest(&drawn, &of_drawn), "{tile}");
    }
    // The whole image is now in memory, and an export reads it from there.
    let (found, _) = exported(source.as_ref(), &options(), 2).unwrap();
    assert!(tiles(&found) == tiles(&expected));
}

#[test]
fn reads_a_pipe_once() {
    let image = Image::drawn(900, 700);
    let open = |options: &OpenOptions| {
        let bytes = std::fs::read(&image.path).unwrap();
        source::open_pipe(
            Path::new("pipe"),
            Box::new(Cursor::new(bytes)) as Box<dyn Read + Send>,
            options,
        )
        .unwrap()
    };
    let source = open(&OpenOptions::default());
    assert!(matches!(&source.info().reader, Reader::Image(image) if image.access == Access::Once));
    let (expected, _) = exported(image.open().as_ref(), &options(), 2).unwrap();
    let (found, _) = exported(source.as_ref(), &options(), 2).unwrap();
    assert!(tiles(&found) == tiles(&expected));
    let again = exported(source.as_ref(), &options(), 2).unwrap_err();
    assert!(matches!(again, Error::Slide(SlideError::ReadOnce { .. })), "{again}");
    // Rotation needs the whole image in memory, where it stays.
    let (rotated, source) = (options().rotation(Rotation::Half), open(&OpenOptions::default()));
    let (expected, _) = exported(image.open().as_ref(), &rotated, 2).unwrap();
    for _ in 0..2 {
        assert!(tiles(&exported(source.as_ref(), &rotated, 2).unwrap().0) == tiles(&expected));
    }
}

/// Stops an export after a number of tiles.
pub struct StopAfter(u64, AtomicU64);

impl StopAfter {
    pub fn tiles(count: u64) -> Self {
        Self(count, AtomicU64::new(0))
    }
}

impl Progress for StopAfter {
    fn tile_written(&self, _tile: TileWritten) {
        self.1.fetch_add(1, Ordering::Relaxed);
    }

    fn stop_requested(&self) -> bool {
        self.1.load(Ordering::Relaxed) >= self.0
    }
}

#[test]
fn stops_an_export_of_rows_at_any_moment() {
    let image = Image::drawn(3_000, 2_000);
    let source = image.open();
    let plan = ExportPlan::new(source.info(), "drawn", &options()).unwrap();
    for tiles in [0, 1, 5, 40, 100] {
        for jobs in [1, 2, 8] {
            let stopped = StopAfter::tiles(tiles);
            let sink = Box::new(MemorySink::new());
            let result =
                export(source.as_ref(), &plan, sink, NonZeroUsize::new(jobs).unwrap(), &stopped);
            assert!(matches!(result, Err(Error::Interrupted)), "{result:?}");
        }
    }
    exported(source.as_ref(), &options(), 2).unwrap();
}

#[test]
fn resumes_an_export_of_rows() {
    // A tall and narrow image has its first checkpoint early.
    let image = Image::drawn(150, 120_000);
    let folder = tempfile::tempdir().unwrap();
    let options = options().format(FormatOption::Jpeg);
    let run = |name: &str, progress: &dyn Progress| {
        let source = image.open();
        let plan = ExportPlan::new(source.info(), "drawn", &options).unwrap();
        let sink = resume_sink(&plan, &folder.path().join(name), OverwritePolicy::Refuse).unwrap();
        export(source.as_ref(), &plan, sink, NonZeroUsize::new(2).unwrap(), progress)
    };
    run("undisturbed", &NoProgress).unwrap();
    let stopped = run("resumed", &StopAtCheckpoint::of(&folder.path().join("resumed")));
    assert!(matches!(stopped, Err(Error::Interrupted)), "{stopped:?}");
    run("resumed", &NoProgress).unwrap();
    assert!(
        contents(&folder.path().join("resumed")) == contents(&folder.path().join("undisturbed"))
    );
}

#[test]
fn rejects_truncated_files() {
    let image = Image::drawn(1_200, 1_500);
    let length = std::fs::read(&image.path).unwrap().len();
    // The last one has all pixels and lacks only the end chunk.
    for length in [length - 5, length - 30, length / 2] {
        image.cut_to(length);
        for jobs in [1, 4] {
            let error = exported(image.open().as_ref(), &options(), jobs).unwrap_err();
            assert!(error.to_string().contains("truncated"), "{error}");
        }
        let read = image.open().read(Rect::of(size(5, 5)), Vec::new()).unwrap_err();
        assert!(read.to_string().contains("truncated"), "{read}");
    }
}

#[test]
fn exports_readable_rows_of_a_damaged_image_if_asked() {
    let image = Image::drawn(1_200, 1_500);
    let length = std::fs::read(&image.path).unwrap().len();
    let bearable = options().on_read_error(ReadErrorPolicy::Blank).background(Some(Rgb([1, 2, 3])));
    image.cut_to(length - 5);
    let (found, report) = exported(image.open().as_ref(), &bearable, 2).unwrap();
    let (whole, _) =
        exported(&DrawnSource::new(size(1_200, 1_500), None, None), &bearable, 2).unwrap();
    assert!(tiles(&found) == tiles(&whole));
    let warnings: Vec<String> = report.warnings.iter().map(ToString::to_string).collect();
    assert!(warnings.len() == 1 && warnings[0].contains("after the last row"), "{warnings:?}");
    image.cut_to(length / 2);
    let (found, report) = exported(image.open().as_ref(), &bearable, 2).unwrap();
    // All rows below the damaged band are unreadable.
    let first = report.unreadable.iter().map(|rect| rect.origin().y).min().unwrap();
    let area: u64 = report.unreadable.iter().map(|rect| rect.size().area()).sum();
    assert!(
        (300..1_200).contains(&first) && area == u64::from(1_500 - first) * 1_200,
        "{first}, {area}"
    );
    let same = tiles(&found).iter().zip(&tiles(&whole)).filter(|(one, other)| one == other).count();
    assert!(same > 5 && same < tiles(&whole).len(), "{same} tiles are as in the whole image");
}

#[test]
fn refuses_images_above_the_memory_limit() {
    let image = Image::drawn(1_000, 900);
    let little = OpenOptions::default().memory(4_400_000);
    // Decoded row by row, the image fits the limit.
    let source = source::open_with(&image.path, little).unwrap();
    exported(source.as_ref(), &options(), 2).unwrap();
    let less = little.memory(2_000_000);
    let error = source::open_with(&image.path, less).err().unwrap();
    assert!(matches!(error, SlideError::Memory { allowed: 2_000_000, .. }), "{error}");
    let narrow = Image::drawn(10, 40_000);
    let source = source::open_with(&narrow.path, little.memory(1_000_000)).unwrap();
    let rotated = options().rotation(Rotation::Quarter);
    let error = exported(source.as_ref(), &rotated, 2).unwrap_err().to_string();
    assert!(
        error.contains(
            "it needs 2 MiB of memory, and the limit is 1 MiB: its rows can only be decoded one after the other"
        ),
        "{error}"
    );
    exported(source.as_ref(), &options(), 2).unwrap();
}

#[test]
fn detects_images_by_content() {
    let image = Image::drawn(30, 20);
    let other = image.path.with_file_name("picture.jpg");
    std::fs::rename(&image.path, &other).unwrap();
    assert_eq!(source::open(&other).unwrap().info().reader.to_string(), "PNG (8-bit RGB)");
    // Files with a slide extension are not opened as images: they may be parts of incomplete slides.
    let slide = image.path.with_file_name("picture.mrxs");
    std::fs::rename(&other, &slide).unwrap();
    assert!(matches!(source::open(&slide).err().unwrap(), SlideError::SlideExtension { .. }));
    let page = OpenOptions::default().page(NonZeroU32::new(2));
    std::fs::rename(&slide, &other).unwrap();
    assert!(matches!(
        source::open_with(&other, page).err().unwrap(),
        SlideError::NoSuchPage { page: 2, pages: 1, .. }
    ));
    let (level, corner) = (SlideLevel(1), Point { x: 0, y: 0 });
    assert!(source::open(&other).unwrap().read_level(level, corner, size(1, 1)).is_err());
}

#[test]
fn stops_decoding_if_the_destination_fails() {
    let image = Image::drawn(4_000, 3_000);
    let folder = tempfile::tempdir().unwrap();
    let source = image.open();
    let plan = ExportPlan::new(source.info(), "drawn", &options()).unwrap();
    let destination = folder.path().join("out");
    let sink = create_sink(&plan, &destination, OverwritePolicy::Refuse).unwrap();
    std::fs::remove_dir_all(folder.path().join(".out.partial")).unwrap();
    let error = export(source.as_ref(), &plan, sink, NonZeroUsize::new(2).unwrap(), &NoProgress)
        .unwrap_err();
    assert!(matches!(error, Error::Destination(_) | Error::Cleanup { .. }), "{error}");
    assert!(!destination.exists());
}
