//! Why a slide or an image cannot be read.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::SlideLevel;
use crate::codec::decode::ImageFormat;
use crate::geometry::{Point, Rect, Size};

/// Why a slide, or a part of it, cannot be read. Trying again is no use.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SlideError {
    /// There is no such file, or it may not be read.
    #[error("{path}: cannot be opened: {source}", path = path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: Arc<std::io::Error>,
    },
    /// No reader knows this kind of file.
    #[error("{path}: no slide or image that can be read, or an incomplete one", path = path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
    },
    /// No reader of slides knows the file, though it is called as slides are; that it begins like an image may be a part of a slide that lost the rest.
    #[error(
        "{path}: no slide that can be read, or an incomplete one: it begins like {}, and is called as slides are",
        format.name(),
        path = path.display()
    )]
    CalledAsSlide {
        /// The file.
        path: PathBuf,
        /// The format of images that it begins like.
        format: ImageFormat,
    },
    /// The path is a pipe's, by whatever name: it can be read once, and not by position.
    #[error("{path}: is a pipe and no file", path = path.display())]
    Pipe {
        /// The path.
        path: PathBuf,
    },
    /// Standard input came to its end before its first byte.
    #[error("{path}: nothing came", path = path.display())]
    NothingCame {
        /// The pipe's name.
        path: PathBuf,
    },
    /// The file is of a known kind but damaged or beyond its reader.
    #[error("{path}: {message}", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The reader's own words.
        message: String,
    },
    /// Nothing of the slide was scanned: its bounds are empty, or every pixel is transparent. All of an export would be made up.
    #[error("{path}: holds no pixels: nothing of it was scanned", path = path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The slide's size is 0 or beyond what a pyramid can have.
    #[error("{path}: slide level {level} has an impossible size, {width}×{height}", path = path.display())]
    Size {
        /// The file.
        path: PathBuf,
        /// The slide level.
        level: SlideLevel,
        /// Its width in pixels, as read.
        width: u64,
        /// Its height in pixels, as read.
        height: u64,
    },
    /// The file is an image that is sound, as far as is known, but of a kind that is not read.
    #[error("{path}: {message}", path = path.display())]
    UnsupportedImage {
        /// The file.
        path: PathBuf,
        /// What kind that is.
        message: String,
    },
    /// An image takes more memory than it may have.
    #[error("{path}: takes {} of memory, and may have {}: {why}", mebibytes(*needed), mebibytes(*allowed), path = path.display())]
    Memory {
        /// The file.
        path: PathBuf,
        /// How many bytes it takes.
        needed: u64,
        /// How many it may have.
        allowed: u64,
        /// What takes so much.
        why: &'static str,
    },
    /// An image's samples have no range of their own.
    #[error("{path}: {message}", path = path.display())]
    UnknownRange {
        /// The file.
        path: PathBuf,
        /// What its samples are.
        message: String,
    },
    /// The file has no picture of that number.
    #[error("{path}: has no page {page}: {pages}", path = path.display(), pages = if *pages == 1 { "it is one picture".to_owned() } else { format!("it has {pages}") })]
    NoSuchPage {
        /// The file.
        path: PathBuf,
        /// The page, counted from 1.
        page: usize,
        /// How many there are.
        pages: usize,
    },
    /// What was asked of an image is no use to a slide.
    #[error("{path}: is a slide, and has no {what}", path = path.display())]
    NotImage {
        /// The file.
        path: PathBuf,
        /// What it does not have.
        what: &'static str,
    },
    /// Images of this format are read by position.
    #[error("{path}: {} is read from files only, not from a pipe", format.name(), path = path.display())]
    NeedsFile {
        /// The pipe's name.
        path: PathBuf,
        /// The format.
        format: ImageFormat,
    },
    /// A pipe's bytes come once, in their order.
    #[error("{path}: comes from a pipe, which can be read only once, in its order", path = path.display())]
    ReadOnce {
        /// The pipe's name.
        path: PathBuf,
    },
    /// A region's pixels could not be read.
    #[error("{path}: cannot read {size} pixels at ({x}, {y}) of slide level {level}: {message}",
        path = path.display(), x = origin.x, y = origin.y)]
    Region {
        /// The file.
        path: PathBuf,
        /// The slide level.
        level: SlideLevel,
        /// The region's corner in slide-level-0 pixels.
        origin: Point,
        /// The region's size in pixels of `level`.
        size: Size,
        /// The reader's own words.
        message: String,
    },
    /// A part of an ordinary image could not be read.
    #[error("{path}: {part}: {message}", path = path.display())]
    Image {
        /// The file.
        path: PathBuf,
        /// The part.
        part: ImagePart,
        /// The reader's own words.
        message: String,
    },
    /// An associated image could not be read.
    #[error("{path}: cannot read the associated image {name:?}: {message}", path = path.display())]
    Associated {
        /// The file.
        path: PathBuf,
        /// The image's name.
        name: String,
        /// The reader's own words.
        message: String,
    },
    /// No slide was found in a folder.
    #[error("{path}: no slide found in this folder", path = path.display())]
    NoSlides {
        /// The folder.
        path: PathBuf,
    },
    /// A folder could not be searched for slides.
    #[error("{path}: cannot be searched: {message}", path = path.display())]
    Search {
        /// The folder or the file in it that could not be looked at.
        path: PathBuf,
        /// What the operating system said.
        message: String,
    },
}

impl SlideError {
    /// Whether some pixels cannot be read, and others may be.
    #[must_use]
    pub const fn is_of_a_part(&self) -> bool {
        matches!(self, Self::Region { .. } | Self::Image { .. })
    }

    /// The file or folder that is at fault.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Open { path, .. }
            | Self::Unsupported { path }
            | Self::CalledAsSlide { path, .. }
            | Self::Pipe { path }
            | Self::NothingCame { path }
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

/// What could not be read of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImagePart {
    /// All rows from this one on, counted from 0: rows are decoded one after the other.
    RowsFrom(u32),
    /// These pixels of it, or of one of its smaller levels.
    Pixels(Rect),
}

impl fmt::Display for ImagePart {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RowsFrom(0) => write!(formatter, "its rows cannot be read"),
            Self::RowsFrom(row) => write!(formatter, "its rows from {row} on cannot be read"),
            Self::Pixels(part) => {
                let Point { x, y } = part.origin();
                write!(formatter, "its {} pixels at ({x}, {y}) cannot be read", part.size())
            }
        }
    }
}

/// Bytes for people, not fewer than they are, in the unit that `--memory` takes.
fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}
