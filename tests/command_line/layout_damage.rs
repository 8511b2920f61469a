//! Exports in every layout that are damaged, hostile or in the way: `verify`, `repack` and
//! `--overwrite`.

use std::fs;

use serde_json::{Value, json};

use crate::deep_zoom::DeepZoom;
use crate::layout_expectation::{LAYOUTS, LayoutExpectation};
use crate::slides::{self, WriteInto};
use crate::verify_report::{Problem, VerifyReport, only};
use crate::workspace::Workspace;

#[test]
fn verify_reports_damage_in_every_layout() {
    for layout in LAYOUTS {
        let workspace = Workspace::new();
        slides::small().write_into(&workspace, "scan.tif");
        workspace
            .export(["scan.tif", "--layout", layout, "--tile-size", "90", "--no-viewer"])
            .succeeds();
        let expectation =
            LayoutExpectation { layout, plan: DeepZoom::new(slides::SIZE).with_tiles(90, 0) };
        let tiles = expectation.tiles();
        let name = |at: usize| expectation.file(at, &tiles[at], "jpg");
        let (first, last) = (tiles.len() - 35, tiles.len() - 1);
        let (file, other) = (name(first), name(last));
        let path = |name: &str| workspace.path("scan").join(name);
        let auxiliary_files = expectation.auxiliary_files("jpg");
        let problems = |options: &[&str]| VerifyReport::of(&workspace, "scan", options).problems();
        for with_manifest in [true, false] {
            if !with_manifest {
                fs::remove_file(path("manifest-sha256.txt")).unwrap();
                // The description must not name the missing manifest.
                let text = fs::read_to_string(path("scan.json")).unwrap();
                fs::write(
                    path("scan.json"),
                    text.replace("\"manifest\": \"manifest-sha256.txt\",", ""),
                )
                .unwrap();
            }
            assert_eq!(problems(&[]), [], "{layout}");
            let valid = fs::read(path(&file)).unwrap();
            let problems_with = |contents: &[u8], options: &[&str]| -> Vec<Problem> {
                fs::write(path(&file), contents).unwrap();
                let found = problems(options);
                fs::write(path(&file), &valid).unwrap();
                found
            };
            // A tile that is truncated, has another size, is altered or missing.
            assert_eq!(
                problems_with(&valid[..valid.len() / 2], &["--quick"]),
                only("undecodable", &file),
                "{layout}"
            );
            if layout != "google" {
                assert_eq!(
                    problems_with(&fs::read(path(&other)).unwrap(), &["--quick"]),
                    only("wrong-size", &file),
                    "{layout}"
                );
            }
            let altered = [&valid[..valid.len() - 2], &[0, 0xff, 0xd9]].concat();
            if with_manifest {
                assert_eq!(problems_with(&altered, &[]), only("altered", &file), "{layout}");
            }
            for name in auxiliary_files.iter().chain([&file]) {
                let contents = fs::read(path(name)).unwrap();
                fs::remove_file(path(name)).unwrap();
                assert_eq!(problems(&[]), only("missing", name), "{layout}");
                fs::write(path(name), contents).unwrap();
            }
            // An extra tile.
            let extra = match layout {
                "zoomify" => "TileGroup0/3-9-0.jpg",
                "google" => "3/0/9.jpg",
                "iiif2" => "0,0,90,90/89,/0/default.jpg",
                _ => "0,0,90,90/90,89/0/default.jpg",
            };
            fs::create_dir_all(path(extra).parent().unwrap()).unwrap();
            fs::write(path(extra), &valid).unwrap();
            assert_eq!(problems(&[]), only("unexpected", extra), "{layout}");
            fs::remove_file(path(extra)).unwrap();
            // The descriptor of another image.
            let descriptor = &auxiliary_files[0];
            if layout != "google" {
                let text = fs::read_to_string(path(descriptor)).unwrap();
                fs::write(path(descriptor), text.replace("700", "701")).unwrap();
                let report = VerifyReport::of(&workspace, "scan", &[]);
                assert!(report.has("contradiction", descriptor), "{layout}: {report:?}");
                fs::write(path(descriptor), text).unwrap();
            }
        }
    }
}

/// `verify` and `repack` do not trust the description.
#[test]
fn rejects_hostile_descriptions() {
    for layout in LAYOUTS {
        let workspace = Workspace::new();
        slides::small().write_into(&workspace, "scan.tif");
        workspace.export(["scan.tif", "--layout", layout, "--no-viewer"]).succeeds();
        let path = workspace.path("scan/scan.json");
        let original: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        for (key, value) in [
            ("width", json!(4_294_967_295_u32)),
            ("width", json!(0)),
            ("width", json!(-1)),
            ("tileSize", json!(0)),
            ("tileSize", json!(2)),
            ("overlap", json!(3)),
            ("smallestLevel", json!(99)),
            ("levels", json!(99)),
            ("layout", json!("dz")),
            ("layout", json!("../x")),
            ("format", json!("../../etc")),
            ("resourceId", json!("x\"y")),
            ("blankTiles", json!("????")),
        ] {
            let mut description = original.clone();
            description[key] = value.clone();
            fs::write(&path, description.to_string()).unwrap();
            for arguments in [&["verify", "scan", "--json"][..], &["repack", "scan", "-o", "again"]]
            {
                let run = workspace.slidezoom(arguments);
                assert_eq!(run.code(), Some(5), "{layout} {key} {value}: {run:?}");
            }
        }
        fs::write(&path, original.to_string()).unwrap();
        fs::remove_file(workspace.path("scan/manifest-sha256.txt")).unwrap();
        for (key, value) in [
            ("width", json!(2_147_483_647)),
            ("tileSize", json!(2)),
            ("overlap", json!(3)),
            ("layout", json!(7)),
        ] {
            let mut description = original.clone();
            description[key] = value;
            fs::write(&path, description.to_string()).unwrap();
            let run = workspace.slidezoom(["verify", "scan"]);
            assert_eq!(run.code(), Some(5), "{layout} {key}: {run:?}");
        }
        assert!(!workspace.path("again").exists());
    }
}

#[test]
fn overwrites_only_exports() {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "scan.tif");
    for layout in LAYOUTS {
        for output in ["scan", "scan.zip", "bag"] {
            let mut options = vec!["scan.tif", "-o", output, "--layout", layout];
            if output == "bag" {
                options.extend(["--container", "bagit"]);
            }
            workspace.export([&options[..], &["--overwrite"]].concat()).succeeds();
            workspace.export(&options).fails(4, &["exists already", "--overwrite"]);
        }
        for foreign in ["notes.txt", "other.json", "99/mine.txt"] {
            let path = workspace.path("scan").join(foreign);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "mine").unwrap();
            let again = ["scan.tif", "-o", "scan", "--layout", layout, "--overwrite"];
            workspace.export(again).fails(4, &["is not an export"]);
            assert_eq!(fs::read(&path).unwrap(), b"mine");
            fs::remove_file(&path).unwrap();
            let _ = fs::remove_dir(path.parent().unwrap());
        }
    }
}
