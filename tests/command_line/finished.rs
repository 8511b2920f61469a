//! `--resume` with a finished export: skipped if source and options match, refused otherwise.

use std::fs;

use slidezoom_fixtures::image::{ImageBuilder, ImageFormat};

use crate::slides::{self, WriteInto};
use crate::workspace::Workspace;

/// Two images that differ in one bit.
fn with_similar_images() -> Workspace {
    let workspace = Workspace::new();
    let mut bytes = ImageBuilder::new(300, 200, ImageFormat::Pnm).bytes().unwrap();
    fs::write(workspace.path("one.ppm"), &bytes).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(workspace.path("other.ppm"), &bytes).unwrap();
    workspace
}

#[test]
fn a_finished_export_is_skipped() {
    let workspace = with_similar_images();
    slides::aperio().write_into(&workspace, "scan.svs");
    for (input, output) in
        [("one.ppm", "a"), ("one.ppm", "a.zip"), ("scan.svs", "b"), ("scan.svs", "b.szi")]
    {
        for hash in [&[][..], &["--no-source-hash"]] {
            let arguments = [&[input, "-o", output][..], hash].concat();
            workspace.export([&arguments[..], &["--overwrite"]].concat()).succeeds();
            let before = workspace.tree("");
            let again = workspace.export([&arguments[..], &["--resume"]].concat()).succeeds();
            again.reports(&["already finished: "]);
            workspace.tree("").assert_same(&before);
        }
    }
    // Bags and associated images.
    let bag = ["scan.svs", "-o", "bag", "--container", "bagit", "--associated", "macro,label"];
    workspace.export(bag).succeeds();
    workspace
        .export([&bag[..], &["--resume"]].concat())
        .succeeds()
        .reports(&["already finished: "]);
}

#[test]
fn an_export_of_another_file_is_refused() {
    let workspace = with_similar_images();
    slides::aperio().write_into(&workspace, "scan.svs");
    for output in ["out", "out.zip"] {
        workspace.export(["one.ppm", "-o", output]).succeeds();
        let before = workspace.tree("");
        let words = [
            "is a different export: its SHA-256 of the file is ",
            "\nhint: replace it with --overwrite",
        ];
        workspace.export(["other.ppm", "-o", output, "--resume"]).fails(2, &words);
        let words = ["out", " is a different export: its "];
        workspace.export(["scan.svs", "-o", output, "--resume"]).fails(2, &words);
        workspace.tree("").assert_same(&before);
    }
}

#[test]
fn an_export_with_other_options_is_refused() {
    let workspace = Workspace::new();
    slides::aperio().write_into(&workspace, "scan.svs");
    workspace.export(["scan.svs", "-o", "out"]).succeeds();
    let before = workspace.tree("");
    for (options, words) in [
        (&["--quality", "95"][..], "its quality is 80 and would be 95"),
        (&["--format", "png"], "its format is jpeg and would be png"),
        (&["--tile-size", "500"], "its tile size is 254 and would be 500"),
        (&["--rotate", "90"], "its rotation is 0 and would be 90"),
        (&["--no-viewer"], "its page is include and would be omit"),
        (
            &["--associated", "macro"],
            "its list of associated images is thumbnail and would be macro",
        ),
        (&["--no-source-hash"], "its source identity is sha256 and would be "),
        (&["--background", "000000"], "its background is ffffff and would be 000000"),
        (&["--all-properties"], "its properties is listed and would be all"),
    ] {
        let run = workspace.export([&["scan.svs", "-o", "out", "--resume"], options].concat());
        run.fails(2, &["out: is a different export: ", words]);
    }
    workspace.tree("").assert_same(&before);
}

#[test]
fn files_that_are_not_an_export_are_refused() {
    let workspace = with_similar_images();
    fs::create_dir(workspace.path("letters")).unwrap();
    fs::write(workspace.path("letters/to.txt"), "Dear all").unwrap();
    fs::write(workspace.path("photos.zip"), "Dear all").unwrap();
    let before = workspace.tree("");
    for output in ["letters", "photos.zip"] {
        workspace
            .export(["one.ppm", "-o", output, "--resume"])
            .fails(4, &[output, "exists already"]);
    }
    // A folder is not a bag.
    workspace.tree("").assert_same(&before);
    workspace.export(["one.ppm", "-o", "out"]).succeeds();
    workspace
        .export(["one.ppm", "-o", "out", "--container", "bagit", "--resume"])
        .fails(4, &["out: exists already"]);
}
