//! `--crop`, `--rotate` and `--flip`: pixels move without change, and all recorded positions are
//! correct.

use serde_json::json;
use slidezoom_fixtures::{Compression, JpegTables, Pattern, SlideBuilder, TileFault};

use crate::deep_zoom::DeepZoom;
use crate::rgb_image::{ExpectedTiles, RgbImage};
use crate::slides::{self, SIZE, WriteInto};
use crate::tools;
use crate::workspace::{Run, Workspace};
use crate::zip_file::ZipFile;

/// A part of [`slides::small`] whose edges are not aligned with native tiles.
const CROP: (u32, u32, u32, u32) = (37, 91, 403, 259);

/// Crops, rotates and flips an image of this pattern. Rotations are clockwise, as in `vips rot`.
fn oriented(pattern: Pattern, crop: (u32, u32, u32, u32), rotate: &str, flip: &str) -> RgbImage {
    let (left, top, width, height) = crop;
    let size = if matches!(rotate, "90" | "270") { (height, width) } else { (width, height) };
    RgbImage::draw(size, |x, y| {
        let (x, y) = match flip {
            "horizontal" => (size.0 - 1 - x, y),
            "vertical" => (x, size.1 - 1 - y),
            _ => (x, y),
        };
        let (x, y) = match rotate {
            "90" => (y, height - 1 - x),
            "180" => (width - 1 - x, height - 1 - y),
            "270" => (width - 1 - y, x),
            _ => (x, y),
        };
        pattern.pixel(left + x, top + y)
    })
}

const ORIENTATIONS: [(&str, &str); 8] = [
    ("", ""),
    ("90", ""),
    ("180", ""),
    ("270", ""),
    ("", "horizontal"),
    ("", "vertical"),
    ("90", "horizontal"),
    ("90", "vertical"),
];

/// The options for a crop, a rotation and a flip; empty ones are omitted.
fn options(crop: Option<(u32, u32, u32, u32)>, rotate: &str, flip: &str) -> Vec<String> {
    let crop =
        crop.map(|(x, y, width, height)| format!("{x},{y},{width},{height}")).unwrap_or_default();
    let named = [("--crop", crop.as_str()), ("--rotate", rotate), ("--flip", flip)];
    named
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .flat_map(|(name, value)| [name.to_owned(), value.to_owned()])
        .collect()
}

fn export(workspace: &Workspace, slide: &str, fixed: &[&str], options: &[String]) -> Run {
    let mut command = workspace.command(["export", slide, "--no-viewer", "--overwrite"]);
    Run::of(command.args(fixed).args(options))
}

#[test]
fn places_every_pixel_of_every_level() {
    let workspace = Workspace::new();
    let pattern = Pattern::Tissue { seed: 3 };
    slides::exact(SIZE, pattern).tile_size(64, 128).write_into(&workspace, "scan.tif");
    let whole = (0, 0, SIZE.0, SIZE.1);
    for ((rotate, flip), (tile_size, overlap)) in
        ORIENTATIONS.into_iter().zip([(254, 1), (101, 3), (256, 0)].into_iter().cycle())
    {
        for crop in [None, Some(CROP)] {
            let cut = [
                "--format",
                "png",
                "--tile-size",
                &tile_size.to_string(),
                "--overlap",
                &overlap.to_string(),
            ];
            export(&workspace, "scan.tif", &cut, &options(crop, rotate, flip)).succeeds();
            let tree = workspace.tree("scan");
            let expected = ExpectedTiles::new(
                oriented(pattern, crop.unwrap_or(whole), rotate, flip),
                tile_size,
                overlap,
            );
            assert_eq!(tree.files(), expected.plan.files("scan", "png"));
            for tile in expected.plan.tiles() {
                let file = format!("scan_files/{}", tile.file("png"));
                RgbImage::from_png(tree.file(&file)).assert_near(
                    &expected.tile(&tile),
                    0,
                    &format!("{rotate} {flip} {file}"),
                );
            }
        }
    }
}

/// `vips dzsave` writes tiles with the same names and, at full size, the same pixels, also after
/// `vips crop` and `vips flip`.
#[test]
fn matches_vips() {
    let workspace = Workspace::new();
    slides::exact(SIZE, Pattern::Tissue { seed: 8 }).write_into(&workspace, "scan.tif");
    let vips = |arguments: &[&str]| tools::run("vips", arguments, &workspace.path(""));
    for (rotate, flip) in ORIENTATIONS {
        let (x, y, width, height) = CROP;
        let crop = [x, y, width, height].map(|number| number.to_string());
        let Some(run) = vips(
            &[&["crop", "scan.tif", "part.v"], &crop.each_ref().map(String::as_str)[..]].concat(),
        ) else {
            return;
        };
        tools::assert_silent(&run);
        let angle = format!("d{}", if rotate.is_empty() { "0" } else { rotate });
        vips(&["rot", "part.v", "rotated.v", &angle]).unwrap().succeeds();
        if flip.is_empty() {
            vips(&["copy", "rotated.v", "oriented.v"]).unwrap().succeeds();
        } else {
            vips(&["flip", "rotated.v", "oriented.v", flip]).unwrap().succeeds();
        }
        let cut = ["--suffix", ".png", "--tile-size", "100", "--overlap", "2"];
        let name = format!("vips{rotate}{flip}");
        vips(&[&["dzsave", "oriented.v", &name], &cut[..]].concat()).unwrap().succeeds();
        let ours = ["--format", "png", "--tile-size", "100", "--overlap", "2"];
        export(&workspace, "scan.tif", &ours, &options(Some(CROP), rotate, flip)).succeeds();

        let (ours, theirs) =
            (workspace.tree("scan/scan_files"), workspace.tree(format!("{name}_files")));
        let tiles = |files: Vec<&str>| -> Vec<String> {
            files
                .into_iter()
                .filter(|file| *file != "vips-properties.xml")
                .map(str::to_owned)
                .collect()
        };
        let names = tiles(ours.files());
        assert_eq!(names, tiles(theirs.files()), "{rotate} {flip}");
        for name in names {
            let (found, expected) =
                (RgbImage::from_png(ours.file(&name)), RgbImage::from_png(theirs.file(&name)));
            assert_eq!(found.size(), expected.size(), "{rotate} {flip} {name}");
            if name.starts_with("9/") {
                assert!(found == expected, "{rotate} {flip} {name}");
            }
        }
        if flip.is_empty() && !rotate.is_empty() {
            let angle = ["--angle", &angle];
            vips(&[&["dzsave", "part.v", &format!("angle{rotate}")], &cut[..], &angle].concat())
                .unwrap()
                .succeeds();
            assert!(workspace.tree(format!("angle{rotate}_files")).files() == theirs.files());
        }
    }
}

#[test]
fn describes_position_and_scale() {
    let workspace = Workspace::new();
    slides::aperio().write_into(&workspace, "scan.svs");
    export(&workspace, "scan.svs", &["--mpp", "0.5,0.25"], &options(Some(CROP), "90", "vertical"))
        .succeeds();
    let description = workspace.tree("scan").json("scan.json");
    let (x, y, width, height) = CROP;
    assert_eq!((&description["width"], &description["height"]), (&json!(height), &json!(width)));
    assert_eq!(description["area"], json!({ "x": x, "y": y, "width": width, "height": height }));
    assert_eq!(description["micronsPerPixel"], json!({ "x": 0.25, "y": 0.5 }));
    assert_eq!(description["toSlide"], json!([[0, -1, x + width], [-1, 0, y + height]]));
    let options = &description["options"];
    assert_eq!(options["bounds"], json!({ "crop": description["area"] }));
    assert_eq!((&options["rotation"], &options["flip"]), (&json!(90), &json!("vertical")));
    workspace.slidezoom(["verify", "scan"]).succeeds();
}

#[test]
fn writes_rotated_size_and_scale_into_szi() {
    let workspace = Workspace::new();
    slides::aperio().write_into(&workspace, "scan.svs");
    export(
        &workspace,
        "scan.svs",
        &["--mpp", "0.5,0.25", "-o", "scan.szi"],
        &options(Some(CROP), "270", ""),
    )
    .succeeds();
    workspace.slidezoom(["repack", "scan.szi", "-o", "unpacked"]).succeeds();
    let archive = ZipFile::open(&workspace.path("scan.szi"));
    let properties = str::from_utf8(archive.file("scan/scan-properties.xml")).unwrap();
    for (name, value) in [
        ("ImageWidth", "259"),
        ("ImageHeight", "403"),
        ("MicronsPerPixelX", "0.25"),
        ("MicronsPerPixelY", "0.5"),
    ] {
        let property = format!("<name>{name}</name>\n      <value>{value}</value>");
        assert!(properties.contains(&property), "{property}: {properties}");
    }
}

#[test]
fn single_tiles_equal_those_of_the_export() {
    let workspace = Workspace::new();
    slides::exact(SIZE, Pattern::Gradient).levels([1, 2, 4]).write_into(&workspace, "scan.tif");
    // The corner is a multiple of 4, so that 2×2 groups of both kinds of levels coincide.
    let crop = (36, 92, 404, 260);
    for (rotate, flip) in ORIENTATIONS {
        let options = options(Some(crop), rotate, flip);
        export(&workspace, "scan.tif", &["--format", "png"], &options).succeeds();
        let tree = workspace.tree("scan");
        let size =
            if rotate == "90" || rotate == "270" { (crop.3, crop.2) } else { (crop.2, crop.3) };
        let plan = DeepZoom::new(size);
        for level in (0..=plan.max_level()).rev() {
            let tiles = plan.level_tiles(level);
            let tile = &tiles[tiles.len() - 1];
            let exported = tree.file(&format!("scan_files/{}", tile.file("png")));
            let address = [tile.level, tile.column, tile.row].map(|number| number.to_string());
            let run = |more: &[&str]| {
                let mut command = workspace.command(["tile", "scan.tif", "--format", "png"]);
                Run::of(command.args(&address).args(&options).args(more)).succeeds().stdout
            };
            assert!(run(&["--exact"]) == exported, "{rotate} {flip} {tile:?}");
            let (found, exported) = (RgbImage::from_png(&run(&[])), RgbImage::from_png(exported));
            match plan.max_level() - level {
                0 => assert!(found == exported, "{rotate} {flip} {tile:?}"),
                // The slide's levels differ from the export's by rounding only.
                1..=2 => found.assert_near(&exported, 2, &format!("{rotate} {flip} {tile:?}")),
                _ => assert_eq!(found.size(), exported.size(), "{rotate} {flip} {tile:?}"),
            }
        }
    }
}

#[test]
fn records_unreadable_regions_in_slide_pixels() {
    let workspace = Workspace::new();
    let damaged = slides::small().levels([1, 4]).tile_fault(0, 1, 0, TileFault::GarbageData);
    damaged.write_into(&workspace, "scan.tif");
    slides::small().levels([1, 4]).write_into(&workspace, "sound.tif");
    let fixed =
        ["--format", "png", "--tile-size", "512", "--overlap", "0", "--background", "0a64c8"];
    for jobs in ["1", "3"] {
        for (rotate, flip) in ORIENTATIONS {
            let options = options(Some(CROP), rotate, flip);
            let blank = [&fixed[..], &["--on-read-error", "blank", "--jobs", jobs]].concat();
            export(&workspace, "scan.tif", &blank, &options).succeeds();
            export(&workspace, "sound.tif", &fixed, &options).succeeds();
            let tree = workspace.tree("scan");
            // The part of the native tile from 256 to 512 that is inside the crop.
            let rect = json!({ "x": 256, "y": 91, "width": 184, "height": 165 });
            assert_eq!(tree.json("scan.json")["unreadable"], json!([rect]), "{rotate} {flip}");
            let image = |name: &str| {
                RgbImage::from_png(workspace.tree(name).file(&format!("{name}_files/9/0_0.png")))
            };
            let (found, sound) = (image("scan"), image("sound"));
            let description = tree.json("scan.json");
            let place = |row: usize, x: u32, y: u32| {
                let of =
                    [0, 1, 2].map(|column| description["toSlide"][row][column].as_f64().unwrap());
                of[0] * (f64::from(x) + 0.5) + of[1] * (f64::from(y) + 0.5) + of[2]
            };
            let expected = RgbImage::draw(sound.size(), |x, y| {
                let is_damaged = (256.0..512.0).contains(&place(0, x, y)) && place(1, x, y) < 256.0;
                if is_damaged { [0x0a, 0x64, 0xc8] } else { sound.pixel(x, y) }
            });
            assert!(found == expected, "{rotate} {flip}");
        }
    }
}

#[test]
fn crops_lossless_tiles_at_native_tile_boundaries() {
    let workspace = Workspace::new();
    let slide = SlideBuilder::new(300, 200).tile_size(64, 64).jpeg_tables(JpegTables::Shared);
    slide.write_into(&workspace, "scan.tif");
    let lossless = ["--lossless"];
    export(&workspace, "scan.tif", &lossless, &[]).succeeds();
    let whole = workspace.tree("scan");
    export(
        &workspace,
        "scan.tif",
        &[&lossless[..], &["-o", "part"]].concat(),
        &options(Some((64, 128, 150, 40)), "", ""),
    )
    .succeeds();
    let part = workspace.tree("part");
    for column in 0..2 {
        // The crop cuts the last row of tiles, so only sizes are compared.
        let (found, stored) = (
            format!("part_files/8/{column}_0.jpeg"),
            format!("scan_files/9/{}_2.jpeg", column + 1),
        );
        let (found, stored) =
            (RgbImage::from_jpeg(part.file(&found)), RgbImage::from_jpeg(whole.file(&stored)));
        assert_eq!((found.size(), stored.size()), ((64, 40), (64, 64)));
    }
    export(
        &workspace,
        "scan.tif",
        &[&lossless[..], &["-o", "square"]].concat(),
        &options(Some((64, 64, 128, 64)), "", ""),
    )
    .succeeds();
    let square = workspace.tree("square");
    for column in 0..2 {
        let (found, stored) = (
            format!("square_files/7/{column}_0.jpeg"),
            format!("scan_files/9/{}_1.jpeg", column + 1),
        );
        assert!(square.file(&found) == whole.file(&stored), "column {column}");
    }

    for (crop, rotate, flip, words) in [
        (
            Some((32, 64, 100, 100)),
            "",
            "",
            ["begins at (32, 64), inside a native tile of 64", "--crop whose edges"],
        ),
        (None, "90", "", ["neither rotated nor flipped", "omit --rotate and --flip"]),
        (None, "", "vertical", ["neither rotated nor flipped", "omit --rotate and --flip"]),
    ] {
        export(&workspace, "scan.tif", &lossless, &options(crop, rotate, flip)).fails(2, &words);
    }
}

#[test]
fn rejects_invalid_crops_rotations_and_flips() {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "scan.tif");
    let hint = "\nhint: --crop is X,Y,WIDTH,HEIGHT";
    for crop in ["0,0,701,500", "1,0,700,500", "0,1,700,500", "700,0,1,1", "4294967290,0,5,5"] {
        for command in [&["export", "scan.tif"][..], &["tile", "scan.tif", "0", "0", "0"]] {
            let run = workspace.slidezoom([command, &["--crop", crop]].concat());
            run.fails(2, &["the crop of ", "is not inside the slide of 700×500 pixels", hint]);
        }
    }
    for wrong in [
        &["--crop", "0,0,0,10"][..],
        &["--crop", "0,0,10"],
        &["--crop", "0,0,10,10,10"],
        &["--crop=-1,0,10,10", ""],
        &["--crop", "1.5,0,10,10"],
        &["--crop", "4294967295,0,5,5"],
        &["--crop", "0,0,10,10", "--bounds", "full"],
        &["--crop", "0,0,10,10", "--bounds", "scan"],
        &["--rotate", "45"],
        &["--rotate", "0"],
        &["--flip", "both"],
    ] {
        let run = workspace.slidezoom([&["export", "scan.tif"], wrong].concat());
        assert_eq!((run.code(), run.stdout.len()), (Some(2), 0), "{run:?}");
        let option = wrong[wrong.len() - 2].split('=').next().unwrap();
        assert!(run.stderr.contains(option), "{run:?}");
    }
    assert_eq!(workspace.names(), ["scan.tif"]);
}

#[test]
fn dry_run_shows_crop_and_rotation() {
    let workspace = Workspace::new();
    slides::small().compression(Compression::Uncompressed).write_into(&workspace, "scan.tif");
    let run =
        export(&workspace, "scan.tif", &["--dry-run"], &options(Some(CROP), "270", "horizontal"))
            .succeeds();
    for line in [
        "  area        403×259 at (37, 91) of the slide\n",
        "  orientation rotated by 270° clockwise, then flipped horizontally\n",
        "259×403",
    ] {
        assert!(run.text().contains(line), "{line}: {run:?}");
    }
    assert!(
        !export(&workspace, "scan.tif", &["--dry-run"], &[])
            .succeeds()
            .text()
            .contains("orientation")
    );
}

#[test]
fn writes_the_same_bytes_with_any_number_of_jobs() {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "scan.tif");
    for jobs in ["1", "2", "8"] {
        let out = format!("jobs-{jobs}/scan");
        export(
            &workspace,
            "scan.tif",
            &["-o", &out, "--jobs", jobs],
            &options(Some(CROP), "90", "horizontal"),
        )
        .succeeds();
    }
    let trees = ["1", "2", "8"].map(|jobs| workspace.tree(format!("jobs-{jobs}/scan")));
    trees[0].assert_same(&trees[1]);
    trees[0].assert_same(&trees[2]);
}
