//! Several slides and folders of slides in one run.

use std::fs;

use slidezoom_fixtures::TileFault;

use crate::deep_zoom::DeepZoom;
use crate::layout::{PAGE, assert_layout};
use crate::slides::{self, SIZE, WriteInto};
use crate::workspace::{Workspace, exports_in};

/// Asserts that a folder contains exactly these exports and that they are valid.
#[track_caller]
fn assert_exports(workspace: &Workspace, folder: &str, names: &[&str]) {
    assert_eq!(exports_in(&workspace.path(folder)), names);
    for name in names {
        assert_layout(
            &workspace.tree(format!("{folder}/{name}")),
            name,
            DeepZoom::new(SIZE),
            "jpeg",
            &PAGE,
        );
    }
}

#[test]
fn exports_each_slide_to_its_own_folder() {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "one.tif");
    slides::small().write_into(&workspace, "deep/two.tif");
    workspace.export(["one.tif", "deep/two.tif", "-o", "out"]).succeeds();
    assert_exports(&workspace, "out", &["one", "two"]);

    workspace.export(["one.tif", "deep/two.tif"]).succeeds();
    assert_eq!(exports_in(&workspace.path("")), ["deep", "one", "one.tif", "out", "two"]);
}

#[test]
fn distinguishes_slides_of_the_same_name() {
    let workspace = Workspace::new();
    for path in ["a/x.tif", "b/x.tif", "c/x.svs.tif", "c/x.tiff"] {
        slides::small().write_into(&workspace, path);
    }
    workspace.export(["a/x.tif", "b/x.tif", "c/x.svs.tif", "c/x.tiff", "-o", "out"]).succeeds();
    assert_exports(&workspace, "out", &["x.svs", "x.tif", "x.tif-2", "x.tiff"]);
}

#[test]
fn exports_a_slide_once_that_is_named_twice() {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "in/a.tif");
    slides::small().write_into(&workspace, "in/b.tif");
    workspace.export(["in/a.tif", "in", "in/../in/b.tif", "-o", "out"]).succeeds();
    assert_exports(&workspace, "out", &["a", "b"]);
}

#[test]
fn continues_after_a_slide_that_fails() {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "one.tif");
    slides::small()
        .tile_fault(0, 1, 0, TileFault::BrokenHeader)
        .write_into(&workspace, "broken.tif");
    slides::small().write_into(&workspace, "two.tif");
    let run = workspace.export([
        "one.tif",
        "broken.tif",
        "missing.tif",
        "two.tif",
        "-o",
        "out",
        "--progress",
        "none",
    ]);
    assert_eq!(run.code(), Some(3), "{run:?}");
    assert!(run.stdout.is_empty(), "{run:?}");
    let lines: Vec<&str> = run.stderr.lines().collect();
    let [broken, hint, missing, summary] = lines[..] else { panic!("{run:?}") };
    assert!(
        broken.starts_with("slidezoom: cannot read broken.tif: 256×256 pixels at (256, 0)"),
        "{run:?}"
    );
    assert!(hint.starts_with("hint: "), "{run:?}");
    assert!(missing.starts_with("slidezoom: cannot open missing.tif: "), "{run:?}");
    assert_eq!(summary, "slidezoom: 2 of 4 slides failed: broken.tif, missing.tif");
    assert_exports(&workspace, "out", &["one", "two"]);
}

#[test]
fn failures_of_different_kinds_have_exit_code_1() {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "one.tif");
    slides::small().write_into(&workspace, "two.tif");
    fs::create_dir_all(workspace.path("out/one")).unwrap();
    let run = workspace.export(["one.tif", "missing.tif", "two.tif", "-o", "out"]);
    assert_eq!(run.code(), Some(1), "{run:?}");
    run.reports(&[
        "out/one: exists already",
        "cannot open missing.tif: ",
        "2 of 3 slides failed: one.tif, missing.tif",
    ]);
    assert_layout(&workspace.tree("out/two"), "two", DeepZoom::new(SIZE), "jpeg", &PAGE);

    let run = workspace.export(["one.tif", "two.tif", "-o", "out"]);
    assert_eq!(run.code(), Some(4), "{run:?}");
}

#[test]
fn searches_folders_only_for_slides() {
    let workspace = Workspace::new();
    for path in
        ["in/a.tif", "in/deep/er/b.tif", "in/.hidden.tif", "in/.hidden/c.tif", "in/d_files/d.tif"]
    {
        slides::small().write_into(&workspace, path);
    }
    slides::aperio().write_into(&workspace, "in/without-an-ending");
    fs::write(workspace.path("in/notes.txt"), "no slide").unwrap();
    // Tiles of an existing export are not slides. A folder that only has the name of a tile folder
    // may contain slides.
    slides::small().write_into(&workspace, "in/export/export_files/9/0_0.tif");
    fs::write(workspace.path("in/export/export.dzi"), "<Image/>").unwrap();

    workspace.export(["in", "-o", "out", "--associated", "none"]).succeeds();
    assert_exports(&workspace, "out", &["a", "b", "d", "without-an-ending"]);
}

#[test]
fn reports_unreadable_slides_in_a_folder_and_continues() {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "in/a.tif");
    fs::write(workspace.path("in/cut.svs"), "cut off").unwrap();
    fs::write(workspace.path("in/empty.NDPI"), "").unwrap();
    std::os::unix::fs::symlink("nowhere", workspace.path("in/link.svs")).unwrap();
    let run = workspace.export(["in", "-o", "out"]);
    assert_eq!(run.code(), Some(3), "{run:?}");
    run.reports(&[
        "in/link.svs",
        "in/cut.svs: not a supported slide",
        "in/empty.NDPI: the file is empty",
        "3 of 4 slides failed",
    ]);
    assert_exports(&workspace, "out", &["a"]);
}

#[test]
fn ignores_exports_in_a_searched_folder() {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "in/a.tif");
    workspace.export(["in", "-o", "in"]).succeeds();
    let before = workspace.tree("in");
    let run = workspace.export(["in", "-o", "in", "--overwrite"]).succeeds();
    assert_eq!(run.stderr.lines().count(), 2, "{run:?}");
    workspace.tree("in").assert_same(&before);
}

#[test]
fn treats_a_folder_with_one_slide_as_a_folder() {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "in/a.tif");
    workspace.export(["in", "-o", "out"]).succeeds();
    assert_exports(&workspace, "out", &["a"]);
}

#[test]
fn reports_a_folder_without_slides() {
    let workspace = Workspace::new();
    fs::create_dir(workspace.path("empty")).unwrap();
    fs::create_dir(workspace.path("papers")).unwrap();
    fs::write(workspace.path("papers/a.txt"), "no slide").unwrap();
    slides::small().write_into(&workspace, "scan.tif");
    for folder in ["empty", "papers"] {
        workspace
            .export([folder])
            .fails(3, &[folder, "no slide found in ", "\nhint: name ordinary images one by one"]);
    }
    let run = workspace.export(["scan.tif", "empty", "-o", "out"]);
    assert_eq!(run.code(), Some(3), "{run:?}");
    run.reports(&["no slide found in empty", "1 of 2 slides failed: empty"]);
    assert_exports(&workspace, "out", &["scan"]);
}
