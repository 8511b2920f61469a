//! What each step of an export takes on one core, on the pixels of a real slide: `cargo bench --bench stages`.
//!
//! Pixels are those of full-size tiles (240×240 read, 256×256 encoded and reduced), counted once each; a written file is of 10 KB, as a tile
//! of tissue at quality 75 is.

#![allow(clippy::expect_used, missing_docs, reason = "a benchmark that cannot go on says so and stops")]

use std::sync::atomic::{AtomicU64, Ordering};

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use slidezoom::encode::{JpegCoding, Quality, Subsampling, TileEncoder, TileFormat};
use slidezoom::geometry::{Point, Rect, Size};
use slidezoom::render::{Pixels, ReductionMethod, Rgb};
use slidezoom::sink::{DirectorySink, EntryName, Existing, Sink};
use slidezoom::slide::{self, ReaderChoice, Source, StoredTileReader};

fn main() {
    divan::main();
}

fn real_slide(choice: ReaderChoice) -> Box<dyn Source> {
    let path = slidezoom_fixtures::real_slide().expect("the real slide comes with the crate openslide-rs");
    slide::open_with(&path, choice).expect("the real slide opens")
}

fn rect(x: u32, y: u32, side: u32) -> Rect {
    Rect::new(Point { x, y }, Size::new(side, side).expect("a side")).expect("a rectangle")
}

/// A stored tile in the middle of the tissue.
const TILE: u32 = 240;
const PLACE: u32 = 4 * TILE;

fn tissue() -> Pixels {
    let source = real_slide(ReaderChoice::Auto);
    source.read(rect(PLACE, PLACE, 256), Vec::new()).expect("the tile is read").over(Rgb::WHITE)
}

fn pixels(side: u32) -> ItemsCount {
    ItemsCount::new(side * side)
}

#[divan::bench(args = [ReaderChoice::Auto, ReaderChoice::OpenSlide])]
fn decode(bencher: Bencher<'_, '_>, choice: ReaderChoice) {
    let source = real_slide(choice);
    let mut spare = Vec::new();
    bencher.counter(pixels(TILE)).bench_local(|| {
        let tile = source.read(rect(PLACE, PLACE, TILE), std::mem::take(&mut spare)).expect("the tile is read");
        spare = tile.over(Rgb::WHITE).into_bytes();
    });
}

#[divan::bench]
fn read_lossless_and_decode_at_half_size(bencher: Bencher<'_, '_>) {
    let source = real_slide(ReaderChoice::Auto);
    let stored: &dyn StoredTileReader = source.stored_tiles().expect("the slide is read directly");
    let (mut jpeg, mut spare) = (Vec::new(), Vec::new());
    bencher.counter(pixels(TILE)).bench_local(|| {
        let region = rect(PLACE, PLACE, TILE);
        let half = stored.read_stored(region, ReductionMethod::Mean, &mut jpeg, std::mem::take(&mut spare));
        spare = half.expect("the tile is read").expect("the tile was scanned").into_bytes();
    });
}

#[divan::bench(args = [
    ReductionMethod::Mean,
    ReductionMethod::Median,
    ReductionMethod::Mode,
    ReductionMethod::Max,
    ReductionMethod::Nearest,
    ReductionMethod::Lanczos3,
])]
fn reduce(bencher: Bencher<'_, '_>, method: ReductionMethod) {
    let (tile, mut spare) = (tissue(), Vec::new());
    let whole = Rect::of(tile.size());
    bencher
        .counter(pixels(256))
        .bench_local(|| spare = tile.view().reduced(whole, method, std::mem::take(&mut spare)).into_bytes());
}

#[divan::bench(args = [Subsampling::Full, Subsampling::Quarter])]
fn encode(bencher: Bencher<'_, '_>, subsampling: Subsampling) {
    let tile = tissue();
    let quality = Quality::new(75).expect("a quality");
    let format = TileFormat::Jpeg { quality, subsampling, coding: JpegCoding::Baseline };
    let mut encoder = TileEncoder::new(format, None).expect("an encoder");
    bencher.counter(pixels(256)).bench_local(|| encoder.encode(tile.view()).expect("the tile is encoded").len());
}

#[divan::bench]
fn write(bencher: Bencher<'_, '_>) {
    let folder = tempfile::tempdir().expect("a folder");
    let sink = DirectorySink::create(&folder.path().join("out"), Existing::Refuse).expect("a sink");
    let (contents, number) = (vec![0x5a; 10_000], AtomicU64::new(0));
    bencher.counter(BytesCount::new(contents.len())).bench_local(|| {
        let entry = number.fetch_add(1, Ordering::Relaxed);
        let name = EntryName::new(format!("{entry}.jpeg")).expect("a name");
        sink.write(entry, &name, &contents).expect("the file is written");
    });
}
