//! `--color` and `--intent`: what becomes of a slide's ICC profile and of its colors.

use std::io::Cursor;
use std::sync::LazyLock;

use lcms2::{Intent, PixelFormat, Profile, Transform};
use serde_json::{Value, json};
use slidezoom_fixtures::{Pattern, SlideBuilder, Subsampling};

use crate::pictures::Picture;
use crate::slides::WriteInto;
use crate::tree::Tree;
use crate::workspace::Workspace;

/// A profile of a wider space than sRGB, as Little CMS writes it: once, since the time of its
/// making is in it.
fn wide() -> Vec<u8> {
    static WIDE: LazyLock<Vec<u8>> = LazyLock::new(make_wide);
    WIDE.clone()
}

fn make_wide() -> Vec<u8> {
    let curve = lcms2::ToneCurve::new(2.2);
    let white = lcms2::CIExyY { x: 0.3127, y: 0.3290, Y: 1.0 };
    let primaries = lcms2::CIExyYTRIPLE {
        Red: lcms2::CIExyY { x: 0.64, y: 0.33, Y: 1.0 },
        Green: lcms2::CIExyY { x: 0.21, y: 0.71, Y: 1.0 },
        Blue: lcms2::CIExyY { x: 0.15, y: 0.06, Y: 1.0 },
    };
    Profile::new_rgb(&white, &primaries, &[&curve, &curve, &curve]).unwrap().icc().unwrap()
}

fn srgb() -> Vec<u8> {
    static SRGB: LazyLock<Vec<u8>> = LazyLock::new(|| Profile::new_srgb().icc().unwrap());
    SRGB.clone()
}

fn tissue() -> SlideBuilder {
    SlideBuilder::new(300, 200)
        .tile_size(64, 64)
        .pattern(Pattern::Tissue { seed: 9 })
        .subsampling(Subsampling::Full)
}

fn with_slide(profile: Option<&[u8]>) -> Workspace {
    let workspace = Workspace::new();
    let slide = tissue();
    profile
        .map_or(slide.clone(), |profile| slide.icc_profile(profile))
        .write_into(&workspace, "scan.tif");
    workspace
}

fn export(workspace: &Workspace, output: &str, options: &[&str]) -> Tree {
    workspace.export([&["scan.tif", "-o", output, "--overwrite"], options].concat()).succeeds();
    workspace.slidezoom(["verify", output]).succeeds();
    workspace.tree(output)
}

fn color(tree: &Tree) -> Value {
    tree.json("scan.json")["color"].clone()
}

/// The pixels of a PNG tile.
fn png_pixels(file: &[u8]) -> Vec<[u8; 3]> {
    let mut reader = png::Decoder::new(Cursor::new(file)).read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut bytes).unwrap();
    bytes.as_chunks().0.to_vec()
}

/// The profile inside a tile, as other programs look for it.
pub fn profile_in(file: &[u8]) -> Option<Vec<u8>> {
    if file.starts_with(b"\x89PNG") {
        let reader = png::Decoder::new(Cursor::new(file)).read_info().unwrap();
        return reader.info().icc_profile.as_ref().map(|profile| profile.to_vec());
    }
    if file.starts_with(b"RIFF") {
        return image_webp::WebPDecoder::new(Cursor::new(file)).unwrap().icc_profile().unwrap();
    }
    let mut profile = Vec::new();
    let mut rest = &file[2..];
    while rest[1] != 0xda {
        let length = usize::from(u16::from_be_bytes([rest[2], rest[3]]));
        if rest[1] == 0xe2 && rest[4..].starts_with(b"ICC_PROFILE\0") {
            profile.extend_from_slice(&rest[18..2 + length]);
        }
        rest = &rest[2 + length..];
    }
    (!profile.is_empty()).then_some(profile)
}

#[test]
fn colors_are_converted_to_srgb_as_little_cms_does_it() {
    let profile = wide();
    let workspace = with_slide(Some(&profile));
    let png = ["--format", "png", "--tile-size", "512"];
    let stored =
        export(&workspace, "out/stored/scan", &[&png[..], &["--color", "ignore"]].concat());
    for (intent, options) in [
        (Intent::Perceptual, &[][..]),
        (Intent::RelativeColorimetric, &["--intent", "relative"]),
        (Intent::Saturation, &["--intent", "saturation"]),
        (Intent::AbsoluteColorimetric, &["--intent", "absolute"]),
    ] {
        let converted = export(&workspace, "out/converted/scan", &[&png[..], options].concat());
        let before = png_pixels(stored.file("scan_files/9/0_0.png"));
        let after = png_pixels(converted.file("scan_files/9/0_0.png"));
        let (from, to) = (Profile::new_icc(&profile).unwrap(), Profile::new_srgb());
        let transform =
            Transform::new(&from, PixelFormat::RGB_8, &to, PixelFormat::RGB_8, intent).unwrap();
        let mut expected = vec![[0; 3]; before.len()];
        transform.transform_pixels(&before, &mut expected);
        let differences = || {
            after
                .iter()
                .flatten()
                .zip(expected.iter().flatten())
                .map(|(one, other)| one.abs_diff(*other))
        };
        assert!(differences().max().unwrap() <= 2, "{intent:?}");
        // A test that would pass without any conversion is none.
        let moved = before
            .iter()
            .flatten()
            .zip(expected.iter().flatten())
            .map(|(one, other)| one.abs_diff(*other));
        assert!(moved.max().unwrap() > 20, "{intent:?}");
        assert_eq!(profile_in(converted.file("scan_files/9/0_0.png")), None);
        assert_eq!(color(&converted)["handling"], "converted to sRGB");
    }
}

/// What the levels below show comes of the converted pixels, and a single tile is as the export has
/// it.
#[test]
fn every_level_and_every_way_to_a_tile_has_the_same_colors() {
    let workspace = with_slide(Some(&wide()));
    let tree = export(&workspace, "scan", &["--format", "png"]);
    for (level, column, row) in [(9, 1, 0), (8, 0, 0), (5, 0, 0), (0, 0, 0)] {
        let tile = [level, column, row].map(|number: u32| number.to_string());
        let arguments = [
            "tile", "scan.tif", &tile[0], &tile[1], &tile[2], "--exact", "--format", "png", "-o",
            "tile.png",
        ];
        workspace.slidezoom(arguments).succeeds();
        let expected = tree.file(&format!("scan_files/{level}/{column}_{row}.png"));
        assert!(std::fs::read(workspace.path("tile.png")).unwrap() == expected, "{tile:?}");
        std::fs::remove_file(workspace.path("tile.png")).unwrap();
    }
    // The nearest slide level is the full size here: its colors are the export's.
    workspace
        .slidezoom(["tile", "scan.tif", "9", "0", "0", "--format", "png", "-o", "near.png"])
        .succeeds();
    assert!(
        std::fs::read(workspace.path("near.png")).unwrap() == tree.file("scan_files/9/0_0.png")
    );
    // Both ways to read the slide.
    let other = export(&workspace, "out/scan", &["--format", "png", "--reader", "openslide"]);
    for file in tree.files().into_iter().filter(|file| file.starts_with("scan_files")) {
        assert!(tree.file(file) == other.file(file), "{file}");
    }
}

#[test]
fn an_embedded_profile_is_in_every_tile_and_the_pixels_are_as_stored() {
    let profile = wide();
    let workspace = with_slide(Some(&profile));
    for (format, extension) in
        [("jpeg", "jpeg"), ("png", "png"), ("webp", "webp"), ("webp-lossless", "webp")]
    {
        let ignored =
            export(&workspace, "ignored/scan", &["--color", "ignore", "--format", format]);
        let embedded =
            export(&workspace, "embedded/scan", &["--color", "embed", "--format", format]);
        assert_eq!(ignored.files(), embedded.files());
        for file in embedded.files().into_iter().filter(|file| file.starts_with("scan_files")) {
            assert_eq!(profile_in(embedded.file(file)).as_ref(), Some(&profile), "{file}");
            assert_eq!(profile_in(ignored.file(file)), None, "{file}");
            let decode = |file: &[u8]| Picture::from_file(extension, file);
            assert!(decode(embedded.file(file)) == decode(ignored.file(file)), "{file}");
        }
        assert_eq!(
            color(&embedded),
            json!({ "profileBytes": profile.len(), "handling": "embedded", "intent": null })
        );
        assert_eq!(color(&ignored)["handling"], "ignored");
    }
}

#[test]
fn a_profile_that_is_srgb_changes_nothing() {
    let (with, without) = (with_slide(Some(&srgb())), with_slide(None));
    let (with, without) = (export(&with, "scan", &[]), export(&without, "scan", &[]));
    for file in without.files().into_iter().filter(|file| file.starts_with("scan_files")) {
        assert!(with.file(file) == without.file(file), "{file}");
    }
    assert_eq!(color(&with)["handling"], "sRGB already");
    assert_eq!(
        color(&without),
        json!({ "profileBytes": null, "handling": "no profile", "intent": null })
    );
}

#[test]
fn a_profile_of_no_use_is_told_of_and_the_colors_stay() {
    let workspace = with_slide(Some(b"no profile at all"));
    for options in [&[][..], &["--color", "embed"], &["--lossless"]] {
        let run = workspace.export([&["scan.tif", "--overwrite"], options].concat()).succeeds();
        run.says(&["note: the slide's ICC profile cannot be used"]);
        let tree = workspace.tree("scan");
        assert_eq!(color(&tree)["handling"], "unusable");
        assert_eq!(profile_in(tree.file("scan_files/9/0_0.jpeg")), None);
    }
    let run = workspace.export(["scan.tif", "--overwrite", "--color", "ignore"]).succeeds();
    assert!(!run.stderr.contains("profile"), "{run:?}");
}

/// They cannot be converted, and nobody must see them in wrong colors.
#[test]
fn lossless_tiles_get_the_profile_and_keep_their_data() {
    let profile = wide();
    let workspace = with_slide(Some(&profile));
    let plain = export(&workspace, "plain/scan", &["--lossless", "--color", "ignore"]);
    let scan_of = |file: &[u8]| {
        file[file.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap()..].to_vec()
    };
    for options in [&["--lossless"][..], &["--lossless", "--color", "embed"]] {
        let tree = export(&workspace, "out/scan", options);
        for file in tree.files().into_iter().filter(|file| file.starts_with("scan_files")) {
            assert_eq!(profile_in(tree.file(file)).as_ref(), Some(&profile), "{file}");
            assert!(scan_of(tree.file(file)) == scan_of(plain.file(file)), "{file}");
        }
        assert_eq!(color(&tree)["handling"], "embedded");
    }
    let workspace = with_slide(Some(&srgb()));
    let tree = export(&workspace, "scan", &["--lossless"]);
    assert_eq!(profile_in(tree.file("scan_files/9/0_0.jpeg")), None);
    let tree = export(&workspace, "scan", &["--lossless", "--color", "embed"]);
    assert_eq!(profile_in(tree.file("scan_files/9/0_0.jpeg")), Some(srgb()));
}

#[test]
fn the_plan_and_info_say_what_becomes_of_the_colors() {
    let workspace = with_slide(Some(&wide()));
    let said = |arguments: &[&str]| {
        workspace.slidezoom(arguments.iter().copied()).succeeds().text().to_owned()
    };
    assert!(said(&["export", "scan.tif", "--dry-run"]).contains("color       converted to sRGB"));
    assert!(
        said(&["export", "scan.tif", "--dry-run", "--lossless"]).contains("color       embedded")
    );
    assert!(said(&["info", "scan.tif"]).contains("bytes: converted to sRGB"));
    let info: Value = serde_json::from_str(&said(&["info", "scan.tif", "--json"])).unwrap();
    assert_eq!(info["slide"]["iccProfileBytes"], wide().len());
}
