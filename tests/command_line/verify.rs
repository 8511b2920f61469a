//! `slidezoom verify`, and the manifest that it goes by: everything that can happen to an export is
//! found, and the file named.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use serde_json::Value;
use sha2::{Digest, Sha256};
use slidezoom_fixtures::{Pattern, SlideBuilder};

use crate::random::Random;
use crate::slides::{self, WriteInto};
use crate::verdict::{Found, Verdict, one};
use crate::workspace::{Run, Workspace};

/// A workspace with an export `scan` of a slide with some forty tiles.
fn exported(options: &[&str]) -> Workspace {
    let workspace = Workspace::new();
    let slide = SlideBuilder::new(700, 500).pattern(Pattern::Tissue { seed: 4 });
    slide.write_into(&workspace, "scan.tif");
    workspace.export([&["scan.tif", "--tile-size", "100"], options].concat()).succeeds();
    workspace
}

/// The damages that a check finds: kind and name.
#[track_caller]
fn damages(workspace: &Workspace, options: &[&str]) -> Vec<Found> {
    Verdict::of(workspace, "scan", options).damages()
}

/// The SHA-256 in hexadecimal.
pub fn sha256(contents: &[u8]) -> String {
    Sha256::digest(contents).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[test]
fn the_manifest_is_what_sha256sum_reads_and_names_every_file_but_itself() {
    for options in [&[][..], &["--lossless", "--tile-size", "256"], &["--format", "png"]] {
        let workspace = Workspace::new();
        // A name that has to be escaped in the manifest.
        slides::aperio().tile_size(256, 256).write_into(&workspace, "scan.svs");
        let run = workspace.export([&["scan.svs", "-o", "back\\slash and é"], options].concat());
        run.succeeds();
        let tree = workspace.tree("back\\slash and é");
        let manifest = tree.text("manifest-sha256.txt");
        let mut listed: Vec<String> = manifest
            .lines()
            .map(|line| {
                let (digest, name) = line.trim_start_matches('\\').split_once("  ").unwrap();
                let name = name.replace("\\\\", "\\");
                assert_eq!(digest, sha256(tree.file(&name)), "{name}");
                name
            })
            .collect();
        listed.push("manifest-sha256.txt".to_owned());
        listed.sort();
        assert_eq!(listed, tree.files());

        let folder = workspace.path("back\\slash and é");
        match Command::new("sha256sum")
            .args(["--check", "--strict", "--quiet", "manifest-sha256.txt"])
            .current_dir(folder)
            .output()
        {
            Ok(output) => {
                assert!(output.status.success() && output.stderr.is_empty(), "{output:?}")
            }
            Err(error) => skipped!("sha256sum: {error}"),
        }
        let verified = workspace.slidezoom(["verify", "back\\slash and é"]).succeeds();
        assert!(
            verified.text().contains("valid: ") && verified.text().contains("every byte"),
            "{verified:?}"
        );
    }
}

#[test]
fn the_source_is_identified_in_the_description() {
    let workspace = Workspace::new();
    let slide = slides::small().write_into(&workspace, "scan.tif");
    let contents = fs::read(slide).unwrap();
    let digest = sha256(&contents);
    let source = |options: &[&str], name: &str| -> Value {
        workspace.export([&["scan.tif", "--no-viewer"], options].concat()).succeeds();
        workspace.tree(name).json(&format!("{name}.json"))["source"].clone()
    };
    let bytes = contents.len();
    assert_eq!(
        source(&[], "scan"),
        serde_json::json!({ "file": "scan.tif", "bytes": bytes, "sha256": digest })
    );
    // Called anew: the slide's own name, which could be a patient's, does not slip in.
    assert_eq!(
        source(&["-o", "case-1"], "case-1"),
        serde_json::json!({ "bytes": bytes, "sha256": digest })
    );
    let quick = source(&["-o", "case-2", "--no-source-hash"], "case-2");
    assert_eq!(
        (quick["sha256"].clone(), quick["fingerprint"].as_str().unwrap().len()),
        (Value::Null, 64)
    );
}

#[test]
fn a_whole_export_is_whole_at_every_depth() {
    for options in [&[][..], &["--format", "png"], &["--no-viewer", "--overlap", "0"]] {
        let workspace = exported(options);
        for depth in [&[][..], &["--quick"], &["--jobs", "1"]] {
            assert_eq!(damages(&workspace, depth), []);
        }
        let run = workspace.slidezoom(["verify", "scan"]).succeeds();
        let files = workspace.tree("scan").files().len();
        assert!(run.text().starts_with(&format!("scan: valid: {files} files ")), "{run:?}");
        assert!(run.stderr.is_empty());
    }
}

#[test]
fn every_deleted_file_is_named() {
    let workspace = exported(&[]);
    let tree = workspace.tree("scan");
    assert!(tree.files().len() > 50);
    for file in tree.files() {
        let path = workspace.path("scan").join(file);
        fs::rename(&path, workspace.path("aside")).unwrap();
        for depth in [&[][..], &["--quick"]] {
            assert_eq!(damages(&workspace, depth), one("missing", file));
        }
        fs::rename(workspace.path("aside"), &path).unwrap();
    }
    assert_eq!(damages(&workspace, &[]), []);
}

#[test]
fn every_stranger_is_named() {
    let workspace = exported(&[]);
    let folders =
        ["", "scan_files/", "scan_files/10/", "scan_files/0/", "viewer/", "vendor/slidezoom/"];
    let names = [
        "stranger",
        "7_0.jpeg",
        "00_0.jpeg",
        "0_0.jpg",
        "-1_0.jpeg",
        ".hidden",
        "other.dzi",
        "scan-properties.xml",
        "a b\né",
    ];
    fs::create_dir_all(workspace.path("scan/vendor/slidezoom")).unwrap();
    for name in folders.iter().flat_map(|folder| names.map(|name| format!("{folder}{name}"))) {
        let path = workspace.path("scan").join(&name);
        assert!(!path.exists(), "{name}");
        fs::write(&path, "x").unwrap();
        assert_eq!(damages(&workspace, &[]), one("unexpected", &name));
        fs::remove_file(&path).unwrap();
    }
    assert_eq!(damages(&workspace, &[]), []);
}

#[test]
fn every_flipped_bit_is_found_and_its_file_named() {
    let workspace = exported(&[]);
    let tree = workspace.tree("scan");
    let files: Vec<&str> = tree.files();
    let mut random = Random(1);
    for _ in 0..60 {
        // Several files at a time, a bit in each; the manifest has a test of its own.
        let mut flipped: Vec<&str> = (0..8).map(|_| files[random.below(files.len())]).collect();
        flipped.sort_unstable();
        flipped.dedup();
        flipped.retain(|file| *file != "manifest-sha256.txt");
        for file in &flipped {
            let mut bytes = tree.file(file).to_vec();
            let place = random.below(bytes.len());
            bytes[place] ^= 1 << random.below(8);
            fs::write(workspace.path("scan").join(file), bytes).unwrap();
        }
        let found = damages(&workspace, &[]);
        let altered: Vec<&str> = found
            .iter()
            .filter(|(kind, _)| kind == "altered")
            .map(|(_, name)| name.as_str())
            .collect();
        assert_eq!(altered, flipped);
        for file in &flipped {
            fs::write(workspace.path("scan").join(file), tree.file(file)).unwrap();
        }
    }
    assert_eq!(damages(&workspace, &[]), []);
}

#[test]
fn an_altered_manifest_is_found() {
    let workspace = exported(&[]);
    let path = workspace.path("scan/manifest-sha256.txt");
    let manifest = fs::read_to_string(&path).unwrap();
    let mut random = Random(2);
    for _ in 0..40 {
        let mut bytes = manifest.clone().into_bytes();
        let place = random.below(bytes.len());
        bytes[place] ^= 1 << random.below(8);
        fs::write(&path, &bytes).unwrap();
        // A digit of a hash means the same in either case.
        let line = manifest[..place].rfind('\n').map_or(0, |end| end + 1);
        let same = place - line < 64 && bytes.eq_ignore_ascii_case(manifest.as_bytes());
        assert_eq!(damages(&workspace, &[]).is_empty(), same, "bit at {place}");
    }
    for (text, words) in [
        ("no manifest\n".to_owned(), "line 1 is not a SHA-256 digest and a name"),
        (format!("{manifest}{}  ../outside\n", "0".repeat(64)), "names a file outside the export"),
        (format!("{manifest}{}", manifest.lines().next().unwrap()), "names a file a second time"),
    ] {
        fs::write(&path, text).unwrap();
        let run = workspace.slidezoom(["verify", "scan"]);
        assert_eq!(run.code(), Some(5));
        assert!(
            run.text().contains("manifest-sha256.txt: line ") && run.text().contains(words),
            "{run:?}"
        );
    }
}

#[test]
fn a_tile_cut_short_is_found_without_hashing_too() {
    for format in ["jpeg", "png"] {
        let workspace = exported(&["--format", format]);
        let name = format!("scan_files/10/3_2.{format}");
        let path = workspace.path("scan").join(&name);
        let whole = fs::read(&path).unwrap();
        for length in [0, 1, 20, whole.len() / 2, whole.len() - 1] {
            fs::write(&path, &whole[..length]).unwrap();
            assert_eq!(
                damages(&workspace, &["--quick"]),
                one("undecodable", &name),
                "{length} bytes"
            );
            assert_eq!(damages(&workspace, &[]), one("altered", &name));
        }
        // Another tile in its place, of another size.
        fs::copy(workspace.path("scan").join(format!("scan_files/10/0_0.{format}")), &path)
            .unwrap();
        assert_eq!(damages(&workspace, &["--quick"]), one("wrong-size", &name));
    }
}

/// Exports of other tools have no manifest: their tiles are decoded.
#[test]
fn without_a_manifest_tiles_are_decoded() {
    for format in ["jpeg", "png"] {
        let workspace = exported(&["--format", format, "--no-viewer"]);
        fs::remove_file(workspace.path("scan/manifest-sha256.txt")).unwrap();
        assert_eq!(damages(&workspace, &[]), one("missing", "manifest-sha256.txt"));
        fs::remove_file(workspace.path("scan/scan.json")).unwrap();
        fs::write(workspace.path("scan/vips-properties.xml"), "<x/>").unwrap();
        let run = workspace.slidezoom(["verify", "scan"]).succeeds();
        assert!(run.text().contains("every tile can be decoded (there is no manifest"), "{run:?}");

        let name = format!("scan_files/10/3_2.{format}");
        let path = workspace.path("scan").join(&name);
        let whole = fs::read(&path).unwrap();
        let mut broken = whole.clone();
        let middle = whole.len() / 2;
        broken[middle..middle + 40].fill(0xff);
        fs::write(&path, &broken).unwrap();
        assert_eq!(damages(&workspace, &[]), one("undecodable", &name));
        fs::remove_file(&path).unwrap();
        assert_eq!(damages(&workspace, &[]), one("missing", &name));
        fs::write(&path, &whole).unwrap();
        let extra = format!("scan_files/10/8_0.{format}");
        fs::write(workspace.path("scan").join(&extra), &whole).unwrap();
        assert_eq!(damages(&workspace, &[]), one("unexpected", &extra));
    }
}

#[test]
fn hostile_exports_are_refused_in_no_time() {
    let workspace = exported(&["--no-viewer"]);
    let dzi = workspace.path("scan/scan.dzi");
    let descriptor = fs::read_to_string(&dzi).unwrap();
    let manifest = workspace.path("scan/manifest-sha256.txt");
    let has_manifest = fs::read(&manifest).unwrap();
    for (text, words) in [
        (
            descriptor.replace("700", "2147483647").replace("500", "2147483647"),
            "promises 614891523009792 tiles",
        ),
        (
            descriptor
                .replace("<Image", "<!DOCTYPE x [<!ENTITY a \"aaaa\">]><Image")
                .replace("jpeg", "&a;"),
            "not well-formed",
        ),
        (descriptor.replace("jpeg", "../../etc"), "cannot be checked"),
        (descriptor.replace("700", "0"), "is empty"),
        ("x".repeat(3 << 20), "bytes long, more than the limit of "),
        ("\u{0}".to_owned(), "scan.dzi: "),
    ] {
        fs::write(&dzi, text).unwrap();
        // With the manifest the alteration is found anyhow; without, the descriptor alone has to be
        // seen through.
        fs::write(&manifest, &has_manifest).unwrap();
        assert!(damages(&workspace, &[]).contains(&("altered".to_owned(), "scan.dzi".to_owned())));
        fs::remove_file(&manifest).unwrap();
        let run = workspace.slidezoom(["verify", "scan"]);
        assert_eq!(run.code(), Some(5), "{run:?}");
        assert!(run.text().contains(words), "{words}: {run:?}");
    }

    // Links are not followed, devices not read.
    let workspace = exported(&["--no-viewer"]);
    for (name, target) in [
        ("scan_files/10/0_0.jpeg", "/dev/zero"),
        ("scan.json", "scan.dzi"),
        ("scan_files/9", "/proc"),
    ] {
        let path = workspace.path("scan").join(name);
        if path.is_dir() {
            fs::remove_dir_all(&path).unwrap();
        } else {
            fs::remove_file(&path).unwrap();
        }
        symlink(target, &path).unwrap();
        assert!(
            damages(&workspace, &[]).contains(&("not-a-file".to_owned(), name.to_owned())),
            "{name}"
        );
    }
}

#[test]
fn what_is_no_export_is_said_to_be_none() {
    let workspace = Workspace::new();
    workspace.slidezoom(["verify", "none"]).fails(1, &["none: cannot be opened: No such file"]);
    fs::write(workspace.path("file"), "x").unwrap();
    workspace
        .slidezoom(["verify", "file"])
        .fails(2, &["file: not a zip archive", "\nhint: an export in a single file is a .zip"]);
    fs::write(workspace.path("cut.zip"), "x").unwrap();
    workspace
        .slidezoom(["verify", "cut.zip"])
        .fails(5, &["cut.zip: not a zip archive", "\nhint: export the slide again"]);
    let report = workspace.slidezoom(["verify", "--json", "file"]).json();
    assert_eq!(
        (&report["valid"], &report["problems"][0]["name"]),
        (&Value::from(false), &Value::from("file"))
    );
    nix::unistd::mkfifo(&workspace.path("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    workspace
        .slidezoom(["verify", "pipe"])
        .fails(1, &["pipe: cannot be opened: it is neither a folder nor a file"]);
    fs::create_dir(workspace.path("empty")).unwrap();
    workspace.slidezoom(["verify", "empty"]).fails(
        5,
        &["empty: no export", "\nhint: an export is a folder or an archive that contains a .dzi"],
    );
}

#[test]
fn of_a_folder_with_several_exports_each_is_checked() {
    let workspace = Workspace::new();
    for name in ["a.tif", "b.tif"] {
        slides::small().write_into(&workspace, name);
    }
    workspace.export(["a.tif", "b.tif", "-o", "all"]).succeeds();
    workspace.export(["a.tif", "-o", "all/c.zip"]).succeeds();
    let run = workspace.slidezoom(["verify", "all"]).succeeds();
    let whole: Vec<&str> =
        run.text().lines().map(|line| line.split_once(": valid: ").unwrap().0).collect();
    assert_eq!(whole, ["all/a", "all/b", "all/c.zip"]);

    fs::remove_file(workspace.path("all/b/b_files/9/0_0.jpeg")).unwrap();
    let run = workspace.slidezoom(["verify", "all"]);
    assert_eq!(run.code(), Some(5), "{run:?}");
    assert!(run.text().contains("all/b: b_files/9/0_0.jpeg: missing\n"), "{run:?}");
    let run = run.says(&["all: 1 of 3 exports is damaged: all/b\n"]);
    assert_eq!(run.text().lines().filter(|line| line.contains(": valid: ")).count(), 2);
    let report = workspace.slidezoom(["verify", "--json", "all"]).json();
    let found: Vec<_> =
        report["exports"].as_array().unwrap().iter().map(|one| one["valid"].as_bool()).collect();
    assert_eq!(
        (&report["valid"], found),
        (&Value::from(false), vec![Some(true), Some(false), Some(true)])
    );

    // What has lost all that tells of an export is named.
    fs::remove_file(workspace.path("all/a/a.dzi")).unwrap();
    fs::remove_file(workspace.path("all/a/manifest-sha256.txt")).unwrap();
    let run = workspace.slidezoom(["verify", "all"]);
    assert!(run.text().contains("all/a: not an export, not checked\n"), "{run:?}");
    assert_eq!(workspace.slidezoom(["verify", "--json", "all"]).json()["notExports"][0], "all/a");
}

#[test]
fn people_are_told_in_lines() {
    let workspace = exported(&["--no-viewer"]);
    fs::remove_file(workspace.path("scan/scan_files/10/1_1.jpeg")).unwrap();
    fs::write(workspace.path("scan/a\nb"), "x").unwrap();
    let run: Run = workspace.slidezoom(["verify", "scan"]);
    assert_eq!(run.code(), Some(5));
    assert_eq!(
        run.text(),
        "a\\nb: does not belong to this export\nscan_files/10/1_1.jpeg: missing\n"
    );
    assert_eq!(
        run.stderr,
        "slidezoom: scan: the export is damaged: 2 problems\nhint: export the slide again, or restore the export from a copy\n"
    );
    fs::remove_file(workspace.path("scan/a\nb")).unwrap();
    let run = workspace.slidezoom(["verify", "scan"]);
    assert!(
        run.stderr.starts_with("slidezoom: scan: the export is damaged: 1 problem\n"),
        "{run:?}"
    );
}
