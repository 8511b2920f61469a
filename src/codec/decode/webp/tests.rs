use std::io::Cursor;

use image_webp::{ColorType, WebPEncoder};

use super::*;
use crate::codec::{Quality, TileEncoder, TileFormat, WebPCompression};
use slidezoom_fixtures::Random;

use crate::codec::decode::decoded::{all_rows, on_disk, piped};
use crate::geometry::Rotation;
use crate::pixels::{PIXEL_BYTES, Pixels};

const REQUEST: Request = Request { page: 0, memory: 64 << 20 };

/// A picture's header and rows, decoded three at a time.
fn decoded(input: Input) -> Result<(ImageHeader, Vec<u8>), ImageError> {
    all_rows(open(input, REQUEST)?, 3)
}

/// Samples that are neither flat nor noise.
fn samples(width: u32, height: u32, count: usize) -> Vec<u8> {
    let mut random = Random::new(u64::from(width));
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    pixels
        .flat_map(|(x, y)| (0..count as u32).map(move |c| x * (c + 2) + y * 3))
        .map(|v| v as u8 ^ random.below(8) as u8)
        .collect()
}

/// A file by an encoder that has nothing of libwebp's.
fn lossless(
    width: u32,
    height: u32,
    color: ColorType,
    profile: Option<&[u8]>,
    exif: Option<&[u8]>,
) -> (Vec<u8>, Vec<u8>) {
    let count = if matches!(color, ColorType::Rgba8) { 4 } else { 3 };
    let samples = samples(width, height, count);
    let mut file = Vec::new();
    let mut encoder = WebPEncoder::new(&mut file);
    if let Some(profile) = profile {
        encoder.set_icc_profile(profile.to_vec());
    }
    if let Some(exif) = exif {
        encoder.set_exif_metadata(exif.to_vec());
    }
    encoder.encode(&samples, width, height, color).unwrap();
    (file, samples)
}

/// EXIF of nothing but an orientation.
fn exif(orientation: u8) -> Vec<u8> {
    [&b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0"[..], &[orientation, 0, 0, 0], &[0; 4]]
        .concat()
}

fn chunk(name: [u8; 4], contents: &[u8]) -> Vec<u8> {
    let mut chunk = [&name[..], &(contents.len() as u32).to_le_bytes(), contents].concat();
    chunk.resize(chunk.len().next_multiple_of(2), 0);
    chunk
}

fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    let chunks = chunks.concat();
    [&b"RIFF"[..], &(chunks.len() as u32 + 4).to_le_bytes(), b"WEBP", &chunks].concat()
}

fn extended(flags: u8, width: u32, height: u32) -> Vec<u8> {
    let [w0, w1, w2, _] = (width - 1).to_le_bytes();
    let [h0, h1, h2, _] = (height - 1).to_le_bytes();
    chunk(*b"VP8X", &[flags, 0, 0, 0, w0, w1, w2, h0, h1, h2])
}

/// A lossy file of one chunk, by libwebp.
fn lossy(width: u32, height: u32) -> Vec<u8> {
    let size = Size::new(width, height).unwrap();
    let pixels = Pixels::from_bytes(size, samples(width, height, PIXEL_BYTES)).unwrap();
    let compression = WebPCompression::Lossy { quality: Quality::new(70).unwrap() };
    let mut encoder = TileEncoder::new(TileFormat::WebP { compression }, None).unwrap();
    encoder.encode(pixels.view()).unwrap().to_vec()
}

#[test]
fn decodes_lossless_images_exactly() {
    for (width, height) in [(1, 1), (67, 41), (256, 3)] {
        for color in [ColorType::Rgb8, ColorType::Rgba8] {
            let (file, samples) = lossless(width, height, color, None, None);
            for input in [piped(&file), on_disk(&file)] {
                let (header, rows) = decoded(input).unwrap();
                assert_eq!(rows, samples);
                assert_eq!(
                    (header.size, header.coding.as_str()),
                    (Size::new(width, height).unwrap(), "lossless")
                );
                assert!(header.held_bytes > samples.len() as u64);
            }
        }
    }
}

#[test]
fn decodes_lossy_images_as_another_decoder_does() {
    for (width, height) in [(1, 1), (67, 41), (128, 65)] {
        let file = lossy(width, height);
        let (header, rows) = decoded(on_disk(&file)).unwrap();
        let mut other = vec![0; rows.len()];
        image_webp::WebPDecoder::new(Cursor::new(file)).unwrap().read_image(&mut other).unwrap();
        assert_eq!((header.coding.as_str(), header.samples.channels), ("lossy", Channels::Rgb));
        assert_eq!(rows, other);
    }
}

#[test]
fn keeps_the_straight_alpha_of_lossy_images() {
    let (width, height) = (67, 41);
    let color = decoded(piped(&lossy(width, height))).unwrap().1;
    let alpha = samples(width, height, 1);
    // Not compressed and not filtered, by RFC 9649, 2.7.1.2.
    let coded = [&[0], &alpha[..]].concat();
    let picture = lossy(width, height)[12..].to_vec();
    let file =
        riff(&[extended(Container::VP8X_ALPHA, width, height), chunk(*b"ALPH", &coded), picture]);
    let (header, rows) = decoded(on_disk(&file)).unwrap();
    assert_eq!(header.samples.channels, Channels::Rgba(Alpha::Straight));
    let pixels: Vec<u8> = color
        .chunks(3)
        .zip(&alpha)
        .flat_map(|(rgb, &alpha)| [rgb[0], rgb[1], rgb[2], alpha])
        .collect();
    assert_eq!(rows, pixels);
}

#[test]
fn finds_profile_and_orientation_before_and_after_the_image() {
    let profile: Vec<u8> = (0..=100).collect();
    let turned = [
        (1, None),
        (6, Some(Rotation::Quarter)),
        (3, Some(Rotation::Half)),
        (8, Some(Rotation::ThreeQuarters)),
    ];
    for (number, rotation) in turned {
        let exif = exif(number);
        let (file, samples) = lossless(9, 5, ColorType::Rgb8, Some(&profile), Some(&exif));
        for input in [piped(&file), on_disk(&file)] {
            let (header, rows) = decoded(input).unwrap();
            assert_eq!(rows, samples);
            assert_eq!(header.icc_profile.unwrap().bytes(), profile);
            assert_eq!(header.orientation, Orientation::new(rotation.unwrap_or_default(), None));
        }
    }
}

#[test]
fn rejects_animations_and_incomplete_images() {
    let (file, _) = lossless(31, 17, ColorType::Rgba8, Some(&[1; 50]), Some(&exif(2)));
    for length in 0..file.len() {
        assert!(decoded(piped(&file[..length])).is_err(), "{length}");
        assert!(open(on_disk(&file[..length]), REQUEST).is_err(), "{length}");
    }
    // Truncated inside a chunk. The last bytes may be padding of the coder.
    let picture = &lossy(64, 64)[20..];
    for length in 10..picture.len() - 4 {
        let cut = decoded(piped(&riff(&[chunk(*b"VP8 ", &picture[..length])])));
        assert!(matches!(cut, Err(ImageError::Malformed { .. })), "{length} of {}", picture.len());
    }
    let whole = || chunk(*b"VP8 ", picture);
    assert!(decoded(piped(&[&riff(&[whole()])[..], b"and more"].concat())).is_ok());
    for (file, unsupported) in [
        (riff(&[extended(Container::VP8X_ANIMATION, 64, 64), whole()]), true),
        (riff(&[extended(0, 64, 63), whole()]), false),
        (riff(&[extended(0, 64, 64)]), false),
        (riff(&[]), false),
        (riff(&vec![extended(0, 64, 64); 2_000]), false),
    ] {
        match decoded(on_disk(&file)) {
            Err(ImageError::Unsupported { .. }) => assert!(unsupported),
            Err(ImageError::Malformed { .. }) => assert!(!unsupported),
            answer => panic!("{answer:?}"),
        }
    }
    let little = Request { memory: 100, ..REQUEST };
    assert!(matches!(open(piped(&riff(&[whole()])), little), Err(ImageError::Unsupported { .. })));
    assert!(open(on_disk(&riff(&[whole()])), little).unwrap().0.held_bytes > 100);
    let second = Request { page: 1, ..REQUEST };
    assert!(matches!(open(piped(&file), second), Err(ImageError::NoSuchPage { pages: 1 })));
}
