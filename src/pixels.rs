//! Pixel buffers and operations on them: compositing, 2×2 downsampling, resampling, orientation.
//!
//! All buffers have one layout: four bytes per pixel (blue, green, red, alpha), rows without
//! padding. OpenSlide returns this layout on little-endian machines and libjpeg-turbo accepts it,
//! so pixels are rarely copied. [`PremultipliedPixels`] can be transparent. [`Pixels`] are opaque;
//! [`PremultipliedPixels::over`] composites onto a background.

use crate::geometry::{Point, Rect, Size};

mod canvas;
mod mean;
mod opaque;
mod orientation;
mod premultiplied;
mod reduction;
mod resampling;
mod rgb;
mod rgb_image;
mod view;

pub use canvas::{Canvas, Patch};
pub use opaque::Pixels;
pub use premultiplied::PremultipliedPixels;
pub use reduction::ReductionMethod;
pub use resampling::ResampledAxis;
pub use rgb::Rgb;
pub use view::PixelView;

/// The number of bytes per pixel.
pub const PIXEL_BYTES: usize = 4;

/// Returns `rect` relative to `origin`, which must not lie to the right of it or below it.
#[must_use]
#[expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "moving toward the origin keeps every edge within u32"
)]
pub fn relative_to(rect: Rect, origin: Point) -> Rect {
    let corner = Point { x: rect.origin().x - origin.x, y: rect.origin().y - origin.y };
    Rect::new(corner, rect.size()).expect("moved toward the origin")
}

/// Splits bytes into chunks for tests that stop early: the compiler vectorizes the test of one
/// chunk, and in tissue the first chunk usually decides.
fn chunks(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.chunks(CHUNK_BYTES)
}

const CHUNK_BYTES: usize = 64 * PIXEL_BYTES;

/// The number of bytes in a row of `size`.
fn row_bytes(size: Size) -> usize {
    size.width() as usize * PIXEL_BYTES
}

/// The number of bytes in `size` pixels.
fn byte_count(size: Size) -> usize {
    row_bytes(size) * size.height() as usize
}
