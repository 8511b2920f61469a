//! Wrong usage: exit code 2, before anything is read or written.

use crate::slides::{self, WriteInto};
use crate::workspace::Workspace;

/// Asserts that clap refuses these arguments and points to the help.
#[track_caller]
fn assert_refused_by_clap(arguments: &[&str], words: &[&str]) {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "scan.tif");
    let run = workspace.slidezoom(arguments);
    assert_eq!(run.code(), Some(2), "{run:?}");
    assert!(run.stdout.is_empty(), "{run:?}");
    assert!(run.stderr.starts_with("error: "), "{run:?}");
    assert!(run.stderr.trim_end().ends_with("For more information, try '--help'."), "{run:?}");
    run.reports(words);
    assert_eq!(workspace.names(), ["scan.tif"]);
}

#[test]
fn rejects_unknown_options() {
    assert_refused_by_clap(&["export", "scan.tif", "--bogus"], &["--bogus"]);
    assert_refused_by_clap(&["export", "scan.tif", "-z"], &["-z"]);
    assert_refused_by_clap(&["convert", "scan.tif"], &["convert"]);
    assert_refused_by_clap(&["export", "-scan.tif"], &["-s"]);
}

#[test]
fn rejects_missing_arguments() {
    assert_refused_by_clap(&["export"], &["<INPUT>"]);
    assert_refused_by_clap(&["info"], &["<SLIDE>"]);
    assert_refused_by_clap(&["tile", "scan.tif", "0"], &["<COLUMN>", "<ROW>"]);
    assert_refused_by_clap(&["export", "scan.tif", "-o"], &["--output"]);
    assert_refused_by_clap(&["export", "scan.tif", "-o", ""], &["--output"]);
}

#[test]
fn rejects_invalid_values() {
    for (option, value) in [
        ("--quality", "0"),
        ("--quality", "101"),
        ("--quality", "256"),
        ("--quality", "high"),
        ("--tile-size", "-1"),
        ("--tile-size", "4294967296"),
        ("--overlap", "-1"),
        ("--overlap", "1.5"),
        ("--jobs", "0"),
        ("--jobs", "many"),
        ("--format", "jpg"),
        ("--format", "JPEG"),
        ("--subsampling", "411"),
        ("--bounds", "some"),
        ("--background", "white"),
        ("--background", "fff"),
        ("--background", "+fffff"),
        ("--progress", "xml"),
        ("--container", "tar"),
        ("--container", "ZIP"),
        ("--container", "bag"),
        ("--mpp", "0"),
        ("--mpp", "-0.25"),
        ("--mpp", "1000000001"),
        ("--mpp", "NaN"),
        ("--mpp", "0.25,"),
        ("--mpp", "0.25,0"),
        ("--mpp", "0.25,0.25,0.25"),
    ] {
        assert_refused_by_clap(
            &["export", "scan.tif", &format!("{option}={value}")],
            &[option, value],
        );
    }
    assert_refused_by_clap(&["tile", "scan.tif", "-1", "0", "0"], &["-1"]);
    assert_refused_by_clap(&["tile", "scan.tif", "0", "4294967296", "0"], &["4294967296"]);
    assert_refused_by_clap(&["completions", "csh"], &["csh"]);
}

#[test]
fn rejects_impossible_tile_sizes_and_overlaps() {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "scan.tif");
    for (tile_size, overlap, words) in [
        ("254", "254", "overlap 254 is not smaller than the tile size 254"),
        ("2", "2", "overlap 2 is not smaller than the tile size 2"),
        ("254", "4294967295", "overlap 4294967295"),
        ("1", "0", "tile size 1 is not between 2 and"),
        ("0", "0", "tile size 0 is not between 2 and"),
        ("4294967295", "0", "tile size 4294967295 is not between 2 and"),
    ] {
        let options = ["--tile-size", tile_size, "--overlap", overlap];
        let hint = "\nhint: see --tile-size and --overlap in --help";
        workspace.export([&["scan.tif"], &options[..]].concat()).fails(2, &[words, hint]);
        workspace
            .slidezoom([&["tile", "scan.tif", "0", "0", "0"], &options[..]].concat())
            .fails(2, &[words, hint]);
    }
    assert_eq!(workspace.names(), ["scan.tif"]);
}

#[test]
fn rejects_wrong_usage_before_looking_for_the_slide() {
    let workspace = Workspace::new();
    workspace.export(["missing.svs", "--overlap", "300"]).fails(2, &["overlap 300"]);
    workspace.export(["missing.svs", "-o", "out.zip", "--container", "szi"]).fails(2, &["out.zip"]);
}
