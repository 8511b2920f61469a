//! Exports as `.szi` (Smart Zoom Image 1.2).

use std::collections::BTreeMap;

use serde_json::{Value, json};
use slidezoom_fixtures::{SlideBuilder, Style};

use crate::deep_zoom::DeepZoom;
use crate::rgb_image::jpeg_size;
use crate::slides::{self, SIZE, WriteInto};
use crate::tools;
use crate::workspace::Workspace;
use crate::zip_file::ZipFile;

/// The mandatory properties.
const MANDATORY: [&str; 5] =
    ["ImageWidth", "ImageHeight", "MicronsPerPixel", "MicronsPerPixelX", "MicronsPerPixelY"];

/// Exports a slide to the archive `scan.szi`.
#[track_caller]
fn exported(slide: &SlideBuilder, options: &[&str]) -> ZipFile {
    let workspace = Workspace::new();
    slide.write_into(&workspace, "slide.svs");
    workspace.export([&["slide.svs", "-o", "scan.szi"], options].concat()).succeeds();
    workspace.slidezoom(["verify", "scan.szi"]).succeeds();
    assert_eq!(workspace.names(), ["scan.szi", "slide.svs"]);
    ZipFile::open(&workspace.path("scan.szi"))
}

/// The names of all files but tiles, in order, relative to the root.
fn names(archive: &ZipFile) -> Vec<&str> {
    let mut names: Vec<&str> = archive
        .entries
        .iter()
        .map(|entry| entry.name.strip_prefix("scan/").expect(&entry.name))
        .collect();
    names.retain(|name| !name.starts_with("scan_files/"));
    names.sort_unstable();
    names
}

/// The properties of `scan-properties.xml`, without unescaping.
fn properties(archive: &ZipFile) -> BTreeMap<&str, &str> {
    let text = str::from_utf8(archive.file("scan/scan-properties.xml")).unwrap();
    assert!(
        text.contains("<image xmlns=\"http://www.pathozoom.com/SZI\" version=\"1.0\">"),
        "{text}"
    );
    let between = |text: &'static str| (format!("<{text}>"), format!("</{text}>"));
    let [name, value] = ["name", "value"].map(between);
    let part = |property: &'_ str, (start, end): &(String, String)| {
        let start = property.find(start.as_str()).unwrap() + start.len();
        start..property.find(end.as_str()).unwrap()
    };
    text.split("<property>")
        .skip(1)
        .map(|property| (&property[part(property, &name)], &property[part(property, &value)]))
        .collect()
}

fn description(archive: &ZipFile) -> Value {
    serde_json::from_slice(archive.file("scan/vendor/slidezoom/scan.json")).unwrap()
}

#[test]
fn keeps_files_outside_the_specification_below_vendor() {
    let archive = exported(&slides::aperio(), &[]);
    assert_eq!(
        names(&archive),
        [
            "associated_images/thumbnail.jpg",
            "scan-properties.xml",
            "scan.dzi",
            "vendor/slidezoom/manifest-sha256.txt",
            "vendor/slidezoom/scan.json",
            "vendor/slidezoom/tile-index.bin",
        ]
    );
    let associated = &description(&archive)["associatedImages"];
    assert_eq!(associated[0]["path"], "associated_images/thumbnail.jpg");
    assert_eq!(jpeg_size(archive.file("scan/associated_images/thumbnail.jpg")), (175, 125));
}

#[test]
fn defaults_to_256_pixels_without_overlap() {
    let archive = exported(&slides::aperio(), &[]);
    let plan = DeepZoom::new(SIZE).with_tiles(256, 0);
    let tiles = archive.entries.iter().filter(|entry| entry.name.starts_with("scan/scan_files/"));
    assert_eq!(tiles.count(), plan.tiles().len());
    for tile in plan.tiles() {
        let contents = archive.file(&format!("scan/scan_files/{}", tile.file("jpeg")));
        assert_eq!(jpeg_size(contents), tile.size(), "{tile:?}");
    }
    let descriptor = str::from_utf8(archive.file("scan/scan.dzi")).unwrap();
    assert!(descriptor.contains("Overlap=\"0\" TileSize=\"256\""), "{descriptor}");
}

#[test]
fn accepts_tile_sizes_and_rejects_overlap() {
    let archive =
        exported(&slides::aperio(), &["--tile-size", "128", "--overlap", "0", "--format", "png"]);
    let plan = DeepZoom::new(SIZE).with_tiles(128, 0);
    assert!(
        plan.tiles()
            .iter()
            .all(|tile| !archive.file(&format!("scan/scan_files/{}", tile.file("png"))).is_empty())
    );
    // The specification requires JPEG for associated images.
    assert_eq!(names(&archive)[0], "associated_images/thumbnail.jpg");

    let workspace = Workspace::new();
    slides::aperio().write_into(&workspace, "slide.svs");
    for options in [&["--overlap", "1"][..], &["--overlap", "1", "--tile-size", "256"]] {
        workspace.export([&["slide.svs", "-o", "new/scan.szi"], options].concat()).fails(
            2,
            &["tiles of a .szi cannot overlap (the overlap is 1)", "\nhint: omit --overlap"],
        );
        assert_eq!(workspace.names(), ["slide.svs"]);
    }
}

#[test]
fn copies_native_tiles() {
    let slide = slides::aperio().tile_size(256, 256);
    let archive = exported(&slide, &["--lossless"]);
    let workspace = Workspace::new();
    slide.write_into(&workspace, "scan.svs");
    workspace.export(["scan.svs", "--lossless"]).succeeds();
    for tile in DeepZoom::new(SIZE).with_tiles(256, 0).tiles() {
        let name = format!("scan_files/{}", tile.file("jpeg"));
        assert!(
            archive.file(&format!("scan/{name}")) == workspace.tree("scan").file(&name),
            "{name}"
        );
    }
    assert_eq!(description(&archive)["baseTiles"], "lossless");
}

#[test]
fn publishes_label_and_macro_only_on_request() {
    let images = |options: &[&str]| -> Vec<String> {
        let archive = exported(&slides::aperio(), options);
        let images =
            names(&archive).into_iter().filter_map(|name| name.strip_prefix("associated_images/"));
        images.map(str::to_owned).collect()
    };
    assert_eq!(images(&[]), ["thumbnail.jpg"]);
    assert_eq!(images(&["--associated", "label"]), ["label.jpg"]);
    assert_eq!(images(&["--associated", "all"]), ["label.jpg", "macro.jpg", "thumbnail.jpg"]);
    assert_eq!(images(&["--associated", "none"]), [""; 0]);
}

#[test]
fn writes_size_and_scale() {
    for (mpp, expected) in [
        (&[][..], ["700", "500", "0.5", "0.5", "0.5"]),
        (&["--mpp", "0.25"], ["700", "500", "0.25", "0.25", "0.25"]),
        (&["--mpp", "0.25,0.26"], ["700", "500", "0.255", "0.25", "0.26"]),
    ] {
        let archive = exported(&slides::aperio(), mpp);
        let properties = properties(&archive);
        assert_eq!(MANDATORY.map(|name| properties[name]), expected);
        let number = |text: &str| text.parse::<f64>().unwrap();
        let expected_scale = json!({ "x": number(expected[3]), "y": number(expected[4]) });
        assert_eq!(description(&archive)["micronsPerPixel"], expected_scale);
    }
}

#[test]
fn writes_listed_properties() {
    let archive = exported(&slides::aperio(), &[]);
    let properties = properties(&archive);
    assert_eq!((properties["VendorName"], properties["ObjectiveMagnification"]), ("aperio", "20"));
    // Properties that are not on the list, such as serial numbers and file names, are not
    // published.
    assert!(properties.keys().all(|name| !name.starts_with("aperio.")), "{properties:?}");
}

#[test]
fn requires_a_scale() {
    for slide in
        [slides::small().no_mpp(), slides::aperio().no_mpp(), slides::aperio().mpp_text("1000")]
    {
        let workspace = Workspace::new();
        slide.write_into(&workspace, "slide.svs");
        workspace.export(["slide.svs", "-o", "new/scan.szi"]).fails(
            2,
            &[
                "does not state its micrometers per pixel, which a .szi must contain",
                "\nhint: ",
                "--mpp",
            ],
        );
        assert_eq!(workspace.names(), ["slide.svs"]);

        let archive = exported(&slide, &["--mpp", "0.123"]);
        assert_eq!(properties(&archive)["MicronsPerPixel"], "0.123");
        assert_eq!(description(&archive)["micronsPerPixel"], json!({ "x": 0.123, "y": 0.123 }));
        // A directory needs no scale, and records a given one.
        workspace.export(["slide.svs", "-o", "without"]).succeeds();
        workspace.export(["slide.svs", "-o", "with", "--mpp", "0.25,0.26"]).succeeds();
        assert_eq!(workspace.tree("without").json("without.json")["micronsPerPixel"], Value::Null);
        assert_eq!(
            workspace.tree("with").json("with.json")["micronsPerPixel"],
            json!({ "x": 0.25, "y": 0.26 })
        );
    }
}

/// Text of a scanner or a file name may contain control characters, tags and entities.
#[test]
fn escapes_hostile_text() {
    let workspace = Workspace::new();
    let hostile = "<&\"'>]]><!--&lt;&x;{{title}}";
    let slide = SlideBuilder::new(SIZE.0, SIZE.1).style(Style::Aperio).magnification(Some(hostile));
    slide.write_into(&workspace, "slide.svs");
    let read = "import json, sys, zipfile, xml.etree.ElementTree as xml\n\
        archive = zipfile.ZipFile(sys.argv[1])\n\
        space = '{http://www.pathozoom.com/SZI}'\n\
        root = xml.fromstring(archive.read(sys.argv[2] + '/scan-properties.xml'))\n\
        assert root.tag == space + 'image' and [part.tag for part in root] == [space + 'properties'], root\n\
        pairs = [[part.tag.removeprefix(space), part.text] for property in root[0] for part in property]\n\
        print(json.dumps(pairs))";
    for name in [hostile, "new\nline", "\u{1b}[31m", "{{title}}", "back\\slash", "100%25"] {
        let output = format!("{name}.szi");
        workspace.export(["slide.svs", "-o", &output]).succeeds();
        workspace.slidezoom(["verify", &output]).succeeds();
        let archive = ZipFile::open(&workspace.path(&output));
        let text = str::from_utf8(archive.file(&format!("{name}/scan-properties.xml"))).unwrap();
        assert!(!text.contains(hostile), "{text}");
        let described: Value =
            serde_json::from_slice(archive.file(&format!("{name}/vendor/slidezoom/{name}.json")))
                .unwrap();
        assert_eq!(described["name"], name);

        let Some(run) = tools::python(read, &[&output, name], &workspace.path("")) else {
            continue;
        };
        tools::assert_silent(&run);
        let pairs: Vec<(String, String)> = serde_json::from_slice(&run.stdout).unwrap();
        assert!(pairs.len() >= 2 * MANDATORY.len());
        assert!(
            pairs
                .chunks(2)
                .all(|pair| (pair[0].0.as_str(), pair[1].0.as_str()) == ("name", "value"))
        );
        for mandatory in MANDATORY {
            assert_eq!(pairs.iter().filter(|(_, text)| text == mandatory).count(), 1);
        }
    }
}

#[test]
fn writes_all_properties_on_request() {
    let slide =
        slides::aperio().magnification(Some("20|Bell\u{7}<\u{e9} = a&b\u{1}|MicronsPerPixelX = 9"));
    let archive = exported(&slide, &["--all-properties"]);
    let found = properties(&archive);
    assert_eq!(found["MicronsPerPixelX"], "0.5");
    assert_eq!(found["aperio.MicronsPerPixelX"], "9");
    assert_eq!(found["aperio.ScanScope ID"], "SLIDEZOOM");
    assert_eq!(found["aperio.Bell&lt;\u{e9}"], "a&amp;b");
    let quiet = exported(&slide, &[]);
    assert!(properties(&quiet).keys().all(|name| !name.starts_with("aperio.")));
}
