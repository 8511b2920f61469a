//! Conversion to the exchange type of the `image` crate.

use image::RgbImage;

use super::{PIXEL_BYTES, Pixels};

impl Pixels {
    /// Copies the pixels into an [`RgbImage`].
    #[must_use]
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "the buffer has three bytes for each pixel"
    )]
    pub fn to_rgb_image(&self) -> RgbImage {
        let pixels = self.bytes.as_chunks::<PIXEL_BYTES>().0;
        let bytes = pixels.iter().flat_map(|&[blue, green, red, _]| [red, green, blue]).collect();
        RgbImage::from_raw(self.size.width(), self.size.height(), bytes)
            .expect("three bytes per pixel")
    }
}
