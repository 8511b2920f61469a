//! Measures the steps of an export on one core, with the pixels of a real slide: `cargo bench
//! --bench stages`.
//!
//! Decoding reads a native tile of 240×240 pixels; encoding and downsampling use 256×256 pixels.
//! Throughput is in full-size pixels. Written files have 10 KB, like tiles of tissue at quality 75.

#![allow(
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a benchmark fails by panicking"
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

/// The side of the slide's native tiles.
const TILE: u32 = 240;

/// The left and top edge of a native tile in the middle of the tissue.
const TISSUE: u32 = 4 * TILE;

fn tissue() -> Pixels {
    let source = real_slide(ReaderChoice::Auto);
    source.read(rect(TISSUE, TISSUE, 256), Vec::new()).expect("the tile is read").over(Rgb::WHITE)
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
            .read(rect(TISSUE, TISSUE, TILE), std::mem::take(&mut spare))
            .expect("the tile is read");
        spare = tile.over(Rgb::WHITE).into_bytes();
    });
}

#[divan::bench]
fn read_lossless_and_decode_at_half_size(bencher: Bencher<'_, '_>) {
    let source = real_slide(ReaderChoice::Auto);
    let reader: &dyn NativeTileReader = source.native_tiles().expect("the slide is read directly");
    let (mut jpeg, mut spare) = (Vec::new(), Vec::new());
    bencher.counter(pixels(TILE)).bench_local(|| {
        let region = rect(TISSUE, TISSUE, TILE);
        let half = reader.read_native(
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
        spare = tile.view().reduced(whole, method, std::mem::take(&mut spare)).into_bytes();
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

/// The profiles have a matrix and one curve, a matrix and different curves, or a table of 17 steps.
#[divan::bench(args = ["matrix", "three curves", "table"])]
fn convert_colors(bencher: Bencher<'_, '_>, kind: &str) {
    let profile = icc::IccProfile::new(b"RGB ", if kind == "table" { b"Lab " } else { b"XYZ " });
    let profile = if kind == "table" {
        let color =
            |rgb: &[f64]| icc::legacy_lab(icc::lab(icc::light_to_xyz([rgb[0], rgb[1], rgb[2]])));
        profile.tag(
            b"A2B0",
            icc::lut(Precision::Sixteen, (3, 17), |value| value.powf(1.8), color, |value| value),
        )
    } else {
        let column =
            |red: f64, green: f64, blue: f64| icc::xyz(icc::light_to_xyz([red, green, blue]));
        let profile =
            profile.tag(b"rXYZ", column(1.0, 0.0, 0.0)).tag(b"gXYZ", column(0.0, 1.0, 0.0));
        let blue_gamma = if kind == "matrix" { 1.8 } else { 1.9 };
        let profile =
            profile.tag(b"bXYZ", column(0.0, 0.0, 1.0)).tag(b"bTRC", icc::gamma(blue_gamma));
        profile.tag(b"rTRC", icc::gamma(1.8)).tag(b"gTRC", icc::gamma(1.8))
    };
    let profile = IccProfile::new(profile.bytes());
    let ProfileEffect::Conversion(conversion) =
        ColorConversion::to_srgb(&profile, PixelColors::Rgb, None).expect("a profile")
    else {
        panic!("the profile changes no color");
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
    let color = |cmyk: &[f64]| icc::legacy_lab(icc::lab(icc::printed_color(cmyk)));
    let table = icc::lut(Precision::Sixteen, (4, 9), |value| value.powf(0.9), color, |value| value);
    let profile =
        IccProfile::new(icc::IccProfile::new(b"CMYK", b"Lab ").tag(b"A2B0", table).bytes());
    let conversion = CmykConversion::to_srgb(&profile, None).expect("a profile");
    // The complements of the tissue's colors, and some black.
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
