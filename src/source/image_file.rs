//! Opens the files that are ordinary images.

use super::error::SlideError;
use super::file_reader::{Candidate, FileReader, Kind};
use super::image;
use super::openslide;
use super::openslide_file::GENERIC_TIFF;
use super::pixel_source::Source;
use super::reader::ReaderChoice;
use super::tiff;

pub(super) static READER: FileReader = FileReader { kind: Kind::Image, detect, open };

fn open(file: Candidate<'_>) -> Result<Box<dyn Source>, SlideError> {
    let Some(format) = file.format() else {
        return Err(SlideError::Unsupported { path: file.path.to_owned() });
    };
    let tiff = file.tiff.map_err(|error| error.of(file.path))?;
    image::open_file(file.path, format, tiff, &file.options)
}

/// Whether a file with an image's first bytes is an image and not a slide.
///
/// # Errors
/// [`SlideError::SlideExtension`] if it is neither.
fn detect(file: &Candidate<'_>) -> Result<bool, SlideError> {
    let Some(format) = file.format() else { return Ok(false) };
    if file.options.reader == ReaderChoice::OpenSlide {
        return Ok(false);
    }
    match file.vendor.as_deref() {
        // Ordinary TIFF files have the same extension as slides.
        None if file.has_slide_extension && !file.has_extension(&["tif", "tiff"]) => {
            Err(SlideError::SlideExtension { path: file.path.to_owned(), format })
        }
        None => Ok(true),
        // OpenSlide reads the first page only.
        Some(GENERIC_TIFF) => Ok(file.options.page.is_some()
            || file.options.range.is_some()
            || is_misread_by_openslide(file)),
        Some(_) => Ok(false),
    }
}

/// Whether OpenSlide shows a generic TIFF file incorrectly, or not at all because its libtiff lacks
/// the compression.
fn is_misread_by_openslide(file: &Candidate<'_>) -> bool {
    let Ok(Some(tiff)) = &file.tiff else { return false };
    tiff::is_shown_by_libtiff(tiff).is_ok_and(|is_shown| !is_shown)
        || tiff::needs_optional_codec(tiff).unwrap_or(false)
            && matches!(openslide::read_slide_info(file.path), Err(SlideError::Malformed { .. }))
}
