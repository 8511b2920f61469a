//! Windows and OS/2 bitmaps.
//!
//! Stitching and line-scan software writes mosaics as 24-bit bitmaps of up to 4 GB, so bitmaps are
//! read row by row, by position. The `image` crate (0.25.10) would hold the file and the image in
//! memory, refuses sides above 65,535 pixels, drops the color profile, and returns pixels for
//! damage that is refused here: a color index beyond the palette, a run past the end of its row,
//! an early end of run-length encoded data. It also truncates masks of more than 8 bits.
//!
//! Only run-length encoded images are decoded as a whole. A file that is too short for its size is
//! refused before a row is read.

use super::samples::{Alpha, Channels, SampleType};
use super::stored::Stored;
use super::{ImageError, ImageHeader, Input, Request, RowDecoder, SampleLayout};
use crate::geometry::Size;

mod header;
mod masks;
mod runs;
#[cfg(test)]
mod tests;

use header::{Header, Packing, RowOrder};

/// Reads the headers and the palette.
///
/// # Errors
/// [`ImageError`] if they contradict each other, the compression is not supported, the file is too
/// short for the image, or a pipe has more bytes than fit in memory.
pub(crate) fn open(
    input: Input,
    request: Request,
) -> Result<(ImageHeader, Box<dyn RowDecoder>), ImageError> {
    request.check_single_page()?;
    let stored = Stored::of(input, request.memory)?;
    let Header { size, row_order, packing, offset, image_bytes, icc_profile } =
        Header::read(&stored)?;
    let (samples, coding) = samples_and_coding(&packing);
    let row_bytes = samples.row_bytes(size.width());
    let stride = packing.stride(size.width());
    let available = stored.length()?.saturating_sub(offset);
    let mut held_bytes = stored.held_bytes();
    let state = if let Packing::Runs(..) = packing {
        let length = if image_bytes == 0 { available } else { image_bytes };
        if length > available {
            return Err(ImageError::Truncated);
        }
        held_bytes = held_bytes.saturating_add(length).saturating_add(size.area());
        State::Runs { length }
    } else {
        // Some files lack the padding of the last row.
        let last = row_bytes_stored(&packing, size.width());
        if stride.saturating_mul(u64::from(size.height()) - 1).saturating_add(last) > available {
            return Err(ImageError::Truncated);
        }
        State::Rows { rows: row_order, scratch: Vec::new() }
    };
    let header = ImageHeader { coding, icc_profile, held_bytes, ..ImageHeader::new(size, samples) };
    let decoder =
        BmpDecoder { stored, size, packing, offset, stride, row_bytes, state, next_row: 0 };
    Ok((header, Box::new(decoder)))
}

/// Returns the layout of a decoded row, and a description of the coding.
fn samples_and_coding(packing: &Packing) -> (SampleLayout, String) {
    let (channels, sample, coding) = match packing {
        Packing::Indices(8, colors) => {
            (Channels::Palette(colors.as_slice().into()), SampleType::U8, String::new())
        }
        Packing::Indices(bits, colors) => {
            (Channels::Palette(colors.as_slice().into()), SampleType::Bits(*bits), String::new())
        }
        Packing::Runs(_, colors) => (
            Channels::Palette(colors.as_slice().into()),
            SampleType::U8,
            "run-length encoded".to_owned(),
        ),
        Packing::Bytes(_) => (Channels::Rgb, SampleType::U8, String::new()),
        Packing::Masked(bytes, masks) => {
            let channels =
                if masks.has_alpha() { Channels::Rgba(Alpha::Straight) } else { Channels::Rgb };
            (channels, SampleType::U8, format!("{} bits a pixel", 8 * bytes))
        }
    };
    (SampleLayout::new(channels, sample), coding)
}

/// Returns the bytes of a stored row without padding.
fn row_bytes_stored(packing: &Packing, width: u32) -> u64 {
    let width = u64::from(width);
    match packing {
        Packing::Indices(bits, _) | Packing::Runs(bits, _) => {
            (width * u64::from(*bits)).div_ceil(8)
        }
        Packing::Bytes(bytes) | Packing::Masked(bytes, _) => width * *bytes as u64,
    }
}

struct BmpDecoder {
    stored: Stored,
    size: Size,
    packing: Packing,
    offset: u64,
    /// Bytes from one row to the next in the file.
    stride: u64,
    row_bytes: usize,
    state: State,
    next_row: u32,
}

/// Where the rows come from.
enum State {
    /// The file, row by row.
    Rows { rows: RowOrder, scratch: Vec<u8> },
    /// Run-length encoded bytes of this length, not decoded yet.
    Runs { length: u64 },
    /// A decoded image.
    Decoded(Vec<u8>),
}

impl BmpDecoder {
    /// Bytes that are read at a time, unless a row is longer.
    const READ_BYTES: usize = 1 << 20;

    /// Decodes run-length encoded data, if it is not decoded yet.
    fn decode_runs(&mut self) -> Result<(), ImageError> {
        if let (&State::Runs { length }, Packing::Runs(bits, colors)) = (&self.state, &self.packing)
        {
            let mut coded = vec![0; length as usize];
            self.stored.read_at(self.offset, &mut coded)?;
            let pixels = runs::decode(&coded, *bits, self.size)?;
            if pixels.iter().any(|&index| usize::from(index) >= colors.len()) {
                return Err(unknown_color());
            }
            self.state = State::Decoded(pixels);
        }
        Ok(())
    }
}

impl RowDecoder for BmpDecoder {
    fn decode_rows(&mut self, rows: &mut [u8]) -> Result<(), ImageError> {
        self.decode_runs()?;
        let Self { stored, packing, state, .. } = self;
        let (order, scratch) = match state {
            State::Rows { rows, scratch } => (*rows, scratch),
            State::Decoded(pixels) => {
                let from = self.next_row as usize * self.row_bytes;
                rows.copy_from_slice(
                    pixels.get(from..from + rows.len()).ok_or(ImageError::Truncated)?,
                );
                self.next_row += (rows.len() / self.row_bytes) as u32;
                return Ok(());
            }
            State::Runs { .. } => return Err(ImageError::Truncated),
        };
        let stride = self.stride as usize;
        let at_a_time = (Self::READ_BYTES / stride).max(1);
        for rows in rows.chunks_mut(at_a_time * self.row_bytes) {
            let count = rows.len() / self.row_bytes;
            let first = match order {
                RowOrder::TopDown => u64::from(self.next_row),
                RowOrder::BottomUp => u64::from(self.size.height() - self.next_row) - count as u64,
            };
            // All but the padding of the last row.
            let length =
                (count - 1) * stride + row_bytes_stored(packing, self.size.width()) as usize;
            scratch.resize(count * stride, 0);
            stored.read_at(self.offset + first * self.stride, &mut scratch[..length])?;
            for (at, row) in rows.chunks_exact_mut(self.row_bytes).enumerate() {
                let at = if order == RowOrder::TopDown { at } else { count - 1 - at };
                unpack(
                    packing,
                    &scratch[at * stride..][..stride],
                    row,
                    self.size.width() as usize,
                )?;
            }
            self.next_row += count as u32;
        }
        Ok(())
    }

    /// Only the profile can follow the rows, and it was read with the header.
    fn finish(&mut self) -> Result<(), ImageError> {
        Ok(())
    }
}

fn unknown_color() -> ImageError {
    ImageError::malformed("a pixel has a color index beyond the palette")
}

/// Unpacks a stored row.
fn unpack(
    packing: &Packing,
    stored: &[u8],
    row: &mut [u8],
    width: usize,
) -> Result<(), ImageError> {
    match packing {
        Packing::Indices(bits, colors) | Packing::Runs(bits, colors) => {
            row.copy_from_slice(&stored[..row.len()]);
            let in_a_byte = 8 / usize::from(*bits);
            let most = 1 << bits;
            let index = |at: usize| {
                let shift = 8 - usize::from(*bits) * (at % in_a_byte + 1);
                usize::from(row[at / in_a_byte]) >> shift & (most - 1)
            };
            if colors.len() < most && (0..width).any(|at| index(at) >= colors.len()) {
                return Err(unknown_color());
            }
        }
        Packing::Bytes(bytes) => {
            for (target, pixel) in
                row.as_chunks_mut::<3>().0.iter_mut().zip(stored.chunks_exact(*bytes))
            {
                *target = [pixel[2], pixel[1], pixel[0]];
            }
        }
        Packing::Masked(2, masks) => masks.unpack::<2>(stored, row),
        Packing::Masked(_, masks) => masks.unpack::<4>(stored, row),
    }
    Ok(())
}
