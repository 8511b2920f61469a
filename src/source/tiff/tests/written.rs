//! Writes TIFF files of every supported kind, with known samples.

use std::ops::Range;
use std::path::Path;

use slidezoom_fixtures::{ByteOrder, Container, Field, TiffWriter, Values};

use crate::source::tiff::directory::tag;

/// How to store an image.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub width: u32,
    pub height: u32,
    /// The samples per pixel and their bits.
    pub samples: usize,
    pub bits: usize,
    /// TIFF tags 339, 259, 317, 284 and 262.
    pub format: u16,
    pub compression: u16,
    pub predictor: u16,
    pub planar: u16,
    pub photometric: u16,
    pub tile: Option<(u32, u32)>,
    pub rows_per_strip: u32,
    pub order: ByteOrder,
    pub container: Container,
    /// Additional tags, or replacements of those above.
    pub fields: Vec<Field>,
}

impl Default for Written {
    /// Gray bytes in one strip, uncompressed.
    fn default() -> Self {
        Self {
            width: 37,
            height: 29,
            samples: 1,
            bits: 8,
            format: 1,
            compression: 1,
            predictor: 1,
            planar: 1,
            photometric: 1,
            tile: None,
            rows_per_strip: 29,
            order: ByteOrder::Little,
            container: Container::Classic,
            fields: Vec::new(),
        }
    }
}

pub(crate) fn short(tag: u16, values: &[u16]) -> Field {
    Field { tag, values: Values::Short(values.to_vec()) }
}

pub(crate) fn long(tag: u16, value: u32) -> Field {
    Field { tag, values: Values::Long(vec![value]) }
}

impl Written {
    /// An image with `samples` samples per pixel. Extra samples have no declared meaning.
    pub fn with_samples(samples: usize) -> Self {
        Self { samples, photometric: if samples < 3 { 1 } else { 2 }, ..Self::default() }
    }

    /// Returns a sample as the bits of its type: smooth in some places, random in others.
    pub fn value(&self, x: u32, y: u32, sample: usize) -> u64 {
        let smooth = u64::from(3 * x + 5 * y) * 0x0101_0101_0101 + 1000 * sample as u64;
        let number = u64::from(y * self.width + x) * 8 + sample as u64;
        let random =
            number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29) & 0x0007_0007_0007_0007;
        let value = if y.is_multiple_of(3) { smooth } else { smooth.wrapping_add(random) };
        match (self.format, self.bits) {
            (3, 32) => u64::from((value as f32 / 1e6).to_bits()),
            (3, 64) => (value as f64 / 1e6).to_bits(),
            (_, 64) => value,
            (_, bits) => value & ((1 << bits) - 1),
        }
    }

    /// Returns the rows that a decoder must produce, with the samples of a pixel together.
    pub fn rows(&self) -> Vec<u8> {
        self.part(0..self.width, 0..self.height)
    }

    /// Returns the rows of a region.
    pub fn part(&self, columns: Range<u32>, rows: Range<u32>) -> Vec<u8> {
        rows.flat_map(|y| self.pack(&self.row(y, columns.clone(), 0..self.samples))).collect()
    }

    fn row(&self, y: u32, columns: Range<u32>, samples: Range<usize>) -> Vec<u64> {
        columns.flat_map(|x| samples.clone().map(move |sample| self.value(x, y, sample))).collect()
    }

    fn pack(&self, values: &[u64]) -> Vec<u8> {
        if self.bits < 8 {
            let per_byte = 8 / self.bits;
            let byte = |values: &[u64]| {
                (0..per_byte).fold(0, |byte, at| {
                    byte << self.bits | values.get(at).copied().unwrap_or(0) as u8
                })
            };
            return values.chunks(per_byte).map(byte).collect();
        }
        let bytes = self.bits / 8;
        let number = |&value: &u64| match self.order {
            ByteOrder::Little => value.to_le_bytes()[..bytes].to_vec(),
            ByteOrder::Big => value.to_be_bytes()[8 - bytes..].to_vec(),
        };
        values.iter().flat_map(number).collect()
    }

    /// Returns a row with the predictor applied.
    fn predicted(&self, row: &[u64]) -> Vec<u8> {
        let step = if self.planar == 1 { self.samples } else { 1 };
        let left = |at: usize| if at < step { 0 } else { row[at - step] };
        match self.predictor {
            2 => {
                let mask = u64::MAX >> (64 - self.bits);
                let differences: Vec<u64> = row
                    .iter()
                    .enumerate()
                    .map(|(at, value)| value.wrapping_sub(left(at)) & mask)
                    .collect();
                self.pack(&differences)
            }
            3 => {
                let planes: Vec<u8> = (0..self.bits / 8)
                    .rev()
                    .flat_map(|byte| row.iter().map(move |value| (value >> (8 * byte)) as u8))
                    .collect();
                let left = |at: usize| if at < step { 0 } else { planes[at - step] };
                planes.iter().enumerate().map(|(at, byte)| byte.wrapping_sub(left(at))).collect()
            }
            _ => self.pack(row),
        }
    }

    /// Returns the compressed strips or tiles in the file's order.
    pub fn chunks(&self) -> Vec<Vec<u8>> {
        let together = if self.planar == 1 { self.samples } else { 1 };
        let (width, height) = self.tile.unwrap_or((self.width, self.rows_per_strip));
        let mut chunks = Vec::new();
        for samples in (0..self.samples).step_by(together).map(|first| first..first + together) {
            for top in (0..self.height).step_by(height as usize) {
                for left in (0..self.width).step_by(width as usize) {
                    let bottom = if self.tile.is_some() {
                        top + height
                    } else {
                        self.height.min(top + height)
                    };
                    let rows = (top..bottom)
                        .flat_map(|y| {
                            self.predicted(&self.row(y, left..left + width, samples.clone()))
                        })
                        .collect::<Vec<u8>>();
                    chunks.push(compressed(&rows, self.compression));
                }
            }
        }
        chunks
    }

    /// Writes the chunks and returns the directory's entries.
    pub fn fields(&self, writer: &mut TiffWriter, chunks: &[Vec<u8>]) -> Vec<Field> {
        let offsets =
            Values::Offsets(chunks.iter().map(|chunk| writer.append(chunk).unwrap()).collect());
        let lengths = Values::Long(chunks.iter().map(|chunk| chunk.len() as u32).collect());
        let mut fields = vec![
            long(tag::IMAGE_WIDTH, self.width),
            long(tag::IMAGE_LENGTH, self.height),
            short(tag::BITS_PER_SAMPLE, &vec![self.bits as u16; self.samples]),
            short(tag::SAMPLE_FORMAT, &vec![self.format; self.samples]),
            short(tag::COMPRESSION, &[self.compression]),
            short(tag::PHOTOMETRIC_INTERPRETATION, &[self.photometric]),
            short(tag::SAMPLES_PER_PIXEL, &[self.samples as u16]),
            short(tag::PLANAR_CONFIGURATION, &[self.planar]),
            short(tag::PREDICTOR, &[self.predictor]),
        ];
        match self.tile {
            Some((width, height)) => fields.extend([
                long(tag::TILE_WIDTH, width),
                long(tag::TILE_LENGTH, height),
                Field { tag: tag::TILE_OFFSETS, values: offsets },
                Field { tag: tag::TILE_BYTE_COUNTS, values: lengths },
            ]),
            None => fields.extend([
                long(tag::ROWS_PER_STRIP, self.rows_per_strip),
                Field { tag: tag::STRIP_OFFSETS, values: offsets },
                Field { tag: tag::STRIP_BYTE_COUNTS, values: lengths },
            ]),
        }
        fields.retain(|field| self.fields.iter().all(|other| other.tag != field.tag));
        fields.extend(self.fields.iter().cloned());
        fields
    }

    /// Writes the file.
    pub fn write(&self, path: &Path) {
        self.write_chunks(path, &self.chunks());
    }

    /// Writes the file with these strips or tiles.
    pub fn write_chunks(&self, path: &Path, chunks: &[Vec<u8>]) {
        let mut writer = TiffWriter::create(path, self.container, self.order).unwrap();
        let fields = self.fields(&mut writer, chunks);
        writer.directory(fields).unwrap();
        writer.finish().unwrap();
    }
}

fn compressed(bytes: &[u8], compression: u16) -> Vec<u8> {
    match compression {
        5 => weezl::encode::Encoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8)
            .encode(bytes)
            .unwrap(),
        8 | 32_946 => {
            let mut output = vec![0; 2 * bytes.len() + 100];
            let (output, _) =
                zlib_rs::compress_slice(&mut output, bytes, zlib_rs::DeflateConfig::default());
            output.to_vec()
        }
        32_773 => packed(bytes),
        50_000 => zstd::encode_all(bytes, 3).unwrap(),
        _ => bytes.to_vec(),
    }
}

/// Compresses with `PackBits`, with some no-operation bytes.
fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut output = vec![128];
    let mut rest = bytes;
    while let Some(&first) = rest.first() {
        let run = rest.iter().take(128).take_while(|&&byte| byte == first).count();
        if run > 1 {
            output.extend([(257 - run) as u8, first]);
            rest = &rest[run..];
        } else {
            let length = rest.len().min(5);
            output.push(length as u8 - 1);
            output.extend(&rest[..length]);
            rest = &rest[length..];
        }
    }
    output
}
