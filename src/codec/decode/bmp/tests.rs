#![expect(clippy::cast_sign_loss, reason = "widths and colors are above 0")]

use slidezoom_fixtures::Random;

use super::*;
use crate::codec::decode::decoded::{all_rows, on_disk, piped};

const REQUEST: Request = Request { page: 0, memory: 64 << 20 };

/// A picture's header and rows, decoded three at a time.
fn decoded(input: Input) -> Result<(ImageHeader, Vec<u8>), ImageError> {
    all_rows(open(input, REQUEST)?, 3)
}

/// What a file is made of.
struct Bitmap {
    width: i32,
    height: i32,
    bits: u16,
    compression: u32,
    masks: [u32; 4],
    /// Blue, green, red and nothing.
    colors: Vec<[u8; 4]>,
    header_bytes: u32,
}

impl Bitmap {
    fn new(width: i32, height: i32, bits: u16) -> Self {
        let colors = if bits > 8 { 0 } else { 1 << bits };
        let colors =
            (0..colors as u32).map(|i| [i as u8, (i * 7) as u8, (i * 13) as u8, 0]).collect();
        Self { width, height, bits, compression: 0, masks: [0; 4], colors, header_bytes: 40 }
    }

    fn masked(self, compression: u32, masks: [u32; 4], header_bytes: u32) -> Self {
        Self { compression, masks, header_bytes, ..self }
    }

    fn stride(&self) -> usize {
        (self.width as usize * usize::from(self.bits)).div_ceil(32) * 4
    }

    fn file(&self, pixels: &[u8]) -> Vec<u8> {
        let mut header = [
            &self.width.to_le_bytes()[..],
            &self.height.to_le_bytes(),
            &1_u16.to_le_bytes(),
            &self.bits.to_le_bytes(),
            &self.compression.to_le_bytes(),
            &0_u32.to_le_bytes(),
            &[0; 8],
            &(self.colors.len() as u32).to_le_bytes(),
            &[0; 4],
        ]
        .concat();
        if self.compression >= 3 || self.header_bytes > 40 {
            let count = if self.compression == 6 || self.header_bytes >= 56 { 4 } else { 3 };
            header.extend(self.masks[..count].iter().flat_map(|mask| mask.to_le_bytes()));
        }
        header.resize(header.len().max(self.header_bytes as usize - 4), 0);
        let offset = 14 + 4 + header.len() as u32 + 4 * self.colors.len() as u32;
        let length = offset + pixels.len() as u32;
        let start = [b"BM", &length.to_le_bytes()[..], &[0; 4], &offset.to_le_bytes()].concat();
        [
            start,
            self.header_bytes.to_le_bytes().to_vec(),
            header,
            self.colors.concat(),
            pixels.to_vec(),
        ]
        .concat()
    }
}

/// Bytes that are all there are.
fn bytes(count: usize) -> Vec<u8> {
    let mut random = Random::new(count as u64);
    (0..count).map(|_| random.below(256) as u8).collect()
}

/// The file's rows from the top one on.
fn top_down(bitmap: &Bitmap, pixels: &[u8]) -> Vec<Vec<u8>> {
    let mut rows: Vec<Vec<u8>> = pixels.chunks(bitmap.stride()).map(<[u8]>::to_vec).collect();
    if bitmap.height > 0 {
        rows.reverse();
    }
    rows
}

#[test]
fn passes_on_color_indices_and_the_palette() {
    for bits in [1, 2, 4, 8] {
        for (width, height) in [(1, 1), (13, 7), (32, -5), (257, 4)] {
            let bitmap = Bitmap::new(width, height, bits);
            let pixels = bytes(bitmap.stride() * height.unsigned_abs() as usize);
            let file = bitmap.file(&pixels);
            for input in [piped(&file), on_disk(&file)] {
                let (header, rows) = decoded(input).unwrap();
                let row_bytes = (width as usize * usize::from(bits)).div_ceil(8);
                let expected: Vec<u8> = top_down(&bitmap, &pixels)
                    .iter()
                    .flat_map(|row| row[..row_bytes].to_vec())
                    .collect();
                assert_eq!(rows, expected, "{bits} bits, {width}×{height}");
                let Channels::Palette(colors) = &header.samples.channels else {
                    panic!("{header:?}")
                };
                let expected: Vec<[u8; 4]> =
                    bitmap.colors.iter().map(|&[b, g, r, _]| [r, g, b, 255]).collect();
                assert_eq!(colors[..], expected);
            }
        }
    }
}

#[test]
fn reorders_byte_channels() {
    for (bits, height) in [(24, 7), (24, -7), (32, 7), (32, -7)] {
        let bitmap = Bitmap::new(13, height, bits);
        let pixels = bytes(bitmap.stride() * 7);
        let pixel_bytes = usize::from(bits / 8);
        let rows = top_down(&bitmap, &pixels);
        let expected: Vec<u8> = rows
            .iter()
            .flat_map(|row| row.chunks_exact(pixel_bytes).take(13))
            .flat_map(|p| [p[2], p[1], p[0]])
            .collect();
        let (header, rows) = decoded(on_disk(&bitmap.file(&pixels))).unwrap();
        assert_eq!((header.samples.channels, rows), (Channels::Rgb, expected));
        assert_eq!(header.held_bytes, 0);
    }
}

#[test]
fn scales_masked_channels_to_the_nearest() {
    let five_five_five = [0x7c00, 0x3e0, 0x1f, 0];
    for (bits, bitmap, masks) in [
        (16, Bitmap::new(256, 3, 16), five_five_five),
        (
            16,
            Bitmap::new(256, 3, 16).masked(3, [0xf800, 0x7e0, 0x1f, 0], 40),
            [0xf800, 0x7e0, 0x1f, 0],
        ),
        (
            16,
            Bitmap::new(256, 3, 16).masked(3, [0xf00, 0xf0, 0xf, 0xf000], 56),
            [0xf00, 0xf0, 0xf, 0xf000],
        ),
        (
            32,
            Bitmap::new(99, -3, 32).masked(6, [0xff, 0xff00, 0xff_0000, 0xff00_0000], 40),
            [0xff, 0xff00, 0xff_0000, 0xff00_0000],
        ),
        (
            32,
            Bitmap::new(99, 3, 32).masked(3, [0x3ff0_0000, 0xf_fc00, 0x3ff, 0], 52),
            [0x3ff0_0000, 0xf_fc00, 0x3ff, 0],
        ),
        (
            32,
            Bitmap::new(99, 3, 32).masked(3, [0xff_0000, 0xff00, 0xff, 0xff00_0000], 124),
            [0xff_0000, 0xff00, 0xff, 0xff00_0000],
        ),
    ] {
        let pixels = bytes(bitmap.stride() * 3);
        let mut expected = Vec::new();
        for row in top_down(&bitmap, &pixels) {
            for pixel in row.chunks_exact(bits / 8).take(bitmap.width as usize) {
                let pixel =
                    pixel.iter().rev().fold(0_u32, |number, &byte| number << 8 | u32::from(byte));
                for mask in masks.into_iter().filter(|&mask| mask != 0) {
                    let share = f64::from(pixel & mask) / f64::from(mask);
                    expected.push((share * 255.0).round() as u8);
                }
            }
        }
        let (header, rows) = decoded(on_disk(&bitmap.file(&pixels))).unwrap();
        assert_eq!(rows, expected, "{masks:x?}");
        assert_eq!(
            header.samples.channels.count(),
            masks.iter().filter(|&&mask| mask != 0).count()
        );
    }
    for masks in [
        [0xff, 0xff, 0xff00, 0],
        [0xf0f, 0xf0, 0xf000, 0],
        [0, 0xff, 0xff00, 0],
        [u32::MAX, 0, 0, 0],
        [0x1_0000, 0xf0, 0xf, 0],
    ] {
        assert!(
            open(on_disk(&Bitmap::new(1, 1, 16).masked(3, masks, 40).file(&[0; 4])), REQUEST)
                .is_err(),
            "{masks:x?}"
        );
    }
}

/// The example of Microsoft's documentation, "Bitmap compression", in an image large enough for it.
#[test]
fn decodes_the_documented_runs() {
    let runs =
        [3, 4, 5, 6, 0, 3, 0x45, 0x56, 0x67, 0, 2, 0x78, 0, 2, 5, 1, 2, 0x78, 0, 0, 9, 0x1e, 0, 1];
    let mut bitmap = Bitmap { compression: 1, ..Bitmap::new(20, 3, 8) };
    bitmap.colors = vec![[1, 2, 3, 0]; 256];
    let (header, rows) = decoded(on_disk(&bitmap.file(&runs))).unwrap();
    let mut expected = vec![0; 60];
    expected[40..53].copy_from_slice(&[4, 4, 4, 6, 6, 6, 6, 6, 0x45, 0x56, 0x67, 0x78, 0x78]);
    // 5 to the right and 1 down, and down is up in the file.
    expected[38..40].copy_from_slice(&[0x78, 0x78]);
    expected[..9].copy_from_slice(&[0x1e; 9]);
    assert_eq!(rows, expected);
    assert!(header.held_bytes >= 60);
    let runs = [3, 4, 5, 6, 0, 6, 0x45, 0x56, 0x67, 0, 4, 0x78, 0, 0, 9, 0x1e, 0, 1];
    let (_, rows) =
        decoded(piped(&Bitmap { compression: 2, ..Bitmap::new(18, 2, 4) }.file(&runs))).unwrap();
    assert_eq!(rows[18..], [0, 4, 0, 0, 6, 0, 6, 0, 4, 5, 5, 6, 6, 7, 7, 8, 7, 8]);
    assert_eq!(rows[..9], [1, 14, 1, 14, 1, 14, 1, 14, 1]);
}

#[test]
fn rejects_runs_outside_the_image() {
    let bitmap = Bitmap { compression: 1, ..Bitmap::new(4, 2, 8) };
    for (runs, sound) in [
        (&[4, 1, 0, 0, 4, 2][..], true),
        (&[4, 1, 0, 0, 4, 2, 0, 0, 0, 1], true),
        (&[4, 1, 0, 0, 1, 2, 0, 1], true),
        (&[4, 1, 0, 1], false),
        (&[5, 1, 0, 1], false),
        (&[0, 5, 1, 2, 3, 4, 5, 0, 0, 1], false),
        (&[0, 2, 5, 0, 0, 1], false),
        (&[0, 0, 0, 0, 1, 1, 0, 1], false),
        (&[0, 0, 0, 0, 0, 0, 0, 1], false),
        (&[4, 1], false),
        (&[4, 1, 0], false),
    ] {
        assert_eq!(decoded(on_disk(&bitmap.file(runs))).is_ok(), sound, "{runs:?}");
    }
}

#[test]
fn rejects_indices_beyond_the_palette() {
    for (bits, pixel) in [(8, 4), (4, 0x40), (4, 0x04), (2, 0x03)] {
        let mut bitmap = Bitmap::new(2, 1, bits);
        bitmap.colors.truncate(if bits == 2 { 3 } else { 4 });
        // Beyond the width there is no pixel.
        assert!(decoded(on_disk(&bitmap.file(&[0, 0, 0xff, 0xff]))).is_ok());
        let damaged =
            decoded(on_disk(&bitmap.file(&[if bits == 2 { pixel << 4 } else { pixel }, 0, 0, 0])));
        assert!(matches!(damaged, Err(ImageError::Malformed { .. })), "{bits}");
    }
    let bitmap = Bitmap { compression: 1, colors: vec![[0; 4]; 3], ..Bitmap::new(2, 1, 8) };
    assert!(decoded(on_disk(&bitmap.file(&[2, 3, 0, 1]))).is_err());
}

#[test]
fn reads_the_oldest_header_and_the_newest_profile() {
    let core = [
        &b"BM"[..],
        &[0; 8],
        &32_u32.to_le_bytes(),
        &12_u32.to_le_bytes(),
        &[9, 0, 1, 0, 1, 0, 1, 0],
        &[1, 2, 3, 4, 5, 6],
        &[0x80, 0x80, 0, 0],
    ]
    .concat();
    let (header, rows) = decoded(piped(&core)).unwrap();
    assert_eq!(rows, [0x80, 0x80]);
    assert_eq!(header.samples.channels, Channels::Palette([[3, 2, 1, 255], [6, 5, 4, 255]].into()));
    let mut file = Bitmap { header_bytes: 124, ..Bitmap::new(1, 1, 24) }.file(&[1, 2, 3, 0]);
    file[14 + 56..][..4].copy_from_slice(b"DEBM");
    file[14 + 112..][..8].copy_from_slice(&[128, 0, 0, 0, 5, 0, 0, 0]);
    file.extend_from_slice(b"abcde");
    assert_eq!(decoded(on_disk(&file)).unwrap().0.icc_profile.unwrap().bytes(), b"abcde");
    file.pop();
    assert!(decoded(on_disk(&file)).is_err());
}

#[test]
fn rejects_short_and_invalid_files_before_their_rows() {
    let bitmap = Bitmap::new(13, 7, 24);
    let file = bitmap.file(&bytes(bitmap.stride() * 7));
    for length in 0..file.len() - 1 {
        assert!(open(on_disk(&file[..length]), REQUEST).is_err(), "{length}");
        assert!(open(piped(&file[..length]), REQUEST).is_err(), "{length}");
    }
    // A row of 39 bytes is filled up to 40.
    assert!(decoded(on_disk(&file[..file.len() - 1])).is_ok());
    for bitmap in [
        Bitmap::new(0, 1, 24),
        Bitmap::new(1, 0, 24),
        Bitmap::new(-1, 1, 24),
        Bitmap::new(1, i32::MIN, 24),
        Bitmap::new(1, 1, 23),
        Bitmap { compression: 4, ..Bitmap::new(1, 1, 24) },
        Bitmap { compression: 1, ..Bitmap::new(1, -1, 8) },
        Bitmap { colors: Vec::new(), ..Bitmap::new(1, 1, 8) },
    ] {
        assert!(open(on_disk(&bitmap.file(&[0; 100])), REQUEST).is_err());
    }
    assert!(matches!(
        open(on_disk(&Bitmap::new(i32::MAX, i32::MAX, 32).file(&[0; 99])), REQUEST),
        Err(ImageError::Truncated)
    ));
    let bomb = Bitmap { compression: 1, ..Bitmap::new(i32::MAX, i32::MAX, 8) };
    assert!(open(on_disk(&bomb.file(&[0, 1])), REQUEST).unwrap().0.held_bytes >= 1 << 61);
    let little = Request { memory: 100, ..REQUEST };
    assert!(matches!(open(piped(&file), little), Err(ImageError::Unsupported { .. })));
    assert!(matches!(
        open(on_disk(&file), Request { page: 1, ..REQUEST }),
        Err(ImageError::NoSuchPage { pages: 1 })
    ));
}
