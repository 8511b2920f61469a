//! PNG, encoded by the `png` crate.

use crate::codec::EncodeError;
use crate::color::IccProfile;
use crate::pixels::{PIXEL_BYTES, PixelView};

/// The largest integer in a PNG file (PNG 3, 11.2.1).
pub(crate) const LONGEST_SIDE: u32 = i32::MAX as u32;

/// Encodes PNG, reusing its buffers from tile to tile.
#[derive(Debug)]
pub(crate) struct PngEncoder {
    profile: Option<IccProfile>,
    rgb: Vec<u8>,
    output: Vec<u8>,
}

impl PngEncoder {
    pub const fn new(profile: Option<IccProfile>) -> Self {
        Self { profile, rgb: Vec::new(), output: Vec::new() }
    }

    pub fn encode(&mut self, pixels: PixelView<'_>) -> Result<&[u8], EncodeError> {
        let size = pixels.size();
        let failed =
            |error: png::EncodingError| EncodeError::Png { size, message: error.to_string() };
        self.rgb.clear();
        for row in pixels.rows() {
            self.rgb.extend(
                row.chunks_exact(PIXEL_BYTES).flat_map(|pixel| [pixel[2], pixel[1], pixel[0]]),
            );
        }
        self.output.clear();
        let mut information = png::Info::with_size(size.width(), size.height());
        information.color_type = png::ColorType::Rgb;
        information.bit_depth = png::BitDepth::Eight;
        information.icc_profile = self.profile.as_ref().map(|profile| profile.bytes().into());
        let encoder = png::Encoder::with_info(&mut self.output, information).map_err(failed)?;
        let mut writer = encoder.write_header().map_err(failed)?;
        writer.write_image_data(&self.rgb).map_err(failed)?;
        writer.finish().map_err(failed)?;
        Ok(&self.output)
    }
}
