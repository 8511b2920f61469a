//! `--lossless` publishes the slide's native JPEG tiles. The tests compare the scan bytes, and the
//! quantized coefficients that an independent decoder reads from slide and export.

use std::fs;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use slidezoom_fixtures::{
    Color, Compression, Container, JpegTables, Pattern, SlideBuilder, Style, Subsampling,
    TileFault, coefficients,
};
use tiff::decoder::Decoder;
use tiff::tags::Tag;

use crate::deep_zoom::DeepZoom;
use crate::layout::PAGE;
use crate::rgb_image::RgbImage;
use crate::slides::{self, WriteInto};
use crate::tree::Tree;
use crate::workspace::{Run, Workspace};

/// Returns the native tiles of a TIFF's first directory, row by row, each joined with its shared
/// tables.
fn native_tiles(slide: &Path) -> Vec<Vec<u8>> {
    let mut decoder = Decoder::new(BufReader::new(fs::File::open(slide).unwrap())).unwrap();
    let offsets = decoder.get_tag_u64_vec(Tag::TileOffsets).unwrap();
    let lengths = decoder.get_tag_u64_vec(Tag::TileByteCounts).unwrap();
    let tables =
        decoder.find_tag(Tag::JPEGTables).unwrap().map(|value| value.into_u8_vec().unwrap());
    let mut file = fs::File::open(slide).unwrap();
    let mut tile = |(offset, length)| {
        let mut stream = Vec::new();
        file.seek(SeekFrom::Start(offset)).unwrap();
        file.by_ref().take(length).read_to_end(&mut stream).unwrap();
        match &tables {
            Some(tables) if length > 0 => [&tables[..tables.len() - 2], &stream[2..]].concat(),
            _ => stream,
        }
    };
    offsets.into_iter().zip(lengths).map(&mut tile).collect()
}

/// Returns the bytes from the first scan to the end of the image.
fn scans(jpeg: &[u8]) -> &[u8] {
    let start = jpeg.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap();
    let end = jpeg.windows(2).rposition(|pair| pair == [0xff, 0xd9]).unwrap();
    &jpeg[start..end + 2]
}

/// Asserts that full-size tiles have the coefficients of the native tiles, and that uncropped ones
/// also have their bytes.
#[track_caller]
fn assert_lossless(tree: &Tree, name: &str, slide: &Path, plan: &DeepZoom) {
    let stored = native_tiles(slide);
    let tiles = plan.level_tiles(plan.max_level());
    assert_eq!(stored.len(), tiles.len());
    for (tile, stored) in tiles.iter().zip(&stored) {
        let found = tree.file(&format!("{name}_files/{}", tile.file("jpeg")));
        let (width, height) = tile.size();
        let kept = coefficients(stored).unwrap().cropped(width, height).unwrap();
        assert!(coefficients(found).unwrap().cropped(width, height).unwrap() == kept, "{tile:?}");
        if tile.size() == (plan.tile_size, plan.tile_size) {
            assert!(scans(found) == scans(stored), "{tile:?}");
        }
    }
}

/// Returns the peak signal-to-noise ratio of two images in decibels.
fn psnr(left: &RgbImage, right: &RgbImage) -> f64 {
    let pairs = left.pixels.as_flattened().iter().zip(right.pixels.as_flattened());
    let squares: u64 = pairs.map(|(left, right)| u64::from(left.abs_diff(*right)).pow(2)).sum();
    let mean = squares as f64 / (3 * left.pixels.len()) as f64;
    10.0 * (255.0 * 255.0 / mean.max(1e-9)).log10()
}

#[test]
fn exports_the_real_slide_without_loss() {
    let slide = slidezoom_fixtures::real_slide().unwrap();
    let workspace = Workspace::new();
    let export = |options: &[&str]| {
        let mut command = workspace.command([&["export"], options].concat());
        Run::of(command.arg(&slide)).succeeds();
    };
    export(&["-o", "lossless", "--lossless", "--quality", "100"]);
    let tree = workspace.tree("lossless");
    let plan = DeepZoom::new((2220, 2967)).with_tiles(240, 0);
    assert_lossless(&tree, "lossless", &slide, &plan);
    assert!(tree.text("lossless.dzi").contains("Format=\"jpeg\" Overlap=\"0\" TileSize=\"240\""));
    assert_eq!(tree.json("lossless.json")["baseTiles"], "lossless");

    // Full-size pixels are exactly the decoded ones, at cropped edges too. The smaller levels start
    // from a half-size decode, which is close to the 2×2 mean.
    export(&["-o", "exact", "--format", "png", "--tile-size", "240", "--overlap", "0"]);
    let exact = workspace.tree("exact");
    for number in 0..=plan.max_level() {
        let found = RgbImage::assembled(&tree, "lossless", &plan, number, "jpeg");
        let expected = RgbImage::assembled(&exact, "exact", &plan, number, "png");
        if number == plan.max_level() {
            assert!(found == expected);
        } else {
            assert!(
                psnr(&found, &expected) > 36.0,
                "level {number}: {} dB",
                psnr(&found, &expected)
            );
            let mean = |image: &RgbImage| {
                let values = image.pixels.as_flattened();
                values.iter().map(|&value| f64::from(value)).sum::<f64>() / values.len() as f64
            };
            assert!((mean(&found) - mean(&expected)).abs() < 0.5, "level {number}");
        }
    }
}

#[test]
fn copies_every_kind_of_jpeg_tile() {
    let tissue =
        || SlideBuilder::new(300, 165).tile_size(64, 64).pattern(Pattern::Tissue { seed: 3 });
    let rgb = || tissue().color(Color::Rgb).subsampling(Subsampling::Full);
    for (number, slide) in [
        tissue().subsampling(Subsampling::Full),
        tissue().subsampling(Subsampling::HalfWidth),
        tissue().subsampling(Subsampling::Quarter).jpeg_tables(JpegTables::Shared),
        tissue().color(Color::Gray),
        tissue().container(Container::BigTiff).style(Style::Philips),
        rgb(),
        rgb().style(Style::Aperio),
    ]
    .into_iter()
    .enumerate()
    {
        let workspace = Workspace::new();
        let path = slide.write_into(&workspace, "scan.tif");
        workspace.export(["scan.tif", "--lossless"]).succeeds();
        let tree = workspace.tree("scan");
        let plan = DeepZoom::new((300, 165)).with_tiles(64, 0);
        assert_lossless(&tree, "scan", &path, &plan);
        let files: Vec<&str> =
            tree.files().into_iter().filter(|file| !PAGE.contains(file)).collect();
        assert_eq!(files, plan.files("scan", "jpeg"));

        // Pixels equal those of a PNG export, except at cropped 4:2:0 edges, where the chroma
        // beyond the crop is missing from the interpolation.
        workspace
            .export([
                "scan.tif",
                "-o",
                "exact",
                "--format",
                "png",
                "--tile-size",
                "64",
                "--overlap",
                "0",
            ])
            .succeeds();
        let exact = workspace.tree("exact");
        for tile in plan.level_tiles(plan.max_level()) {
            let found =
                RgbImage::from_jpeg(tree.file(&format!("scan_files/{}", tile.file("jpeg"))));
            let expected =
                RgbImage::from_png(exact.file(&format!("exact_files/{}", tile.file("png"))));
            if tile.size() == (64, 64) {
                assert!(found == expected, "slide {number}, {tile:?}");
            } else {
                assert!(
                    psnr(&found, &expected) > 40.0,
                    "slide {number}, {tile:?}: {}",
                    psnr(&found, &expected)
                );
            }
        }
    }
}

#[test]
fn downsamples_a_cropped_edge_from_the_pixels_inside() {
    // Scanners pad edge tiles with black or white, which must not reach the smaller levels. Sides
    // of 64 − 1, 64 + 1 and 64 + 8.
    for (width, height) in [(63, 65), (72, 71), (129, 1), (1, 129)] {
        let workspace = Workspace::new();
        let slide =
            SlideBuilder::new(width, height).tile_size(64, 64).pattern(Pattern::Tissue { seed: 5 });
        slide
            .color(Color::Rgb)
            .subsampling(Subsampling::Full)
            .quality(100)
            .write_into(&workspace, "scan.tif");
        let plan = DeepZoom::new((width, height)).with_tiles(64, 0);
        workspace
            .export(["scan.tif", "--lossless", "--quality", "100", "--subsampling", "444"])
            .succeeds();
        let tree = workspace.tree("scan");
        let base = RgbImage::assembled(&tree, "scan", &plan, plan.max_level(), "jpeg");
        let below = RgbImage::assembled(&tree, "scan", &plan, plan.max_level() - 1, "jpeg");
        below.assert_near(&base.halved(), 24, &format!("{width}×{height}"));
        assert!(
            psnr(&below, &base.halved()) > 36.0,
            "{width}×{height}: {} dB",
            psnr(&below, &base.halved())
        );
    }
}

#[test]
fn output_is_independent_of_jobs_and_missing_tiles_are_background() {
    let workspace = Workspace::new();
    let slide = slides::small().style(Style::Aperio).tile_fault(0, 1, 1, TileFault::Missing);
    slide.write_into(&workspace, "scan.svs");
    for jobs in ["1", "2", "8"] {
        workspace
            .export(["scan.svs", "--lossless", "-o", &format!("jobs-{jobs}/scan"), "--jobs", jobs])
            .succeeds();
    }
    let trees = ["1", "2", "8"].map(|jobs| workspace.tree(format!("jobs-{jobs}/scan")));
    let files = trees[0].files();
    assert!(trees.iter().all(|tree| tree.files() == files));
    assert!(
        files.iter().all(|file| trees.iter().all(|tree| tree.file(file) == trees[0].file(file)))
    );
    let missing = RgbImage::from_jpeg(trees[0].file("scan_files/10/1_1.jpeg"));
    assert_eq!(missing.size(), (256, 244));
    assert!(missing.pixels.iter().all(|pixel| *pixel == [255; 3]));
}

#[test]
fn reports_a_damaged_tile_and_publishes_nothing() {
    for (fault, (column, row), place) in [
        (
            TileFault::GarbageData,
            (1, 1),
            "256×244 pixels at (256, 256) of slide level 0: libjpeg-turbo: ",
        ),
        (
            TileFault::GarbageData,
            (2, 1),
            "188×244 pixels at (512, 256) of slide level 0: libjpeg-turbo: ",
        ),
        (
            TileFault::BrokenHeader,
            (0, 0),
            "256×256 pixels at (0, 0) of slide level 0: its data does not start",
        ),
        (
            TileFault::PastTheEnd,
            (2, 0),
            "188×256 pixels at (512, 0) of slide level 0: its data is at byte",
        ),
    ] {
        let workspace = Workspace::new();
        slides::small()
            .levels([1, 4])
            .tile_fault(0, column, row, fault)
            .write_into(&workspace, "scan.tif");
        workspace.export(["scan.tif", "--lossless"]).fails(3, &[place]);
        assert_eq!(workspace.names(), ["scan.tif"]);
    }
}

#[test]
fn rejects_slides_without_square_jpeg_tiles() {
    let small = || SlideBuilder::new(300, 200);
    let refused = |slide: SlideBuilder, options: &[&str], words: &[&str]| {
        let workspace = Workspace::new();
        slide.write_into(&workspace, "scan.tif");
        workspace.export([&["scan.tif", "--lossless"], options].concat()).fails(2, words);
        assert_eq!(workspace.names(), ["scan.tif"]);
    };
    let openslide =
        "lossless tiles are not possible: the slide is read through OpenSlide, because ";
    refused(
        small().compression(Compression::Uncompressed),
        &[],
        &[openslide, "its tiles are not JPEG (TIFF compression 1)", "\nhint: omit --lossless"],
    );
    refused(small(), &["--reader", "openslide"], &[openslide, "\nhint: omit --reader openslide"]);
    refused(
        small().tile_size(128, 64),
        &[],
        &["native tiles of 128×64 are not square", "\nhint: omit --lossless"],
    );
    refused(
        small(),
        &["--tile-size", "254"],
        &["native tiles have 256 pixels", "254", "\nhint: omit --tile-size and --overlap"],
    );
    refused(small(), &["--overlap", "1"], &["an overlap of 1", "\nhint: omit --tile-size"]);
    refused(small(), &["--format", "png"], &["not the requested format", "\nhint: omit --format"]);

    // Options that agree with the slide's tiles are accepted.
    let workspace = Workspace::new();
    small().write_into(&workspace, "scan.tif");
    let agreeing = ["--tile-size", "256", "--overlap", "0", "--format", "jpeg"];
    workspace.export([&["scan.tif", "--lossless", "-o", "one"], &agreeing[..]].concat()).succeeds();
    workspace.export(["scan.tif", "--lossless", "-o", "two", "--overlap", "0"]).succeeds();
}

#[test]
fn info_and_dry_run_report_whether_lossless_is_possible() {
    let workspace = Workspace::new();
    slides::aperio().write_into(&workspace, "scan.svs");
    slides::small().compression(Compression::Uncompressed).write_into(&workspace, "raw.tif");
    let assert_contains = |run: &Run, words: &str| {
        assert!(
            run.text().lines().any(|line| line
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
                .contains(words)),
            "{words}: {run:?}"
        );
    };
    let info = workspace.slidezoom(["info", "scan.svs"]).succeeds();
    assert_contains(&info, "reader direct (TIFF with 240×240 JPEG tiles in YCbCr)");
    assert_contains(&info, "lossless tiles possible, of 240");
    let info = workspace.slidezoom(["info", "raw.tif"]).succeeds();
    assert_contains(&info, "reader OpenSlide (its tiles are not JPEG (TIFF compression 1))");
    assert_contains(
        &info,
        "lossless tiles not possible: the slide is read through OpenSlide, because its tiles are not JPEG",
    );
    let plan = workspace.export(["scan.svs", "--lossless", "--dry-run"]).succeeds();
    assert_contains(
        &plan,
        "of 240, overlap 0, native JPEG (lossless), smaller levels JPEG quality 80 4:2:0",
    );
    let json = workspace
        .slidezoom(["info", "--json", "--reader", "openslide", "scan.svs"])
        .succeeds()
        .json();
    assert_eq!(
        json["slide"]["reader"],
        serde_json::json!({ "kind": "openslide", "reason": "as requested" })
    );
}

#[test]
fn verbose_reports_the_reader() {
    let workspace = Workspace::new();
    slides::aperio().write_into(&workspace, "scan.svs");
    let run = workspace.export(["scan.svs", "--verbose"]).succeeds();
    assert!(
        run.stderr.contains("scan: reader: direct (TIFF with 240×240 JPEG tiles in YCbCr)\n"),
        "{run:?}"
    );
    let options = ["--verbose", "--reader", "openslide", "--progress", "json", "--overwrite"];
    let run = workspace.export([&["scan.svs"], &options[..]].concat()).succeeds();
    let event =
        run.stderr.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let event = event.into_iter().find(|event| event["event"] == "reading").unwrap();
    assert_eq!(event["reader"]["kind"], "openslide");
}
