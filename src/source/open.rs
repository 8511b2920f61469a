//! Picks the reader for a file. To add one, list it here.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::error::{SlideError, cannot_open};
use super::file_reader::{Candidate, FileReader, Kind, has_extension};
use super::pixel_source::Source;
use super::reader::OpenOptions;
use super::tiff::TiffFile;
use super::{image, image_file, openslide, openslide_file};
use crate::codec::ImageFormat;
use crate::platform::FileExt;

/// Every reader of files. The first that detects a file opens it.
static READERS: &[&FileReader] = &[&image_file::READER, &openslide_file::READER];

/// Opens a slide or an ordinary image with the reader that fits it.
///
/// # Errors
/// [`SlideError`] if the file cannot be opened, its format is unknown, it is damaged, or it has no
/// pixels.
pub fn open(path: &Path) -> Result<Box<dyn Source>, SlideError> {
    open_with(path, OpenOptions::default())
}

/// Opens a slide or an ordinary image. [`SlideInfo::reader`](super::SlideInfo::reader) reports
/// which reader was chosen and why.
///
/// A file that OpenSlide recognizes is a slide, and OpenSlide describes it. If it is a TIFF file
/// with plain grids of JPEG tiles, these are read directly. Any other file is an image if its first
/// bytes say so. The name matters in one case: a file with a scanner's extension is never an image,
/// because a truncated slide can start like one.
///
/// # Errors
/// As [`open`].
pub fn open_with(
    path: &Path,
    options: impl Into<OpenOptions>,
) -> Result<Box<dyn Source>, SlideError> {
    let file = examine(path, options.into())?;
    for reader in READERS {
        if (reader.detect)(&file)? {
            if let Kind::Slide { .. } = reader.kind {
                refuse_image_options(path, &file.options)?;
            }
            return (reader.open)(file);
        }
    }
    Err(SlideError::Unsupported { path: path.to_owned() })
}

/// Reads what readers need to detect their files.
fn examine(path: &Path, options: OpenOptions) -> Result<Candidate<'_>, SlideError> {
    openslide::check_file(path)?;
    let file = File::open(path).map_err(cannot_open(path))?;
    let length = file.metadata().map_err(cannot_open(path))?.len();
    let mut first = vec![0; length.min(ImageFormat::SIGNATURE_BYTES as u64) as usize];
    file.read_exact_at(&mut first, 0).map_err(cannot_open(path))?;
    let tiff = match ImageFormat::detect(&first, Some(path)) {
        Some(ImageFormat::Tiff) => Some(TiffFile::open(file)).transpose(),
        _ => Ok(None),
    };
    Ok(Candidate {
        path,
        first,
        has_slide_extension: has_slide_extension(path),
        vendor: openslide::detect_vendor(path),
        tiff,
        options,
    })
}

fn refuse_image_options(path: &Path, options: &OpenOptions) -> Result<(), SlideError> {
    let what = match options {
        OpenOptions { page: Some(_), .. } => "pages",
        OpenOptions { range: Some(_), .. } => "samples of more than 8 bits",
        _ => return Ok(()),
    };
    Err(SlideError::NotImage { path: path.to_owned(), what })
}

/// Opens an image from a pipe. `name` is its name in messages. The image can be read once, row by
/// row.
///
/// # Errors
/// As [`open`], and if its format can be read only from a file.
pub fn open_pipe(
    name: &Path,
    mut pipe: Box<dyn Read + Send>,
    options: &OpenOptions,
) -> Result<Box<dyn Source>, SlideError> {
    let mut first = Vec::new();
    pipe.by_ref()
        .take(ImageFormat::SIGNATURE_BYTES as u64)
        .read_to_end(&mut first)
        .map_err(cannot_open(name))?;
    if first.is_empty() {
        return Err(SlideError::EmptyInput { path: name.to_owned() });
    }
    image::open_pipe(name, first, pipe, options)
}

/// Returns the vendor of a file that OpenSlide recognizes by its contents; `None` for any other
/// file. Cheap: no pixels are read.
#[must_use]
pub fn detect_vendor(path: &Path) -> Option<String> {
    openslide::detect_vendor(path)
}

/// Whether a file has a slide's extension, which ordinary TIFF files have too.
#[must_use]
pub fn has_slide_extension(path: &Path) -> bool {
    READERS.iter().any(|reader| match reader.kind {
        Kind::Slide { extensions } => has_extension(path, extensions),
        Kind::Image => false,
    })
}
