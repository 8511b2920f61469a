//! PNG, by the `png` crate: row by row where it is not interlaced.
//!
//! An interlaced file has its last row complete with its last pass, and so is decoded whole, into memory. What always holds: every check sum that the format
//! has is looked at: a chunk's CRC, the compressed data's Adler-32, and that the file comes to its end.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read, Seek, SeekFrom};

use png::{BitDepth, ColorType, DecodeOptions, DecodingError, InterlaceInfo, Limits, Transformations};

use super::samples::{Alpha, ByteOrder, Channels, SampleType};
use super::{ImageError, ImageHeader, Input, Request, RowDecoder, SampleLayout, checked_size, exif};
use crate::geometry::Orientation;
use crate::render::IccProfile;

/// The crate asks for a reader that can seek, and never seeks (0.18): a pipe need not.
struct Forward<R>(R);

impl<R: Read> Read for Forward<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R: BufRead> BufRead for Forward<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.0.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.0.consume(amount);
    }
}

impl<R> Seek for Forward<R> {
    fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
        Err(io::ErrorKind::NotSeekable.into())
    }
}

type Reader = png::Reader<Forward<Box<dyn BufRead + Send>>>;

/// Opens a PNG file. Of an animated one it is the picture that programs show that know of none.
///
/// # Errors
/// [`ImageError`] where it is none, or is damaged before its pixels.
pub(in crate::slide) fn open(input: Input, request: Request) -> Result<(ImageHeader, Box<dyn RowDecoder>), ImageError> {
    let mut options = DecodeOptions::default();
    options.set_ignore_adler32(false);
    options.set_skip_ancillary_crc_failures(false);
    options.set_ignore_text_chunk(true);
    let mut decoder = png::Decoder::new_with_options(Forward(input.into_reader()), options);
    decoder.set_limits(Limits { bytes: usize::try_from(request.memory).unwrap_or(usize::MAX) });
    decoder.set_transformations(Transformations::IDENTITY);
    let info = decoder.read_header_info().map_err(failed)?;
    let size = checked_size(info.width.into(), info.height.into())?;
    let row_bytes = info.raw_row_length_from_width(info.width) as u64;
    if row_bytes.saturating_mul(ROWS_IN_LIBRARY) > request.memory {
        return Err(ImageError::Memory { needed: row_bytes.saturating_mul(ROWS_IN_LIBRARY) });
    }
    let reader = decoder.read_info().map_err(failed)?;
    let info = reader.info();
    let samples = layout(info)?;
    let interlaced = info.interlaced;
    let row_bytes = samples.row_bytes(size.width());
    let header = ImageHeader {
        size,
        coding: if interlaced { "interlaced".to_owned() } else { String::new() },
        orientation: info.exif_metadata.as_deref().map_or(Orientation::UPRIGHT, exif::orientation),
        icc_profile: info.icc_profile.as_ref().map(|bytes| IccProfile::new(bytes.to_vec())),
        subsampling: None,
        microns_per_pixel: None,
        properties: BTreeMap::new(),
        held_bytes: if interlaced { row_bytes as u64 * u64::from(size.height()) } else { 0 },
        samples,
    };
    let rows: Box<dyn RowDecoder> = if interlaced {
        let bits = header.samples.channels.count() * header.samples.sample.bits();
        Box::new(InterlacedRows {
            reader,
            row_bytes,
            bits_per_pixel: bits as u8,
            height: size.height(),
            picture: None,
            next: 0,
        })
    } else {
        Box::new(Rows { reader, row_bytes })
    };
    Ok((header, rows))
}

/// Rows that the crate holds before any is asked for: two, and what it inflates ahead.
const ROWS_IN_LIBRARY: u64 = 4;

fn layout(info: &png::Info<'_>) -> Result<SampleLayout, ImageError> {
    let sample = match info.bit_depth {
        BitDepth::Eight => SampleType::U8,
        BitDepth::Sixteen => SampleType::U16(ByteOrder::BigEndian),
        few => SampleType::Bits(few as u8),
    };
    let channels = match info.color_type {
        ColorType::Grayscale => Channels::Grey,
        ColorType::GrayscaleAlpha => Channels::GreyAlpha(Alpha::Straight),
        ColorType::Rgb => Channels::Rgb,
        ColorType::Rgba => Channels::Rgba(Alpha::Straight),
        ColorType::Indexed => {
            let colours =
                info.palette.as_deref().ok_or_else(|| ImageError::Malformed("it has no palette".to_owned()))?;
            let alphas = info.trns.as_deref().unwrap_or_default();
            let alphas = alphas.iter().copied().chain(std::iter::repeat(u8::MAX));
            let colours = colours.as_chunks::<3>().0.iter().zip(alphas);
            Channels::Palette(colours.map(|(&[red, green, blue], alpha)| [red, green, blue, alpha]).collect())
        }
    };
    // Of grey and RGB, one colour can be transparent. The crate hands it on with as many bytes as a sample has.
    let clear = info.trns.as_deref().map(|bytes| {
        let number = |at: usize| match sample {
            SampleType::U16(_) => u16::from_be_bytes([0, 1].map(|byte| bytes.get(2 * at + byte).copied().unwrap_or(0))),
            _ => bytes.get(at).copied().unwrap_or(0).into(),
        };
        [0, 1, 2].map(number)
    });
    let clear = clear.filter(|_| matches!(channels, Channels::Grey | Channels::Rgb));
    Ok(SampleLayout { clear, ..SampleLayout::new(channels, sample) })
}

/// Rows that come one after the other.
struct Rows {
    reader: Reader,
    row_bytes: usize,
}

impl RowDecoder for Rows {
    fn decode_rows(&mut self, rows: &mut [u8]) -> Result<(), ImageError> {
        for row in rows.chunks_exact_mut(self.row_bytes) {
            self.reader.read_row(row).map_err(failed)?.ok_or(ImageError::CutShort)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), ImageError> {
        self.reader.finish().map_err(failed)
    }
}

/// The rows of an interlaced picture, which is put together when the first is asked for.
struct InterlacedRows {
    reader: Reader,
    row_bytes: usize,
    bits_per_pixel: u8,
    height: u32,
    picture: Option<Vec<u8>>,
    /// The byte of the picture with which the next row begins.
    next: usize,
}

impl InterlacedRows {
    fn decode(reader: &mut Reader, (row_bytes, height): (usize, u32), bits: u8) -> Result<Vec<u8>, ImageError> {
        let mut picture = vec![0; row_bytes * height as usize];
        // As long as the longest row of any pass.
        let mut row = vec![0; row_bytes];
        while let Some(place) = reader.read_row(&mut row).map_err(failed)? {
            let InterlaceInfo::Adam7(place) = place else {
                return Err(ImageError::Malformed("a row of an interlaced picture belongs to no pass".to_owned()));
            };
            png::expand_interlaced_row(&mut picture, row_bytes, &row, &place, bits);
        }
        Ok(picture)
    }
}

impl RowDecoder for InterlacedRows {
    fn decode_rows(&mut self, rows: &mut [u8]) -> Result<(), ImageError> {
        let picture = match &mut self.picture {
            Some(picture) => picture,
            none => none.insert(Self::decode(&mut self.reader, (self.row_bytes, self.height), self.bits_per_pixel)?),
        };
        let end = self.next + rows.len();
        rows.copy_from_slice(&picture[self.next..end]);
        self.next = end;
        Ok(())
    }

    fn finish(&mut self) -> Result<(), ImageError> {
        self.picture = None;
        self.reader.finish().map_err(failed)
    }
}

fn failed(error: DecodingError) -> ImageError {
    match error {
        DecodingError::IoError(error) => ImageError::reading(error),
        DecodingError::LimitsExceeded => ImageError::Malformed("a chunk of it is larger than memory".to_owned()),
        other => ImageError::Malformed(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::sync::Arc;

    use super::*;

    const REQUEST: Request = Request { page: 0, memory: 1 << 30 };

    /// A PNG file put together by the specification: signature, chunks with their CRCs, and a zlib stream of stored blocks.
    struct File {
        width: u32,
        height: u32,
        bits: u8,
        colour_type: u8,
        interlaced: bool,
        /// What stands between the header and the pixels.
        chunks: Vec<(&'static [u8; 4], Vec<u8>)>,
    }

    impl File {
        fn bits_a_pixel(&self) -> usize {
            usize::from(self.bits) * [1, 0, 3, 1, 2, 0, 4][usize::from(self.colour_type)]
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
                let unused = self.row_bytes(self.width as usize) * 8 - self.width as usize * self.bits_a_pixel();
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
            header.extend([self.bits, self.colour_type, 0, 0, u8::from(self.interlaced)]);
            chunk(b"IHDR", &header);
            for (name, contents) in &self.chunks {
                chunk(name, contents);
            }
            if rows.is_empty() {
                chunk(b"IDAT", &[]);
                return file;
            }
            let filtered = if self.interlaced { self.passes(rows) } else { self.unfiltered(rows, self.width as usize) };
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
            for (left, top, right, down) in
                [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
            {
                let columns: Vec<usize> = (left..self.width as usize).step_by(right).collect();
                if columns.is_empty() {
                    continue;
                }
                for y in (top..self.height as usize).step_by(down) {
                    let mut row = vec![0; self.row_bytes(columns.len())];
                    let bits_of_row = columns.iter().flat_map(|&x| (0..bits).map(move |number| (x, number)));
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
        let (header, mut decoder) = open(Input::Pipe(Box::new(Cursor::new(bytes.to_vec()))), REQUEST)?;
        let mut rows = vec![0; header.samples.row_bytes(header.size.width()) * header.size.height() as usize];
        // In two parts, of which the first ends inside the picture.
        let middle = rows.len() / header.size.height() as usize * (header.size.height() as usize / 2);
        let (one, other) = rows.split_at_mut(middle);
        decoder.decode_rows(one)?;
        decoder.decode_rows(other)?;
        decoder.finish()?;
        Ok((header, rows))
    }

    fn file(colour_type: u8, bits: u8) -> File {
        let palette = vec![9; 3 << bits.min(8)];
        let chunks = if colour_type == 3 { vec![(b"PLTE", palette)] } else { Vec::new() };
        File { width: 33, height: 19, bits, colour_type, interlaced: false, chunks }
    }

    #[test]
    fn every_colour_type_and_depth_interlaced_or_not() {
        let depths: [(u8, &[u8]); 5] =
            [(0, &[1, 2, 4, 8, 16]), (2, &[8, 16]), (3, &[1, 2, 4, 8]), (4, &[8, 16]), (6, &[8, 16])];
        for (colour_type, bits) in
            depths.into_iter().flat_map(|(kind, depths)| depths.iter().map(move |bits| (kind, *bits)))
        {
            for (width, height) in [(33, 19), (1, 1), (3, 2), (5, 9), (64, 8)] {
                for interlaced in [false, true] {
                    let file = File { width, height, interlaced, ..file(colour_type, bits) };
                    let rows = file.noise();
                    let (header, found) = read(&file.bytes(&rows)).unwrap();
                    let what = format!("type {colour_type}, {bits} bits, {width}×{height}, interlaced {interlaced}");
                    assert!(found == rows, "{what}");
                    assert_eq!(header.samples.sample.bits(), usize::from(bits), "{what}");
                    assert_eq!(header.held_bytes, if interlaced { rows.len() as u64 } else { 0 });
                }
            }
        }
    }

    #[test]
    fn transparency_is_a_colour_or_a_palette_with_alpha() {
        let mut palette = file(3, 2);
        palette.chunks = vec![(b"PLTE", vec![1, 2, 3, 4, 5, 6, 7, 8, 9]), (b"tRNS", vec![0, 128])];
        let (header, _) = read(&palette.bytes(&palette.noise())).unwrap();
        let colours: Arc<[[u8; 4]]> = [[1, 2, 3, 0], [4, 5, 6, 128], [7, 8, 9, 255]].into();
        assert_eq!(header.samples.channels, Channels::Palette(colours));
        let mut grey = file(0, 16);
        grey.chunks = vec![(b"tRNS", vec![0x12, 0x34])];
        assert_eq!(read(&grey.bytes(&grey.noise())).unwrap().0.samples.clear, Some([0x1234, 0, 0]));
        let mut rgb = file(2, 8);
        rgb.chunks = vec![(b"tRNS", vec![0, 10, 0, 20, 0, 30])];
        assert_eq!(read(&rgb.bytes(&rgb.noise())).unwrap().0.samples.clear, Some([10, 20, 30]));
    }

    /// Each bit of such a file is either a part of something with a check sum, or of a check sum.
    #[test]
    fn no_bit_can_change_unseen() {
        for interlaced in [false, true] {
            let file = File { width: 9, height: 5, interlaced, ..file(2, 8) };
            let bytes = file.bytes(&file.noise());
            for bit in 0..bytes.len() * 8 {
                let mut changed = bytes.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                assert!(read(&changed).is_err(), "bit {} of byte {}", bit % 8, bit / 8);
            }
            for length in 0..bytes.len() {
                assert!(matches!(read(&bytes[..length]), Err(ImageError::CutShort)), "cut to {length} bytes");
            }
        }
    }

    #[test]
    fn what_is_too_large_takes_no_memory() {
        let huge = |width, height| File { width, height, ..file(6, 16) }.bytes(&[]);
        let error =
            |width, height| open(Input::Pipe(Box::new(Cursor::new(huge(width, height)))), REQUEST).err().unwrap();
        assert!(matches!(error(0, 5), ImageError::Malformed(_) | ImageError::Size { .. }));
        assert!(matches!(error(i32::MAX as u32, i32::MAX as u32), ImageError::Memory { .. }));
        assert!(matches!(error(u32::MAX, 5), ImageError::Malformed(_) | ImageError::Size { .. }));
    }

    #[test]
    fn files_changed_at_random_are_read_or_refused() {
        let seeds = [file(2, 8), file(0, 1), file(3, 4), File { interlaced: true, ..file(6, 16) }];
        let seeds: Vec<Vec<u8>> = seeds.iter().map(|seed| seed.bytes(&seed.noise())).collect();
        let mut state = 7_u64;
        let mut random = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        for _ in 0..2_000 {
            let mut bytes = seeds[random(seeds.len())].clone();
            for _ in 0..=random(4) {
                let at = random(bytes.len());
                bytes[at] = random(256) as u8;
            }
            if random(4) == 0 {
                bytes.truncate(random(bytes.len()));
            }
            // The CRC of the header is made right, so that changed headers are looked at.
            if bytes.len() > 33 {
                let crc = crc32fast::hash(&bytes[12..29]).to_be_bytes();
                bytes[29..33].copy_from_slice(&crc);
            }
            let small = Request { memory: 1 << 24, ..REQUEST };
            if let Ok((header, mut decoder)) = open(Input::Pipe(Box::new(Cursor::new(bytes))), small) {
                let row_bytes = header.samples.row_bytes(header.size.width());
                let mut rows = vec![0; row_bytes.min(1 << 24)];
                if header.held_bytes < 1 << 24 && rows.len() == row_bytes {
                    // Damage is an error here and nothing else.
                    let _ = (0..header.size.height()).try_for_each(|_| decoder.decode_rows(&mut rows));
                }
            }
        }
    }
}
