//! The peak memory of an export does not grow with the slide. Each export runs in its own process,
//! because Linux reports the peak per process.
//!
//! `make test` exports images several times larger than the memory limit. `make soak` exports
//! slides of up to 40 gigapixels, which take minutes. The files are small: all tile offsets point
//! at the same few tiles.

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

use slidezoom_fixtures::image::{
    ImageBuilder, ImageFormat, JpegCoding, RowOrder, StripCompression,
};
use slidezoom_fixtures::{ByteOrder, Pattern, SlideBuilder, Subsampling};

/// Exports a slide of this size and returns the peak resident memory in megabytes.
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

/// Exports an image that is decoded row by row and returns the peak resident memory in megabytes.
fn image_megabytes(width: u32, height: u32, format: ImageFormat) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    ImageBuilder::new(width, height, format).write(&image).unwrap();
    let peak = peak_of_exporting(&image, &[]);
    println!("{width}×{height} {format:?}: {peak} MB");
    peak
}

/// Exports a file on two workers and returns the peak resident memory in megabytes (`VmHWM`).
fn peak_of_exporting(input: &Path, options: &[&str]) -> u64 {
    let mut export = Command::new(env!("CARGO_BIN_EXE_slidezoom"))
        .arg("export")
        .arg(input)
        .arg("-o")
        .arg(input.with_file_name("out"))
        .args([
            "--jobs",
            "2",
            "--quality",
            "30",
            "--subsampling",
            "420",
            "--no-viewer",
            "--progress",
            "json",
        ])
        .args(options)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Linux keeps the peak. It is read at each progress line, while the process exists.
    let status = Path::new("/proc").join(export.id().to_string()).join("status");
    let mut peak = 0;
    let mut reader = export.stderr.take().unwrap();
    let mut line = [0; 4096];
    while reader.read(&mut line).unwrap() > 0 {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let kilobytes = text
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        peak = peak.max(kilobytes.unwrap_or(0));
    }
    assert!(export.wait().unwrap().success());
    assert!(peak > 0, "the peak was never read");
    peak / 1000
}

const PNG: ImageFormat = ImageFormat::Png(RowOrder::Sequential);

const JPEG: ImageFormat = ImageFormat::Jpeg {
    coding: JpegCoding::Baseline,
    subsampling: Subsampling::Quarter,
    quality: 80,
};

const fn tiff(strip_rows: Option<u32>) -> ImageFormat {
    ImageFormat::Tiff {
        compression: StripCompression::Deflate,
        strip_rows,
        container: None,
        byte_order: ByteOrder::Little,
    }
}

/// As RGBA, the whole slide takes 480 MB.
#[test]
fn a_slide_takes_a_fraction_of_its_size() {
    for options in [&[][..], &["--lossless"], &["--reader", "openslide"]] {
        let peak = peak_megabytes(20_000, 6_000, &[1, 4, 16], options);
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

/// As RGBA, each whole image takes 240 MB, as RGB 180 MB.
#[test]
fn a_streamed_image_takes_a_fraction_of_its_size() {
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
