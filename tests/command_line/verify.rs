//! `slidezoom verify` of folders: the manifest, and reports of all damage with the file's name.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use serde_json::Value;
use sha2::{Digest, Sha256};
use slidezoom_fixtures::{Pattern, Random, SlideBuilder};

use crate::slides::{self, WriteInto};
use crate::verify_report::{Problem, UNEXPECTED_NAMES, VerifyReport, only};
use crate::workspace::Workspace;

/// A workspace with an export `scan` of some forty tiles.
fn exported(options: &[&str]) -> Workspace {
    let workspace = Workspace::new();
    let slide = SlideBuilder::new(700, 500).pattern(Pattern::Tissue { seed: 4 });
    slide.write_into(&workspace, "scan.tif");
    workspace.export([&["scan.tif", "--tile-size", "100"], options].concat()).succeeds();
    workspace
}

/// Verifies `scan` and returns all problems.
#[track_caller]
fn problems(workspace: &Workspace, options: &[&str]) -> Vec<Problem> {
    VerifyReport::of(workspace, "scan", options).problems()
}

/// Returns the SHA-256 in hexadecimal.
pub fn sha256(contents: &[u8]) -> String {
    Sha256::digest(contents).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[test]
fn sha256sum_accepts_the_manifest_of_all_other_files() {
    for options in [&[][..], &["--lossless", "--tile-size", "256"], &["--format", "png"]] {
        let workspace = Workspace::new();
        // The manifest escapes backslashes.
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
                assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
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
fn the_description_identifies_the_source() {
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
    // The file name may be a patient's name, so an export with another name omits it.
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
fn accepts_valid_exports() {
    for options in [&[][..], &["--format", "png"], &["--no-viewer", "--overlap", "0"]] {
        let workspace = exported(options);
        for depth in [&[][..], &["--quick"], &["--jobs", "1"]] {
            assert_eq!(problems(&workspace, depth), []);
        }
        let run = workspace.slidezoom(["verify", "scan"]).succeeds();
        let files = workspace.tree("scan").files().len();
        assert!(run.text().starts_with(&format!("scan: valid: {files} files ")), "{run:?}");
        assert!(run.stderr.is_empty());
    }
}

#[test]
fn reports_every_missing_file() {
    let workspace = exported(&[]);
    let tree = workspace.tree("scan");
    assert!(tree.files().len() > 50);
    for file in tree.files() {
        let path = workspace.path("scan").join(file);
        fs::rename(&path, workspace.path("backup")).unwrap();
        for depth in [&[][..], &["--quick"]] {
            assert_eq!(problems(&workspace, depth), only("missing", file));
        }
        fs::rename(workspace.path("backup"), &path).unwrap();
    }
    assert_eq!(problems(&workspace, &[]), []);
}

#[test]
fn reports_every_unexpected_file() {
    let workspace = exported(&[]);
    let folders =
        ["", "scan_files/", "scan_files/10/", "scan_files/0/", "viewer/", "vendor/slidezoom/"];
    fs::create_dir_all(workspace.path("scan/vendor/slidezoom")).unwrap();
    let names = || UNEXPECTED_NAMES.into_iter().chain(["scan-properties.xml"]);
    for name in folders.iter().flat_map(|folder| names().map(move |name| format!("{folder}{name}")))
    {
        let path = workspace.path("scan").join(&name);
        assert!(!path.exists(), "{name}");
        fs::write(&path, "x").unwrap();
        assert_eq!(problems(&workspace, &[]), only("unexpected", &name));
        fs::remove_file(&path).unwrap();
    }
    assert_eq!(problems(&workspace, &[]), []);
}

#[test]
fn reports_every_file_with_a_flipped_bit() {
    let workspace = exported(&[]);
    let tree = workspace.tree("scan");
    let files: Vec<&str> = tree.files();
    let mut random = Random::new(1);
    for _ in 0..60 {
        // One bit in each of several files. The manifest has its own test.
        let mut flipped: Vec<&str> = (0..8).map(|_| files[random.below(files.len())]).collect();
        flipped.sort_unstable();
        flipped.dedup();
        flipped.retain(|file| *file != "manifest-sha256.txt");
        for file in &flipped {
            let mut bytes = tree.file(file).to_vec();
            let position = random.below(bytes.len());
            bytes[position] ^= 1 << random.below(8);
            fs::write(workspace.path("scan").join(file), bytes).unwrap();
        }
        let found = problems(&workspace, &[]);
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
    assert_eq!(problems(&workspace, &[]), []);
}

#[test]
fn reports_an_altered_manifest() {
    let workspace = exported(&[]);
    let path = workspace.path("scan/manifest-sha256.txt");
    let manifest = fs::read_to_string(&path).unwrap();
    let mut random = Random::new(2);
    for _ in 0..40 {
        let mut bytes = manifest.clone().into_bytes();
        let position = random.below(bytes.len());
        bytes[position] ^= 1 << random.below(8);
        fs::write(&path, &bytes).unwrap();
        // Upper and lower case digits of a hash are equivalent.
        let line = manifest[..position].rfind('\n').map_or(0, |end| end + 1);
        let equivalent = position - line < 64 && bytes.eq_ignore_ascii_case(manifest.as_bytes());
        assert_eq!(problems(&workspace, &[]).is_empty(), equivalent, "byte {position}");
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
fn reports_truncated_tiles_with_and_without_hashes() {
    for format in ["jpeg", "png"] {
        let workspace = exported(&["--format", format]);
        let name = format!("scan_files/10/3_2.{format}");
        let path = workspace.path("scan").join(&name);
        let valid = fs::read(&path).unwrap();
        for length in [0, 1, 20, valid.len() / 2, valid.len() - 1] {
            fs::write(&path, &valid[..length]).unwrap();
            assert_eq!(
                problems(&workspace, &["--quick"]),
                only("undecodable", &name),
                "{length} bytes"
            );
            assert_eq!(problems(&workspace, &[]), only("altered", &name));
        }
        // A valid tile of another size.
        fs::copy(workspace.path("scan").join(format!("scan_files/10/0_0.{format}")), &path)
            .unwrap();
        assert_eq!(problems(&workspace, &["--quick"]), only("wrong-size", &name));
    }
}

/// Exports of other tools have no manifest.
#[test]
fn decodes_all_tiles_if_there_is_no_manifest() {
    for format in ["jpeg", "png"] {
        let workspace = exported(&["--format", format, "--no-viewer"]);
        fs::remove_file(workspace.path("scan/manifest-sha256.txt")).unwrap();
        assert_eq!(problems(&workspace, &[]), only("missing", "manifest-sha256.txt"));
        fs::remove_file(workspace.path("scan/scan.json")).unwrap();
        fs::write(workspace.path("scan/vips-properties.xml"), "<x/>").unwrap();
        let run = workspace.slidezoom(["verify", "scan"]).succeeds();
        assert!(run.text().contains("every tile can be decoded (there is no manifest"), "{run:?}");

        let name = format!("scan_files/10/3_2.{format}");
        let path = workspace.path("scan").join(&name);
        let valid = fs::read(&path).unwrap();
        let mut damaged = valid.clone();
        let middle = valid.len() / 2;
        damaged[middle..middle + 40].fill(0xff);
        fs::write(&path, &damaged).unwrap();
        assert_eq!(problems(&workspace, &[]), only("undecodable", &name));
        fs::remove_file(&path).unwrap();
        assert_eq!(problems(&workspace, &[]), only("missing", &name));
        fs::write(&path, &valid).unwrap();
        let extra = format!("scan_files/10/8_0.{format}");
        fs::write(workspace.path("scan").join(&extra), &valid).unwrap();
        assert_eq!(problems(&workspace, &[]), only("unexpected", &extra));
    }
}

#[test]
fn rejects_hostile_descriptors() {
    let workspace = exported(&["--no-viewer"]);
    let dzi = workspace.path("scan/scan.dzi");
    let descriptor = fs::read_to_string(&dzi).unwrap();
    let manifest = workspace.path("scan/manifest-sha256.txt");
    let manifest_bytes = fs::read(&manifest).unwrap();
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
        // The manifest reveals the change. Without it, the descriptor itself is checked.
        fs::write(&manifest, &manifest_bytes).unwrap();
        assert!(problems(&workspace, &[]).contains(&("altered".to_owned(), "scan.dzi".to_owned())));
        fs::remove_file(&manifest).unwrap();
        let run = workspace.slidezoom(["verify", "scan"]);
        assert_eq!(run.code(), Some(5), "{run:?}");
        assert!(run.text().contains(words), "{words}: {run:?}");
    }
}

#[test]
fn follows_no_symbolic_links() {
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
            problems(&workspace, &[]).contains(&("not-a-file".to_owned(), name.to_owned())),
            "{name}"
        );
    }
}

#[test]
fn rejects_inputs_that_are_not_exports() {
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
        &[
            "empty: is not an export",
            "\nhint: an export is a folder or an archive that contains a .dzi",
        ],
    );
}

#[test]
fn verifies_every_export_in_a_folder() {
    let workspace = Workspace::new();
    for name in ["a.tif", "b.tif"] {
        slides::small().write_into(&workspace, name);
    }
    workspace.export(["a.tif", "b.tif", "-o", "all"]).succeeds();
    workspace.export(["a.tif", "-o", "all/c.zip"]).succeeds();
    let run = workspace.slidezoom(["verify", "all"]).succeeds();
    let valid: Vec<&str> =
        run.text().lines().map(|line| line.split_once(": valid: ").unwrap().0).collect();
    assert_eq!(valid, ["all/a", "all/b", "all/c.zip"]);

    fs::remove_file(workspace.path("all/b/b_files/9/0_0.jpeg")).unwrap();
    let run = workspace.slidezoom(["verify", "all"]);
    assert_eq!(run.code(), Some(5), "{run:?}");
    assert!(run.text().contains("all/b: b_files/9/0_0.jpeg: missing\n"), "{run:?}");
    let run = run.reports(&["all: 1 of 3 exports is damaged: all/b\n"]);
    assert_eq!(run.text().lines().filter(|line| line.contains(": valid: ")).count(), 2);
    let report = workspace.slidezoom(["verify", "--json", "all"]).json();
    let exports = report["exports"].as_array().unwrap();
    let found: Vec<_> = exports.iter().map(|export| export["valid"].as_bool()).collect();
    assert_eq!(
        (&report["valid"], found),
        (&Value::from(false), vec![Some(true), Some(false), Some(true)])
    );

    // A folder without descriptor and manifest is not an export.
    fs::remove_file(workspace.path("all/a/a.dzi")).unwrap();
    fs::remove_file(workspace.path("all/a/manifest-sha256.txt")).unwrap();
    let run = workspace.slidezoom(["verify", "all"]);
    assert!(run.text().contains("all/a: not an export, not checked\n"), "{run:?}");
    assert_eq!(workspace.slidezoom(["verify", "--json", "all"]).json()["notExports"][0], "all/a");
}

#[test]
fn prints_one_line_for_each_problem() {
    let workspace = exported(&["--no-viewer"]);
    fs::remove_file(workspace.path("scan/scan_files/10/1_1.jpeg")).unwrap();
    fs::write(workspace.path("scan/a\nb"), "x").unwrap();
    let run = workspace.slidezoom(["verify", "scan"]);
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
