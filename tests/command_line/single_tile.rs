//! `slidezoom tile`: with `--exact`, the bytes of the exported tile; otherwise, a tile from the
//! nearest slide level.

use std::fs;

use slidezoom_fixtures::{Compression, Pattern, SlideBuilder, TileFault};

use crate::deep_zoom::{DeepZoom, Tile};
use crate::rgb_image::{ExpectedTiles, RgbImage, jpeg_size};
use crate::slides::{self, SIZE, WriteInto};
use crate::tree::Tree;
use crate::workspace::{Run, Workspace};

/// Runs `slidezoom tile scan.tif` for a tile with these options.
fn tile(workspace: &Workspace, tile: &Tile, options: &[&str]) -> Run {
    let address = [tile.level, tile.column, tile.row].map(|number| number.to_string());
    let mut command = workspace.command(["tile", "scan.tif"]);
    Run::of(command.args(address).args(options))
}

/// Returns the first and last tile of every level, and one in the middle of the largest.
fn sample(plan: &DeepZoom) -> Vec<Tile> {
    let ends = (0..=plan.max_level()).flat_map(|level| {
        let tiles = plan.level_tiles(level);
        [tiles[0].clone(), tiles[tiles.len() - 1].clone()]
    });
    let base = plan.level_tiles(plan.max_level());
    ends.chain([base[base.len() / 2].clone()]).collect()
}

/// Asserts that sampled tiles have the bytes of the exported ones.
fn assert_same_as_exported(
    slide: &SlideBuilder,
    plan: DeepZoom,
    extension: &str,
    options: &[&str],
) {
    let workspace = Workspace::new();
    slide.write_into(&workspace, "scan.tif");
    workspace.export([&["scan.tif", "--no-viewer"], options].concat()).succeeds();
    let exported: Tree = workspace.tree("scan/scan_files");
    for address in sample(&plan) {
        let run = tile(&workspace, &address, &[options, &["--exact"]].concat()).succeeds();
        assert!(run.stderr.is_empty(), "{run:?}");
        assert!(run.stdout == exported.file(&address.file(extension)), "{address:?} {options:?}");
    }
}

#[test]
fn exact_tiles_equal_exported_tiles() {
    assert_same_as_exported(&slides::aperio(), DeepZoom::new(SIZE), "jpeg", &[]);
}

#[test]
fn exact_tiles_equal_exported_tiles_with_other_options() {
    let cut = |tile_size, overlap| DeepZoom::new(SIZE).with_tiles(tile_size, overlap);
    let options = ["--tile-size", "101", "--overlap", "3", "--format", "png"];
    assert_same_as_exported(&slides::small(), cut(101, 3), "png", &options);
    let options = [
        "--tile-size",
        "256",
        "--overlap",
        "0",
        "--quality",
        "35",
        "--subsampling",
        "444",
        "--jobs",
        "2",
    ];
    assert_same_as_exported(&slides::small(), cut(256, 0), "jpeg", &options);
    for method in ["median", "mode", "lanczos3"] {
        assert_same_as_exported(
            &slides::small(),
            cut(100, 1),
            "png",
            &["--tile-size", "100", "--format", "png", "--reduce", method],
        );
    }
}

#[test]
fn rejects_a_reduction_method_without_exact() {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "scan.tif");
    workspace
        .slidezoom(["tile", "scan.tif", "3", "0", "0", "--reduce", "mode"])
        .fails(2, &["--reduce", "\nhint: add --exact"]);
}

#[test]
fn exact_tiles_of_sparse_and_transparent_slides_equal_exported_tiles() {
    let slide = slides::small().tile_fault(0, 0, 0, TileFault::Missing).tile_fault(
        0,
        0,
        1,
        TileFault::Missing,
    );
    assert_same_as_exported(&slide, DeepZoom::new((444, 500)), "jpeg", &[]);
    assert_same_as_exported(
        &slide,
        DeepZoom::new(SIZE),
        "jpeg",
        &["--bounds", "full", "--background", "204060"],
    );
    let slide = slides::small().compression(Compression::UncompressedStraightAlpha);
    assert_same_as_exported(&slide, DeepZoom::new(SIZE), "jpeg", &["--background", "204060"]);
}

#[test]
fn nearest_tiles_are_near_exact_tiles() {
    let workspace = Workspace::new();
    let base = RgbImage::of_pattern(SIZE, Pattern::Gradient);
    slides::exact(SIZE, Pattern::Gradient).levels([1, 2, 4]).write_into(&workspace, "scan.tif");
    let expected = ExpectedTiles::new(base, 254, 1);
    for address in sample(&expected.plan) {
        let run = tile(&workspace, &address, &["--format", "png"]).succeeds();
        let found = RgbImage::from_png(&run.stdout);
        let place = format!("{address:?}");
        if address.level == expected.plan.max_level() {
            found.assert_near(&expected.tile(&address), 0, &place);
        } else if address.level + 2 >= expected.plan.max_level() {
            // The slide's levels differ from the exported ones only by rounding.
            found.assert_near(&expected.tile(&address), 2, &place);
        } else {
            assert_eq!(found.size(), address.size(), "{place}");
        }
    }
}

#[test]
fn nearest_tiles_have_the_planned_size() {
    let workspace = Workspace::new();
    // For such narrow slides, openslide-python returns 1×1 pixels instead of 2×1.
    for size in [(1037, 3), (5, 613), (641, 641), (255, 257)] {
        slides::exact(size, Pattern::Gradient).levels([1, 4]).write_into(&workspace, "scan.tif");
        for address in sample(&DeepZoom::new(size)) {
            let run = tile(&workspace, &address, &[]).succeeds();
            assert_eq!(jpeg_size(&run.stdout), address.size(), "{size:?} {address:?}");
        }
    }
}

#[test]
fn a_tile_outside_the_pyramid_is_a_usage_error() {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "scan.tif");
    for (address, words) in [
        (["11", "0", "0"], "levels range from 0 to 10"),
        (["99", "0", "0"], "levels range from 0 to 10"),
        (["4294967295", "0", "0"], "levels range from 0 to 10"),
        (["10", "3", "0"], "column 3, row 0"),
        (["10", "0", "2"], "which has 3×2 tiles"),
        (["0", "1", "0"], "which has 1×1 tiles"),
        (["10", "4294967295", "4294967295"], "column 4294967295, row 4294967295"),
    ] {
        let place = format!("of level {}", address[0]);
        for more in [&[][..], &["--exact"], &["-o", "tile.jpeg"]] {
            workspace
                .slidezoom([&["tile", "scan.tif"], &address[..], more].concat())
                .fails(2, &[&place, words]);
        }
    }
    assert_eq!(workspace.names(), ["scan.tif"]);
}

#[test]
fn rejects_an_extension_of_another_format() {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "scan.tif");
    let tile = ["tile", "scan.tif", "0", "0", "0", "-o"];
    workspace.slidezoom([&tile[..], &["tile.png"]].concat()).fails(2, &["format"]);
    workspace
        .slidezoom([&tile[..], &["tile.JPG", "--format", "png"]].concat())
        .fails(2, &["format"]);
    workspace.slidezoom([&tile[..], &["tile.JPG"]].concat()).succeeds();
    workspace.slidezoom([&tile[..], &["tile.png", "--format", "png"]].concat()).succeeds();
    assert_eq!(workspace.names(), ["scan.tif", "tile.JPG", "tile.png"]);
}

#[test]
fn writes_a_tile_whole_or_not_at_all() {
    let workspace = Workspace::new();
    slides::small().tile_fault(0, 1, 1, TileFault::BrokenHeader).write_into(&workspace, "scan.tif");
    let run =
        workspace.slidezoom(["tile", "scan.tif", "10", "0", "0", "-o", "tile.jpeg"]).succeeds();
    assert_eq!((run.text(), run.stderr.as_str()), ("", ""));
    let written = fs::read(workspace.path("tile.jpeg")).unwrap();
    let run = workspace.slidezoom(["tile", "scan.tif", "10", "0", "0"]).succeeds();
    assert!(run.stdout == written);

    // If the tile cannot be read, the existing file stays.
    for more in [&[][..], &["--exact"]] {
        let command = [&["tile", "scan.tif", "10", "1", "1", "-o", "tile.jpeg"], more].concat();
        workspace.slidezoom(command).fails(3, &["cannot read scan.tif: ", "of slide level 0"]);
        assert!(fs::read(workspace.path("tile.jpeg")).unwrap() == written);
    }
    workspace
        .slidezoom(["tile", "scan.tif", "10", "0", "0", "-o", "no/such/tile.jpeg"])
        .fails(4, &["no/such"]);
    workspace.slidezoom(["tile", "scan.tif", "10", "0", "0", "-o", ".."]).fails(4, &[".."]);
    assert_eq!(workspace.names(), ["scan.tif", "tile.jpeg"]);
}
