//! Encodes pixels as tile files.
//!
//! The bytes depend only on the pixels, the [`TileFormat`] and the profile. An encoder belongs to
//! one thread and reuses its buffers from tile to tile.

use serde::Serialize;

use crate::color::IccProfile;
use crate::geometry::Size;
use crate::pixels::PixelView;

mod jpeg;
mod png;
#[cfg(test)]
mod tests;
#[cfg_attr(not(feature = "webp"), path = "encode/webp_disabled.rs")]
mod webp;

use self::jpeg::JpegEncoder;
use self::png::PngEncoder;
use self::webp::WebPEncoder;

/// The quality of JPEG and lossy WebP tiles, from 1 (smallest) to 100 (best), on the different
/// scales of libjpeg and libwebp.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Quality(u8);

impl Quality {
    /// Creates a quality; `None` outside 1–100.
    #[must_use]
    pub const fn new(quality: u8) -> Option<Self> {
        if quality >= 1 && quality <= 100 { Some(Self(quality)) } else { None }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl Default for Quality {
    fn default() -> Self {
        Self(80)
    }
}

/// The chroma subsampling of a JPEG file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum Subsampling {
    /// 4:4:4: chroma at full size.
    #[serde(rename = "444")]
    Full,
    /// 4:2:2: chroma at half the width.
    #[serde(rename = "422")]
    HalfWidth,
    /// 4:2:0: chroma at half the width and height.
    #[serde(rename = "420")]
    Quarter,
    /// 4:0:0: one component, no chroma. A tile that has color is encoded as 4:4:4.
    #[serde(rename = "400")]
    Gray,
}

/// The entropy coding of a JPEG file. The pixels are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum JpegCoding {
    /// One scan, with the example Huffman tables of the JPEG specification.
    #[default]
    Baseline,
    /// One scan, with Huffman tables optimized for each tile.
    Optimized,
    /// Several scans from coarse to fine, each with optimized Huffman tables.
    Progressive,
}

/// The compression of WebP tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "compression", rename_all = "lowercase")]
#[non_exhaustive]
pub enum WebPCompression {
    /// Lossy, always with 4:2:0 chroma.
    Lossy {
        /// The quality.
        quality: Quality,
    },
    /// Lossless.
    Lossless,
}

/// The format of tile files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "format", rename_all = "lowercase")]
#[non_exhaustive]
pub enum TileFormat {
    /// JPEG, encoded by libjpeg-turbo with its accurate integer DCT.
    Jpeg {
        /// The quality.
        quality: Quality,
        /// The chroma subsampling.
        subsampling: Subsampling,
        /// The entropy coding.
        coding: JpegCoding,
    },
    /// 8-bit RGB PNG: lossless, but larger.
    Png,
    /// 8-bit RGB WebP, encoded by libwebp.
    WebP {
        /// The compression.
        #[serde(flatten)]
        compression: WebPCompression,
    },
}

impl TileFormat {
    /// Returns the extension, as used in the descriptor and in file names.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg { .. } => "jpeg",
            Self::Png => "png",
            Self::WebP { .. } => "webp",
        }
    }

    /// Returns the longest side of an image of this format, in pixels.
    #[must_use]
    pub const fn longest_side(self) -> u32 {
        match self {
            Self::Jpeg { .. } => jpeg::LONGEST_SIDE,
            Self::Png => png::LONGEST_SIDE,
            Self::WebP { .. } => webp::LONGEST_SIDE,
        }
    }
}

/// Why a tile could not be encoded. This is never the user's fault.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// libjpeg-turbo failed.
    #[error("libjpeg-turbo cannot encode {size} pixels: {message}")]
    Jpeg {
        /// The size of the tile in pixels.
        size: Size,
        /// libjpeg-turbo's message.
        message: String,
    },
    /// The PNG encoder failed.
    #[error("cannot encode {size} pixels as PNG: {message}")]
    Png {
        /// The size of the tile in pixels.
        size: Size,
        /// The encoder's message.
        message: String,
    },
    /// libwebp failed.
    #[error("libwebp cannot encode {size} pixels: {message}")]
    WebP {
        /// The size of the tile in pixels.
        size: Size,
        /// libwebp's message.
        message: String,
    },
    /// The encoder could not be set up.
    #[error("{library} cannot be set up: {message}")]
    Setup {
        /// The library.
        library: &'static str,
        /// The library's message.
        message: String,
    },
}

/// Encodes tiles of one format.
#[derive(Debug)]
pub struct TileEncoder(Codec);

#[derive(Debug)]
enum Codec {
    Jpeg(JpegEncoder),
    Png(PngEncoder),
    WebP(WebPEncoder),
}

impl TileEncoder {
    /// Creates an encoder. Each file embeds the profile; files without one are sRGB by convention.
    ///
    /// # Errors
    /// [`EncodeError::Setup`] if the library cannot allocate an encoder.
    pub fn new(format: TileFormat, profile: Option<&IccProfile>) -> Result<Self, EncodeError> {
        let profile = profile.cloned();
        Ok(Self(match format {
            TileFormat::Jpeg { quality, subsampling, coding } => {
                Codec::Jpeg(JpegEncoder::new(quality, subsampling, coding, profile)?)
            }
            TileFormat::Png => Codec::Png(PngEncoder::new(profile)),
            TileFormat::WebP { compression } => {
                Codec::WebP(WebPEncoder::new(compression, profile)?)
            }
        }))
    }

    /// Encodes `pixels`. The bytes are valid until the next call.
    ///
    /// # Errors
    /// [`EncodeError`] if memory runs out or a side exceeds [`TileFormat::longest_side`].
    pub fn encode(&mut self, pixels: PixelView<'_>) -> Result<&[u8], EncodeError> {
        match &mut self.0 {
            Codec::Jpeg(encoder) => encoder.encode(pixels),
            Codec::Png(encoder) => encoder.encode(pixels),
            Codec::WebP(encoder) => encoder.encode(pixels),
        }
    }
}
