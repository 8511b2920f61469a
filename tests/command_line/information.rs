//! `slidezoom info`, for people and for programs.

use serde_json::{Value, json};
use slidezoom_fixtures::image::{ImageBuilder, ImageFormat, RowOrder};
use slidezoom_fixtures::{Pattern, SlideBuilder, Style, TileFault};

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
        ("blank share", "0.0 % never scanned; seen on slide level 0"),
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

/// A report without what is not the same each time.
fn report(workspace: &Workspace, arguments: &[&str]) -> Value {
    let mut report = workspace.slidezoom([&["info", "--json"], arguments].concat()).succeeds().json();
    if let Some(export) = report["export"].as_object_mut() {
        let time = export.shift_remove("estimatedTime");
        assert_eq!(time.is_some(), report["sample"]["regions"].as_u64().is_some_and(|regions| regions > 0), "{report}");
    }
    report
}

#[test]
fn the_blank_share_is_what_was_never_scanned_and_what_shows_nothing() {
    let workspace = Workspace::new();
    // Nowhere even: what is blank is the one tile that was never scanned, in the middle.
    let checks = slides::small().pattern(Pattern::Checkerboard { side: 2 });
    checks.tile_fault(0, 1, 0, TileFault::Missing).write_into(&workspace, "scan.tif");
    let found = report(&workspace, &["scan.tif"]);
    let share = f64::from(256 * 256) / f64::from(SIZE.0 * SIZE.1);
    assert_eq!(
        found["sample"],
        json!({ "blank": { "share": share, "transparent": share, "slideLevel": 0 }, "regions": 2, "unreadable": [] })
    );
    assert_eq!(found["lossless"]["tileSize"], 256);
    assert_eq!(report(&workspace, &["scan.tif"]), found);
    let run = workspace.slidezoom(["info", "scan.tif"]).succeeds();
    assert!(
        run.text().contains("blank share       18.7 %, of which 18.7 % never scanned; seen on slide level 0"),
        "{run:?}"
    );

    // All of one color, whatever the color.
    slides::small().pattern(Pattern::Solid([9, 30, 60])).write_into(&workspace, "even.tif");
    let found = report(&workspace, &["even.tif"]);
    assert_eq!(
        (&found["sample"]["blank"]["share"], &found["sample"]["blank"]["transparent"]),
        (&json!(1.0), &json!(0.0))
    );
}

#[test]
fn what_cannot_be_read_is_told_and_no_failure() {
    let workspace = Workspace::new();
    let every = (0..3).flat_map(|column| (0..2).map(move |row| (column, row)));
    let broken = |slide: SlideBuilder, (column, row)| slide.tile_fault(0, column, row, TileFault::BrokenHeader);
    every.fold(slides::small(), broken).write_into(&workspace, "scan.tif");
    let found = report(&workspace, &["scan.tif"]);
    assert_eq!((&found["sample"]["blank"], &found["sample"]["regions"]), (&Value::Null, &json!(0)));
    assert!(found["sample"]["unreadable"][0].as_str().unwrap().contains("cannot read"), "{found}");
    let run = workspace.slidezoom(["info", "scan.tif"]).succeeds();
    assert!(run.text().contains("unreadable        3 of the sampled parts, the first: "), "{run:?}");
    assert_eq!(run.stderr, "");
}

#[test]
fn without_a_look_at_the_pixels_nothing_is_said_of_them() {
    let workspace = Workspace::new();
    slides::aperio().write_into(&workspace, "scan.svs");
    let found = report(&workspace, &["scan.svs", "--quick"]);
    assert_eq!(found.get("sample"), None);
    assert!(found["export"]["estimatedBytes"].as_u64().unwrap() > 10_000);
    let run = workspace.slidezoom(["info", "scan.svs", "--quick"]).succeeds();
    assert!(run.text().contains("MB, if all of it is tissue\n") && !run.text().contains("blank share"), "{run:?}");
}

#[test]
fn why_lossless_tiles_are_not_possible_is_said() {
    let workspace = Workspace::new();
    slides::exact(SIZE, Pattern::Gradient).write_into(&workspace, "scan.tif");
    let found = report(&workspace, &["scan.tif"]);
    assert_eq!(found["lossless"]["possible"], false);
    assert!(found["lossless"]["reason"].as_str().unwrap().contains("its tiles are not JPEG"), "{found}");
    let run = workspace.slidezoom(["info", "scan.tif"]).succeeds();
    assert!(run.text().contains("lossless tiles    not possible: the slide is read through OpenSlide"), "{run:?}");
}

#[test]
fn of_an_image_that_comes_row_by_row_it_is_said_what_the_estimate_rests_on() {
    let workspace = Workspace::new();
    let pgm = |width: usize, height: usize| {
        let rows = (0..width * height).map(|at| (at * 7919 % 251) as u8);
        format!("P5 {width} {height} 255\n").into_bytes().into_iter().chain(rows).collect::<Vec<u8>>()
    };
    std::fs::write(workspace.path("large.pgm"), pgm(40_000, 900)).unwrap();
    let found = report(&workspace, &["large.pgm"]);
    let rows = (1 << 25) / 40_000;
    assert_eq!((&found["sample"]["firstRows"], &found["sample"]["blank"]), (&json!(rows), &Value::Null));
    assert_eq!(report(&workspace, &["large.pgm"]), found);
    let run = workspace.slidezoom(["info", "large.pgm"]).succeeds();
    assert!(run.text().contains(&format!("of its first {rows} rows took\n")), "{run:?}");
    // Even is a gradient too, and that is no empty glass.
    assert!(!run.text().contains("blank") && run.stderr.is_empty(), "{run:?}");

    std::fs::write(workspace.path("small.pgm"), pgm(600, 500)).unwrap();
    assert_eq!(report(&workspace, &["small.pgm"])["sample"].get("firstRows"), None);
    let run = workspace.slidezoom(["info", "small.pgm"]).succeeds();
    assert!(run.text().contains(" of it took\n"), "{run:?}");
}

#[test]
fn of_an_image_damage_is_told_by_its_rows() {
    let workspace = Workspace::new();
    let png = ImageBuilder::new(900, 800, ImageFormat::Png(RowOrder::Sequential)).bytes().unwrap();
    std::fs::write(workspace.path("cut.png"), &png[..png.len() / 2]).unwrap();
    let run = workspace.slidezoom(["info", "cut.png"]).succeeds();
    assert!(run.text().contains("unreadable        cut.png: "), "{run:?}");
    assert!(run.text().contains("its rows from "), "{run:?}");
}
