//! Label, macro and thumbnail: `--associated` and `info --save-associated`.

use slidezoom_fixtures::Pattern;

use crate::rgb_image::RgbImage;
use crate::slides::{self, WriteInto};
use crate::tools;
use crate::workspace::{Workspace, names_in};

/// Exports with `--associated LIST`, or without the option, and returns the associated images.
fn published(list: Option<&str>) -> Vec<String> {
    let workspace = Workspace::new();
    slides::aperio().write_into(&workspace, "scan.svs");
    let option = list.map(|list| ["--associated", list]);
    workspace.export(["scan.svs", "--no-viewer"].iter().chain(option.iter().flatten())).succeeds();

    let tree = workspace.tree("scan");
    let files: Vec<String> = tree
        .files()
        .iter()
        .filter_map(|file| file.strip_prefix("associated/"))
        .map(str::to_owned)
        .collect();
    // The description lists the same files.
    let description = tree.json("scan.json");
    let images = description["associatedImages"].as_array().unwrap();
    let paths: Vec<&str> = images.iter().map(|image| image["path"].as_str().unwrap()).collect();
    assert_eq!(paths, files.iter().map(|file| format!("associated/{file}")).collect::<Vec<_>>());
    files
}

#[test]
fn publishes_only_the_thumbnail_by_default() {
    assert_eq!(published(None), ["thumbnail.jpeg"]);
}

#[test]
fn publishes_all_images_on_request() {
    assert_eq!(published(Some("all")), ["label.jpeg", "macro.jpeg", "thumbnail.jpeg"]);
}

#[test]
fn publishes_the_named_images_and_ignores_unknown_names() {
    assert_eq!(published(Some("label, macro")), ["label.jpeg", "macro.jpeg"]);
    assert_eq!(published(Some("nothing,thumbnail")), ["thumbnail.jpeg"]);
}

#[test]
fn publishes_no_images_with_none() {
    assert_eq!(published(Some("none")), [""; 0]);
}

#[test]
fn published_images_have_the_pixels_of_the_slide() {
    let workspace = Workspace::new();
    slides::aperio().write_into(&workspace, "scan.svs");
    workspace
        .export(["scan.svs", "--no-viewer", "--associated", "all", "--format", "png"])
        .succeeds();
    let tree = workspace.tree("scan");
    let thumbnail = RgbImage::from_png(tree.file("associated/thumbnail.png"));
    // The slide's own JPEG compression changes some values.
    thumbnail.assert_near(&RgbImage::of_pattern((175, 125), Pattern::Gradient), 60, "thumbnail");
    assert_eq!(RgbImage::from_png(tree.file("associated/label.png")).size(), (100, 115));
    assert_eq!(RgbImage::from_png(tree.file("associated/macro.png")).size(), (320, 108));
}

const SAVED: [&str; 3] = ["label.png", "macro.png", "thumbnail.png"];

#[test]
fn info_saves_all_images_without_loss() {
    let workspace = Workspace::new();
    slides::aperio().write_into(&workspace, "scan.svs");
    let run =
        workspace.slidezoom(["info", "scan.svs", "--save-associated", "new/images"]).succeeds();
    assert_eq!(run.stderr, "");
    assert!(run.text().contains("label, 100×115, saved as new/images/label.png\n"), "{run:?}");
    assert_eq!(names_in(&workspace.path("new/images")), SAVED);
    let json = ["info", "scan.svs", "--json", "--save-associated"];
    let report = workspace.slidezoom([&json[..], &["again"]].concat()).succeeds().json();
    let macro_image = &report["savedImages"][1];
    assert_eq!(
        *macro_image,
        serde_json::json!({ "name": "macro", "path": "again/macro.png", "numbered": false, "width": 320, "height": 108 })
    );
    assert!(
        workspace
            .slidezoom(["info", "scan.svs", "--json"])
            .succeeds()
            .json()
            .get("savedImages")
            .is_none()
    );
    workspace.tree("again").assert_same(&workspace.tree("new/images"));
    // vips reads the same pixels from the TIFF. The thumbnail is its second page, and the others
    // follow the levels.
    for (image, page) in SAVED.iter().zip(["3", "4", "1"]) {
        let Some(run) = tools::run(
            "vips",
            ["tiffload", "scan.svs", image, "--page", page],
            &workspace.path(""),
        ) else {
            return;
        };
        run.succeeds();
        let theirs = RgbImage::from_png(&std::fs::read(workspace.path(image)).unwrap());
        assert!(RgbImage::from_png(workspace.tree("again").file(image)) == theirs, "{image}");
    }
}

#[test]
fn info_saves_all_images_or_none_and_replaces_no_files() {
    let workspace = Workspace::new();
    slides::aperio().write_into(&workspace, "scan.svs");
    std::fs::create_dir(workspace.path("images")).unwrap();
    std::fs::write(workspace.path("images/thumbnail.png"), "mine").unwrap();
    let info = ["info", "scan.svs", "--save-associated"];
    workspace.slidezoom([&info[..], &["images"]].concat()).fails(
        4,
        &[
            "images/thumbnail.png: exists already",
            "\nhint: no image was saved; choose another folder",
        ],
    );
    assert_eq!(workspace.tree("images").text("thumbnail.png"), "mine");
    assert_eq!(names_in(&workspace.path("images")), ["thumbnail.png"]);
    workspace
        .slidezoom([&info[..], &["scan.svs/images"]].concat())
        .fails(4, &["scan.svs: is not a folder"]);
    // For a slide without associated images, no folder is created.
    slides::small().write_into(&workspace, "scan.tif");
    workspace.slidezoom(["info", "scan.tif", "--save-associated", "none"]).succeeds();
    assert_eq!(workspace.names(), ["images", "scan.svs", "scan.tif"]);
}
