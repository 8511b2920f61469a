//! The gallery of a folder with several exports: what is in it, what it leaves alone, and that it
//! never stands in an export's way.

use std::fs;

use serde_json::{Value, json};
use slidezoom_fixtures::TileFault;

use crate::slides::{self, WriteInto};
use crate::tree::Tree;
use crate::workspace::{Workspace, exports_in, names_in};
use crate::zip_file::ZipFile;

/// The slides that a gallery's script lists: JSON between two brackets, and a comment before them.
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

/// A workspace with two slides of different size, `one.svs` and `two.tif`.
fn with_slides() -> Workspace {
    let workspace = Workspace::new();
    slides::aperio().write_into(&workspace, "one.svs");
    slides::small().no_mpp().write_into(&workspace, "two.tif");
    workspace
}

#[test]
fn several_exports_get_a_page_that_lists_them() {
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
    // Script, style and licenses are those of each export's page, and the page asks for them.
    let page = gallery.text("index.html");
    for file in ["viewer.js", "viewer.css", "LICENSES.txt"] {
        assert_eq!(
            gallery.file(&format!("gallery/{file}")),
            gallery.file(&format!("one/viewer/{file}"))
        );
    }
    for asked in ["gallery/gallery.js", "gallery/viewer.js", "gallery/viewer.css"] {
        assert!(page.contains(&format!("=\"{asked}\"")), "{page}");
    }
    assert!(!page.contains("{{") && !page.contains("\"viewer/"), "{page}");
}

#[test]
fn a_gallery_shows_what_stands_in_its_folder() {
    let workspace = with_slides();
    workspace.export(["one.svs", "-o", "out/earlier"]).succeeds();
    workspace.export(["one.svs", "-o", "out/without a page", "--no-viewer"]).succeeds();
    fs::create_dir(workspace.path("out/something else")).unwrap();
    workspace.export(["two.tif", "one.svs", "-o", "out"]).succeeds();
    assert_eq!(names(&workspace.tree("out")), ["earlier", "one", "two"]);

    fs::remove_dir_all(workspace.path("out/earlier")).unwrap();
    workspace.export(["two.tif", "one.svs", "-o", "out", "--overwrite"]).succeeds();
    assert_eq!(names(&workspace.tree("out")), ["one", "two"]);
    // Those that are finished are passed over, and stay in it.
    fs::remove_dir_all(workspace.path("out/one")).unwrap();
    workspace.export(["two.tif", "one.svs", "-o", "out", "--resume"]).succeeds();
    assert_eq!(names(&workspace.tree("out")), ["one", "two"]);
}

#[test]
fn archives_and_bags_are_in_it_and_archives_have_a_thumbnail_beside_the_page() {
    let workspace = with_slides();
    workspace
        .export(["one.svs", "two.tif", "-o", "out", "--container", "bagit", "--tile-size", "512"])
        .succeeds();
    workspace
        .export(["one.svs", "two.tif", "-o", "out", "--container", "zip", "--format", "png"])
        .succeeds();
    workspace.export(["one.svs", "-o", "out/x.szi"]).succeeds();
    // A second run lists what the first has, and the new one.
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
    let place = |slide: &Value| {
        (slide["folder"].clone(), slide["archive"].clone(), slide["thumbnail"].clone())
    };
    assert_eq!(
        slides.iter().map(place).collect::<Vec<_>>(),
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

    // What goes, goes with its thumbnail; what was exchanged is looked at again.
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
fn an_archive_that_is_no_export_is_told_of_and_left_alone() {
    let workspace = with_slides();
    fs::create_dir(workspace.path("out")).unwrap();
    fs::write(workspace.path("out/letters.zip"), "no archive").unwrap();
    let run = workspace.export(["one.svs", "two.tif", "-o", "out"]).succeeds();
    run.reports(&["note: out/letters.zip: is not a readable export"]);
    assert_eq!(names(&workspace.tree("out")), ["one", "two"]);
    assert_eq!(fs::read(workspace.path("out/letters.zip")).unwrap(), b"no archive");
}

/// One of which much could not be read has a long description, and is whole all the same.
#[test]
fn an_export_with_a_long_description_is_verified_copied_and_shown() {
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
fn one_slide_a_plan_and_exports_without_pages_get_none() {
    let workspace = with_slides();
    workspace.export(["one.svs", "-o", "out/one"]).succeeds();
    workspace.export(["one.svs", "two.tif", "-o", "out", "--dry-run"]).succeeds();
    assert_eq!(names_in(&workspace.path("out")), ["one"]);
    workspace.export(["one.svs", "two.tif", "-o", "plain", "--no-viewer"]).succeeds();
    assert_eq!(names_in(&workspace.path("plain")), ["one", "two"]);
}

#[test]
fn what_is_no_gallery_is_not_written_over_and_nothing_is_exported_beside_it() {
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
            ["is no part of a gallery", "\nhint: exports of several slides get a gallery page"];
        workspace.export(["one.svs", "two.tif", "-o", "out"]).fails(2, &words);
        workspace.tree("out").assert_same(&before);
        workspace.export(["one.svs", "two.tif", "-o", "out", "--no-viewer"]).succeeds();
        assert_eq!(fs::read_to_string(&path).unwrap(), contents);
    }
}

#[test]
fn a_slide_called_like_a_part_of_the_gallery_does_not_meet_it() {
    let workspace = Workspace::new();
    for name in ["gallery.tif", "index.html.tif", "viewer.tif"] {
        slides::small().write_into(&workspace, name);
    }
    workspace.export(["gallery.tif", "index.html.tif", "viewer.tif", "-o", "out"]).succeeds();
    assert_eq!(exports_in(&workspace.path("out")), ["gallery.tif", "index.html.tif", "viewer"]);
    assert_eq!(names(&workspace.tree("out")), ["gallery.tif", "index.html.tif", "viewer"]);
}

#[test]
fn what_could_be_exported_is_in_it_where_other_slides_failed() {
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
fn a_gallery_that_cannot_be_written_is_the_destinations_fault() {
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
fn a_program_that_reads_the_events_is_told() {
    let workspace = with_slides();
    let run =
        workspace.export(["one.svs", "two.tif", "-o", "out", "--progress", "json"]).succeeds();
    let last: Value = serde_json::from_str(run.stderr.lines().last().unwrap()).unwrap();
    assert_eq!(last, json!({ "event": "gallery", "output": "out/index.html", "exports": 2 }));
}
