//! Exports as `.zip` and `.szi`: their contents, and the plain zip format that all programs read.

use std::fs;

use serde_json::Value;

use crate::slides::{self, WriteInto};
use crate::tools;
use crate::workspace::{Workspace, names_in};
use crate::zip_file::ZipFile;

/// A workspace with the export of a slide as `folder/scan` and as an archive `scan.zip` or
/// `scan.szi`.
fn exported(ending: &str, options: &[&str]) -> Workspace {
    let workspace = Workspace::new();
    slides::aperio().write_into(&workspace, "scan.svs");
    workspace.export([&["scan.svs", "-o", "folder/scan"], options].concat()).succeeds();
    workspace.export([&["scan.svs", "-o", &format!("scan.{ending}")], options].concat()).succeeds();
    workspace
}

#[test]
fn a_zip_contains_the_files_of_the_folder_and_a_tile_index() {
    for options in
        [&[][..], &["--format", "png"], &["--lossless"], &["--no-viewer", "--associated", "all"]]
    {
        let workspace = Workspace::new();
        slides::aperio().tile_size(256, 256).write_into(&workspace, "scan.svs");
        workspace.export([&["scan.svs", "-o", "folder/scan"], options].concat()).succeeds();
        workspace.export([&["scan.svs", "-o", "scan.zip"], options].concat()).succeeds();

        let folder = workspace.tree("folder");
        let mut files = ZipFile::open(&workspace.path("scan.zip")).files();
        assert_eq!(files.pop().unwrap().0, "scan/tile-index.bin");
        for (name, contents) in &files {
            assert!(contents == folder.file(name), "{name}");
        }
        let mut names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, folder.files());
        assert_eq!(workspace.names(), ["folder", "scan.svs", "scan.zip"]);
    }
}

#[test]
fn python_unpacks_the_folder() {
    let workspace = exported("zip", &[]);
    let unpack = "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])";
    let Some(run) = tools::python(unpack, &["scan.zip", "unpacked"], &workspace.path("")) else {
        return;
    };
    tools::assert_silent(&run);
    fs::remove_file(workspace.path("unpacked/scan/tile-index.bin")).unwrap();
    workspace.tree("unpacked").assert_same(&workspace.tree("folder"));
}

#[test]
fn an_unpacked_archive_is_a_valid_export() {
    for ending in ["zip", "szi"] {
        let workspace = exported(ending, &[]);
        let archive = format!("scan.{ending}");
        let Some(run) =
            tools::run("unzip", ["-qq", &archive, "-d", "unpacked"], &workspace.path(""))
        else {
            return;
        };
        tools::assert_silent(&run);
        workspace.slidezoom(["verify", "unpacked/scan"]).succeeds();
    }
}

#[test]
fn other_programs_accept_the_archive() {
    for ending in ["zip", "szi"] {
        let workspace = exported(ending, &[]);
        let archive = format!("scan.{ending}");
        let files = ZipFile::open(&workspace.path(&archive)).entries.len();
        for (program, options) in
            [("unzip", "-tqq"), ("zipinfo", "-1"), ("7z", "t"), ("bsdtar", "-tf")]
        {
            let Some(run) = tools::run(program, [options, &archive], &workspace.path("")) else {
                continue;
            };
            tools::assert_silent(&run);
            // Programs that list the files list all of them.
            let listed = run.text().lines().filter(|line| line.starts_with("scan/")).count();
            assert_eq!(
                listed,
                if matches!(program, "zipinfo" | "bsdtar") { files } else { 0 },
                "{run:?}"
            );
        }
    }
}

/// The independent writer has no data descriptors, extra fields or dates.
#[test]
fn archives_have_only_mandatory_zip_features() {
    for ending in ["zip", "szi"] {
        let workspace = exported(ending, &[]);
        let archive = ZipFile::open(&workspace.path(format!("scan.{ending}")));
        assert!(archive.entries.len() > 20);
        assert!(ZipFile::new(&archive.files()).bytes == archive.bytes);
    }
}

#[test]
fn python_reads_default_values_in_all_fields() {
    let workspace = exported("zip", &[]);
    let list = "import json, sys, zipfile; print(json.dumps([[entry.compress_type, entry.flag_bits, entry.date_time, \
        entry.compress_size == entry.file_size, len(entry.extra), len(entry.comment), entry.external_attr >> 16] \
        for entry in zipfile.ZipFile(sys.argv[1]).infolist()]))";
    let Some(run) = tools::python(list, &["scan.zip"], &workspace.path("")) else { return };
    tools::assert_silent(&run);
    let entries: Vec<Value> = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(entries.len(), workspace.tree("folder").files().len() + 1);
    for entry in entries {
        assert_eq!(entry, serde_json::json!([0, 0, [1980, 1, 1, 0, 0, 0], true, 0, 0, 0o100_644]));
    }
}

#[test]
fn writes_the_same_bytes_in_every_run_with_any_number_of_jobs() {
    for ending in ["zip", "szi"] {
        let workspace = Workspace::new();
        slides::aperio().write_into(&workspace, "scan.svs");
        let export = |folder: &str, jobs: &str| {
            // Exports contain their name, so all use the same one. With small tiles, workers often
            // finish out of order.
            let output = format!("{folder}/scan.{ending}");
            workspace
                .export(["scan.svs", "-o", &output, "--jobs", jobs, "--tile-size", "48"])
                .succeeds();
            fs::read(workspace.path(output)).unwrap()
        };
        let alone = export("alone", "1");
        for (folder, jobs) in [("two", "2"), ("seven", "7"), ("seven-again", "7")] {
            assert!(export(folder, jobs) == alone, "{ending} with {jobs} jobs");
        }
    }
}

#[test]
fn the_root_folder_has_the_name_of_the_archive() {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "scan.tif");
    for (output, root) in [
        ("other.zip", "other"),
        ("a.b.zip", "a.b"),
        ("deep/er.ZIP", "er"),
        (".hidden.zip", ".hidden"),
        ("two words é.zip", "two words é"),
        ("new\nline.zip", "new\nline"),
        ("x.szi.zip", "x.szi"),
        ("Case.SZI", "Case"),
    ] {
        workspace.export(["scan.tif", "-o", output]).succeeds();
        let archive = ZipFile::open(&workspace.path(output));
        assert!(
            archive.entries.iter().all(|entry| entry.name.starts_with(&format!("{root}/"))),
            "{output}"
        );
        assert!(archive.file(&format!("{root}/{root}.dzi")).starts_with(b"<?xml"));
        workspace.slidezoom(["verify", output]).succeeds();
    }
}

#[test]
fn other_programs_read_names_that_are_not_ascii() {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "scan.tif");
    let name = "Gewebe-Übersicht 組織";
    workspace.export(["scan.tif", "-o", &format!("{name}.zip")]).succeeds();
    let unpack = "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])";
    let archive = format!("{name}.zip");
    let Some(run) = tools::python(unpack, &[&archive, "unpacked"], &workspace.path("")) else {
        return;
    };
    tools::assert_silent(&run);
    assert_eq!(names_in(&workspace.path("unpacked")), [name]);
    workspace.slidezoom(["verify", &format!("unpacked/{name}")]).succeeds();
}

#[test]
fn a_failed_run_leaves_no_archive() {
    let workspace = Workspace::new();
    let fault = slidezoom_fixtures::TileFault::BrokenHeader;
    slides::small().tile_fault(0, 1, 1, fault).write_into(&workspace, "bad.tif");
    for output in ["bad.zip", "new/folders/bad.szi"] {
        workspace.export(["bad.tif", "-o", output]).fails(3, &["cannot read bad.tif: "]);
        assert_eq!(workspace.names(), ["bad.tif"]);
    }
}

#[test]
fn interrupted_and_killed_runs_leave_no_archive() {
    let workspace = Workspace::new();
    slides::large().write_into(&workspace, "large.tif");
    workspace
        .start_export(["large.tif", "-o", "out.zip"])
        .wait_for("progress")
        .interrupt(nix::sys::signal::Signal::SIGINT);
    assert_eq!(workspace.names(), ["large.tif"]);

    workspace.start_export(["large.tif", "-o", "out.zip"]).wait_for("progress").kill();
    assert_eq!(workspace.names(), [".out.zip.partial", "large.tif"]);
    slides::small().write_into(&workspace, "scan.tif");
    workspace.export(["scan.tif", "-o", "out.zip"]).succeeds();
    workspace.slidezoom(["verify", "out.zip"]).succeeds();
    assert_eq!(workspace.names(), ["large.tif", "out.zip", "scan.tif"]);
}
