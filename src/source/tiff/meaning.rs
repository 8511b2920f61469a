//! What the samples of a directory's picture are, and what they mean: TIFF's tags 258, 262, 277, 320, 332, 338 and 339.
//!
//! What always holds: samples whose meaning is known only in part (a color without the space it is in, alpha where no layout has a place for it) are refused, and not
//! shown as something else.

use std::sync::Arc;

use super::directory::{Container, Directory, tag};
use crate::codec::decode::ImageError;
use crate::codec::decode::samples::{Alpha, Channels, SampleLayout, SampleType};

/// Channels and samples.
pub(crate) fn read_samples(
    container: &Container,
    directory: &Directory<'_>,
    compression: u64,
) -> Result<SampleLayout, ImageError> {
    let samples = directory.number(tag::SAMPLES_PER_PIXEL)?.unwrap_or(1);
    let samples = u16::try_from(samples).ok().filter(|&samples| samples > 0);
    let samples =
        samples.ok_or_else(|| ImageError::malformed("its number of samples a pixel is impossible".to_owned()))?;
    let sample = read_sample(container, directory, samples)?;
    let extra = directory.numbers(tag::EXTRA_SAMPLES, u64::from(samples))?.unwrap_or_default();
    let photometric = directory.number(tag::PHOTOMETRIC_INTERPRETATION)?;
    let photometric = photometric
        .ok_or_else(|| ImageError::malformed("it does not say what its samples mean (TIFF tag 262)".to_owned()))?;
    let colors = match photometric {
        0 | 1 | 3 => 1,
        2 | 6 => 3,
        5 => 4,
        _ => return Err(ImageError::unsupported(format!("its colors are {}", photometric_name(photometric)))),
    };
    let Some(others) = samples.checked_sub(colors) else {
        return Err(ImageError::malformed(format!("it has {samples} samples a pixel where its colors need {colors}")));
    };
    let alpha = match extra.get(..usize::from(others).min(extra.len())) {
        Some([1, ..]) => Some(Alpha::Premultiplied),
        Some([2, ..]) => Some(Alpha::Straight),
        Some(rest) if rest.iter().any(|&meaning| matches!(meaning, 1 | 2)) => {
            return Err(ImageError::unsupported("its alpha is not the first of its extra samples"));
        }
        _ => None,
    };
    let channels = match (photometric, alpha) {
        (0 | 1, None) => Channels::Gray,
        (0 | 1, Some(alpha)) => Channels::GrayAlpha(alpha),
        (6, _) if compression != 7 => {
            return Err(ImageError::unsupported(
                "its pixels are YCbCr, which is read where it is compressed as JPEG only",
            ));
        }
        (2 | 6, None) => Channels::Rgb,
        (2 | 6, Some(alpha)) => Channels::Rgba(alpha),
        (3, None) => Channels::Palette(read_palette(directory, sample)?),
        (5, None) => match directory.number(tag::INK_SET)?.unwrap_or(1) {
            1 => Channels::Cmyk,
            _ => return Err(ImageError::unsupported("its inks are not cyan, magenta, yellow and black")),
        },
        _ => return Err(ImageError::unsupported("it has alpha beside a palette or inks")),
    };
    let ignored = samples - channels.count() as u16;
    Ok(SampleLayout { channels, ignored, sample, inverted: photometric == 0, clear: None })
}

fn photometric_name(photometric: u64) -> String {
    let name = match photometric {
        4 => "a transparency mask",
        8 => "CIE L*a*b*",
        9 => "ICC L*a*b*",
        10 => "ITU L*a*b*",
        32_803 => "a camera's color filter array",
        32_844 | 32_845 => "LogLuv",
        34_892 => "a camera's linear raw",
        _ => return format!("of an unknown kind (TIFF photometric interpretation {photometric})"),
    };
    name.to_owned()
}

/// What a sample is; all of a pixel are the same.
fn read_sample(container: &Container, directory: &Directory<'_>, samples: u16) -> Result<SampleType, ImageError> {
    let same = |tag, default| {
        let values = directory.numbers(tag, u64::from(samples))?.unwrap_or_default();
        match values[..] {
            [] => Ok(default),
            [first, ref others @ ..] if others.iter().all(|&other| other == first) => Ok(first),
            _ => Err(ImageError::unsupported("its samples are not all of one type")),
        }
    };
    let (bits, format) = (same(tag::BITS_PER_SAMPLE, 1)?, same(tag::SAMPLE_FORMAT, 1)?);
    let order = container.order;
    Ok(match (format, bits) {
        // Format 4 is of an unknown meaning, and written for whole numbers.
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
            return Err(ImageError::unsupported(format!("its samples are {format} numbers of {bits} bits")));
        }
    })
}

/// TIFF tag 320: all red, all green, all blue.
fn read_palette(directory: &Directory<'_>, sample: SampleType) -> Result<Arc<[[u8; 4]]>, ImageError> {
    let (SampleType::Bits(_) | SampleType::U8) = sample else {
        return Err(ImageError::unsupported("its palette has more than 256 colors"));
    };
    let colors = 1_usize << sample.bits();
    let values = directory.numbers(tag::COLOR_MAP, 3 * colors as u64)?.unwrap_or_default();
    if values.len() != 3 * colors {
        return Err(ImageError::malformed(format!("its palette does not have {colors} colors")));
    }
    // Of 16 bits; but some writers put 8-bit numbers there, which libtiff finds out in the same way, and others 8-bit numbers times 256, of which white would come out as 254.
    let byte: fn(u64) -> u8 = if values.iter().all(|&value| value < 256) {
        |value| value as u8
    } else if values.iter().all(|&value| value.is_multiple_of(256)) {
        |value| (value / 256) as u8
    } else {
        |value| ((value * 255 + 32_767) / 65_535) as u8
    };
    let at = |index: usize| byte(values[index]);
    Ok((0..colors).map(|color| [at(color), at(color + colors), at(color + 2 * colors), 255]).collect())
}
