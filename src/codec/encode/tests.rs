use slidezoom_fixtures::frame_marker;
use turbojpeg::{PixelFormat, Subsamp};

use super::*;
use crate::geometry::{Point, Rect};
use crate::pixels::{Pixels, Rgb};

fn size(width: u32, height: u32) -> Size {
    Size::new(width, height).unwrap()
}

fn jpeg(quality: u8, subsampling: Subsampling, coding: JpegCoding) -> TileFormat {
    TileFormat::Jpeg { quality: Quality::new(quality).unwrap(), subsampling, coding }
}

#[test]
fn encodes_part_of_a_larger_image() {
    let orange = Rgb([230, 120, 10]);
    let picture = Pixels::filled(size(40, 30), orange);
    let part = picture.view().part(Rect::new(Point { x: 7, y: 3 }, size(17, 9)).unwrap());
    let format = jpeg(100, Subsampling::Full, JpegCoding::Baseline);
    let mut encoder = TileEncoder::new(format, None).unwrap();
    let decoded = turbojpeg::decompress(encoder.encode(part).unwrap(), PixelFormat::RGB).unwrap();
    assert_eq!((decoded.width, decoded.height), (17, 9));
    for pixel in decoded.pixels.chunks_exact(3) {
        for (found, expected) in pixel.iter().zip(orange.0) {
            assert!(found.abs_diff(expected) <= 2, "{pixel:?}");
        }
    }

    let mut encoder = TileEncoder::new(TileFormat::Png, None).unwrap();
    let bytes = encoder.encode(part).unwrap();
    let mut reader = ::png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut rgb).unwrap();
    assert_eq!((frame.width, frame.height), (17, 9));
    assert!(rgb.chunks_exact(3).all(|pixel| pixel == orange.0));
}

#[test]
fn applies_subsampling_independently_of_the_previous_tile() {
    let picture = Pixels::filled(size(64, 64), Rgb([200, 30, 90]));
    for (subsampling, expected) in [
        (Subsampling::Full, Subsamp::None),
        (Subsampling::HalfWidth, Subsamp::Sub2x1),
        (Subsampling::Quarter, Subsamp::Sub2x2),
    ] {
        let mut encoder =
            TileEncoder::new(jpeg(80, subsampling, JpegCoding::Baseline), None).unwrap();
        let first = encoder.encode(picture.view()).unwrap().to_vec();
        assert_eq!(turbojpeg::read_header(&first).unwrap().subsamp, expected);
        encoder.encode(Pixels::filled(size(300, 5), Rgb::WHITE).view()).unwrap();
        assert_eq!(encoder.encode(picture.view()).unwrap(), first);
    }
}

/// No two pixels alike in a row, and nothing that compresses.
fn noise(size: Size) -> Pixels {
    let mut state = 1_u32;
    let mut byte = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let bytes = (0..size.area()).flat_map(|_| [byte(), byte(), byte(), u8::MAX]).collect();
    Pixels::from_bytes(size, bytes).unwrap()
}

fn red_green_blue(pixels: PixelView<'_>) -> Vec<u8> {
    let rows = pixels.rows();
    rows.flat_map(|row| row.chunks_exact(4).flat_map(|pixel| [pixel[2], pixel[1], pixel[0]]))
        .collect()
}

/// Of noise at the best quality too, which makes the longest files.
#[test]
fn every_coding_has_the_same_pixels() {
    let sizes = [(1, 1), (1, 9), (8, 8), (17, 16), (33, 5), (256, 256)];
    let subsamplings =
        [Subsampling::Full, Subsampling::HalfWidth, Subsampling::Quarter, Subsampling::Gray];
    for (width, height) in sizes {
        let picture = noise(size(width, height));
        for (quality, subsampling) in
            [1, 80, 100].into_iter().flat_map(|one| subsamplings.map(|other| (one, other)))
        {
            let files = [JpegCoding::Baseline, JpegCoding::Optimized, JpegCoding::Progressive].map(
                |coding| {
                    let mut encoder =
                        TileEncoder::new(jpeg(quality, subsampling, coding), None).unwrap();
                    encoder.encode(picture.view()).unwrap().to_vec()
                },
            );
            let pixels = files
                .each_ref()
                .map(|file| turbojpeg::decompress(file, PixelFormat::RGB).unwrap().pixels);
            assert!(
                pixels[1] == pixels[0] && pixels[2] == pixels[0],
                "{width}×{height}, {quality}, {subsampling:?}"
            );
            assert_eq!(
                files.each_ref().map(|file| frame_marker(file).unwrap()),
                [0xc0, 0xc0, 0xc2]
            );
            assert!(files[1].len() < files[0].len());
        }
    }
}

#[test]
fn gray_has_one_component_and_color_is_kept() {
    let gray = Pixels::filled(size(40, 30), Rgb([77; 3]));
    let mut bytes = gray.bytes().to_vec();
    // One pixel, in one channel, by one step.
    bytes[4 * 1199] += 1;
    let colored = Pixels::from_bytes(size(40, 30), bytes).unwrap();
    let mut encoder =
        TileEncoder::new(jpeg(90, Subsampling::Gray, JpegCoding::Baseline), None).unwrap();
    for (picture, expected) in
        [(&gray, Subsamp::Gray), (&colored, Subsamp::None), (&gray, Subsamp::Gray)]
    {
        let file = encoder.encode(picture.view()).unwrap();
        assert_eq!(turbojpeg::read_header(file).unwrap().subsamp, expected);
        let decoded = turbojpeg::decompress(file, PixelFormat::RGB).unwrap();
        assert!(decoded.pixels.iter().all(|&found| found.abs_diff(77) <= 1));
    }
}

fn webp(quality: Option<u8>) -> TileFormat {
    let quality = quality.map(|quality| Quality::new(quality).unwrap());
    let compression =
        quality.map_or(WebPCompression::Lossless, |quality| WebPCompression::Lossy { quality });
    TileFormat::WebP { compression }
}

fn decoder(file: &[u8]) -> image_webp::WebPDecoder<std::io::Cursor<&[u8]>> {
    image_webp::WebPDecoder::new(std::io::Cursor::new(file)).unwrap()
}

fn decoded_webp(file: &[u8]) -> Vec<u8> {
    let mut decoder = decoder(file);
    assert!(!decoder.has_alpha());
    let mut pixels = vec![0; decoder.output_buffer_size().unwrap()];
    decoder.read_image(&mut pixels).unwrap();
    pixels
}

/// An encoder that shares nothing with the decoder, and a part of a picture as well as a whole one.
#[test]
fn lossless_webp_keeps_every_pixel() {
    let picture = noise(size(300, 90));
    let mut encoder = TileEncoder::new(webp(None), None).unwrap();
    for (x, y, width, height) in
        [(0, 0, 300, 90), (7, 3, 256, 64), (299, 89, 1, 1), (0, 50, 300, 1), (20, 0, 1, 90)]
    {
        let part = picture.view().part(Rect::new(Point { x, y }, size(width, height)).unwrap());
        let file = encoder.encode(part).unwrap();
        assert_eq!(decoder(file).dimensions(), (width, height));
        assert!(
            !decoder(file).is_lossy() && decoded_webp(file) == red_green_blue(part),
            "{width}×{height}"
        );
    }
}

#[test]
fn encodes_lossy_webp_independently_of_the_previous_tile() {
    let orange = Rgb([230, 120, 10]);
    let picture = Pixels::filled(size(70, 50), orange);
    let mut encoder = TileEncoder::new(webp(Some(100)), None).unwrap();
    let first = encoder.encode(picture.view()).unwrap().to_vec();
    assert!(decoder(&first).is_lossy());
    let pixels = decoded_webp(&first);
    assert!(
        pixels
            .chunks_exact(3)
            .all(|pixel| pixel.iter().zip(orange.0).all(|(a, b)| a.abs_diff(b) <= 3))
    );
    encoder.encode(noise(size(300, 5)).view()).unwrap();
    assert_eq!(encoder.encode(picture.view()).unwrap(), first);
}

#[test]
fn quality_follows_libwebps_scale() {
    let picture = noise(size(64, 64));
    let bytes = |quality| {
        TileEncoder::new(webp(Some(quality)), None).unwrap().encode(picture.view()).unwrap().len()
    };
    assert!(bytes(1) < bytes(50) && bytes(50) < bytes(80) && bytes(80) < bytes(100));
}

#[test]
fn accepts_the_longest_webp_side_and_no_longer() {
    for format in [webp(None), webp(Some(50))] {
        let mut encoder = TileEncoder::new(format, None).unwrap();
        for (width, height) in [(16_383, 2), (2, 16_383)] {
            let file =
                encoder.encode(Pixels::filled(size(width, height), Rgb::WHITE).view()).unwrap();
            assert_eq!(decoder(file).dimensions(), (width, height));
        }
        for (width, height) in [(16_384, 2), (2, 16_384)] {
            let refused = encoder.encode(Pixels::filled(size(width, height), Rgb::WHITE).view());
            assert!(
                matches!(refused, Err(EncodeError::WebP { size: found, .. }) if found == size(width, height))
            );
        }
    }
}

/// A profile of odd and even length: chunks begin at even places.
#[test]
fn embeds_a_webp_profile_without_changing_pixels() {
    let picture = noise(size(31, 18));
    for (format, length) in
        [webp(None), webp(Some(70))].into_iter().flat_map(|format| [(format, 99), (format, 100)])
    {
        let profile = IccProfile::new((0..length).collect());
        let plain =
            TileEncoder::new(format, None).unwrap().encode(picture.view()).unwrap().to_vec();
        let mut encoder = TileEncoder::new(format, Some(&profile)).unwrap();
        let file = encoder.encode(picture.view()).unwrap();
        assert_eq!(decoder(file).icc_profile().unwrap().as_deref(), Some(profile.bytes()));
        assert_eq!(decoder(&plain).icc_profile().unwrap(), None);
        assert_eq!(decoder(file).dimensions(), (31, 18));
        assert!(decoded_webp(file) == decoded_webp(&plain));
        assert_eq!(file.len() as u32, u32::from_le_bytes(file[4..8].try_into().unwrap()) + 8);
    }
}
