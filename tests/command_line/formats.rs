//! `--format`, `--optimize` and `--progressive`: the coding and the pixels of tile files.

use std::fs;

use serde_json::{Value, json};
use slidezoom_fixtures::{Color, Pattern, SlideBuilder, Subsampling, frame_marker};

use crate::rgb_image::RgbImage;
use crate::slides::{self, SIZE, WriteInto};
use crate::tools;
use crate::tree::Tree;
use crate::verify_report::{VerifyReport, only};
use crate::workspace::Workspace;

pub fn tissue() -> SlideBuilder {
    SlideBuilder::new(SIZE.0, SIZE.1)
        .pattern(Pattern::Tissue { seed: 6 })
        .subsampling(Subsampling::Full)
}

pub fn with_slide(slide: &SlideBuilder) -> Workspace {
    let workspace = Workspace::new();
    slide.write_into(&workspace, "scan.tif");
    workspace
}

/// Exports `scan.tif` with these options and verifies the export.
#[track_caller]
pub fn export(workspace: &Workspace, options: &[&str]) -> Tree {
    workspace
        .export([&["scan.tif", "-o", "out", "--overwrite", "--no-viewer"], options].concat())
        .succeeds();
    assert_eq!(VerifyReport::of(workspace, "out", &[]), VerifyReport::Valid);
    assert_eq!(VerifyReport::of(workspace, "out", &["--quick"]), VerifyReport::Valid);
    workspace.tree("out")
}

/// Returns the level, the name without extension, and the contents of all tiles.
pub fn tiles<'a>(tree: &'a Tree, extension: &str) -> Vec<(u32, String, &'a [u8])> {
    let named =
        tree.files().into_iter().filter_map(|file| Some((file, file.strip_prefix("out_files/")?)));
    let tiles = named.map(|(file, tile)| {
        let level = tile.split_once('/').unwrap().0.parse().unwrap();
        (level, tile.strip_suffix(&format!(".{extension}")).unwrap().to_owned(), tree.file(file))
    });
    tiles.collect()
}

/// Returns the total size of all tiles.
pub fn tile_bytes(tree: &Tree, extension: &str) -> usize {
    tiles(tree, extension).iter().map(|(_, _, contents)| contents.len()).sum()
}

/// Returns the fields of the description that concern the tile format.
pub fn encoding(tree: &Tree) -> Value {
    let description = tree.json("out.json");
    let keys = ["format", "quality", "subsampling", "coding", "compression"];
    keys.iter().filter_map(|&key| Some((key, description.get(key)?.clone()))).collect()
}

/// Returns the peak signal-to-noise ratio in dB.
pub fn signal_to_noise(found: &[RgbImage], expected: &[RgbImage]) -> f64 {
    let channels = |images: &[RgbImage]| -> Vec<u8> {
        images.iter().flat_map(|image| image.pixels.as_flattened().to_vec()).collect()
    };
    let (found, expected) = (channels(found), channels(expected));
    assert_eq!(found.len(), expected.len());
    let squares: f64 =
        found.iter().zip(&expected).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2)).sum();
    10.0 * (255.0 * 255.0 * found.len() as f64 / squares).log10()
}

pub fn decoded_tiles(tree: &Tree, extension: &str) -> Vec<RgbImage> {
    tiles(tree, extension)
        .iter()
        .map(|(_, _, contents)| RgbImage::from_file(extension, contents))
        .collect()
}

#[test]
fn lossless_webp_is_smaller_than_png_with_the_same_pixels() {
    let workspace = with_slide(&tissue());
    let png = export(&workspace, &["--format", "png"]);
    let webp = export(&workspace, &["--format", "webp-lossless"]);
    assert!(decoded_tiles(&webp, "webp") == decoded_tiles(&png, "png"));
    assert!(tile_bytes(&webp, "webp") < tile_bytes(&png, "png"));
    assert_eq!(encoding(&webp), json!({ "format": "webp", "compression": "lossless" }));
    assert!(webp.text("out.dzi").contains("Format=\"webp\""));
}

#[test]
fn higher_webp_quality_means_less_error_and_more_bytes() {
    let workspace = with_slide(&tissue());
    let exact = decoded_tiles(&export(&workspace, &["--format", "png"]), "png");
    let mut previous = (0, 0.0);
    for quality in [5, 50, 80, 100] {
        let webp = export(&workspace, &["--format", "webp", "--quality", &quality.to_string()]);
        let ratio = signal_to_noise(&decoded_tiles(&webp, "webp"), &exact);
        let found = (tile_bytes(&webp, "webp"), ratio);
        assert!(
            found.0 > previous.0 && found.1 > previous.1,
            "quality {quality}: {found:?} after {previous:?}"
        );
        assert_eq!(
            encoding(&webp),
            json!({ "format": "webp", "compression": "lossy", "quality": quality })
        );
        previous = found;
    }
    // The best quality is as good as that of JPEG with the same chroma subsampling.
    let jpeg = export(&workspace, &["--quality", "100", "--subsampling", "420"]);
    let jpeg = signal_to_noise(&decoded_tiles(&jpeg, "jpeg"), &exact);
    assert!(previous.1 > jpeg - 1.0, "{} dB, but JPEG {jpeg} dB", previous.1);
}

/// libvips has its own copy of libwebp.
#[test]
fn libvips_decodes_every_webp_tile() {
    let workspace = with_slide(&tissue().icc_profile(&lcms2::Profile::new_srgb().icc().unwrap()));
    for options in
        [&["--format", "webp-lossless"][..], &["--format", "webp-lossless", "--color", "embed"]]
    {
        let webp = export(&workspace, &[&["--tile-size", "300"], options].concat());
        for (_, tile, contents) in tiles(&webp, "webp") {
            fs::write(workspace.path("tile.webp"), contents).unwrap();
            let vips = ["copy", "tile.webp", "tile.png[strip]"];
            let Some(run) = tools::run("vips", vips, &workspace.path("")) else { return };
            run.succeeds();
            let png = fs::read(workspace.path("tile.png")).unwrap();
            assert!(RgbImage::from_png(&png) == RgbImage::from_webp(contents), "{tile}");
        }
    }
}

#[test]
fn all_jpeg_codings_have_the_same_pixels() {
    let workspace = with_slide(&tissue());
    for common in [
        &[][..],
        &["--quality", "95", "--subsampling", "420"],
        &["--quality", "10", "--tile-size", "100"],
    ] {
        let baseline = export(&workspace, common);
        for (options, coding, frame) in [
            (&["--optimize"][..], "optimized", 0xc0),
            (&["--progressive"], "progressive", 0xc2),
            (&["--optimize", "--progressive"], "progressive", 0xc2),
        ] {
            let tree = export(&workspace, &[common, options].concat());
            assert!(
                decoded_tiles(&tree, "jpeg") == decoded_tiles(&baseline, "jpeg"),
                "{common:?} {options:?}"
            );
            assert!(
                tile_bytes(&tree, "jpeg") < tile_bytes(&baseline, "jpeg"),
                "{common:?} {options:?}"
            );
            assert!(
                tiles(&tree, "jpeg")
                    .iter()
                    .all(|(_, _, contents)| frame_marker(contents).unwrap() == frame)
            );
            assert_eq!(encoding(&tree)["coding"], coding);
        }
        assert_eq!(encoding(&baseline)["coding"], "baseline");
    }
}

#[test]
fn lossless_tiles_are_native_and_smaller_levels_follow_the_options() {
    let workspace = with_slide(&tissue());
    let plain = export(&workspace, &["--lossless"]);
    for (options, frame) in
        [(&["--lossless", "--optimize"][..], 0xc0), (&["--lossless", "--progressive"], 0xc2)]
    {
        let tree = export(&workspace, options);
        for ((level, tile, found), (_, _, plain)) in
            tiles(&tree, "jpeg").iter().zip(tiles(&plain, "jpeg"))
        {
            if *level == 10 {
                assert!(*found == plain, "{tile}");
            } else {
                assert_eq!(frame_marker(found).unwrap(), frame, "{tile}");
                assert!(found.len() < plain.len(), "{tile}");
                assert!(RgbImage::from_jpeg(found) == RgbImage::from_jpeg(plain), "{tile}");
            }
        }
    }
}

#[test]
fn verify_reports_every_damaged_webp_tile() {
    for format in ["webp", "webp-lossless"] {
        let workspace = with_slide(&tissue());
        export(&workspace, &["--format", format, "--tile-size", "400"]);
        let manifest = workspace.path("out/manifest-sha256.txt");
        for tile in ["10/0_0", "10/1_1", "9/0_0", "3/0_0"] {
            let name = format!("out_files/{tile}.webp");
            let path = workspace.path("out").join(&name);
            let valid = fs::read(&path).unwrap();
            for bit in [0, 8 * 4, 8 * 20, 8 * valid.len() / 2 + 3, 8 * valid.len() - 1] {
                let mut damaged = valid.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                fs::write(&path, damaged).unwrap();
                assert_eq!(
                    VerifyReport::of(&workspace, "out", &[]).problems(),
                    only("altered", &name),
                    "bit {bit}"
                );
            }
            for length in [0, 1, 12, 25, valid.len() / 2, valid.len() - 1] {
                fs::write(&path, &valid[..length]).unwrap();
                assert_eq!(
                    VerifyReport::of(&workspace, "out", &[]).problems(),
                    only("altered", &name),
                    "{length} bytes"
                );
                let quick = VerifyReport::of(&workspace, "out", &["--quick"]);
                assert_eq!(quick.problems(), only("undecodable", &name), "{length} bytes");
                // Without a manifest, as in exports of other tools, tiles are decoded.
                fs::rename(&manifest, workspace.path("backup")).unwrap();
                let report = VerifyReport::of(&workspace, "out", &[]);
                assert!(report.has("undecodable", &name), "{length} bytes: {report:?}");
                fs::rename(workspace.path("backup"), &manifest).unwrap();
            }
            fs::write(&path, &valid).unwrap();
        }
        // A valid tile of another size.
        let name = "out_files/10/0_0.webp";
        fs::copy(workspace.path("out/out_files/9/0_0.webp"), workspace.path("out").join(name))
            .unwrap();
        assert_eq!(
            VerifyReport::of(&workspace, "out", &["--quick"]).problems(),
            only("wrong-size", name)
        );
    }
}

#[test]
fn writes_the_same_bytes_with_any_number_of_jobs() {
    let workspace = with_slide(&tissue());
    for options in [
        &["--format", "webp"][..],
        &["--format", "webp-lossless"],
        &["--progressive"],
        &["--optimize", "--subsampling", "422"],
    ] {
        let cut = ["--tile-size", "60", "--overlap", "2"];
        let one = export(&workspace, &[&cut[..], options, &["--jobs", "1"]].concat());
        let many = export(&workspace, &[&cut[..], options, &["--jobs", "7"]].concat());
        one.assert_same(&many);
    }
}

#[test]
fn indexes_verifies_and_repacks_an_archive_of_webp_tiles() {
    let workspace = Workspace::new();
    slides::aperio().write_into(&workspace, "scan.svs");
    let options = ["--format", "webp", "--associated", "all", "--overlap", "0"];
    workspace.export([&["scan.svs", "-o", "scan"], &options[..]].concat()).succeeds();
    workspace.slidezoom(["repack", "scan", "-o", "scan.zip"]).succeeds();
    workspace.export([&["scan.svs", "-o", "out/scan.zip"], &options[..]].concat()).succeeds();
    for archive in ["scan.zip", "out/scan.zip"] {
        assert_eq!(VerifyReport::of(&workspace, archive, &[]), VerifyReport::Valid);
        workspace.slidezoom(["repack", archive, "-o", "again/scan", "--overwrite"]).succeeds();
        workspace.tree("again/scan").assert_same(&workspace.tree("scan"));
    }
    for image in ["label", "macro", "thumbnail"] {
        let tree = workspace.tree("scan");
        let decoded = RgbImage::from_webp(tree.file(&format!("associated/{image}.webp")));
        assert!(decoded.width > 1, "{image}");
    }
    // The SZI format allows only JPEG and PNG.
    workspace.slidezoom(["repack", "scan", "-o", "scan.szi"]).fails(2, &["of a .szi", "webp"]);
    let szi = ["scan.svs", "-o", "scan.szi", "--format", "webp"];
    workspace.export(szi).fails(2, &["tiles of a .szi must be JPEG or PNG", "omit --format"]);
}

#[test]
fn writes_a_single_tile_in_any_format() {
    let workspace = with_slide(&tissue());
    for (options, extension) in [
        (&["--format", "webp", "-q", "60"][..], "webp"),
        (&["--format", "webp-lossless"], "webp"),
        (&["--progressive"], "jpeg"),
        (&["--optimize"], "jpeg"),
    ] {
        let tree = export(&workspace, options);
        for address in [["10", "1", "1"], ["8", "0", "0"], ["0", "0", "0"]] {
            let run = workspace
                .slidezoom([&["tile", "scan.tif", "--exact"], &address[..], options].concat())
                .succeeds();
            let [level, column, row] = address;
            assert!(
                run.stdout == tree.file(&format!("out_files/{level}/{column}_{row}.{extension}")),
                "{options:?}"
            );
        }
    }
    let tile = ["tile", "scan.tif", "0", "0", "0", "-o"];
    workspace.slidezoom([&tile[..], &["tile.webp"]].concat()).fails(2, &["format"]);
    workspace
        .slidezoom([&tile[..], &["tile.jpeg", "--format", "webp"]].concat())
        .fails(2, &["format"]);
    workspace.slidezoom([&tile[..], &["a.webp", "--format", "webp"]].concat()).succeeds();
    workspace.slidezoom([&tile[..], &["b.WEBP", "--format", "webp-lossless"]].concat()).succeeds();
}

#[test]
fn rejects_conflicting_options_before_writing() {
    let workspace = with_slide(&tissue());
    let assert_rejected = |options: &[&str], words: &[&str]| {
        workspace.export([&["scan.tif"], options].concat()).fails(2, words);
    };
    assert_rejected(&["--format", "webp", "--subsampling", "444"], &["4:2:0", "webp-lossless"]);
    assert_rejected(&["--format", "png", "--progressive"], &["--progressive requires JPEG tiles"]);
    assert_rejected(&["--format", "webp", "--optimize"], &["--optimize requires JPEG tiles"]);
    assert_rejected(
        &["--format", "webp-lossless", "--lossless"],
        &["the slide's native tiles are JPEG"],
    );
    assert_eq!(workspace.names(), ["scan.tif"]);
    workspace.export(["scan.tif", "--format", "webp", "--subsampling", "420"]).succeeds();
}

/// With two columns, the second tile is the longer one: the overlap is before it.
#[test]
fn rejects_tiles_too_large_for_webp_before_reading() {
    let workspace = Workspace::new();
    let webp = ["--format", "webp", "--tile-size", "8192", "--overlap", "8191", "--no-viewer"];
    for (width, height) in [(16_385, 16), (16, 16_385)] {
        SlideBuilder::new(width, height).write_into(&workspace, "scan.tif");
        let size = format!("tiles of up to {}×{} pixels", width.min(16_384), height.min(16_384));
        let words = [size.as_str(), "webp files", "16383", "smaller --tile-size"];
        workspace.export([&["scan.tif"], &webp[..]].concat()).fails(2, &words);
        workspace.export([&["scan.tif", "--dry-run"], &webp[..]].concat()).fails(2, &words);
        let jpeg = ["--tile-size", "8192", "--overlap", "8191", "--dry-run"];
        workspace.export([&["scan.tif"], &jpeg[..]].concat()).succeeds();
    }
    SlideBuilder::new(16_384, 16).write_into(&workspace, "scan.tif");
    workspace.export([&["scan.tif", "-o", "out"], &webp[..]].concat()).succeeds();
    let tree = workspace.tree("out");
    assert_eq!(RgbImage::from_webp(tree.file("out_files/14/1_0.webp")).size(), (16_383, 16));
    assert_eq!(VerifyReport::of(&workspace, "out", &[]), VerifyReport::Valid);
}

#[test]
fn the_plan_shows_the_tile_format() {
    let workspace = with_slide(&tissue());
    for (options, words) in [
        (&["--format", "webp"][..], "WebP quality 80 4:2:0"),
        (&["--format", "webp-lossless"], "WebP lossless"),
        (&["--optimize"], "JPEG quality 80 4:4:4 optimized"),
        (&["--optimize", "--progressive", "-q", "30"], "JPEG quality 30 4:4:4 progressive"),
    ] {
        let run = workspace.export([&["scan.tif", "--dry-run"], options].concat()).succeeds();
        assert!(run.text().contains(words), "{run:?}");
    }
    tissue().color(Color::Gray).write_into(&workspace, "scan.tif");
    let run = workspace.slidezoom(["info", "scan.tif"]).succeeds();
    assert!(run.text().contains("JPEG quality 80 gray"), "{run:?}");
    let info = workspace.slidezoom(["info", "scan.tif", "--json"]).succeeds().json();
    assert_eq!(info["slide"]["nativeSubsampling"], "400");
    assert_eq!(info["export"]["encoding"]["subsampling"], "400");
}
