//! Files that are put together by the specification, and each way to damage them.

use std::sync::Arc;

use super::*;
use crate::codec::decode::decoded::{all_rows, piped};

const REQUEST: Request = Request { page: 0, memory: 1 << 30 };

/// Assembles a PNG file by the specification: the signature, chunks with CRCs, and a zlib stream of
/// stored blocks.
struct File {
    width: u32,
    height: u32,
    bits: u8,
    color_type: u8,
    interlaced: bool,
    /// What stands between the header and the pixels.
    chunks: Vec<(&'static [u8; 4], Vec<u8>)>,
}

impl File {
    fn bits_a_pixel(&self) -> usize {
        usize::from(self.bits) * [1, 0, 3, 1, 2, 0, 4][usize::from(self.color_type)]
    }

    fn row_bytes(&self, width: usize) -> usize {
        (width * self.bits_a_pixel()).div_ceil(8)
    }

    /// The rows of noise, those bits zero that belong to no pixel.
    fn noise(&self) -> Vec<u8> {
        let mut state = 0x9e37_79b9_u32;
        let mut rows = Vec::new();
        for _ in 0..self.height {
            rows.extend((0..self.row_bytes(self.width as usize)).map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            }));
            let unused =
                self.row_bytes(self.width as usize) * 8 - self.width as usize * self.bits_a_pixel();
            *rows.last_mut().unwrap() &= u8::MAX << unused;
        }
        rows
    }

    fn bytes(&self, rows: &[u8]) -> Vec<u8> {
        let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
        let mut chunk = |name: &[u8; 4], contents: &[u8]| {
            file.extend((contents.len() as u32).to_be_bytes());
            let named = [name, contents].concat();
            file.extend(&named);
            file.extend(crc32fast::hash(&named).to_be_bytes());
        };
        let mut header = [self.width.to_be_bytes(), self.height.to_be_bytes()].concat();
        header.extend([self.bits, self.color_type, 0, 0, u8::from(self.interlaced)]);
        chunk(b"IHDR", &header);
        for (name, contents) in &self.chunks {
            chunk(name, contents);
        }
        if rows.is_empty() {
            chunk(b"IDAT", &[]);
            return file;
        }
        let filtered = if self.interlaced {
            self.passes(rows)
        } else {
            self.unfiltered(rows, self.width as usize)
        };
        let compressed = stored(&filtered);
        let (one, other) = compressed.split_at(compressed.len() / 2);
        chunk(b"IDAT", one);
        chunk(b"IDAT", other);
        chunk(b"IEND", &[]);
        file
    }

    /// Each row with the filter that does nothing.
    fn unfiltered(&self, rows: &[u8], width: usize) -> Vec<u8> {
        rows.chunks_exact(self.row_bytes(width)).flat_map(|row| [&[0], row].concat()).collect()
    }

    /// The seven passes of Adam7, pixel by pixel.
    fn passes(&self, rows: &[u8]) -> Vec<u8> {
        let bits = self.bits_a_pixel();
        let bit = |x: usize, y: usize, bit: usize| {
            let at = x * bits + bit;
            rows[y * self.row_bytes(self.width as usize) + at / 8] >> (7 - at % 8) & 1
        };
        let mut all = Vec::new();
        for (left, top, right, down) in [
            (0, 0, 8, 8),
            (4, 0, 8, 8),
            (0, 4, 4, 8),
            (2, 0, 4, 4),
            (0, 2, 2, 4),
            (1, 0, 2, 2),
            (0, 1, 1, 2),
        ] {
            let columns: Vec<usize> = (left..self.width as usize).step_by(right).collect();
            if columns.is_empty() {
                continue;
            }
            for y in (top..self.height as usize).step_by(down) {
                let mut row = vec![0; self.row_bytes(columns.len())];
                let bits_of_row =
                    columns.iter().flat_map(|&x| (0..bits).map(move |number| (x, number)));
                for (at, (x, number)) in bits_of_row.enumerate() {
                    row[at / 8] |= bit(x, y, number) << (7 - at % 8);
                }
                all.extend(self.unfiltered(&row, columns.len()));
            }
        }
        all
    }
}

fn stored(contents: &[u8]) -> Vec<u8> {
    let mut zlib = vec![0x78, 0x01];
    let blocks = contents.chunks(0xffff).collect::<Vec<_>>();
    for (number, block) in blocks.iter().enumerate() {
        zlib.push(u8::from(number + 1 == blocks.len()));
        zlib.extend((block.len() as u16).to_le_bytes());
        zlib.extend((!(block.len() as u16)).to_le_bytes());
        zlib.extend(*block);
    }
    let (low, high) = contents.iter().fold((1_u32, 0_u32), |(low, high), &byte| {
        let low = (low + u32::from(byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    zlib.extend((high << 16 | low).to_be_bytes());
    zlib
}

fn read(bytes: &[u8]) -> Result<(ImageHeader, Vec<u8>), ImageError> {
    all_rows(open(piped(bytes), REQUEST)?, 4)
}

fn file(color_type: u8, bits: u8) -> File {
    let palette = vec![9; 3 << bits.min(8)];
    let chunks = if color_type == 3 { vec![(b"PLTE", palette)] } else { Vec::new() };
    File { width: 33, height: 19, bits, color_type, interlaced: false, chunks }
}

#[test]
fn decodes_every_color_type_and_depth_interlaced_or_not() {
    let depths: [(u8, &[u8]); 5] =
        [(0, &[1, 2, 4, 8, 16]), (2, &[8, 16]), (3, &[1, 2, 4, 8]), (4, &[8, 16]), (6, &[8, 16])];
    for (color_type, bits) in
        depths.into_iter().flat_map(|(kind, depths)| depths.iter().map(move |bits| (kind, *bits)))
    {
        for (width, height) in [(33, 19), (1, 1), (3, 2), (5, 9), (64, 8)] {
            for interlaced in [false, true] {
                let file = File { width, height, interlaced, ..file(color_type, bits) };
                let rows = file.noise();
                let (header, found) = read(&file.bytes(&rows)).unwrap();
                let what = format!(
                    "type {color_type}, {bits} bits, {width}×{height}, interlaced {interlaced}"
                );
                assert!(found == rows, "{what}");
                assert_eq!(header.samples.sample.bits(), usize::from(bits), "{what}");
                assert_eq!(header.held_bytes, if interlaced { rows.len() as u64 } else { 0 });
            }
        }
    }
}

#[test]
fn reads_transparent_colors_and_palettes_with_alpha() {
    let mut palette = file(3, 2);
    palette.chunks = vec![(b"PLTE", vec![1, 2, 3, 4, 5, 6, 7, 8, 9]), (b"tRNS", vec![0, 128])];
    let (header, _) = read(&palette.bytes(&palette.noise())).unwrap();
    let colors: Arc<[[u8; 4]]> = [[1, 2, 3, 0], [4, 5, 6, 128], [7, 8, 9, 255]].into();
    assert_eq!(header.samples.channels, Channels::Palette(colors));
    let mut gray = file(0, 16);
    gray.chunks = vec![(b"tRNS", vec![0x12, 0x34])];
    assert_eq!(read(&gray.bytes(&gray.noise())).unwrap().0.samples.clear, Some([0x1234, 0, 0]));
    let mut rgb = file(2, 8);
    rgb.chunks = vec![(b"tRNS", vec![0, 10, 0, 20, 0, 30])];
    assert_eq!(read(&rgb.bytes(&rgb.noise())).unwrap().0.samples.clear, Some([10, 20, 30]));
}

/// Each bit of such a file belongs to a checksum or to data with one.
#[test]
fn detects_every_changed_bit() {
    for interlaced in [false, true] {
        let file = File { width: 9, height: 5, interlaced, ..file(2, 8) };
        let bytes = file.bytes(&file.noise());
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(read(&changed).is_err(), "bit {} of byte {}", bit % 8, bit / 8);
        }
        for length in 0..bytes.len() {
            assert!(
                matches!(read(&bytes[..length]), Err(ImageError::Truncated)),
                "cut to {length} bytes"
            );
        }
    }
}

#[test]
fn rejects_huge_sizes_before_allocating() {
    let huge = |width, height| File { width, height, ..file(6, 16) }.bytes(&[]);
    let error = |width, height| open(piped(&huge(width, height)), REQUEST).err().unwrap();
    assert!(matches!(error(0, 5), ImageError::Malformed { .. } | ImageError::Size { .. }));
    assert!(matches!(error(i32::MAX as u32, i32::MAX as u32), ImageError::Memory { .. }));
    assert!(matches!(error(u32::MAX, 5), ImageError::Malformed { .. } | ImageError::Size { .. }));
}
