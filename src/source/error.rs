//! Errors of reading slides and images.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::slide_info::SlideLevel;
use crate::codec::ImageFormat;
use crate::geometry::{Point, Rect, Size};

/// Why a slide, or a part of it, cannot be read. Trying again does not help.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SlideError {
    /// The file does not exist or cannot be read.
    #[error("cannot open {path}", path = path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: Arc<std::io::Error>,
    },
    /// No reader supports this kind of file.
    #[error("cannot read {path}: not a supported slide or image, or incomplete", path = path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
    },
    /// The file has a slide's extension, but no slide reader recognizes it. It may be a part of a
    /// slide that starts like an image.
    #[error(
        "cannot read {path}: not a supported slide, or incomplete: slide extension, but the content is {format}",
        path = path.display(),
        format = format.name()
    )]
    SlideExtension {
        /// The file.
        path: PathBuf,
        /// The format of the content.
        format: ImageFormat,
    },
    /// The path is a pipe. A pipe can be read only once and not by position.
    #[error("cannot read {path}: it is a pipe, not a file", path = path.display())]
    Pipe {
        /// The path.
        path: PathBuf,
    },
    /// A pipe ended before its first byte.
    #[error("cannot read {path}: the input is empty", path = path.display())]
    EmptyInput {
        /// The pipe's name.
        path: PathBuf,
    },
    /// The file's format is supported, but the file is damaged or not supported by the reader.
    #[error("cannot read {path}: {message}", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The reader's message, often the text of its library.
        message: String,
    },
    /// Nothing of the slide was scanned: its bounds are empty, or every pixel is transparent.
    #[error("cannot read {path}: the slide has no pixels: nothing was scanned", path = path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The slide's size is 0, or larger than a pyramid can be.
    #[error("cannot read {path}: slide level {level} has an invalid size of {width}×{height} pixels", path = path.display())]
    Size {
        /// The file.
        path: PathBuf,
        /// The slide level.
        level: SlideLevel,
        /// The width in pixels, as stored.
        width: u64,
        /// The height in pixels, as stored.
        height: u64,
    },
    /// The file is an image of an unsupported kind. As far as it was read, it is not damaged.
    #[error("cannot read {path}: {message}", path = path.display())]
    UnsupportedImage {
        /// The file.
        path: PathBuf,
        /// What is not supported.
        message: String,
    },
    /// An image needs more memory than the limit.
    #[error(
        "cannot read {path}: it needs {} of memory, and the limit is {}: {reason}",
        mebibytes(*needed),
        mebibytes(*allowed),
        path = path.display()
    )]
    Memory {
        /// The file.
        path: PathBuf,
        /// The bytes it needs.
        needed: u64,
        /// The limit in bytes.
        allowed: u64,
        /// Why it needs so much.
        reason: &'static str,
    },
    /// An image's samples have no range of their own, so it is unknown which value is white.
    #[error("cannot read {path}: {message}", path = path.display())]
    UnknownRange {
        /// The file.
        path: PathBuf,
        /// The type of the samples.
        message: String,
    },
    /// The file has no page of that number.
    #[error("cannot read page {page} of {path}: it has {pages} {}", if *pages == 1 { "page" } else { "pages" }, path = path.display())]
    NoSuchPage {
        /// The file.
        path: PathBuf,
        /// The page, counted from 1.
        page: usize,
        /// The number of pages.
        pages: usize,
    },
    /// An option for ordinary images was used with a slide.
    #[error("cannot read {path}: it is a slide, which has no {what}", path = path.display())]
    NotImage {
        /// The file.
        path: PathBuf,
        /// What the option needs.
        what: &'static str,
    },
    /// Images of this format cannot be read from a pipe.
    #[error("cannot read {path}: {format} can be read only from a file, not from a pipe", path = path.display(), format = format.name())]
    NeedsFile {
        /// The pipe's name.
        path: PathBuf,
        /// The format.
        format: ImageFormat,
    },
    /// A pipe was to be read a second time.
    #[error("cannot read {path} again: it is a pipe, which can be read only once", path = path.display())]
    ReadOnce {
        /// The pipe's name.
        path: PathBuf,
    },
    /// A region's pixels cannot be read.
    #[error(
        "cannot read {path}: {size} pixels at ({x}, {y}) of slide level {level}: {message}",
        path = path.display(),
        x = origin.x,
        y = origin.y
    )]
    Region {
        /// The file.
        path: PathBuf,
        /// The slide level.
        level: SlideLevel,
        /// The region's corner in slide-level-0 pixels.
        origin: Point,
        /// The region's size in pixels of `level`.
        size: Size,
        /// The reader's message, often the text of its library.
        message: String,
    },
    /// A part of an ordinary image cannot be read.
    #[error("cannot read {path}: {part}: {message}", path = path.display())]
    Image {
        /// The file.
        path: PathBuf,
        /// The part.
        part: ImagePart,
        /// The reader's message, often the text of its library.
        message: String,
    },
    /// An associated image cannot be read.
    #[error("cannot read {path}: associated image {name:?}: {message}", path = path.display())]
    Associated {
        /// The file.
        path: PathBuf,
        /// The image's name.
        name: String,
        /// The reader's message, often the text of its library.
        message: String,
    },
    /// A directory contains no slide.
    #[error("no slide found in {path}", path = path.display())]
    NoSlides {
        /// The directory.
        path: PathBuf,
    },
    /// A directory cannot be searched for slides.
    #[error("cannot search {path}: {message}", path = path.display())]
    Search {
        /// The directory, or the entry in it that cannot be read.
        path: PathBuf,
        /// The message of `walkdir`.
        message: String,
    },
}

impl SlideError {
    /// The error for an associated image that does not exist.
    pub(crate) fn no_associated(path: &Path, name: &str) -> Self {
        Self::Associated {
            path: path.to_owned(),
            name: name.to_owned(),
            message: "there is no such image".to_owned(),
        }
    }

    /// Whether only some pixels cannot be read, so that others may be.
    #[must_use]
    pub const fn is_of_a_part(&self) -> bool {
        matches!(self, Self::Region { .. } | Self::Image { .. })
    }

    /// Returns the file or directory that cannot be read.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Open { path, .. }
            | Self::Unsupported { path }
            | Self::SlideExtension { path, .. }
            | Self::Pipe { path }
            | Self::EmptyInput { path }
            | Self::Malformed { path, .. }
            | Self::Empty { path }
            | Self::Size { path, .. }
            | Self::UnsupportedImage { path, .. }
            | Self::Memory { path, .. }
            | Self::UnknownRange { path, .. }
            | Self::NoSuchPage { path, .. }
            | Self::NotImage { path, .. }
            | Self::NeedsFile { path, .. }
            | Self::ReadOnce { path }
            | Self::Region { path, .. }
            | Self::Image { path, .. }
            | Self::Associated { path, .. }
            | Self::NoSlides { path }
            | Self::Search { path, .. } => path,
        }
    }
}

/// Turns an error of the system into one that names the file.
pub(super) fn cannot_open(path: &Path) -> impl Fn(std::io::Error) -> SlideError + use<> {
    let path = path.to_owned();
    move |error| SlideError::Open { path: path.clone(), source: Arc::new(error) }
}

/// The part of an image that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImagePart {
    /// All rows from this one, counted from 0. Rows are decoded in order.
    RowsFrom(u32),
    /// These pixels.
    Pixels(Rect),
}

impl fmt::Display for ImagePart {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RowsFrom(row) => write!(formatter, "rows from {row}"),
            Self::Pixels(part) => {
                let Point { x, y } = part.origin();
                write!(formatter, "{} pixels at ({x}, {y})", part.size())
            }
        }
    }
}

/// Formats bytes in the unit of the memory limit, rounded up.
fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}
