//! Wrong usage: exit code 2, said before anything is read or written.

use crate::slides::{self, WriteInto};
use crate::workspace::Workspace;

/// The argument parser refuses these arguments: its own words, then where help is.
#[track_caller]
fn assert_refused_by_the_parser(arguments: &[&str], words: &[&str]) {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "scan.tif");
    let run = workspace.slidezoom(arguments);
    assert_eq!(run.code(), Some(2), "{run:?}");
    assert!(run.stdout.is_empty(), "{run:?}");
    assert!(run.stderr.starts_with("error: "), "{run:?}");
    assert!(run.stderr.trim_end().ends_with("For more information, try '--help'."), "{run:?}");
    run.says(words);
    assert_eq!(workspace.names(), ["scan.tif"]);
}

#[test]
fn options_that_do_not_exist_are_refused() {
    assert_refused_by_the_parser(&["export", "scan.tif", "--bogus"], &["--bogus"]);
    assert_refused_by_the_parser(&["export", "scan.tif", "-z"], &["-z"]);
    assert_refused_by_the_parser(&["convert", "scan.tif"], &["convert"]);
    assert_refused_by_the_parser(&["export", "-scan.tif"], &["-s"]);
}

#[test]
fn arguments_that_are_missing_are_asked_for() {
    assert_refused_by_the_parser(&["export"], &["SLIDE|IMAGE|FOLDER"]);
    assert_refused_by_the_parser(&["info"], &["<SLIDE>"]);
    assert_refused_by_the_parser(&["tile", "scan.tif", "0"], &["<COLUMN>", "<ROW>"]);
    assert_refused_by_the_parser(&["export", "scan.tif", "-o"], &["--output"]);
    assert_refused_by_the_parser(&["export", "scan.tif", "-o", ""], &["--output"]);
}

#[test]
fn values_out_of_their_range_are_refused() {
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
        ("--mpp", "0"),
        ("--mpp", "-0.25"),
        ("--mpp", "1000000001"),
        ("--mpp", "NaN"),
        ("--mpp", "0.25,"),
        ("--mpp", "0.25,0"),
        ("--mpp", "0.25,0.25,0.25"),
    ] {
        assert_refused_by_the_parser(&["export", "scan.tif", &format!("{option}={value}")], &[option, value]);
    }
    assert_refused_by_the_parser(&["tile", "scan.tif", "-1", "0", "0"], &["-1"]);
    assert_refused_by_the_parser(&["tile", "scan.tif", "0", "4294967296", "0"], &["4294967296"]);
    assert_refused_by_the_parser(&["completions", "csh"], &["csh"]);
}

#[test]
fn a_bag_is_a_container_of_its_own() {
    for container in ["folder", "zip", "szi"] {
        assert_refused_by_the_parser(
            &["export", "scan.tif", "--bag", "--container", container],
            &["--bag", "--container", "cannot be used"],
        );
    }
}

#[test]
fn tile_sizes_and_overlaps_that_make_no_tiles_are_refused() {
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
        let hint = "\n  see --tile-size and --overlap in --help";
        workspace.export([&["scan.tif"], &options[..]].concat()).fails(2, &[words, hint]);
        workspace.slidezoom([&["tile", "scan.tif", "0", "0", "0"], &options[..]].concat()).fails(2, &[words, hint]);
    }
    assert_eq!(workspace.names(), ["scan.tif"]);
}

#[test]
fn wrong_usage_is_said_before_the_slide_is_looked_for() {
    let workspace = Workspace::new();
    workspace.export(["missing.svs", "--overlap", "300"]).fails(2, &["overlap 300"]);
    workspace.export(["missing.svs", "-o", "out.zip", "--container", "szi"]).fails(2, &["out.zip"]);
}
