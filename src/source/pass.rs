//! Going once through a source whose pixels come row after row.
//!
//! What always holds: each pixel that was announced is read once, and bands are read in their order: a read waits for its rows, never for anything that comes after
//! them.

use std::ops::Range;

use super::{SlideError, Source};

/// Rows of slide level 0 that are read together, in one or several parts side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Band {
    /// The rows.
    pub rows: Range<u32>,
    /// How many of their pixels will be read.
    pub pixels: u64,
}

/// A source whose pixels come row after row, from the first to the last.
pub trait SourceRows: Send + Sync {
    /// Begins a pass in which these bands are read, which follow one another and do not overlap.
    ///
    /// # Errors
    /// [`SlideError`] where the source cannot be opened anew, or is one that can be gone through only once, and was.
    fn begin(&self, bands: Vec<Band>) -> Result<Box<dyn SourcePass + '_>, SlideError>;
}

/// One way through a source. Each of its reads is of a part of one band.
pub trait SourcePass: Source {
    /// Decodes all bands, on the thread that calls it, until the last has been read or nobody wants more.
    fn run(&self);

    /// Lets [`run`](Self::run) end before it has come to the last band.
    fn stop(&self);

    /// What came after the last row, once [`run`](Self::run) has ended.
    ///
    /// # Errors
    /// [`SlideError`] where there was damage that no read could tell of: check sums or the end of the file.
    fn end(&self) -> Result<(), SlideError>;
}
