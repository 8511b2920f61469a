//! `--reduce`: the methods that downsample a level to the next smaller one, compared with libvips
//! where it has the same method.

use std::collections::HashSet;
use std::fs;
use std::io::Cursor;

use slidezoom_fixtures::{Color, Pattern, SlideBuilder, Style, Subsampling};

use crate::deep_zoom::DeepZoom;
use crate::rgb_image::RgbImage;
use crate::slides::{self, WriteInto};
use crate::tools;
use crate::workspace::Workspace;

/// The width or the height is odd at most levels.
const ODD: (u32, u32) = (701, 467);

/// Returns the pixels of a gray or RGB PNG as RGB.
fn rgb_pixels(bytes: &[u8]) -> Vec<[u8; 3]> {
    let mut reader = png::Decoder::new(Cursor::new(bytes)).read_info().unwrap();
    let mut values = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut values).unwrap();
    match frame.color_type {
        png::ColorType::Rgb => values.as_chunks::<3>().0.to_vec(),
        png::ColorType::Grayscale => values.into_iter().map(|value| [value; 3]).collect(),
        other => panic!("{other:?}"),
    }
}

/// Asserts that all tiles equal those of `vips dzsave --region-shrink`.
fn assert_equals_vips(slide: &SlideBuilder, methods: &[&str]) {
    let workspace = Workspace::new();
    slide.write_into(&workspace, "scan.tif");
    for &method in methods {
        let theirs = format!("vips-{method}");
        let vips = ["dzsave", "scan.tif", &theirs, "--region-shrink", method, "--suffix", ".png"];
        let options = ["--tile-size", "100", "--overlap", "2"];
        let Some(run) = tools::run("vips", [&vips[..], &options].concat(), &workspace.path(""))
        else {
            return;
        };
        run.succeeds();
        let ours = ["scan.tif", "-o", method, "--format", "png", "--no-viewer", "--reduce", method];
        workspace.export([&ours[..], &options].concat()).succeeds();
        let tree = workspace.tree(method);
        for tile in DeepZoom::new(ODD).with_tiles(100, 2).tiles() {
            let file = tile.file("png");
            let expected = fs::read(workspace.path(format!("{theirs}_files/{file}"))).unwrap();
            assert!(
                rgb_pixels(tree.file(&format!("{method}_files/{file}"))) == rgb_pixels(&expected),
                "{method} {file}"
            );
        }
    }
}

#[test]
fn max_min_and_nearest_equal_those_of_libvips() {
    assert_equals_vips(
        &slides::exact(ODD, Pattern::Tissue { seed: 7 }),
        &["max", "min", "nearest"],
    );
}

#[test]
fn mode_of_gray_pixels_equals_that_of_libvips() {
    // libvips computes the mode of each channel, slidezoom that of whole pixels: the same if there
    // is one channel. Cells of 3 pixels make many ties; grain makes four different values.
    for pattern in [Pattern::TileColors { width: 3, height: 3 }, Pattern::Tissue { seed: 4 }] {
        let slide =
            SlideBuilder::new(ODD.0, ODD.1).pattern(pattern).color(Color::Gray).quality(100);
        assert_equals_vips(&slide, &["mode", "max"]);
    }
}

#[test]
fn mode_and_nearest_never_mix_labels() {
    let pattern = Pattern::TileColors { width: 5, height: 3 };
    let workspace = Workspace::new();
    slides::exact(ODD, pattern).write_into(&workspace, "labels.tif");
    let base = RgbImage::of_pattern(ODD, pattern);
    let labels: HashSet<[u8; 3]> = base.pixels.iter().copied().collect();
    assert!(labels.len() > 1000);
    let mixed_pixels = |method: &str| {
        workspace
            .export([
                "labels.tif",
                "-o",
                method,
                "--format",
                "png",
                "--no-viewer",
                "--reduce",
                method,
            ])
            .succeeds();
        let tree = workspace.tree(method);
        let tiles = DeepZoom::new(ODD).tiles();
        let images = tiles.iter().map(|tile| {
            RgbImage::from_png(tree.file(&format!("{method}_files/{}", tile.file("png"))))
        });
        images.flat_map(|image| image.pixels).filter(|pixel| !labels.contains(pixel)).count()
    };
    assert_eq!((mixed_pixels("mode"), mixed_pixels("nearest")), (0, 0));
    assert!(mixed_pixels("mean") > 1000);
}

#[test]
fn lossless_exports_use_the_method_or_reject_it() {
    let workspace = Workspace::new();
    let tissue = SlideBuilder::new(300, 165)
        .tile_size(64, 64)
        .pattern(Pattern::Tissue { seed: 3 })
        .style(Style::Aperio);
    tissue.color(Color::Rgb).subsampling(Subsampling::Full).write_into(&workspace, "scan.svs");
    let plan = DeepZoom::new((300, 165)).with_tiles(64, 0);
    for (method, reduce) in [
        ("max", &(|four: [u8; 4]| four.into_iter().max().unwrap()) as &dyn Fn([u8; 4]) -> u8),
        ("nearest", &|[first, ..]: [u8; 4]| first),
    ] {
        let export = [
            "scan.svs",
            "--lossless",
            "--quality",
            "100",
            "--subsampling",
            "444",
            "--reduce",
            method,
            "-o",
            method,
        ];
        workspace.export(export).succeeds();
        let tree = workspace.tree(method);
        assert_eq!(tree.json(&format!("{method}.json"))["options"]["reduction"], method);
        let tile = |level: u32, column: u32, row: u32| {
            RgbImage::from_jpeg(tree.file(&format!("{method}_files/{level}/{column}_{row}.jpeg")))
        };
        // Four tiles of the full size make one tile of the next level.
        let level = plan.max_level();
        let tiles = [[(0, 0), (1, 0)], [(0, 1), (1, 1)]]
            .map(|row| row.map(|(column, row)| tile(level, column, row)));
        let expected = RgbImage::draw((64, 64), |x, y| {
            let pixel =
                |x: u32, y: u32| tiles[(y / 64) as usize][(x / 64) as usize].pixel(x % 64, y % 64);
            let pixels = [
                pixel(2 * x, 2 * y),
                pixel(2 * x + 1, 2 * y),
                pixel(2 * x, 2 * y + 1),
                pixel(2 * x + 1, 2 * y + 1),
            ];
            [0, 1, 2].map(|channel| reduce(pixels.map(|pixel| pixel[channel])))
        });
        tile(level - 1, 0, 0).assert_near(&expected, 6, method);
    }
    let unsupported = ["scan.svs", "--lossless", "--reduce", "lanczos3", "-o", "no"];
    workspace.export(unsupported).fails(
        2,
        &["the reduction method lanczos3 reads neighboring tiles", "\nhint: omit --reduce"],
    );
    assert_eq!(workspace.names(), ["max", "nearest", "scan.svs"]);
}

#[test]
fn each_method_makes_different_pixels_and_is_recorded() {
    let workspace = Workspace::new();
    slides::exact((260, 130), Pattern::Tissue { seed: 1 }).write_into(&workspace, "scan.tif");
    let mut seen = HashSet::new();
    for method in ["mean", "median", "mode", "max", "min", "nearest", "lanczos3"] {
        workspace
            .export(["scan.tif", "-o", method, "--format", "png", "--reduce", method])
            .succeeds();
        workspace.slidezoom(["verify", method]).succeeds();
        let tree = workspace.tree(method);
        assert_eq!(tree.json(&format!("{method}.json"))["options"]["reduction"], method);
        let plan = workspace.export(["scan.tif", "--dry-run", "--reduce", method]).succeeds();
        assert!(
            plan.text().contains(&format!("levels      10, downsampled by {method}\n")),
            "{plan:?}"
        );
        assert!(seen.insert(tree.file(&format!("{method}_files/8/0_0.png")).to_vec()), "{method}");
    }
    // The mean is the default.
    workspace.export(["scan.tif", "-o", "default", "--format", "png"]).succeeds();
    let default = workspace.tree("default").file("default_files/8/0_0.png").to_vec();
    assert!(default == workspace.tree("mean").file("mean_files/8/0_0.png"));
    workspace.export(["scan.tif", "--reduce", "average"]).reports(&["invalid value 'average'"]);
}

#[test]
fn rejects_label_methods_with_resampling() {
    let workspace = Workspace::new();
    slides::exact(ODD, Pattern::Tissue { seed: 1 })
        .levels([1, 2])
        .write_into(&workspace, "scan.tif");
    for target in [["--target-mpp", "1.3"], ["--target-mpp", "4"], ["--magnification", "5"]] {
        let export =
            [&["scan.tif", "-o", "out", "--mpp", "0.5", "--reduce", "nearest"][..], &target]
                .concat();
        let run = workspace.export(&export);
        assert_eq!(run.code(), Some(2), "{run:?}");
        assert_eq!(workspace.names(), ["scan.tif"]);
    }
    let blended =
        ["scan.tif", "-o", "out", "--mpp", "0.5", "--target-mpp", "4", "--reduce", "mode"];
    workspace.export(blended).fails(
        2,
        &[
            "would defeat the reduction method mode",
            "\nhint: start from a level of the slide with --slide-level",
        ],
    );
    // A level of the slide needs no resampling.
    let slide_level =
        ["scan.tif", "-o", "out", "--mpp", "0.5", "--reduce", "nearest", "--slide-level", "1"];
    workspace.export(slide_level).succeeds();
}
