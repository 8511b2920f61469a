//! How much memory an export holds: flat, however large the slide. A test target of its own with one process a slide, as the
//! peak of a process is what the system reports.
//!
//! The slides are of 100,000 × 100,000, 200,000 × 200,000 and 400,000 × 4,000 pixels: a few megabytes on disk, since all tiles' offsets point at
//! the same few. Ordinary images, which are decoded row by row, are of up to 65,000 × 65,000. All of these take minutes, so `make soak` runs them;
//! every `make test` runs smaller ones.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests say what broke by panicking"
)]

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use slidezoom_fixtures::image::{ImageBuilder, ImageFormat, JpegCoding, RowOrder, StripCompression};
use slidezoom_fixtures::{ByteOrder, Pattern, SlideBuilder, Subsampling};

/// The peak resident memory of exporting a slide of this size on two workers, in megabytes.
fn peak_megabytes(width: u32, height: u32, levels: &[u32], options: &[&str]) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let slide = folder.path().join("huge.tiff");
    SlideBuilder::new(width, height)
        .pattern(Pattern::Tissue { seed: 1 })
        .distinct_tiles(64)
        .levels(levels.iter().copied())
        .write(&slide)
        .unwrap();
    let peak = peak_of_exporting(&slide, options);
    println!("{width}×{height} {options:?}: {peak} MB");
    peak
}

/// The same of an image that is decoded row by row.
fn image_megabytes(width: u32, height: u32, format: ImageFormat) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    ImageBuilder::new(width, height, format).write(&image).unwrap();
    let peak = peak_of_exporting(&image, &[]);
    println!("{width}×{height} {format:?}: {peak} MB");
    peak
}

/// The peak resident memory of exporting this file on two workers, in megabytes, as Linux counts it.
fn peak_of_exporting(input: &Path, options: &[&str]) -> u64 {
    let mut export = Command::new(env!("CARGO_BIN_EXE_slidezoom"))
        .arg("export")
        .arg(input)
        .arg("-o")
        .arg(input.with_file_name("out"))
        .args(["--jobs", "2", "--quality", "30", "--subsampling", "420", "--no-viewer", "--progress", "json"])
        .args(options)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The system keeps the peak itself; each progress line is an occasion to read it while the process is there.
    let status = Path::new("/proc").join(export.id().to_string()).join("status");
    let mut peak = 0;
    let mut reader = export.stderr.take().unwrap();
    let mut line = [0; 4096];
    while reader.read(&mut line).unwrap() > 0 {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let kilobytes =
            text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        peak = peak.max(kilobytes.unwrap_or(0));
    }
    assert!(export.wait().unwrap().success());
    assert!(peak > 0, "no peak was read");
    peak / 1000
}

const PNG: ImageFormat = ImageFormat::Png(RowOrder::Sequential);

const JPEG: ImageFormat =
    ImageFormat::Jpeg { coding: JpegCoding::Baseline, subsampling: Subsampling::Quarter, quality: 80 };

const fn tiff(strip_rows: Option<u32>) -> ImageFormat {
    ImageFormat::Tiff {
        compression: StripCompression::Deflate,
        strip_rows,
        container: None,
        byte_order: ByteOrder::Little,
    }
}

#[test]
fn a_slide_of_half_a_gigapixel_takes_less_than_120_megabytes() {
    for options in [&[][..], &["--lossless"], &["--reader", "openslide"]] {
        let peak = peak_megabytes(40_000, 12_000, &[1, 4, 16], options);
        assert!(peak < 120, "{options:?}: {peak} MB");
    }
}

#[test]
#[ignore = "takes minutes: make soak"]
fn ten_gigapixels_take_at_most_200_megabytes() {
    for options in [&[][..], &["--lossless"], &["--reader", "openslide"]] {
        let peak = peak_megabytes(100_000, 100_000, &[1, 4, 16, 64], options);
        assert!(peak <= 200, "{options:?}: {peak} MB");
    }
}

#[test]
#[ignore = "takes minutes: make soak"]
fn forty_gigapixels_take_at_most_200_megabytes() {
    let peak = peak_megabytes(200_000, 200_000, &[1, 4, 16, 64], &[]);
    assert!(peak <= 200, "{peak} MB");
}

#[test]
#[ignore = "takes minutes: make soak"]
fn a_very_wide_slide_takes_at_most_200_megabytes() {
    let peak = peak_megabytes(400_000, 4_000, &[1, 4, 16], &[]);
    assert!(peak <= 200, "{peak} MB");
}

/// Whole, each of these takes 240 MB as RGBA, and 180 as RGB.
#[test]
fn an_image_is_not_held_whole() {
    for format in [PNG, JPEG, tiff(Some(16)), tiff(None)] {
        let peak = image_megabytes(20_000, 3_000, format);
        assert!(peak < 150, "{format:?}: {peak} MB");
    }
}

#[test]
#[ignore = "takes minutes: make soak"]
fn images_of_billions_of_pixels_take_at_most_350_megabytes() {
    for (width, height, format) in [
        (60_000, 60_000, PNG),
        (65_000, 65_000, JPEG),
        (100_000, 30_000, tiff(Some(16))),
        (100_000, 30_000, tiff(None)),
    ] {
        let peak = image_megabytes(width, height, format);
        assert!(peak <= 350, "{width}×{height} {format:?}: {peak} MB");
    }
}
