//! The quality of the real slide's JPEG tiles, compared with its PNG export, and the estimate of an
//! export's size.

use std::num::NonZeroUsize;

use slidezoom::internals::codec::{JpegCoding, Quality, Subsampling};
use slidezoom::internals::engine::progress::NoProgress;
use slidezoom::internals::key::EntryName;
use slidezoom::internals::plan::{ExportOptions, FormatOption, Page, SubsamplingOption};
use slidezoom::internals::pyramid::Level;
use slidezoom::internals::sink::{MemorySink, Published};
use slidezoom::internals::source;
use slidezoom::{ExportPlan, Source, export};

fn exported(source: &dyn Source, options: &ExportOptions) -> (ExportPlan, Published) {
    let plan = ExportPlan::new(source.info(), "real", options).unwrap();
    let sink = MemorySink::new();
    let published = sink.published();
    export(source, &plan, Box::new(sink), NonZeroUsize::new(2).unwrap(), &NoProgress).unwrap();
    let files = published.lock().unwrap().take().unwrap();
    (plan, files)
}

/// Returns the RGB values of all tiles of a level, decoded by `decode`.
fn level_pixels(
    plan: &ExportPlan,
    files: &Published,
    level: Level,
    decode: fn(&[u8]) -> Vec<u8>,
) -> Vec<u8> {
    let grid = plan.pyramid().grid(level);
    let tiles =
        (0..grid.height()).flat_map(|row| (0..grid.width()).map(move |column| (column, row)));
    tiles
        .flat_map(|(column, row)| {
            let tile = plan.pyramid().tile(level, column, row).unwrap();
            decode(&files[&EntryName::new(plan.names().tile(tile, plan.pyramid())).unwrap()].1)
        })
        .collect()
}

fn decode_jpeg(bytes: &[u8]) -> Vec<u8> {
    turbojpeg::decompress(bytes, turbojpeg::PixelFormat::RGB).unwrap().pixels
}

fn decode_png(bytes: &[u8]) -> Vec<u8> {
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut rgb).unwrap();
    rgb
}

fn decibels(mean_squared_error: f64) -> f64 {
    10.0 * (255.0 * 255.0 / mean_squared_error).log10()
}

fn luma(pixel: &[u8]) -> f64 {
    0.299 * f64::from(pixel[0]) + 0.587 * f64::from(pixel[1]) + 0.114 * f64::from(pixel[2])
}

fn mean(values: &[u8]) -> f64 {
    values.iter().map(|&value| f64::from(value)).sum::<f64>() / values.len() as f64
}

/// Measured at quality 95, 4:4:4: 40.7 dB at full size and 37.8 to 40.0 dB on smaller levels in
/// RGB, at least 42.2 dB in luma. The bounds leave half a decibel.
#[test]
fn jpeg_tiles_are_close_to_the_slide_and_levels_keep_its_brightness() {
    let path = slidezoom_fixtures::real_slide().unwrap();
    let source = source::open(&path).unwrap();
    let options = ExportOptions::default()
        .quality(Quality::new(95).unwrap())
        .subsampling(SubsamplingOption::Fixed(Subsampling::Full))
        .page(Page::Omit);
    let (plan, jpeg) = exported(source.as_ref(), &options);
    let (png_plan, png) = exported(source.as_ref(), &options.format(FormatOption::Png));
    let mut base_brightness = None;
    for level in plan.pyramid().levels().rev().filter(|level| level.number() >= 5) {
        let lossy = level_pixels(&plan, &jpeg, level, decode_jpeg);
        let exact = level_pixels(&png_plan, &png, level, decode_png);
        assert_eq!(lossy.len(), exact.len());
        let squares = lossy.iter().zip(&exact).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2));
        let rgb = decibels(squares.sum::<f64>() / lossy.len() as f64);
        let luma_squares = lossy
            .chunks_exact(3)
            .zip(exact.chunks_exact(3))
            .map(|(a, b)| (luma(a) - luma(b)).powi(2));
        let luma = decibels(luma_squares.sum::<f64>() * 3.0 / lossy.len() as f64);
        let bound = if level == plan.pyramid().max_level() { 40.0 } else { 37.3 };
        assert!(rgb >= bound && luma >= 41.5, "level {level}: {rgb:.2} dB, luma {luma:.2} dB");
        // Levels below 6 are so small that the greater weight of edge pixels changes the mean, also
        // in the PNG export.
        let brightness = mean(&lossy);
        let base = *base_brightness.get_or_insert(brightness);
        assert!(
            level.number() < 6 || (brightness - base).abs() <= 0.5,
            "level {level}: {brightness:.2}, base {base:.2}"
        );
        assert!(
            (brightness - mean(&exact)).abs() <= 0.2,
            "level {level}: {brightness:.2}, exact {:.2}",
            mean(&exact)
        );
    }
}

/// The plan estimates the size before a pixel is read.
#[test]
fn the_estimated_size_is_within_7_percent_for_the_real_slide() {
    let path = slidezoom_fixtures::real_slide().unwrap();
    let source = source::open(&path).unwrap();
    let coded = |jpeg_coding| ExportOptions::default().jpeg_coding(jpeg_coding);
    let format = |format| ExportOptions::default().format(format);
    let quality = |options: ExportOptions, quality| options.quality(Quality::new(quality).unwrap());
    for options in [
        coded(JpegCoding::Baseline),
        coded(JpegCoding::Optimized),
        coded(JpegCoding::Progressive),
        quality(coded(JpegCoding::Optimized), 60),
        quality(coded(JpegCoding::Progressive), 95),
        format(FormatOption::Png),
        format(FormatOption::WebPLossless),
        format(FormatOption::WebP),
        quality(format(FormatOption::WebP), 30),
        quality(format(FormatOption::WebP), 97),
    ] {
        let options = options.page(Page::Omit);
        let plan = ExportPlan::new(source.info(), "real", &options).unwrap();
        let report = export(
            source.as_ref(),
            &plan,
            Box::new(MemorySink::new()),
            NonZeroUsize::new(2).unwrap(),
            &NoProgress,
        );
        let ratio = plan.estimated_bytes() as f64 / report.unwrap().tile_bytes as f64;
        assert!((0.93..=1.07).contains(&ratio), "{ratio:.3} of {options:?}");
    }
}
