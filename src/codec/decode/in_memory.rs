//! GIF, TGA, QOI, OpenEXR, Radiance HDR, farbfeld, ICO and DDS, decoded in memory by the `image`
//! crate.
//!
//! Images of these formats are rarely large, so nothing streams them. The file and the decoded
//! image together must fit in the memory limit, which is checked before anything is decoded.
//! Samples are passed on as the file has them: floating-point samples need a range, like those of
//! TIFF, and OpenEXR colors are premultiplied by alpha. The crate is lenient in a few places, so
//! [`check`] verifies what it would get wrong.

use std::error::Error as _;
use std::io::{self, Cursor};

use image::{ColorType, ImageDecoder, ImageReader, Limits};

use super::samples::{Alpha, ByteOrder, Channels, SampleType};
use super::stored::Stored;
use super::whole::WholeRows;
use super::{
    ImageError, ImageFormat, ImageHeader, Input, Request, RowDecoder, SampleLayout, checked_size,
};
use crate::color::IccProfile;

mod check;
#[cfg(test)]
mod tests;

/// Returns the crate's name of a format that is decoded here.
fn crate_format(format: ImageFormat) -> Option<image::ImageFormat> {
    Some(match format {
        ImageFormat::Gif => image::ImageFormat::Gif,
        ImageFormat::Tga => image::ImageFormat::Tga,
        ImageFormat::Qoi => image::ImageFormat::Qoi,
        ImageFormat::OpenExr => image::ImageFormat::OpenExr,
        ImageFormat::Hdr => image::ImageFormat::Hdr,
        ImageFormat::Farbfeld => image::ImageFormat::Farbfeld,
        ImageFormat::Ico => image::ImageFormat::Ico,
        ImageFormat::Dds => image::ImageFormat::Dds,
        _ => return None,
    })
}

/// Returns the format that the first bytes of a file are the signature of, if it is decoded here.
pub(super) fn detect(first: &[u8]) -> Option<ImageFormat> {
    Some(match image::guess_format(first).ok()? {
        image::ImageFormat::Gif => ImageFormat::Gif,
        image::ImageFormat::Qoi => ImageFormat::Qoi,
        image::ImageFormat::OpenExr => ImageFormat::OpenExr,
        image::ImageFormat::Hdr => ImageFormat::Hdr,
        image::ImageFormat::Farbfeld => ImageFormat::Farbfeld,
        image::ImageFormat::Ico => ImageFormat::Ico,
        image::ImageFormat::Dds => ImageFormat::Dds,
        _ => return None,
    })
}

pub(super) use check::is_tga_header;

/// Copies of the decoded image that are in memory at once: ours, and the one that the TGA and
/// OpenEXR decoders make.
const COPIES: u64 = 2;

/// Reads the file and its header.
///
/// # Errors
/// [`ImageError`] if the file is damaged or not supported, or if decoding it needs more memory
/// than `request` allows.
pub(crate) fn open(
    input: Input,
    format: ImageFormat,
    request: Request,
) -> Result<(ImageHeader, Box<dyn RowDecoder>), ImageError> {
    let crate_format =
        crate_format(format).ok_or_else(|| ImageError::unsupported(format.name()))?;
    let stored = Stored::of(input, request.memory)?;
    let length = stored.length()?;
    let too_large =
        |needed: u64| ImageError::Memory { needed, why: "it can only be decoded as a whole" };
    if length > request.memory {
        return Err(too_large(length));
    }
    let file = stored.into_bytes(length)?;
    let found = check::before_decoding(format, &file)?;
    // The header is checked against the limit below; this one is for what the crate allocates.
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(request.memory);
    let mut decoder =
        decoder(&file, crate_format, limits.clone()).map_err(|error| failed(error, request))?;
    let (width, height) = decoder.dimensions();
    let size = checked_size(width.into(), height.into())?;
    let color = decoder.color_type();
    check::color(format, color)?;
    let samples = layout(format, color, found.alpha_is_ignored)?;
    let icc_profile =
        decoder.icc_profile().map_err(|error| failed(error, request))?.map(IccProfile::new);
    drop(decoder);
    let image_bytes =
        u64::from(size.height()).saturating_mul(samples.row_bytes(size.width()) as u64);
    let held_bytes = image_bytes
        .saturating_mul(COPIES)
        .saturating_add(length)
        .saturating_add(found.working_bytes);
    if held_bytes > request.memory {
        return Err(too_large(held_bytes));
    }
    let header = ImageHeader {
        icc_profile,
        pages: found.pages,
        held_bytes,
        ..ImageHeader::new(size, samples)
    };
    let decode = move || {
        let mut pixels = vec![0; image_bytes as usize];
        let decoder =
            self::decoder(&file, crate_format, limits).map_err(|error| failed(error, request))?;
        decoder.read_image(&mut pixels).map_err(|error| failed(error, request))?;
        Ok(pixels)
    };
    Ok((header, Box::new(WholeRows::new(decode))))
}

fn decoder(
    file: &[u8],
    format: image::ImageFormat,
    limits: Limits,
) -> Result<impl ImageDecoder + '_, image::ImageError> {
    let mut reader = ImageReader::with_format(Cursor::new(file), format);
    reader.limits(limits);
    reader.into_decoder()
}

/// The byte order of the numbers that the crate returns.
const NATIVE: ByteOrder =
    if cfg!(target_endian = "big") { ByteOrder::BigEndian } else { ByteOrder::LittleEndian };

fn layout(
    format: ImageFormat,
    color: ColorType,
    alpha_is_ignored: bool,
) -> Result<SampleLayout, ImageError> {
    // OpenEXR's colors are premultiplied by alpha, and those of all others are not.
    let alpha = if format == ImageFormat::OpenExr { Alpha::Premultiplied } else { Alpha::Straight };
    let (channels, sample) = match color {
        ColorType::L8 => (Channels::Gray, SampleType::U8),
        ColorType::La8 => (Channels::GrayAlpha(alpha), SampleType::U8),
        ColorType::Rgb8 => (Channels::Rgb, SampleType::U8),
        ColorType::Rgba8 => (Channels::Rgba(alpha), SampleType::U8),
        ColorType::Rgba16 => (Channels::Rgba(alpha), SampleType::U16(NATIVE)),
        ColorType::Rgb32F => (Channels::Rgb, SampleType::F32(NATIVE)),
        ColorType::Rgba32F => (Channels::Rgba(alpha), SampleType::F32(NATIVE)),
        other => {
            return Err(ImageError::unsupported(format!(
                "{} with samples of type {other:?}",
                format.name()
            )));
        }
    };
    let layout = SampleLayout::new(channels, sample);
    Ok(match layout.channels {
        Channels::Rgba(_) if alpha_is_ignored => {
            SampleLayout { channels: Channels::Rgb, ignored: 1, ..layout }
        }
        _ => layout,
    })
}

/// Translates an error of the crate.
fn failed(error: image::ImageError, request: Request) -> ImageError {
    match error {
        image::ImageError::IoError(error) => ImageError::reading(error),
        image::ImageError::Limits(_) => ImageError::Memory {
            needed: request.memory.saturating_add(1),
            why: "it can only be decoded as a whole",
        },
        image::ImageError::Unsupported(error) => ImageError::unsupported(error.to_string()),
        image::ImageError::Decoding(error) => malformed(&error),
        error => ImageError::malformed(error.to_string()),
    }
}

/// Returns the reason of a decoding error, whose own text only adds the name of the format.
fn malformed(error: &image::error::DecodingError) -> ImageError {
    let first = error.source();
    let mut reason = first;
    while let Some(inner) = reason {
        let is_end = |error: &io::Error| error.kind() == io::ErrorKind::UnexpectedEof;
        if inner.downcast_ref().is_some_and(is_end) {
            return ImageError::Truncated;
        }
        reason = inner.source();
    }
    ImageError::malformed(first.map_or_else(|| error.to_string(), ToString::to_string))
}
