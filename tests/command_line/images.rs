//! Ordinary images: every format, color type and depth comes out as the pixels that the file is
//! known to hold, from a file and from standard input.

#![expect(clippy::cast_sign_loss, reason = "tones are above 0")]

use std::fs;
use std::io::Write;
use std::process::Stdio;

use slidezoom_fixtures::image::{
    ImageBuilder, ImageColor, ImageFormat, JPEG_2000_SIZE, JpegCoding, RowOrder, Samples,
    every_format, every_in_memory_format, pixel,
};
use slidezoom_fixtures::{ByteOrder, Container, Field, Subsampling, TiffWriter, Values};

use crate::deep_zoom::DeepZoom;
use crate::pictures::Picture;
use crate::slides::{self, WriteInto};
use crate::workspace::{Run, Workspace};

const SIZE: (u32, u32) = (300, 270);

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

const PNG: ImageFormat = ImageFormat::Png(RowOrder::Sequential);

/// The full size of the export `out`, which `verify` finds whole, put together from its tiles.
#[track_caller]
pub fn base(workspace: &Workspace, size: (u32, u32)) -> Picture {
    workspace.slidezoom(["verify", "out"]).succeeds();
    let tree = workspace.tree("out");
    assert_eq!(
        (&tree.json("out.json")["width"], &tree.json("out.json")["height"]),
        (&size.0.into(), &size.1.into())
    );
    let plan = DeepZoom::new(size).cut(128, 0);
    let tiles = plan.level_tiles(plan.max_level()).into_iter().map(|tile| {
        let picture = Picture::from_png(tree.file(&format!("out_files/{}", tile.file("png"))));
        assert_eq!(picture.size(), tile.size());
        picture
    });
    let (tiles, columns) = (tiles.collect::<Vec<_>>(), plan.grid(plan.max_level()).0);
    Picture::draw(size, |x, y| {
        tiles[((y / 128) * columns + x / 128) as usize].pixel(x % 128, y % 128)
    })
}

/// The file of the fixtures' picture.
fn built_bytes((width, height): (u32, u32), format: ImageFormat, samples: Samples) -> Vec<u8> {
    ImageBuilder::new(width, height, format).samples(samples).bytes().unwrap()
}

/// What `export` with these options makes of a file.
#[track_caller]
fn exported(bytes: &[u8], size: (u32, u32), options: &[&str]) -> Picture {
    let workspace = Workspace::new();
    fs::write(workspace.path("image"), bytes).unwrap();
    workspace.export([&["image", "-o", "out"], &EXACT[..], options].concat()).succeeds();
    base(&workspace, size)
}

/// A sample of 16 bits as one of 8, where `white` is 255.
fn tone(value: u16, white: f64) -> u8 {
    (f64::from(value) * 255.0 / white).round().min(255.0) as u8
}

fn samples(color: ImageColor, bits: u8) -> Samples {
    Samples::new(color, bits).unwrap()
}

#[test]
fn exports_the_pixels_of_every_format_whatever_the_file_name() {
    for file in every_format(SIZE).unwrap() {
        let workspace = Workspace::new();
        fs::write(workspace.path("picture.txt"), &file.bytes).unwrap();
        let info = workspace.slidezoom(["info", "picture.txt"]).succeeds();
        assert!(info.text().contains(file.reader), "{}: {info:?}", file.name);
        let json = workspace.slidezoom(["info", "--json", "picture.txt"]).succeeds().json();
        assert_eq!(json["slide"]["reader"]["kind"], "image", "{}", file.name);
        let size = if file.name == "tissue.jp2" { JPEG_2000_SIZE } else { SIZE };
        for jobs in ["1", "3"] {
            let options = ["picture.txt", "-o", "out", "--jobs", jobs];
            workspace.export([&options, &EXACT[..]].concat()).succeeds();
            let expected = match file.name {
                "deep.tif" => Picture::draw(size, |x, y| {
                    let [red, green, blue, _] = samples(ImageColor::Rgb, 16).at(x, y);
                    [red, green, blue].map(|value| tone(value, 65_535.0))
                }),
                name if name.ends_with("jpg") => Picture::from_jpeg(&file.bytes),
                _ => Picture::draw(size, pixel),
            };
            assert!(base(&workspace, size) == expected, "{} on {jobs}", file.name);
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
            // The decoder rounds the 5 and 6 bits of a color down.
            "blocks.dds" => ((252, 132), 1),
            // Eight bits of mantissa, shared by the colors of a pixel.
            "float.hdr" => (size, 1),
            _ => (size, 0),
        };
        let gray = samples(ImageColor::Gray, 8);
        let expected = Picture::draw(size, |x, y| match file.name {
            "first.gif" => [tone(gray.at(x, y)[0], 255.0); 3],
            "blocks.dds" => {
                let [red, green, blue] = pixel(x / 4 * 4, y / 4 * 4);
                let spread = |value: u8, bits: u32| {
                    let most = f64::from((1 << bits) - 1);
                    tone(u16::from(value >> (8 - bits)), most)
                };
                [spread(red, 5), spread(green, 6), spread(blue, 5)]
            }
            _ => pixel(x, y),
        });
        base(&workspace, size).assert_near(&expected, tolerance, file.name);
    }
}

#[test]
fn rejects_images_with_slide_extensions() {
    let workspace = Workspace::new();
    for name in ["x.mrxs", "x.svs"] {
        fs::write(workspace.path(name), built_bytes(SIZE, PNG, Samples::default())).unwrap();
        let words = [
            "not a supported slide, or incomplete",
            "the content is PNG",
            "\nhint: rename an ordinary image",
        ];
        workspace.export([name]).fails(3, &[&[name], &words[..]].concat());
        fs::remove_file(workspace.path(name)).unwrap();
    }
    assert_eq!(workspace.names(), [""; 0]);
    // As anybody may call an image.
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
        let expected = Picture::draw(SIZE, |x, y| [tone(gray.at(x, y)[0], white); 3]);
        assert!(
            exported(&built_bytes(SIZE, PNG, gray), SIZE, options) == expected,
            "gray, white is {white}"
        );
        let rgb = samples(ImageColor::Rgb, 16);
        let expected = Picture::draw(SIZE, |x, y| {
            let [red, green, blue, _] = rgb.at(x, y);
            [red, green, blue].map(|value| tone(value, white))
        });
        assert!(
            exported(&built_bytes(SIZE, PNG, rgb), SIZE, options) == expected,
            "RGB, white is {white}"
        );
    }
}

#[test]
fn scales_1_2_and_4_bit_samples() {
    for bits in [1, 2, 4] {
        let gray = samples(ImageColor::Gray, bits);
        let white = f64::from((1 << bits) - 1);
        let expected = Picture::draw(SIZE, |x, y| [tone(gray.at(x, y)[0], white); 3]);
        assert!(exported(&built_bytes(SIZE, PNG, gray), SIZE, &[]) == expected, "{bits} bits");
    }
}

/// A TIFF entry.
pub fn field(tag: u16, values: Values) -> Field {
    Field { tag, values }
}

/// A gray TIFF in one strip of samples of so many bits and that `SampleFormat`.
fn gray_tiff(
    workspace: &Workspace,
    (width, height): (u32, u32),
    bits: u16,
    format: u16,
    strip: &[u8],
) {
    let path = workspace.path("gray.tif");
    let mut writer = TiffWriter::create(&path, Container::Classic, ByteOrder::Little).unwrap();
    let at = writer.append(strip).unwrap();
    let fields = vec![
        field(256, Values::Long(vec![width])),
        field(257, Values::Long(vec![height])),
        field(258, Values::Short(vec![bits])),
        field(259, Values::Short(vec![1])),
        field(262, Values::Short(vec![1])),
        field(273, Values::Offsets(vec![at])),
        field(277, Values::Short(vec![1])),
        field(278, Values::Long(vec![height])),
        field(279, Values::Long(vec![strip.len() as u32])),
        field(339, Values::Short(vec![format])),
    ];
    writer.directory(fields).unwrap();
    writer.finish().unwrap();
}

#[test]
fn requires_a_range_for_signed_and_float_samples() {
    let size = (50, 40);
    let places = || (0..size.1).flat_map(|y| (0..size.0).map(move |x| (x, y)));
    let fraction = |x: u32, y: u32| (x as f32 + 3.0 * y as f32) / 160.0 - 0.05;
    let signed = |x: u32, y: u32| (40 * x) as i16 - (30 * y) as i16;
    let floats: Vec<u8> = places().flat_map(|(x, y)| fraction(x, y).to_le_bytes()).collect();
    let integers: Vec<u8> = places().flat_map(|(x, y)| signed(x, y).to_le_bytes()).collect();
    let line = |value: f64, black: f64, white: f64| {
        let tone = ((value - black) * 255.0 / (white - black)).round().clamp(0.0, 255.0);
        [tone as u8; 3]
    };
    let of_floats = Picture::draw(size, |x, y| line(fraction(x, y).into(), 0.0, 1.0));
    let of_integers = Picture::draw(size, |x, y| line(signed(x, y).into(), -1000.0, 1500.0));
    for (bits, format, strip, range, expected) in
        [(32, 3, floats, "0,1", of_floats), (16, 2, integers, "-1000,1500", of_integers)]
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
        base(&workspace, size).assert_near(&expected, 0, range);
    }
}

/// A color over another, as it should be.
fn over(color: [u8; 3], alpha: f64, behind: [u8; 3]) -> [u8; 3] {
    [0, 1, 2].map(|at| {
        (f64::from(color[at]) * alpha + f64::from(behind[at]) * (1.0 - alpha)).round() as u8
    })
}

#[test]
fn composites_transparency_over_the_background() {
    let behind = [10, 100, 200];
    for (color, bits) in [(ImageColor::Rgba, 8), (ImageColor::GrayAlpha, 8), (ImageColor::Rgba, 16)]
    {
        let stored = samples(color, bits);
        let white = if bits == 16 { 65_535.0 } else { 255.0 };
        let expected = Picture::draw(SIZE, |x, y| {
            let tones = stored.at(x, y);
            let (color, alpha) = match color {
                ImageColor::GrayAlpha => ([tones[0]; 3], tones[1]),
                _ => ([tones[0], tones[1], tones[2]], tones[3]),
            };
            over(color.map(|value| tone(value, white)), f64::from(alpha) / white, behind)
        });
        let found = exported(&built_bytes(SIZE, PNG, stored), SIZE, &["--background", "0a64c8"]);
        found.assert_near(&expected, 1, &format!("{color:?} of {bits} bits"));
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
    // 0, 1, 2, 3 in each byte; rows of 130 pixels have 33.
    encoder.write_header().unwrap().write_image_data(&[0b0001_1011; 33 * 9]).unwrap();
    let expected = Picture::draw(size, |x, _| {
        let number = (x % 4) as usize;
        let alpha = alpha.get(number).map_or(1.0, |&alpha| f64::from(alpha) / 255.0);
        over(colors[number], alpha, [10, 100, 200])
    });
    exported(&bytes, size, &["--background", "0a64c8"]).assert_near(&expected, 1, "palette");
}

#[test]
fn converts_cmyk_to_rgb() {
    let size = (64, 48);
    let inks: Vec<u8> = (0..size.1)
        .flat_map(|y| (0..size.0).flat_map(move |x| [4 * x, 5 * y, 2 * (x + y), 255 - x]))
        .map(|ink| ink as u8)
        .collect();
    let image = turbojpeg::Image {
        pixels: &inks[..],
        width: size.0 as usize,
        pitch: 4 * size.0 as usize,
        height: size.1 as usize,
        format: turbojpeg::PixelFormat::CMYK,
    };
    let bytes = turbojpeg::compress(image, 95, turbojpeg::Subsamp::None).unwrap();
    // Adobe's marker says that what is stored is the light that each ink leaves.
    let light = turbojpeg::decompress(&bytes, turbojpeg::PixelFormat::CMYK).unwrap().pixels;
    let expected = Picture::draw(size, |x, y| {
        let at = 4 * (y * size.0 + x) as usize;
        [0, 1, 2].map(|ink| {
            (f64::from(light[at + ink]) * f64::from(light[at + 3]) / 255.0).round() as u8
        })
    });
    exported(&bytes, size, &[]).assert_near(&expected, 1, "CMYK");
}

#[test]
fn applies_exif_orientation() {
    let jpeg = built_bytes(SIZE, JPEG, Samples::default());
    // One entry: Orientation is 6, whose first row is the right side and whose first column is the
    // top.
    let exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let length = (exif.len() as u16 + 2).to_be_bytes();
    let turned = [&jpeg[..2], &[0xff, 0xe1], &length, exif, &jpeg[2..]].concat();
    let stored = Picture::from_jpeg(&jpeg);
    let expected = Picture::draw((SIZE.1, SIZE.0), |x, y| stored.pixel(y, SIZE.1 - 1 - x));
    assert!(exported(&turned, (SIZE.1, SIZE.0), &[]) == expected);
}

#[test]
fn selects_a_page_by_number() {
    let workspace = Workspace::new();
    let size = (40, 30);
    let mut writer =
        TiffWriter::create(&workspace.path("pages.tif"), Container::Classic, ByteOrder::Little)
            .unwrap();
    let shown = |page: u32| Picture::draw(size, |x, y| pixel(x + 100 * page, y + 300 * page));
    for page in [1, 2] {
        let at = writer.append(shown(page).pixels.as_flattened()).unwrap();
        let fields = vec![
            field(256, Values::Long(vec![size.0])),
            field(257, Values::Long(vec![size.1])),
            field(258, Values::Short(vec![8; 3])),
            field(259, Values::Short(vec![1])),
            field(262, Values::Short(vec![2])),
            field(273, Values::Offsets(vec![at])),
            field(277, Values::Short(vec![3])),
            field(278, Values::Long(vec![size.1])),
            field(279, Values::Long(vec![3 * size.0 * size.1])),
        ];
        writer.directory(fields).unwrap();
    }
    writer.finish().unwrap();
    assert!(shown(1) != shown(2));
    for (options, page) in [(&[][..], 1), (&["--page", "1"], 1), (&["--page", "2"], 2)] {
        workspace.export([&["pages.tif", "-o", "out"], &EXACT[..], options].concat()).succeeds();
        assert!(base(&workspace, size) == shown(page), "{options:?}");
    }
    fs::remove_dir_all(workspace.path("out")).unwrap();
    workspace.export(["pages.tif", "--page", "9"]).fails(
        3,
        &["cannot read page 9 of ", "it has 2 pages", "\nhint: pages are counted from 1"],
    );
    fs::write(workspace.path("one.png"), built_bytes(size, PNG, Samples::default())).unwrap();
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

/// A run with these bytes on its standard input, a pipe.
fn piped(workspace: &Workspace, arguments: &[&str], bytes: &[u8]) -> Run {
    let mut command = workspace.command(arguments);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Who refuses what comes need not read all of it.
    let _ = child.stdin.take().unwrap().write_all(bytes);
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    Run { status: output.status, stdout: output.stdout, stderr }
}

#[test]
fn reads_images_from_a_pipe() {
    for file in every_format(SIZE).unwrap() {
        let workspace = Workspace::new();
        let run =
            piped(&workspace, &[&["export", "-", "-o", "out"], &EXACT[..]].concat(), &file.bytes);
        let needs_file = match file.name {
            "tissue.jp2" => Some(
                "cannot read standard input: JPEG 2000 can be read only from a file, not from a pipe",
            ),
            name if name.ends_with("tif") => Some(
                "cannot read standard input: TIFF can be read only from a file, not from a pipe",
            ),
            _ => None,
        };
        if let Some(words) = needs_file {
            run.fails(3, &[words, "\nhint: save it to a file first"]);
            assert_eq!(workspace.names(), [""; 0]);
            continue;
        }
        run.succeeds();
        let jpeg = file.name.ends_with("jpg");
        let expected =
            if jpeg { Picture::from_jpeg(&file.bytes) } else { Picture::draw(SIZE, pixel) };
        assert!(base(&workspace, SIZE) == expected, "{}", file.name);
        let info = piped(&workspace, &["info", "-"], &file.bytes).succeeds();
        assert!(info.text().contains(file.reader), "{info:?}");
    }
}

#[test]
fn requires_an_output_name_for_standard_input() {
    let workspace = Workspace::new();
    let png = built_bytes((20, 10), PNG, Samples::default());
    fs::write(workspace.path("other.png"), &png).unwrap();
    for (arguments, words) in [
        (
            &["-"][..],
            ["an image from standard input has no name", "\nhint: name the export with -o"],
        ),
        (
            &["-", "other.png", "-o", "out"],
            ["standard input must be the only input", "\nhint: export the other inputs"],
        ),
        (&["-", "-", "-o", "out"], ["standard input must be the only input", "\nhint: "]),
        (
            &["-", "-o", "out", "--resume"],
            ["an export from standard input cannot be resumed", "\nhint: save the image to a file"],
        ),
    ] {
        piped(&workspace, &[&["export"], arguments].concat(), &png).fails(2, &words);
    }
    let nothing = ["standard input: ", "the input is empty"];
    piped(&workspace, &["export", "-", "-o", "out"], b"").fails(3, &nothing);
    piped(&workspace, &["info", "-"], b"").fails(3, &nothing);
    piped(&workspace, &["export", "-", "-o", "out"], b"Dear all")
        .fails(3, &["not a supported slide or image"]);
    assert_eq!(workspace.names(), ["other.png"]);
}
