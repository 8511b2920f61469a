//! Stands in for the Zstandard decoder in builds without the feature `zstd`.

use std::io;

use super::TileError;

/// A decoder that cannot be created.
pub(crate) enum ZstdDecoder {}

impl ZstdDecoder {
    /// Rejects every file.
    ///
    /// # Errors
    /// Always [`TileError::System`].
    pub fn new() -> Result<Self, TileError> {
        Err(TileError::System(io::Error::new(
            io::ErrorKind::Unsupported,
            "this build has no Zstandard decoder",
        )))
    }

    pub fn reset(&mut self) -> Result<(), TileError> {
        match *self {}
    }

    pub fn step(&mut self, _: &[u8], _: &mut [u8]) -> Result<(usize, usize, bool), TileError> {
        match *self {}
    }
}
