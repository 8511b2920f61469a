//! `--layout iiif2` and `iiif3`: image information, and the images that clients request.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use slidezoom_fixtures::Pattern;

use crate::rgb_image::{RgbImage, jpeg_size};
use crate::slides::{self, WriteInto};

use crate::workspace::Workspace;

/// The images that a client requests are computed by the rules of IIIF's specification and
/// validator.
#[test]
fn contains_the_images_that_clients_request_and_no_others() {
    let workspace = Workspace::new();
    slides::exact((1301, 907), Pattern::Gradient).write_into(&workspace, "a name.tiff");
    for (layout, depth) in
        [("iiif2", "tile"), ("iiif3", "tile"), ("iiif2", "pixel"), ("iiif3", "one")]
    {
        let folder = format!("{layout}-{depth}/a name");
        let options =
            ["--layout", layout, "--depth", depth, "--id", "https://images.example.org/slides/"];
        let run =
            workspace.export([&["a name.tiff", "-o", &folder][..], &options].concat()).succeeds();
        assert!(!run.stderr.contains("note"), "{run:?}");
        workspace.slidezoom(["verify", &folder]).succeeds();
        let tree = workspace.tree(&folder);
        let info = tree.json("info.json");
        assert_information(layout, &info);
        let requests = [listed_sizes(layout, &info), tile_requests(layout, &info)].concat();
        for (file, size) in &requests {
            assert_eq!(jpeg_size(tree.file(file)), *size, "{file}");
        }
        let requested: BTreeSet<&str> = requests.iter().map(|(file, _)| file.as_str()).collect();
        let images = tree.files().into_iter().filter(|file| file.ends_with("default.jpg"));
        assert_eq!(requested, images.collect(), "{layout} {depth}");
        if layout == "iiif2" {
            for size in info["sizes"].as_array().into_iter().flatten() {
                let (width, height) = (&size["width"], &size["height"]);
                let names = [format!("{width},"), format!("{width},{height}")];
                let [short, long] =
                    names.map(|name| tree.file(&format!("full/{name}/0/default.jpg")));
                assert_eq!(short, long, "{layout} {depth}");
            }
        }
    }
}

/// Asserts the identifier, the version and the profile in `info.json`.
#[track_caller]
fn assert_information(layout: &str, info: &Value) {
    let (id, version) = if layout == "iiif2" { ("@id", 2) } else { ("id", 3) };
    assert_eq!(info[id], "https://images.example.org/slides/a%20name");
    assert_eq!(info["@context"], format!("http://iiif.io/api/image/{version}/context.json"));
    assert_eq!(info["protocol"], "http://iiif.io/api/image");
    assert_eq!((&info["width"], &info["height"]), (&json!(1301), &json!(907)));
    if layout == "iiif2" {
        assert_eq!(info["profile"][0], "http://iiif.io/api/image/2/level0.json");
        assert_eq!(info["profile"][1], json!({ "formats": ["jpg"], "qualities": ["default"] }));
    } else {
        let service = (&info["type"], &info["profile"]);
        assert_eq!(service, (&json!("ImageService3"), &json!("level0")));
    }
}

/// A requested file and the size of its image.
type Request = (String, (u32, u32));

fn number(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap()).unwrap()
}

/// Returns the requests for the whole image in each of the listed sizes. Version 2 allows two names
/// for a size.
fn listed_sizes(layout: &str, info: &Value) -> Vec<Request> {
    let sizes = info["sizes"].as_array().into_iter().flatten();
    let requests = sizes.flat_map(|size| {
        let (width, height) = (number(&size["width"]), number(&size["height"]));
        let short = (layout == "iiif2").then(|| format!("{width},"));
        let names = short.into_iter().chain([format!("{width},{height}")]);
        names.map(move |size| (format!("full/{size}/0/default.jpg"), (width, height)))
    });
    requests.collect()
}

/// Returns the requests for all tiles of all scale factors.
fn tile_requests(layout: &str, info: &Value) -> Vec<Request> {
    let (width, height) = (number(&info["width"]), number(&info["height"]));
    let [tiles] = &info["tiles"].as_array().unwrap()[..] else { panic!("{info}") };
    let mut requests = Vec::new();
    for scale in tiles["scaleFactors"].as_array().unwrap().iter().map(number) {
        let step = number(&tiles["width"]) * scale;
        let rows = || (0..height).step_by(step as usize);
        let columns = (0..width).step_by(step as usize);
        for (left, top) in columns.flat_map(|left| rows().map(move |top| (left, top))) {
            let (region_width, region_height) = (step.min(width - left), step.min(height - top));
            let region = if (region_width, region_height) == (width, height) {
                "full".to_owned()
            } else {
                format!("{left},{top},{region_width},{region_height}")
            };
            let size = (region_width.div_ceil(scale), region_height.div_ceil(scale));
            let size_text = if layout == "iiif2" {
                format!("{},", size.0)
            } else {
                format!("{},{}", size.0, size.1)
            };
            requests.push((format!("{region}/{size_text}/0/default.jpg"), size));
        }
    }
    requests
}

/// In two levels, a tile of the same region is one pixel wide, so that the width alone cannot name
/// the tile.
#[test]
fn names_narrow_tiles_by_width_and_height() {
    let size = (2049, 2148);
    let workspace = Workspace::new();
    slides::exact(size, Pattern::Gradient).write_into(&workspace, "scan.tiff");
    let levels = RgbImage::of_pattern(size, Pattern::Gradient).levels();
    workspace
        .export(["scan.tiff", "--layout", "iiif2", "--format", "png", "--no-viewer"])
        .succeeds();
    workspace.slidezoom(["verify", "scan"]).succeeds();
    let tree = workspace.tree("scan");
    for (size, level, top) in [("1,", 12, 2048), ("1,50", 11, 1024)] {
        let found = RgbImage::from_png(tree.file(&format!("2048,2048,1,100/{size}/0/default.png")));
        let right = levels[level].width - 1;
        let expected = RgbImage::draw((1, levels[level].height - top), |_, y| {
            levels[level].pixel(right, top + y)
        });
        assert!(found == expected, "{size}");
    }
}

#[test]
fn warns_of_a_missing_identifier_and_rejects_invalid_ones() {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "scan.tif");
    workspace
        .export(["scan.tif", "--layout", "iiif"])
        .succeeds()
        .reports(&["https://example.com/iiif/scan", "--id"]);
    assert_eq!(workspace.tree("scan").json("info.json")["@id"], "https://example.com/iiif/scan");
    for id in [
        "ftp://x",
        "https://",
        "http://a b",
        "https://x/?y",
        "https://x#y",
        "x",
        "https://x/\u{e9}",
        "https:///x",
    ] {
        let run = workspace
            .export(["scan.tif", "-o", "x", "--layout", "iiif3", "--id", id])
            .reports(&["--id", "http://"]);
        assert_eq!(run.code(), Some(2), "{run:?}");
    }
    workspace
        .export(["scan.tif", "-o", "x", "--id", "https://x"])
        .fails(2, &["--id requires an IIIF layout", "--layout"]);
    assert_eq!(workspace.names(), ["scan", "scan.tif"]);
}
