//! `--layout`: names and pixels of tiles, compared with an independent implementation of each
//! layout and with libvips.

use serde_json::{Value, json};
use slidezoom_fixtures::Pattern;

use crate::deep_zoom::DeepZoom;
use crate::gallery::listed_slides;
use crate::layout::{PAGE, assert_files};
use crate::layout_expectation::{LAYOUTS, LayoutExpectation};
use crate::rgb_image::{RgbImage, jpeg_size};
use crate::slides::{self, WriteInto};
use crate::tools;
use crate::tree::Tree;
use crate::workspace::Workspace;

const BACKGROUND: [u8; 3] = [0x80, 0x90, 0xa0];

#[test]
fn writes_the_names_and_pixels_of_each_layout() {
    for (size, tile_size) in [
        ((1301, 907), None),
        ((700, 433), Some(100)),
        // One level.
        ((200, 120), None),
        // More tiles than a Zoomify group holds.
        ((410, 301), Some(16)),
    ] {
        let workspace = Workspace::new();
        slides::exact(size, Pattern::Gradient).write_into(&workspace, "scan.tiff");
        let levels = RgbImage::of_pattern(size, Pattern::Gradient).levels();
        for layout in LAYOUTS {
            let mut expectation = LayoutExpectation::new(layout, size);
            let mut options = vec!["--layout", layout, "--format", "png", "--background", "8090a0"];
            let tile_size_text = tile_size.map(|tile_size: u32| tile_size.to_string());
            if let (Some(tile_size), Some(text)) = (tile_size, &tile_size_text) {
                expectation.plan.tile_size = tile_size;
                options.extend(["--tile-size", text]);
            }
            let export = |jobs: &str| {
                let output = format!("{layout}/jobs-{jobs}/scan");
                workspace
                    .export([&["scan.tiff", "-o", &output, "--jobs", jobs][..], &options].concat())
                    .succeeds();
                output
            };
            let output = export("1");
            let tree = workspace.tree(&output);
            workspace.tree(export("7")).assert_same(&tree);
            workspace.slidezoom(["verify", &output]).succeeds();
            let others = [&PAGE[..], &["scan.json", "manifest-sha256.txt"]].concat();
            let others = others.into_iter().map(str::to_owned).collect();
            assert_files(&tree, [expectation.files("png"), others].concat());
            for (number, tile) in expectation.tiles().iter().enumerate() {
                let file = expectation.file(number, tile, "png");
                let mut expected = levels[tile.level as usize].part(tile);
                if layout == "google" {
                    expected = padded(&expected, expectation.plan.tile_size);
                }
                assert!(RgbImage::from_png(tree.file(&file)) == expected, "{layout}: {file}");
            }
            let description = tree.json("scan.json");
            assert_eq!(
                (&description["layout"], &description["overlap"]),
                (&json!(layout), &json!(0))
            );
            assert_eq!(description["smallestLevel"], expectation.smallest_level());
            assert_repacks_without_change(&workspace, &output, &tree);
        }
    }
}

/// Fills an edge tile with the background to a full square.
fn padded(tile: &RgbImage, tile_size: u32) -> RgbImage {
    RgbImage::draw((tile_size, tile_size), |x, y| {
        if x < tile.width && y < tile.height { tile.pixel(x, y) } else { BACKGROUND }
    })
}

/// Asserts that repacking a folder into an archive, a bag and a folder again restores it.
#[track_caller]
fn assert_repacks_without_change(workspace: &Workspace, output: &str, tree: &Tree) {
    let (archive, bag, restored) =
        (format!("{output}.zip"), format!("{output}-bag"), format!("{output}-restored"));
    workspace.slidezoom(["repack", output, "-o", &archive]).succeeds();
    workspace.slidezoom(["verify", &archive]).succeeds();
    workspace.slidezoom(["repack", &archive, "-o", &bag, "--container", "bagit"]).succeeds();
    workspace.slidezoom(["verify", &bag]).succeeds();
    workspace.slidezoom(["repack", &bag, "-o", &restored]).succeeds();
    workspace.tree(&restored).assert_same(tree);
    let szi = format!("{output}.szi");
    workspace
        .slidezoom(["repack", output, "-o", &szi])
        .fails(2, &["a .szi must contain Deep Zoom", "repack into"]);
}

/// Names of tiles that cover the whole image are not compared: old versions of libvips write their
/// region as numbers, newer ones as `full`.
#[test]
fn writes_the_same_files_as_libvips() {
    let size = (1301, 907);
    let workspace = Workspace::new();
    slides::exact(size, Pattern::Gradient).write_into(&workspace, "scan.tiff");
    let Some(run) = tools::run(
        "vips",
        ["extract_band", "scan.tiff", "rgb.v", "0", "--n", "3"],
        &workspace.path(""),
    ) else {
        return;
    };
    assert_eq!(run.code(), Some(0), "{run:?}");
    for (layout, vips_layout) in LAYOUTS.into_iter().zip(["zoomify", "google", "iiif", "iiif3"]) {
        for (format, suffix) in [("png", ".png"), ("jpeg", ".jpg")] {
            let folder = format!("{layout}-{format}");
            let arguments = [
                "dzsave",
                "rgb.v",
                &folder,
                "--layout",
                vips_layout,
                "--suffix",
                suffix,
                "--skip-blanks=-1",
            ];
            let run = tools::run("vips", arguments, &workspace.path("")).unwrap();
            assert_eq!(run.code(), Some(0), "{run:?}");
            let output = format!("ours/{folder}");
            workspace
                .export(["scan.tiff", "-o", &output, "--layout", layout, "--format", format])
                .succeeds();
            let (vips, ours) = (workspace.tree(&folder), workspace.tree(&output));
            let expectation = LayoutExpectation::new(layout, size);
            let whole = format!("0,0,{},{}/", size.0, size.1);
            for file in vips.files().into_iter().filter(|file| file.ends_with(suffix)) {
                let name = file.replacen(&whole, "full/", 1);
                let (theirs, ours) = (vips.file(file), ours.file(&name));
                if format == "jpeg" {
                    assert_eq!(jpeg_size(ours), jpeg_size(theirs), "{file}");
                } else if file != "blank.png" {
                    let (theirs, ours) = (RgbImage::from_png(theirs), RgbImage::from_png(ours));
                    // The filters of smaller levels round differently.
                    ours.assert_near(
                        &theirs,
                        u8::from(!is_full_size(expectation, &name)) * 2,
                        file,
                    );
                }
            }
            let tiles = vips
                .files()
                .iter()
                .filter(|file| file.ends_with(suffix) && **file != "blank.png")
                .count();
            assert_eq!(tiles, expectation.tiles().len(), "{layout}");
            if layout == "zoomify" {
                assert_eq!(ours.text("ImageProperties.xml"), vips.text("ImageProperties.xml"));
            }
            if layout.starts_with("iiif") {
                assert_information_agrees(&ours.json("info.json"), &vips.json("info.json"));
            }
        }
    }
}

/// Whether the file is a tile of the largest level.
fn is_full_size(expectation: LayoutExpectation, file: &str) -> bool {
    let tiles = expectation.tiles();
    let mut numbered = tiles.iter().enumerate();
    let tile = numbered.find(|(number, tile)| expectation.file(*number, tile, "png") == file);
    tile.is_some_and(|(_, tile)| tile.level == expectation.plan.max_level())
}

/// Asserts that `ours` contains everything in `theirs`. Old versions of libvips omit the largest
/// scale factor.
#[track_caller]
fn assert_information_agrees(ours: &Value, theirs: &Value) {
    for (key, value) in theirs.as_object().unwrap() {
        if key == "tiles" {
            assert_eq!(ours["tiles"][0]["width"], value[0]["width"]);
            let factors = ours["tiles"][0]["scaleFactors"].as_array().unwrap();
            let listed = value[0]["scaleFactors"].as_array().unwrap();
            assert!(
                factors.starts_with(listed) && factors.len() <= listed.len() + 1,
                "{factors:?} and {listed:?}"
            );
        } else {
            assert_eq!(&ours[key], value, "{key}");
        }
    }
}

#[test]
fn rejects_options_that_a_layout_does_not_support() {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "scan.tif");
    slides::exact((2049, 2049), Pattern::Gradient).write_into(&workspace, "corner.tiff");
    for layout in LAYOUTS {
        workspace
            .export(["scan.tif", "-o", "x.szi", "--layout", layout])
            .fails(2, &["a .szi must contain Deep Zoom tiles", layout]);
        let overlapping = ["scan.tif", "-o", "x", "--layout", layout, "--overlap", "1"];
        workspace.export(overlapping).fails(2, &["cannot overlap", "--overlap"]);
    }
    for layout in ["iiif2", "iiif3"] {
        workspace
            .export(["scan.tif", "-o", "info", "--layout", layout])
            .fails(2, &["info.json", "-o"]);
        // The corner tiles of two levels are one pixel and have the same name.
        let corner = ["corner.tiff", "-o", "x", "--layout", layout];
        workspace.export(corner).fails(2, &["would have the same name", "--tile-size"]);
        workspace
            .export(
                [&corner[..3], &["--layout", layout, "--tile-size", "500", "--dry-run"]].concat(),
            )
            .succeeds();
    }
    workspace
        .export(["scan.tif", "-o", "x", "--layout", "google", "--lossless"])
        .fails(2, &["pads edge tiles", "--layout"]);
    assert_eq!(workspace.names(), ["corner.tiff", "scan.tif"]);
}

#[test]
fn writes_lossless_tiles_in_other_layouts() {
    let workspace = Workspace::new();
    slides::aperio().write_into(&workspace, "scan.svs");
    workspace.export(["scan.svs", "-o", "dz/scan", "--lossless"]).succeeds();
    let deep_zoom = workspace.tree("dz/scan");
    for layout in ["zoomify", "iiif3"] {
        let output = format!("{layout}/scan");
        workspace.export(["scan.svs", "-o", &output, "--lossless", "--layout", layout]).succeeds();
        workspace.slidezoom(["verify", &output]).succeeds();
        let tree = workspace.tree(&output);
        let expectation =
            LayoutExpectation { layout, plan: DeepZoom::new(slides::SIZE).with_tiles(240, 0) };
        for (number, tile) in expectation.tiles().iter().enumerate() {
            let dz = deep_zoom.file(&format!("scan_files/{}", tile.file("jpeg")));
            assert!(tree.file(&expectation.file(number, tile, "jpg")) == dz, "{layout}: {tile:?}");
        }
    }
}

/// All layouts skip the same tiles as Deep Zoom and record the same bitmap.
#[test]
fn skips_and_shares_blank_tiles() {
    let size = (1500, 1100);
    let workspace = Workspace::new();
    slides::exact(size, Pattern::Gradient)
        .tile_size(64, 64)
        .scanned_percent(12)
        .write_into(&workspace, "scan.tiff");
    let options = [
        "--format",
        "png",
        "--tile-size",
        "100",
        "--overlap",
        "0",
        "--background",
        "8090a0",
        "--bounds",
        "full",
    ];
    let export = |output: &str, more: &[&str]| {
        workspace.export([&["scan.tiff", "-o", output][..], &options, more].concat()).succeeds();
        workspace.slidezoom(["verify", output]).succeeds();
        workspace.tree(output)
    };
    let deep_zoom = export("dz/scan", &["--depth", "tile", "--blank", "skip"]).json("scan.json");
    for layout in LAYOUTS {
        let expectation =
            LayoutExpectation { layout, plan: DeepZoom::new(size).with_tiles(100, 0) };
        let whole = export(&format!("{layout}/whole/scan"), &["--layout", layout]);
        let shared =
            export(&format!("{layout}/shared/scan"), &["--layout", layout, "--blank", "share"]);
        let sparse =
            export(&format!("{layout}/sparse/scan"), &["--layout", layout, "--blank", "skip"]);
        let description = sparse.json("scan.json");
        assert_eq!(description["blankTiles"], deep_zoom["blankTiles"]);
        let mut skipped = 0;
        for (number, tile) in expectation.tiles().iter().enumerate() {
            let file = expectation.file(number, tile, "png");
            assert!(shared.file(&file) == whole.file(&file), "{layout}: {file}");
            if sparse.files().contains(&file.as_str()) {
                assert!(sparse.file(&file) == whole.file(&file), "{layout}: {file}");
            } else {
                skipped += 1;
                let tile = RgbImage::from_png(whole.file(&file));
                assert!(tile.pixels.iter().all(|pixel| *pixel == BACKGROUND), "{file}");
            }
        }
        assert!(skipped > 20);
        assert_eq!(description["skippedTiles"], skipped);
        if layout == "google" {
            let background = RgbImage::draw((100, 100), |_, _| BACKGROUND);
            assert!(RgbImage::from_png(sparse.file("blank.png")) == background);
        }
        assert_repacks_without_change(&workspace, &format!("{layout}/sparse/scan"), &sparse);
    }
}

#[test]
fn gallery_lists_exports_in_every_layout() {
    let workspace = Workspace::new();
    slides::aperio().write_into(&workspace, "one.svs");
    slides::small().write_into(&workspace, "two.tif");
    for layout in LAYOUTS {
        for container in ["folder", "zip"] {
            let output = format!("{layout}-{container}");
            let options = ["--layout", layout, "--container", container, "--tile-size", "300"];
            workspace
                .export([&["one.svs", "two.tif", "-o", &output][..], &options].concat())
                .succeeds();
            let tree = workspace.tree(&output);
            let slides = listed_slides(&tree);
            assert_eq!(
                slides.iter().map(|slide| &slide["name"]).collect::<Vec<_>>(),
                ["one", "two"]
            );
            let expected = if layout == "google" { (300, 300) } else { (175, 125) };
            for slide in &slides {
                let thumbnail = tree.file(slide["thumbnail"].as_str().unwrap());
                assert_eq!(jpeg_size(thumbnail), expected, "{layout} {container}");
            }
        }
    }
}
