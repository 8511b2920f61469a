//! Tiled TIFF images that OpenSlide opens but shows incorrectly: rotated images, extra samples, and
//! files whose first image is a thumbnail.

use slidezoom_fixtures::image::pixel;
use slidezoom_fixtures::{ByteOrder, Container, Field, TiffWriter, Values};

use crate::images::{EXACT, assembled_base, over};
use crate::rgb_image::RgbImage;
use crate::tiff_files::{field, short};
use crate::workspace::Workspace;

const SIZE: (u32, u32) = (300, 200);

/// The side of a tile.
const SIDE: u32 = 64;

/// The size of all tiles together.
const STORED: (u32, u32) = (320, 256);

/// Writes the tiles, encoded by `encode`, and returns the fields that all directories have.
fn tiles(
    writer: &mut TiffWriter,
    mut encode: impl FnMut(RgbImage, (u32, u32)) -> Vec<u8>,
) -> Vec<Field> {
    let (mut offsets, mut lengths) = (Vec::new(), Vec::new());
    let step = SIDE as usize;
    for (top, left) in
        (0..STORED.1).step_by(step).flat_map(|y| (0..STORED.0).step_by(step).map(move |x| (y, x)))
    {
        let bytes =
            encode(RgbImage::draw((SIDE, SIDE), |x, y| pixel(x + left, y + top)), (left, top));
        offsets.push(writer.append(&bytes).unwrap());
        lengths.push(bytes.len() as u32);
    }
    vec![
        field(256, Values::Long(vec![SIZE.0])),
        field(257, Values::Long(vec![SIZE.1])),
        field(322, Values::Long(vec![SIDE])),
        field(323, Values::Long(vec![SIDE])),
        field(324, Values::Offsets(offsets)),
        field(325, Values::Long(lengths)),
    ]
}

/// Returns the fields for 8-bit samples.
fn samples(count: u16, compression: u16, photometric: u16) -> Vec<Field> {
    vec![
        field(258, Values::Short(vec![8; usize::from(count)])),
        field(259, Values::Short(vec![compression])),
        field(262, Values::Short(vec![photometric])),
        field(277, Values::Short(vec![count])),
    ]
}

fn tiff(workspace: &Workspace) -> TiffWriter {
    TiffWriter::create(&workspace.path("tiled.tif"), Container::Classic, ByteOrder::Little).unwrap()
}

#[track_caller]
fn exported(workspace: &Workspace, size: (u32, u32), options: &[&str]) -> RgbImage {
    workspace.export([&["tiled.tif", "-o", "out"], &EXACT[..], options].concat()).succeeds();
    assembled_base(workspace, size)
}

/// Converts a point of the upright image to the stored one, by TIFF 6.0's orientation tag.
fn stored_at(orientation: u16, (x, y): (u32, u32)) -> (u32, u32) {
    let (right, bottom) = (SIZE.0 - 1, SIZE.1 - 1);
    match orientation {
        2 => (right - x, y),
        3 => (right - x, bottom - y),
        4 => (x, bottom - y),
        5 => (y, x),
        6 => (y, bottom - x),
        7 => (right - y, bottom - x),
        8 => (right - y, x),
        _ => (x, y),
    }
}

#[test]
fn applies_the_orientation_of_tiled_images() {
    for (orientation, compression) in
        (1..=8).flat_map(|orientation| [(orientation, 1), (orientation, 7)])
    {
        let workspace = Workspace::new();
        let mut writer = tiff(&workspace);
        let mut stored = RgbImage::draw(STORED, pixel);
        let tile_fields = tiles(&mut writer, |tile, (left, top)| {
            if compression == 1 {
                return tile.pixels.as_flattened().to_vec();
            }
            let jpeg = jpeg(&tile);
            let decoded = RgbImage::from_jpeg(&jpeg);
            for (x, y) in (0..SIDE).flat_map(|y| (0..SIDE).map(move |x| (x, y))) {
                stored.pixels[((top + y) * STORED.0 + left + x) as usize] = decoded.pixel(x, y);
            }
            jpeg
        });
        let colors = samples(3, compression, if compression == 7 { 6 } else { 2 });
        let fields = [tile_fields, colors, vec![short(274, orientation)]].concat();
        writer.directory(fields).unwrap();
        writer.finish().unwrap();
        let upright = if orientation > 4 { (SIZE.1, SIZE.0) } else { SIZE };
        let expected = RgbImage::draw(upright, |x, y| {
            let (x, y) = stored_at(orientation, (x, y));
            stored.pixel(x, y)
        });
        let found = exported(&workspace, upright, &[]);
        assert!(found == expected, "orientation {orientation}, compression {compression}");
    }
}

fn jpeg(tile: &RgbImage) -> Vec<u8> {
    let image = turbojpeg::Image {
        pixels: tile.pixels.as_flattened(),
        width: tile.width as usize,
        pitch: 3 * tile.width as usize,
        height: tile.height as usize,
        format: turbojpeg::PixelFormat::RGB,
    };
    turbojpeg::compress(image, 90, turbojpeg::Subsamp::None).unwrap().to_vec()
}

#[test]
fn uses_extra_samples_as_alpha_only_if_declared() {
    let extra_sample = |x: u32, y: u32| (3 * x + 5 * y) as u8;
    let background = [10, 100, 200];
    for (meaning, is_alpha) in [(None, false), (Some(0), false), (Some(2), true)] {
        let workspace = Workspace::new();
        let mut writer = tiff(&workspace);
        let mut fields = tiles(&mut writer, |tile, (left, top)| {
            let points = (0..SIDE).flat_map(|y| (0..SIDE).map(move |x| (x, y)));
            let samples = points.flat_map(|(x, y)| {
                [&tile.pixel(x, y)[..], &[extra_sample(left + x, top + y)]].concat()
            });
            samples.collect()
        });
        fields.extend(samples(4, 1, 2));
        fields.extend(meaning.map(|meaning| short(338, meaning)));
        writer.directory(fields).unwrap();
        writer.finish().unwrap();
        let expected = RgbImage::draw(SIZE, |x, y| {
            let alpha = if is_alpha { f64::from(extra_sample(x, y)) / 255.0 } else { 1.0 };
            over(pixel(x, y), alpha, background)
        });
        let found = exported(&workspace, SIZE, &["--background", "0a64c8"]);
        found.assert_near(&expected, u8::from(is_alpha), &format!("{meaning:?}"));
    }
}

#[test]
fn rejects_signed_samples_without_a_range() {
    let workspace = Workspace::new();
    let mut writer = tiff(&workspace);
    let tile_fields = tiles(&mut writer, |tile, _| tile.pixels.as_flattened().to_vec());
    let signed = field(339, Values::Short(vec![2; 3]));
    writer.directory([tile_fields, samples(3, 1, 2), vec![signed]].concat()).unwrap();
    writer.finish().unwrap();
    workspace.export(["tiled.tif"]).fails(3, &["not supported: 8-bit signed samples"]);
}

/// Camera raw files have a thumbnail first and the image in a sub-directory.
#[test]
fn exports_the_image_and_not_the_thumbnail() {
    for compression in [1, 7] {
        let workspace = Workspace::new();
        let mut writer = tiff(&workspace);
        let tile_fields = tiles(&mut writer, |tile, _| {
            if compression == 7 { jpeg(&tile) } else { tile.pixels.as_flattened().to_vec() }
        });
        let colors = samples(3, compression, if compression == 7 { 6 } else { 2 });
        let image = writer.sub_directory([tile_fields, colors].concat()).unwrap();
        let thumbnail = writer.append(&[7; 3 * 30 * 20]).unwrap();
        let strip = vec![
            field(254, Values::Long(vec![1])),
            field(256, Values::Long(vec![30])),
            field(257, Values::Long(vec![20])),
            field(273, Values::Offsets(vec![thumbnail])),
            field(278, Values::Long(vec![20])),
            field(279, Values::Long(vec![3 * 30 * 20])),
            field(330, Values::Offsets(vec![image])),
        ];
        writer.directory([strip, samples(3, 1, 2)].concat()).unwrap();
        writer.finish().unwrap();
        exported(&workspace, SIZE, &[]);
        let pages = workspace.export(["tiled.tif", "-o", "second", "--page", "2"]);
        pages.fails(3, &["cannot read page 2 of ", "it has 1 page"]);
    }
}

/// OpenSlide recognizes such files, but its libtiff cannot decode them.
#[test]
fn names_compressions_that_are_not_supported() {
    for (compression, name) in [(34_887, "LERC (TIFF compression 34887)"), (65_000, "65000")] {
        let workspace = Workspace::new();
        let mut writer = tiff(&workspace);
        let places = tiles(&mut writer, |tile, _| tile.pixels.as_flattened().to_vec());
        writer.directory([places, samples(3, compression, 2)].concat()).unwrap();
        writer.finish().unwrap();
        let message = format!("not supported: compression {name}");
        let run = workspace.export(["tiled.tif"]).fails(3, &[&message]);
        assert!(!run.stderr.contains("damaged"), "{}", run.stderr);
    }
}
