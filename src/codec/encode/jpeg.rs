//! JPEG, encoded by libjpeg-turbo.

use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

use crate::codec::{EncodeError, JpegCoding, Quality, Subsampling};
use crate::color::{IccProfile, embed_in_jpeg};
use crate::pixels::{PIXEL_BYTES, PixelView};

/// A side has two bytes (ITU-T T.81, B.2.2).
pub(crate) const LONGEST_SIDE: u32 = 65_535;

/// Encodes JPEG, reusing the compressor and its buffers from tile to tile.
#[derive(Debug)]
pub(crate) struct JpegEncoder {
    compressor: Compressor,
    subsampling: Subsamp,
    profile: Option<IccProfile>,
    output: Vec<u8>,
    /// The file with the profile.
    profiled: Vec<u8>,
}

impl JpegEncoder {
    pub fn new(
        quality: Quality,
        subsampling: Subsampling,
        coding: JpegCoding,
        profile: Option<IccProfile>,
    ) -> Result<Self, EncodeError> {
        let subsampling = match subsampling {
            Subsampling::Full => Subsamp::None,
            Subsampling::HalfWidth => Subsamp::Sub2x1,
            Subsampling::Quarter => Subsamp::Sub2x2,
            Subsampling::Gray => Subsamp::Gray,
        };
        let make = || {
            let mut compressor = Compressor::new()?;
            compressor.set_quality(i32::from(quality.get()))?;
            compressor.set_subsamp(subsampling)?;
            compressor.set_optimize(coding == JpegCoding::Optimized)?;
            compressor.set_progressive(coding == JpegCoding::Progressive)?;
            Ok(compressor)
        };
        let setup = |error: turbojpeg::Error| EncodeError::Setup {
            library: "libjpeg-turbo",
            message: error.to_string(),
        };
        let compressor = make().map_err(setup)?;
        Ok(Self { compressor, subsampling, profile, output: Vec::new(), profiled: Vec::new() })
    }

    pub fn encode(&mut self, pixels: PixelView<'_>) -> Result<&[u8], EncodeError> {
        let size = pixels.size();
        let failed =
            |error: turbojpeg::Error| EncodeError::Jpeg { size, message: error.to_string() };
        let (width, height) = (size.width() as usize, size.height() as usize);
        let mut subsampling = self.subsampling;
        if subsampling == Subsamp::Gray {
            // A gray slide can hold a level or an image with color, which must not be lost.
            subsampling = if is_gray(pixels) { Subsamp::Gray } else { Subsamp::None };
            self.compressor.set_subsamp(subsampling).map_err(failed)?;
        }
        let most = turbojpeg::compressed_buf_len(width, height, subsampling).map_err(failed)?;
        if self.output.len() < most {
            self.output.resize(most, 0);
        }
        let image = Image {
            pixels: pixels.bytes(),
            width,
            pitch: pixels.stride(),
            height,
            format: PixelFormat::BGRX,
        };
        let length = self.compressor.compress_to_slice(image, &mut self.output).map_err(failed)?;
        let Some(profile) = &self.profile else { return Ok(&self.output[..length]) };
        self.profiled.clear();
        self.profiled.extend_from_slice(&self.output[..length]);
        embed_in_jpeg(&mut self.profiled, profile);
        Ok(&self.profiled)
    }
}

/// Returns whether all pixels are gray. Written so that the compiler vectorizes it.
fn is_gray(pixels: PixelView<'_>) -> bool {
    let differences = |row: &[u8]| {
        row.as_chunks::<PIXEL_BYTES>().0.iter().fold(0, |found, pixel| {
            let pixel = u32::from_le_bytes(*pixel);
            found | (pixel ^ pixel >> 8) & 0xffff
        })
    };
    pixels.rows().all(|row| differences(row) == 0)
}
