//! Zstandard, which libtiff and GDAL write into TIFF files as compression 50000.

use zstd::stream::raw::{DParameter, Decoder, Operation};

use super::compression::{ChunkError, Compression};

/// zstd's own limit for streams: frames that need a window beyond 128 MB are refused.
const WINDOW_LOG: u32 = 27;

/// Decompresses one strip or tile after the other.
pub(crate) struct ZstdDecoder(Decoder<'static>);

impl ZstdDecoder {
    pub fn new() -> Result<Self, ChunkError> {
        let mut decoder = Decoder::new().map_err(ChunkError::System)?;
        decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG)).map_err(ChunkError::System)?;
        Ok(Self(decoder))
    }

    /// Begins another strip or tile.
    pub fn reset(&mut self) -> Result<(), ChunkError> {
        self.0.reinit().map_err(ChunkError::System)
    }

    /// Decompresses some of `input` into some of `output`. Returns the number of bytes read and written, and whether the
    /// frame has ended.
    pub fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<(usize, usize, bool), ChunkError> {
        let status = self.0.run_on_buffers(input, output);
        let status = status.map_err(|_| ChunkError::Damaged { coding: Compression::Zstd.name() })?;
        Ok((status.bytes_read, status.bytes_written, status.remaining == 0))
    }
}
