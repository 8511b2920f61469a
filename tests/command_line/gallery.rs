//! The gallery of a folder with several exports: the exports that it lists, and its place next to
//! exports and other files.

use std::fs;

use serde_json::{Value, json};
use slidezoom_fixtures::TileFault;

use crate::slides::{self, WriteInto};
use crate::tree::Tree;
use crate::workspace::{Workspace, exports_in, names_in};
use crate::zip_file::ZipFile;

/// Parses the slides in `gallery.js`: a comment, then JSON in parentheses.
pub fn listed_slides(gallery: &Tree) -> Vec<Value> {
    let (comment, call) = gallery.text("gallery/gallery.js").split_once('\n').unwrap();
    assert!(comment.starts_with("//"), "{comment}");
    let argument = call.strip_prefix("(globalThis.slidezoomGalleries ??= []).push(").unwrap();
    let list: Value = serde_json::from_str(argument.strip_suffix(");\n").unwrap()).unwrap();
    list["slides"].as_array().unwrap().clone()
}

fn names(gallery: &Tree) -> Vec<String> {
    listed_slides(gallery).iter().map(|slide| slide["name"].as_str().unwrap().to_owned()).collect()
}

/// A workspace with the slides `one.svs` and `two.tif`.
fn with_slides() -> Workspace {
    let workspace = Workspace::new();
    slides::aperio().write_into(&workspace, "one.svs");
    slides::small().no_mpp().write_into(&workspace, "two.tif");
    workspace
}

#[test]
fn lists_several_exports() {
    let workspace = with_slides();
    let run = workspace.export(["one.svs", "two.tif", "-o", "out"]).succeeds();
    run.reports(&["gallery of 2 exports: out/index.html"]);
    let gallery = workspace.tree("out");
    assert_eq!(
        listed_slides(&gallery),
        [
            json!({ "name": "one", "folder": "one", "archive": null, "thumbnail": "one/one_files/8/0_0.jpeg",
                "width": 700, "height": 500, "micronsPerPixel": { "x": 0.5, "y": 0.5 }, "objectivePower": 20.0 }),
            json!({ "name": "two", "folder": "two", "archive": null, "thumbnail": "two/two_files/8/0_0.jpeg",
                "width": 700, "height": 500, "micronsPerPixel": null, "objectivePower": null }),
        ]
    );
    for slide in listed_slides(&gallery) {
        gallery.file(slide["thumbnail"].as_str().unwrap());
        gallery.file(&format!("{}/index.html", slide["folder"].as_str().unwrap()));
    }
    // Script, style and licenses equal those of the exports' pages, and the page loads them.
    let page = gallery.text("index.html");
    for file in ["viewer.js", "viewer.css", "LICENSES.txt"] {
        assert_eq!(
            gallery.file(&format!("gallery/{file}")),
            gallery.file(&format!("one/viewer/{file}"))
        );
    }
    for file in ["gallery/gallery.js", "gallery/viewer.js", "gallery/viewer.css"] {
        assert!(page.contains(&format!("=\"{file}\"")), "{page}");
    }
    assert!(!page.contains("{{") && !page.contains("\"viewer/"), "{page}");
}

#[test]
fn lists_all_exports_with_pages_in_the_folder() {
    let workspace = with_slides();
    workspace.export(["one.svs", "-o", "out/earlier"]).succeeds();
    workspace.export(["one.svs", "-o", "out/without a page", "--no-viewer"]).succeeds();
    fs::create_dir(workspace.path("out/something else")).unwrap();
    workspace.export(["two.tif", "one.svs", "-o", "out"]).succeeds();
    assert_eq!(names(&workspace.tree("out")), ["earlier", "one", "two"]);

    fs::remove_dir_all(workspace.path("out/earlier")).unwrap();
    workspace.export(["two.tif", "one.svs", "-o", "out", "--overwrite"]).succeeds();
    assert_eq!(names(&workspace.tree("out")), ["one", "two"]);
    // Skipped exports stay in the gallery.
    fs::remove_dir_all(workspace.path("out/one")).unwrap();
    workspace.export(["two.tif", "one.svs", "-o", "out", "--resume"]).succeeds();
    assert_eq!(names(&workspace.tree("out")), ["one", "two"]);
}

#[test]
fn lists_bags_and_archives_and_copies_thumbnails_from_archives() {
    let workspace = with_slides();
    workspace
        .export(["one.svs", "two.tif", "-o", "out", "--container", "bagit", "--tile-size", "512"])
        .succeeds();
    workspace
        .export(["one.svs", "two.tif", "-o", "out", "--container", "zip", "--format", "png"])
        .succeeds();
    workspace.export(["one.svs", "-o", "out/x.szi"]).succeeds();
    // A second run lists the existing exports and the new ones.
    workspace
        .export([
            "one.svs",
            "two.tif",
            "-o",
            "out",
            "--container",
            "zip",
            "--format",
            "png",
            "--resume",
        ])
        .succeeds();
    let gallery = workspace.tree("out");
    let slides = listed_slides(&gallery);
    let location = |slide: &Value| {
        (slide["folder"].clone(), slide["archive"].clone(), slide["thumbnail"].clone())
    };
    assert_eq!(
        slides.iter().map(location).collect::<Vec<_>>(),
        [
            (json!("one/data"), Value::Null, json!("one/data/one_files/9/0_0.jpeg")),
            (Value::Null, json!("one.zip"), json!("gallery/thumbnails/one.zip.png")),
            (json!("two/data"), Value::Null, json!("two/data/two_files/9/0_0.jpeg")),
            (Value::Null, json!("two.zip"), json!("gallery/thumbnails/two.zip.png")),
            (Value::Null, json!("x.szi"), json!("gallery/thumbnails/x.szi.jpeg")),
        ]
    );
    gallery.file("one/data/one_files/9/0_0.jpeg");
    let zip = ZipFile::open(&workspace.path("out/one.zip"));
    assert!(gallery.file("gallery/thumbnails/one.zip.png") == zip.file("one/one_files/8/0_0.png"));

    // The thumbnails of removed archives are removed, those of replaced archives are updated.
    fs::remove_file(workspace.path("out/x.szi")).unwrap();
    workspace.export(["one.svs", "-o", "out/two.zip", "--overwrite"]).succeeds();
    let again =
        ["one.svs", "two.tif", "-o", "out", "--container", "zip", "--format", "png", "--resume"];
    let run = workspace.export(again);
    assert_eq!(run.code(), Some(2));
    run.reports(&["out/two.zip: is a different export: "]);
    let gallery = workspace.tree("out");
    assert_eq!(
        names_in(&workspace.path("out/gallery/thumbnails")),
        ["one.zip.png", "two.zip.jpeg"]
    );
    let two =
        listed_slides(&gallery).into_iter().find(|slide| slide["archive"] == "two.zip").unwrap();
    assert_eq!(two["objectivePower"], 20.0);
}

#[test]
fn notes_archives_that_are_not_exports() {
    let workspace = with_slides();
    fs::create_dir(workspace.path("out")).unwrap();
    fs::write(workspace.path("out/letters.zip"), "no archive").unwrap();
    let run = workspace.export(["one.svs", "two.tif", "-o", "out"]).succeeds();
    run.reports(&["note: out/letters.zip: is not a readable export"]);
    assert_eq!(names(&workspace.tree("out")), ["one", "two"]);
    assert_eq!(fs::read(workspace.path("out/letters.zip")).unwrap(), b"no archive");
}

/// A description is long if many regions could not be read.
#[test]
fn accepts_exports_with_long_descriptions() {
    let workspace = with_slides();
    workspace.export(["one.svs", "two.tif", "-o", "out"]).succeeds();
    let path = workspace.path("out/one/one.json");
    let mut description = workspace.tree("out/one").json("one.json");
    description["unreadable"] =
        (0..30_000).map(|at| json!({ "x": at, "y": 0, "width": 1, "height": 1 })).collect();
    let (before, after) =
        (fs::read(&path).unwrap(), serde_json::to_vec_pretty(&description).unwrap());
    assert!(after.len() > 1 << 20);
    let digest = |contents: &[u8]| slidezoom::internals::key::Digest::of(contents).to_string();
    let manifest = workspace.path("out/one/manifest-sha256.txt");
    let lines = fs::read_to_string(&manifest).unwrap().replace(&digest(&before), &digest(&after));
    fs::write(&manifest, lines).unwrap();
    fs::write(&path, after).unwrap();
    workspace.slidezoom(["verify", "out/one"]).succeeds();
    workspace.slidezoom(["repack", "out/one", "-o", "out/copy.zip"]).succeeds();
    workspace.slidezoom(["verify", "out/copy.zip"]).succeeds();
    workspace.export(["one.svs", "two.tif", "-o", "out", "--resume"]).succeeds();
    assert_eq!(names(&workspace.tree("out")), ["one", "one", "two"]);
}

#[test]
fn writes_no_gallery_for_one_slide_a_dry_run_or_without_pages() {
    let workspace = with_slides();
    workspace.export(["one.svs", "-o", "out/one"]).succeeds();
    workspace.export(["one.svs", "two.tif", "-o", "out", "--dry-run"]).succeeds();
    assert_eq!(names_in(&workspace.path("out")), ["one"]);
    workspace.export(["one.svs", "two.tif", "-o", "plain", "--no-viewer"]).succeeds();
    assert_eq!(names_in(&workspace.path("plain")), ["one", "two"]);
}

#[test]
fn never_overwrites_other_files() {
    for (file, contents) in [
        ("index.html", "<h1>mine</h1>"),
        ("gallery/letter.txt", "dear"),
        ("gallery/sub/letter.txt", "dear"),
    ] {
        let workspace = with_slides();
        let path = workspace.path("out").join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, contents).unwrap();
        let before = workspace.tree("out");
        let words =
            ["is not part of a gallery", "\nhint: exports of several slides get a gallery page"];
        workspace.export(["one.svs", "two.tif", "-o", "out"]).fails(2, &words);
        workspace.tree("out").assert_same(&before);
        workspace.export(["one.svs", "two.tif", "-o", "out", "--no-viewer"]).succeeds();
        assert_eq!(fs::read_to_string(&path).unwrap(), contents);
    }
}

#[test]
fn renames_exports_that_would_collide_with_the_gallery() {
    let workspace = Workspace::new();
    for name in ["gallery.tif", "index.html.tif", "viewer.tif"] {
        slides::small().write_into(&workspace, name);
    }
    workspace.export(["gallery.tif", "index.html.tif", "viewer.tif", "-o", "out"]).succeeds();
    assert_eq!(exports_in(&workspace.path("out")), ["gallery.tif", "index.html.tif", "viewer"]);
    assert_eq!(names(&workspace.tree("out")), ["gallery.tif", "index.html.tif", "viewer"]);
}

#[test]
fn lists_the_successful_exports_if_other_slides_fail() {
    let workspace = with_slides();
    slides::small()
        .tile_fault(0, 1, 0, TileFault::BrokenHeader)
        .write_into(&workspace, "broken.tif");
    let run = workspace.export(["broken.tif", "one.svs", "-o", "out"]);
    assert_eq!(run.code(), Some(3), "{run:?}");
    assert_eq!(names(&workspace.tree("out")), ["one"]);

    let run = workspace.export(["broken.tif", "missing.tif", "-o", "none"]);
    assert_eq!(run.code(), Some(3), "{run:?}");
    assert!(!workspace.path("none/index.html").exists());
}

#[test]
fn a_gallery_that_cannot_be_written_is_a_destination_error() {
    let workspace = with_slides();
    workspace.export(["one.svs", "two.tif", "-o", "out"]).succeeds();
    fs::remove_file(workspace.path("out/gallery/viewer.css")).unwrap();
    fs::create_dir_all(workspace.path("out/gallery/viewer.css/x")).unwrap();
    let before = fs::read(workspace.path("out/gallery/gallery.js")).unwrap();
    workspace
        .export(["one.svs", "two.tif", "-o", "out", "--overwrite", "--progress", "none"])
        .fails(4, &["out/gallery/viewer.css: is not a file", "the exports are complete"]);
    assert_eq!(fs::read(workspace.path("out/gallery/gallery.js")).unwrap(), before);
    for name in ["one", "two"] {
        workspace.slidezoom(["verify", &format!("out/{name}")]).succeeds();
    }
}

#[test]
fn json_progress_reports_the_gallery() {
    let workspace = with_slides();
    let run =
        workspace.export(["one.svs", "two.tif", "-o", "out", "--progress", "json"]).succeeds();
    let last: Value = serde_json::from_str(run.stderr.lines().last().unwrap()).unwrap();
    assert_eq!(last, json!({ "event": "gallery", "output": "out/index.html", "exports": 2 }));
}
