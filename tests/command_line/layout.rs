//! The complete list of an export's files, with Deep Zoom tiles.

use crate::deep_zoom::DeepZoom;
use crate::rgb_image::{RgbImage, jpeg_size};
use crate::slides::{self, SIZE, WriteInto};
use crate::tree::Tree;
use crate::workspace::{Run, Workspace};

/// The files of the page.
pub const PAGE: [&str; 5] =
    ["index.html", "slide.js", "viewer/LICENSES.txt", "viewer/viewer.css", "viewer/viewer.js"];

/// Asserts that the tree consists of the files of this pyramid and `others`, without empty
/// directories, and that each tile has its planned size.
#[track_caller]
pub fn assert_layout(tree: &Tree, name: &str, plan: DeepZoom, extension: &str, others: &[&str]) {
    let mut expected = plan.files(name, extension);
    expected.extend(others.iter().map(|&file| file.to_owned()));
    assert_files(tree, expected);
    for tile in plan.tiles() {
        let file = format!("{name}_files/{}", tile.file(extension));
        let bytes = tree.file(&file);
        let size =
            if extension == "png" { RgbImage::from_png(bytes).size() } else { jpeg_size(bytes) };
        assert_eq!(size, tile.size(), "{file}");
    }
}

/// Asserts that the tree consists of these files and their directories.
#[track_caller]
pub fn assert_files(tree: &Tree, mut expected: Vec<String>) {
    expected.sort();
    assert_eq!(tree.files(), expected);
    let mut folders: Vec<&str> = expected
        .iter()
        .flat_map(|file| file.match_indices('/').map(|(end, _)| &file[..end]))
        .collect();
    folders.sort_unstable();
    folders.dedup();
    assert_eq!(tree.folders(), folders);
}

#[test]
fn exports_an_aperio_slide() {
    let workspace = Workspace::new();
    slides::aperio().write_into(&workspace, "scan.svs");
    workspace.export(["scan.svs"]).succeeds();

    let others = [&PAGE[..], &["associated/thumbnail.jpeg"]].concat();
    assert_layout(&workspace.tree("scan"), "scan", DeepZoom::new(SIZE), "jpeg", &others);
    assert_eq!(workspace.names(), ["scan", "scan.svs"]);
}

#[test]
fn exports_a_generic_tiff_without_associated_images() {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "scan.tif");
    workspace.export(["scan.tif"]).succeeds();
    assert_layout(&workspace.tree("scan"), "scan", DeepZoom::new(SIZE), "jpeg", &PAGE);
    assert_eq!(workspace.names(), ["scan", "scan.tif"]);
}

#[test]
fn names_the_export_after_the_destination() {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "scan.tif");
    for output in ["other", "a.b.c", "with/slash/", ".hidden"] {
        workspace.export(["scan.tif", "-o", output]).succeeds();
        let name = output.trim_end_matches('/').rsplit('/').next().unwrap();
        assert_layout(&workspace.tree(output), name, DeepZoom::new(SIZE), "jpeg", &PAGE);
    }
}

#[test]
fn omits_the_page() {
    let workspace = Workspace::new();
    slides::aperio().write_into(&workspace, "scan.svs");
    workspace.export(["scan.svs", "--no-viewer", "--associated", "none"]).succeeds();
    assert_layout(&workspace.tree("scan"), "scan", DeepZoom::new(SIZE), "jpeg", &[]);
}

#[test]
fn follows_format_and_tile_size() {
    let workspace = Workspace::new();
    slides::aperio().write_into(&workspace, "scan.svs");
    for (tile_size, overlap) in [(256_u32, 0_u32), (101, 3), (64, 63), (4096, 2)] {
        let output = format!("png-{tile_size}");
        let tile_options = [
            "--tile-size".to_owned(),
            tile_size.to_string(),
            "--overlap".to_owned(),
            overlap.to_string(),
        ];
        let mut command = workspace.command([
            "export",
            "scan.svs",
            "-o",
            &output,
            "--format",
            "png",
            "--no-viewer",
        ]);
        Run::of(command.args(tile_options)).succeeds();
        let plan = DeepZoom::new(SIZE).with_tiles(tile_size, overlap);
        assert_layout(
            &workspace.tree(&output),
            &output,
            plan,
            "png",
            &["associated/thumbnail.png"],
        );
    }
}

#[test]
fn exports_the_smallest_slides() {
    let workspace = Workspace::new();
    for (width, height) in [(1, 1), (1, 600), (600, 1), (2, 3), (255, 254), (509, 508)] {
        let name = format!("{width}x{height}");
        let slide = slides::exact((width, height), slidezoom_fixtures::Pattern::Gradient);
        let slide = slide.write_into(&workspace, format!("{name}.tif"));
        workspace.export([slide.as_os_str(), "--no-viewer".as_ref()]).succeeds();
        assert_layout(&workspace.tree(&name), &name, DeepZoom::new((width, height)), "jpeg", &[]);
    }
}

#[test]
fn writes_the_same_bytes_with_any_number_of_jobs() {
    let workspace = Workspace::new();
    slides::aperio().write_into(&workspace, "scan.svs");
    let export = |folder: &str, jobs: &str| {
        // Exports contain their name, so all use the same one.
        let output = format!("{folder}/scan");
        workspace
            .export(["scan.svs", "-o", &output, "--jobs", jobs, "--associated", "all"])
            .succeeds();
        workspace.tree(output)
    };
    let alone = export("alone", "1");
    alone.assert_same(&export("eight", "8"));
    alone.assert_same(&export("eight-again", "8"));
}
