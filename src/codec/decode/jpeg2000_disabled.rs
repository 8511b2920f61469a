//! Stands in for the JPEG 2000 decoder in builds without the feature `jpeg2000`.

use std::path::Path;

use super::{Decoder, ImageError, ImageHeader, Request};

/// Refuses every file.
///
/// # Errors
/// Always [`ImageError::Unsupported`].
pub(crate) fn open(_: &Path, _: Request) -> Result<(ImageHeader, Decoder), ImageError> {
    Err(ImageError::unsupported("JPEG 2000, because this build lacks the Cargo feature `jpeg2000`"))
}
