//! Existing files at the destination of a folder: `--overwrite` replaces whole exports and nothing
//! else.

use std::fs;

use crate::deep_zoom::DeepZoom;
use crate::layout::{PAGE, assert_layout};
use crate::slides::{self, SIZE, WriteInto};
use crate::workspace::Workspace;

/// A workspace with a slide, `scan.tif`.
fn with_slide() -> Workspace {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "scan.tif");
    workspace
}

#[test]
fn refuses_to_replace_an_export_without_overwrite() {
    let workspace = with_slide();
    workspace.export(["scan.tif"]).succeeds();
    let before = workspace.tree("");
    workspace.export(["scan.tif", "--format", "png"]).fails(
        4,
        &[
            "slidezoom: scan: exists already\n",
            "replace it with --overwrite, or write elsewhere with -o",
        ],
    );
    workspace.tree("").assert_same(&before);
}

#[test]
fn overwrite_replaces_the_whole_export() {
    let workspace = with_slide();
    slides::exact((1500, 900), slidezoom_fixtures::Pattern::Gradient)
        .write_into(&workspace, "larger.tif");
    workspace.export(["larger.tif", "-o", "out"]).succeeds();
    assert_layout(&workspace.tree("out"), "out", DeepZoom::new((1500, 900)), "jpeg", &PAGE);

    workspace.export(["scan.tif", "-o", "out", "--overwrite"]).succeeds();
    assert_layout(&workspace.tree("out"), "out", DeepZoom::new(SIZE), "jpeg", &PAGE);
    assert_eq!(workspace.names(), ["larger.tif", "out", "scan.tif"]);
}

#[test]
fn overwrite_needs_no_existing_export() {
    let workspace = with_slide();
    workspace.export(["scan.tif", "--overwrite"]).succeeds();
    assert_layout(&workspace.tree("scan"), "scan", DeepZoom::new(SIZE), "jpeg", &PAGE);
}

#[test]
fn a_failed_overwrite_keeps_the_old_export() {
    let workspace = with_slide();
    slides::small()
        .tile_fault(0, 1, 1, slidezoom_fixtures::TileFault::BrokenHeader)
        .write_into(&workspace, "bad.tif");
    workspace.export(["scan.tif", "-o", "out"]).succeeds();
    let before = workspace.tree("");
    workspace.export(["bad.tif", "-o", "out", "--overwrite"]).fails(3, &["bad.tif"]);
    workspace.tree("").assert_same(&before);
}

#[test]
fn never_overwrites_a_folder_of_documents() {
    let workspace = with_slide();
    fs::create_dir_all(workspace.path("scan/letters")).unwrap();
    fs::write(workspace.path("scan/letters/one.txt"), "Dear all").unwrap();
    fs::write(workspace.path("scan/two.txt"), "Sincerely").unwrap();
    let before = workspace.tree("");
    workspace.export(["scan.tif", "--overwrite"]).fails(
        4,
        &["slidezoom: scan: exists already and is not an export", "remove it yourself", "-o"],
    );
    workspace.export(["scan.tif"]).fails(4, &["scan: exists already"]);
    workspace.tree("").assert_same(&before);
}

#[test]
fn never_overwrites_a_folder_with_several_exports() {
    let workspace = with_slide();
    workspace.export(["scan.tif", "-o", "out/one"]).succeeds();
    let before = workspace.tree("");
    workspace
        .export(["scan.tif", "-o", "out", "--overwrite"])
        .fails(4, &["out: exists already and is not an export"]);
    workspace.tree("").assert_same(&before);
}

#[test]
fn overwrites_an_empty_folder_only_with_overwrite() {
    let workspace = with_slide();
    fs::create_dir(workspace.path("scan")).unwrap();
    workspace.export(["scan.tif"]).fails(4, &["scan: exists already"]);
    assert!(workspace.tree("scan").is_empty());
    workspace.export(["scan.tif", "--overwrite"]).succeeds();
    assert_layout(&workspace.tree("scan"), "scan", DeepZoom::new(SIZE), "jpeg", &PAGE);
}

#[test]
fn never_overwrites_a_file() {
    let workspace = with_slide();
    fs::write(workspace.path("scan"), "not a folder").unwrap();
    let before = workspace.tree("");
    workspace.export(["scan.tif"]).fails(4, &["scan: exists already"]);
    workspace
        .export(["scan.tif", "--overwrite"])
        .fails(4, &["scan: exists already and is not an export"]);
    workspace.tree("").assert_same(&before);
}

#[test]
fn never_overwrites_the_slide() {
    let workspace = with_slide();
    let before = workspace.tree("");
    workspace
        .export(["scan.tif", "-o", "scan.tif", "--overwrite"])
        .fails(2, &["scan.tif: the output would replace the input"]);
    workspace.tree("").assert_same(&before);
}

#[test]
fn never_overwrites_a_link() {
    let workspace = with_slide();
    workspace.export(["scan.tif", "-o", "elsewhere"]).succeeds();
    std::os::unix::fs::symlink("elsewhere", workspace.path("scan")).unwrap();
    std::os::unix::fs::symlink("nowhere", workspace.path("dangling")).unwrap();
    let before = workspace.tree("");
    for output in ["scan", "dangling"] {
        workspace.export(["scan.tif", "-o", output]).fails(4, &["exists already"]);
        workspace.export(["scan.tif", "-o", output, "--overwrite"]).fails(4, &["exists already"]);
    }
    workspace.tree("").assert_same(&before);
    assert_eq!(fs::read_link(workspace.path("scan")).unwrap().to_str(), Some("elsewhere"));
}

#[test]
fn removes_the_staging_folder_of_a_killed_run() {
    let workspace = with_slide();
    fs::create_dir_all(workspace.path(".scan.partial/scan_files/10/deeper")).unwrap();
    fs::write(workspace.path(".scan.partial/scan_files/10/0_0.jpeg"), "half a til").unwrap();
    fs::write(workspace.path(".scan.partial/stale.txt"), "stale").unwrap();
    workspace.export(["scan.tif"]).succeeds();
    assert_layout(&workspace.tree("scan"), "scan", DeepZoom::new(SIZE), "jpeg", &PAGE);
    assert_eq!(workspace.names(), ["scan", "scan.tif"]);
}

#[test]
fn never_removes_anything_else_with_the_staging_name() {
    let workspace = with_slide();
    let partial = workspace.path(".scan.partial");
    fs::create_dir(workspace.path("documents")).unwrap();
    fs::write(workspace.path("documents/letter.txt"), "Dear all").unwrap();
    for target in ["documents", "nowhere"] {
        std::os::unix::fs::symlink(target, &partial).unwrap();
        workspace.export(["scan.tif"]).fails(4, &[".scan.partial: is not a folder"]);
        assert_eq!(fs::read_link(&partial).unwrap().to_str(), Some(target));
        fs::remove_file(&partial).unwrap();
    }
    assert_eq!(fs::read_to_string(workspace.path("documents/letter.txt")).unwrap(), "Dear all");
    fs::write(&partial, "something").unwrap();
    workspace.export(["scan.tif"]).fails(4, &[".scan.partial: is not a folder"]);
    assert_eq!(fs::read_to_string(&partial).unwrap(), "something");
    assert!(!workspace.path("scan").exists());
}

/// Files of `vips dzsave` next to a slide, the slide itself, and notes in an export must stay.
#[test]
fn never_overwrites_a_folder_with_other_files() {
    let workspace = with_slide();
    workspace.export(["scan.tif", "-o", "case"]).succeeds();
    for (name, kind) in [
        ("notes.txt", "file"),
        ("other.dzi", "file"),
        ("case.svs", "file"),
        ("other_files", "folder"),
    ] {
        let path = workspace.path("case").join(name);
        if kind == "file" {
            fs::write(&path, "mine").unwrap();
        } else {
            fs::create_dir(&path).unwrap();
        }
        let before = workspace.tree("case");
        workspace
            .export(["scan.tif", "-o", "case", "--overwrite"])
            .fails(4, &["is not an export", "remove it yourself"]);
        workspace.tree("case").assert_same(&before);
        if kind == "file" {
            fs::remove_file(&path).unwrap();
        } else {
            fs::remove_dir(&path).unwrap();
        }
    }
    workspace.export(["scan.tif", "-o", "case", "--overwrite"]).succeeds();
}

#[test]
fn a_tile_replaces_files_only_with_overwrite_and_never_the_slide() {
    let workspace = with_slide();
    let slide = fs::read(workspace.path("scan.tif")).unwrap();
    let tile = |arguments: &[&str]| {
        workspace.slidezoom([&["tile", "scan.tif", "0", "0", "0"], arguments].concat())
    };
    tile(&["-o", "scan.tif", "--overwrite"]).fails(2, &["the tile would replace the slide"]);
    assert!(fs::read(workspace.path("scan.tif")).unwrap() == slide);
    fs::write(workspace.path("t.jpeg"), "mine").unwrap();
    tile(&["-o", "t.jpeg"]).fails(4, &["t.jpeg: exists already"]);
    tile(&["-o", "t.jpeg", "--overwrite"]).succeeds();
    assert!(fs::read(workspace.path("t.jpeg")).unwrap().starts_with(&[0xff, 0xd8]));
    // A device receives the bytes and is not replaced.
    tile(&["-o", "/dev/null"]).succeeds();
    assert_eq!(workspace.names(), ["scan.tif", "t.jpeg"]);
}
