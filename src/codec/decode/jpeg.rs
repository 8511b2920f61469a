//! JPEG, decoded by libjpeg-turbo, row by row if it has one scan.
//!
//! Progressive files, and sequential ones with a scan for each component, complete their first row
//! with the last scan, so libjpeg-turbo keeps all coefficients in memory, two bytes each. Pixels
//! are those of its defaults, the accurate DCT and smooth chroma upsampling, as in Pillow and
//! libvips. Every warning is an error, and the end marker must be there.

use super::samples::{Channels, SampleType};
use super::{
    ImageError, ImageHeader, Input, Request, RowDecoder, SampleLayout, checked_size, exif,
};
use crate::codec::Subsampling;
use crate::geometry::Orientation;

mod library;
#[cfg(test)]
mod tests;

use library::{ColorSpace, Facts, Rows};

/// Opens a JPEG file.
///
/// # Errors
/// [`ImageError`] if it is not a JPEG file, is damaged before its pixels, or has more than 8 bits
/// per sample.
pub(crate) fn open(
    input: Input,
    _request: Request,
) -> Result<(ImageHeader, Box<dyn RowDecoder>), ImageError> {
    let mut rows = Rows::new(input.into_reader())?;
    let facts = rows.header()?;
    let size = checked_size(facts.width.into(), facts.height.into())?;
    if facts.bits != 8 {
        return Err(ImageError::unsupported(format!("JPEG with {} bits per sample", facts.bits)));
    }
    let (channels, decoded, inverted) = match facts.color_space {
        ColorSpace::GRAY => (Channels::Gray, ColorSpace::GRAY, false),
        ColorSpace::YCBCR | ColorSpace::RGB => (Channels::Bgra, ColorSpace::BGRA, false),
        // Inverted, as Adobe's programs store CMYK. Pillow, OpenCV and libvips read every CMYK file
        // like this, with or without Adobe's marker.
        ColorSpace::CMYK | ColorSpace::YCCK => (Channels::Cmyk, ColorSpace::CMYK, true),
        _ => {
            return Err(ImageError::unsupported(format!(
                "JPEG with {} components",
                facts.components
            )));
        }
    };
    let samples = SampleLayout { inverted, ..SampleLayout::new(channels, SampleType::U8) };
    let header = ImageHeader {
        coding: coding(&facts),
        orientation: rows.exif().map_or(Orientation::UPRIGHT, exif::orientation),
        icc_profile: rows.icc_profile()?,
        subsampling: subsampling(&facts),
        held_bytes: facts.held_bytes,
        ..ImageHeader::new(size, samples)
    };
    let row_bytes = header.samples.row_bytes(size.width());
    Ok((header, Box::new(JpegRows { rows, decoded, row_bytes, started: Started::No })))
}

/// Returns the horizontal and vertical chroma subsampling; `None` without chroma, or if its
/// components differ.
fn chroma_reduction(facts: &Facts) -> Option<(u32, u32)> {
    let [across, down] = [facts.horizontal, facts.vertical];
    let alike = across[1] == across[2] && down[1] == down[2] && facts.components == 3;
    let whole = alike && across[0].is_multiple_of(across[1]) && down[0].is_multiple_of(down[1]);
    whole.then(|| (across[0] / across[1], down[0] / down[1]))
}

fn subsampling(facts: &Facts) -> Option<Subsampling> {
    match (facts.components, chroma_reduction(facts)) {
        (1, _) => Some(Subsampling::Gray),
        (_, Some((1, 1))) => Some(Subsampling::Full),
        (_, Some((2, 1))) => Some(Subsampling::HalfWidth),
        (_, Some((2, 2))) => Some(Subsampling::Quarter),
        _ => None,
    }
}

/// Describes the coding.
fn coding(facts: &Facts) -> String {
    let mut words = vec![match (facts.is_progressive, facts.held_bytes) {
        (0, 0) => "baseline",
        (0, _) => "several scans",
        _ => "progressive",
    }];
    if facts.is_arithmetic != 0 {
        words.push("arithmetic");
    }
    words.extend(match (facts.components, chroma_reduction(facts)) {
        (3, Some((1, 1))) => Some("4:4:4"),
        (3, Some((2, 1))) => Some("4:2:2"),
        (3, Some((2, 2))) => Some("4:2:0"),
        (3, Some((4, 1))) => Some("4:1:1"),
        (3, Some((1, 2))) => Some("4:4:0"),
        _ => None,
    });
    words.join(", ")
}

struct JpegRows {
    rows: Rows,
    decoded: ColorSpace,
    row_bytes: usize,
    started: Started,
}

/// Whether decoding has begun. With several scans that takes memory.
#[derive(PartialEq)]
enum Started {
    No,
    Yes,
}

impl RowDecoder for JpegRows {
    fn decode_rows(&mut self, rows: &mut [u8]) -> Result<(), ImageError> {
        if self.started == Started::No {
            self.rows.start(self.decoded)?;
            self.started = Started::Yes;
        }
        self.rows.read(rows, self.row_bytes)
    }

    fn finish(&mut self) -> Result<(), ImageError> {
        self.rows.finish()
    }
}
