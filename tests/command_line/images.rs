//! Ordinary images: the exported pixels of every format, color type and bit depth are compared with
//! those that the file was made from.

#![expect(clippy::cast_sign_loss, reason = "sample values are not negative")]

use std::fs;

use slidezoom_fixtures::image::{
    ImageBuilder, ImageColor, ImageFormat, JPEG_2000_SIZE, JpegCoding, RowOrder, Samples,
    every_format, every_in_memory_format, pixel,
};
use slidezoom_fixtures::{ByteOrder, Container, Subsampling, TiffWriter};

use crate::deep_zoom::DeepZoom;
use crate::rgb_image::RgbImage;
use crate::slides::{self, WriteInto};
use crate::tiff_files::{short, single_strip};
use crate::workspace::Workspace;

pub const SIZE: (u32, u32) = (300, 270);

/// Options for exact pixels in tiles that [`assembled_base`] reads.
pub const EXACT: [&str; 9] = [
    "--format",
    "png",
    "--no-viewer",
    "--tile-size",
    "128",
    "--overlap",
    "0",
    "--no-source-hash",
    "--overwrite",
];

/// A baseline JPEG file without subsampling.
const JPEG: ImageFormat =
    ImageFormat::Jpeg { coding: JpegCoding::Baseline, subsampling: Subsampling::Full, quality: 90 };

pub const PNG: ImageFormat = ImageFormat::Png(RowOrder::Sequential);

/// Verifies the export `out` and returns its largest level, assembled from the tiles.
#[track_caller]
pub fn assembled_base(workspace: &Workspace, size: (u32, u32)) -> RgbImage {
    workspace.slidezoom(["verify", "out"]).succeeds();
    let tree = workspace.tree("out");
    assert_eq!(
        (&tree.json("out.json")["width"], &tree.json("out.json")["height"]),
        (&size.0.into(), &size.1.into())
    );
    let plan = DeepZoom::new(size).with_tiles(128, 0);
    RgbImage::assembled(&tree, "out", &plan, plan.max_level(), "png")
}

/// Returns an image file with the pixels of the fixtures.
pub fn image_bytes((width, height): (u32, u32), format: ImageFormat, samples: Samples) -> Vec<u8> {
    ImageBuilder::new(width, height, format).samples(samples).bytes().unwrap()
}

/// Exports an image with these options and returns the pixels of the largest level.
#[track_caller]
fn exported(bytes: &[u8], size: (u32, u32), options: &[&str]) -> RgbImage {
    let workspace = Workspace::new();
    fs::write(workspace.path("image"), bytes).unwrap();
    workspace.export([&["image", "-o", "out"], &EXACT[..], options].concat()).succeeds();
    assembled_base(&workspace, size)
}

/// Scales a sample to 8 bits: `white` becomes 255.
fn scaled(value: u16, white: f64) -> u8 {
    (f64::from(value) * 255.0 / white).round().min(255.0) as u8
}

fn samples(color: ImageColor, bits: u8) -> Samples {
    Samples::new(color, bits).unwrap()
}

#[test]
fn exports_the_pixels_of_every_format_under_any_file_name() {
    for file in every_format(SIZE).unwrap() {
        let workspace = Workspace::new();
        fs::write(workspace.path("image.txt"), &file.bytes).unwrap();
        let info = workspace.slidezoom(["info", "image.txt"]).succeeds();
        assert!(info.text().contains(file.reader), "{}: {info:?}", file.name);
        let json = workspace.slidezoom(["info", "--json", "image.txt"]).succeeds().json();
        assert_eq!(json["slide"]["reader"]["kind"], "image", "{}", file.name);
        let size = if file.name == "tissue.jp2" { JPEG_2000_SIZE } else { SIZE };
        for jobs in ["1", "3"] {
            let options = ["image.txt", "-o", "out", "--jobs", jobs];
            workspace.export([&options, &EXACT[..]].concat()).succeeds();
            let expected = match file.name {
                "deep.tif" => RgbImage::draw(size, |x, y| {
                    let [red, green, blue, _] = samples(ImageColor::Rgb, 16).at(x, y);
                    [red, green, blue].map(|value| scaled(value, 65_535.0))
                }),
                name if name.ends_with("jpg") => RgbImage::from_jpeg(&file.bytes),
                _ => RgbImage::draw(size, pixel),
            };
            assert!(assembled_base(&workspace, size) == expected, "{} on {jobs}", file.name);
        }
    }
}

#[test]
fn exports_the_pixels_of_formats_that_are_decoded_in_memory() {
    let size = (250, 132);
    for file in every_in_memory_format(size).unwrap() {
        let workspace = Workspace::new();
        fs::write(workspace.path(file.name), &file.bytes).unwrap();
        let is_float = file.name.starts_with("float");
        if is_float {
            let words = ["its samples are floating-point numbers", "--range"];
            workspace.export([file.name, "-o", "out"]).fails(3, &words);
        }
        let range: &[&str] = if is_float { &["--range", "0,1"] } else { &[] };
        let info = workspace.slidezoom([&["info", file.name], range].concat()).succeeds();
        assert!(info.text().contains(file.reader), "{}: {info:?}", file.name);
        workspace.export([&[file.name, "-o", "out"], &EXACT[..], range].concat()).succeeds();
        let (size, tolerance) = match file.name {
            // Colors have 5 or 6 bits, which the decoder rounds down when it scales them.
            "blocks.dds" => ((252, 132), 1),
            // The channels of a pixel share an exponent and have 8 bits each.
            "float.hdr" => (size, 1),
            _ => (size, 0),
        };
        let gray = samples(ImageColor::Gray, 8);
        let expected = RgbImage::draw(size, |x, y| match file.name {
            "first.gif" => [scaled(gray.at(x, y)[0], 255.0); 3],
            "blocks.dds" => {
                let [red, green, blue] = pixel(x / 4 * 4, y / 4 * 4);
                let reduced = |value: u8, bits: u32| {
                    let white = f64::from((1 << bits) - 1);
                    scaled(u16::from(value >> (8 - bits)), white)
                };
                [reduced(red, 5), reduced(green, 6), reduced(blue, 5)]
            }
            _ => pixel(x, y),
        });
        assembled_base(&workspace, size).assert_near(&expected, tolerance, file.name);
    }
}

#[test]
fn rejects_images_with_slide_extensions() {
    let workspace = Workspace::new();
    for name in ["x.mrxs", "x.svs"] {
        fs::write(workspace.path(name), image_bytes(SIZE, PNG, Samples::default())).unwrap();
        let words = [
            "not a supported slide, or incomplete",
            "the content is PNG",
            "\nhint: rename an ordinary image",
        ];
        workspace.export([name]).fails(3, &[&[name], &words[..]].concat());
        fs::remove_file(workspace.path(name)).unwrap();
    }
    assert_eq!(workspace.names(), [""; 0]);
    // .tif is also the extension of ordinary images.
    for file in every_format(SIZE).unwrap() {
        fs::write(workspace.path("x.tif"), &file.bytes).unwrap();
        workspace.export(["x.tif", "-o", "out", "--overwrite"]).succeeds();
    }
}

#[test]
fn maps_16_bit_samples_linearly() {
    for (options, white) in [
        (&[][..], 65_535.0),
        (&["--range", "0,4095"], 4_095.0),
        (&["--range", "0,40000"], 40_000.0),
    ] {
        let gray = samples(ImageColor::Gray, 16);
        let expected = RgbImage::draw(SIZE, |x, y| [scaled(gray.at(x, y)[0], white); 3]);
        assert!(
            exported(&image_bytes(SIZE, PNG, gray), SIZE, options) == expected,
            "gray, white is {white}"
        );
        let rgb = samples(ImageColor::Rgb, 16);
        let expected = RgbImage::draw(SIZE, |x, y| {
            let [red, green, blue, _] = rgb.at(x, y);
            [red, green, blue].map(|value| scaled(value, white))
        });
        assert!(
            exported(&image_bytes(SIZE, PNG, rgb), SIZE, options) == expected,
            "RGB, white is {white}"
        );
    }
}

#[test]
fn scales_1_2_and_4_bit_samples() {
    for bits in [1, 2, 4] {
        let gray = samples(ImageColor::Gray, bits);
        let white = f64::from((1 << bits) - 1);
        let expected = RgbImage::draw(SIZE, |x, y| [scaled(gray.at(x, y)[0], white); 3]);
        assert!(exported(&image_bytes(SIZE, PNG, gray), SIZE, &[]) == expected, "{bits} bits");
    }
}

/// Writes a gray TIFF in one strip, with this `SampleFormat`.
fn gray_tiff(workspace: &Workspace, size: (u32, u32), bits: u16, format: u16, strip: &[u8]) {
    let path = workspace.path("gray.tif");
    let mut writer = TiffWriter::create(&path, Container::Classic, ByteOrder::Little).unwrap();
    let mut fields = single_strip(&mut writer, size, (1, bits, 1), strip);
    fields.push(short(339, format));
    writer.directory(fields).unwrap();
    writer.finish().unwrap();
}

#[test]
fn requires_a_range_for_signed_and_float_samples() {
    let size = (50, 40);
    let points = || (0..size.1).flat_map(|y| (0..size.0).map(move |x| (x, y)));
    let float = |x: u32, y: u32| (x as f32 + 3.0 * y as f32) / 160.0 - 0.05;
    let signed = |x: u32, y: u32| (40 * x) as i16 - (30 * y) as i16;
    let floats: Vec<u8> = points().flat_map(|(x, y)| float(x, y).to_le_bytes()).collect();
    let integers: Vec<u8> = points().flat_map(|(x, y)| signed(x, y).to_le_bytes()).collect();
    let mapped = |value: f64, black: f64, white: f64| {
        let gray = ((value - black) * 255.0 / (white - black)).round().clamp(0.0, 255.0);
        [gray as u8; 3]
    };
    let from_floats = RgbImage::draw(size, |x, y| mapped(float(x, y).into(), 0.0, 1.0));
    let from_integers = RgbImage::draw(size, |x, y| mapped(signed(x, y).into(), -1000.0, 1500.0));
    for (bits, format, strip, range, expected) in
        [(32, 3, floats, "0,1", from_floats), (16, 2, integers, "-1000,1500", from_integers)]
    {
        let workspace = Workspace::new();
        gray_tiff(&workspace, size, bits, format, &strip);
        workspace
            .export(["gray.tif", "-o", "out"])
            .fails(3, &["gray.tif: its samples are ", "\nhint: set the sample range"]);
        assert_eq!(workspace.names(), ["gray.tif"]);
        workspace
            .export([&["gray.tif", "-o", "out", "--range", range], &EXACT[..]].concat())
            .succeeds();
        assembled_base(&workspace, size).assert_near(&expected, 0, range);
    }
}

/// Composites a color over a background.
pub fn over(color: [u8; 3], alpha: f64, background: [u8; 3]) -> [u8; 3] {
    [0, 1, 2].map(|channel| {
        let (color, background) = (f64::from(color[channel]), f64::from(background[channel]));
        (color * alpha + background * (1.0 - alpha)).round() as u8
    })
}

#[test]
fn composites_transparency_over_the_background() {
    let background = [10, 100, 200];
    for (color, bits) in [(ImageColor::Rgba, 8), (ImageColor::GrayAlpha, 8), (ImageColor::Rgba, 16)]
    {
        let samples = samples(color, bits);
        let white = if bits == 16 { 65_535.0 } else { 255.0 };
        let expected = RgbImage::draw(SIZE, |x, y| {
            let values = samples.at(x, y);
            let (color, alpha) = match color {
                ImageColor::GrayAlpha => ([values[0]; 3], values[1]),
                _ => ([values[0], values[1], values[2]], values[3]),
            };
            let color = color.map(|value| scaled(value, white));
            over(color, f64::from(alpha) / white, background)
        });
        let found = exported(&image_bytes(SIZE, PNG, samples), SIZE, &["--background", "0a64c8"]);
        found.assert_near(&expected, 1, &format!("{color:?}, {bits} bits"));
    }
}

#[test]
fn composites_transparent_palette_colors() {
    let colors = [[200, 10, 30], [0, 255, 0], [40, 50, 60], [255, 255, 255]];
    let alpha = [255, 0, 128];
    let size = (130, 9);
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, size.0, size.1);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Two);
    encoder.set_palette(colors.as_flattened());
    encoder.set_trns(&alpha[..]);
    // Each byte has the pixels 0, 1, 2, 3; a row of 130 pixels has 33 bytes.
    encoder.write_header().unwrap().write_image_data(&[0b0001_1011; 33 * 9]).unwrap();
    let expected = RgbImage::draw(size, |x, _| {
        let index = (x % 4) as usize;
        let alpha = alpha.get(index).map_or(1.0, |&alpha| f64::from(alpha) / 255.0);
        over(colors[index], alpha, [10, 100, 200])
    });
    exported(&bytes, size, &["--background", "0a64c8"]).assert_near(&expected, 1, "palette");
}

#[test]
fn converts_cmyk_to_rgb() {
    let size = (64, 48);
    let cmyk: Vec<u8> = (0..size.1)
        .flat_map(|y| (0..size.0).flat_map(move |x| [4 * x, 5 * y, 2 * (x + y), 255 - x]))
        .map(|value| value as u8)
        .collect();
    let image = turbojpeg::Image {
        pixels: &cmyk[..],
        width: size.0 as usize,
        pitch: 4 * size.0 as usize,
        height: size.1 as usize,
        format: turbojpeg::PixelFormat::CMYK,
    };
    let bytes = turbojpeg::compress(image, 95, turbojpeg::Subsamp::None).unwrap();
    // With Adobe's marker, values are inverted: 255 is no ink.
    let inverted = turbojpeg::decompress(&bytes, turbojpeg::PixelFormat::CMYK).unwrap().pixels;
    let expected = RgbImage::draw(size, |x, y| {
        let at = 4 * (y * size.0 + x) as usize;
        let black = f64::from(inverted[at + 3]);
        [0, 1, 2].map(|channel| (f64::from(inverted[at + channel]) * black / 255.0).round() as u8)
    });
    exported(&bytes, size, &[]).assert_near(&expected, 1, "CMYK");
}

#[test]
fn applies_exif_orientation() {
    let jpeg = image_bytes(SIZE, JPEG, Samples::default());
    // Orientation 6: the first row is the right side, and the first column is the top.
    let exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let length = (exif.len() as u16 + 2).to_be_bytes();
    let with_exif = [&jpeg[..2], &[0xff, 0xe1], &length, exif, &jpeg[2..]].concat();
    let stored = RgbImage::from_jpeg(&jpeg);
    let expected = RgbImage::draw((SIZE.1, SIZE.0), |x, y| stored.pixel(y, SIZE.1 - 1 - x));
    assert!(exported(&with_exif, (SIZE.1, SIZE.0), &[]) == expected);
}

#[test]
fn selects_a_page_by_number() {
    let workspace = Workspace::new();
    let size = (40, 30);
    let mut writer =
        TiffWriter::create(&workspace.path("pages.tif"), Container::Classic, ByteOrder::Little)
            .unwrap();
    let content = |page: u32| RgbImage::draw(size, |x, y| pixel(x + 100 * page, y + 300 * page));
    for page in [1, 2] {
        let strip = content(page);
        let fields = single_strip(&mut writer, size, (2, 8, 3), strip.pixels.as_flattened());
        writer.directory(fields).unwrap();
    }
    writer.finish().unwrap();
    assert!(content(1) != content(2));
    for (options, page) in [(&[][..], 1), (&["--page", "1"], 1), (&["--page", "2"], 2)] {
        workspace.export([&["pages.tif", "-o", "out"], &EXACT[..], options].concat()).succeeds();
        assert!(assembled_base(&workspace, size) == content(page), "{options:?}");
    }
    fs::remove_dir_all(workspace.path("out")).unwrap();
    workspace.export(["pages.tif", "--page", "9"]).fails(
        3,
        &["cannot read page 9 of ", "it has 2 pages", "\nhint: pages are counted from 1"],
    );
    fs::write(workspace.path("one.png"), image_bytes(size, PNG, Samples::default())).unwrap();
    workspace
        .export(["one.png", "--page", "2"])
        .fails(3, &["cannot read page 2 of one.png: it has 1 page"]);
    assert_eq!(workspace.names(), ["one.png", "pages.tif"]);
}

#[test]
fn rejects_pages_and_ranges_of_slides() {
    let workspace = Workspace::new();
    slides::aperio().write_into(&workspace, "scan.svs");
    for options in [["--page", "2"], ["--range", "0,4095"]] {
        let words = [
            "cannot read scan.svs: it is a slide, which has no ",
            "\nhint: omit --page and --range",
        ];
        workspace.export([&["scan.svs"], &options[..]].concat()).fails(3, &words);
    }
    assert_eq!(workspace.names(), ["scan.svs"]);
}
