//! Netpbm's PBM, PGM, PPM and PAM, which programs send each other through pipes.
//!
//! The `image` crate decodes them in memory only; this decoder streams them. It reads each byte
//! once, in order, and none after the image. A sample above the maximum of the header is damage.
//! If the length of the file is known, an image that it cannot hold is refused before a row is
//! decoded.

use std::io::{BufRead, Read};

use super::samples::{Alpha, ByteOrder, Channels, SampleType};
use super::{ImageError, ImageHeader, Input, Request, RowDecoder, SampleLayout, checked_size};
use crate::geometry::Size;

mod plain;
#[cfg(test)]
mod tests;

/// Reads the header.
///
/// # Errors
/// [`ImageError`] if it is invalid, is a PAM header of neither gray nor color, or claims more
/// samples than the file can hold.
pub(crate) fn open(
    input: Input,
    request: Request,
) -> Result<(ImageHeader, Box<dyn RowDecoder>), ImageError> {
    request.check_single_page()?;
    let file_bytes = match &input {
        Input::File(file) => {
            file.metadata().ok().filter(std::fs::Metadata::is_file).map(|metadata| metadata.len())
        }
        Input::Pipe(_) => None,
    };
    let mut reader = HeaderReader { reader: input.into_reader(), bytes: 0 };
    let header = read_header(&mut reader)?;
    let (samples, coding) = header.samples();
    let row_bytes = samples.row_bytes(header.size.width());
    let description = header.describe(&coding);
    let decoder = PnmDecoder {
        reader: reader.reader,
        coding,
        row_bytes,
        row_samples: header.size.width() as usize * samples.channels.count(),
    };
    let least = u64::from(header.size.height()).saturating_mul(decoder.least_row_bytes());
    // The last number of a plain image needs no white space after it.
    let at_end = u64::from(header.notation == Notation::Plain);
    if file_bytes
        .is_some_and(|bytes| bytes < reader.bytes.saturating_add(least).saturating_sub(at_end))
    {
        return Err(ImageError::Truncated);
    }
    let header = ImageHeader { coding: description, ..ImageHeader::new(header.size, samples) };
    Ok((header, Box::new(decoder)))
}

/// The encoding of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Notation {
    /// Decimal numbers.
    Plain,
    /// Bytes.
    Raw,
}

/// The header of an image.
#[derive(Debug)]
struct Header {
    /// The name of the Netpbm format.
    format: &'static str,
    notation: Notation,
    size: Size,
    channels: Channels,
    /// The maximum of a sample; `None` for bits, where 1 is black.
    largest: Option<u16>,
}

impl Header {
    /// Returns the layout of a decoded row, and the conversion of stored samples to it.
    fn samples(&self) -> (SampleLayout, Coding) {
        let (sample, coding) = match (self.largest, self.notation) {
            (None, Notation::Raw) => (SampleType::Bits(1), Coding::Stored),
            (None, Notation::Plain) => (SampleType::Bits(1), Coding::PlainBits),
            (Some(255), Notation::Raw) => (SampleType::U8, Coding::Stored),
            (Some(u16::MAX), Notation::Raw) => {
                (SampleType::U16(ByteOrder::BigEndian), Coding::Stored)
            }
            (Some(largest @ ..=255), Notation::Raw) => {
                (SampleType::U8, Coding::Bytes(Scale::to_bytes(largest)))
            }
            (Some(largest @ ..=255), Notation::Plain) => {
                (SampleType::U8, Coding::PlainBytes(Scale::to_bytes(largest)))
            }
            (Some(largest), Notation::Raw) => {
                (SampleType::U16(ByteOrder::BigEndian), Coding::Words(Scale::to_words(largest)))
            }
            (Some(largest), Notation::Plain) => (
                SampleType::U16(ByteOrder::BigEndian),
                Coding::PlainWords(Scale::to_words(largest)),
            ),
        };
        (
            SampleLayout {
                inverted: self.largest.is_none(),
                ..SampleLayout::new(self.channels.clone(), sample)
            },
            coding,
        )
    }

    /// Describes the header.
    fn describe(&self, coding: &Coding) -> String {
        let notation = if self.notation == Notation::Plain { "plain " } else { "" };
        let scaled = match (coding, self.largest) {
            (_, None | Some(255 | u16::MAX)) | (Coding::Stored, _) => String::new(),
            (Coding::Bytes(_) | Coding::PlainBytes(_) | Coding::PlainBits, Some(largest)) => {
                format!(", values up to {largest} scaled to 8 bits")
            }
            (Coding::Words(_) | Coding::PlainWords(_), Some(largest)) => {
                format!(", values up to {largest} scaled to 16 bits")
            }
        };
        format!("{notation}{}{scaled}", self.format)
    }
}

/// Reads a header byte by byte, and nothing after it.
struct HeaderReader {
    reader: Box<dyn BufRead + Send>,
    /// Bytes read so far.
    bytes: u64,
}

impl HeaderReader {
    /// In bytes, comments included.
    const LONGEST_HEADER: u64 = 64 << 10;

    fn byte(&mut self) -> Result<u8, ImageError> {
        if self.bytes == Self::LONGEST_HEADER {
            return Err(ImageError::malformed("the header is longer than 64 KiB"));
        }
        let mut byte = [0];
        self.reader.read_exact(&mut byte).map_err(ImageError::reading)?;
        self.bytes += 1;
        Ok(byte[0])
    }

    /// Returns the next byte, skipping comments to the end of their line, as Netpbm does.
    fn byte_outside_comments(&mut self) -> Result<u8, ImageError> {
        let mut byte = self.byte()?;
        if byte == b'#' {
            while !matches!(byte, b'\n' | b'\r') {
                byte = self.byte()?;
            }
        }
        Ok(byte)
    }

    /// Reads white space, a number, and one byte of white space.
    fn number(&mut self) -> Result<u64, ImageError> {
        let mut byte = self.byte_outside_comments()?;
        while is_space(byte) {
            byte = self.byte_outside_comments()?;
        }
        let mut digits = vec![byte];
        loop {
            match self.byte_outside_comments()? {
                byte if is_space(byte) => return parse_number(&digits),
                byte => digits.push(byte),
            }
        }
    }

    /// Reads the next line of a PAM header, skipping empty lines and comments.
    fn line(&mut self) -> Result<String, ImageError> {
        loop {
            let mut line = Vec::new();
            loop {
                match self.byte()? {
                    b'\n' => break,
                    byte => line.push(byte),
                }
            }
            let line = String::from_utf8_lossy(&line).trim().to_owned();
            if !line.is_empty() && !line.starts_with('#') {
                return Ok(line);
            }
        }
    }
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// Parses an unsigned decimal number.
fn parse_number(digits: &[u8]) -> Result<u64, ImageError> {
    let number =
        Some(digits).filter(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit));
    let number = number
        .and_then(|digits| str::from_utf8(digits).ok())
        .and_then(|digits| digits.parse().ok());
    number.ok_or_else(|| ImageError::malformed("a number is missing in the header"))
}

/// Checks the maximum of a sample.
fn largest_value(number: u64) -> Result<u16, ImageError> {
    let largest = u16::try_from(number).ok().filter(|&largest| largest > 0);
    largest
        .ok_or_else(|| ImageError::malformed(format!("{number} is not a valid maximum of samples")))
}

fn read_header(reader: &mut HeaderReader) -> Result<Header, ImageError> {
    let magic = [reader.byte()?, reader.byte()?];
    let (format, notation, channels) = match &magic {
        b"P1" => ("PBM", Notation::Plain, Channels::Gray),
        b"P2" => ("PGM", Notation::Plain, Channels::Gray),
        b"P3" => ("PPM", Notation::Plain, Channels::Rgb),
        b"P4" => ("PBM", Notation::Raw, Channels::Gray),
        b"P5" => ("PGM", Notation::Raw, Channels::Gray),
        b"P6" => ("PPM", Notation::Raw, Channels::Rgb),
        b"P7" => return read_pam_header(reader),
        _ => return Err(ImageError::malformed("the Netpbm signature is missing")),
    };
    if !is_space(reader.byte_outside_comments()?) {
        return Err(ImageError::malformed("the Netpbm signature is missing"));
    }
    let size = checked_size(reader.number()?, reader.number()?)?;
    let largest = if format == "PBM" { None } else { Some(largest_value(reader.number()?)?) };
    Ok(Header { format, notation, size, channels, largest })
}

fn read_pam_header(reader: &mut HeaderReader) -> Result<Header, ImageError> {
    const NAMES: [&str; 4] = ["WIDTH", "HEIGHT", "DEPTH", "MAXVAL"];
    if reader.byte()? != b'\n' {
        return Err(ImageError::malformed("the signature P7 is not on a line of its own"));
    }
    let mut numbers = [None; NAMES.len()];
    let mut tuple_type = String::new();
    loop {
        let line = reader.line()?;
        let (name, value) =
            line.split_once(|byte: char| byte.is_ascii_whitespace()).unwrap_or((&line, ""));
        let value = value.trim();
        match (NAMES.iter().position(|&known| known == name), name) {
            (Some(at), _) => {
                if numbers[at].replace(parse_number(value.as_bytes())?).is_some() {
                    return Err(ImageError::malformed(format!("the header has {name} twice")));
                }
            }
            (None, "TUPLTYPE") => {
                if !tuple_type.is_empty() {
                    tuple_type.push(' ');
                }
                tuple_type.push_str(value);
            }
            (None, "ENDHDR") => break,
            (None, _) => return Err(ImageError::malformed("the header has an unknown line")),
        }
    }
    let [Some(width), Some(height), Some(depth), Some(largest)] = numbers else {
        return Err(ImageError::malformed("the header lacks WIDTH, HEIGHT, DEPTH or MAXVAL"));
    };
    let size = checked_size(width, height)?;
    let largest = largest_value(largest)?;
    let channels = match (tuple_type.as_str(), depth) {
        ("GRAYSCALE" | "BLACKANDWHITE" | "", 1) => Channels::Gray,
        ("GRAYSCALE_ALPHA" | "BLACKANDWHITE_ALPHA", 2) => Channels::GrayAlpha(Alpha::Straight),
        ("RGB" | "", 3) => Channels::Rgb,
        ("RGB_ALPHA", 4) => Channels::Rgba(Alpha::Straight),
        ("", depth) => {
            return Err(ImageError::unsupported(format!(
                "PAM with {depth} channels and no tuple type"
            )));
        }
        (tuple_type, depth) => {
            let tuple_type: String =
                tuple_type.chars().filter(|letter| !letter.is_control()).take(40).collect();
            return Err(ImageError::unsupported(format!(
                "the PAM tuple type {tuple_type} with {depth} channels"
            )));
        }
    };
    Ok(Header { format: "PAM", notation: Notation::Raw, size, channels, largest: Some(largest) })
}

/// Scales values from a maximum to the full 8-bit or 16-bit range, rounding half up.
#[derive(Debug)]
struct Scale<T> {
    /// The scaled value of each value. A lookup is faster than a division by a variable.
    table: Box<[T]>,
}

impl Scale<u8> {
    fn to_bytes(largest: u16) -> Self {
        let scaled = |value: u16| {
            ((u32::from(value) * 255 * 2 + u32::from(largest)) / (2 * u32::from(largest))) as u8
        };
        Self { table: (0..=largest).map(scaled).collect() }
    }
}

impl Scale<u16> {
    fn to_words(largest: u16) -> Self {
        let (most, largest_wide) = (u64::from(u16::MAX), u64::from(largest));
        let scaled =
            |value: u16| ((u64::from(value) * most * 2 + largest_wide) / (2 * largest_wide)) as u16;
        Self { table: (0..=largest).map(scaled).collect() }
    }
}

impl<T: Copy> Scale<T> {
    fn of(&self, value: u16) -> Result<T, ImageError> {
        let scaled = self.table.get(usize::from(value)).copied();
        scaled.ok_or_else(|| {
            ImageError::malformed(format!(
                "a sample is {value}, but the maximum is {}",
                self.table.len() - 1
            ))
        })
    }
}

/// The conversion of stored samples to those of rows.
#[derive(Debug)]
enum Coding {
    /// None.
    Stored,
    /// Scales bytes.
    Bytes(Scale<u8>),
    /// Scales big-endian 16-bit samples.
    Words(Scale<u16>),
    /// Packs the digits `0` and `1`, with or without white space between them.
    PlainBits,
    /// Scales decimal numbers to bytes.
    PlainBytes(Scale<u8>),
    /// Scales decimal numbers to two bytes each.
    PlainWords(Scale<u16>),
}

struct PnmDecoder {
    reader: Box<dyn BufRead + Send>,
    coding: Coding,
    row_bytes: usize,
    row_samples: usize,
}

impl PnmDecoder {
    /// Returns the least number of bytes of a stored row.
    fn least_row_bytes(&self) -> u64 {
        match self.coding {
            Coding::Stored | Coding::Bytes(_) | Coding::Words(_) => self.row_bytes as u64,
            Coding::PlainBits => self.row_samples as u64,
            Coding::PlainBytes(_) | Coding::PlainWords(_) => 2 * self.row_samples as u64,
        }
    }
}

impl RowDecoder for PnmDecoder {
    fn decode_rows(&mut self, rows: &mut [u8]) -> Result<(), ImageError> {
        let reader = &mut *self.reader;
        match &self.coding {
            Coding::Stored => reader.read_exact(rows).map_err(ImageError::reading),
            Coding::Bytes(scale) => {
                reader.read_exact(rows).map_err(ImageError::reading)?;
                for sample in rows {
                    *sample = scale.of(u16::from(*sample))?;
                }
                Ok(())
            }
            Coding::Words(scale) => {
                reader.read_exact(rows).map_err(ImageError::reading)?;
                let (words, _) = rows.as_chunks_mut();
                for word in words {
                    *word = scale.of(u16::from_be_bytes(*word))?.to_be_bytes();
                }
                Ok(())
            }
            Coding::PlainBits => {
                rows.fill(0);
                for row in rows.chunks_exact_mut(self.row_bytes) {
                    let mut column = 0;
                    plain::bits(reader, self.row_samples, |bit| {
                        row[column / 8] |= bit << (7 - column % 8);
                        column += 1;
                    })?;
                }
                Ok(())
            }
            Coding::PlainBytes(scale) => {
                let mut targets = rows.iter_mut();
                plain::numbers(reader, targets.len(), |value| {
                    let scaled = scale.of(value)?;
                    if let Some(target) = targets.next() {
                        *target = scaled;
                    }
                    Ok(())
                })
            }
            Coding::PlainWords(scale) => {
                let (words, _) = rows.as_chunks_mut();
                let mut targets = words.iter_mut();
                plain::numbers(reader, targets.len(), |value| {
                    let scaled = scale.of(value)?.to_be_bytes();
                    if let Some(target) = targets.next() {
                        *target = scaled;
                    }
                    Ok(())
                })
            }
        }
    }

    /// Ignores what follows: another image, or bytes that the format does not define.
    fn finish(&mut self) -> Result<(), ImageError> {
        Ok(())
    }
}
