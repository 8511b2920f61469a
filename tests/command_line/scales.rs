//! The scale of TIFF files: the same for both readers, and `--mpp`.

use serde_json::{Value, json};
use slidezoom_fixtures::image::{ImageBuilder, ImageFormat, RowOrder};
use slidezoom_fixtures::{Field, Values};

use crate::slides::{self, WriteInto};
use crate::tiff_files::{SIZE, Storage, field, short, write};
use crate::tools;
use crate::workspace::Workspace;

fn description(text: &str) -> Field {
    field(270, Values::Ascii(text.to_owned()))
}

/// Returns the fields for a resolution: a fraction of pixels per unit (1 none, 2 inch, 3
/// centimeter).
fn resolution(numerator: u32, denominator: u32, unit: u16) -> Vec<Field> {
    vec![
        field(282, Values::Rational(numerator, denominator)),
        field(283, Values::Rational(numerator, denominator)),
        short(296, unit),
    ]
}

fn information(workspace: &Workspace, arguments: &[&str]) -> Value {
    let run = workspace.slidezoom([&["info", "--quick", "--json"], arguments].concat()).succeeds();
    serde_json::from_slice(&run.stdout).unwrap()
}

/// Returns the micrometers per pixel, x and y, in the output of `info`.
fn scale(workspace: &Workspace, arguments: &[&str]) -> Option<[f64; 2]> {
    let information = information(workspace, arguments);
    let microns = &information["slide"]["micronsPerPixel"];
    (!microns.is_null()).then(|| ["x", "y"].map(|axis| microns[axis].as_f64().unwrap()))
}

/// Asserts that two scales are equal in the precision of OpenSlide's 32-bit numbers.
#[track_caller]
fn assert_scale(found: Option<[f64; 2]>, expected: Option<[f64; 2]>, what: &str) {
    let near = match (found, expected) {
        (Some(found), Some(expected)) => found
            .iter()
            .zip(expected)
            .all(|(found, expected)| (found / expected - 1.0).abs() < 1e-6),
        (found, expected) => found == expected,
    };
    assert!(near, "{what}: {found:?}, not {expected:?}");
}

fn ome(attributes: &str) -> Field {
    let [width, height] = [SIZE.0, SIZE.1];
    description(&format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><OME xmlns=\"http://www.openmicroscopy.org/Schemas/OME/2016-06\">\
         <Image ID=\"Image:0\"><Pixels ID=\"Pixels:0\" SizeX=\"{width}\" SizeY=\"{height}\" {attributes}>\
         <TiffData/></Pixels></Image></OME>"
    ))
}

#[test]
fn strips_and_tiles_have_the_same_scale() {
    let with =
        |fields: Vec<Field>, more: Field| fields.into_iter().chain([more]).collect::<Vec<_>>();
    for (what, fields, expected) in [
        ("25400 per inch", resolution(25_400, 1, 2), Some([1.0; 2])),
        ("40000 per centimeter", resolution(40_000, 1, 3), Some([0.25; 2])),
        ("300 dots per inch", resolution(300, 1, 2), None),
        ("118.11 dots per centimeter", resolution(11_811, 100, 3), None),
        ("1270 dots per inch", resolution(1_270, 1, 2), None),
        ("the default of libvips", resolution(10, 1, 3), None),
        ("an aspect ratio", resolution(1, 1, 1), None),
        ("no resolution", vec![], None),
        (
            "OME-XML",
            vec![ome("PhysicalSizeX=\"325\" PhysicalSizeXUnit=\"nm\" PhysicalSizeY=\"0.25\"")],
            Some([0.325, 0.25]),
        ),
        (
            "ImageJ",
            with(resolution(4, 1, 1), description("ImageJ=1.54f\nunit=\\u00B5m\n")),
            Some([0.25; 2]),
        ),
        ("ImageJ without a unit", with(resolution(4, 1, 1), description("ImageJ=1.54f\n")), None),
    ] {
        let workspace = Workspace::new();
        for (storage, vendor) in
            [(Storage::Strips, Value::Null), (Storage::Tiles, json!("generic-tiff"))]
        {
            write(&workspace, "image.tif", storage, vec![fields.clone()]);
            assert_eq!(
                information(&workspace, &["image.tif"])["slide"]["vendor"],
                vendor,
                "{storage:?}"
            );
            assert_scale(
                scale(&workspace, &["image.tif"]),
                expected,
                &format!("{what}, {storage:?}"),
            );
        }
    }
}

#[test]
fn reads_the_scale_of_all_pages_from_the_first_description() {
    let workspace = Workspace::new();
    let described = ome("PhysicalSizeX=\"0.5\" PhysicalSizeY=\"0.5\"");
    for storage in [Storage::Strips, Storage::Tiles] {
        write(
            &workspace,
            "pages.tif",
            storage,
            vec![vec![described.clone()], vec![], vec![description("a label")]],
        );
        for (page, expected) in [("1", Some([0.5; 2])), ("2", Some([0.5; 2])), ("3", None)] {
            assert_scale(
                scale(&workspace, &["pages.tif", "--page", page]),
                expected,
                &format!("page {page}, {storage:?}"),
            );
        }
    }
}

#[test]
fn swaps_the_scale_of_rotated_images() {
    let workspace = Workspace::new();
    let described = ome("PhysicalSizeX=\"0.5\" PhysicalSizeY=\"0.25\"");
    for (orientation, expected) in
        [(1, [0.5, 0.25]), (3, [0.5, 0.25]), (6, [0.25, 0.5]), (8, [0.25, 0.5])]
    {
        for storage in [Storage::Strips, Storage::Tiles] {
            let fields = vec![described.clone(), short(274, orientation)];
            write(&workspace, "rotated.tif", storage, vec![fields]);
            assert_scale(
                scale(&workspace, &["rotated.tif"]),
                Some(expected),
                &format!("{orientation}, {storage:?}"),
            );
        }
    }
}

#[test]
fn accepts_any_scale_in_vendor_metadata() {
    let workspace = Workspace::new();
    // In a resolution tag, so coarse a scale would be ignored.
    slides::aperio().mpp(40.0).write_into(&workspace, "scan.svs");
    assert_scale(scale(&workspace, &["scan.svs"]), Some([40.0; 2]), "Aperio");
}

#[test]
fn reads_the_scale_that_libvips_writes() {
    let workspace = Workspace::new();
    ImageBuilder::new(300, 200, ImageFormat::Png(RowOrder::Sequential))
        .write(workspace.path("image.png"))
        .unwrap();
    // The options of vips are in pixels per millimeter.
    for (per_millimeter, expected) in [("2000", Some([0.5; 2])), ("1", None), ("11.811", None)] {
        for (unit, tiled) in [("cm", false), ("inch", false), ("cm", true), ("inch", true)] {
            let arguments =
                ["tiffsave", "image.png", "out.tif", "--resunit", unit, "--xres", per_millimeter];
            let tiles: &[&str] = if tiled { &["--tile"] } else { &[] };
            let Some(run) = tools::run(
                "vips",
                [&arguments[..], &["--yres", per_millimeter], tiles].concat(),
                &workspace.path(""),
            ) else {
                return;
            };
            run.succeeds();
            assert_scale(
                scale(&workspace, &["out.tif"]),
                expected,
                &format!("{per_millimeter} in {unit}, {tiled}"),
            );
        }
    }
}

#[test]
fn the_mpp_option_accepts_scales_that_would_be_ignored_in_a_file() {
    let workspace = Workspace::new();
    write(&workspace, "print.tif", Storage::Strips, vec![resolution(72, 1, 2)]);
    let microns =
        |folder: &str| workspace.tree(folder).json("scale.json")["micronsPerPixel"].clone();
    for (options, expected) in [
        (&["--mpp", "352.777"][..], [352.777, 352.777]),
        (&["--mpp", "10000000,500"], [1e7, 500.0]),
        (&["--mpp", "352.5", "--target-mpp", "705"], [705.0, 705.0]),
    ] {
        workspace
            .export([&["print.tif", "-o", "scale", "--overwrite"], options].concat())
            .succeeds();
        assert_eq!(microns("scale"), json!({ "x": expected[0], "y": expected[1] }), "{options:?}");
        // The scale survives repacking.
        workspace
            .export(
                [&["print.tif", "-o", "scale.zip", "--overwrite", "--overlap", "0"], options]
                    .concat(),
            )
            .succeeds();
        workspace.slidezoom(["repack", "scale.zip", "-o", "out.szi", "--overwrite"]).succeeds();
        workspace.slidezoom(["repack", "out.szi", "-o", "out", "--overwrite"]).succeeds();
        assert_eq!(
            microns("out"),
            json!({ "x": expected[0], "y": expected[1] }),
            "{options:?}, repacked"
        );
    }
    for options in [&["--mpp", "1e10"][..], &["--mpp", "1", "--target-mpp", "1e10"]] {
        let run = workspace.export([&["print.tif"], options].concat());
        assert_eq!(run.code(), Some(2), "{run:?}");
        assert!(run.stderr.contains("expected a number above 0 and up to 1000000000"), "{run:?}");
    }
}
