use image::codecs::gif::GifEncoder;
use image::{DynamicImage, Frame, RgbImage, Rgba, RgbaImage};

use super::*;
use crate::codec::decode::decoded::{all_rows, on_disk, piped};

const REQUEST: Request = Request { page: 0, memory: 64 << 20 };
const SIZE: (u32, u32) = (37, 23);

fn read(format: ImageFormat, file: &[u8]) -> Result<(ImageHeader, Vec<u8>), ImageError> {
    all_rows(open(piped(file), format, REQUEST)?, 5)
}

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    image.write_to(&mut file, crate_format(format).unwrap()).unwrap();
    file.into_inner()
}

fn color(x: u32, y: u32) -> [u8; 4] {
    [(x * 6) as u8, (y * 11) as u8, (x * y) as u8, 255 - (x + y) as u8]
}

fn rgba() -> RgbaImage {
    RgbaImage::from_fn(SIZE.0, SIZE.1, |x, y| Rgba(color(x, y)))
}

fn rgb() -> RgbImage {
    DynamicImage::from(rgba()).to_rgb8()
}

/// A header of 128 bytes and blocks of 8 bytes, each of one color, by the DDS reference.
fn dds(flags: u32) -> Vec<u8> {
    let mut file = b"DDS ".to_vec();
    for number in [124, 0x1007, 8, 12, 0, 0, 0].into_iter().chain([0; 11]) {
        file.extend(u32::to_le_bytes(number));
    }
    file.extend([32, 4 | flags].map(u32::to_le_bytes).as_flattened());
    file.extend(b"DXT1");
    file.extend([0, 0, 0, 0, 0, 0x1000, 0, 0, 0, 0].map(u32::to_le_bytes).as_flattened());
    for block in 0..6_u16 {
        file.extend([(block * 5) << 11, 0].map(u16::to_le_bytes).as_flattened());
        file.extend([0; 4]);
    }
    file
}

fn gif(frames: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = GifEncoder::new(&mut file);
    for frame in 0..frames {
        let image = RgbaImage::from_fn(SIZE.0, SIZE.1, |x, y| {
            Rgba([(x * 6 + frame) as u8, (y % 2) as u8, 9, 255])
        });
        encoder.encode_frame(Frame::new(image)).unwrap();
    }
    drop(encoder);
    file
}

fn every_file() -> Vec<(ImageFormat, Vec<u8>)> {
    let (rgb, rgba) = (DynamicImage::from(rgb()), DynamicImage::from(rgba()));
    let mut files = vec![(ImageFormat::Gif, gif(1)), (ImageFormat::Dds, dds(0))];
    files
        .extend([ImageFormat::Tga, ImageFormat::Qoi].map(|format| (format, encoded(&rgb, format))));
    files.extend(
        [ImageFormat::Tga, ImageFormat::Qoi, ImageFormat::Ico]
            .map(|format| (format, encoded(&rgba, format))),
    );
    files.push((ImageFormat::Farbfeld, encoded(&rgba.to_rgba16().into(), ImageFormat::Farbfeld)));
    files.push((ImageFormat::Hdr, encoded(&rgb.to_rgb32f().into(), ImageFormat::Hdr)));
    files.push((ImageFormat::OpenExr, encoded(&rgb.to_rgb32f().into(), ImageFormat::OpenExr)));
    files.push((ImageFormat::OpenExr, encoded(&rgba.to_rgba32f().into(), ImageFormat::OpenExr)));
    files
}

#[test]
fn decodes_exact_samples() {
    for format in [ImageFormat::Tga, ImageFormat::Qoi] {
        let (header, rows) = read(format, &encoded(&rgb().into(), format)).unwrap();
        assert!(header.samples.channels == Channels::Rgb && rows == rgb().into_raw(), "{format:?}");
    }
    for format in [ImageFormat::Tga, ImageFormat::Qoi, ImageFormat::Ico] {
        let (header, rows) = read(format, &encoded(&rgba().into(), format)).unwrap();
        let alpha = Channels::Rgba(Alpha::Straight);
        assert!(header.samples.channels == alpha && rows == rgba().into_raw(), "{format:?}");
    }
    let deep = DynamicImage::from(rgba()).to_rgba16();
    let (header, rows) =
        read(ImageFormat::Farbfeld, &encoded(&deep.clone().into(), ImageFormat::Farbfeld)).unwrap();
    assert_eq!(header.samples.sample, SampleType::U16(NATIVE));
    assert!(rows.as_chunks().0.iter().map(|bytes| u16::from_ne_bytes(*bytes)).eq(deep.into_raw()));
    let float = DynamicImage::from(rgba()).to_rgba32f();
    let (header, rows) =
        read(ImageFormat::OpenExr, &encoded(&float.clone().into(), ImageFormat::OpenExr)).unwrap();
    assert_eq!(header.samples.channels, Channels::Rgba(Alpha::Premultiplied));
    assert!(rows.as_chunks().0.iter().map(|bytes| f32::from_ne_bytes(*bytes)).eq(float.into_raw()));
    let float = DynamicImage::from(rgb()).to_rgb32f();
    let (_, rows) =
        read(ImageFormat::Hdr, &encoded(&float.clone().into(), ImageFormat::Hdr)).unwrap();
    // Eight bits of mantissa, shared by the three colors of a pixel.
    let near = |(found, expected): (&[u8; 4], f32)| {
        (f32::from_ne_bytes(*found) - expected).abs() < 1.0 / 128.0
    };
    assert!(rows.as_chunks().0.iter().zip(float.into_raw()).all(near));
    let (_, rows) = read(ImageFormat::Dds, &dds(0)).unwrap();
    let expected = |at: usize| ((at / 12 / 4 * 3 + at % 12 / 4) * 5 * 255) / 31;
    assert!(
        rows.as_chunks::<3>()
            .0
            .iter()
            .zip(0..)
            .all(|(pixel, at)| *pixel == [expected(at) as u8, 0, 0])
    );
}

#[test]
fn reads_the_first_frame_of_a_gif_and_counts_the_others() {
    let (header, rows) = read(ImageFormat::Gif, &gif(3)).unwrap();
    assert_eq!((header.pages, header.samples.channels), (3, Channels::Rgba(Alpha::Straight)));
    let expected = |at: u32| [(at % SIZE.0 * 6) as u8, (at / SIZE.0 % 2) as u8, 9, 255];
    assert!(rows.as_chunks::<4>().0.iter().zip(0..).all(|(pixel, at)| *pixel == expected(at)));
}

/// By the TGA specification, no alpha bits mean that the fourth byte is not alpha.
#[test]
fn ignores_the_fourth_byte_of_a_tga_without_alpha_bits() {
    let header = [0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 0, 32, 0];
    // The last row comes first: blue, green, red.
    let file = [&header[..], &[3, 2, 1, 0, 6, 5, 4, 0]].concat();
    let (header, rows) = read(ImageFormat::Tga, &file).unwrap();
    assert_eq!((header.samples.channels, header.samples.ignored), (Channels::Rgb, 1));
    assert_eq!(rows, [4, 5, 6, 0, 1, 2, 3, 0]);
}

#[test]
fn rejects_truncated_files() {
    for (format, file) in every_file() {
        assert!(read(format, &file).is_ok(), "{format:?}");
        // The encoder ends a TGA with a footer, and a PNG's end is not part of its pixels.
        let optional = match format {
            ImageFormat::Tga => 26,
            ImageFormat::Ico => 16,
            _ => 0,
        };
        for length in 0..file.len() - optional {
            assert!(
                read(format, &file[..length]).is_err(),
                "{format:?}: {length} of {} bytes",
                file.len()
            );
        }
    }
}

#[test]
fn checks_memory_before_decoding() {
    for (format, file) in every_file() {
        let held = open(on_disk(&file), format, REQUEST).unwrap().0.held_bytes;
        let little = Request { memory: held - 1, ..REQUEST };
        assert!(
            matches!(open(on_disk(&file), format, little), Err(ImageError::Memory { .. })),
            "{format:?}"
        );
        assert!(
            open(on_disk(&file), format, Request { memory: held, ..REQUEST }).is_ok(),
            "{format:?}"
        );
    }
}

#[test]
fn refuses_what_the_crate_decodes_wrongly() {
    assert!(matches!(read(ImageFormat::Dds, &dds(1)), Err(ImageError::Unsupported { .. })));
    let mut odd = dds(0);
    odd[16] = 11;
    assert!(matches!(read(ImageFormat::Dds, &odd), Err(ImageError::Unsupported { .. })));
    let palette = encoded(&DynamicImage::from(rgb()).to_luma8().into(), ImageFormat::Ico);
    assert!(matches!(read(ImageFormat::Ico, &palette), Err(ImageError::Unsupported { .. })));
    let tga = encoded(&rgb().into(), ImageFormat::Tga);
    assert!(
        is_tga_header(&tga) && !is_tga_header(b"not an image at all") && !is_tga_header(&tga[..17])
    );
}

#[test]
fn detects_formats_by_their_signatures() {
    for (format, file) in every_file() {
        let found = ImageFormat::detect(&file[..ImageFormat::SIGNATURE_BYTES], None);
        assert_eq!(found, Some(format).filter(|&format| format != ImageFormat::Tga));
        let found = ImageFormat::detect(&file, Some(std::path::Path::new("scan.TGA")));
        assert_eq!(found, Some(format));
    }
}
