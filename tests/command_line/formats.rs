//! `--format`, `--optimize`, `--progressive` and gray tiles: what each file is, and that its pixels
//! are those that it must have.

use std::fs;

use serde_json::{Value, json};
use slidezoom_fixtures::{Color, Pattern, SlideBuilder, Subsampling, TileFault};
use turbojpeg::Subsamp;

use crate::pictures::Picture;
use crate::slides::{self, SIZE, WriteInto};
use crate::tools;
use crate::tree::Tree;
use crate::verdict::{Verdict, one};
use crate::workspace::Workspace;

fn tissue() -> SlideBuilder {
    SlideBuilder::new(SIZE.0, SIZE.1)
        .pattern(Pattern::Tissue { seed: 6 })
        .subsampling(Subsampling::Full)
}

fn with_slide(slide: &SlideBuilder) -> Workspace {
    let workspace = Workspace::new();
    slide.write_into(&workspace, "scan.tif");
    workspace
}

/// An export that verification finds whole.
#[track_caller]
fn export(workspace: &Workspace, options: &[&str]) -> Tree {
    workspace
        .export([&["scan.tif", "-o", "out", "--overwrite", "--no-viewer"], options].concat())
        .succeeds();
    assert_eq!(Verdict::of(workspace, "out", &[]), Verdict::Whole);
    assert_eq!(Verdict::of(workspace, "out", &["--quick"]), Verdict::Whole);
    workspace.tree("out")
}

/// The tiles: level, name without extension, and contents.
fn tiles<'a>(tree: &'a Tree, extension: &str) -> Vec<(u32, String, &'a [u8])> {
    let named =
        tree.files().into_iter().filter_map(|file| Some((file, file.strip_prefix("out_files/")?)));
    let tiles = named.map(|(file, tile)| {
        let level = tile.split_once('/').unwrap().0.parse().unwrap();
        (level, tile.strip_suffix(&format!(".{extension}")).unwrap().to_owned(), tree.file(file))
    });
    tiles.collect()
}

fn bytes(tree: &Tree, extension: &str) -> usize {
    tiles(tree, extension).iter().map(|(_, _, contents)| contents.len()).sum()
}

/// The keys of the description that say what the tiles are.
fn encoding(tree: &Tree) -> Value {
    let description = tree.json("out.json");
    let keys = ["format", "quality", "subsampling", "coding", "compression"];
    keys.iter().filter_map(|&key| Some((key, description.get(key)?.clone()))).collect()
}

fn decibels(found: &[Picture], expected: &[Picture]) -> f64 {
    let channels = |pictures: &[Picture]| -> Vec<u8> {
        pictures.iter().flat_map(|picture| picture.pixels.as_flattened().to_vec()).collect()
    };
    let (found, expected) = (channels(found), channels(expected));
    assert_eq!(found.len(), expected.len());
    let squares: f64 =
        found.iter().zip(&expected).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2)).sum();
    10.0 * (255.0 * 255.0 * found.len() as f64 / squares).log10()
}

fn pictures(tree: &Tree, extension: &str) -> Vec<Picture> {
    tiles(tree, extension)
        .iter()
        .map(|(_, _, contents)| Picture::from_file(extension, contents))
        .collect()
}

#[test]
fn lossless_webp_equals_png_in_fewer_bytes() {
    let workspace = with_slide(&tissue());
    let png = export(&workspace, &["--format", "png"]);
    let webp = export(&workspace, &["--format", "webp-lossless"]);
    assert!(pictures(&webp, "webp") == pictures(&png, "png"));
    assert!(bytes(&webp, "webp") < bytes(&png, "png"));
    assert_eq!(encoding(&webp), json!({ "format": "webp", "compression": "lossless" }));
    assert!(webp.text("out.dzi").contains("Format=\"webp\""));
}

#[test]
fn lossy_webp_error_falls_with_quality() {
    let workspace = with_slide(&tissue());
    let exact = pictures(&export(&workspace, &["--format", "png"]), "png");
    let mut before = (0, 0.0);
    for quality in [5, 50, 80, 100] {
        let webp = export(&workspace, &["--format", "webp", "--quality", &quality.to_string()]);
        let now = (bytes(&webp, "webp"), decibels(&pictures(&webp, "webp"), &exact));
        assert!(now > before && now.1 > before.1, "quality {quality}: {now:?} after {before:?}");
        assert_eq!(
            encoding(&webp),
            json!({ "format": "webp", "compression": "lossy", "quality": quality })
        );
        before = now;
    }
    // As close as JPEG with chroma stored in the same way comes.
    let jpeg = export(&workspace, &["--quality", "100", "--subsampling", "420"]);
    let jpeg = decibels(&pictures(&jpeg, "jpeg"), &exact);
    assert!(before.1 > jpeg - 1.0, "{} dB, and JPEG {jpeg} dB", before.1);
}

/// libvips brings a libwebp of its own.
#[test]
fn libvips_reads_every_webp_tile() {
    let workspace = with_slide(&tissue().icc_profile(&lcms2::Profile::new_srgb().icc().unwrap()));
    for options in
        [&["--format", "webp-lossless"][..], &["--format", "webp-lossless", "--color", "embed"]]
    {
        let webp = export(&workspace, &[&["--tile-size", "300"], options].concat());
        for (_, tile, contents) in tiles(&webp, "webp") {
            fs::write(workspace.path("tile.webp"), contents).unwrap();
            let copied =
                tools::run("vips", ["copy", "tile.webp", "tile.png[strip]"], &workspace.path(""));
            let Some(run) = copied else { return };
            assert_eq!(run.code(), Some(0), "{run:?}");
            let read = fs::read(workspace.path("tile.png")).unwrap();
            assert!(Picture::from_png(&read) == Picture::from_webp(contents), "{tile}");
        }
    }
}

#[test]
fn every_jpeg_coding_has_the_same_pixels() {
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
                pictures(&tree, "jpeg") == pictures(&baseline, "jpeg"),
                "{common:?} {options:?}"
            );
            assert!(bytes(&tree, "jpeg") < bytes(&baseline, "jpeg"), "{common:?} {options:?}");
            assert!(
                tiles(&tree, "jpeg").iter().all(|(_, _, contents)| frame_marker(contents) == frame)
            );
            assert_eq!(encoding(&tree)["coding"], coding);
        }
        assert_eq!(encoding(&baseline)["coding"], "baseline");
    }
}

/// Which frame header a JPEG has: 0xc0 is baseline, 0xc2 progressive.
fn frame_marker(jpeg: &[u8]) -> u8 {
    let mut rest = &jpeg[2..];
    while !matches!(rest[1], 0xc0..=0xc2) {
        rest = &rest[2 + usize::from(u16::from_be_bytes([rest[2], rest[3]]))..];
    }
    rest[1]
}

#[test]
fn lossless_tiles_are_native_and_smaller_levels_follow_the_options() {
    let workspace = with_slide(&tissue());
    let plain = export(&workspace, &["--lossless"]);
    for (options, frame) in
        [(&["--lossless", "--optimize"][..], 0xc0), (&["--lossless", "--progressive"], 0xc2)]
    {
        let tree = export(&workspace, options);
        for ((level, tile, found), (_, _, before)) in
            tiles(&tree, "jpeg").iter().zip(tiles(&plain, "jpeg"))
        {
            if *level == 10 {
                assert!(*found == before, "{tile}");
            } else {
                assert!(frame_marker(found) == frame && found.len() < before.len(), "{tile}");
                assert!(Picture::from_jpeg(found) == Picture::from_jpeg(before), "{tile}");
            }
        }
    }
}

/// What components each tile has: 1 or 3.
fn samplings(tree: &Tree) -> Vec<Subsamp> {
    let tiles = tiles(tree, "jpeg");
    tiles.iter().map(|(_, _, contents)| turbojpeg::read_header(contents).unwrap().subsamp).collect()
}

fn gray() -> SlideBuilder {
    tissue().color(Color::Gray)
}

#[test]
fn encodes_gray_slides_as_gray() {
    let workspace = with_slide(&gray());
    let exact = pictures(&export(&workspace, &["--format", "png"]), "png");
    assert!(
        exact
            .iter()
            .flat_map(|picture| &picture.pixels)
            .all(|[red, green, blue]| red == green && green == blue)
    );
    let options = &["--quality", "95"];
    let tree = export(&workspace, options);
    assert!(samplings(&tree).iter().all(|&sampling| sampling == Subsamp::Gray));
    let found = encoding(&tree);
    assert_eq!(
        found,
        json!({ "format": "jpeg", "quality": 95, "subsampling": "400", "coding": "baseline" })
    );
    let found = decibels(&pictures(&tree, "jpeg"), &exact);
    assert!(found > 38.0, "{found}");
    // Smaller than as color, and the same in both readers.
    let color = export(&workspace, &["--quality", "95", "--subsampling", "444"]);
    assert!(samplings(&color).iter().all(|&sampling| sampling == Subsamp::None));
    assert!(bytes(&tree, "jpeg") < bytes(&color, "jpeg"));
    assert!(pictures(&tree, "jpeg") == pictures(&color, "jpeg"));
    let other = export(&workspace, &["--quality", "95", "--reader", "openslide"]);
    assert!(tiles(&other, "jpeg") == tiles(&tree, "jpeg"));
    // The smaller levels of lossless tiles, and what was never scanned among them.
    let lossless = export(&workspace, &["--lossless", "--progressive"]);
    assert!(samplings(&lossless).iter().all(|&sampling| sampling == Subsamp::Gray));
}

#[test]
fn encodes_gray_slides_as_color_where_color_is_possible() {
    let missing = || gray().tile_fault(0, 1, 1, TileFault::Missing);
    let profile = lcms2::Profile::new_srgb().icc().unwrap();
    for (slide, options, expected) in [
        (missing(), &[][..], Subsamp::Gray),
        (missing(), &["--background", "808080"], Subsamp::Gray),
        (missing(), &["--background", "808081"], Subsamp::None),
        (missing(), &["--background", "ff0000", "--lossless"], Subsamp::None),
        (gray().icc_profile(&profile), &[], Subsamp::Gray),
        (gray().icc_profile(&profile), &["--color", "embed"], Subsamp::None),
        (gray().icc_profile(&adobe()), &[], Subsamp::None),
        (gray().icc_profile(&adobe()), &["--color", "ignore"], Subsamp::Gray),
    ] {
        let workspace = with_slide(&slide);
        let tree = export(&workspace, &[&["--bounds", "full"], options].concat());
        let subsampling = if expected == Subsamp::Gray { "400" } else { "444" };
        assert_eq!(encoding(&tree)["subsampling"], subsampling, "{options:?}");
        let smaller = tiles(&tree, "jpeg").iter().take_while(|(level, ..)| *level < 10).count();
        assert!(
            samplings(&tree).iter().take(smaller).all(|&found| found == expected),
            "{options:?}"
        );
        // And the background is its own.
        if options.contains(&"ff0000") {
            let tile = tree.file("out_files/10/1_1.jpeg");
            let [red, green, blue] = Picture::from_jpeg(tile).pixel(100, 100);
            assert!(red > 250 && green < 5 && blue < 5, "{red} {green} {blue}");
        }
    }
}

/// A profile that is not sRGB.
fn adobe() -> Vec<u8> {
    let curve = lcms2::ToneCurve::new(2.2);
    let white = lcms2::CIExyY { x: 0.3127, y: 0.3290, Y: 1.0 };
    let primaries = lcms2::CIExyYTRIPLE {
        Red: lcms2::CIExyY { x: 0.64, y: 0.33, Y: 1.0 },
        Green: lcms2::CIExyY { x: 0.21, y: 0.71, Y: 1.0 },
        Blue: lcms2::CIExyY { x: 0.15, y: 0.06, Y: 1.0 },
    };
    lcms2::Profile::new_rgb(&white, &primaries, &[&curve, &curve, &curve]).unwrap().icc().unwrap()
}

#[test]
fn keeps_the_colors_of_a_gray_slides_label() {
    let workspace = Workspace::new();
    slides::aperio().color(Color::Gray).write_into(&workspace, "scan.svs");
    workspace.export(["scan.svs", "-o", "out", "--associated", "all"]).succeeds();
    let tree = workspace.tree("out");
    assert!(samplings(&tree).iter().all(|&sampling| sampling == Subsamp::Gray));
    for image in ["label", "macro", "thumbnail"] {
        let header =
            turbojpeg::read_header(tree.file(&format!("associated/{image}.jpeg"))).unwrap();
        assert_eq!(header.subsamp, Subsamp::None, "{image}");
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
            let whole = fs::read(&path).unwrap();
            for bit in [0, 8 * 4, 8 * 20, 8 * whole.len() / 2 + 3, 8 * whole.len() - 1] {
                let mut damaged = whole.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                fs::write(&path, damaged).unwrap();
                assert_eq!(
                    Verdict::of(&workspace, "out", &[]).damages(),
                    one("altered", &name),
                    "bit {bit}"
                );
            }
            for length in [0, 1, 12, 25, whole.len() / 2, whole.len() - 1] {
                fs::write(&path, &whole[..length]).unwrap();
                assert_eq!(
                    Verdict::of(&workspace, "out", &[]).damages(),
                    one("altered", &name),
                    "{length} bytes"
                );
                let quick = Verdict::of(&workspace, "out", &["--quick"]);
                assert_eq!(quick.damages(), one("undecodable", &name), "{length} bytes");
                // As another tool's export, without a manifest.
                fs::rename(&manifest, workspace.path("aside")).unwrap();
                let found = Verdict::of(&workspace, "out", &[]);
                assert!(found.has("undecodable", &name), "{length} bytes: {found:?}");
                fs::rename(workspace.path("aside"), &manifest).unwrap();
            }
            fs::write(&path, &whole).unwrap();
        }
        // A picture of another size.
        let name = "out_files/10/0_0.webp";
        fs::copy(workspace.path("out/out_files/9/0_0.webp"), workspace.path("out").join(name))
            .unwrap();
        assert_eq!(Verdict::of(&workspace, "out", &["--quick"]).damages(), one("wrong-size", name));
    }
}

#[test]
fn bytes_are_independent_of_the_number_of_workers() {
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
        assert_eq!(Verdict::of(&workspace, archive, &[]), Verdict::Whole);
        workspace.slidezoom(["repack", archive, "-o", "again/scan", "--overwrite"]).succeeds();
        workspace.tree("again/scan").assert_same(&workspace.tree("scan"));
    }
    for image in ["label", "macro", "thumbnail"] {
        let picture =
            Picture::from_webp(workspace.tree("scan").file(&format!("associated/{image}.webp")));
        assert!(picture.width > 1, "{image}");
    }
    // Other programs would not find JPEG or PNG in it.
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
    let fails = |options: &[&str], words: &[&str]| {
        workspace.export([&["scan.tif"], options].concat()).fails(2, words);
    };
    fails(&["--format", "webp", "--subsampling", "444"], &["4:2:0", "webp-lossless"]);
    fails(&["--format", "png", "--progressive"], &["--progressive requires JPEG tiles"]);
    fails(&["--format", "webp", "--optimize"], &["--optimize requires JPEG tiles"]);
    fails(&["--format", "webp-lossless", "--lossless"], &["the slide's native tiles are JPEG"]);
    assert_eq!(workspace.names(), ["scan.tif"]);
    workspace.export(["scan.tif", "--format", "webp", "--subsampling", "420"]).succeeds();
}

/// The second of two columns has the overlap before it, and is the longer one.
#[test]
fn rejects_tiles_too_large_for_webp_before_reading() {
    let workspace = Workspace::new();
    let webp = ["--format", "webp", "--tile-size", "8192", "--overlap", "8191", "--no-viewer"];
    for (width, height) in [(16_385, 16), (16, 16_385)] {
        SlideBuilder::new(width, height).write_into(&workspace, "scan.tif");
        let most = format!("tiles of up to {}×{} pixels", width.min(16_384), height.min(16_384));
        let words = [most.as_str(), "webp files", "16383", "smaller --tile-size"];
        workspace.export([&["scan.tif"], &webp[..]].concat()).fails(2, &words);
        workspace.export([&["scan.tif", "--dry-run"], &webp[..]].concat()).fails(2, &words);
        let jpeg = ["--tile-size", "8192", "--overlap", "8191", "--dry-run"];
        workspace.export([&["scan.tif"], &jpeg[..]].concat()).succeeds();
    }
    SlideBuilder::new(16_384, 16).write_into(&workspace, "scan.tif");
    workspace.export([&["scan.tif", "-o", "out"], &webp[..]].concat()).succeeds();
    let tree = workspace.tree("out");
    assert_eq!(Picture::from_webp(tree.file("out_files/14/1_0.webp")).size(), (16_383, 16));
    assert_eq!(Verdict::of(&workspace, "out", &[]), Verdict::Whole);
}

#[test]
fn the_plan_states_the_tile_format() {
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
    gray().write_into(&workspace, "scan.tif");
    let run = workspace.slidezoom(["info", "scan.tif"]).succeeds();
    assert!(run.text().contains("JPEG quality 80 gray"), "{run:?}");
    let info = workspace.slidezoom(["info", "scan.tif", "--json"]).succeeds().json();
    assert_eq!(info["slide"]["nativeSubsampling"], "400");
    assert_eq!(info["export"]["encoding"]["subsampling"], "400");
}
