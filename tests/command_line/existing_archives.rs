//! Existing files at the destination of an archive: `--overwrite` replaces only exports.

use std::fs;
use std::os::unix::fs::symlink;

use crate::slides::{self, WriteInto};
use crate::workspace::Workspace;
use crate::zip_file::{NamedFile, ZipFile};

/// A workspace with a slide, `scan.tif`.
fn with_slide() -> Workspace {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "scan.tif");
    workspace
}

/// Asserts that a run with or without `--overwrite` fails and changes nothing.
#[track_caller]
fn assert_never_replaced(workspace: &Workspace, archive: &str) {
    let before = workspace.tree("");
    for options in [&[][..], &["--overwrite"]] {
        workspace
            .export([&["scan.tif", "-o", archive], options].concat())
            .fails(4, &["exists already and is not an export", "remove it yourself"]);
        workspace.tree("").assert_same(&before);
    }
}

#[test]
fn refuses_to_replace_an_archive_without_overwrite() {
    for archive in ["scan.zip", "scan.szi"] {
        let workspace = with_slide();
        workspace.export(["scan.tif", "-o", archive]).succeeds();
        let before = workspace.tree("");
        workspace.export(["scan.tif", "-o", archive, "--format", "png"]).fails(
            4,
            &[&format!("slidezoom: {archive}: exists already\n"), "replace it with --overwrite"],
        );
        workspace.tree("").assert_same(&before);
    }
}

#[test]
fn overwrite_replaces_the_whole_archive() {
    for archive in ["scan.zip", "scan.szi"] {
        let workspace = with_slide();
        slides::exact((1500, 900), slidezoom_fixtures::Pattern::Gradient)
            .write_into(&workspace, "larger.tif");
        workspace.export(["scan.tif", "-o", &format!("apart/{archive}")]).succeeds();
        workspace.export(["larger.tif", "-o", archive, "--mpp", "0.5"]).succeeds();
        workspace.export(["scan.tif", "-o", archive, "--overwrite"]).succeeds();
        let read = |path: &str| fs::read(workspace.path(path)).unwrap();
        assert!(read(archive) == read(&format!("apart/{archive}")));
        assert_eq!(workspace.names().len(), 4, "{:?}", workspace.names());
    }
}

#[test]
fn overwrite_needs_no_existing_archive() {
    let workspace = with_slide();
    workspace.export(["scan.tif", "-o", "scan.zip", "--overwrite"]).succeeds();
    workspace.slidezoom(["verify", "scan.zip"]).succeeds();
}

#[test]
fn a_failed_overwrite_keeps_the_old_archive() {
    let workspace = with_slide();
    slides::small()
        .tile_fault(0, 1, 1, slidezoom_fixtures::TileFault::BrokenHeader)
        .write_into(&workspace, "bad.tif");
    workspace.export(["scan.tif", "-o", "out.zip"]).succeeds();
    let before = workspace.tree("");
    workspace.export(["bad.tif", "-o", "out.zip", "--overwrite"]).fails(3, &["bad.tif"]);
    workspace.tree("").assert_same(&before);
}

#[test]
fn never_replaces_a_file_that_is_not_an_archive() {
    let workspace = with_slide();
    for contents in ["", "Dear all", "PK\u{3}\u{4} and nothing of the kind"] {
        fs::write(workspace.path("x.zip"), contents).unwrap();
        assert_never_replaced(&workspace, "x.zip");
    }
}

#[test]
fn never_replaces_an_archive_of_other_files() {
    let workspace = with_slide();
    workspace.export(["scan.tif", "-o", "export.zip", "--no-viewer"]).succeeds();
    let export = ZipFile::open(&workspace.path("export.zip")).files();
    let named = |name: &str| vec![(name.to_owned(), b"Dear all".to_vec())];
    let others: [Vec<NamedFile>; 5] = [
        Vec::new(),
        named("letters/one.txt"),
        // A descriptor outside a folder, two root folders, two descriptors.
        named("one.dzi"),
        [export.clone(), named("letters/one.txt")].concat(),
        [export, named("export/other.dzi")].concat(),
    ];
    for files in others {
        fs::write(workspace.path("x.zip"), ZipFile::new(&files).bytes).unwrap();
        assert_never_replaced(&workspace, "x.zip");
    }
}

/// As in folders, other files could be somebody's notes.
#[test]
fn never_replaces_an_archive_with_other_files() {
    let workspace = with_slide();
    for archive in ["scan.zip", "scan.szi"] {
        workspace.export(["scan.tif", "-o", archive]).succeeds();
        let export = fs::read(workspace.path(archive)).unwrap();
        for name in [
            "notes.txt",
            "scan.svs",
            "letters/one.txt",
            "other_files/0/0_0.jpeg",
            "vendor/acme/notes.json",
        ] {
            let mut files = ZipFile::open(&workspace.path(archive)).files();
            files.push((format!("scan/{name}"), b"mine".to_vec()));
            fs::write(workspace.path(archive), ZipFile::new(&files).bytes).unwrap();
            assert_never_replaced(&workspace, archive);
            fs::write(workspace.path(archive), &export).unwrap();
        }
        workspace.export(["scan.tif", "-o", archive, "--overwrite"]).succeeds();
    }
}

#[test]
fn never_replaces_a_folder_with_an_archive() {
    let workspace = with_slide();
    fs::create_dir(workspace.path("x.zip")).unwrap();
    assert_never_replaced(&workspace, "x.zip");
    // This holds for exports too.
    fs::remove_dir(workspace.path("x.zip")).unwrap();
    workspace.export(["scan.tif", "-o", "x"]).succeeds();
    fs::rename(workspace.path("x"), workspace.path("x.zip")).unwrap();
    assert_never_replaced(&workspace, "x.zip");
}

#[test]
fn never_replaces_an_archive_with_a_folder() {
    let workspace = with_slide();
    workspace.export(["scan.tif", "-o", "x.zip"]).succeeds();
    fs::rename(workspace.path("x.zip"), workspace.path("x")).unwrap();
    assert_never_replaced(&workspace, "x");
}

#[test]
fn never_replaces_a_link_with_an_archive() {
    let workspace = with_slide();
    workspace.export(["scan.tif", "-o", "elsewhere.zip"]).succeeds();
    symlink("elsewhere.zip", workspace.path("x.zip")).unwrap();
    symlink("nowhere", workspace.path("dangling.zip")).unwrap();
    for archive in ["x.zip", "dangling.zip"] {
        assert_never_replaced(&workspace, archive);
    }
    assert_eq!(fs::read_link(workspace.path("x.zip")).unwrap().to_str(), Some("elsewhere.zip"));
}

#[test]
fn never_removes_anything_else_with_the_staging_name() {
    let workspace = with_slide();
    let partial = workspace.path(".x.zip.partial");
    symlink("scan.tif", &partial).unwrap();
    let before = workspace.tree("");
    workspace.export(["scan.tif", "-o", "x.zip"]).fails(4, &[".x.zip.partial: is not a file"]);
    workspace.tree("").assert_same(&before);
    fs::remove_file(&partial).unwrap();

    fs::create_dir(&partial).unwrap();
    workspace.export(["scan.tif", "-o", "x.zip"]).fails(4, &[".x.zip.partial: is not a file"]);
    assert_eq!(workspace.names(), [".x.zip.partial", "scan.tif"]);
}
