//! ICC profiles for gray and CMYK pixels, compared with Little CMS.

use std::sync::LazyLock;

use lcms2::{Flags, Intent, PixelFormat, Pod, Profile, Transform};
use serde_json::{Value, json};
use slidezoom_fixtures::icc::{self, IccProfile, Precision};
use slidezoom_fixtures::{ByteOrder, Color, Container, Pattern, SlideBuilder, TiffWriter, Values};
use turbojpeg::Subsamp;

use crate::colors::embedded_profile;
use crate::rgb_image::RgbImage;
use crate::slides::WriteInto;
use crate::tiff_files::{field, single_strip};
use crate::tree::Tree;
use crate::workspace::{Run, Workspace};

const SIZE: (u32, u32) = (200, 150);

/// A gray profile with gamma 1.8.
fn gray() -> Vec<u8> {
    IccProfile::new(b"GRAY", b"XYZ ").tag(b"kTRC", icc::gamma(1.8)).bytes()
}

/// The CMYK profile of a printing press, with a different table for each intent.
fn press() -> &'static [u8] {
    static PRESS: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let table = |brightness: f64| {
            let color = |cmyk: &[f64]| {
                icc::legacy_lab(icc::lab(icc::printed_color(cmyk).map(|value| value * brightness)))
            };
            icc::lut(Precision::Sixteen, (4, 5), |value| value.powf(0.9), color, |value| value)
        };
        let profile = IccProfile::new(b"CMYK", b"Lab ").white([0.88, 0.92, 0.7]);
        profile.tag(b"A2B0", table(1.0)).tag(b"A2B1", table(0.97)).tag(b"A2B2", table(0.94)).bytes()
    });
    &PRESS
}

const INTENTS: [(&str, Intent); 4] = [
    ("perceptual", Intent::Perceptual),
    ("relative", Intent::RelativeColorimetric),
    ("saturation", Intent::Saturation),
    ("absolute", Intent::AbsoluteColorimetric),
];

/// Converts pixels to sRGB with Little CMS.
fn little_cms<P: Copy + Pod>(
    profile: &[u8],
    format: PixelFormat,
    intent: Intent,
    colors: &[P],
) -> RgbImage {
    let (from, to) = (Profile::new_icc(profile).unwrap(), Profile::new_srgb());
    let transform =
        Transform::new_flags(&from, format, &to, PixelFormat::RGB_8, intent, Flags::NO_OPTIMIZE)
            .unwrap();
    let mut pixels = vec![[0; 3]; colors.len()];
    transform.transform_pixels(colors, &mut pixels);
    RgbImage { width: SIZE.0, height: SIZE.1, pixels }
}

fn export(workspace: &Workspace, file: &str, options: &[&str]) -> (Run, Tree) {
    let run = workspace
        .export([&[file, "-o", "out/scan", "--overwrite", "--tile-size", "512"], options].concat());
    let run = run.succeeds();
    workspace.slidezoom(["verify", "out/scan"]).succeeds();
    (run, workspace.tree("out/scan"))
}

fn base(tree: &Tree, extension: &str) -> RgbImage {
    RgbImage::from_file(extension, tree.file(&format!("scan_files/8/0_0.{extension}")))
}

fn color(tree: &Tree) -> Value {
    tree.json("scan.json")["color"].clone()
}

/// The chroma subsampling of the only full-size tile.
fn sampling(tree: &Tree) -> Subsamp {
    turbojpeg::read_header(tree.file("scan_files/8/0_0.jpeg")).unwrap().subsamp
}

/// Writes a TIFF in one strip with a profile. `samples` is as in [`single_strip`].
fn write_tiff(
    workspace: &Workspace,
    name: &str,
    samples: (u16, u16, u16),
    strip: &[u8],
    profile: &[u8],
) {
    let mut writer =
        TiffWriter::create(&workspace.path(name), Container::Classic, ByteOrder::Big).unwrap();
    let mut fields = single_strip(&mut writer, SIZE, samples, strip);
    fields.push(field(34_675, Values::Undefined(profile.to_vec())));
    writer.directory(fields).unwrap();
    writer.finish().unwrap();
}

/// The coordinates of all pixels.
fn points() -> impl Iterator<Item = (u32, u32)> {
    (0..SIZE.1).flat_map(|y| (0..SIZE.0).map(move |x| (x, y)))
}

fn grays() -> Vec<u8> {
    points().map(|(x, y)| ((x + 3 * y) % 256) as u8).collect()
}

fn cmyk_pixels() -> Vec<[u8; 4]> {
    points()
        .map(|(x, y)| [x + 50, y * 3 / 2, 255 - x, (x * y / 9) % 200].map(|value| value as u8))
        .collect()
}

/// A workspace with a gray slide that has the gray profile.
fn with_gray_slide() -> Workspace {
    let workspace = Workspace::new();
    SlideBuilder::new(SIZE.0, SIZE.1)
        .tile_size(64, 64)
        .pattern(Pattern::Tissue { seed: 4 })
        .color(Color::Gray)
        .icc_profile(&gray())
        .write_into(&workspace, "scan.tif");
    workspace
}

#[test]
fn converts_gray_slides_and_keeps_tiles_gray() {
    let workspace = with_gray_slide();
    let png = &["--format", "png"];
    let native = base(
        &export(&workspace, "scan.tif", &[&png[..], &["--color", "ignore"]].concat()).1,
        "png",
    );
    let grays: Vec<u8> = native.pixels.iter().map(|pixel| pixel[0]).collect();
    let expected = little_cms(&gray(), PixelFormat::GRAY_8, Intent::Perceptual, &grays);
    let (_, converted) = export(&workspace, "scan.tif", png);
    base(&converted, "png").assert_near(&expected, 1, "gamma 1.8");
    assert!(
        base(&converted, "png")
            .pixels
            .iter()
            .all(|[red, green, blue]| red == green && green == blue)
    );
    // The test would prove nothing if the conversion changed little.
    let mut pairs = native.pixels.iter().zip(&expected.pixels);
    assert!(pairs.any(|(native, converted)| native[0].abs_diff(converted[0]) > 10));
    let (run, tree) = export(&workspace, "scan.tif", &["--quality", "100"]);
    assert_eq!(sampling(&tree), Subsamp::Gray);
    assert!(!run.stderr.contains("note"), "{run:?}");
    base(&tree, "jpeg").assert_near(&expected, 3, "as JPEG");
    let handling = json!({ "profileBytes": gray().len(), "handling": "converted to sRGB", "intent": "perceptual" });
    assert_eq!(color(&tree), handling);
    assert_eq!(embedded_profile(tree.file("scan_files/8/0_0.jpeg")), None);
    let other = export(&workspace, "scan.tif", &["--quality", "100", "--reader", "openslide"]).1;
    assert!(other.file("scan_files/8/0_0.jpeg") == tree.file("scan_files/8/0_0.jpeg"));
}

#[test]
fn embeds_gray_profiles_in_gray_tiles_and_converts_other_tiles() {
    let workspace = with_gray_slide();
    let (_, ignored) = export(&workspace, "scan.tif", &["--color", "ignore"]);
    let (run, embedded) = export(&workspace, "scan.tif", &["--color", "embed"]);
    for file in embedded.files().into_iter().filter(|file| file.starts_with("scan_files")) {
        assert_eq!(embedded_profile(embedded.file(file)), Some(gray()), "{file}");
        assert_eq!(
            turbojpeg::read_header(embedded.file(file)).unwrap().subsamp,
            Subsamp::Gray,
            "{file}"
        );
        assert!(
            RgbImage::from_file("jpeg", embedded.file(file))
                == RgbImage::from_file("jpeg", ignored.file(file))
        );
    }
    assert!(!run.stderr.contains("note"), "{run:?}");
    assert_eq!(color(&embedded)["handling"], "embedded");
    for options in [
        &["--format", "png"][..],
        &["--format", "webp"],
        &["--subsampling", "444"],
        &["--background", "ff0000"],
    ] {
        let (_, converted) = export(&workspace, "scan.tif", options);
        let (run, tree) =
            export(&workspace, "scan.tif", &[options, &["--color", "embed"]].concat());
        run.reports(&["note: the slide's ICC profile is for gray and cannot be embedded in RGB tiles: colors are converted to sRGB"]);
        assert_eq!(color(&tree)["handling"], "converted to sRGB");
        for file in tree.files().into_iter().filter(|file| file.starts_with("scan_files")) {
            assert!(tree.file(file) == converted.file(file), "{file}");
            assert_eq!(embedded_profile(tree.file(file)), None, "{file}");
        }
    }
    // The Google layout has an RGB image for missing tiles.
    workspace
        .export(["scan.tif", "-o", "google", "--layout", "google", "--color", "embed"])
        .succeeds()
        .reports(&["is for gray and cannot be embedded in RGB tiles"]);
}

/// Lossless tiles cannot be converted, so they need the profile.
#[test]
fn lossless_gray_tiles_get_the_profile_if_all_tiles_are_gray() {
    let workspace = with_gray_slide();
    let lossless = |options: &[&str]| {
        let run = workspace.export(
            [&["scan.tif", "-o", "out/scan", "--overwrite", "--lossless"], options].concat(),
        );
        (run.succeeds(), workspace.tree("out/scan"))
    };
    let (_, tree) = lossless(&[]);
    for file in tree.files().into_iter().filter(|file| file.starts_with("scan_files")) {
        assert_eq!(embedded_profile(tree.file(file)), Some(gray()), "{file}");
    }
    assert_eq!(color(&tree)["handling"], "embedded");
    let (run, tree) = lossless(&["--background", "ff0000"]);
    run.reports(&["note: the slide's ICC profile cannot be used (it is for gray pixels, "]);
    assert_eq!(color(&tree)["handling"], "unusable");
    assert_eq!(embedded_profile(tree.file("scan_files/8/0_0.jpeg")), None);
}

/// Inserts a profile into a JPEG file, as one segment.
fn with_profile(jpeg: &[u8], profile: &[u8]) -> Vec<u8> {
    let length = ((16 + profile.len()) as u16).to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe2], &length, b"ICC_PROFILE\0\x01\x01", profile, &jpeg[2..]].concat()
}

/// Encodes gray or CMYK pixels as JPEG.
fn jpeg(format: turbojpeg::PixelFormat, pixels: &[u8]) -> Vec<u8> {
    let bytes = if format == turbojpeg::PixelFormat::GRAY { 1 } else { 4 };
    let (width, height) = (SIZE.0 as usize, SIZE.1 as usize);
    let image = turbojpeg::Image { pixels, width, pitch: width * bytes, height, format };
    let sampling = if bytes == 1 { Subsamp::Gray } else { Subsamp::None };
    turbojpeg::compress(image, 100, sampling).unwrap().to_vec()
}

fn png(profile: &[u8], color: png::ColorType, depth: png::BitDepth, samples: &[u8]) -> Vec<u8> {
    let mut info = png::Info::with_size(SIZE.0, SIZE.1);
    info.icc_profile = Some(profile.into());
    (info.color_type, info.bit_depth) = (color, depth);
    let mut file = Vec::new();
    let mut writer = png::Encoder::with_info(&mut file, info).unwrap().write_header().unwrap();
    writer.write_image_data(samples).unwrap();
    writer.finish().unwrap();
    file
}

#[test]
fn converts_gray_images_of_every_format() {
    let (workspace, samples) = (Workspace::new(), grays());
    let with_alpha: Vec<u8> = samples.iter().flat_map(|&gray| [gray, 255]).collect();
    let deep: Vec<u8> = samples.iter().flat_map(|&gray| [gray, gray]).collect();
    let white_is_zero: Vec<u8> = samples.iter().map(|gray| 255 - gray).collect();
    for (name, bytes) in [
        ("8.png", png(&gray(), png::ColorType::Grayscale, png::BitDepth::Eight, &samples)),
        (
            "alpha.png",
            png(&gray(), png::ColorType::GrayscaleAlpha, png::BitDepth::Eight, &with_alpha),
        ),
        ("16.png", png(&gray(), png::ColorType::Grayscale, png::BitDepth::Sixteen, &deep)),
        ("gray.jpg", with_profile(&jpeg(turbojpeg::PixelFormat::GRAY, &samples), &gray())),
    ] {
        std::fs::write(workspace.path(name), bytes).unwrap();
    }
    write_tiff(&workspace, "8.tif", (1, 8, 1), &samples, &gray());
    write_tiff(&workspace, "16.tif", (1, 16, 1), &deep, &gray());
    write_tiff(&workspace, "white.tif", (0, 8, 1), &white_is_zero, &gray());
    for name in ["8.png", "alpha.png", "16.png", "gray.jpg", "8.tif", "16.tif", "white.tif"] {
        for (intent, lcms_intent) in INTENTS {
            let (_, ignored) = export(&workspace, name, &["--format", "png", "--color", "ignore"]);
            let native: Vec<u8> =
                base(&ignored, "png").pixels.iter().map(|pixel| pixel[0]).collect();
            let expected = little_cms(&gray(), PixelFormat::GRAY_8, lcms_intent, &native);
            let (run, tree) = export(&workspace, name, &["--format", "png", "--intent", intent]);
            base(&tree, "png").assert_near(&expected, 1, name);
            assert!(!run.stderr.contains("note"), "{run:?}");
            assert_eq!(color(&tree)["intent"], intent);
        }
        let (_, tree) = export(&workspace, name, &[]);
        assert_eq!(sampling(&tree) == Subsamp::Gray, name != "alpha.png", "{name}");
    }
}

/// Converts CMYK without a profile.
fn naive(cmyk: &[[u8; 4]]) -> RgbImage {
    let pixels = cmyk.iter().map(|&[cyan, magenta, yellow, black]| {
        let light = u32::from(255 - black);
        [cyan, magenta, yellow].map(|value| ((u32::from(255 - value) * light + 127) / 255) as u8)
    });
    RgbImage { width: SIZE.0, height: SIZE.1, pixels: pixels.collect() }
}

/// Writes CMYK files. Returns their names and pixels.
fn cmyk_files(workspace: &Workspace, profile: &[u8]) -> Vec<(&'static str, Vec<[u8; 4]>)> {
    let cmyk = cmyk_pixels();
    let deep: Vec<u8> = cmyk.as_flattened().iter().flat_map(|&value| [value, value]).collect();
    write_tiff(workspace, "8.tif", (5, 8, 4), cmyk.as_flattened(), profile);
    write_tiff(workspace, "16.tif", (5, 16, 4), &deep, profile);
    // With Adobe's marker, values are inverted.
    let inverted: Vec<u8> = cmyk.as_flattened().iter().map(|value| 255 - value).collect();
    let jpeg = jpeg(turbojpeg::PixelFormat::CMYK, &inverted);
    let decoded = turbojpeg::decompress(&jpeg, turbojpeg::PixelFormat::CMYK).unwrap().pixels;
    let (pixels, _) = decoded.as_chunks::<4>();
    let decoded = pixels.iter().map(|pixel| pixel.map(|value| 255 - value)).collect();
    std::fs::write(workspace.path("cmyk.jpg"), with_profile(&jpeg, profile)).unwrap();
    vec![("8.tif", cmyk.clone()), ("16.tif", cmyk), ("cmyk.jpg", decoded)]
}

#[test]
fn converts_cmyk_as_little_cms_does() {
    let workspace = Workspace::new();
    let png = ["--format", "png"];
    for (name, native) in cmyk_files(&workspace, press()) {
        for (intent, lcms_intent) in INTENTS {
            let (run, tree) = export(&workspace, name, &[&png[..], &["--intent", intent]].concat());
            let expected = little_cms(press(), PixelFormat::CMYK_8, lcms_intent, &native);
            base(&tree, "png").assert_near(&expected, 2, &format!("{name}, {intent}"));
            let handling = json!({ "profileBytes": press().len(), "handling": "converted to sRGB", "intent": intent });
            assert_eq!(color(&tree), handling);
            assert!(!run.stderr.contains("note"), "{run:?}");
        }
        let (_, converted) = export(&workspace, name, &png);
        assert_eq!(color(&converted)["intent"], "perceptual");
        let (_, ignored) = export(&workspace, name, &[&png[..], &["--color", "ignore"]].concat());
        base(&ignored, "png").assert_near(&naive(&native), 1, name);
        assert_eq!(color(&ignored)["handling"], "ignored");
        assert!(base(&converted, "png") != base(&ignored, "png"));
        let (run, embedded) = export(&workspace, name, &[&png[..], &["--color", "embed"]].concat());
        run.reports(&["note: the slide's ICC profile is for CMYK and cannot be embedded in RGB tiles: colors are converted to sRGB"]);
        assert_eq!(color(&embedded), color(&converted));
        assert!(embedded.file("scan_files/8/0_0.png") == converted.file("scan_files/8/0_0.png"));
        let tiles_with = |jobs: &str| {
            workspace
                .export([
                    name,
                    "-o",
                    "jobs/scan",
                    "--overwrite",
                    "--tile-size",
                    "32",
                    "--jobs",
                    jobs,
                ])
                .succeeds();
            let tree = workspace.tree("jobs/scan");
            let tiles = tree.files().into_iter().filter(|file| file.starts_with("scan_files"));
            tiles.map(|file| tree.file(file).to_vec()).collect::<Vec<_>>()
        };
        assert!(tiles_with("1") == tiles_with("5"), "{name}");
    }
    let info = workspace.slidezoom(["info", "8.tif"]).succeeds();
    assert!(info.text().contains("bytes: converted to sRGB, perceptual intent"), "{info:?}");
    workspace
        .slidezoom([
            "tile", "8.tif", "8", "0", "0", "--format", "png", "--intent", "relative", "-o",
            "tile.png",
        ])
        .succeeds();
    let tile = RgbImage::from_png(&std::fs::read(workspace.path("tile.png")).unwrap());
    let expected =
        little_cms(press(), PixelFormat::CMYK_8, Intent::RelativeColorimetric, &cmyk_pixels());
    assert_eq!(tile.size(), SIZE);
    tile.assert_near(&expected, 2, "one tile");
}

#[test]
fn warns_of_profiles_for_other_color_spaces() {
    let workspace = Workspace::new();
    for (name, native) in cmyk_files(&workspace, &IccProfile::adobe_rgb(1.8).bytes()) {
        let (run, tree) = export(&workspace, name, &["--format", "png"]);
        run.reports(&["note: the slide's ICC profile cannot be used (it is for RGB pixels, and these are CMYK): colors are not converted"]);
        base(&tree, "png").assert_near(&naive(&native), 1, name);
        assert_eq!(color(&tree)["handling"], "unusable");
    }
    let rgb: Vec<u8> = grays().into_iter().flat_map(|gray| [gray, 255 - gray, 90]).collect();
    write_tiff(&workspace, "rgb.tif", (2, 8, 3), &rgb, &gray());
    write_tiff(&workspace, "gray.tif", (1, 8, 1), &grays(), press());
    for (file, reason) in [
        ("rgb.tif", "it is for gray pixels, and these are RGB"),
        ("gray.tif", "it is for CMYK pixels, and these are gray"),
    ] {
        let (run, tree) = export(&workspace, file, &["--format", "png"]);
        run.reports(&[&format!("note: the slide's ICC profile cannot be used ({reason})")]);
        let ignored = export(&workspace, file, &["--format", "png", "--color", "ignore"]).1;
        assert!(tree.file("scan_files/8/0_0.png") == ignored.file("scan_files/8/0_0.png"));
        assert_eq!(color(&tree)["handling"], "unusable");
    }
}
