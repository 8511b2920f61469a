//! CMYK images: the color options of the plan apply, independent of the options of opening.

use std::num::NonZeroUsize;
use std::path::Path;

use lcms2::{Flags, Intent, PixelFormat, Profile, Transform};
use slidezoom::internals::engine::progress::NoProgress;
use slidezoom::internals::engine::{exact_tile, nearest_tile};
use slidezoom::internals::plan::{ColorOption, ExportOptions, FormatOption, Page};
use slidezoom::internals::sink::MemorySink;
use slidezoom::internals::source;
use slidezoom::{ExportPlan, Slide, export};
use slidezoom_fixtures::icc::{self, IccProfile, Precision};
use slidezoom_fixtures::{ByteOrder, Container, Field, TiffWriter, Values};

const SIDE: u32 = 64;

fn profile() -> Vec<u8> {
    let node = |place: &[f64]| icc::legacy_lab(icc::lab(icc::printed_color(place)));
    let table = icc::lut(Precision::Sixteen, (4, 9), |value| value, node, |value| value);
    IccProfile::new(b"CMYK", b"Lab ").tag(b"A2B0", table).bytes()
}

fn cmyk() -> Vec<[u8; 4]> {
    let places = (0..SIDE).flat_map(|y| (0..SIDE).map(move |x| (x, y)));
    places.map(|(x, y)| [4 * x, 4 * y, 255 - 3 * x, x * y / 32].map(|value| value as u8)).collect()
}

/// An uncompressed TIFF file, in one strip or in tiles of 16×16.
fn write_tiff(path: &Path, is_tiled: bool) {
    let mut writer = TiffWriter::create(path, Container::Classic, ByteOrder::Little).unwrap();
    let field = |tag, values| Field { tag, values };
    let mut fields = vec![
        field(256, Values::Long(vec![SIDE])),
        field(257, Values::Long(vec![SIDE])),
        field(258, Values::Short(vec![8; 4])),
        field(259, Values::Short(vec![1])),
        field(262, Values::Short(vec![5])),
        field(277, Values::Short(vec![4])),
        field(34_675, Values::Undefined(profile())),
    ];
    if is_tiled {
        let tile = |column: usize, row: usize| -> Vec<u8> {
            let rows = cmyk()
                .chunks(SIDE as usize)
                .skip(16 * row)
                .take(16)
                .map(<[_]>::to_vec)
                .collect::<Vec<_>>();
            rows.iter()
                .flat_map(|pixels| pixels[16 * column..][..16].as_flattened().to_vec())
                .collect()
        };
        let tiles = (0..4).flat_map(|row| (0..4).map(move |column| tile(column, row)));
        let offsets = tiles.map(|tile| writer.append(&tile).unwrap()).collect();
        fields.extend([
            field(322, Values::Long(vec![16])),
            field(323, Values::Long(vec![16])),
            field(324, Values::Offsets(offsets)),
            field(325, Values::Long(vec![4 * 16 * 16; 16])),
        ]);
    } else {
        let at = writer.append(cmyk().as_flattened()).unwrap();
        fields.extend([
            field(273, Values::Offsets(vec![at])),
            field(278, Values::Long(vec![SIDE])),
            field(279, Values::Long(vec![4 * SIDE * SIDE])),
        ]);
    }
    fields.sort_by_key(|field| field.tag);
    writer.directory(fields).unwrap();
    writer.finish().unwrap();
}

/// The conversion without a profile.
fn naive() -> Vec<[u8; 3]> {
    let share =
        |value: u8, light: u8| ((u32::from(255 - value) * u32::from(light) + 127) / 255) as u8;
    cmyk().into_iter().map(|[c, m, y, k]| [c, m, y].map(|value| share(value, 255 - k))).collect()
}

fn converted(intent: Intent) -> Vec<[u8; 3]> {
    let (from, to) = (Profile::new_icc(&profile()).unwrap(), Profile::new_srgb());
    let formats = (PixelFormat::CMYK_8, PixelFormat::RGB_8);
    let transform =
        Transform::new_flags(&from, formats.0, &to, formats.1, intent, Flags::NO_OPTIMIZE).unwrap();
    let mut pixels = vec![[0; 3]; cmyk().len()];
    transform.transform_pixels(&cmyk(), &mut pixels);
    pixels
}

#[track_caller]
fn assert_near(found: &[[u8; 3]], expected: &[[u8; 3]]) {
    let differences = found
        .as_flattened()
        .iter()
        .zip(expected.as_flattened())
        .map(|(one, other)| one.abs_diff(*other));
    assert_eq!(found.len(), expected.len());
    assert!(differences.max().unwrap() <= 2);
}

fn rgb(bgra: &[u8]) -> Vec<[u8; 3]> {
    bgra.as_chunks::<4>().0.iter().map(|&[blue, green, red, _]| [red, green, blue]).collect()
}

#[test]
fn color_options_of_the_plan_apply_to_exports_tiles_and_pyramids() {
    let folder = tempfile::tempdir().unwrap();
    for is_tiled in [false, true] {
        let path = folder.path().join(format!("{is_tiled}.tif"));
        write_tiff(&path, is_tiled);
        let source = source::open(&path).unwrap();
        for (color, intent, expected) in [
            (ColorOption::Ignore, None, naive()),
            (ColorOption::Srgb, None, converted(Intent::Perceptual)),
            (
                ColorOption::Srgb,
                Some(slidezoom::internals::color::Intent::Relative),
                converted(Intent::RelativeColorimetric),
            ),
            (ColorOption::Embed, None, converted(Intent::Perceptual)),
        ] {
            let mut options = ExportOptions::default();
            options.format = FormatOption::Png;
            options.page = Page::Omit;
            (options.color, options.intent) = (color, intent);
            let plan = ExportPlan::new(source.info(), "scan", &options).unwrap();
            let tile = plan.tile(6, 0, 0).unwrap();
            assert_near(
                &rgb(exact_tile(&*source, &plan, tile, NonZeroUsize::MIN).unwrap().bytes()),
                &expected,
            );
            assert_near(&rgb(nearest_tile(&*source, &plan, tile).unwrap().bytes()), &expected);
            let pyramid = Slide::open(&path).unwrap().pyramid(&options).unwrap();
            assert_near(pyramid.tile(tile).unwrap().into_raw().as_chunks().0, &expected);

            let sink = MemorySink::new();
            let published = sink.published();
            // A source is read row by row only as long as no tile was read, so it is opened again.
            let source = source::open(&path).unwrap();
            export(&*source, &plan, Box::new(sink), NonZeroUsize::MIN, &NoProgress).unwrap();
            let published = published.lock().unwrap().take().unwrap();
            let file = published
                .iter()
                .find(|(name, _)| name.as_str() == "scan_files/6/0_0.png")
                .unwrap()
                .1;
            let mut reader = png::Decoder::new(std::io::Cursor::new(&file.1)).read_info().unwrap();
            let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
            reader.next_frame(&mut pixels).unwrap();
            assert_near(pixels.as_chunks().0, &expected);
        }
    }
    assert_ne!(naive(), converted(Intent::Perceptual));
}
