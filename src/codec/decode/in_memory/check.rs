//! What a file's header says that the `image` crate ignores, or decodes too leniently.

use exr::meta::MetaData;
use exr::meta::attribute::Text;
use exr::meta::header::Header;
use gif::{ColorOutput, DecodeOptions};
use image::ColorType;

use super::{ImageError, ImageFormat};

/// Facts about a file that the `image` crate does not report.
pub(super) struct Facts {
    /// The number of images in the file: frames of a GIF, icons of an ICO, surfaces of a DDS.
    pub pages: u32,
    /// Whether the fourth sample of each pixel is not alpha.
    pub alpha_is_ignored: bool,
    /// Bytes of memory that decoding takes besides the file and the decoded image.
    pub working_bytes: u64,
}

/// Looks at a file before the crate decodes it.
///
/// # Errors
/// [`ImageError`] if the crate would overlook damage or decode the file wrongly.
pub(super) fn before_decoding(format: ImageFormat, file: &[u8]) -> Result<Facts, ImageError> {
    let facts = Facts { pages: 1, alpha_is_ignored: false, working_bytes: 0 };
    match format {
        ImageFormat::Gif => Ok(Facts { pages: gif_frames(file)?, ..facts }),
        ImageFormat::Ico => Ok(Facts { pages: le_u16(file, 4)?.into(), ..facts }),
        ImageFormat::Dds => Ok(Facts { pages: dds_surfaces(file)?, ..facts }),
        ImageFormat::OpenExr => Ok(Facts { working_bytes: exr_block_bytes(file)?, ..facts }),
        // The low four bits of the image descriptor are the number of alpha bits.
        ImageFormat::Tga => Ok(Facts {
            alpha_is_ignored: file.get(17).ok_or(ImageError::Truncated)?.trailing_zeros() >= 4,
            ..facts
        }),
        ImageFormat::Qoi if !file.ends_with(&[0, 0, 0, 0, 0, 0, 0, 1]) => {
            Err(ImageError::Truncated)
        }
        _ => Ok(facts),
    }
}

/// Refuses the pixels of icons that the crate does not decode.
///
/// # Errors
/// [`ImageError::Unsupported`] if an icon is a PNG without alpha.
pub(super) fn color(format: ImageFormat, color: ColorType) -> Result<(), ImageError> {
    if format == ImageFormat::Ico && color != ColorType::Rgba8 {
        return Err(ImageError::unsupported(format!("ICO with a PNG of type {color:?}")));
    }
    Ok(())
}

fn le_u16(file: &[u8], at: usize) -> Result<u16, ImageError> {
    let bytes = file.get(at..at + 2).and_then(|bytes| bytes.try_into().ok());
    bytes.map(u16::from_le_bytes).ok_or(ImageError::Truncated)
}

fn le_u32(file: &[u8], at: usize) -> Result<u32, ImageError> {
    let bytes = file.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
    bytes.map(u32::from_le_bytes).ok_or(ImageError::Truncated)
}

/// Counts the frames of a GIF up to its trailer, without decompressing them.
fn gif_frames(file: &[u8]) -> Result<u32, ImageError> {
    let failed = |error: gif::DecodingError| match error {
        gif::DecodingError::UnexpectedEof => ImageError::Truncated,
        gif::DecodingError::Io(error) => ImageError::reading(error),
        error => ImageError::malformed(error.to_string()),
    };
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    options.skip_frame_decoding(true);
    options.check_frame_consistency(true);
    let mut decoder = options.read_info(file).map_err(failed)?;
    let mut frames = 0;
    while decoder.next_frame_info().map_err(failed)?.is_some() {
        frames += 1;
    }
    if frames == 0 { Err(ImageError::malformed("it has no frame")) } else { Ok(frames) }
}

/// Returns the number of surfaces of a DDS file: six for a cube map, the depth of a volume.
fn dds_surfaces(file: &[u8]) -> Result<u32, ImageError> {
    const PIXEL_FLAGS: usize = 80;
    const HAS_ALPHA: u32 = 1;
    const FOUR_CC: usize = 84;
    const CAPABILITIES_2: usize = 112;
    const CUBE_MAP: u32 = 0x200;
    const VOLUME: u32 = 0x20_0000;
    if file.get(FOUR_CC..FOUR_CC + 4) == Some(b"DXT1")
        && le_u32(file, PIXEL_FLAGS)? & HAS_ALPHA != 0
    {
        return Err(ImageError::unsupported("DDS with one-bit alpha (BC1)"));
    }
    if !le_u32(file, 12)?.is_multiple_of(4) || !le_u32(file, 16)?.is_multiple_of(4) {
        return Err(ImageError::unsupported("DDS whose sides are not multiples of 4 pixels"));
    }
    let capabilities = le_u32(file, CAPABILITIES_2)?;
    Ok(match capabilities {
        _ if capabilities & CUBE_MAP != 0 => 6,
        _ if capabilities & VOLUME != 0 => le_u32(file, 24)?.max(1),
        _ => 1,
    })
}

/// Returns the bytes that the largest blocks of an OpenEXR file take, compressed and not. Their
/// size depends on the data window, which can be larger than the image.
fn exr_block_bytes(file: &[u8]) -> Result<u64, ImageError> {
    let failed = |error: exr::error::Error| match error {
        exr::error::Error::Io(error) => ImageError::reading(error),
        exr::error::Error::NotSupported(feature) => {
            ImageError::unsupported(format!("OpenEXR with {feature}"))
        }
        error => ImageError::malformed(error.to_string()),
    };
    let headers = MetaData::read_from_buffered(file, false).map_err(failed)?.headers;
    let has =
        |header: &Header, name| header.channels.find_index_of_channel(&Text::from(name)).is_some();
    let is_rgb =
        |header: &Header| !header.deep && ["R", "G", "B"].into_iter().all(|name| has(header, name));
    if !headers.iter().any(is_rgb) {
        return Err(ImageError::unsupported("OpenEXR without plain R, G and B channels"));
    }
    Ok(headers
        .iter()
        .map(|header| (header.max_block_byte_size() as u64).saturating_mul(4))
        .max()
        .unwrap_or(0))
}

/// Returns whether a file begins with a plausible TGA header. TGA has no signature, so this is
/// asked only of files with a TGA extension.
pub(crate) fn is_tga_header(first: &[u8]) -> bool {
    let Some(&[_, map_type, image_type, .., w0, w1, h0, h1, depth, descriptor]) =
        first.first_chunk::<18>()
    else {
        return false;
    };
    map_type <= 1
        && matches!(image_type, 1..=3 | 9..=11)
        && matches!(depth, 8 | 15 | 16 | 24 | 32)
        && (w0, w1) != (0, 0)
        && (h0, h1) != (0, 0)
        && descriptor & 0xc0 == 0
}
