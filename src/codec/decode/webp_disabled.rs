//! Stands in for the WebP decoder in builds without the feature `webp`.

use super::{ImageError, ImageHeader, Input, Request, RowDecoder};

/// Refuses every file.
///
/// # Errors
/// Always [`ImageError::Unsupported`].
pub(crate) fn open(_: Input, _: Request) -> Result<(ImageHeader, Box<dyn RowDecoder>), ImageError> {
    Err(ImageError::unsupported("WebP, because this build lacks the Cargo feature `webp`"))
}
