//! WebP, decoded by libwebp to the same pixels as `dwebp`.
//!
//! libwebp decodes 185 megapixels per second of a lossy image of 100 megapixels and 87 of a
//! lossless one; the crate `image-webp` decodes 44 and 39. No side exceeds 16,383 pixels, so the
//! image is decoded as a whole. Before that, only the chunk headers, the profile and the
//! orientation are read.

use libwebp_sys::{VP8StatusCode, WEBP_CSP_MODE, WebPDecode, WebPDecoderConfig, WebPRGBABuffer};

use super::samples::{Alpha, Channels, SampleType};
use super::stored::Stored;
use super::whole::WholeRows;
use super::{
    ImageError, ImageHeader, Input, Request, RowDecoder, SampleLayout, checked_size, exif,
};
use crate::color::IccProfile;
use crate::geometry::{Orientation, Size};

#[cfg(test)]
mod tests;

/// Reads the chunks' headers, the profile and the orientation.
///
/// # Errors
/// [`ImageError`] if the file is truncated, contradicts itself or is animated, or if a pipe has
/// more bytes than fit in memory.
pub(crate) fn open(
    input: Input,
    request: Request,
) -> Result<(ImageHeader, Box<dyn RowDecoder>), ImageError> {
    request.check_single_page()?;
    let stored = Stored::of(input, request.memory)?;
    let container = Container::read(&stored)?;
    let Frame { size, coding, alpha } = container.frame;
    let channels = if alpha { Channels::Rgba(Alpha::Straight) } else { Channels::Rgb };
    let samples = SampleLayout::new(channels, SampleType::U8);
    let row_bytes = samples.row_bytes(size.width());
    let decode = move || {
        let file = stored.into_bytes(container.bytes)?;
        let mut samples = vec![0; row_bytes * size.height() as usize];
        decode(&file, row_bytes, alpha, &mut samples)?;
        Ok(samples)
    };
    let header = ImageHeader {
        coding: coding.name().to_owned(),
        orientation: container.orientation,
        icc_profile: container.icc_profile,
        held_bytes: container.bytes
            + row_bytes as u64 * u64::from(size.height())
            + coding.working_bytes(size, alpha),
        ..ImageHeader::new(size, samples)
    };
    Ok((header, Box::new(WholeRows::new(decode))))
}

/// `RIFF`, the length of what follows, and `WEBP`.
const RIFF_HEADER_BYTES: u64 = 12;
/// A chunk's name and length.
const CHUNK_HEADER_BYTES: u64 = 8;

/// Returns the length of a chunk's contents. The file is a chunk itself.
fn chunk_bytes(header: &[u8]) -> u64 {
    header.get(4..8).and_then(|length| length.try_into().ok()).map_or(0, u32::from_le_bytes).into()
}

/// The content of the chunks (RFC 9649, 2).
struct Container {
    /// Length of the file.
    bytes: u64,
    frame: Frame,
    icc_profile: Option<IccProfile>,
    orientation: Orientation,
}

impl Container {
    /// The specification has seven kinds; unknown ones are ignored.
    const MOST_CHUNKS: usize = 1_000;
    /// Longest profile or EXIF, in bytes.
    const LONGEST_METADATA: u64 = 16 << 20;
    const VP8X_ALPHA: u8 = 1 << 4;
    const VP8X_ANIMATION: u8 = 1 << 1;

    fn read(stored: &Stored) -> Result<Self, ImageError> {
        let mut riff = [0; RIFF_HEADER_BYTES as usize];
        stored.read_at(0, &mut riff)?;
        if !riff.starts_with(b"RIFF") || !riff.ends_with(b"WEBP") {
            return Err(ImageError::malformed("the WebP signature is missing"));
        }
        let end = CHUNK_HEADER_BYTES + chunk_bytes(&riff);
        if stored.length()? < end {
            return Err(ImageError::Truncated);
        }
        let (mut canvas, mut alpha, mut frame, mut icc_profile) = (None, false, None, None);
        let (mut orientation, mut offset, mut chunks) =
            (Orientation::UPRIGHT, RIFF_HEADER_BYTES, 0);
        while offset + CHUNK_HEADER_BYTES <= end {
            let mut header = [0; CHUNK_HEADER_BYTES as usize];
            stored.read_at(offset, &mut header)?;
            let ([name @ .., _, _, _, _], contents) = (header, offset + CHUNK_HEADER_BYTES);
            let length = chunk_bytes(&header);
            if contents + length > end {
                return Err(ImageError::malformed("a chunk is longer than the file"));
            }
            chunks += 1;
            if chunks > Self::MOST_CHUNKS {
                return Err(ImageError::malformed("it has more than 1,000 chunks"));
            }
            match &name {
                b"VP8X" if chunks == 1 => {
                    let mut header = [0; 10];
                    if length < header.len() as u64 {
                        return Err(ImageError::malformed("a chunk is too short"));
                    }
                    stored.read_at(contents, &mut header)?;
                    let [flags, _, _, _, w0, w1, w2, h0, h1, h2] = header;
                    if flags & Self::VP8X_ANIMATION != 0 {
                        return Err(ImageError::unsupported("animation"));
                    }
                    alpha = flags & Self::VP8X_ALPHA != 0;
                    let side = |bytes: [u8; 3]| {
                        u64::from(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0])) + 1
                    };
                    canvas = Some(checked_size(side([w0, w1, w2]), side([h0, h1, h2]))?);
                }
                b"VP8 " | b"VP8L" if frame.is_none() => {
                    let mut header = [0; 10];
                    let known = (length as usize).min(header.len());
                    stored.read_at(contents, &mut header[..known])?;
                    frame = Some(if name == *b"VP8 " {
                        Frame::lossy(header)?
                    } else {
                        Frame::lossless(header)?
                    });
                }
                b"ALPH" if frame.is_none() => alpha = true,
                b"ICCP" if canvas.is_some() && icc_profile.is_none() => {
                    icc_profile = Some(IccProfile::new(metadata(stored, contents, length)?));
                }
                b"EXIF" if canvas.is_some() => {
                    orientation = exif::orientation(&metadata(stored, contents, length)?);
                }
                _ => {}
            }
            if canvas.is_none() && frame.is_some() {
                // The simple format has one chunk; what follows is ignored.
                break;
            }
            offset = contents + length.next_multiple_of(2);
        }
        let mut frame = frame.ok_or_else(|| ImageError::malformed("it has no image data"))?;
        if canvas.is_some_and(|canvas| canvas != frame.size) {
            return Err(ImageError::malformed(
                "the image data and the header disagree about the size",
            ));
        }
        frame.alpha |= alpha && frame.coding == Coding::Lossy;
        Ok(Self { bytes: end, frame, icc_profile, orientation })
    }
}

/// Reads the contents of a chunk.
fn metadata(stored: &Stored, offset: u64, length: u64) -> Result<Vec<u8>, ImageError> {
    if length > Container::LONGEST_METADATA {
        return Err(ImageError::malformed("the profile or EXIF is larger than 16 MB"));
    }
    let mut contents = vec![0; length as usize];
    stored.read_at(offset, &mut contents)?;
    Ok(contents)
}

/// How the image is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    /// VP8.
    Lossy,
    /// VP8L.
    Lossless,
}

impl Coding {
    const fn name(self) -> &'static str {
        match self {
            Self::Lossy => "lossy",
            Self::Lossless => "lossless",
        }
    }

    /// Returns the bytes that libwebp allocates: four per pixel of a lossless image, two per pixel
    /// for alpha, and some rows. For 100 megapixels this is within 1 % of the measured memory.
    fn working_bytes(self, size: Size, alpha: bool) -> u64 {
        let rows = u64::from(size.width()) * 256 + (2 << 20);
        rows + match self {
            Self::Lossy => size.area() * if alpha { 2 } else { 0 },
            Self::Lossless => size.area() * 4,
        }
    }
}

/// The header of the image data.
struct Frame {
    size: Size,
    coding: Coding,
    alpha: bool,
}

impl Frame {
    /// RFC 6386, 9.1.
    fn lossy(header: [u8; 10]) -> Result<Self, ImageError> {
        let [tag, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1] = header else {
            return Err(ImageError::malformed("the image data lacks its signature"));
        };
        if tag & 1 != 0 {
            return Err(ImageError::malformed("the image data is not a key frame"));
        }
        let side = |low, high| u64::from(u16::from_le_bytes([low, high]) & 0x3fff);
        Ok(Self {
            size: checked_size(side(w0, w1), side(h0, h1))?,
            coding: Coding::Lossy,
            alpha: false,
        })
    }

    /// RFC 9649, 3.4.
    fn lossless(header: [u8; 10]) -> Result<Self, ImageError> {
        let [0x2f, b0, b1, b2, b3, ..] = header else {
            return Err(ImageError::malformed("the image data lacks its signature"));
        };
        let bits = u32::from_le_bytes([b0, b1, b2, b3]);
        let size = checked_size(u64::from(bits & 0x3fff) + 1, u64::from(bits >> 14 & 0x3fff) + 1)?;
        Ok(Self { size, coding: Coding::Lossless, alpha: bits >> 28 & 1 != 0 })
    }
}

/// Decodes a file to RGB or RGBA rows, `stride` bytes apart.
#[expect(unsafe_code, reason = "libwebp is a C library")]
fn decode(file: &[u8], stride: usize, alpha: bool, rows: &mut [u8]) -> Result<(), ImageError> {
    let version = || ImageError::unsupported("this version of libwebp");
    let mut config = WebPDecoderConfig::new().map_err(|()| version())?;
    config.output.colorspace =
        if alpha { WEBP_CSP_MODE::MODE_RGBA } else { WEBP_CSP_MODE::MODE_RGB };
    config.output.is_external_memory = 1;
    // No row has more than 16,383 pixels.
    let stride = (stride as u32).cast_signed();
    config.output.u.RGBA = WebPRGBABuffer { rgba: rows.as_mut_ptr(), stride, size: rows.len() };
    // SAFETY: the configuration is initialized. libwebp reads `file.len()` bytes, and fails if the
    // rows of the image, `stride` bytes apart, do not fit in `rows.len()` bytes. It keeps neither
    // pointer.
    let status = unsafe { WebPDecode(file.as_ptr(), file.len(), &raw mut config) };
    match status {
        VP8StatusCode::VP8_STATUS_OK => Ok(()),
        VP8StatusCode::VP8_STATUS_SUSPENDED | VP8StatusCode::VP8_STATUS_NOT_ENOUGH_DATA => {
            Err(ImageError::malformed("the image data ends too early"))
        }
        VP8StatusCode::VP8_STATUS_BITSTREAM_ERROR => {
            Err(ImageError::malformed("the image data is damaged"))
        }
        VP8StatusCode::VP8_STATUS_OUT_OF_MEMORY => {
            Err(ImageError::System(std::io::Error::from(std::io::ErrorKind::OutOfMemory)))
        }
        status => Err(ImageError::malformed(format!("libwebp: {status:?}"))),
    }
}
