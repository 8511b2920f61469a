//! Reads a source once, row by row.
//!
//! Each announced pixel is read once. Bands are read in order, so that a read waits only for its
//! own rows.

use std::ops::Range;

use super::{SlideError, Source};

/// Rows of slide level 0 that are read together, in one or more parts side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Band {
    /// The rows.
    pub rows: Range<u32>,
    /// The number of their pixels that will be read.
    pub pixels: u64,
}

/// A source that decodes its rows in order.
pub trait SourceRows: Send + Sync {
    /// Starts a pass over these bands, which are in order and do not overlap.
    ///
    /// # Errors
    /// [`SlideError`] if the source cannot be reopened, or can be read only once and was.
    fn begin(&self, bands: Vec<Band>) -> Result<Box<dyn SourcePass + '_>, SlideError>;
}

/// A pass over a source. Each read is a part of one band.
pub trait SourcePass: Source {
    /// Decodes all bands on the calling thread, until the last is read or [`stop`](Self::stop) is
    /// called.
    fn run(&self);

    /// Makes [`run`](Self::run) return before the last band.
    fn stop(&self);

    /// Verifies what follows the last row, after [`run`](Self::run) has returned.
    ///
    /// # Errors
    /// [`SlideError`] for damage that reads do not show, such as a wrong checksum or a missing end.
    fn end(&self) -> Result<(), SlideError>;
}
