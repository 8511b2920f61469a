//! WebP, encoded by libwebp, and the container that a profile needs.
//!
//! libwebp is called directly, since its safe wrapper `webp` bundles a version from 2023. A file is
//! RGB without alpha, and a single chunk (`VP8 ` or `VP8L`) unless it has a profile.

use std::ffi::c_int;

use libwebp_sys::{WebPConfig, WebPEncode, WebPPicture, WebPPictureFree, WebPPictureImportBGRX};

use crate::codec::{EncodeError, WebPCompression};
use crate::color::IccProfile;
use crate::geometry::Size;
use crate::pixels::{PIXEL_BYTES, PixelView};

/// Both bitstreams store a side in 14 bits.
pub(crate) const LONGEST_SIDE: u32 = 16_383;

/// Encodes WebP, reusing its settings and buffers from tile to tile.
#[derive(Debug)]
pub(crate) struct WebPEncoder {
    config: WebPConfig,
    profile: Option<IccProfile>,
    output: Vec<u8>,
    /// The file with the profile.
    profiled: Vec<u8>,
}

impl WebPEncoder {
    pub fn new(
        compression: WebPCompression,
        profile: Option<IccProfile>,
    ) -> Result<Self, EncodeError> {
        let mut config = WebPConfig::new().map_err(|()| EncodeError::Setup {
            library: "libwebp",
            message: "it is of another version".to_owned(),
        })?;
        match compression {
            // Method 4, the default of libwebp, `cwebp` and libvips.
            WebPCompression::Lossy { quality } => config.quality = f32::from(quality.get()),
            // Level 1 of 9: 5 ms for a 256×256 tile of stained tissue. Level 6, the default of
            // `cwebp`, takes 33 ms for 4 % fewer bytes; level 0 takes 1 ms for 6 % more.
            WebPCompression::Lossless => {
                (config.lossless, config.method, config.quality) = (1, 1, 20.0);
            }
        }
        Ok(Self { config, profile, output: Vec::new(), profiled: Vec::new() })
    }

    pub fn encode(&mut self, pixels: PixelView<'_>) -> Result<&[u8], EncodeError> {
        let size = pixels.size();
        self.output.clear();
        encode_with(&self.config, pixels, &mut self.output)
            .map_err(|message| EncodeError::WebP { size, message })?;
        let Some(profile) = &self.profile else { return Ok(&self.output) };
        self.profiled.clear();
        write_profiled(&self.output, size, profile, &mut self.profiled);
        Ok(&self.profiled)
    }
}

/// A libwebp picture, freed when dropped.
struct Picture(WebPPicture);

impl Drop for Picture {
    #[expect(unsafe_code, reason = "libwebp is a C library")]
    fn drop(&mut self) {
        // SAFETY: it was initialized, and libwebp allocated what it holds, if anything.
        unsafe { WebPPictureFree(&raw mut self.0) };
    }
}

/// Encodes pixels and appends the file to `file`.
#[expect(unsafe_code, reason = "libwebp is a C library")]
fn encode_with(
    config: &WebPConfig,
    pixels: PixelView<'_>,
    file: &mut Vec<u8>,
) -> Result<(), String> {
    let (width, height) = (pixels.size().width(), pixels.size().height());
    if width.max(height) > LONGEST_SIDE {
        return Err(format!("no side can have more than {LONGEST_SIDE}"));
    }
    let held = (height as usize - 1) * pixels.stride() + width as usize * PIXEL_BYTES;
    let stride = c_int::try_from(pixels.stride()).ok().filter(|_| pixels.bytes().len() >= held);
    let stride = stride.ok_or("its rows do not lie within its memory")?;
    let mut picture = Picture(WebPPicture::new().map_err(|()| "it is of another version")?);
    picture.0.use_argb = config.lossless;
    (picture.0.width, picture.0.height) = (width.cast_signed(), height.cast_signed());
    picture.0.writer = Some(append);
    picture.0.custom_ptr = (&raw mut *file).cast();
    // SAFETY: the picture is initialized. `bytes` holds `height` rows of `width` four-byte pixels,
    // `stride` bytes apart, as checked above. Importing copies them.
    if unsafe { WebPPictureImportBGRX(&raw mut picture.0, pixels.bytes().as_ptr(), stride) } == 0 {
        return Err(format!("{:?}", picture.0.error_code));
    }
    // SAFETY: both are initialized. `custom_ptr` is the vector that `append` expects, and nothing
    // else uses it until this returns.
    if unsafe { WebPEncode(config, &raw mut picture.0) } == 0 {
        return Err(format!("{:?}", picture.0.error_code));
    }
    Ok(())
}

/// Appends the next part of the file, called by libwebp.
#[expect(unsafe_code, reason = "libwebp calls it")]
unsafe extern "C" fn append(part: *const u8, length: usize, picture: *const WebPPicture) -> c_int {
    if length > 0 {
        // SAFETY: libwebp passes `length` bytes, and the picture of `encode_with`, whose
        // `custom_ptr` is a vector that outlives it.
        let (file, part) = unsafe {
            (
                &mut *(*picture).custom_ptr.cast::<Vec<u8>>(),
                std::slice::from_raw_parts(part, length),
            )
        };
        file.extend_from_slice(part);
    }
    1
}

/// Bytes of the RIFF header, before the first chunk.
const FILE_HEADER_BYTES: usize = 12;

/// The flag of a `VP8X` chunk for a profile.
const HAS_PROFILE: u8 = 0b0010_0000;

/// Writes the file in the extended format (RFC 9649, 2.7): the header, the profile, then the image
/// chunk.
fn write_profiled(file: &[u8], size: Size, profile: &IccProfile, output: &mut Vec<u8>) {
    let mut chunk = |name: &[u8; 4], contents: &[u8]| {
        output.extend_from_slice(name);
        output.extend_from_slice(&(contents.len() as u32).to_le_bytes());
        output.extend_from_slice(contents);
        output.resize(output.len().next_multiple_of(2), 0);
    };
    let picture = &file[FILE_HEADER_BYTES..];
    // Filled in below.
    chunk(b"RIFF", b"WEBP");
    let [w0, w1, w2, _] = (size.width() - 1).to_le_bytes();
    let [h0, h1, h2, _] = (size.height() - 1).to_le_bytes();
    chunk(b"VP8X", &[HAS_PROFILE, 0, 0, 0, w0, w1, w2, h0, h1, h2]);
    chunk(b"ICCP", profile.bytes());
    output.extend_from_slice(picture);
    let length = (output.len() - 8) as u32;
    output[4..8].copy_from_slice(&length.to_le_bytes());
}
