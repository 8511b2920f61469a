//! Ordinary images of any size as sources, read row by row or in tiles.

use std::path::Path;
use std::sync::Arc;

use super::SlideError;
use crate::codec::decode::ImageError;

pub(super) mod conversion;
mod opening;
mod row_source;
mod tile_rows;

pub use conversion::SampleRange;
pub(crate) use opening::{open_file, open_pipe};

impl ImageError {
    /// Returns the error of the file at `path`.
    pub fn of(self, path: &Path) -> SlideError {
        let path = path.to_owned();
        match self {
            Self::System(error) => SlideError::Open { path, source: Arc::new(error) },
            Self::Unsupported { .. } => {
                SlideError::UnsupportedImage { path, message: self.to_string() }
            }
            Self::NeedsFile { format } => SlideError::NeedsFile { path, format },
            other => SlideError::Malformed { path, message: other.to_string() },
        }
    }
}
