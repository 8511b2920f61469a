//! Stands in for the WebP encoder in builds without the feature `webp`.

use crate::codec::{EncodeError, WebPCompression};
use crate::color::IccProfile;
use crate::pixels::PixelView;

/// The same as with the feature, so that plans do not depend on it.
pub(crate) const LONGEST_SIDE: u32 = 16_383;

/// An encoder that cannot be created.
#[derive(Debug)]
pub(crate) enum WebPEncoder {}

impl WebPEncoder {
    /// Refuses every setting.
    ///
    /// # Errors
    /// Always [`EncodeError::Setup`].
    pub fn new(_: WebPCompression, _: Option<IccProfile>) -> Result<Self, EncodeError> {
        let message = "it is not part of this build (cargo feature `webp`)".to_owned();
        Err(EncodeError::Setup { library: "libwebp", message })
    }

    pub fn encode(&mut self, _: PixelView<'_>) -> Result<&[u8], EncodeError> {
        match *self {}
    }
}
