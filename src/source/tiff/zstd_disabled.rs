//! Stands in for the Zstandard decoder in builds without the feature `zstd`.

use std::io;

use super::compression::ChunkError;

/// A decoder that cannot be created.
pub(crate) enum ZstdDecoder {}

impl ZstdDecoder {
    /// Refuses.
    ///
    /// # Errors
    /// Always [`ChunkError::System`].
    pub fn new() -> Result<Self, ChunkError> {
        Err(ChunkError::System(io::Error::new(io::ErrorKind::Unsupported, "this build has no Zstandard decoder")))
    }

    pub fn reset(&mut self) -> Result<(), ChunkError> {
        match *self {}
    }

    pub fn step(&mut self, _: &[u8], _: &mut [u8]) -> Result<(usize, usize, bool), ChunkError> {
        match *self {}
    }
}
