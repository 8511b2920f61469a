//! TIFF files with known samples, and damaged ones.

use std::fs::File;
use std::path::Path;

use slidezoom_fixtures::{ByteOrder, Container, Field, TiffWriter, Values};

use super::*;
use crate::codec::Subsampling;
use crate::codec::decode::samples::{Alpha, Channels};
use crate::codec::tile::{TileError, TileStore, region};
use crate::geometry::Rect;

mod damage;
mod slide_tiles;
mod written;

use written::{Written, long, short};

/// Opens and decodes a page. Returns its header and rows.
fn read(path: &Path, page: usize) -> Result<(ImageHeader, Vec<u8>), ImageError> {
    let (header, decoder) = open_page(path, page)?;
    let row_bytes = header.samples.row_bytes(header.size.width());
    let mut rows = vec![0; row_bytes * header.size.height() as usize];
    match decoder {
        // A few rows at a time, fewer than a strip has.
        Decoder::Rows(mut decoder) => {
            rows.chunks_mut(5 * row_bytes).try_for_each(|some| decoder.decode_rows(some))?;
            decoder.finish()?;
        }
        Decoder::Tiles(tiles) => read_region(&*tiles, 0, Rect::of(header.size), &mut rows)?,
    }
    Ok((header, rows))
}

fn open_page(path: &Path, page: usize) -> Result<(ImageHeader, Decoder), ImageError> {
    open(TiffFile::open(File::open(path).unwrap())?, Request { page, memory: 1 << 26 })
}

/// Decodes a region of a store into rows without gaps.
fn read_region(
    store: &dyn TileStore,
    level: usize,
    region: Rect,
    rows: &mut [u8],
) -> Result<(), ImageError> {
    let row_bytes = store.samples().row_bytes(region.size().width());
    region::read(store, level, region, rows, row_bytes, |_, error, _| match error {
        TileError::System(error) => Err(ImageError::System(error)),
        error => Err(ImageError::malformed(error.to_string())),
    })
    .map(|_| ())
}

fn sizes(store: &dyn TileStore) -> Vec<Size> {
    store.grids().iter().map(|grid| grid.size).collect()
}

fn tiles_of(path: &Path) -> Box<dyn TileStore> {
    let Decoder::Tiles(tiles) = open_page(path, 0).unwrap().1 else { panic!("in strips") };
    tiles
}

/// Every sample type, with its possible predictors.
const TYPES: [(u16, usize, &[u16]); 9] = [
    (1, 1, &[1]),
    (1, 2, &[1]),
    (1, 4, &[1]),
    (1, 8, &[1, 2]),
    (1, 16, &[1, 2]),
    (2, 16, &[1, 2]),
    (1, 32, &[1, 2]),
    (3, 32, &[1, 2, 3]),
    (3, 64, &[1, 2, 3]),
];

#[test]
fn decodes_samples_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("picture.tif");
    let mut number = 0;
    for (format, bits, predictors) in TYPES {
        for compression in [1, 5, 8, 32_946, 32_773, 50_000] {
            let has_predictor = !matches!(compression, 1 | 32_773);
            for &predictor in if has_predictor { predictors } else { &[1] } {
                for (samples, planar) in [(1, 1), (3, 1), (3, 2), (5, 1)] {
                    for order in [ByteOrder::Little, ByteOrder::Big] {
                        for tile in [None, Some((16, 16)), Some((48, 32))] {
                            number += 1;
                            let picture = Written {
                                format,
                                bits,
                                compression,
                                predictor,
                                planar,
                                order,
                                tile,
                                rows_per_strip: [1, 7, 29][number / 3 % 3],
                                container: [Container::Classic, Container::BigTiff][number % 5 % 2],
                                ..Written::with_samples(samples)
                            };
                            picture.write(&path);
                            let (header, rows) = read(&path, 0)
                                .unwrap_or_else(|error| panic!("{picture:?}: {error}"));
                            assert!(rows == picture.rows(), "{picture:?}");
                            assert_eq!(header.samples.ignored, if samples == 5 { 2 } else { 0 });
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn reads_any_region_of_tiles() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiles.tif");
    for bits in [1, 4, 8, 16] {
        let picture =
            Written { bits, compression: 8, tile: Some((16, 16)), ..Written::with_samples(3) };
        picture.write(&path);
        let tiles = tiles_of(&path);
        assert_eq!(tiles.grids()[0].tile, Size::new(16, 16).unwrap());
        for (columns, rows) in
            [(0..1, 0..1), (15..17, 3..4), (5..37, 14..29), (36..37, 28..29), (16..32, 16..29)]
        {
            let region = Rect::spanning(columns.clone(), rows.clone()).unwrap();
            let expected = picture.part(columns, rows);
            let mut found = vec![0; expected.len()];
            read_region(&*tiles, 0, region, &mut found).unwrap();
            assert!(found == expected, "{bits} bits, {region:?}");
        }
    }
}

#[test]
fn supports_reversed_fill_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("reversed.tif");
    for compression in [1, 5, 8, 32_773] {
        let picture = Written {
            compression,
            rows_per_strip: 8,
            fields: vec![short(tag::FILL_ORDER, &[2])],
            ..Written::default()
        };
        let mut chunks = picture.chunks();
        chunks.iter_mut().flatten().for_each(|byte| *byte = byte.reverse_bits());
        picture.write_chunks(&path, &chunks);
        assert!(read(&path, 0).unwrap().1 == picture.rows(), "{compression}");
    }
}

/// Returns a JPEG chunk whose chroma is smooth enough for every subsampling.
fn jpeg((width, height): (usize, usize), subsamp: turbojpeg::Subsamp) -> Vec<u8> {
    let pixels: Vec<u8> = (0..width * height)
        .flat_map(|at| [at / width * 5, at % width * 3, 90].map(|v| v as u8))
        .collect();
    let image = turbojpeg::Image {
        pixels: &pixels[..],
        width,
        pitch: 3 * width,
        height,
        format: turbojpeg::PixelFormat::RGB,
    };
    turbojpeg::compress(image, 90, subsamp).unwrap().to_vec()
}

#[test]
fn decodes_jpeg_chunks_as_libjpeg_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jpeg.tif");
    for (subsamp, samples, subsampling) in [
        (turbojpeg::Subsamp::None, 3, Subsampling::Full),
        (turbojpeg::Subsamp::Sub2x2, 3, Subsampling::Quarter),
        (turbojpeg::Subsamp::Gray, 1, Subsampling::Gray),
    ] {
        let format =
            if samples == 1 { turbojpeg::PixelFormat::GRAY } else { turbojpeg::PixelFormat::RGB };
        // The last strip with the remaining rows, and as high as the others, as some writers do.
        for last in [13, 16] {
            let picture = Written {
                compression: 7,
                rows_per_strip: 16,
                photometric: if samples == 1 { 1 } else { 6 },
                ..Written::with_samples(samples)
            };
            let strips = [jpeg((37, 16), subsamp), jpeg((37, last), subsamp)];
            picture.write_chunks(&path, &strips);
            let (header, rows) = read(&path, 0).unwrap();
            assert_eq!(header.subsampling, Some(subsampling));
            let whole: Vec<u8> = strips
                .iter()
                .flat_map(|strip| turbojpeg::decompress(strip, format).unwrap().pixels)
                .collect();
            assert!(rows == whole[..rows.len()], "{subsamp:?}");
            // The memory for a whole strip is counted.
            assert!(header.held_bytes >= 37 * 16 * samples as u64);
        }
        let tiled = Written {
            tile: Some((48, 32)),
            compression: 7,
            photometric: 1 + 5 * u16::from(samples == 3),
            ..Written::with_samples(samples)
        };
        let tile = jpeg((48, 32), subsamp);
        tiled.write_chunks(&path, std::slice::from_ref(&tile));
        let whole = turbojpeg::decompress(&tile[..], format).unwrap();
        let expected: Vec<u8> = whole
            .pixels
            .chunks_exact(whole.pitch)
            .take(29)
            .flat_map(|row| row[..37 * samples].to_vec())
            .collect();
        assert!(read(&path, 0).unwrap().1 == expected, "{subsamp:?}");
    }
    // Separate planes are three gray images.
    let picture = Written { compression: 7, planar: 2, ..Written::with_samples(3) };
    let planes = [10, 20, 30].map(|_| jpeg((37, 29), turbojpeg::Subsamp::Gray));
    picture.write_chunks(&path, &planes);
    let gray = turbojpeg::decompress(&planes[0], turbojpeg::PixelFormat::GRAY).unwrap().pixels;
    assert!(
        read(&path, 0).unwrap().1 == gray.iter().flat_map(|&value| [value; 3]).collect::<Vec<u8>>()
    );
}

#[test]
fn reads_the_meaning_of_samples() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("meaning.tif");
    let layout = |picture: &Written| {
        picture.write(&path);
        read(&path, 0).unwrap().0.samples
    };
    let extra = |meaning: &[u16]| vec![short(tag::EXTRA_SAMPLES, meaning)];
    let of = |samples, photometric, fields| Written {
        photometric,
        fields,
        ..Written::with_samples(samples)
    };
    for (picture, channels, ignored, inverted) in [
        (of(1, 0, vec![]), Channels::Gray, 0, true),
        (of(2, 1, extra(&[2])), Channels::GrayAlpha(Alpha::Straight), 0, false),
        (of(4, 2, extra(&[1])), Channels::Rgba(Alpha::Premultiplied), 0, false),
        (of(5, 2, extra(&[2, 0])), Channels::Rgba(Alpha::Straight), 1, false),
        (of(4, 2, extra(&[0])), Channels::Rgb, 1, false),
        (of(4, 2, vec![]), Channels::Rgb, 1, false),
        (of(4, 5, vec![]), Channels::Cmyk, 0, false),
        (of(5, 5, extra(&[0])), Channels::Cmyk, 1, false),
    ] {
        let found = layout(&picture);
        assert_eq!(
            (found.channels, found.ignored, found.inverted),
            (channels, ignored, inverted),
            "{picture:?}"
        );
    }
    // Two colors: 16-bit, 8-bit as some write, and 8-bit times 256 as others do.
    for (red, expected) in
        [([65_535, 128], [255, 0]), ([255, 128], [255, 128]), ([65_280, 256], [255, 1])]
    {
        let map = [red[0], red[1], 0, 0, 0, 0];
        let picture = Written { bits: 1, ..of(1, 3, vec![short(tag::COLOR_MAP, &map)]) };
        let palette: [[u8; 4]; 2] = expected.map(|red| [red, 0, 0, 255]);
        assert_eq!(layout(&picture).channels, Channels::Palette(palette.into()));
    }
}

#[test]
fn distinguishes_pages_from_reduced_versions() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pages.tif");
    let in_tiles =
        |width, height| Written { width, height, tile: Some((16, 16)), ..Written::default() };
    let mut writer = TiffWriter::create(&path, Container::BigTiff, ByteOrder::Big).unwrap();
    let mut add = |picture: &Written, extra: Vec<Field>| {
        let mut fields = Written { order: ByteOrder::Big, ..picture.clone() }
            .fields(&mut writer, &picture.chunks());
        fields.extend(extra);
        writer.directory(fields).unwrap();
    };
    let reduced = || vec![long(tag::NEW_SUBFILE_TYPE, 1)];
    add(&in_tiles(40, 30), vec![]);
    add(&in_tiles(10, 8), reduced());
    add(&in_tiles(20, 15), reduced());
    // Not a half, not of the same type, and not tiled.
    add(&in_tiles(21, 29), reduced());
    add(&Written { bits: 16, ..in_tiles(5, 4) }, reduced());
    add(&Written { width: 5, height: 4, ..Written::default() }, reduced());
    add(&Written { width: 7, ..Written::default() }, vec![]);
    writer.finish().unwrap();

    let tiles = tiles_of(&path);
    assert_eq!(
        sizes(&*tiles)[1..],
        [(20, 15), (10, 8)].map(|(width, height)| Size::new(width, height).unwrap())
    );
    for (level, (width, height)) in [(0, (40, 30)), (1, (20, 15)), (2, (10, 8))] {
        let mut rows = vec![0; (width * height) as usize];
        read_region(&*tiles, level, Rect::of(Size::new(width, height).unwrap()), &mut rows)
            .unwrap();
        assert!(rows == in_tiles(width, height).rows(), "level {level}");
    }
    assert_eq!(read(&path, 1).unwrap().0.size.width(), 7);
    assert!(matches!(open_page(&path, 2), Err(ImageError::NoSuchPage { pages: 2 })));

    // The same levels as children of the page.
    let mut writer = TiffWriter::create(&path, Container::Classic, ByteOrder::Little).unwrap();
    let smaller = [in_tiles(20, 15), in_tiles(10, 8)].map(|picture| {
        let fields = picture.fields(&mut writer, &picture.chunks());
        writer.sub_directory(fields).unwrap()
    });
    let mut fields = in_tiles(40, 30).fields(&mut writer, &in_tiles(40, 30).chunks());
    fields.push(Field { tag: tag::SUB_IFDS, values: Values::Offsets(smaller.to_vec()) });
    writer.directory(fields).unwrap();
    writer.finish().unwrap();
    let tiles = tiles_of(&path);
    assert_eq!(tiles.grids().len(), 3);
    let mut rows = vec![0; 20 * 15];
    read_region(&*tiles, 1, Rect::of(Size::new(20, 15).unwrap()), &mut rows).unwrap();
    assert!(rows == in_tiles(20, 15).rows());
}

#[test]
fn reads_descriptive_tags() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("said.tif");
    let text = |tag, text: &str| Field { tag, values: Values::Ascii(text.to_owned()) };
    let per = |tag, over, under| Field { tag, values: Values::Rational(over, under) };
    let mut fields = vec![
        text(tag::IMAGE_DESCRIPTION, "a scan"),
        text(tag::SOFTWARE, "Größe 1"),
        per(tag::X_RESOLUTION, 40_000, 2),
        per(tag::Y_RESOLUTION, 40_000, 1),
        Field { tag: tag::ICC_PROFILE, values: Values::Undefined(b"a profile".to_vec()) },
    ];
    let header = |fields: &[Field]| {
        Written {
            fields: fields.to_vec(),
            compression: 5,
            rows_per_strip: 4,
            ..Written::default()
        }
        .write(&path);
        read(&path, 0).unwrap().0
    };
    let in_inches = header(&fields);
    assert_eq!(
        in_inches.microns_per_pixel,
        MicronsPerPixel::new(25_400.0 / 20_000.0, 25_400.0 / 40_000.0)
    );
    assert_eq!(in_inches.coding, "LZW strips");
    let said: Vec<_> =
        in_inches.properties.iter().map(|(name, value)| (&name[..], &value[..])).collect();
    assert_eq!(
        said,
        [
            ("tiff.ImageDescription", "a scan"),
            ("tiff.ResolutionUnit", "inch"),
            ("tiff.Software", "Größe 1"),
            ("tiff.XResolution", "20000"),
            ("tiff.YResolution", "40000"),
        ]
    );
    assert_eq!(in_inches.icc_profile.unwrap().bytes(), b"a profile");
    fields.push(short(tag::RESOLUTION_UNIT, &[3]));
    assert_eq!(header(&fields).microns_per_pixel, MicronsPerPixel::new(0.5, 0.25));

    for code in 1..9 {
        assert_eq!(
            header(&[short(tag::ORIENTATION, &[code])]).orientation,
            exif::of_number(u32::from(code))
        );
    }
}
