//! PNG, decoded by the `png` crate, row by row unless interlaced.
//!
//! Interlaced images are decoded in memory, since their rows are complete only after the last
//! pass. All checksums are verified, the CRC of each chunk and the Adler-32 of the compressed
//! data, and the end chunk must be there.

use std::io::{self, BufRead, Read, Seek, SeekFrom};

use png::{
    BitDepth, ColorType, DecodeOptions, DecodingError, InterlaceInfo, Limits, Transformations,
};

use super::samples::{Alpha, ByteOrder, Channels, SampleType};
use super::{
    ImageError, ImageHeader, Input, Request, RowDecoder, SampleLayout, checked_size, exif,
};
use crate::color::IccProfile;
use crate::geometry::Orientation;

#[cfg(test)]
mod tests;

/// A reader that cannot seek. The crate requires `Seek` but never seeks (0.18).
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

/// Opens a PNG file; the default image of an animated one.
///
/// # Errors
/// [`ImageError`] if it is not a PNG file, or is damaged before its pixels.
pub(crate) fn open(
    input: Input,
    request: Request,
) -> Result<(ImageHeader, Box<dyn RowDecoder>), ImageError> {
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
        return Err(ImageError::Memory {
            needed: row_bytes.saturating_mul(ROWS_IN_LIBRARY),
            why: "it is decoded in whole rows, which are very wide",
        });
    }
    let reader = decoder.read_info().map_err(failed)?;
    let info = reader.info();
    let samples = layout(info)?;
    let interlaced = info.interlaced;
    let row_bytes = samples.row_bytes(size.width());
    let header = ImageHeader {
        coding: if interlaced { "interlaced".to_owned() } else { String::new() },
        orientation: info.exif_metadata.as_deref().map_or(Orientation::UPRIGHT, exif::orientation),
        icc_profile: info.icc_profile.as_ref().map(|bytes| IccProfile::new(bytes.to_vec())),
        pages: info.animation_control.map_or(1, |animation| animation.num_frames),
        held_bytes: if interlaced { row_bytes as u64 * u64::from(size.height()) } else { 0 },
        ..ImageHeader::new(size, samples)
    };
    let rows: Box<dyn RowDecoder> = if interlaced {
        let bits = header.samples.channels.count() * header.samples.sample.bits();
        Box::new(InterlacedRows {
            reader,
            row_bytes,
            bits_per_pixel: bits as u8,
            height: size.height(),
            samples: None,
            next: 0,
        })
    } else {
        Box::new(Rows { reader, row_bytes })
    };
    Ok((header, rows))
}

/// Rows that the crate holds: two, and what it inflates ahead.
const ROWS_IN_LIBRARY: u64 = 4;

fn layout(info: &png::Info<'_>) -> Result<SampleLayout, ImageError> {
    let sample = match info.bit_depth {
        BitDepth::Eight => SampleType::U8,
        BitDepth::Sixteen => SampleType::U16(ByteOrder::BigEndian),
        few => SampleType::Bits(few as u8),
    };
    let channels = match info.color_type {
        ColorType::Grayscale => Channels::Gray,
        ColorType::GrayscaleAlpha => Channels::GrayAlpha(Alpha::Straight),
        ColorType::Rgb => Channels::Rgb,
        ColorType::Rgba => Channels::Rgba(Alpha::Straight),
        ColorType::Indexed => {
            let colors = info
                .palette
                .as_deref()
                .ok_or_else(|| ImageError::malformed("it has no palette"))?;
            let alphas = info.trns.as_deref().unwrap_or_default();
            let alphas = alphas.iter().copied().chain(std::iter::repeat(u8::MAX));
            let colors = colors.as_chunks::<3>().0.iter().zip(alphas);
            Channels::Palette(
                colors.map(|(&[red, green, blue], alpha)| [red, green, blue, alpha]).collect(),
            )
        }
    };
    // Gray and RGB images can have one transparent color, with as many bytes per channel as a
    // sample.
    let clear = info.trns.as_deref().map(|bytes| {
        let number = |at: usize| match sample {
            SampleType::U16(_) => u16::from_be_bytes(
                [0, 1].map(|byte| bytes.get(2 * at + byte).copied().unwrap_or(0)),
            ),
            _ => bytes.get(at).copied().unwrap_or(0).into(),
        };
        [0, 1, 2].map(number)
    });
    let clear = clear.filter(|_| matches!(channels, Channels::Gray | Channels::Rgb));
    Ok(SampleLayout { clear, ..SampleLayout::new(channels, sample) })
}

/// The rows of an image that is not interlaced.
struct Rows {
    reader: Reader,
    row_bytes: usize,
}

impl RowDecoder for Rows {
    fn decode_rows(&mut self, rows: &mut [u8]) -> Result<(), ImageError> {
        for row in rows.chunks_exact_mut(self.row_bytes) {
            self.reader.read_row(row).map_err(failed)?.ok_or(ImageError::Truncated)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), ImageError> {
        self.reader.finish().map_err(failed)
    }
}

/// The rows of an interlaced image, which is decoded when the first is read.
struct InterlacedRows {
    reader: Reader,
    row_bytes: usize,
    bits_per_pixel: u8,
    height: u32,
    samples: Option<Vec<u8>>,
    /// Offset of the next row.
    next: usize,
}

impl InterlacedRows {
    fn decode(
        reader: &mut Reader,
        (row_bytes, height): (usize, u32),
        bits: u8,
    ) -> Result<Vec<u8>, ImageError> {
        let mut samples = vec![0; row_bytes * height as usize];
        // As long as the longest row of any pass.
        let mut row = vec![0; row_bytes];
        while let Some(place) = reader.read_row(&mut row).map_err(failed)? {
            let InterlaceInfo::Adam7(place) = place else {
                return Err(ImageError::malformed(
                    "a row of an interlaced image belongs to no pass",
                ));
            };
            png::expand_interlaced_row(&mut samples, row_bytes, &row, &place, bits);
        }
        Ok(samples)
    }
}

impl RowDecoder for InterlacedRows {
    fn decode_rows(&mut self, rows: &mut [u8]) -> Result<(), ImageError> {
        let samples = match &mut self.samples {
            Some(samples) => samples,
            none => none.insert(Self::decode(
                &mut self.reader,
                (self.row_bytes, self.height),
                self.bits_per_pixel,
            )?),
        };
        let end = self.next + rows.len();
        rows.copy_from_slice(&samples[self.next..end]);
        self.next = end;
        Ok(())
    }

    fn finish(&mut self) -> Result<(), ImageError> {
        self.samples = None;
        self.reader.finish().map_err(failed)
    }
}

fn failed(error: DecodingError) -> ImageError {
    match error {
        DecodingError::IoError(error) => ImageError::reading(error),
        DecodingError::LimitsExceeded => {
            ImageError::malformed("a chunk is larger than the memory limit")
        }
        other => ImageError::malformed(in_words(&other.to_string())),
    }
}

/// Rewords the crate's message without its debug output.
fn in_words(message: &str) -> String {
    /// The debug output of a chunk, before its type and properties.
    const CHUNK: &str = "ChunkType { type: ";
    if message.starts_with("Corrupt deflate stream") {
        // Only one of the inner errors is about something else.
        let of = if message.contains("Checksum") {
            "the checksum of the compressed data is wrong"
        } else {
            "the compressed data is damaged"
        };
        return of.to_owned();
    }
    let mut words = message.trim_end_matches('.').to_owned();
    while let Some((before, rest)) = words.split_once(CHUNK) {
        let kind = rest.split_once(", ").map_or(rest, |(kind, _)| kind);
        let after = rest.split_once(" }").map_or("", |(_, after)| after);
        words = format!("{before}{kind}{after}");
    }
    match words.strip_prefix("CRC error: ").and_then(|rest| rest.split_once("while decoding ")) {
        Some((_, chunk)) => format!("the checksum of its {chunk} is wrong"),
        None => format!("PNG decoder: {words}"),
    }
}
