//! Label, macro and thumbnail: published only where that was asked for.

use slidezoom_fixtures::Pattern;

use crate::pictures::Picture;
use crate::slides::{self, WriteInto};
use crate::workspace::Workspace;

/// The associated images that an export with `--associated LIST` has; without the option for `None`.
fn published(list: Option<&str>) -> Vec<String> {
    let workspace = Workspace::new();
    slides::aperio().write_into(&workspace, "scan.svs");
    let option = list.map(|list| ["--associated", list]);
    workspace.export(["scan.svs", "--no-viewer"].iter().chain(option.iter().flatten())).succeeds();

    let tree = workspace.tree("scan");
    let files: Vec<String> =
        tree.files().iter().filter_map(|file| file.strip_prefix("associated/")).map(str::to_owned).collect();
    // The description names what is there and nothing else.
    let description = tree.json("scan.json");
    let images = description["associatedImages"].as_array().unwrap();
    let paths: Vec<&str> = images.iter().map(|image| image["path"].as_str().unwrap()).collect();
    assert_eq!(paths, files.iter().map(|file| format!("associated/{file}")).collect::<Vec<_>>());
    files
}

#[test]
fn a_label_and_a_macro_are_not_published_unasked() {
    assert_eq!(published(None), ["thumbnail.jpeg"]);
}

#[test]
fn all_of_them_are_published_when_all_are_asked_for() {
    assert_eq!(published(Some("all")), ["label.jpeg", "macro.jpeg", "thumbnail.jpeg"]);
}

#[test]
fn those_named_are_published_and_names_that_the_slide_lacks_are_passed_over() {
    assert_eq!(published(Some("label, macro")), ["label.jpeg", "macro.jpeg"]);
    assert_eq!(published(Some("nothing,thumbnail")), ["thumbnail.jpeg"]);
}

#[test]
fn none_are_published_when_none_are_wanted() {
    assert_eq!(published(Some("none")), [""; 0]);
}

#[test]
fn they_show_what_the_slide_shows() {
    let workspace = Workspace::new();
    slides::aperio().write_into(&workspace, "scan.svs");
    workspace.export(["scan.svs", "--no-viewer", "--associated", "all", "--format", "png"]).succeeds();
    let tree = workspace.tree("scan");
    let thumbnail = Picture::from_png(tree.file("associated/thumbnail.png"));
    // The slide's own JPEG costs some grey values.
    thumbnail.assert_near(&Picture::of_pattern((175, 125), Pattern::Gradient), 60, "thumbnail");
    assert_eq!(Picture::from_png(tree.file("associated/label.png")).size(), (100, 115));
    assert_eq!(Picture::from_png(tree.file("associated/macro.png")).size(), (320, 108));
}
