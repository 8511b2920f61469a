//! `--depth`: existing levels have the same tiles and numbers as in a whole pyramid.

use std::fs;

use serde_json::json;
use slidezoom_fixtures::Pattern;

use crate::deep_zoom::DeepZoom;
use crate::slides::{self, WriteInto};
use crate::workspace::Workspace;

const SIZE: (u32, u32) = (700, 430);

#[test]
fn writes_the_levels_of_a_whole_pyramid() {
    let workspace = Workspace::new();
    slides::exact(SIZE, Pattern::Gradient).write_into(&workspace, "scan.tiff");
    for (tile_size, overlap) in [("254", "1"), ("100", "0"), ("51", "7")] {
        let cut =
            ["--format", "png", "--tile-size", tile_size, "--overlap", overlap, "--overwrite"];
        let plan =
            DeepZoom::new(SIZE).with_tiles(tile_size.parse().unwrap(), overlap.parse().unwrap());
        workspace.export([&["scan.tiff", "-o", "whole/scan"][..], &cut].concat()).succeeds();
        let whole = workspace.tree("whole/scan");
        let one_tile =
            (0..=plan.max_level()).rev().find(|&level| plan.grid(level) == (1, 1)).unwrap();
        for (depth, smallest) in [("pixel", 0), ("tile", one_tile), ("one", plan.max_level())] {
            let folder = format!("{depth}/scan");
            let archive = format!("{depth}/scan.zip");
            for output in [&folder, &archive] {
                workspace
                    .export([&["scan.tiff", "-o", output, "--depth", depth][..], &cut].concat())
                    .succeeds();
                workspace.slidezoom(["verify", output]).succeeds();
            }
            let tree = workspace.tree(&folder);
            let expected: Vec<_> =
                plan.tiles().into_iter().filter(|tile| tile.level >= smallest).collect();
            let tiles = tree.files().iter().filter(|name| name.starts_with("scan_files/")).count();
            assert_eq!(tiles, expected.len(), "{depth}");
            for tile in expected {
                let file = format!("scan_files/{}", tile.file("png"));
                assert!(tree.file(&file) == whole.file(&file), "{depth}: {file}");
            }
            let description = tree.json("scan.json");
            assert_eq!(description["smallestLevel"], smallest);
            assert_eq!(description["levels"], plan.max_level() - smallest + 1);
            assert_eq!(description["tiles"], tiles);
            // Repacking through an archive restores the directory.
            workspace.slidezoom(["repack", &archive, "-o", "again/scan", "--overwrite"]).succeeds();
            workspace.tree("again/scan").assert_same(&tree);
        }
    }
}

#[test]
fn verify_misses_levels_that_the_description_claims() {
    let workspace = Workspace::new();
    slides::exact(SIZE, Pattern::Gradient).write_into(&workspace, "scan.tiff");
    workspace.export(["scan.tiff", "--depth", "tile"]).succeeds();
    let path = workspace.path("scan/scan.json");
    let original = fs::read_to_string(&path).unwrap();
    for (key, value) in [("levels", json!(11)), ("levels", json!(1)), ("smallestLevel", json!(0))] {
        let mut description: serde_json::Value = serde_json::from_str(&original).unwrap();
        description[key] = value;
        fs::write(&path, description.to_string()).unwrap();
        let run = workspace.slidezoom(["verify", "scan"]);
        assert_eq!(run.code(), Some(5), "{run:?}");
        assert!(run.text().contains("scan.json: altered"), "{run:?}");
    }
    workspace
        .export(["scan.tiff", "-o", "x.szi", "--depth", "one"])
        .fails(2, &["a .szi must contain all levels", "--depth"]);
}

/// With native tiles of the full size, the export has no smaller levels.
#[test]
fn exports_lossless_tiles_of_the_full_size_alone() {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "scan.tiff");
    workspace.export(["scan.tiff", "--lossless", "-o", "whole/scan"]).succeeds();
    workspace.export(["scan.tiff", "--lossless", "--depth", "one", "-o", "one/scan"]).succeeds();
    workspace.slidezoom(["verify", "one/scan"]).succeeds();
    let (whole, one) = (workspace.tree("whole/scan"), workspace.tree("one/scan"));
    let level = one.json("scan.json")["smallestLevel"].to_string();
    let folder = format!("scan_files/{level}");
    assert!(!one.below(&folder).is_empty());
    assert_eq!(one.below(&folder), whole.below(&folder));
    assert_eq!(one.folders().iter().filter(|name| name.starts_with("scan_files/")).count(), 1);
}
