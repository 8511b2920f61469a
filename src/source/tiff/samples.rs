//! The samples of a directory's image and what they mean: TIFF tags 258, 262, 277, 320, 332, 338
//! and 339.
//!
//! Samples whose meaning is only partly known are rejected: colors in an unknown space, or alpha
//! that no layout has a place for.

use std::sync::Arc;

use super::directory::{Directory, tag};
use crate::codec::decode::ImageError;
use crate::codec::decode::samples::{Alpha, Channels, SampleLayout, SampleType};

/// Reads the layout of an image's samples.
///
/// # Errors
/// [`ImageError`] if the tags are inconsistent or the samples are not supported.
pub(super) fn read_samples(
    directory: &Directory<'_>,
    compression: u64,
) -> Result<SampleLayout, ImageError> {
    let samples = directory.number(tag::SAMPLES_PER_PIXEL)?.unwrap_or(1);
    let samples = u16::try_from(samples).ok().filter(|&samples| samples > 0);
    let samples = samples
        .ok_or_else(|| ImageError::malformed("its number of samples per pixel is invalid"))?;
    let sample = read_sample(directory, samples)?;
    let extra = directory.numbers(tag::EXTRA_SAMPLES, u64::from(samples))?.unwrap_or_default();
    let photometric = directory.number(tag::PHOTOMETRIC_INTERPRETATION)?;
    let photometric = photometric.ok_or_else(|| {
        ImageError::malformed("its photometric interpretation is missing (TIFF tag 262)")
    })?;
    let colors = match photometric {
        0 | 1 | 3 => 1,
        2 | 6 => 3,
        5 => 4,
        _ => {
            return Err(ImageError::unsupported(format!(
                "color space {}",
                photometric_name(photometric)
            )));
        }
    };
    let Some(others) = samples.checked_sub(colors) else {
        return Err(ImageError::malformed(format!(
            "it has {samples} samples per pixel, but its colors need {colors}"
        )));
    };
    let alpha = match extra.get(..usize::from(others).min(extra.len())) {
        Some([1, ..]) => Some(Alpha::Premultiplied),
        Some([2, ..]) => Some(Alpha::Straight),
        Some(rest) if rest.iter().any(|&meaning| matches!(meaning, 1 | 2)) => {
            return Err(ImageError::unsupported("alpha that is not the first extra sample"));
        }
        _ => None,
    };
    let channels = match (photometric, alpha) {
        (0 | 1, None) => Channels::Gray,
        (0 | 1, Some(alpha)) => Channels::GrayAlpha(alpha),
        (6, _) if compression != 7 => {
            return Err(ImageError::unsupported("YCbCr without JPEG compression"));
        }
        (2 | 6, None) => Channels::Rgb,
        (2 | 6, Some(alpha)) => Channels::Rgba(alpha),
        (3, None) => Channels::Palette(read_palette(directory, sample)?),
        (5, None) => match directory.number(tag::INK_SET)?.unwrap_or(1) {
            1 => Channels::Cmyk,
            _ => return Err(ImageError::unsupported("inks other than CMYK")),
        },
        _ => return Err(ImageError::unsupported("alpha with a palette or CMYK")),
    };
    let ignored = samples - channels.count() as u16;
    Ok(SampleLayout { channels, ignored, sample, inverted: photometric == 0, clear: None })
}

fn photometric_name(photometric: u64) -> String {
    let name = match photometric {
        4 => "transparency mask",
        8 => "CIE L*a*b*",
        9 => "ICC L*a*b*",
        10 => "ITU L*a*b*",
        32_803 => "color filter array of a camera",
        32_844 | 32_845 => "LogLuv",
        34_892 => "linear raw of a camera",
        _ => return format!("TIFF photometric interpretation {photometric}"),
    };
    name.to_owned()
}

/// Reads the type of the samples, which must be the same for all channels.
fn read_sample(directory: &Directory<'_>, samples: u16) -> Result<SampleType, ImageError> {
    let same = |tag, default| {
        let values = directory.numbers(tag, u64::from(samples))?.unwrap_or_default();
        match values[..] {
            [] => Ok(default),
            [first, ref others @ ..] if others.iter().all(|&other| other == first) => Ok(first),
            _ => Err(ImageError::unsupported("samples of different types")),
        }
    };
    let (bits, format) = (same(tag::BITS_PER_SAMPLE, 1)?, same(tag::SAMPLE_FORMAT, 1)?);
    let order = directory.order();
    Ok(match (format, bits) {
        // Format 4 is undefined, and used for unsigned integers.
        (1 | 4, 1 | 2 | 4) => SampleType::Bits(bits as u8),
        (1 | 4, 8) => SampleType::U8,
        (1 | 4, 16) => SampleType::U16(order),
        (1 | 4, 32) => SampleType::U32(order),
        (2, 16) => SampleType::I16(order),
        (3, 32) => SampleType::F32(order),
        (3, 64) => SampleType::F64(order),
        _ => {
            let format = match format {
                1 | 4 => "unsigned",
                2 => "signed",
                3 => "floating-point",
                _ => "complex",
            };
            return Err(ImageError::unsupported(format!("{bits}-bit {format} samples")));
        }
    })
}

/// Reads TIFF tag 320: all reds, then all greens, then all blues.
fn read_palette(
    directory: &Directory<'_>,
    sample: SampleType,
) -> Result<Arc<[[u8; 4]]>, ImageError> {
    let (SampleType::Bits(_) | SampleType::U8) = sample else {
        return Err(ImageError::unsupported("palettes of more than 256 colors"));
    };
    let colors = 1_usize << sample.bits();
    let values = directory.numbers(tag::COLOR_MAP, 3 * colors as u64)?.unwrap_or_default();
    if values.len() != 3 * colors {
        return Err(ImageError::malformed(format!(
            "its palette has {} of {} values",
            values.len(),
            3 * colors
        )));
    }
    // Values have 16 bits, but some writers store 8-bit values, which libtiff detects the same way.
    // Others store 8-bit values times 256, whose white would become 254.
    let byte: fn(u64) -> u8 = if values.iter().all(|&value| value < 256) {
        |value| value as u8
    } else if values.iter().all(|&value| value.is_multiple_of(256)) {
        |value| (value / 256) as u8
    } else {
        |value| ((value * 255 + 32_767) / 65_535) as u8
    };
    let at = |index: usize| byte(values[index]);
    Ok((0..colors)
        .map(|color| [at(color), at(color + colors), at(color + 2 * colors), 255])
        .collect())
}
