//! Compares rows with whole images of `TurboJPEG`, another API of the same library, and decodes
//! damaged files.

use slidezoom_fixtures::Random;
use turbojpeg::{Compressor, Decompressor, Image, PixelFormat, Subsamp};

use super::*;
use crate::codec::decode::decoded::{all_rows, piped};

const REQUEST: Request = Request { page: 0, memory: 1 << 30 };

/// Noise with some correlation, so that files compress a little.
fn noise(length: usize) -> Vec<u8> {
    let mut random = Random::new(3);
    let mut level = 128_u8;
    (0..length)
        .map(|_| {
            level = level.saturating_add_signed(random.below(41) as i8 - 20);
            level
        })
        .collect()
}

struct Style {
    subsampling: Subsamp,
    format: PixelFormat,
    progressive: bool,
    optimized: bool,
}

const PLAIN: Style = Style {
    subsampling: Subsamp::Sub2x2,
    format: PixelFormat::RGB,
    progressive: false,
    optimized: false,
};

fn encoded(width: usize, height: usize, style: &Style) -> Vec<u8> {
    let Style { subsampling, format, progressive, optimized } = *style;
    let pitch = width * format.size();
    let pixels = noise(pitch * height);
    let mut compressor = Compressor::new().unwrap();
    compressor.set_quality(85).unwrap();
    compressor.set_subsamp(subsampling).unwrap();
    compressor.set_optimize(optimized).unwrap();
    let file = compressor
        .compress_to_vec(Image { pixels: &pixels[..], width, pitch, height, format })
        .unwrap();
    if !progressive {
        return file;
    }
    let mut transform = turbojpeg::Transform::default();
    transform.progressive = true;
    turbojpeg::transform(&transform, &file).unwrap().to_vec()
}

/// Returns the whole image as `TurboJPEG` decodes it by default.
fn whole(file: &[u8], format: PixelFormat) -> Vec<u8> {
    let mut decompressor = Decompressor::new().unwrap();
    let header = decompressor.read_header(file).unwrap();
    let pitch = header.width * format.size();
    let mut pixels = vec![0; pitch * header.height];
    let target = Image {
        pixels: &mut pixels[..],
        width: header.width,
        pitch,
        height: header.height,
        format,
    };
    decompressor.decompress(file, target).unwrap();
    pixels
}

fn opened(file: &[u8]) -> Result<(ImageHeader, Box<dyn RowDecoder>), ImageError> {
    open(piped(file), REQUEST)
}

/// Decodes a file, a few rows at a time.
fn read(file: &[u8]) -> Result<(ImageHeader, Vec<u8>), ImageError> {
    all_rows(opened(file)?, 7)
}

#[test]
fn rows_equal_a_whole_decode() {
    for (subsampling, what, known) in [
        (Subsamp::None, "4:4:4", Some(Subsampling::Full)),
        (Subsamp::Sub2x1, "4:2:2", Some(Subsampling::HalfWidth)),
        (Subsamp::Sub2x2, "4:2:0", Some(Subsampling::Quarter)),
        (Subsamp::Sub1x2, "4:4:0", None),
        (Subsamp::Sub4x1, "4:1:1", None),
        (Subsamp::Gray, "", Some(Subsampling::Gray)),
    ] {
        for (width, height) in [(1, 1), (97, 61), (16, 16), (250, 33), (8, 200)] {
            for (progressive, optimized) in [(false, false), (false, true), (true, false)] {
                let file =
                    encoded(width, height, &Style { subsampling, progressive, optimized, ..PLAIN });
                let (header, rows) = read(&file).unwrap();
                let gray = subsampling == Subsamp::Gray;
                let format = if gray { PixelFormat::GRAY } else { PixelFormat::BGRA };
                assert!(
                    rows == whole(&file, format),
                    "{what} {width}×{height}, progressive {progressive}"
                );
                assert_eq!(header.subsampling, known, "{what}");
                let expected = if progressive { "progressive" } else { "baseline" };
                let expected = if what.is_empty() {
                    expected.to_owned()
                } else {
                    format!("{expected}, {what}")
                };
                assert_eq!(header.coding, expected);
                let blocks = |length: usize, step: usize| length.div_ceil(step * 8) * step;
                // As many blocks as MCUs have, which is what libjpeg-turbo keeps.
                let (across, down) = match what {
                    "4:2:2" => (2, 1),
                    "4:2:0" => (2, 2),
                    "4:4:0" => (1, 2),
                    "4:1:1" => (4, 1),
                    _ => (1, 1),
                };
                let of_brightness = blocks(width, across) * blocks(height, down);
                let all = if gray {
                    of_brightness
                } else {
                    of_brightness + 2 * of_brightness / (across * down)
                };
                assert_eq!(
                    header.held_bytes,
                    if progressive { 128 * all as u64 } else { 0 },
                    "{what} {width}×{height}"
                );
            }
        }
    }
}

#[test]
fn cmyk_is_inverted_with_or_without_adobes_marker() {
    let file =
        encoded(40, 30, &Style { subsampling: Subsamp::None, format: PixelFormat::CMYK, ..PLAIN });
    let (header, rows) = read(&file).unwrap();
    assert_eq!(header.samples.channels, Channels::Cmyk);
    assert!(rows == whole(&file, PixelFormat::CMYK));
    // With Adobe's marker, which libjpeg-turbo writes for CMYK, and without.
    assert!(header.samples.inverted);
    let at = file.windows(5).position(|bytes| bytes == b"Adobe").unwrap();
    let mut without = file.clone();
    without[at] = b'a';
    let (header, rows) = read(&without).unwrap();
    assert!(header.samples.inverted && rows == whole(&without, PixelFormat::CMYK));
}

/// A segment after the start of the image.
fn with_segment(file: &[u8], marker: u8, contents: &[u8]) -> Vec<u8> {
    let length = (contents.len() as u16 + 2).to_be_bytes();
    [&file[..2], &[0xff, marker], &length, contents, &file[2..]].concat()
}

#[test]
fn reads_orientation_and_profile() {
    let file = encoded(20, 10, &PLAIN);
    let exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x08\0\0\0\0\0\0";
    let (header, _) = read(&with_segment(&file, 0xe1, exif)).unwrap();
    assert_eq!(header.orientation, exif::of_number(8));
    assert_eq!(read(&file).unwrap().0.orientation, Orientation::UPRIGHT);
    let profile: Vec<u8> = (0..90_000_u32).map(|at| (at % 251) as u8).collect();
    let (one, other) = profile.split_at(60_000);
    let segment = |number: u8, part: &[u8]| [b"ICC_PROFILE\0", &[number, 2][..], part].concat();
    let both = with_segment(&with_segment(&file, 0xe2, &segment(2, other)), 0xe2, &segment(1, one));
    assert_eq!(read(&both).unwrap().0.icc_profile.unwrap().bytes(), profile);
    assert!(read(&file).unwrap().0.icc_profile.is_none());
    // A part is missing, so the profile is reported as unusable, not as absent.
    let part = with_segment(&file, 0xe2, &segment(2, other));
    let (header, rows) = read(&part).unwrap();
    assert!(header.icc_profile.unwrap().bytes().is_empty());
    assert!(rows == whole(&file, PixelFormat::BGRA));
}

#[test]
fn rejects_truncated_files() {
    for progressive in [false, true] {
        let file = encoded(60, 50, &Style { progressive, ..PLAIN });
        for length in 0..file.len() {
            assert!(
                read(&file[..length]).is_err(),
                "{length} of {} bytes, progressive {progressive}",
                file.len()
            );
        }
        // Bytes after the image are ignored.
        read(&[&file[..], b"a preview"].concat()).unwrap();
    }
}

/// Endless EXIF segments would otherwise take as much memory as a pipe has bytes.
#[test]
fn rejects_an_endless_header() {
    let segment = [vec![0xff, 0xe1, 0xff, 0xff], vec![0; 0xfffd]].concat();
    let endless = std::iter::repeat_n(segment, 1_100).flatten();
    let file: Vec<u8> = [0xff, 0xd8].into_iter().chain(endless).collect();
    let error = opened(&file).err().unwrap().to_string();
    assert_eq!(error, "libjpeg-turbo: its header has more than 64 MB");
}

/// Splits a file into its header and its scans, each with the tables before it.
fn scans(file: &[u8]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let mut parts = vec![file[..2].to_vec()];
    let mut at = 2;
    let mut in_tables = false;
    while file[at + 1] != 0xd9 {
        let (marker, length) =
            (file[at + 1], usize::from(u16::from_be_bytes([file[at + 2], file[at + 3]])));
        // Each of libjpeg's scans begins with its tables.
        if matches!(marker, 0xc4 | 0xda) && !in_tables {
            parts.push(Vec::new());
        }
        in_tables = marker == 0xc4;
        let mut end = at + 2 + length;
        if marker == 0xda {
            while file[end] != 0xff || matches!(file[end + 1], 0 | 0xd0..=0xd7) {
                end += 1;
            }
        }
        parts.last_mut().unwrap().extend_from_slice(&file[at..end]);
        at = end;
    }
    (parts.remove(0), parts)
}

#[test]
fn rejects_missing_scans() {
    for subsampling in [Subsamp::Sub2x2, Subsamp::Gray] {
        let file = encoded(60, 50, &Style { progressive: true, subsampling, ..PLAIN });
        let (header, scans) = scans(&file);
        let with = |scans: &[Vec<u8>]| [&header[..], &scans.concat(), &[0xff, 0xd9]].concat();
        assert!(with(&scans) == file && scans.len() > 5);
        for count in 1..scans.len() {
            let error = read(&with(&scans[..count])).unwrap_err().to_string();
            assert_eq!(
                error,
                "libjpeg-turbo: some of its scans are missing",
                "{count} of {} scans",
                scans.len()
            );
        }
        for missing in 0..scans.len() {
            let rest = [&scans[..missing], &scans[missing + 1..]].concat();
            assert!(read(&with(&rest)).is_err(), "without scan {missing}");
        }
    }
    // One component of three: a baseline file that says so in its scan.
    let file = encoded(60, 50, &Style { subsampling: Subsamp::None, ..PLAIN });
    let gray = encoded(60, 50, &Style { subsampling: Subsamp::Gray, ..PLAIN });
    let scan = |file: &[u8]| file.windows(2).position(|bytes| bytes == [0xff, 0xda]).unwrap();
    let only_brightness = [&file[..scan(&file)], &gray[scan(&gray)..]].concat();
    let error = read(&only_brightness).unwrap_err().to_string();
    assert_eq!(error, "libjpeg-turbo: some of its scans are missing");
}

/// Some cameras write zeros before the end marker.
#[test]
fn accepts_padding_before_the_end_marker() {
    for subsampling in [Subsamp::Sub2x2, Subsamp::None, Subsamp::Gray] {
        let file = encoded(60, 50, &Style { subsampling, ..PLAIN });
        let (image, end) = file.split_at(file.len() - 2);
        let padded = [image, &[0; 13], end].concat();
        assert_eq!(read(&padded).unwrap().1, read(&file).unwrap().1);
        // Before another marker, they are damage.
        let marked = [image, &[0; 13], &[0xff, 0xd0], end].concat();
        assert!(read(&marked).is_err());
    }
}

#[test]
fn rejects_data_that_libjpeg_warns_about() {
    let file = encoded(200, 150, &PLAIN);
    let start = file.windows(2).position(|bytes| bytes == [0xff, 0xda]).unwrap() + 12;
    let mut holed = file.clone();
    holed.drain(start + 200..start + 900);
    let error = read(&holed).unwrap_err().to_string();
    assert!(error.starts_with("libjpeg-turbo: ") || error.contains("truncated"), "{error}");
    let mut marked = file.clone();
    marked[start + 300..start + 302].copy_from_slice(&[0xff, 0xd9]);
    let error = read(&marked).unwrap_err().to_string();
    assert!(error.contains("libjpeg-turbo: ") && error.contains("premature end"), "{error}");
}

#[test]
fn decodes_or_rejects_damaged_files() {
    let seeds = [
        encoded(40, 30, &PLAIN),
        encoded(40, 30, &Style { progressive: true, ..PLAIN }),
        encoded(40, 30, &Style { subsampling: Subsamp::Gray, optimized: true, ..PLAIN }),
        encoded(40, 30, &Style { subsampling: Subsamp::None, format: PixelFormat::CMYK, ..PLAIN }),
    ];
    let mut random = Random::new(11);
    let (mut read, mut refused) = (0, 0);
    for _ in 0..4_000 {
        let seed = random.below(seeds.len());
        let file = random.damaged(&seeds[seed]);
        let Ok((header, mut decoder)) = opened(&file) else {
            refused += 1;
            continue;
        };
        let row_bytes = header.samples.row_bytes(header.size.width());
        if header.held_bytes > 1 << 24 || row_bytes > 1 << 20 {
            continue;
        }
        let mut row = vec![0; row_bytes];
        let rows = (0..header.size.height()).try_for_each(|_| decoder.decode_rows(&mut row));
        let all = rows.and_then(|()| decoder.finish());
        *if all.is_ok() { &mut read } else { &mut refused } += 1;
        // Nothing is decoded after a failure, and nothing breaks.
        assert!(decoder.decode_rows(&mut row).is_err());
    }
    assert!(read > 100 && refused > 1_000, "{read} read, {refused} refused");
}
