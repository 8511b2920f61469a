//! Archives written by other programs, without a manifest and a tile index. `verify` accepts whole
//! ones and finds damage in the others.

use std::fs;
use std::path::Path;

use crate::slides::{self, WriteInto};
use crate::tools;
use crate::verify_report::{VerifyReport, only};
use crate::workspace::Workspace;

/// Returns a workspace whose folder `scan` has the tiles and the descriptor of an export and
/// nothing else.
fn bare_export(format: &str) -> Workspace {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "slide.tif");
    workspace.export(["slide.tif", "-o", "scan", "--no-viewer", "--format", format]).succeeds();
    for ours in ["manifest-sha256.txt", "scan.json"] {
        fs::remove_file(workspace.path("scan").join(ours)).unwrap();
    }
    workspace
}

/// Packs `scan` into `scan.zip` with Python, whose call for each file is `write`.
fn pack(workspace: &Workspace, write: &str) -> Option<()> {
    let program = format!(
        "import os, sys, zipfile\n\
         with zipfile.ZipFile('scan.zip', 'w', zipfile.ZIP_STORED) as archive:\n\
         \x20 for folder, folders, files in os.walk('scan'):\n\
         \x20   for name in sorted(files):\n\
         \x20     path = os.path.join(folder, name)\n\
         \x20     {write}"
    );
    tools::python(&program, &[], &workspace.path("")).map(|run| tools::assert_silent(&run))
}

#[track_caller]
fn assert_whole(workspace: &Workspace, archive: &str) {
    for depth in [&[][..], &["--quick"]] {
        assert_eq!(VerifyReport::of(workspace, archive, depth), VerifyReport::Valid);
    }
    let run = workspace.slidezoom(["verify", archive]).succeeds();
    assert!(run.text().contains("every tile can be decoded (there is no manifest"), "{run:?}");
}

#[test]
fn archives_by_python_are_accepted() {
    for format in ["jpeg", "png"] {
        let workspace = bare_export(format);
        if pack(&workspace, "archive.write(path)").is_none() {
            return;
        }
        assert_whole(&workspace, "scan.zip");
    }
}

/// Data descriptors follow the contents and have 32-bit or 64-bit lengths.
#[test]
fn archives_with_data_descriptors_are_accepted() {
    let workspace = bare_export("jpeg");
    let program = "import os, sys, zipfile\n\
        with zipfile.ZipFile(sys.stdout.buffer, 'w', zipfile.ZIP_STORED) as archive:\n\
        \x20 for folder, folders, files in os.walk('scan'):\n\
        \x20   for name in sorted(files):\n\
        \x20     with archive.open(os.path.join(folder, name), 'w', force_zip64=sys.argv[1] == 'long') as entry:\n\
        \x20       entry.write(open(os.path.join(folder, name), 'rb').read())\n";
    for length in ["short", "long"] {
        let Some(run) = tools::python(program, &[length], &workspace.path("")) else { return };
        tools::assert_silent(&run);
        fs::write(workspace.path("scan.zip"), run.stdout).unwrap();
        assert_whole(&workspace, "scan.zip");
    }
}

#[test]
fn archives_with_folder_entries_are_accepted() {
    let workspace = bare_export("jpeg");
    for (program, arguments) in [
        ("zip", &["-0", "-q", "-r", "scan.zip", "scan"][..]),
        (
            "bsdtar",
            &[
                "-c",
                "-f",
                "scan.zip",
                "--format",
                "zip",
                "--options",
                "zip:compression=store",
                "scan",
            ],
        ),
        ("7z", &["a", "-mx=0", "-bso0", "scan.zip", "scan"]),
    ] {
        let Some(run) = tools::run(program, arguments, &workspace.path("")) else { continue };
        tools::assert_silent(&run);
        assert_whole(&workspace, "scan.zip");
        fs::remove_file(workspace.path("scan.zip")).unwrap();
    }
}

#[test]
fn archives_by_vips_are_accepted() {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "slide.tif");
    for (archive, options) in
        [("x.zip", &[][..]), ("x.szi", &[]), ("png.zip", &["--suffix", ".png"])]
    {
        let arguments = [&["dzsave", "slide.tif", archive], options].concat();
        let Some(run) = tools::run("vips", arguments, &workspace.path("")) else { return };
        assert_eq!(run.code(), Some(0), "{run:?}");
        assert_whole(&workspace, archive);
    }
}

#[test]
fn damage_is_found_without_a_manifest() {
    let workspace = bare_export("jpeg");
    let tile = "scan_files/10/1_1.jpeg";
    let path = workspace.path("scan").join(tile);
    let whole = fs::read(&path).unwrap();
    let report = |change: &dyn Fn(&Path)| {
        change(&path);
        pack(&workspace, "archive.write(path)")?;
        fs::write(&path, &whole).unwrap();
        Some(VerifyReport::of(&workspace, "scan.zip", &[]).problems())
    };
    let Some(found) = report(&|path| fs::remove_file(path).unwrap()) else { return };
    assert_eq!(found, only("missing", tile));
    assert_eq!(
        report(&|path| fs::write(path, &whole[..whole.len() / 2]).unwrap()).unwrap(),
        only("undecodable", tile)
    );
    let another = workspace.path("scan/scan_files/9/0_0.jpeg");
    let another = fs::read(another).unwrap();
    assert_eq!(
        report(&|path| fs::write(path, &another).unwrap()).unwrap(),
        only("wrong-size", tile)
    );

    // A browser cannot fetch a compressed tile by range.
    pack(&workspace, "archive.write(path, compress_type=zipfile.ZIP_DEFLATED)").unwrap();
    let report = VerifyReport::of(&workspace, "scan.zip", &[]);
    assert!(report.has("unreadable", tile), "{report:?}");
}
