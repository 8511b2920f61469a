//! `slidezoom info`, for people and for programs.

use serde_json::{Value, json};
use slidezoom_fixtures::{Style, TileFault};

use crate::deep_zoom::DeepZoom;
use crate::slides::{self, SIZE, WriteInto};
use crate::workspace::Workspace;

#[test]
fn the_table_says_what_the_slide_is_and_what_an_export_would_be() {
    let workspace = Workspace::new();
    slides::aperio().write_into(&workspace, "scan.svs");
    let run = workspace.slidezoom(["info", "scan.svs"]).succeeds();
    assert!(run.stderr.is_empty(), "{run:?}");
    let tiles = format!("11 levels, {} tiles", DeepZoom::new(SIZE).tiles().len());
    for (label, words) in [
        ("slide ", "scan.svs"),
        ("vendor", "aperio"),
        ("size", "700×500 px"),
        ("µm per pixel", "0.5000 × 0.5000"),
        ("objective", "20×"),
        ("scanned area", "all of it"),
        ("ICC profile", "none"),
        ("slide level 0", "700×500, downsample 1.000, stored in 240×240"),
        ("slide level 1", "175×125, downsample 4.000"),
        ("associated image", "label, 100×115"),
        ("associated image", "macro, 320×108"),
        ("associated image", "thumbnail, 175×125"),
        ("export", "700×500 px of JPEG quality 80 4:2:0"),
        ("export", tiles.as_str()),
    ] {
        let found = run.text().lines().any(|line| line.starts_with(label) && line.contains(words));
        assert!(found, "{label}: {words}: {run:?}");
    }
    assert_eq!(workspace.names(), ["scan.svs"]);
}

#[test]
fn what_is_unknown_is_said_to_be_so() {
    let workspace = Workspace::new();
    slides::small().mpp(1000.0).write_into(&workspace, "scan.tif");
    let run = workspace.slidezoom(["info", "scan.tif"]).succeeds();
    for label in ["µm per pixel", "objective", "background"] {
        assert!(
            run.text().lines().any(|line| line.starts_with(label) && line.ends_with("unknown")),
            "{label}: {run:?}"
        );
    }
}

#[test]
fn json_holds_the_slide_and_the_export() {
    let workspace = Workspace::new();
    slides::aperio().write_into(&workspace, "scan.svs");
    let run = workspace.slidezoom(["info", "--json", "scan.svs"]).succeeds();
    assert!(run.stderr.is_empty(), "{run:?}");
    let report = run.json();
    let (slide, export) = (&report["slide"], &report["export"]);
    assert_eq!(slide["path"], "scan.svs");
    assert_eq!(slide["vendor"], "aperio");
    assert_eq!(slide["micronsPerPixel"], json!({ "x": 0.5, "y": 0.5 }));
    assert_eq!(slide["objectivePower"], 20.0);
    assert_eq!(slide["bounds"], Value::Null);
    assert_eq!(slide["levels"].as_array().unwrap().len(), 2);
    assert_eq!(slide["levels"][1]["size"], json!({ "width": 175, "height": 125 }));
    // At home, every property is shown.
    assert_eq!(slide["properties"]["aperio.ScanScope ID"], "SLIDEZOOM");
    assert_eq!(slide["associatedImages"].as_array().unwrap().len(), 3);
    assert_eq!(export["name"], "scan");
    assert_eq!((&export["width"], &export["height"]), (&json!(700), &json!(500)));
    assert_eq!((&export["tileSize"], &export["overlap"]), (&json!(254), &json!(1)));
    assert_eq!(export["tiles"], DeepZoom::new(SIZE).tiles().len());
    assert!(export["estimatedBytes"].as_u64().unwrap() > 10_000, "{export}");
}

#[test]
fn a_size_of_a_pixel_that_cannot_be_true_is_null() {
    let workspace = Workspace::new();
    for (name, slide) in [
        ("none.tif", slides::small().no_mpp()),
        ("absurd.tif", slides::small().mpp(1000.0)),
        ("text.svs", slides::small().style(Style::Aperio).mpp_text("half a micron")),
    ] {
        slide.write_into(&workspace, name);
        let report = workspace.slidezoom(["info", "--json", name]).succeeds().json();
        assert_eq!(report["slide"]["micronsPerPixel"], Value::Null, "{name}");
    }
}

#[test]
fn the_scanned_area_is_told() {
    let workspace = Workspace::new();
    let slide = slides::small().tile_fault(0, 0, 0, TileFault::Missing).tile_fault(0, 0, 1, TileFault::Missing);
    slide.write_into(&workspace, "scan.tif");
    let report = workspace.slidezoom(["info", "--json", "scan.tif"]).succeeds().json();
    assert_eq!(report["slide"]["bounds"]["width"], 444);
    assert_eq!((&report["export"]["width"], &report["export"]["height"]), (&json!(444), &json!(500)));
    let run = workspace.slidezoom(["info", "scan.tif"]).succeeds();
    let area = run.text().lines().find(|line| line.starts_with("scanned area")).unwrap();
    assert!(area.contains("444×500") && area.contains("256"), "{area}");
}
