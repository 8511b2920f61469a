//! `slidezoom info`, as text and as JSON.

use serde_json::{Value, json};
use slidezoom_fixtures::{Pattern, Style, TileFault};

use crate::deep_zoom::DeepZoom;
use crate::slides::{self, SIZE, WriteInto};
use crate::workspace::Workspace;

#[test]
fn text_describes_the_slide_and_an_export() {
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
        ("scanned area", "entire slide"),
        ("ICC profile", "none"),
        ("slide level 0", "700×500, downsample 1.000, native tiles 240×240"),
        ("slide level 1", "175×125, downsample 4.000"),
        ("associated image", "label, 100×115"),
        ("associated image", "macro, 320×108"),
        ("associated image", "thumbnail, 175×125"),
        ("blank share", "about "),
        ("estimate", "MB, 0."),
        ("lossless tiles", "possible, of 240, about 0."),
        ("export", "700×500 px of JPEG quality 80 4:2:0"),
        ("export", tiles.as_str()),
    ] {
        let found = run.text().lines().any(|line| line.starts_with(label) && line.contains(words));
        assert!(found, "{label}: {words}: {run:?}");
    }
    assert_eq!(workspace.names(), ["scan.svs"]);
}

#[test]
fn text_says_unknown_for_missing_values() {
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
fn json_describes_the_slide_and_an_export() {
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
    // Unlike an export, `info` shows every property.
    assert_eq!(slide["properties"]["aperio.ScanScope ID"], "SLIDEZOOM");
    assert_eq!(slide["associatedImages"].as_array().unwrap().len(), 3);
    assert_eq!(export["name"], "scan");
    assert_eq!((&export["width"], &export["height"]), (&json!(700), &json!(500)));
    assert_eq!((&export["tileSize"], &export["overlap"]), (&json!(254), &json!(1)));
    assert_eq!(export["tiles"], DeepZoom::new(SIZE).tiles().len());
    assert!(export["estimatedBytes"].as_u64().unwrap() > 10_000, "{export}");
}

#[test]
fn implausible_pixel_size_is_null() {
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
fn reports_the_scanned_area() {
    let workspace = Workspace::new();
    let slide = slides::small().tile_fault(0, 0, 0, TileFault::Missing).tile_fault(
        0,
        0,
        1,
        TileFault::Missing,
    );
    slide.write_into(&workspace, "scan.tif");
    let report = workspace.slidezoom(["info", "--json", "scan.tif"]).succeeds().json();
    assert_eq!(report["slide"]["bounds"]["width"], 444);
    assert_eq!(
        (&report["export"]["width"], &report["export"]["height"]),
        (&json!(444), &json!(500))
    );
    let run = workspace.slidezoom(["info", "scan.tif"]).succeeds();
    let area = run.text().lines().find(|line| line.starts_with("scanned area")).unwrap();
    assert!(area.contains("444×500") && area.contains("256"), "{area}");
}

/// Returns a report without the field that differs between runs.
fn report(workspace: &Workspace, arguments: &[&str]) -> Value {
    let mut report =
        workspace.slidezoom([&["info", "--json"], arguments].concat()).succeeds().json();
    if let Some(export) = report["export"].as_object_mut() {
        let time = export.shift_remove("estimatedTime");
        assert_eq!(time.is_some(), report["sample"].is_object(), "{report}");
    }
    report
}

#[test]
fn blank_share_counts_missing_tiles_and_even_areas() {
    let workspace = Workspace::new();
    // The checkerboard has no uniform area, so only the missing tile is blank.
    let checks = slides::small().pattern(Pattern::Checkerboard { side: 2 });
    checks.tile_fault(0, 1, 0, TileFault::Missing).write_into(&workspace, "scan.tif");
    let found = report(&workspace, &["scan.tif"]);
    let share = f64::from(256 * 256) / f64::from(SIZE.0 * SIZE.1);
    assert_eq!(found["sample"], json!({ "blank": share, "tiles": 6, "unreadable": [] }));
    assert_eq!(found["lossless"]["tileSize"], 256);
    assert_eq!(report(&workspace, &["scan.tif"]), found);
    let run = workspace.slidezoom(["info", "scan.tif"]).succeeds();
    assert!(run.text().contains("blank share       about 19 %\n"), "{run:?}");

    slides::small().pattern(Pattern::Solid([9, 30, 60])).write_into(&workspace, "even.tif");
    assert_eq!(report(&workspace, &["even.tif"])["sample"]["blank"], 1.0);
}

#[test]
fn unreadable_tiles_are_reported_and_are_not_an_error() {
    let workspace = Workspace::new();
    slides::small().tile_fault(0, 1, 0, TileFault::BrokenHeader).write_into(&workspace, "scan.tif");
    let found = report(&workspace, &["scan.tif"]);
    assert_eq!(found["sample"]["tiles"], 5);
    assert!(found["sample"]["unreadable"][0].as_str().unwrap().contains("cannot read"), "{found}");
    let run = workspace.slidezoom(["info", "scan.tif"]).succeeds();
    assert!(
        run.text().contains("unreadable        1 of the sampled tiles, the first: "),
        "{run:?}"
    );
    assert_eq!(run.stderr, "");
}

#[test]
fn quick_does_not_sample() {
    let workspace = Workspace::new();
    slides::aperio().write_into(&workspace, "scan.svs");
    let found = report(&workspace, &["scan.svs", "--quick"]);
    assert_eq!(found.get("sample"), None);
    assert!(found["export"]["estimatedBytes"].as_u64().unwrap() > 10_000);
    let run = workspace.slidezoom(["info", "scan.svs", "--quick"]).succeeds();
    assert!(
        run.text().contains("MB if all of it is tissue\n") && !run.text().contains("blank share"),
        "{run:?}"
    );
}

#[test]
fn reports_why_lossless_tiles_are_not_possible() {
    let workspace = Workspace::new();
    slides::exact(SIZE, Pattern::Gradient).write_into(&workspace, "scan.tif");
    let found = report(&workspace, &["scan.tif"]);
    assert_eq!(found["lossless"]["possible"], false);
    assert!(
        found["lossless"]["reason"].as_str().unwrap().contains("its tiles are not JPEG"),
        "{found}"
    );
    let run = workspace.slidezoom(["info", "scan.tif"]).succeeds();
    assert!(
        run.text().contains("lossless tiles    not possible: the slide is read through OpenSlide"),
        "{run:?}"
    );
}

#[test]
fn images_are_not_sampled_row_by_row() {
    let workspace = Workspace::new();
    let rows: Vec<u8> = (0..600 * 500_u64).map(|at| (at * 7919 % 251) as u8).collect();
    std::fs::write(workspace.path("image.pgm"), [&b"P5 600 500 255\n"[..], &rows].concat())
        .unwrap();
    assert_eq!(report(&workspace, &["image.pgm"]).get("sample"), None);
    let run = workspace.slidezoom(["info", "image.pgm"]).succeeds();
    assert!(
        run.text().contains(" MB if all of it is tissue\n") && !run.text().contains("blank"),
        "{run:?}"
    );
}
