//! Pixels without alpha.

use super::{PIXEL_BYTES, PixelView, Rgb, byte_count};
use crate::geometry::{Rect, Size};

/// Opaque pixels: blue, green, red and 255.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pixels {
    pub(super) size: Size,
    pub(super) bytes: Vec<u8>,
}

impl Pixels {
    /// The size in pixels.
    #[must_use]
    pub const fn size(&self) -> Size {
        self.size
    }

    /// The bytes, row by row.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Creates pixels from what [`bytes`](Self::bytes) returned. `None` if the length does not
    /// match `size`.
    #[must_use]
    pub fn from_bytes(size: Size, bytes: Vec<u8>) -> Option<Self> {
        (bytes.len() == byte_count(size)).then_some(Self { size, bytes })
    }

    /// Returns the buffer, for reuse.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// A view of all pixels.
    #[must_use]
    pub fn view(&self) -> PixelView<'_> {
        PixelView::new(self.size, &self.bytes)
    }

    /// Creates pixels of one color.
    #[must_use]
    pub fn filled(size: Size, color: Rgb) -> Self {
        let [red, green, blue] = color.0;
        Self { size, bytes: [blue, green, red, u8::MAX].repeat(byte_count(size) / PIXEL_BYTES) }
    }

    /// Copies a part.
    ///
    /// # Panics
    /// Panics if `part` extends beyond these pixels.
    #[must_use]
    pub fn cropped(&self, part: Rect) -> Self {
        self.view().part(part).to_pixels()
    }

    /// Resamples to `size` with the Lanczos-3 kernel, as openslide-python's `DeepZoomGenerator`
    /// does.
    #[must_use]
    #[expect(
        clippy::missing_panics_doc,
        reason = "both images have one pixel type and valid buffers"
    )]
    pub fn resampled(self, size: Size) -> Self {
        use fast_image_resize::images::Image;
        use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

        if size == self.size {
            return self;
        }
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3))
            // All pixels are opaque.
            .use_alpha(false);
        let mut target = Image::new(size.width(), size.height(), PixelType::U8x4);
        let resized =
            Image::from_vec_u8(self.size.width(), self.size.height(), self.bytes, PixelType::U8x4)
                .map(|source| Resizer::new().resize(&source, &mut target, &options));
        assert!(matches!(resized, Ok(Ok(()))), "resampling to {size}: {resized:?}");
        Self { size, bytes: target.into_vec() }
    }
}
