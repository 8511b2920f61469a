//! Slides that cannot be read: exit code 3, and a message with the unreadable region. Nothing is
//! exported with invented pixels.

use std::fs;

use slidezoom_fixtures::{SlideBuilder, Style, TileFault};

use crate::slides::{self, WriteInto};
use crate::workspace::Workspace;

/// Asserts that `export` rejects the slide with these words and leaves nothing.
#[track_caller]
fn assert_refused(slide: &SlideBuilder, file: &str, words: &[&str]) {
    let workspace = Workspace::new();
    slide.write_into(&workspace, file);
    for jobs in ["1", "8"] {
        workspace.export([file, "-o", "out", "--jobs", jobs]).fails(3, words);
        assert_eq!(workspace.names(), [file]);
    }
}

#[test]
fn reports_a_missing_file() {
    let workspace = Workspace::new();
    let words = ["slidezoom: cannot open missing.svs: No such file or directory"];
    workspace.export(["missing.svs"]).fails(3, &words);
    workspace.slidezoom(["info", "missing.svs"]).fails(3, &words);
    workspace.slidezoom(["tile", "missing.svs", "0", "0", "0"]).fails(3, &words);
    workspace.export(["missing.svs", "--dry-run"]).fails(3, &words);
    assert_eq!(workspace.names(), [""; 0]);
}

#[test]
fn reports_a_file_that_is_not_a_slide() {
    let workspace = Workspace::new();
    fs::write(workspace.path("letter.svs"), "Dear all").unwrap();
    fs::write(workspace.path("empty.svs"), "").unwrap();
    fs::create_dir(workspace.path("folder.svs")).unwrap();
    for (file, words) in [
        ("letter.svs", &["not a supported slide or image", "\nhint: supported are Aperio"][..]),
        ("empty.svs", &["empty.svs: "]),
    ] {
        workspace.export([file]).fails(3, words).reports(&[file]);
        workspace.slidezoom(["info", file]).fails(3, words).reports(&[file]);
        workspace.slidezoom(["tile", file, "0", "0", "0"]).fails(3, words).reports(&[file]);
    }
    workspace.slidezoom(["info", "folder.svs"]).fails(3, &["folder.svs"]);
    assert_eq!(workspace.names(), ["empty.svs", "folder.svs", "letter.svs"]);
}

/// OpenSlide would end the process, since it cannot allocate a tile of 1,560,281,152×64 pixels.
#[test]
fn refuses_a_tile_that_does_not_fit_in_memory() {
    let workspace = Workspace::new();
    let slide = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/tiff/huge-tile.tif");
    fs::copy(slide, workspace.path("scan.tif")).unwrap();
    let words = ["cannot read scan.tif: it needs 380929 MiB of memory", "\nhint: "];
    workspace.export(["scan.tif"]).fails(3, &words);
    workspace.export(["scan.tif", "--reader", "openslide"]).fails(3, &words);
    workspace.slidezoom(["info", "scan.tif"]).fails(3, &words);
    assert_eq!(workspace.names(), ["scan.tif"]);
}

#[test]
fn reports_the_position_of_a_corrupt_tile() {
    let place = "188×244 pixels at (512, 256) of slide level 0";
    for fault in [TileFault::BrokenHeader, TileFault::GarbageData, TileFault::PastTheEnd] {
        // OpenSlide hashes the smallest level when it opens a slide, so the fault is on another.
        let slide = slides::small().levels([1, 4]).tile_fault(0, 2, 1, fault);
        assert_refused(
            &slide,
            "scan.tif",
            &["slidezoom: cannot read scan.tif: ", place, "\nhint: the file is damaged"],
        );
        let slide = slides::aperio().tile_fault(0, 1, 0, fault);
        let words = ["cannot read scan.svs: 240×240 pixels at (240, 0) of slide level 0"];
        assert_refused(&slide, "scan.svs", &words);
    }
}

#[test]
fn reports_the_first_of_several_corrupt_tiles_with_any_number_of_jobs() {
    let slide = slides::small()
        .levels([1, 4])
        .tile_fault(0, 1, 0, TileFault::BrokenHeader)
        .tile_fault(0, 2, 0, TileFault::BrokenHeader)
        .tile_fault(0, 0, 1, TileFault::GarbageData)
        .tile_fault(0, 1, 1, TileFault::PastTheEnd);
    assert_refused(&slide, "scan.tif", &["256×256 pixels at (256, 0) of slide level 0"]);
}

#[test]
fn ignores_corrupt_tiles_of_unused_levels() {
    let workspace = Workspace::new();
    slides::aperio()
        .tile_fault(1, 0, 0, TileFault::BrokenHeader)
        .write_into(&workspace, "scan.svs");
    workspace.export(["scan.svs"]).succeeds();
    slides::aperio().write_into(&workspace, "sound.svs");
    workspace.export(["sound.svs", "-o", "sound/scan"]).succeeds();
    let (scan, sound) = (workspace.tree("scan"), workspace.tree("sound/scan"));
    let tiles = sound.files().into_iter().filter(|file| file.starts_with("scan_files/"));
    assert!(tiles.into_iter().all(|file| scan.file(file) == sound.file(file)));
}

#[test]
fn rejects_a_truncated_slide() {
    let workspace = Workspace::new();
    let whole = slides::aperio().write_into(&workspace, "whole.svs");
    let length = fs::metadata(whole).unwrap().len();
    for cut in [length - 1, length * 3 / 4, length / 2, length / 10, 100, 8, 4, 1] {
        assert_refused(&slides::aperio().truncate_at(cut), "scan.svs", &["scan.svs: "]);
    }
}

/// Removes all tiles from a slide of the size of [`slides::small`].
fn all_missing(slide: SlideBuilder) -> SlideBuilder {
    let places = (0..3).flat_map(|column| (0..2).map(move |row| (column, row)));
    places.fold(slide, |slide, (column, row)| slide.tile_fault(0, column, row, TileFault::Missing))
}

#[test]
fn rejects_a_slide_without_tiles() {
    let words = ["the slide has no pixels", "\nhint: the file is damaged or incomplete"];
    assert_refused(&all_missing(slides::small()), "scan.tif", &words);
}

#[test]
fn rejects_a_slide_without_tiles_or_bounds() {
    // Aperio slides have no bounds. OpenSlide reads such a slide as transparent, without an error.
    assert_refused(
        &all_missing(slides::small().style(Style::Aperio)),
        "scan.svs",
        &["the slide has no pixels"],
    );
}

#[test]
fn missing_tiles_are_background() {
    let workspace = Workspace::new();
    slides::small()
        .style(Style::Aperio)
        .tile_fault(0, 1, 1, TileFault::Missing)
        .write_into(&workspace, "scan.svs");
    workspace
        .export(["scan.svs", "--format", "png", "--tile-size", "256", "--overlap", "0"])
        .succeeds();
    let tile =
        crate::rgb_image::RgbImage::from_png(workspace.tree("scan").file("scan_files/10/1_1.png"));
    assert!(tile.pixels.iter().all(|pixel| *pixel == [255; 3]));
}
