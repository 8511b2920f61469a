//! Every pixel of every level, against the definition: an uncompressed slide exported as PNG loses
//! nothing on the way.

use slidezoom_fixtures::{Compression, Pattern, SlideBuilder, TileFault};

use crate::pictures::{Expected, Picture};
use crate::slides::{self, WriteInto};
use crate::tree::Tree;
use crate::workspace::{Run, Workspace};

/// The export of a slide as PNG tiles.
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

/// Every tile shows what is expected.
#[track_caller]
fn assert_pixels(tree: &Tree, expected: &Expected, tolerance: u8) {
    for tile in expected.plan.tiles() {
        let file = format!("scan_files/{}", tile.file("png"));
        Picture::from_png(tree.file(&file)).assert_near(&expected.tile(&tile), tolerance, &file);
    }
}

/// An uncompressed slide with this pattern comes out exactly.
#[track_caller]
fn assert_exact(
    slide: &SlideBuilder,
    size: (u32, u32),
    pattern: Pattern,
    tile_size: u32,
    overlap: u32,
) {
    let tree = export_png(slide, tile_size, overlap, &[]);
    assert_pixels(&tree, &Expected::new(Picture::of_pattern(size, pattern), tile_size, overlap), 0);
}

#[test]
fn every_pixel_is_exact_with_the_default_tiles() {
    let size = (700, 500);
    let pattern = Pattern::Tissue { seed: 3 };
    assert_exact(&slides::exact(size, pattern), size, pattern, 254, 1);
}

#[test]
fn every_pixel_is_exact_with_tiles_that_do_not_overlap() {
    let size = (513, 511);
    assert_exact(&slides::exact(size, Pattern::Gradient), size, Pattern::Gradient, 256, 0);
}

#[test]
fn every_pixel_is_exact_with_odd_tiles_and_wide_overlaps() {
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
fn every_pixel_is_exact_with_the_smallest_tiles() {
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
fn every_pixel_is_exact_however_the_slide_is_stored() {
    let (size, pattern) = ((450, 350), Pattern::Tissue { seed: 4 });
    // OpenSlide 4.0.1.2's libtiff refuses uncompressed tiles of other than whole kilobytes.
    for (width, height) in [(16, 64), (32, 32), (64, 512), (2048, 16), (1280, 1280)] {
        assert_exact(&slides::exact(size, pattern).tile_size(width, height), size, pattern, 254, 1);
    }
}

#[test]
fn lower_levels_come_from_the_full_size_and_not_from_the_slides_own_levels() {
    // The builder rounds its means half up; we round half to even.
    let (size, pattern) = ((600, 400), Pattern::Tissue { seed: 5 });
    assert_exact(&slides::exact(size, pattern).levels([1, 2, 4]), size, pattern, 200, 1);
}

#[test]
fn pixels_of_a_jpeg_slide_are_its_own() {
    let size = (700, 500);
    let tree = export_png(&slides::small().quality(95), 254, 1, &[]);
    // What the slide's JPEG cost at the sharp edges of the mark is not ours.
    let expected = Expected::new(Picture::of_pattern(size, Pattern::Gradient), 254, 1);
    assert_pixels(&tree, &expected, 96);
}

#[test]
fn transparent_pixels_show_the_background_and_half_transparent_ones_their_share() {
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

        let share = |color: u8, behind: u8, alpha: u8| {
            let [color, behind, alpha] = [color, behind, alpha].map(u32::from);
            ((color * alpha + behind * (255 - alpha) + 127) / 255) as u8
        };
        let base = Picture::draw(size, |x, y| {
            let (color, alpha) = (Pattern::Gradient.pixel(x, y), Pattern::alpha(x, y));
            [
                share(color[0], red, alpha),
                share(color[1], green, alpha),
                share(color[2], blue, alpha),
            ]
        });
        // Two roundings on the way to the full size, libtiff's and ours; the levels below follow
        // from it exactly.
        let found = Picture::from_png(tree.file("scan_files/9/0_0.png"));
        found.assert_near(&base, 1, &format!("{compression:?} on {background:?}"));
        assert_pixels(&tree, &Expected::new(found, 512, 1), 0);
    }
}

/// A slide whose first column of tiles was never scanned: OpenSlide says so by its bounds.
fn partly_scanned() -> SlideBuilder {
    let slide = slides::exact((700, 500), Pattern::Gradient);
    slide.tile_fault(0, 0, 0, TileFault::Missing).tile_fault(0, 0, 1, TileFault::Missing)
}

#[test]
fn by_default_only_the_scanned_area_is_exported() {
    let tree = export_png(&partly_scanned(), 254, 1, &[]);
    let scanned = Picture::draw((444, 500), |x, y| Pattern::Gradient.pixel(x + 256, y));
    assert_pixels(&tree, &Expected::new(scanned, 254, 1), 0);
    let area = serde_json::json!({ "x": 256, "y": 0, "width": 444, "height": 500 });
    assert_eq!(tree.json("scan.json")["area"], area);
}

#[test]
fn with_full_bounds_what_was_not_scanned_shows_the_background() {
    let tree =
        export_png(&partly_scanned(), 254, 1, &["--bounds", "full", "--background", "102030"]);
    let whole = Picture::draw((700, 500), |x, y| {
        if x < 256 { [0x10, 0x20, 0x30] } else { Pattern::Gradient.pixel(x, y) }
    });
    assert_pixels(&tree, &Expected::new(whole, 254, 1), 0);
    let area = serde_json::json!({ "x": 0, "y": 0, "width": 700, "height": 500 });
    assert_eq!(tree.json("scan.json")["area"], area);
}

#[test]
fn jpeg_tiles_keep_the_slides_sampling_and_its_colors() {
    let workspace = Workspace::new();
    let size = (700, 500);
    let expected = Expected::new(Picture::of_pattern(size, Pattern::Gradient), 254, 1);
    slides::exact(size, Pattern::Gradient).write_into(&workspace, "plain.tif");
    slides::small().write_into(&workspace, "420.tif");
    slides::small()
        .subsampling(slidezoom_fixtures::Subsampling::HalfWidth)
        .write_into(&workspace, "422.tif");
    for (slide, options, sampling) in [
        // Not JPEG: all chroma is kept.
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
            // The mark's sharp edges ring, and a tile of a few pixels is all edge. A tile in a
            // wrong place is off by far more.
            let (found, wanted) = (Picture::from_jpeg(&bytes), expected.tile(&tile));
            let tolerance = if tile.size().0 >= 64 { 6.0 } else { 30.0 };
            assert!(mean_difference(&found, &wanted) < tolerance, "{slide} {options:?} {tile:?}");
        }
    }
}

/// Gray values by which two pictures differ on average.
fn mean_difference(one: &Picture, other: &Picture) -> f64 {
    assert_eq!(one.size(), other.size());
    let pairs = one.pixels.as_flattened().iter().zip(other.pixels.as_flattened());
    let sum: u64 = pairs.map(|(one, other)| u64::from(one.abs_diff(*other))).sum();
    sum as f64 / (3 * one.pixels.len()) as f64
}
