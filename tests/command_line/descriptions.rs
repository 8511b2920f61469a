//! The files that describe an export: the descriptor, `<name>.json` and the page.

use serde_json::{Value, json};
use slidezoom_fixtures::SlideBuilder;

use crate::deep_zoom::DeepZoom;
use crate::slides::{self, SIZE, WriteInto};
use crate::tree::Tree;
use crate::workspace::Workspace;

/// Exports a slide with these options.
fn export(slide: &SlideBuilder, file: &str, options: &[&str]) -> Tree {
    let workspace = Workspace::new();
    slide.write_into(&workspace, file);
    workspace.export([&[file, "-o", "scan"], options].concat()).succeeds();
    workspace.tree("scan")
}

/// Parses the description in `slide.js`: a comment, then JSON in parentheses.
pub fn page_description(tree: &Tree) -> Value {
    let script = tree.text("slide.js");
    let (comment, call) = script.split_once('\n').unwrap();
    assert!(comment.starts_with("//"), "{script}");
    let argument = call.strip_prefix("(globalThis.slidezoomSlides ??= []).push(").unwrap();
    serde_json::from_str(argument.strip_suffix(");\n").unwrap()).unwrap()
}

#[test]
fn writes_the_descriptor_that_viewers_expect() {
    let tree = export(
        &slides::small(),
        "scan.tif",
        &["--tile-size", "200", "--overlap", "2", "--format", "png"],
    );
    assert_eq!(
        tree.text("scan.dzi"),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Image xmlns=\"http://schemas.microsoft.com/deepzoom/2008\" \
         Format=\"png\" Overlap=\"2\" TileSize=\"200\"><Size Width=\"700\" Height=\"500\"/></Image>\n"
    );
    let tree = export(&slides::small(), "scan.tif", &[]);
    assert!(tree.text("scan.dzi").contains("Format=\"jpeg\" Overlap=\"1\" TileSize=\"254\""));
}

#[test]
fn the_description_has_all_fields() {
    let mut description = export(&slides::aperio(), "scan.svs", &[]).json("scan.json");
    let written_by = description["writtenBy"].take();
    assert_eq!(written_by["slidezoom"], env!("CARGO_PKG_VERSION"));
    assert!(written_by["openslide"].as_str().unwrap().starts_with('4'), "{written_by}");
    let properties = description["properties"].take();
    assert_eq!(properties["openslide.vendor"], "aperio");
    let source = description["source"].take();
    assert_eq!(source["file"], "scan.svs");
    assert_eq!(source["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(
        description,
        json!({
            "name": "scan",
            "layout": "dz",
            "width": 700,
            "height": 500,
            "levels": 11, "smallestLevel": 0,
            "tileSize": 254,
            "overlap": 1,
            "baseTiles": "encoded",
            "format": "jpeg",
            "quality": 80,
            "subsampling": "420",
            "coding": "baseline",
            "tiles": DeepZoom::new(SIZE).tiles().len(),
            "micronsPerPixel": { "x": 0.5, "y": 0.5 },
            "objectivePower": 20.0,
            "area": { "x": 0, "y": 0, "width": 700, "height": 500 },
            "toSlide": [[1, 0, 0], [0, 1, 0]],
            "color": { "profileBytes": null, "handling": "no profile", "intent": null },
            "background": "ffffff",
            "associatedImages": [
                { "name": "thumbnail", "path": "associated/thumbnail.jpeg", "width": 175, "height": 125 }
            ],
            "properties": null,
            "unreadable": [],
            "source": null,
            "manifest": "manifest-sha256.txt",
            "options": {
                "bounds": "scan",
                "resolution": "full",
                "rotation": 0,
                "flip": null,
                "reduction": "mean",
                "onReadError": "stop",
                "sourceIdentity": "sha256",
                "properties": "listed",
                "page": "include",
                "blankTiles": "keep"
            },
            "writtenBy": null,
        })
    );
}

#[test]
fn the_description_follows_the_options() {
    let options =
        ["--format", "png", "--background", "F0e0d0", "--tile-size", "100", "--overlap", "0"];
    let description = export(&slides::small(), "scan.tif", &options).json("scan.json");
    assert_eq!(description["format"], "png");
    assert_eq!(description["background"], "f0e0d0");
    assert_eq!((&description["tileSize"], &description["overlap"]), (&json!(100), &json!(0)));
    assert_eq!(
        (&description["quality"], &description["subsampling"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(description["associatedImages"], json!([]));
    assert_eq!(description["objectivePower"], Value::Null);

    let options = ["--quality", "35", "--subsampling", "422"];
    let description = export(&slides::small(), "scan.tif", &options).json("scan.json");
    assert_eq!((&description["quality"], &description["subsampling"]), (&json!(35), &json!("422")));
}

#[test]
fn publishes_nothing_that_identifies_a_person_or_a_machine() {
    let tree = export(&slides::aperio(), "patient-1234.svs", &[]);
    for file in ["scan.json", "scan.dzi", "index.html", "slide.js"] {
        let text = tree.text(file);
        // The builder writes these into Aperio slides. The file name could identify a person too.
        for secret in ["SLIDEZOOM", "fixture", "patient", "aperio.", "tiff.", "slidezoom-test-"] {
            assert!(!text.contains(secret), "{file} holds {secret:?}: {text}");
        }
    }
}

/// Aperio separates properties by bars, so the text of a magnification can add properties.
const HOSTILE: &str = "20|<b>&amp; = </script><script>alert(1)</script>|new\nline\u{202e} = \u{5d0}\u{202e}txt\r\n\u{7f}|__proto__ = x\
    |MicronsPerPixelX = 9";

#[test]
fn publishes_all_properties_as_text_on_request() {
    let slide = slides::aperio().magnification(Some(HOSTILE));
    let workspace = Workspace::new();
    slide.write_into(&workspace, "scan.svs");
    let info = workspace.slidezoom(["info", "scan.svs", "--json"]).succeeds().json();
    let all = &info["slide"]["properties"];
    assert_eq!(all["aperio.<b>&amp;"], "</script><script>alert(1)</script>", "{all}");
    assert!(all.as_object().unwrap().len() > 20, "{all}");

    let tree = export(&slide, "scan.svs", &["--all-properties"]);
    let description = tree.json("scan.json");
    assert_eq!(description["properties"], *all);
    assert_eq!(description["options"]["properties"], "all");
    assert_eq!(page_description(&tree), description);
    // Of the page's files, only the script with the description may contain them.
    assert!(!tree.text("index.html").contains("alert(1)"));
}

#[test]
fn ignores_implausible_pixel_sizes() {
    let small = slides::small;
    let aperio = slides::aperio;
    for (file, slide) in [
        ("none.tif", small().no_mpp()),
        ("zero.tif", small().mpp(0.0)),
        ("absurd.tif", small().mpp(1000.0)),
        ("none.svs", aperio().no_mpp()),
        ("zero.svs", aperio().mpp(0.0)),
        ("negative.svs", aperio().mpp(-0.5)),
        ("absurd.svs", aperio().mpp(1000.0)),
        ("text.svs", aperio().mpp_text("about 0.5")),
        ("nan.svs", aperio().mpp_text("NaN")),
        ("infinite.svs", aperio().mpp_text("inf")),
    ] {
        let tree = export(&slide, file, &[]);
        assert_eq!(tree.json("scan.json")["micronsPerPixel"], Value::Null, "{file}");
        assert_eq!(page_description(&tree)["micronsPerPixel"], Value::Null, "{file}");
    }
    let tree = export(&aperio().mpp(0.2525).magnification(Some("forty")), "good.svs", &[]);
    assert_eq!(tree.json("scan.json")["micronsPerPixel"], json!({ "x": 0.2525, "y": 0.2525 }));
    assert_eq!(tree.json("scan.json")["objectivePower"], Value::Null);
}

#[test]
fn the_page_contains_the_description() {
    let tree = export(&slides::aperio(), "scan.svs", &["-q", "60"]);
    let page = tree.text("index.html");
    assert!(page.contains("<title>scan</title>"), "{page}");
    assert!(!page.contains("{{"), "{page}");
    assert_eq!(page_description(&tree), tree.json("scan.json"));
    for file in ["viewer/viewer.js", "viewer/viewer.css", "viewer/LICENSES.txt"] {
        assert!(!tree.file(file).is_empty(), "{file}");
    }
}
