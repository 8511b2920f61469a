//! What a reader of files has to provide, and what it is given.

use std::ffi::OsStr;
use std::path::Path;

use super::error::SlideError;
use super::pixel_source::Source;
use super::reader::OpenOptions;
use super::tiff::TiffFile;
use crate::codec::ImageFormat;
use crate::codec::decode::ImageError;

/// Reads one kind of files.
pub(crate) struct FileReader {
    pub kind: Kind,
    /// Whether a file is of this kind, by its content.
    ///
    /// # Errors
    /// [`SlideError`] if it is, but cannot be read.
    pub detect: fn(&Candidate<'_>) -> Result<bool, SlideError>,
    /// Opens a file of this kind.
    ///
    /// # Errors
    /// [`SlideError`] if it is damaged or not supported.
    pub open: fn(Candidate<'_>) -> Result<Box<dyn Source>, SlideError>,
}

/// Whether files are images, which have pages and sample ranges, or slides.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Image,
    /// Slides with these extensions, in lower case. Directories are searched for them. A file with
    /// one of them that no reader detects is damaged, which must be reported and not skipped.
    Slide {
        extensions: &'static [&'static str],
    },
}

/// A file that no reader has opened yet.
pub(crate) struct Candidate<'a> {
    pub path: &'a Path,
    /// The first [`ImageFormat::SIGNATURE_BYTES`] bytes, or all if there are fewer.
    pub first: Vec<u8>,
    /// Whether its name has a slide's extension.
    pub has_slide_extension: bool,
    /// The vendor that OpenSlide detects.
    pub vendor: Option<String>,
    /// The directories of a TIFF file; `None` for other files.
    pub tiff: Result<Option<TiffFile>, ImageError>,
    pub options: OpenOptions,
}

impl Candidate<'_> {
    /// Returns the format of an image that starts like this file.
    pub fn format(&self) -> Option<ImageFormat> {
        ImageFormat::detect(&self.first, Some(self.path))
    }

    /// Whether the file's name has one of these extensions, which are in lower case.
    pub fn has_extension(&self, extensions: &[&str]) -> bool {
        has_extension(self.path, extensions)
    }
}

/// Whether a path has one of these extensions, which are in lower case.
pub(super) fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    let extension = path.extension().map(OsStr::to_ascii_lowercase);
    extension.is_some_and(|extension| extensions.iter().any(|known| extension == *known))
}
