//! `--on-read-error blank`: exactly the damaged regions become background and are recorded.

use serde_json::{Value, json};
use slidezoom_fixtures::{SlideBuilder, Style, TileFault};

use crate::deep_zoom::DeepZoom;
use crate::rgb_image::RgbImage;
use crate::slides::{self, SIZE, WriteInto};
use crate::workspace::Workspace;

const TILES: (u32, u32) = (3, 2);

/// The rectangle of a native tile of [`slides::small`].
fn tile_rect(column: u32, row: u32) -> [u32; 4] {
    let (x, y) = (256 * column, 256 * row);
    [x, y, 256.min(SIZE.0 - x), 256.min(SIZE.1 - y)]
}

fn as_json([x, y, width, height]: [u32; 4]) -> Value {
    json!({ "x": x, "y": y, "width": width, "height": height })
}

/// A slide with these tiles damaged in different ways.
fn damaged(tiles: &[(u32, u32)]) -> SlideBuilder {
    let faults = [TileFault::BrokenHeader, TileFault::GarbageData, TileFault::PastTheEnd];
    let slide = slides::small().levels([1, 4]);
    tiles
        .iter()
        .zip(faults.iter().cycle())
        .fold(slide, |slide, (&(column, row), &fault)| slide.tile_fault(0, column, row, fault))
}

/// Assembles the full size of an export from PNG tiles of 256 pixels without overlap.
fn base(workspace: &Workspace, out: &str) -> RgbImage {
    let plan = DeepZoom::new(SIZE).with_tiles(256, 0);
    RgbImage::assembled(&workspace.tree(out), out, &plan, plan.max_level(), "png")
}

#[test]
fn blank_replaces_only_damaged_tiles() {
    let options =
        ["--format", "png", "--tile-size", "256", "--overlap", "0", "--background", "0a64c8"];
    let every: Vec<(u32, u32)> =
        (0..TILES.1).flat_map(|row| (0..TILES.0).map(move |column| (column, row))).collect();
    let mut cases: Vec<Vec<(u32, u32)>> = every.iter().map(|&tile| vec![tile]).collect();
    cases.push(vec![(0, 0), (2, 0), (1, 1)]);
    for reader in ["auto", "openslide"] {
        for tiles in &cases {
            let workspace = Workspace::new();
            damaged(&[]).write_into(&workspace, "sound.tif");
            damaged(tiles).write_into(&workspace, "scan.tif");
            workspace
                .export([&["sound.tif", "--reader", reader], &options[..]].concat())
                .succeeds();
            let blank =
                ["scan.tif", "--reader", reader, "--on-read-error", "blank", "--progress", "none"];
            let run = workspace.export([&blank, &options[..]].concat()).succeeds();
            let regions = if tiles.len() == 1 { "1 region of" } else { "3 regions of" };
            assert!(
                run.stderr.starts_with("scan: note: ") && run.stderr.contains(regions),
                "{run:?}"
            );
            assert!(
                run.stderr.contains(if tiles.len() == 1 {
                    " and is shown "
                } else {
                    " and are shown "
                }),
                "{run:?}"
            );
            assert_eq!(run.stderr.lines().count(), 1, "{run:?}");

            let description = workspace.tree("scan").json("scan.json");
            let rects: Vec<Value> =
                tiles.iter().map(|&(column, row)| as_json(tile_rect(column, row))).collect();
            assert_eq!(description["unreadable"], json!(rects));
            let (found, sound) = (base(&workspace, "scan"), base(&workspace, "sound"));
            let expected = RgbImage::draw(SIZE, |x, y| {
                if tiles.contains(&(x / 256, y / 256)) {
                    [0x0a, 0x64, 0xc8]
                } else {
                    sound.pixel(x, y)
                }
            });
            assert!(found == expected, "{tiles:?}");
            workspace.slidezoom(["verify", "scan"]).succeeds();
        }
    }
}

#[test]
fn blank_works_for_lossless_exports_with_any_number_of_jobs() {
    let workspace = Workspace::new();
    damaged(&[(2, 0), (1, 1)]).write_into(&workspace, "scan.tif");
    for (options, folder) in [(&["--lossless"][..], "lossless"), (&[][..], "encoded")] {
        for jobs in ["1", "8"] {
            let out = format!("{folder}-{jobs}/scan");
            let blank = ["scan.tif", "--on-read-error", "blank", "-o", &out, "--jobs", jobs];
            workspace.export([&blank, options].concat()).succeeds();
        }
        let (one, eight) = (
            workspace.tree(format!("{folder}-1/scan")),
            workspace.tree(format!("{folder}-8/scan")),
        );
        assert_eq!(one.files(), eight.files());
        assert!(one.files().iter().all(|file| one.file(file) == eight.file(file)));
        let rects = json!([as_json(tile_rect(2, 0)), as_json(tile_rect(1, 1))]);
        assert_eq!(one.json("scan.json")["unreadable"], rects);
    }
    let tile =
        RgbImage::from_jpeg(workspace.tree("lossless-1/scan").file("scan_files/10/1_1.jpeg"));
    assert!(tile.pixels.iter().all(|pixel| *pixel == [255; 3]));
}

#[test]
fn reports_small_native_tiles_one_by_one() {
    // A chunk has several such tiles, but only the damaged one is lost.
    let workspace = Workspace::new();
    let slide = SlideBuilder::new(700, 500).tile_size(64, 64).levels([1, 4]);
    slide.tile_fault(0, 4, 3, TileFault::GarbageData).write_into(&workspace, "scan.tif");
    for reader in ["auto", "openslide"] {
        let blank = ["scan.tif", "--on-read-error", "blank", "--reader", reader, "-o"];
        workspace.export([&blank[..], &[reader]].concat()).succeeds();
        let description = workspace.tree(reader).json(&format!("{reader}.json"));
        assert_eq!(description["unreadable"], json!([as_json([256, 192, 64, 64])]), "{reader}");
    }
}

#[test]
fn fails_without_the_option_or_if_nothing_is_readable() {
    let workspace = Workspace::new();
    damaged(&[(1, 0)]).write_into(&workspace, "scan.tif");
    workspace.export(["scan.tif"]).fails(3, &["256×256 pixels at (256, 0)"]);
    let every: Vec<(u32, u32)> =
        (0..TILES.1).flat_map(|row| (0..TILES.0).map(move |column| (column, row))).collect();
    damaged(&every).write_into(&workspace, "scan.tif");
    workspace
        .export(["scan.tif", "--on-read-error", "blank"])
        .fails(3, &["the slide has no pixels"]);
    assert_eq!(workspace.names(), ["scan.tif"]);
    // Without damage, nothing is recorded.
    slides::small().style(Style::Aperio).write_into(&workspace, "scan.svs");
    let run =
        workspace.export(["scan.svs", "--on-read-error", "blank", "--progress", "none"]).succeeds();
    assert_eq!(run.stderr, "");
    assert_eq!(workspace.tree("scan").json("scan.json")["unreadable"], json!([]));
}
