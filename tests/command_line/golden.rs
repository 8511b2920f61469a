//! The export of the real slide that comes with the crate `openslide-rs`, tile for tile: path, size and a hash of the pixels.
//!
//! `UPDATE_GOLDEN=1` writes the listing anew and fails that once, so that no run that updates can pass for one that checks.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::deep_zoom::DeepZoom;
use crate::pictures::Picture;
use crate::workspace::{Run, Workspace};

/// CMU-1-Small-Region, CC0, as cargo has unpacked it.
fn real_slide() -> Option<PathBuf> {
    let slide = slide_by_metadata().or_else(slide_in_the_registry);
    if slide.is_none() {
        skipped!("tests/assets/default.svs of the crate openslide-rs is not where cargo unpacks crates");
    }
    slide
}

/// Where cargo says that the crate is.
fn slide_by_metadata() -> Option<PathBuf> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = ["metadata", "--format-version", "1", "--locked", "--offline", "--manifest-path"];
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let output = Command::new(cargo).args(arguments).arg(manifest).output().ok()?;
    let metadata: Value = serde_json::from_slice(&output.stdout).ok()?;
    let package = metadata["packages"].as_array()?.iter().find(|package| package["name"] == "openslide-rs")?;
    let crate_folder = Path::new(package["manifest_path"].as_str()?).parent()?;
    Some(crate_folder.join("tests/assets/default.svs")).filter(|slide| slide.exists())
}

/// Where cargo is known to unpack crates, for test binaries that are run without cargo.
fn slide_in_the_registry() -> Option<PathBuf> {
    let home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")))?;
    let registries = fs::read_dir(home.join("registry/src")).ok()?;
    let crates = registries.flatten().filter_map(|registry| fs::read_dir(registry.path()).ok()).flatten().flatten();
    crates
        .filter(|folder| folder.file_name().to_string_lossy().starts_with("openslide-rs-"))
        .map(|folder| folder.path().join("tests/assets/default.svs"))
        .find(|slide| slide.exists())
}

/// One line a tile: path, size, SHA-256 of the decoded pixels.
fn listing(workspace: &Workspace) -> String {
    let tree = workspace.tree("default");
    let lines = DeepZoom::new((2220, 2967)).tiles().into_iter().map(|tile| {
        let file = format!("default_files/{}", tile.file("jpeg"));
        let picture = Picture::from_jpeg(tree.file(&file));
        let mut line = format!("{file} {}×{} ", picture.width, picture.height);
        for byte in Sha256::digest(picture.pixels.as_flattened()) {
            write!(line, "{byte:02x}").unwrap();
        }
        line + "\n"
    });
    lines.collect()
}

#[test]
fn the_real_slide_is_exported_as_ever() {
    let Some(slide) = real_slide() else { return };
    let workspace = Workspace::new();
    let mut command = workspace.command(["export", "-o", "default"]);
    Run::of(command.arg(slide)).succeeds();
    let found = listing(&workspace);

    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/command_line/golden/default-svs.txt");
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&golden, found).unwrap();
        panic!("{} was written anew: look at what changed, and run again without UPDATE_GOLDEN", golden.display());
    }
    let expected = fs::read_to_string(&golden)
        .unwrap_or_else(|error| panic!("{}: {error}; UPDATE_GOLDEN=1 writes it", golden.display()));
    let different: Vec<_> = found.lines().zip(expected.lines()).filter(|(found, expected)| found != expected).collect();
    assert!(different.is_empty(), "found and expected: {different:#?}");
    assert_eq!(found.lines().count(), expected.lines().count());
}
