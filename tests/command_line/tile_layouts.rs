//! `--layout`: names, rectangles and pixels, compared with an independent implementation of each
//! format and with libvips.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};
use slidezoom_fixtures::Pattern;

use crate::deep_zoom::{DeepZoom, Tile};
use crate::layout::PAGE;
use crate::pictures::Picture;
use crate::slides::{self, WriteInto};
use crate::tools;
use crate::tree::Tree;
use crate::verdict::{Verdict, one};
use crate::workspace::Workspace;

const LAYOUTS: [&str; 4] = ["zoomify", "google", "iiif2", "iiif3"];

/// The pyramid of an export in a layout other than Deep Zoom.
#[derive(Clone, Copy)]
struct Laid {
    layout: &'static str,
    plan: DeepZoom,
}

impl Laid {
    fn new(layout: &'static str, size: (u32, u32)) -> Self {
        let tile_size = if layout.starts_with("iiif") { 512 } else { 256 };
        Self { layout, plan: DeepZoom::new(size).cut(tile_size, 0) }
    }

    /// The largest level of one tile, from which other layouts number levels.
    fn smallest(self) -> u32 {
        (0..=self.plan.max_level()).rev().find(|&level| self.plan.grid(level) == (1, 1)).unwrap()
    }

    /// All tiles, level by level from the smallest, row by row.
    fn tiles(self) -> Vec<Tile> {
        (self.smallest()..=self.plan.max_level())
            .flat_map(|level| self.plan.level_tiles(level))
            .collect()
    }

    /// The file of a tile with this ordinal.
    fn file(self, number: usize, tile: &Tile, extension: &str) -> String {
        let (level, column, row) = (tile.level - self.smallest(), tile.column, tile.row);
        match self.layout {
            "zoomify" => format!("TileGroup{}/{level}-{column}-{row}.{extension}", number / 256),
            "google" => format!("{level}/{row}/{column}.{extension}"),
            _ => format!("{}/0/default.{extension}", self.request(tile)),
        }
    }

    /// Region and size in canonical form, following the Image API's implementation notes.
    fn request(self, tile: &Tile) -> String {
        let scale = 1 << (self.plan.max_level() - tile.level);
        let step = self.plan.tile_size * scale;
        let (left, top) = (tile.column * step, tile.row * step);
        let (width, height) = (step.min(self.plan.width - left), step.min(self.plan.height - top));
        let is_whole = (width, height) == (self.plan.width, self.plan.height);
        let region =
            if is_whole { "full".to_owned() } else { format!("{left},{top},{width},{height}") };
        let (tile_width, tile_height) = (width.div_ceil(scale), height.div_ceil(scale));
        let size = match self.layout {
            "iiif2" if is_whole && scale == 1 => "full".to_owned(),
            "iiif3" if is_whole && scale == 1 => "max".to_owned(),
            "iiif2" => format!("{tile_width},"),
            _ => format!("{tile_width},{tile_height}"),
        };
        format!("{region}/{size}")
    }

    /// The layout's files other than tiles.
    fn auxiliary_files(self, extension: &str) -> Vec<String> {
        let (width, height) = self.plan.level_size(self.smallest());
        match self.layout {
            "zoomify" => vec!["ImageProperties.xml".to_owned()],
            "google" => vec!["blank.png".to_owned()],
            // In version 2.1, images listed in `sizes` have two names.
            "iiif2" if self.smallest() < self.plan.max_level() => {
                vec!["info.json".to_owned(), format!("full/{width},{height}/0/default.{extension}")]
            }
            _ => vec!["info.json".to_owned()],
        }
    }

    fn files(self, extension: &str) -> Vec<String> {
        let tiles = self.tiles();
        let names =
            tiles.iter().enumerate().map(|(number, tile)| self.file(number, tile, extension));
        names.chain(self.auxiliary_files(extension)).collect()
    }
}

/// Asserts that the tree consists of an export `scan`.
#[track_caller]
fn assert_files(tree: &Tree, laid: Laid, extension: &str) {
    let mut expected = laid.files(extension);
    expected.extend(PAGE.iter().map(|&file| file.to_owned()));
    expected.extend(["scan.json".to_owned(), "manifest-sha256.txt".to_owned()]);
    expected.sort();
    assert_eq!(tree.files(), expected, "{}", laid.layout);
    // There are no empty directories.
    let above = |file: &String| {
        file.match_indices('/').map(|(end, _)| file[..end].to_owned()).collect::<Vec<_>>()
    };
    let folders: BTreeSet<String> = expected.iter().flat_map(above).collect();
    assert_eq!(tree.folders(), folders.into_iter().collect::<Vec<_>>(), "{}", laid.layout);
}

const BACKGROUND: [u8; 3] = [0x80, 0x90, 0xa0];

#[test]
fn writes_the_names_and_pixels_of_each_layout() {
    // The last two have one level, and more tiles than a Zoomify group at a tile size of 16.
    for (size, tile_size) in
        [((1301, 907), None), ((700, 433), Some(100)), ((200, 120), None), ((410, 301), Some(16))]
    {
        let workspace = Workspace::new();
        slides::exact(size, Pattern::Gradient).write_into(&workspace, "scan.tiff");
        let levels = Picture::of_pattern(size, Pattern::Gradient).levels();
        for layout in LAYOUTS {
            let mut laid = Laid::new(layout, size);
            let mut options = vec!["--layout", layout, "--format", "png", "--background", "8090a0"];
            let cut = tile_size.map(|tile_size: u32| tile_size.to_string());
            if let (Some(tile_size), Some(text)) = (tile_size, &cut) {
                laid.plan.tile_size = tile_size;
                options.extend(["--tile-size", text]);
            }
            let export = |folder: &str, jobs: &str| {
                let output = format!("{layout}/{folder}/scan");
                workspace
                    .export([&["scan.tiff", "-o", &output, "--jobs", jobs][..], &options].concat())
                    .succeeds();
                output
            };
            let alone = export("alone", "1");
            let tree = workspace.tree(&alone);
            workspace.tree(export("seven", "7")).assert_same(&tree);
            workspace.slidezoom(["verify", &alone]).succeeds();
            assert_files(&tree, laid, "png");
            for (number, tile) in laid.tiles().iter().enumerate() {
                let file = laid.file(number, tile, "png");
                let mut expected = levels[tile.level as usize].part(tile);
                if layout == "google" {
                    let (part, side) = (expected, laid.plan.tile_size);
                    let inside = |x, y| x < part.width && y < part.height;
                    expected = Picture::draw((side, side), |x, y| {
                        if inside(x, y) { part.pixel(x, y) } else { BACKGROUND }
                    });
                }
                assert!(Picture::from_png(tree.file(&file)) == expected, "{layout}: {file}");
            }
            let description = tree.json("scan.json");
            assert_eq!(
                (&description["layout"], &description["overlap"]),
                (&json!(layout), &json!(0))
            );
            assert_eq!(description["smallestLevel"], laid.smallest());
            through_containers(&workspace, &alone, &tree);
        }
    }
}

/// Asserts that repacking through each container restores the directory.
#[track_caller]
fn through_containers(workspace: &Workspace, output: &str, tree: &Tree) {
    let (archive, bag, again) =
        (format!("{output}.zip"), format!("{output}-bag"), format!("{output}-again"));
    workspace.slidezoom(["repack", output, "-o", &archive]).succeeds();
    workspace.slidezoom(["verify", &archive]).succeeds();
    workspace.slidezoom(["repack", &archive, "-o", &bag, "--container", "bagit"]).succeeds();
    workspace.slidezoom(["verify", &bag]).succeeds();
    workspace.slidezoom(["repack", &bag, "-o", &again]).succeeds();
    workspace.tree(&again).assert_same(tree);
    let szi = format!("{output}.szi");
    workspace
        .slidezoom(["repack", output, "-o", &szi])
        .fails(2, &["a .szi must contain Deep Zoom", "repack into"]);
}

/// Compares with the installed libvips, except for whole regions, which old versions name by
/// numbers and newer ones `full`.
#[test]
fn writes_the_tree_of_libvips() {
    let size = (1301, 907);
    let workspace = Workspace::new();
    slides::exact(size, Pattern::Gradient).write_into(&workspace, "scan.tiff");
    let Some(run) = tools::run(
        "vips",
        ["extract_band", "scan.tiff", "rgb.v", "0", "--n", "3"],
        &workspace.path(""),
    ) else {
        return;
    };
    assert_eq!(run.code(), Some(0), "{run:?}");
    for (layout, theirs) in LAYOUTS.into_iter().zip(["zoomify", "google", "iiif", "iiif3"]) {
        for (format, suffix) in [("png", ".png"), ("jpeg", ".jpg")] {
            let folder = format!("{layout}-{format}");
            let arguments = [
                "dzsave",
                "rgb.v",
                &folder,
                "--layout",
                theirs,
                "--suffix",
                suffix,
                "--skip-blanks=-1",
            ];
            let run = tools::run("vips", arguments, &workspace.path("")).unwrap();
            assert_eq!(run.code(), Some(0), "{run:?}");
            let output = format!("ours/{folder}");
            workspace
                .export(["scan.tiff", "-o", &output, "--layout", layout, "--format", format])
                .succeeds();
            let (vips, ours) = (workspace.tree(&folder), workspace.tree(&output));
            let laid = Laid::new(layout, size);
            let whole = format!("0,0,{},{}/", size.0, size.1);
            for file in vips.files().into_iter().filter(|file| file.ends_with(suffix)) {
                let name = file.replacen(&whole, "full/", 1);
                let (theirs, ours) = (vips.file(file), ours.file(&name));
                if format == "jpeg" {
                    assert_eq!(
                        crate::pictures::jpeg_size(ours),
                        crate::pictures::jpeg_size(theirs),
                        "{file}"
                    );
                } else if file != "blank.png" {
                    let (theirs, ours) = (Picture::from_png(theirs), Picture::from_png(ours));
                    // The filters of smaller levels round differently.
                    ours.assert_near(&theirs, u8::from(!is_full_size(laid, &name)) * 2, file);
                }
            }
            let tiles = vips
                .files()
                .iter()
                .filter(|file| file.ends_with(suffix) && **file != "blank.png")
                .count();
            assert_eq!(tiles, laid.tiles().len(), "{layout}");
            if layout == "zoomify" {
                assert_eq!(ours.text("ImageProperties.xml"), vips.text("ImageProperties.xml"));
            }
            if layout.starts_with("iiif") {
                assert_information_agrees(&ours.json("info.json"), &vips.json("info.json"));
            }
        }
    }
}

fn is_full_size(laid: Laid, file: &str) -> bool {
    let all = laid.tiles();
    let tile =
        all.iter().enumerate().find(|(number, tile)| laid.file(*number, tile, "png") == file);
    tile.is_some_and(|(_, tile)| tile.level == laid.plan.max_level())
}

/// Asserts that `ours` says all that `theirs` says. Old versions of libvips omit the largest scale
/// factor.
#[track_caller]
fn assert_information_agrees(ours: &Value, theirs: &Value) {
    for (key, value) in theirs.as_object().unwrap() {
        if key == "tiles" {
            assert_eq!(ours["tiles"][0]["width"], value[0]["width"]);
            let factors = ours["tiles"][0]["scaleFactors"].as_array().unwrap();
            let listed = value[0]["scaleFactors"].as_array().unwrap();
            assert!(
                factors.starts_with(listed) && factors.len() <= listed.len() + 1,
                "{factors:?} and {listed:?}"
            );
        } else {
            assert_eq!(&ours[key], value, "{key}");
        }
    }
}

/// Follows the rules of IIIF's validator and specification: every image that the information
/// implies exists.
#[test]
fn contains_every_image_that_iiif_clients_request() {
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
        let is_second = layout == "iiif2";
        let (id, context) = if is_second { ("@id", 2) } else { ("id", 3) };
        assert_eq!(info[id], "https://images.example.org/slides/a%20name");
        assert_eq!(info["@context"], format!("http://iiif.io/api/image/{context}/context.json"));
        assert_eq!(info["protocol"], "http://iiif.io/api/image");
        if is_second {
            assert_eq!(info["profile"][0], "http://iiif.io/api/image/2/level0.json");
            assert_eq!(info["profile"][1], json!({ "formats": ["jpg"], "qualities": ["default"] }));
        } else {
            assert_eq!(
                (&info["type"], &info["profile"]),
                (&json!("ImageService3"), &json!("level0"))
            );
        }
        let whole = |value: &Value| u32::try_from(value.as_u64().unwrap()).unwrap();
        let (width, height) = (whole(&info["width"]), whole(&info["height"]));
        assert_eq!((width, height), (1301, 907));
        let mut asked = BTreeSet::new();
        for size in info["sizes"].as_array().into_iter().flatten() {
            let (width, height) = (whole(&size["width"]), whole(&size["height"]));
            let file = format!("full/{width},{height}/0/default.jpg");
            assert_eq!(crate::pictures::jpeg_size(tree.file(&file)), (width, height));
            if is_second {
                assert_eq!(tree.file(&format!("full/{width},/0/default.jpg")), tree.file(&file));
                asked.insert(format!("full/{width},/0/default.jpg"));
            }
            asked.insert(file);
        }
        let [tiles] = &info["tiles"].as_array().unwrap()[..] else { panic!("{info}") };
        let tile_size = whole(&tiles["width"]);
        for scale in tiles["scaleFactors"].as_array().unwrap().iter().map(whole) {
            let step = tile_size * scale;
            for (left, top) in (0..width)
                .step_by(step as usize)
                .flat_map(|left| (0..height).step_by(step as usize).map(move |top| (left, top)))
            {
                let (across, down) = (step.min(width - left), step.min(height - top));
                let is_whole = (across, down) == (width, height);
                let region = if is_whole {
                    "full".to_owned()
                } else {
                    format!("{left},{top},{across},{down}")
                };
                let size = (across.div_ceil(scale), down.div_ceil(scale));
                let text = if is_second {
                    format!("{},", size.0)
                } else {
                    format!("{},{}", size.0, size.1)
                };
                let file = format!("{region}/{text}/0/default.jpg");
                assert_eq!(crate::pictures::jpeg_size(tree.file(&file)), size, "{file}");
                asked.insert(file);
            }
        }
        let there: BTreeSet<String> = tree
            .files()
            .into_iter()
            .filter(|file| file.ends_with("default.jpg"))
            .map(str::to_owned)
            .collect();
        assert_eq!(asked, there, "{layout} {depth}");
    }
}

#[test]
fn warns_of_missing_resource_identifiers() {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "scan.tif");
    workspace
        .export(["scan.tif", "--layout", "iiif"])
        .succeeds()
        .says(&["https://example.com/iiif/scan", "--id"]);
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
            .says(&["--id", "http://"]);
        assert_eq!(run.code(), Some(2), "{run:?}");
    }
    workspace
        .export(["scan.tif", "-o", "x", "--id", "https://x"])
        .fails(2, &["--id requires an IIIF layout", "--layout"]);
    assert_eq!(workspace.names(), ["scan", "scan.tif"]);
}

#[test]
fn rejects_options_that_a_layout_does_not_support() {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "scan.tif");
    slides::exact((2049, 2049), Pattern::Gradient).write_into(&workspace, "corner.tiff");
    for layout in LAYOUTS {
        workspace
            .export(["scan.tif", "-o", "x.szi", "--layout", layout])
            .fails(2, &["a .szi must contain Deep Zoom tiles", layout]);
        let overlapping = ["scan.tif", "-o", "x", "--layout", layout, "--overlap", "1"];
        workspace.export(overlapping).fails(2, &["cannot overlap", "--overlap"]);
    }
    for layout in ["iiif2", "iiif3"] {
        workspace
            .export(["scan.tif", "-o", "info", "--layout", layout])
            .fails(2, &["info.json", "-o"]);
        // The corner tiles of two levels are one pixel and have the same name.
        let corner = ["corner.tiff", "-o", "x", "--layout", layout];
        workspace.export(corner).fails(2, &["would have the same name", "--tile-size"]);
        workspace
            .export(
                [&corner[..3], &["--layout", layout, "--tile-size", "500", "--dry-run"]].concat(),
            )
            .succeeds();
    }
    workspace
        .export(["scan.tif", "-o", "x", "--layout", "google", "--lossless"])
        .fails(2, &["pads edge tiles", "--layout"]);
    assert_eq!(workspace.names(), ["corner.tiff", "scan.tif"]);
}

/// Two levels have a tile of the same region that is one pixel wide.
#[test]
fn distinguishes_narrow_tiles_by_height() {
    let size = (2049, 2148);
    let workspace = Workspace::new();
    slides::exact(size, Pattern::Gradient).write_into(&workspace, "scan.tiff");
    let levels = Picture::of_pattern(size, Pattern::Gradient).levels();
    workspace
        .export(["scan.tiff", "--layout", "iiif2", "--format", "png", "--no-viewer"])
        .succeeds();
    workspace.slidezoom(["verify", "scan"]).succeeds();
    let tree = workspace.tree("scan");
    for (size, level, top) in [("1,", 12, 2048), ("1,50", 11, 1024)] {
        let picture =
            Picture::from_png(tree.file(&format!("2048,2048,1,100/{size}/0/default.png")));
        let right = levels[level].width - 1;
        let expected = Picture::draw((1, levels[level].height - top), |_, y| {
            levels[level].pixel(right, top + y)
        });
        assert!(picture == expected, "{size}");
    }
}

#[test]
fn writes_lossless_tiles_in_other_layouts() {
    let workspace = Workspace::new();
    slides::aperio().write_into(&workspace, "scan.svs");
    workspace.export(["scan.svs", "-o", "dz/scan", "--lossless"]).succeeds();
    let deep_zoom = workspace.tree("dz/scan");
    for layout in ["zoomify", "iiif3"] {
        let output = format!("{layout}/scan");
        workspace.export(["scan.svs", "-o", &output, "--lossless", "--layout", layout]).succeeds();
        workspace.slidezoom(["verify", &output]).succeeds();
        let tree = workspace.tree(&output);
        let laid = Laid { layout, plan: DeepZoom::new(slides::SIZE).cut(240, 0) };
        for (number, tile) in laid.tiles().iter().enumerate() {
            let dz = deep_zoom.file(&format!("scan_files/{}", tile.file("jpeg")));
            assert!(tree.file(&laid.file(number, tile, "jpg")) == dz, "{layout}: {tile:?}");
        }
    }
}

/// All layouts skip the tiles that Deep Zoom skips, and record the same bitmap.
#[test]
fn skips_and_shares_blank_tiles() {
    let size = (1500, 1100);
    let workspace = Workspace::new();
    slides::exact(size, Pattern::Gradient)
        .tile_size(64, 64)
        .scanned_percent(12)
        .write_into(&workspace, "scan.tiff");
    let options = [
        "--format",
        "png",
        "--tile-size",
        "100",
        "--overlap",
        "0",
        "--background",
        "8090a0",
        "--bounds",
        "full",
    ];
    let export = |output: &str, more: &[&str]| {
        workspace.export([&["scan.tiff", "-o", output][..], &options, more].concat()).succeeds();
        workspace.slidezoom(["verify", output]).succeeds();
        workspace.tree(output)
    };
    let deep_zoom = export("dz/scan", &["--depth", "tile", "--blank", "skip"]).json("scan.json");
    for layout in LAYOUTS {
        let laid = Laid { layout, plan: DeepZoom::new(size).cut(100, 0) };
        let whole = export(&format!("{layout}/whole/scan"), &["--layout", layout]);
        let shared =
            export(&format!("{layout}/shared/scan"), &["--layout", layout, "--blank", "share"]);
        let sparse =
            export(&format!("{layout}/sparse/scan"), &["--layout", layout, "--blank", "skip"]);
        let description = sparse.json("scan.json");
        assert_eq!(description["blankTiles"], deep_zoom["blankTiles"]);
        let mut left_out = 0;
        for (number, tile) in laid.tiles().iter().enumerate() {
            let file = laid.file(number, tile, "png");
            assert!(shared.file(&file) == whole.file(&file), "{layout}: {file}");
            if sparse.files().contains(&file.as_str()) {
                assert!(sparse.file(&file) == whole.file(&file), "{layout}: {file}");
            } else {
                left_out += 1;
                assert!(
                    Picture::from_png(whole.file(&file))
                        .pixels
                        .iter()
                        .all(|pixel| *pixel == BACKGROUND),
                    "{file}"
                );
            }
        }
        assert!(left_out > 20);
        assert_eq!(description["skippedTiles"], left_out);
        if layout == "google" {
            assert!(
                Picture::from_png(sparse.file("blank.png"))
                    == Picture::draw((100, 100), |_, _| BACKGROUND)
            );
        }
        let output = format!("{layout}/sparse/scan");
        through_containers(&workspace, &output, &sparse);
    }
}

#[test]
fn verify_finds_all_damage() {
    for layout in LAYOUTS {
        let workspace = Workspace::new();
        slides::small().write_into(&workspace, "scan.tif");
        workspace
            .export(["scan.tif", "--layout", layout, "--tile-size", "90", "--no-viewer"])
            .succeeds();
        let laid = Laid { layout, plan: DeepZoom::new(slides::SIZE).cut(90, 0) };
        let tiles = laid.tiles();
        let name = |at: usize| laid.file(at, &tiles[at], "jpg");
        let (first, last) = (tiles.len() - 35, tiles.len() - 1);
        let (file, other) = (name(first), name(last));
        let path = |name: &str| workspace.path("scan").join(name);
        let auxiliary_files = laid.auxiliary_files("jpg");
        let verdict = |options: &[&str]| Verdict::of(&workspace, "scan", options).damages();
        for with_manifest in [true, false] {
            if !with_manifest {
                fs::remove_file(path("manifest-sha256.txt")).unwrap();
                // The message names the manifest.
                let text = fs::read_to_string(path("scan.json")).unwrap();
                fs::write(
                    path("scan.json"),
                    text.replace("\"manifest\": \"manifest-sha256.txt\",", ""),
                )
                .unwrap();
            }
            assert_eq!(verdict(&[]), [], "{layout}");
            let whole = fs::read(path(&file)).unwrap();
            let change = |contents: &[u8], options: &[&str]| {
                fs::write(path(&file), contents).unwrap();
                let found = verdict(options);
                fs::write(path(&file), &whole).unwrap();
                found
            };
            // Truncated, of another size, altered, and removed.
            assert_eq!(
                change(&whole[..whole.len() / 2], &["--quick"]),
                one("undecodable", &file),
                "{layout}"
            );
            if layout != "google" {
                assert_eq!(
                    change(&fs::read(path(&other)).unwrap(), &["--quick"]),
                    one("wrong-size", &file),
                    "{layout}"
                );
            }
            let altered = [&whole[..whole.len() - 2], &[0, 0xff, 0xd9]].concat();
            if with_manifest {
                assert_eq!(change(&altered, &[]), one("altered", &file), "{layout}");
            }
            for name in auxiliary_files.iter().chain([&file]) {
                let contents = fs::read(path(name)).unwrap();
                fs::remove_file(path(name)).unwrap();
                assert_eq!(verdict(&[]), one("missing", name), "{layout}");
                fs::write(path(name), contents).unwrap();
            }
            // An extra tile.
            let extra = match layout {
                "zoomify" => "TileGroup0/3-9-0.jpg",
                "google" => "3/0/9.jpg",
                "iiif2" => "0,0,90,90/89,/0/default.jpg",
                _ => "0,0,90,90/90,89/0/default.jpg",
            };
            fs::create_dir_all(path(extra).parent().unwrap()).unwrap();
            fs::write(path(extra), &whole).unwrap();
            assert_eq!(verdict(&[]), one("unexpected", extra), "{layout}");
            fs::remove_file(path(extra)).unwrap();
            // The descriptor of another image.
            let descriptor = &auxiliary_files[0];
            if layout != "google" {
                let text = fs::read_to_string(path(descriptor)).unwrap();
                fs::write(path(descriptor), text.replace("700", "701")).unwrap();
                let found = verdict(&[]);
                assert!(
                    found.contains(&("contradiction".to_owned(), descriptor.clone())),
                    "{layout}: {found:?}"
                );
                fs::write(path(descriptor), text).unwrap();
            }
        }
    }
}

/// Descriptions are as untrusted as any other file.
#[test]
fn rejects_hostile_descriptions_quickly() {
    for layout in LAYOUTS {
        let workspace = Workspace::new();
        slides::small().write_into(&workspace, "scan.tif");
        workspace.export(["scan.tif", "--layout", layout, "--no-viewer"]).succeeds();
        let path = workspace.path("scan/scan.json");
        let original: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        for (key, value) in [
            ("width", json!(4_294_967_295_u32)),
            ("width", json!(0)),
            ("width", json!(-1)),
            ("tileSize", json!(0)),
            ("tileSize", json!(2)),
            ("overlap", json!(3)),
            ("smallestLevel", json!(99)),
            ("levels", json!(99)),
            ("layout", json!("dz")),
            ("layout", json!("../x")),
            ("format", json!("../../etc")),
            ("resourceId", json!("x\"y")),
            ("blankTiles", json!("????")),
        ] {
            let mut description = original.clone();
            description[key] = value.clone();
            fs::write(&path, description.to_string()).unwrap();
            let with_manifest = workspace.slidezoom(["verify", "scan", "--json"]);
            assert_eq!(with_manifest.code(), Some(5), "{layout} {key} {value}: {with_manifest:?}");
            let repacked = workspace.slidezoom(["repack", "scan", "-o", "again"]);
            assert_eq!(repacked.code(), Some(5), "{layout} {key} {value}: {repacked:?}");
        }
        fs::write(&path, original.to_string()).unwrap();
        fs::remove_file(workspace.path("scan/manifest-sha256.txt")).unwrap();
        for (key, value) in [
            ("width", json!(2_147_483_647)),
            ("tileSize", json!(2)),
            ("overlap", json!(3)),
            ("layout", json!(7)),
        ] {
            let mut description = original.clone();
            description[key] = value;
            fs::write(&path, description.to_string()).unwrap();
            let run = workspace.slidezoom(["verify", "scan"]);
            assert_eq!(run.code(), Some(5), "{layout} {key}: {run:?}");
        }
        assert!(!workspace.path("again").exists());
    }
}

#[test]
fn overwrites_exports_in_any_layout_and_nothing_else() {
    let workspace = Workspace::new();
    slides::small().write_into(&workspace, "scan.tif");
    for layout in LAYOUTS {
        for output in ["scan", "scan.zip", "bag"] {
            let mut options = vec!["scan.tif", "-o", output, "--layout", layout];
            if output == "bag" {
                options.extend(["--container", "bagit"]);
            }
            workspace.export([&options[..], &["--overwrite"]].concat()).succeeds();
            workspace.export(&options).fails(4, &["exists already", "--overwrite"]);
        }
        for foreign in ["notes.txt", "other.json", "99/mine.txt"] {
            let path = workspace.path("scan").join(foreign);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "mine").unwrap();
            let again = ["scan.tif", "-o", "scan", "--layout", layout, "--overwrite"];
            workspace.export(again).fails(4, &["is not an export"]);
            assert_eq!(fs::read(&path).unwrap(), b"mine");
            fs::remove_file(&path).unwrap();
            let _ = fs::remove_dir(path.parent().unwrap());
        }
    }
}

#[test]
fn gallery_lists_exports_in_every_layout() {
    let workspace = Workspace::new();
    slides::aperio().write_into(&workspace, "one.svs");
    slides::small().write_into(&workspace, "two.tif");
    for layout in LAYOUTS {
        for container in ["folder", "zip"] {
            let output = format!("{layout}-{container}");
            let options = ["--layout", layout, "--container", container, "--tile-size", "300"];
            workspace
                .export([&["one.svs", "two.tif", "-o", &output][..], &options].concat())
                .succeeds();
            let tree = workspace.tree(&output);
            let script = tree.text("gallery/gallery.js");
            let list = script.split_once(".push(").unwrap().1.strip_suffix(");\n").unwrap();
            let list: Value = serde_json::from_str(list).unwrap();
            let names: Vec<_> =
                list["slides"].as_array().unwrap().iter().map(|slide| &slide["name"]).collect();
            assert_eq!(names, ["one", "two"]);
            for slide in list["slides"].as_array().unwrap() {
                let size =
                    crate::pictures::jpeg_size(tree.file(slide["thumbnail"].as_str().unwrap()));
                assert_eq!(
                    size,
                    if layout == "google" { (300, 300) } else { (175, 125) },
                    "{layout} {container}"
                );
            }
        }
    }
}
