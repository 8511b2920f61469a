//! Zstandard, which libtiff and GDAL write to TIFF files as compression 50000.

use zstd::stream::raw::{DParameter, Decoder, Operation};

use super::TileError;

/// zstd's own limit for streams. Frames that need a window above 128 MB are rejected.
const WINDOW_LOG: u32 = 27;

/// Decompresses strips or tiles one after another.
pub(crate) struct ZstdDecoder(Decoder<'static>);

impl ZstdDecoder {
    pub fn new() -> Result<Self, TileError> {
        let mut decoder = Decoder::new().map_err(TileError::System)?;
        decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG)).map_err(TileError::System)?;
        Ok(Self(decoder))
    }

    /// Starts another strip or tile.
    pub fn reset(&mut self) -> Result<(), TileError> {
        self.0.reinit().map_err(TileError::System)
    }

    /// Decompresses a part of `input` to a part of `output`. Returns the number of bytes read and
    /// written, and whether the frame has ended.
    pub fn step(
        &mut self,
        input: &[u8],
        output: &mut [u8],
    ) -> Result<(usize, usize, bool), TileError> {
        let status = self.0.run_on_buffers(input, output);
        let status = status.map_err(|_| TileError::Damaged { codec: "Zstandard" })?;
        Ok((status.bytes_read, status.bytes_written, status.remaining == 0))
    }
}
