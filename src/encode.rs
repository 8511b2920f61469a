//! Pixels into the bytes of a tile file.
//!
//! What always holds: the bytes depend on the pixels and the [`TileFormat`] alone, never on a clock, a thread or
//! the tile encoded before. An encoder belongs to one thread and keeps its buffers from tile to tile.

use serde::Serialize;
use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

use crate::geometry::Size;
use crate::render::{IccProfile, PIXEL_BYTES, PixelView, embed_in_jpeg};

/// How strongly JPEG tiles are compressed: 1 (smallest) to 100 (best), on libjpeg's scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Quality(u8);

impl Quality {
    /// A quality; `None` outside 1–100.
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

/// How a JPEG's chroma is stored against its luma.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
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
}

/// What a tile file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "format", rename_all = "lowercase")]
pub enum TileFormat {
    /// Baseline JPEG, encoded by libjpeg-turbo with its accurate integer DCT and standard Huffman tables.
    Jpeg {
        /// Its quality.
        quality: Quality,
        /// How chroma is stored.
        subsampling: Subsampling,
    },
    /// 8-bit RGB PNG: larger, and nothing lost.
    Png,
}

impl TileFormat {
    /// The word that the descriptor and the file names use.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg { .. } => "jpeg",
            Self::Png => "png",
        }
    }
}

/// Why a tile could not be encoded: never the user's doing.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EncodeError {
    /// libjpeg-turbo refused.
    #[error("libjpeg-turbo cannot encode {size} pixels: {message}")]
    Jpeg {
        /// The picture's size in pixels.
        size: Size,
        /// libjpeg-turbo's words.
        message: String,
    },
    /// The PNG encoder refused.
    #[error("cannot encode {size} pixels as PNG: {message}")]
    Png {
        /// The picture's size in pixels.
        size: Size,
        /// The encoder's words.
        message: String,
    },
    /// The encoder could not be set up.
    #[error("libjpeg-turbo cannot be set up: {message}")]
    Setup {
        /// libjpeg-turbo's words.
        message: String,
    },
}

/// Encodes tiles of one format.
#[derive(Debug)]
pub struct TileEncoder {
    codec: Codec,
    output: Vec<u8>,
    /// What each file has, that says what its colours are.
    profile: Option<IccProfile>,
    /// A JPEG file with the profile.
    profiled: Vec<u8>,
}

#[derive(Debug)]
enum Codec {
    Jpeg { compressor: Compressor, subsampling: Subsamp },
    Png { rgb: Vec<u8> },
}

impl TileEncoder {
    /// An encoder for `format`. Without a profile, the files' colours are sRGB, as every browser takes them.
    ///
    /// # Errors
    /// [`EncodeError::Setup`] where libjpeg-turbo has no memory for it.
    pub fn new(format: TileFormat, profile: Option<&IccProfile>) -> Result<Self, EncodeError> {
        let codec = match format {
            TileFormat::Jpeg { quality, subsampling } => {
                let subsampling = match subsampling {
                    Subsampling::Full => Subsamp::None,
                    Subsampling::HalfWidth => Subsamp::Sub2x1,
                    Subsampling::Quarter => Subsamp::Sub2x2,
                };
                let setup = |error: turbojpeg::Error| EncodeError::Setup { message: error.to_string() };
                let mut compressor = Compressor::new().map_err(setup)?;
                compressor.set_quality(i32::from(quality.get())).map_err(setup)?;
                compressor.set_subsamp(subsampling).map_err(setup)?;
                Codec::Jpeg { compressor, subsampling }
            }
            TileFormat::Png => Codec::Png { rgb: Vec::new() },
        };
        Ok(Self { codec, output: Vec::new(), profile: profile.cloned(), profiled: Vec::new() })
    }

    /// Encodes `pixels`; the bytes stand until the next call.
    ///
    /// # Errors
    /// [`EncodeError`] where the codec refuses, for want of memory or because a JPEG's side would pass 65,535 pixels.
    pub fn encode(&mut self, pixels: PixelView<'_>) -> Result<&[u8], EncodeError> {
        match &mut self.codec {
            Codec::Jpeg { compressor, subsampling } => {
                let size = pixels.size();
                let jpeg = |error: turbojpeg::Error| EncodeError::Jpeg { size, message: error.to_string() };
                let (width, height) = (size.width() as usize, size.height() as usize);
                let most = turbojpeg::compressed_buf_len(width, height, *subsampling).map_err(jpeg)?;
                if self.output.len() < most {
                    self.output.resize(most, 0);
                }
                let image =
                    Image { pixels: pixels.bytes(), width, pitch: pixels.stride(), height, format: PixelFormat::BGRX };
                let length = compressor.compress_to_slice(image, &mut self.output).map_err(jpeg)?;
                let Some(profile) = &self.profile else { return Ok(&self.output[..length]) };
                self.profiled.clear();
                self.profiled.extend_from_slice(&self.output[..length]);
                embed_in_jpeg(&mut self.profiled, profile);
                Ok(&self.profiled)
            }
            Codec::Png { rgb } => {
                encode_png(pixels, self.profile.as_ref(), rgb, &mut self.output)?;
                Ok(&self.output)
            }
        }
    }
}

fn encode_png(
    pixels: PixelView<'_>,
    profile: Option<&IccProfile>,
    rgb: &mut Vec<u8>,
    output: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let size = pixels.size();
    let failed = |error: png::EncodingError| EncodeError::Png { size, message: error.to_string() };
    rgb.clear();
    for row in pixels.rows() {
        rgb.extend(row.chunks_exact(PIXEL_BYTES).flat_map(|pixel| [pixel[2], pixel[1], pixel[0]]));
    }
    output.clear();
    let mut information = png::Info::with_size(size.width(), size.height());
    information.color_type = png::ColorType::Rgb;
    information.bit_depth = png::BitDepth::Eight;
    information.icc_profile = profile.map(|profile| profile.bytes().into());
    let encoder = png::Encoder::with_info(output, information).map_err(failed)?;
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(rgb).map_err(failed)?;
    writer.finish().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Point, Rect};
    use crate::render::{Pixels, Rgb};

    fn size(width: u32, height: u32) -> Size {
        Size::new(width, height).unwrap()
    }

    #[test]
    fn a_part_of_a_larger_picture_is_encoded_with_its_own_colours() {
        let orange = Rgb([230, 120, 10]);
        let picture = Pixels::filled(size(40, 30), orange);
        let part = picture.view().part(Rect::new(Point { x: 7, y: 3 }, size(17, 9)).unwrap());
        let format = TileFormat::Jpeg { quality: Quality::new(100).unwrap(), subsampling: Subsampling::Full };
        let mut encoder = TileEncoder::new(format, None).unwrap();
        let decoded = turbojpeg::decompress(encoder.encode(part).unwrap(), PixelFormat::RGB).unwrap();
        assert_eq!((decoded.width, decoded.height), (17, 9));
        for pixel in decoded.pixels.chunks_exact(3) {
            for (found, expected) in pixel.iter().zip(orange.0) {
                assert!(found.abs_diff(expected) <= 2, "{pixel:?}");
            }
        }

        let mut encoder = TileEncoder::new(TileFormat::Png, None).unwrap();
        let bytes = encoder.encode(part).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut rgb).unwrap();
        assert_eq!((frame.width, frame.height), (17, 9));
        assert!(rgb.chunks_exact(3).all(|pixel| pixel == orange.0));
    }

    #[test]
    fn subsampling_is_what_was_asked_and_the_bytes_do_not_depend_on_the_tile_before() {
        let picture = Pixels::filled(size(64, 64), Rgb([200, 30, 90]));
        for (subsampling, expected) in [
            (Subsampling::Full, Subsamp::None),
            (Subsampling::HalfWidth, Subsamp::Sub2x1),
            (Subsampling::Quarter, Subsamp::Sub2x2),
        ] {
            let mut encoder =
                TileEncoder::new(TileFormat::Jpeg { quality: Quality::default(), subsampling }, None).unwrap();
            let first = encoder.encode(picture.view()).unwrap().to_vec();
            assert_eq!(turbojpeg::read_header(&first).unwrap().subsamp, expected);
            encoder.encode(Pixels::filled(size(300, 5), Rgb::WHITE).view()).unwrap();
            assert_eq!(encoder.encode(picture.view()).unwrap(), first);
        }
    }
}
