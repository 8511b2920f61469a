//! Real slides of several vendors, in `../shared/slides` or where `SLIDEZOOM_SHARED_SLIDES` points.
//! The tests are skipped without them.

use std::env;
use std::path::PathBuf;

use crate::deep_zoom::DeepZoom;
use crate::workspace::{Run, Workspace};

/// Returns the path of a real slide, or `None`, and reports the skipped test, if it is missing.
fn shared(file: &str) -> Option<PathBuf> {
    let folder = env::var_os("SLIDEZOOM_SHARED_SLIDES").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/slides"),
        PathBuf::from,
    );
    let path = folder.join(file);
    if path.exists() {
        return Some(path);
    }
    skipped!("{} is missing", path.display());
    None
}

fn export(workspace: &Workspace, file: &str) -> Option<Run> {
    let slide = shared(file)?;
    let mut command =
        workspace.command(["export", "-o", "out", "--no-viewer", "--associated", "all"]);
    Some(Run::of(command.arg(slide)))
}

/// Asserts that the export has exactly the tiles of an area of this size.
#[track_caller]
fn assert_exported(file: &str, area: (u32, u32)) {
    let workspace = Workspace::new();
    let Some(run) = export(&workspace, file) else { return };
    run.succeeds();
    let tree = workspace.tree("out");
    let files: Vec<&str> =
        tree.files().into_iter().filter(|file| !file.starts_with("associated/")).collect();
    assert_eq!(files, DeepZoom::new(area).files("out", "jpeg"));
    assert_eq!(workspace.names(), ["out"]);
}

/// Asserts that `export` rejects the slide with these words and leaves nothing.
#[track_caller]
fn assert_refused(file: &str, words: &[&str]) {
    let workspace = Workspace::new();
    let Some(run) = export(&workspace, file) else { return };
    run.fails(3, words);
    assert_eq!(workspace.names(), [""; 0]);
}

#[test]
fn aperio_with_jpeg() {
    assert_exported("svs/CMU-1-Small-Region.svs", (2220, 2967));
}

#[test]
fn aperio_with_jpeg_2000() {
    assert_exported("svs/tcga-cr-7395-01a-01-ts1.svs", (4443, 3567));
}

#[test]
fn hamamatsu() {
    assert_exported("ndpi/test3-DAPI-2-(387).ndpi", (3968, 4864));
}

#[test]
fn dicom() {
    assert_exported("dicom/gcp-multi_frame_jpeg_camelyon.dcm", (1152, 700));
}

#[test]
fn generic_tiff() {
    assert_exported("tiff/tcga_jpeg_pyr.tif", (4443, 3567));
    assert_exported("tiff/slaid-test.tif", (512, 1024));
    assert_exported("tiff/slaid-patch.tif", (256, 256));
}

#[test]
fn rejects_mirax_without_data_files() {
    let hint = "\nhint: the file is damaged or incomplete (some formats keep pixels in a folder next to it)";
    assert_refused("mrxs/Mirax2-Fluorescence-2.mrxs", &["cannot read ", " of slide level 0", hint]);
}

#[test]
fn rejects_a_tiff_without_tiles() {
    assert_refused("unreadable/broken_zstd_missing_tiles.tif", &["the slide has no pixels"]);
}

#[test]
fn rejects_dicom_that_openslide_rejects() {
    assert_refused("unreadable/pathml-small_dicom.dcm", &["pathml-small_dicom.dcm: "]);
}
