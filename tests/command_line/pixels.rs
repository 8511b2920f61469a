//! Compares every pixel of every level with the reference implementation. Uncompressed slides and
//! PNG tiles make the comparison exact.

use slidezoom_fixtures::{Compression, Pattern, SlideBuilder, TileFault};

use crate::rgb_image::{ExpectedTiles, RgbImage};
use crate::slides::{self, WriteInto};
use crate::tree::Tree;
use crate::workspace::{Run, Workspace};

/// Exports a slide as PNG tiles.
fn export_png(slide: &SlideBuilder, tile_size: u32, overlap: u32, options: &[&str]) -> Tree {
    let workspace = Workspace::new();
    slide.write_into(&workspace, "scan.tif");
    let cut = [
        "--tile-size".to_owned(),
        tile_size.to_string(),
        "--overlap".to_owned(),
        overlap.to_string(),
    ];
    let mut command = workspace.command(["export", "scan.tif", "--format", "png", "--no-viewer"]);
    Run::of(command.args(cut).args(options)).succeeds();
    workspace.tree("scan")
}

/// Asserts that no pixel of any tile differs by more than `tolerance`.
#[track_caller]
fn assert_pixels(tree: &Tree, expected: &ExpectedTiles, tolerance: u8) {
    for tile in expected.plan.tiles() {
        let file = format!("scan_files/{}", tile.file("png"));
        RgbImage::from_png(tree.file(&file)).assert_near(&expected.tile(&tile), tolerance, &file);
    }
}

/// Exports an uncompressed slide with this pattern and asserts that all pixels are exact.
#[track_caller]
fn assert_exact(
    slide: &SlideBuilder,
    size: (u32, u32),
    pattern: Pattern,
    tile_size: u32,
    overlap: u32,
) {
    let tree = export_png(slide, tile_size, overlap, &[]);
    assert_pixels(
        &tree,
        &ExpectedTiles::new(RgbImage::of_pattern(size, pattern), tile_size, overlap),
        0,
    );
}

#[test]
fn pixels_are_exact_with_default_tiles() {
    let size = (700, 500);
    let pattern = Pattern::Tissue { seed: 3 };
    assert_exact(&slides::exact(size, pattern), size, pattern, 254, 1);
}

#[test]
fn pixels_are_exact_without_overlap() {
    let size = (513, 511);
    assert_exact(&slides::exact(size, Pattern::Gradient), size, Pattern::Gradient, 256, 0);
}

#[test]
fn pixels_are_exact_with_odd_tile_sizes_and_large_overlaps() {
    let pattern = Pattern::Checkerboard { side: 1 };
    for (size, tile_size, overlap) in [((463, 317), 101, 3), ((331, 257), 77, 1), ((70, 45), 10, 9)]
    {
        assert_exact(&slides::exact(size, pattern), size, pattern, tile_size, overlap);
        assert_exact(
            &slides::exact(size, Pattern::Gradient),
            size,
            Pattern::Gradient,
            tile_size,
            overlap,
        );
    }
}

#[test]
fn pixels_are_exact_with_the_smallest_tiles() {
    let size = (37, 53);
    for (tile_size, overlap) in [(2, 0), (2, 1), (3, 2)] {
        assert_exact(
            &slides::exact(size, Pattern::Gradient),
            size,
            Pattern::Gradient,
            tile_size,
            overlap,
        );
    }
}

#[test]
fn pixels_are_exact_with_any_native_tile_size() {
    let (size, pattern) = ((450, 350), Pattern::Tissue { seed: 4 });
    // The libtiff of OpenSlide 4.0.1.2 rejects uncompressed tiles that are not whole kilobytes.
    for (width, height) in [(16, 64), (32, 32), (64, 512), (2048, 16), (1280, 1280)] {
        assert_exact(&slides::exact(size, pattern).tile_size(width, height), size, pattern, 254, 1);
    }
}

#[test]
fn smaller_levels_are_made_from_the_full_size_not_from_slide_levels() {
    // The levels of the slide are different: the builder rounds halves up, slidezoom to even.
    let (size, pattern) = ((600, 400), Pattern::Tissue { seed: 5 });
    assert_exact(&slides::exact(size, pattern).levels([1, 2, 4]), size, pattern, 200, 1);
}

#[test]
fn pixels_of_a_jpeg_slide_are_near_the_original() {
    let size = (700, 500);
    let tree = export_png(&slides::small().quality(95), 254, 1, &[]);
    // The slide's own JPEG compression changes the sharp edges of the marks.
    let expected = ExpectedTiles::new(RgbImage::of_pattern(size, Pattern::Gradient), 254, 1);
    assert_pixels(&tree, &expected, 96);
}

#[test]
fn composites_transparent_pixels_over_the_background() {
    let size = (300, 200);
    for (compression, background) in [
        (Compression::UncompressedStraightAlpha, None),
        (Compression::UncompressedStraightAlpha, Some([0x20, 0xe0, 0x80])),
        (Compression::UncompressedPremultipliedAlpha, Some([0x00, 0x00, 0x00])),
        (Compression::UncompressedPremultipliedAlpha, Some([0xff, 0x10, 0x90])),
    ] {
        let [red, green, blue] = background.unwrap_or([255; 3]);
        let option = background
            .map(|_| ["--background".to_owned(), format!("{red:02x}{green:02x}{blue:02x}")]);
        let options: Vec<&str> = option.iter().flatten().map(String::as_str).collect();
        let slide = slides::exact(size, Pattern::Gradient).compression(compression);
        let tree = export_png(&slide, 512, 1, &options);

        let blend = |color: u8, background: u8, alpha: u8| {
            let [color, background, alpha] = [color, background, alpha].map(u32::from);
            ((color * alpha + background * (255 - alpha) + 127) / 255) as u8
        };
        let base = RgbImage::draw(size, |x, y| {
            let (color, alpha) = (Pattern::Gradient.pixel(x, y), Pattern::alpha(x, y));
            [
                blend(color[0], red, alpha),
                blend(color[1], green, alpha),
                blend(color[2], blue, alpha),
            ]
        });
        // libtiff and slidezoom both round the full size. Smaller levels follow from it exactly.
        let found = RgbImage::from_png(tree.file("scan_files/9/0_0.png"));
        found.assert_near(&base, 1, &format!("{compression:?} on {background:?}"));
        assert_pixels(&tree, &ExpectedTiles::new(found, 512, 1), 0);
    }
}

/// A slide whose first column of tiles was not scanned. OpenSlide reports bounds without it.
fn partly_scanned() -> SlideBuilder {
    let slide = slides::exact((700, 500), Pattern::Gradient);
    slide.tile_fault(0, 0, 0, TileFault::Missing).tile_fault(0, 0, 1, TileFault::Missing)
}

#[test]
fn exports_only_the_scanned_area_by_default() {
    let tree = export_png(&partly_scanned(), 254, 1, &[]);
    let scanned = RgbImage::draw((444, 500), |x, y| Pattern::Gradient.pixel(x + 256, y));
    assert_pixels(&tree, &ExpectedTiles::new(scanned, 254, 1), 0);
    let area = serde_json::json!({ "x": 256, "y": 0, "width": 444, "height": 500 });
    assert_eq!(tree.json("scan.json")["area"], area);
}

#[test]
fn full_bounds_show_the_background_where_nothing_was_scanned() {
    let tree =
        export_png(&partly_scanned(), 254, 1, &["--bounds", "full", "--background", "102030"]);
    let whole = RgbImage::draw((700, 500), |x, y| {
        if x < 256 { [0x10, 0x20, 0x30] } else { Pattern::Gradient.pixel(x, y) }
    });
    assert_pixels(&tree, &ExpectedTiles::new(whole, 254, 1), 0);
    let area = serde_json::json!({ "x": 0, "y": 0, "width": 700, "height": 500 });
    assert_eq!(tree.json("scan.json")["area"], area);
}

#[test]
fn jpeg_tiles_keep_the_subsampling_and_colors_of_the_slide() {
    let workspace = Workspace::new();
    let size = (700, 500);
    let expected = ExpectedTiles::new(RgbImage::of_pattern(size, Pattern::Gradient), 254, 1);
    slides::exact(size, Pattern::Gradient).write_into(&workspace, "plain.tif");
    slides::small().write_into(&workspace, "420.tif");
    slides::small()
        .subsampling(slidezoom_fixtures::Subsampling::HalfWidth)
        .write_into(&workspace, "422.tif");
    for (slide, options, sampling) in [
        // The slide is not JPEG, so tiles keep all chroma.
        ("plain.tif", &[][..], turbojpeg::Subsamp::None),
        ("420.tif", &[], turbojpeg::Subsamp::Sub2x2),
        ("422.tif", &[], turbojpeg::Subsamp::Sub2x1),
        ("420.tif", &["--subsampling", "444"], turbojpeg::Subsamp::None),
        ("plain.tif", &["--subsampling", "420"], turbojpeg::Subsamp::Sub2x2),
    ] {
        workspace
            .export([&[slide, "-o", "scan", "--overwrite", "--quality", "95"], options].concat())
            .succeeds();
        let tree = workspace.tree("scan");
        for tile in expected.plan.tiles() {
            let bytes = tree.file(&format!("scan_files/{}", tile.file("jpeg"))).to_vec();
            assert_eq!(
                turbojpeg::read_header(&bytes).unwrap().subsamp,
                sampling,
                "{slide} {options:?} {tile:?}"
            );
            // JPEG rings at the sharp edges of the marks, most in tiles of a few pixels. A tile
            // with wrong content differs by far more.
            let (found, wanted) = (RgbImage::from_jpeg(&bytes), expected.tile(&tile));
            let tolerance = if tile.size().0 >= 64 { 6.0 } else { 30.0 };
            assert!(mean_difference(&found, &wanted) < tolerance, "{slide} {options:?} {tile:?}");
        }
    }
}

/// The mean difference of two images' channel values.
fn mean_difference(left: &RgbImage, right: &RgbImage) -> f64 {
    assert_eq!(left.size(), right.size());
    let pairs = left.pixels.as_flattened().iter().zip(right.pixels.as_flattened());
    let sum: u64 = pairs.map(|(left, right)| u64::from(left.abs_diff(*right))).sum();
    sum as f64 / (3 * left.pixels.len()) as f64
}
