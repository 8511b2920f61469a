//! Rows of an image that can only be decoded as a whole.

use super::{ImageError, RowDecoder};

/// Decodes the whole image.
type Decode = Box<dyn FnOnce() -> Result<Vec<u8>, ImageError> + Send>;

/// Hands out the rows of an image that is decoded, as a whole, when its first rows are read.
pub(crate) struct WholeRows {
    decode: Option<Decode>,
    samples: Vec<u8>,
    used: usize,
}

impl WholeRows {
    /// Returns the rows of the image that `decode` returns, one after the other.
    pub fn new(decode: impl FnOnce() -> Result<Vec<u8>, ImageError> + Send + 'static) -> Self {
        Self { decode: Some(Box::new(decode)), samples: Vec::new(), used: 0 }
    }
}

impl RowDecoder for WholeRows {
    fn decode_rows(&mut self, rows: &mut [u8]) -> Result<(), ImageError> {
        if let Some(decode) = self.decode.take() {
            self.samples = decode()?;
        }
        let next =
            self.samples.get(self.used..self.used + rows.len()).ok_or(ImageError::Truncated)?;
        rows.copy_from_slice(next);
        self.used += rows.len();
        Ok(())
    }

    fn finish(&mut self) -> Result<(), ImageError> {
        self.samples = Vec::new();
        Ok(())
    }
}
