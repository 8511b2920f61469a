//! `--color` and `--intent`: conversion of RGB slides with an ICC profile, compared with Little
//! CMS, and profiles embedded in tiles.

use std::io::Cursor;
use std::sync::LazyLock;

use lcms2::{Intent, PixelFormat, Profile, Transform};
use serde_json::{Value, json};
use slidezoom_fixtures::icc::IccProfile;
use slidezoom_fixtures::{Pattern, SlideBuilder, Subsampling};

use crate::rgb_image::RgbImage;
use crate::slides::WriteInto;
use crate::tree::Tree;
use crate::workspace::Workspace;

fn adobe_rgb() -> Vec<u8> {
    IccProfile::adobe_rgb(2.2).bytes()
}

/// Little CMS's sRGB profile. It contains the current time, so all callers get the same one.
fn srgb() -> Vec<u8> {
    static SRGB: LazyLock<Vec<u8>> = LazyLock::new(|| Profile::new_srgb().icc().unwrap());
    SRGB.clone()
}

/// A slide without chroma subsampling, so that tiles have exact colors.
fn tissue() -> SlideBuilder {
    SlideBuilder::new(300, 200)
        .tile_size(64, 64)
        .pattern(Pattern::Tissue { seed: 9 })
        .subsampling(Subsampling::Full)
}

/// A workspace with the slide `scan.tif`, which has this profile.
fn with_slide(profile: Option<&[u8]>) -> Workspace {
    let workspace = Workspace::new();
    let slide = tissue();
    profile
        .map_or(slide.clone(), |profile| slide.icc_profile(profile))
        .write_into(&workspace, "scan.tif");
    workspace
}

/// Exports and verifies `scan.tif`.
fn export(workspace: &Workspace, output: &str, options: &[&str]) -> Tree {
    workspace.export([&["scan.tif", "-o", output, "--overwrite"], options].concat()).succeeds();
    workspace.slidezoom(["verify", output]).succeeds();
    workspace.tree(output)
}

fn color(tree: &Tree) -> Value {
    tree.json("scan.json")["color"].clone()
}

/// Returns the profile embedded in a PNG, WebP or JPEG file.
pub fn embedded_profile(file: &[u8]) -> Option<Vec<u8>> {
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
fn converts_colors_to_srgb_as_little_cms_does() {
    let profile = adobe_rgb();
    let workspace = with_slide(Some(&profile));
    let png = ["--format", "png", "--tile-size", "512"];
    let pixels = |tree: &Tree| RgbImage::from_png(tree.file("scan_files/9/0_0.png")).pixels;
    let native = pixels(&export(
        &workspace,
        "out/native/scan",
        &[&png[..], &["--color", "ignore"]].concat(),
    ));
    for (intent, options) in [
        (Intent::Perceptual, &[][..]),
        (Intent::RelativeColorimetric, &["--intent", "relative"]),
        (Intent::Saturation, &["--intent", "saturation"]),
        (Intent::AbsoluteColorimetric, &["--intent", "absolute"]),
    ] {
        let converted = export(&workspace, "out/converted/scan", &[&png[..], options].concat());
        let (from, to) = (Profile::new_icc(&profile).unwrap(), Profile::new_srgb());
        let transform =
            Transform::new(&from, PixelFormat::RGB_8, &to, PixelFormat::RGB_8, intent).unwrap();
        let mut expected = vec![[0; 3]; native.len()];
        transform.transform_pixels(&native, &mut expected);
        let largest_difference = |left: &[[u8; 3]], right: &[[u8; 3]]| {
            let channels = left.as_flattened().iter().zip(right.as_flattened());
            channels.map(|(left, right)| left.abs_diff(*right)).max().unwrap()
        };
        assert!(largest_difference(&pixels(&converted), &expected) <= 2, "{intent:?}");
        // The test would prove nothing if the conversion changed little.
        assert!(largest_difference(&native, &expected) > 20, "{intent:?}");
        assert_eq!(embedded_profile(converted.file("scan_files/9/0_0.png")), None);
        assert_eq!(color(&converted)["handling"], "converted to sRGB");
    }
}

#[test]
fn single_tiles_and_both_readers_give_the_colors_of_the_export() {
    let workspace = with_slide(Some(&adobe_rgb()));
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
    // Without --exact, a tile is read from the nearest slide level, which is the full size here.
    workspace
        .slidezoom(["tile", "scan.tif", "9", "0", "0", "--format", "png", "-o", "near.png"])
        .succeeds();
    assert!(
        std::fs::read(workspace.path("near.png")).unwrap() == tree.file("scan_files/9/0_0.png")
    );
    let other = export(&workspace, "out/scan", &["--format", "png", "--reader", "openslide"]);
    for file in tree.files().into_iter().filter(|file| file.starts_with("scan_files")) {
        assert!(tree.file(file) == other.file(file), "{file}");
    }
}

#[test]
fn embeds_the_profile_in_every_tile_and_keeps_native_colors() {
    let profile = adobe_rgb();
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
            assert_eq!(embedded_profile(embedded.file(file)).as_ref(), Some(&profile), "{file}");
            assert_eq!(embedded_profile(ignored.file(file)), None, "{file}");
            let decode = |file: &[u8]| RgbImage::from_file(extension, file);
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
fn an_srgb_profile_changes_nothing() {
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
fn warns_of_an_invalid_profile_and_keeps_native_colors() {
    let workspace = with_slide(Some(b"no profile at all"));
    for options in [&[][..], &["--color", "embed"], &["--lossless"]] {
        let run = workspace.export([&["scan.tif", "--overwrite"], options].concat()).succeeds();
        run.reports(&["note: the slide's ICC profile cannot be used"]);
        let tree = workspace.tree("scan");
        assert_eq!(color(&tree)["handling"], "unusable");
        assert_eq!(embedded_profile(tree.file("scan_files/9/0_0.jpeg")), None);
    }
    let run = workspace.export(["scan.tif", "--overwrite", "--color", "ignore"]).succeeds();
    assert!(!run.stderr.contains("profile"), "{run:?}");
}

/// Lossless tiles cannot be converted. Viewers need the profile to show them correctly.
#[test]
fn lossless_tiles_get_the_profile_and_keep_their_data() {
    let profile = adobe_rgb();
    let workspace = with_slide(Some(&profile));
    let plain = export(&workspace, "plain/scan", &["--lossless", "--color", "ignore"]);
    let scan_of = |file: &[u8]| {
        file[file.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap()..].to_vec()
    };
    for options in [&["--lossless"][..], &["--lossless", "--color", "embed"]] {
        let tree = export(&workspace, "out/scan", options);
        for file in tree.files().into_iter().filter(|file| file.starts_with("scan_files")) {
            assert_eq!(embedded_profile(tree.file(file)).as_ref(), Some(&profile), "{file}");
            assert!(scan_of(tree.file(file)) == scan_of(plain.file(file)), "{file}");
        }
        assert_eq!(color(&tree)["handling"], "embedded");
    }
    let workspace = with_slide(Some(&srgb()));
    let tree = export(&workspace, "scan", &["--lossless"]);
    assert_eq!(embedded_profile(tree.file("scan_files/9/0_0.jpeg")), None);
    let tree = export(&workspace, "scan", &["--lossless", "--color", "embed"]);
    assert_eq!(embedded_profile(tree.file("scan_files/9/0_0.jpeg")), Some(srgb()));
}

#[test]
fn plan_and_info_report_the_color_handling() {
    let workspace = with_slide(Some(&adobe_rgb()));
    let output = |arguments: &[&str]| {
        workspace.slidezoom(arguments.iter().copied()).succeeds().text().to_owned()
    };
    assert!(output(&["export", "scan.tif", "--dry-run"]).contains("color       converted to sRGB"));
    assert!(
        output(&["export", "scan.tif", "--dry-run", "--lossless"]).contains("color       embedded")
    );
    assert!(output(&["info", "scan.tif"]).contains("bytes: converted to sRGB"));
    let info: Value = serde_json::from_str(&output(&["info", "scan.tif", "--json"])).unwrap();
    assert_eq!(info["slide"]["iccProfileBytes"], adobe_rgb().len());
}
