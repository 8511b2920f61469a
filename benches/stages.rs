//! What each step of an export takes on one core, on the pixels of a real slide: `cargo bench
//! --bench stages`.
//!
//! Pixels are those of full-size tiles (240×240 read, 256×256 encoded and reduced), counted once
//! each; a written file is of 10 KB, as a tile of tissue at quality 75 is.

#![allow(
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a benchmark that cannot go on says so and stops"
)]

use std::sync::atomic::{AtomicU64, Ordering};

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use slidezoom::internals::codec::{JpegCoding, Quality, Subsampling, TileEncoder, TileFormat};
use slidezoom::internals::color::{
    CmykConversion, ColorConversion, IccProfile, PixelColors, ProfileEffect,
};
use slidezoom::internals::geometry::{Point, Rect, Size};
use slidezoom::internals::key::EntryName;
use slidezoom::internals::pixels::{Pixels, PremultipliedPixels, ReductionMethod, Rgb};
use slidezoom::internals::sink::{DirectorySink, OverwritePolicy, Role, Sink};
use slidezoom::internals::source::{self, NativeTileReader, ReaderChoice, Source};
use slidezoom_fixtures::icc::{self, Precision};

fn main() {
    divan::main();
}

fn real_slide(choice: ReaderChoice) -> Box<dyn Source> {
    let path =
        slidezoom_fixtures::real_slide().expect("the real slide comes with the crate openslide-rs");
    source::open_with(&path, choice).expect("the real slide opens")
}

fn rect(x: u32, y: u32, side: u32) -> Rect {
    Rect::new(Point { x, y }, Size::new(side, side).expect("a side")).expect("a rectangle")
}

/// A native tile in the middle of the tissue.
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
        let tile = source
            .read(rect(PLACE, PLACE, TILE), std::mem::take(&mut spare))
            .expect("the tile is read");
        spare = tile.over(Rgb::WHITE).into_bytes();
    });
}

#[divan::bench]
fn read_lossless_and_decode_at_half_size(bencher: Bencher<'_, '_>) {
    let source = real_slide(ReaderChoice::Auto);
    let stored: &dyn NativeTileReader = source.native_tiles().expect("the slide is read directly");
    let (mut jpeg, mut spare) = (Vec::new(), Vec::new());
    bencher.counter(pixels(TILE)).bench_local(|| {
        let region = rect(PLACE, PLACE, TILE);
        let half = stored.read_native(
            region,
            ReductionMethod::Mean,
            &mut jpeg,
            std::mem::take(&mut spare),
        );
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
    bencher.counter(pixels(256)).bench_local(|| {
        spare = tile.view().reduced(whole, method, std::mem::take(&mut spare)).into_bytes()
    });
}

#[divan::bench(args = [Subsampling::Full, Subsampling::Quarter])]
fn encode(bencher: Bencher<'_, '_>, subsampling: Subsampling) {
    let tile = tissue();
    let quality = Quality::new(75).expect("a quality");
    let format = TileFormat::Jpeg { quality, subsampling, coding: JpegCoding::Baseline };
    let mut encoder = TileEncoder::new(format, None).expect("an encoder");
    bencher
        .counter(pixels(256))
        .bench_local(|| encoder.encode(tile.view()).expect("the tile is encoded").len());
}

/// Profiles of one curve and a matrix, of three curves, and of a table of 17 steps.
#[divan::bench(args = ["matrix", "three curves", "table"])]
fn convert_colors(bencher: Bencher<'_, '_>, kind: &str) {
    let profile = icc::IccProfile::new(b"RGB ", if kind == "table" { b"Lab " } else { b"XYZ " });
    let profile = if kind == "table" {
        let node = |place: &[f64]| {
            icc::legacy_lab(icc::lab(icc::light_to_xyz([place[0], place[1], place[2]])))
        };
        profile.tag(
            b"A2B0",
            icc::lut(Precision::Sixteen, (3, 17), |value| value.powf(1.8), node, |value| value),
        )
    } else {
        let column =
            |red: f64, green: f64, blue: f64| icc::xyz(icc::light_to_xyz([red, green, blue]));
        let profile =
            profile.tag(b"rXYZ", column(1.0, 0.0, 0.0)).tag(b"gXYZ", column(0.0, 1.0, 0.0));
        let blue = if kind == "matrix" { 1.8 } else { 1.9 };
        let profile = profile.tag(b"bXYZ", column(0.0, 0.0, 1.0)).tag(b"bTRC", icc::gamma(blue));
        profile.tag(b"rTRC", icc::gamma(1.8)).tag(b"gTRC", icc::gamma(1.8))
    };
    let profile = IccProfile::new(profile.bytes());
    let ProfileEffect::Conversion(conversion) =
        ColorConversion::to_srgb(&profile, PixelColors::Rgb, None).expect("a profile")
    else {
        panic!("the profile moves no color");
    };
    let bytes = tissue().into_bytes();
    let size = Size::new(256, 256).expect("a size");
    bencher
        .counter(pixels(256))
        .with_inputs(|| PremultipliedPixels::opaque(size, bytes.clone()))
        .bench_local_values(|pixels| conversion.convert(pixels));
}

#[divan::bench]
fn convert_cmyk(bencher: Bencher<'_, '_>) {
    let node = |place: &[f64]| icc::legacy_lab(icc::lab(icc::printed_color(place)));
    let table = icc::lut(Precision::Sixteen, (4, 9), |value| value.powf(0.9), node, |value| value);
    let profile =
        IccProfile::new(icc::IccProfile::new(b"CMYK", b"Lab ").tag(b"A2B0", table).bytes());
    let conversion = CmykConversion::to_srgb(&profile, None).expect("a profile");
    // What the tissue's colors are the complement of, and some black.
    let bytes = tissue().into_bytes();
    let cmyk: Vec<[u8; 4]> = bytes
        .as_chunks::<4>()
        .0
        .iter()
        .map(|&[b, g, r, _]| [!r, !g, !b, !(r.max(g).max(b)) / 2])
        .collect();
    let mut converted = vec![[0; 4]; cmyk.len()];
    bencher.counter(pixels(256)).bench_local(|| conversion.convert(&cmyk, &mut converted));
}

#[divan::bench]
fn write(bencher: Bencher<'_, '_>) {
    let folder = tempfile::tempdir().expect("a folder");
    let sink =
        DirectorySink::create(&folder.path().join("out"), OverwritePolicy::Refuse).expect("a sink");
    let (contents, number) = (vec![0x5a; 10_000], AtomicU64::new(0));
    bencher.counter(BytesCount::new(contents.len())).bench_local(|| {
        let entry = number.fetch_add(1, Ordering::Relaxed);
        let name = EntryName::new(format!("{entry}.jpeg")).expect("a name");
        sink.write(&name, Role::Tile, entry, &contents).expect("the file is written");
    });
}
