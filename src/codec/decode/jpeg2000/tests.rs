#![expect(
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "numbers are small and above 0"
)]

use super::*;
use crate::codec::decode::samples::{Alpha, ByteOrder, Channels, SampleType};
use crate::codec::tile::region;

mod encoding;
mod refusals;

use encoding::Encoding;

fn opened(file: &[u8]) -> Result<(ImageHeader, Decoder), ImageError> {
    open_stored(Stored::Memory(file.to_vec()))
}

fn buffer(header: &ImageHeader, size: Size) -> Vec<u8> {
    vec![0; header.samples.row_bytes(size.width()) * size.height() as usize]
}

/// Reads the pixels of a level in regions of a given size.
fn read_level(
    header: &ImageHeader,
    image: &dyn TileStore,
    level: usize,
    step: Size,
) -> Result<Vec<u8>, ImageError> {
    let size = image.grids()[level].size;
    let mut all = buffer(header, size);
    let pixel_bytes = header.samples.row_bytes(1);
    for y in (0..size.height()).step_by(step.height() as usize) {
        for x in (0..size.width()).step_by(step.width() as usize) {
            let columns = x..(x + step.width()).min(size.width());
            let region =
                Rect::spanning(columns, y..(y + step.height()).min(size.height())).unwrap();
            let mut part = buffer(header, region.size());
            let row_bytes = header.samples.row_bytes(region.size().width());
            let failed =
                |_, error: TileError, _: &mut [u8]| Err(ImageError::malformed(error.to_string()));
            region::read(image, level, region, &mut part, row_bytes, failed)?;
            for (row, at) in part.chunks(row_bytes).zip(y as usize..) {
                let at = (at * size.width() as usize + x as usize) * pixel_bytes;
                all[at..at + row_bytes].copy_from_slice(row);
            }
        }
    }
    Ok(all)
}

/// Returns the header and the rows of an image, whether it is decoded by rows or by tiles.
fn decoded(file: &[u8]) -> Result<(ImageHeader, Vec<u8>), ImageError> {
    let (header, decoder) = opened(file)?;
    let rows = match decoder {
        Decoder::Tiles(image) => read_level(&header, &*image, 0, image.grids()[0].tile)?,
        Decoder::Rows(mut decoder) => {
            let mut rows = buffer(&header, header.size);
            for rows in rows.chunks_mut(7 * header.samples.row_bytes(header.size.width())) {
                decoder.decode_rows(rows)?;
            }
            decoder.finish()?;
            rows
        }
    };
    Ok((header, rows))
}

fn boxed(kind: [u8; 4], contents: &[u8]) -> Vec<u8> {
    [&(8 + contents.len() as u32).to_be_bytes()[..], &kind, contents].concat()
}

/// A codestream in a file with these boxes.
fn in_boxes(boxes: &[Vec<u8>], codestream: &[u8]) -> Vec<u8> {
    let signature = boxed(*b"jP  ", &[0x0d, 0x0a, 0x87, 0x0a]);
    let kind = boxed(*b"ftyp", b"jp2 \0\0\0\0jp2 ");
    [signature, kind, boxed(*b"jp2h", &boxes.concat()), boxed(*b"jp2c", codestream)].concat()
}

fn enumerated(space: u8) -> Vec<u8> {
    boxed(*b"colr", &[1, 0, 0, 0, 0, 0, space])
}

#[test]
fn scales_samples_of_any_bits_to_the_nearest() {
    for bits in 1..=16 {
        for components in 1..=4 {
            for encoding in [
                Encoding::new(67, 41, components, bits),
                Encoding::new(67, 41, components, bits).tiled(20, 17),
            ] {
                let (samples, file) = encoding.made();
                let (header, rows) = decoded(&file).unwrap();
                assert_eq!(rows, encoding.rows(&samples), "{components} components of {bits} bits");
                let sample = if bits <= 8 {
                    SampleType::U8
                } else {
                    SampleType::U16(ByteOrder::LittleEndian)
                };
                assert_eq!(
                    (header.samples.channels.count(), header.samples.sample),
                    (components, sample)
                );
                assert_eq!(header.coding.contains("-bit"), !matches!(bits, 8 | 16));
            }
        }
    }
}

#[test]
fn any_tiling_and_region_gives_the_same_pixels() {
    let whole = Encoding::new(150, 90, 3, 8);
    let (samples, _) = whole.made();
    let expected = whole.rows(&samples);
    for tile in [(64, 32), (33, 47), (150, 10), (7, 90), (5_000, 40), (148, 4_100)] {
        let file = whole.clone().tiled(tile.0, tile.1).encode(&samples);
        assert!(decoded(&file).unwrap().1 == expected, "{tile:?}");
    }
    for origin in [(1, 0), (13, 7), (63, 47)] {
        let encoding = Encoding { origin, ..whole.clone().tiled(64, 48) };
        let (header, rows) = decoded(&encoding.encode(&samples)).unwrap();
        assert!(header.size == Size::new(150, 90).unwrap() && rows == expected, "{origin:?}");
    }
    let Decoder::Tiles(image) = opened(&whole.clone().tiled(64, 32).encode(&samples)).unwrap().1
    else {
        panic!()
    };
    assert_eq!(image.grids()[0].tile, Size::new(64, 32).unwrap());
    let header = decoded(&whole.encode(&samples)).unwrap().0;
    for step in [(1, 90), (150, 1), (65, 31), (150, 90)] {
        assert!(
            read_level(&header, &*image, 0, Size::new(step.0, step.1).unwrap()).unwrap()
                == expected,
            "{step:?}"
        );
    }
}

/// The low band of the 5/3 wavelet keeps a constant, and tiles are independent.
#[test]
fn smaller_levels_are_wavelet_resolutions() {
    let encoding = Encoding { resolutions: 4, ..Encoding::new(150, 91, 1, 8).tiled(48, 36) };
    let mut samples = encoding.samples();
    for (at, number) in samples[0].iter_mut().enumerate() {
        // A gray for each tile.
        *number = (at % 150 / 48 * 60 + at / 150 / 36 * 20) as i32;
    }
    let (header, decoder) = opened(&encoding.encode(&samples)).unwrap();
    let Decoder::Tiles(image) = decoder else { panic!() };
    let sizes: Vec<Size> = [(75, 46), (38, 23), (19, 12)]
        .map(|(width, height)| Size::new(width, height).unwrap())
        .into();
    assert_eq!(image.grids()[1..].iter().map(|grid| grid.size).collect::<Vec<_>>(), sizes);
    for (level, size) in sizes.iter().enumerate() {
        let halved = |start: usize| start.div_ceil(1 << (level + 1));
        let tile = |at: usize, length: usize| {
            (0..4).rev().find(|&tile| at >= halved(tile * length)).unwrap()
        };
        let (width, height) = (size.width() as usize, size.height() as usize);
        let expected: Vec<u8> = (0..width * height)
            .map(|at| (tile(at % width, 48) * 60 + tile(at / width, 36) * 20) as u8)
            .collect();
        assert!(
            read_level(&header, &*image, level + 1, image.grids()[0].tile).unwrap() == expected,
            "{size}"
        );
    }
}

#[test]
fn lossy_images_are_close() {
    let encoding = Encoding { lossy: true, ..Encoding::new(128, 128, 3, 8).tiled(64, 64) };
    let mut samples = encoding.samples();
    for (number, at) in samples.iter_mut().flatten().zip(0..) {
        *number = i32::midpoint(at % 128, at / 128 % 128);
    }
    let (_, rows) = decoded(&encoding.encode(&samples)).unwrap();
    let furthest =
        rows.iter().zip(encoding.rows(&samples)).map(|(one, other)| one.abs_diff(other)).max();
    assert!(furthest.is_some_and(|furthest| furthest <= 6), "{furthest:?}");
}

#[test]
fn reads_color_alpha_and_channel_order_from_boxes() {
    let encoding = Encoding::new(30, 20, 4, 8);
    let (samples, codestream) = encoding.made();
    // Alpha first, then blue, green and red.
    let definition: Vec<u8> = [4_u16, 0, 2, 0, 1, 0, 3, 2, 0, 2, 3, 0, 1]
        .iter()
        .flat_map(|number| number.to_be_bytes())
        .collect();
    let file = in_boxes(&[enumerated(16), boxed(*b"cdef", &definition)], &codestream);
    let (header, rows) = decoded(&file).unwrap();
    assert_eq!(header.samples.channels, Channels::Rgba(Alpha::Premultiplied));
    let ordered = [&samples[3], &samples[2], &samples[1], &samples[0]].map(Clone::clone);
    assert_eq!(rows, encoding.rows(&ordered));
    // A channel that means nothing.
    let definition: Vec<u8> = [4_u16, 0, 0, 1, 1, 0, 2, 2, 0, 3, 3, 65_535, 65_535]
        .iter()
        .flat_map(|number| number.to_be_bytes())
        .collect();
    let (header, rows) =
        decoded(&in_boxes(&[enumerated(16), boxed(*b"cdef", &definition)], &codestream)).unwrap();
    assert_eq!((header.samples.channels, rows), (Channels::Rgb, encoding.rows(&samples[..3])));
    let profile = boxed(*b"colr", &[&[2, 0, 0][..], b"a profile"].concat());
    let (header, rows) = decoded(&in_boxes(&[profile], &codestream)).unwrap();
    assert_eq!(header.icc_profile.unwrap().bytes(), b"a profile");
    assert_eq!(
        (header.samples.channels, rows),
        (Channels::Rgba(Alpha::Straight), encoding.rows(&samples))
    );
    assert!(matches!(
        opened(&in_boxes(&[enumerated(12)], &codestream)),
        Err(ImageError::Unsupported { .. })
    ));
}

#[test]
fn passes_on_palettes() {
    let encoding = Encoding::new(30, 20, 1, 8);
    let (samples, codestream) = encoding.made();
    let colors: Vec<[u8; 3]> = (0..=255).map(|number| [number, 255 - number, number / 2]).collect();
    let palette = [&[1, 0, 3, 7, 7, 7][..], colors.as_flattened()].concat();
    let mapping = [[0, 0, 1, 0], [0, 0, 1, 1], [0, 0, 1, 2]].concat();
    let file = in_boxes(
        &[enumerated(16), boxed(*b"pclr", &palette), boxed(*b"cmap", &mapping)],
        &codestream,
    );
    let (header, rows) = decoded(&file).unwrap();
    let expected: Vec<[u8; 4]> =
        colors.iter().map(|&[red, green, blue]| [red, green, blue, 255]).collect();
    assert_eq!(
        (header.samples.channels, rows),
        (Channels::Palette(expected.into()), encoding.rows(&samples))
    );
    // The same as luma and its differences.
    let file = in_boxes(
        &[enumerated(18), boxed(*b"pclr", &palette), boxed(*b"cmap", &mapping)],
        &codestream,
    );
    let (header, rows) = decoded(&file).unwrap();
    let expected: Vec<[u8; 4]> = colors
        .iter()
        .map(|&[luma, blue, red]| {
            let [luma, blue, red] =
                [f64::from(luma), f64::from(blue) - 128.0, f64::from(red) - 128.0];
            let rgb = [
                luma + 1.402 * red,
                luma - 0.344_136 * blue - 0.714_136 * red,
                luma + 1.772 * blue,
            ];
            let [red, green, blue] =
                rgb.map(|number| (number + 0.5).floor().clamp(0.0, 255.0) as u8);
            [red, green, blue, 255]
        })
        .collect();
    assert_eq!(
        (header.samples.channels, rows),
        (Channels::Palette(expected.into()), encoding.rows(&samples))
    );
    let file = in_boxes(&[enumerated(16), boxed(*b"pclr", &palette)], &codestream);
    assert!(matches!(opened(&file), Err(ImageError::Malformed { .. })));
}

#[test]
fn converts_sycc_to_rgb() {
    for bits in [8, 12] {
        let encoding = Encoding { lossy: false, ..Encoding::new(64, 64, 3, bits) };
        let (samples, codestream) = encoding.made();
        let (header, rows) = decoded(&in_boxes(&[enumerated(18)], &codestream)).unwrap();
        let (center, largest) = (f64::from(1 << (bits - 1)), f64::from((1 << bits) - 1));
        let mut colors = vec![Vec::new(); 3];
        for ((&luma, &blue), &red) in samples[0].iter().zip(&samples[1]).zip(&samples[2]) {
            let [luma, blue, red] = [luma, blue, red].map(f64::from);
            let (luma, blue, red) = (luma * 1e6, blue - center, red - center);
            let rgb = [
                luma + 1_402e3 * red,
                luma - 344_136.0 * blue - 714_136.0 * red,
                luma + 1_772e3 * blue,
            ];
            for (color, number) in colors.iter_mut().zip(rgb) {
                color.push(((number + 5e5) / 1e6).floor().clamp(0.0, largest) as i32);
            }
        }
        assert!(
            header.samples.channels == Channels::Rgb && rows == encoding.rows(&colors),
            "{bits} bits"
        );
    }
}

/// Where a profile says what it is for (ICC.1, 7.2).
#[test]
fn rejects_profiles_with_another_number_of_colors() {
    for (components, space, fits) in [
        (4, *b"CMYK", false),
        (4, *b"RGB ", true),
        (3, *b"RGB ", true),
        (3, *b"GRAY", false),
        (3, *b"Lab ", false),
        (2, *b"GRAY", true),
        (1, *b"GRAY", true),
        (1, *b"RGB ", true),
        (1, *b"CMYK", false),
    ] {
        let mut profile = [0; 128];
        (profile[16..20]).copy_from_slice(&space);
        profile[36..40].copy_from_slice(b"acsp");
        let (_, codestream) = Encoding::new(16, 16, components, 8).made();
        let colors = boxed(*b"colr", &[&[2, 0, 0][..], &profile].concat());
        match opened(&in_boxes(&[colors], &codestream)) {
            Ok((header, _)) => {
                assert!(fits && header.icc_profile.unwrap().bytes() == profile, "{components}");
            }
            Err(error) => assert!(
                !fits && matches!(error, ImageError::Unsupported { .. }),
                "{components}: {error}"
            ),
        }
    }
}
