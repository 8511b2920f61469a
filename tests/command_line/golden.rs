//! The export of a real slide against a committed listing: path, size and pixel hash of each tile.
//! The slide comes with the crate `openslide-rs`.
//!
//! `UPDATE_GOLDEN=1` rewrites the listing and fails, so that an update never passes for a check.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

use sha2::{Digest, Sha256};

use crate::deep_zoom::DeepZoom;
use crate::rgb_image::RgbImage;
use crate::workspace::{Run, Workspace};

/// Returns a line for each tile: path, size, and SHA-256 of the decoded pixels.
fn listing(workspace: &Workspace) -> String {
    let tree = workspace.tree("default");
    let lines = DeepZoom::new((2220, 2967)).tiles().into_iter().map(|tile| {
        let file = format!("default_files/{}", tile.file("jpeg"));
        let image = RgbImage::from_jpeg(tree.file(&file));
        let mut line = format!("{file} {}×{} ", image.width, image.height);
        for byte in Sha256::digest(image.pixels.as_flattened()) {
            write!(line, "{byte:02x}").unwrap();
        }
        line + "\n"
    });
    lines.collect()
}

#[test]
fn the_real_slide_matches_its_golden_listing() {
    let slide = slidezoom_fixtures::real_slide().unwrap();
    let workspace = Workspace::new();
    let mut command = workspace.command(["export", "-o", "default"]);
    Run::of(command.arg(slide)).succeeds();
    let found = listing(&workspace);

    let golden =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/command_line/golden/default-svs.txt");
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&golden, found).unwrap();
        panic!(
            "{} was rewritten: review the changes, and run again without UPDATE_GOLDEN",
            golden.display()
        );
    }
    let expected = fs::read_to_string(&golden)
        .unwrap_or_else(|error| panic!("{}: {error}; UPDATE_GOLDEN=1 writes it", golden.display()));
    let different: Vec<_> =
        found.lines().zip(expected.lines()).filter(|(found, expected)| found != expected).collect();
    assert!(different.is_empty(), "found and expected: {different:#?}");
    assert_eq!(found.lines().count(), expected.lines().count());
}
