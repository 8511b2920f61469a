//! Replays the committed fuzz corpus: seeds, and inputs that once made a target fail. `make soak`
//! runs the fuzz targets themselves.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests fail by panicking")]

use std::fs;
use std::path::Path;

#[path = "../fuzz/checks.rs"]
mod checks;

/// Calls a check with each file in `fuzz/corpus/<target>`.
fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let data = fs::read(&path).unwrap();
        // The harness prints this if the check panics.
        println!("{}", path.display());
        check(&data);
        files += 1;
    }
    assert!(files > 0, "{} is empty", folder.display());
}

#[test]
fn image() {
    replay("image", checks::image);
}

#[test]
fn tiff() {
    replay("tiff", checks::tiff);
}

#[test]
fn native_jpeg_tile() {
    replay("native_jpeg_tile", checks::native_jpeg_tile);
}

#[test]
fn archive() {
    replay("archive", checks::archive);
}

#[test]
fn descriptions() {
    replay("descriptions", checks::descriptions);
}

#[test]
fn icc_profile() {
    replay("icc_profile", checks::icc_profile);
}
