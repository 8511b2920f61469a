//! `--slide-level`, `--target-mpp` and `--magnification`: exports that start from a smaller size.

use serde_json::json;
use slidezoom_fixtures::{Pattern, SlideBuilder, Style};

use crate::deep_zoom::DeepZoom;
use crate::rgb_image::{ExpectedTiles, RgbImage};
use crate::slides::{self, SIZE, WriteInto};
use crate::tools;
use crate::workspace::{Run, Workspace};
use crate::zip_file::ZipFile;

const PNG: [&str; 3] = ["--format", "png", "--no-viewer"];

fn export(workspace: &Workspace, slide: &str, options: &[&str]) -> Run {
    workspace.export([&[slide, "--overwrite"], &PNG[..], options].concat())
}

/// Asserts that no pixel of any tile differs by more than `tolerance`.
#[track_caller]
fn assert_tiles(workspace: &Workspace, expected: &ExpectedTiles, tolerance: u8) {
    let tree = workspace.tree("scan");
    assert_eq!(tree.files(), expected.plan.files("scan", "png"));
    for tile in expected.plan.tiles() {
        let file = format!("scan_files/{}", tile.file("png"));
        RgbImage::from_png(tree.file(&file)).assert_near(&expected.tile(&tile), tolerance, &file);
    }
}

/// Downsamples a pattern by the mean of 2×2 pixels, rounded half up, as the fixtures do.
fn level(size: (u32, u32), pattern: Pattern, reduction_levels: u32) -> RgbImage {
    let mut size = size;
    let mut pixels: Vec<Vec<[u8; 3]>> =
        (0..size.1).map(|y| (0..size.0).map(|x| pattern.pixel(x, y)).collect()).collect();
    for _ in 0..reduction_levels {
        size = (size.0 / 2, size.1 / 2);
        let mean = |x: usize, y: usize| {
            [0, 1, 2].map(|channel| {
                let of = [(0, 0), (1, 0), (0, 1), (1, 1)]
                    .map(|(dx, dy)| u32::from(pixels[2 * y + dy][2 * x + dx][channel]));
                u8::try_from((of.iter().sum::<u32>() + 2) / 4).unwrap()
            })
        };
        pixels = (0..size.1 as usize)
            .map(|y| (0..size.0 as usize).map(|x| mean(x, y)).collect())
            .collect();
    }
    RgbImage::draw(size, |x, y| pixels[y as usize][x as usize])
}

#[test]
fn exports_the_pixels_of_a_slide_level() {
    let workspace = Workspace::new();
    let (size, pattern) = ((1024, 768), Pattern::Tissue { seed: 4 });
    slides::exact(size, pattern).levels([1, 2, 4]).write_into(&workspace, "scan.tif");
    for (number, cut) in [
        ("0", ["--tile-size", "254"]),
        ("1", ["--tile-size", "101"]),
        ("2", ["--tile-size", "254"]),
    ] {
        export(&workspace, "scan.tif", &[&["--slide-level", number], &cut[..]].concat()).succeeds();
        let reduction_levels = number.parse().unwrap();
        let expected =
            ExpectedTiles::new(level(size, pattern, reduction_levels), cut[1].parse().unwrap(), 1);
        assert_tiles(&workspace, &expected, 0);
        let description = workspace.tree("scan").json("scan.json");
        let step = 1 << reduction_levels;
        assert_eq!(description["toSlide"], json!([[step, 0, 0], [0, step, 0]]));
        assert_eq!(description["area"], json!({ "x": 0, "y": 0, "width": 1024, "height": 768 }));
        assert_eq!(description["micronsPerPixel"]["x"], json!(0.5 * f64::from(step)));
        assert_eq!(description["options"]["resolution"], json!({ "slideLevel": reduction_levels }));
    }
    // The crop covers columns 100 to 152 and rows 25 to 76 of the level, at least in part.
    export(
        &workspace,
        "scan.tif",
        &["--slide-level", "2", "--crop", "402,101,206,201", "--rotate", "180"],
    )
    .succeeds();
    let whole = level(size, pattern, 2);
    let expected = RgbImage::draw((52, 51), |x, y| whole.pixel(151 - x, 75 - y));
    assert_tiles(&workspace, &ExpectedTiles::new(expected, 254, 1), 0);
    let description = workspace.tree("scan").json("scan.json");
    assert_eq!(description["area"], json!({ "x": 400, "y": 100, "width": 208, "height": 204 }));
    assert_eq!(description["toSlide"], json!([[-4, 0, 608], [0, -4, 304]]));
}

#[test]
fn halved_exports_equal_smaller_levels_of_full_exports() {
    let workspace = Workspace::new();
    slides::aperio().levels([1]).write_into(&workspace, "scan.svs");
    workspace.export(["scan.svs", "-o", "plain", "--no-viewer"]).succeeds();
    let whole = workspace.tree("plain");
    // 0.5 µm per pixel and 20×.
    for (options, reduction_levels) in [
        (["--target-mpp", "1"], 1),
        (["--magnification", "5"], 2),
        (["--target-mpp", "4.0"], 3),
        (["--magnification", "10x"], 1),
    ] {
        workspace
            .export(
                [&["scan.svs", "-o", "scan", "--overwrite", "--no-viewer"], &options[..]].concat(),
            )
            .succeeds();
        let tree = workspace.tree("scan");
        let size = (SIZE.0.div_ceil(1 << reduction_levels), SIZE.1.div_ceil(1 << reduction_levels));
        let plan = DeepZoom::new(size);
        assert_eq!(tree.files().len() - 1, plan.files("scan", "jpeg").len(), "and the thumbnail");
        for tile in plan.tiles() {
            let file = tile.file("jpeg");
            let (found, expected) = (
                tree.file(&format!("scan_files/{file}")),
                whole.file(&format!("plain_files/{file}")),
            );
            assert!(found == expected, "{options:?} {file}");
        }
        let description = tree.json("scan.json");
        let factor = f64::from(1 << reduction_levels);
        assert_eq!(description["objectivePower"], json!(20.0 / factor));
        assert_eq!(description["properties"]["openslide.objective-power"], "20", "the slide's own");
        assert_eq!(description["micronsPerPixel"], json!({ "x": 0.5 * factor, "y": 0.5 * factor }));
        workspace.slidezoom(["verify", "scan"]).succeeds();
    }
}

/// `vips resize` uses the same kernel.
#[test]
fn resamples_nearly_like_vips() {
    let workspace = Workspace::new();
    let size = (900, 600);
    slides::exact(size, Pattern::Tissue { seed: 6 }).write_into(&workspace, "scan.tif");
    // The widths are 900 / 1.25 and 900 / 2 / 1.2, at 0.5 µm per pixel.
    for (target, reduction_levels, scale, to) in
        [("0.625", 0, "1.25", (720, 480)), ("1.2", 1, "1.2", (375, 250))]
    {
        export(&workspace, "scan.tif", &["--target-mpp", target, "--tile-size", "2000"]).succeeds();
        let plan = DeepZoom::new(to);
        let found = RgbImage::from_png(
            workspace.tree("scan").file(&format!("scan_files/{}/0_0.png", plan.max_level())),
        );
        assert_eq!(found.size(), to);
        let vips = |arguments: &[&str]| tools::run("vips", arguments, &workspace.path(""));
        let mut from = "scan.tif";
        if reduction_levels == 1 {
            let Some(run) = vips(&["shrink", "scan.tif", "half.v", "2", "2"]) else { return };
            run.succeeds();
            from = "half.v";
        }
        let Some(run) =
            vips(&["reduce", from, "reduced.png", scale, scale, "--kernel", "lanczos3"])
        else {
            return;
        };
        run.succeeds();
        let theirs = RgbImage::from_png(&std::fs::read(workspace.path("reduced.png")).unwrap());
        assert_eq!(theirs.size(), to);
        let pairs = found.pixels.as_flattened().iter().zip(theirs.pixels.as_flattened());
        let squares: f64 = pairs.map(|(one, other)| f64::from(one.abs_diff(*other)).powi(2)).sum();
        let psnr =
            10.0 * (255.0 * 255.0 * found.pixels.len() as f64 * 3.0 / squares.max(1e-9)).log10();
        // vips rounds the kernel's weights differently, and repeats edge pixels.
        assert!(psnr > 45.0, "{target}: {psnr} dB");
    }
}

#[test]
fn single_tiles_equal_those_of_the_export() {
    let workspace = Workspace::new();
    slides::exact(SIZE, Pattern::Gradient).levels([1, 2]).write_into(&workspace, "scan.tif");
    for options in [["--target-mpp", "0.7"], ["--target-mpp", "1.1"], ["--slide-level", "1"]] {
        export(&workspace, "scan.tif", &options).succeeds();
        let tree = workspace.tree("scan");
        let description = tree.json("scan.json");
        let side = |name: &str| u32::try_from(description[name].as_u64().unwrap()).unwrap();
        let plan = DeepZoom::new((side("width"), side("height")));
        for level in 0..=plan.max_level() {
            let tiles = plan.level_tiles(level);
            let tile = &tiles[tiles.len() - 1];
            let exported = tree.file(&format!("scan_files/{}", tile.file("png")));
            let address = [tile.level, tile.column, tile.row].map(|number| number.to_string());
            let run = |more: &[&str]| {
                let mut command = workspace.command(["tile", "scan.tif", "--format", "png"]);
                Run::of(command.args(&address).args(options).args(more)).succeeds().stdout
            };
            assert!(run(&["--exact"]) == exported, "{options:?} {tile:?}");
            assert_eq!(RgbImage::from_png(&run(&[])).size(), tile.size(), "{options:?} {tile:?}");
        }
    }
}

#[test]
fn writes_the_exports_scale_into_szi() {
    let workspace = Workspace::new();
    slides::aperio().write_into(&workspace, "scan.svs");
    workspace.export(["scan.svs", "-o", "scan.szi", "--target-mpp", "0.8"]).succeeds();
    let archive = ZipFile::open(&workspace.path("scan.szi"));
    let properties = str::from_utf8(archive.file("scan/scan-properties.xml")).unwrap();
    for (name, value) in [
        ("ImageWidth", "438"),
        ("MicronsPerPixel", "0.8"),
        ("ObjectiveMagnification", "12.5"),
        ("openslide.objective-power", "20"),
    ] {
        let property = format!("<name>{name}</name>\n      <value>{value}</value>");
        assert!(properties.contains(&property), "{property}: {properties}");
    }
}

#[test]
fn rejects_enlargement_and_unknown_scales() {
    let workspace = Workspace::new();
    slides::aperio().write_into(&workspace, "scan.svs");
    SlideBuilder::new(300, 200).no_mpp().write_into(&workspace, "plain.tif");
    let enlarge = "\nhint: slides are never enlarged";
    for (slide, options, words) in [
        (
            "scan.svs",
            &["--target-mpp", "0.49"][..],
            &["0.49 µm per pixel is finer than the slide's 0.5 × 0.5 µm", enlarge][..],
        ),
        (
            "scan.svs",
            &["--target-mpp", "0.5", "--mpp", "0.6"],
            &["finer than the slide's 0.6 × 0.6", enlarge],
        ),
        (
            "scan.svs",
            &["--magnification", "20.5"],
            &["a magnification of 20.5 exceeds the slide's 20", enlarge],
        ),
        (
            "scan.svs",
            &["--slide-level", "2"],
            &["no level 2: its levels range from 0 to 1", "\nhint: `slidezoom info` lists"],
        ),
        (
            "scan.svs",
            &["--target-mpp", "4", "--mpp", "0.1,0.5"],
            &["pixels of 0.1 × 0.5 µm are too oblong", "\nhint: correct the pixel size with --mpp"],
        ),
        (
            "plain.tif",
            &["--target-mpp", "1"],
            &[
                "does not state its micrometers per pixel",
                "\nhint: set the micrometers per pixel, such as --mpp 0.25",
            ],
        ),
        (
            "plain.tif",
            &["--magnification", "10"],
            &["does not state its objective power", "\nhint: use --target-mpp"],
        ),
        (
            "scan.svs",
            &["--lossless", "--slide-level", "1"],
            &["have its full size", "\nhint: omit --slide-level"],
        ),
        (
            "scan.svs",
            &["--lossless", "--target-mpp", "1"],
            &["have its full size", "\nhint: omit --slide-level"],
        ),
    ] {
        workspace.export([&[slide, "--dry-run"], options].concat()).fails(2, words);
    }
    for wrong in [
        &["--slide-level", "1", "--target-mpp", "1"][..],
        &["--magnification", "5", "--target-mpp", "1"],
        &["--slide-level", "1", "--magnification", "5"],
        &["--slide-level", "-1"],
        &["--target-mpp", "0"],
        &["--target-mpp", "1,1"],
        &["--target-mpp", "1000000001"],
        &["--magnification", "0"],
        &["--magnification", "inf"],
        &["--magnification", "-5"],
    ] {
        let run = workspace.export([&["scan.svs", "--dry-run"], wrong].concat());
        assert_eq!((run.code(), run.stdout.len()), (Some(2), 0), "{run:?}");
    }
    // --mpp gives the scale if the slide does not.
    workspace.export(["plain.tif", "--target-mpp", "1", "--mpp", "0.25", "-o", "out"]).succeeds();
    assert_eq!(workspace.tree("out").json("out.json")["width"], json!(75));
}

#[test]
fn dry_run_shows_level_and_downsampling() {
    let workspace = Workspace::new();
    SlideBuilder::new(1000, 800)
        .style(Style::Aperio)
        .levels([1, 4])
        .write_into(&workspace, "scan.svs");
    for (options, line) in [
        (["--target-mpp", "0.6"], "  reduction   full size, resampled by 1.2000 × 1.2000\n"),
        (["--target-mpp", "1"], "  reduction   full size, halved 1×\n"),
        (["--slide-level", "1"], "  reduction   slide level 1 (downsample 4.000)\n"),
        (
            ["--magnification", "2"],
            "  reduction   slide level 1 (downsample 4.000), halved 1×, resampled by 1.2500 × 1.2500\n",
        ),
    ] {
        let run =
            export(&workspace, "scan.svs", &[&options[..], &["--dry-run"]].concat()).succeeds();
        assert!(run.text().contains(line), "{line}: {run:?}");
    }
    assert!(
        !export(&workspace, "scan.svs", &["--dry-run"]).succeeds().text().contains("reduction")
    );
}

#[test]
fn records_unreadable_regions_of_a_level_once_in_slide_pixels() {
    use slidezoom_fixtures::TileFault;

    let workspace = Workspace::new();
    // Native tiles of 256 pixels: one at (256, 0) of the full size, and one at (0, 256) of level 1.
    let slide = SlideBuilder::new(1600, 1200).levels([1, 2, 4]);
    let slide = slide.tile_fault(0, 1, 0, TileFault::GarbageData).tile_fault(
        1,
        0,
        1,
        TileFault::GarbageData,
    );
    slide.write_into(&workspace, "scan.tif");
    for (options, rect) in [
        (&["--target-mpp", "0.7"][..], json!({ "x": 256, "y": 0, "width": 256, "height": 256 })),
        (
            &["--target-mpp", "0.7", "--crop", "300,10,500,500"],
            json!({ "x": 300, "y": 10, "width": 212, "height": 246 }),
        ),
        (&["--slide-level", "1"], json!({ "x": 0, "y": 512, "width": 512, "height": 512 })),
        (&["--target-mpp", "1.3"], json!({ "x": 0, "y": 512, "width": 512, "height": 512 })),
    ] {
        export(&workspace, "scan.tif", options).fails(3, &["cannot read"]);
        for jobs in ["1", "4"] {
            export(
                &workspace,
                "scan.tif",
                &[options, &["--on-read-error", "blank", "--jobs", jobs]].concat(),
            )
            .succeeds();
            assert_eq!(
                workspace.tree("scan").json("scan.json")["unreadable"],
                json!([rect]),
                "{options:?}"
            );
        }
    }
}
