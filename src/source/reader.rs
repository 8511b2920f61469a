//! Which way a slide's or an image's pixels come, and what the user wants of that.

use std::fmt;
use std::num::NonZeroU32;

use serde::Serialize;

use super::image::SampleRange;
use super::{DirectReadUnsupported, NativeTiles};
use crate::codec::decode::ImageFormat;
use crate::codec::jpeg::TileColor;

/// Which way to a slide's full-size pixels is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ReaderChoice {
    /// The fastest that fits the file.
    #[default]
    Auto,
    /// OpenSlide's, whatever the file is.
    OpenSlide,
}

/// How a file is to be opened.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct OpenOptions {
    /// Which way to the full-size pixels of a slide is wanted. Default: the fastest.
    pub reader: ReaderChoice,
    /// Which of the pictures in an image's file, counted from 1; `None` for the first, and for any slide. Default: `None`.
    pub page: Option<NonZeroU32>,
    /// Bytes of memory that may be taken for an image that cannot be gone through row by row. Default: [`MEMORY`](Self::MEMORY).
    pub memory: u64,
    /// Which values of an image's samples are black and white. Default: `None`, for the least and the greatest of unsigned samples of up to 16 bits; no others have a
    /// range of their own.
    pub range: Option<SampleRange>,
}

impl OpenOptions {
    /// Two gibibytes: a picture of some 700 million pixels.
    pub const MEMORY: u64 = 2 << 30;

    /// Sets [`reader`](#structfield.reader).
    #[must_use]
    pub const fn reader(mut self, reader: ReaderChoice) -> Self {
        self.reader = reader;
        self
    }

    /// Sets [`page`](#structfield.page).
    #[must_use]
    pub const fn page(mut self, page: Option<NonZeroU32>) -> Self {
        self.page = page;
        self
    }

    /// Sets [`memory`](#structfield.memory).
    #[must_use]
    pub const fn memory(mut self, bytes: u64) -> Self {
        self.memory = bytes;
        self
    }

    /// Sets [`range`](#structfield.range).
    #[must_use]
    pub const fn range(mut self, range: Option<SampleRange>) -> Self {
        self.range = range;
        self
    }
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { reader: ReaderChoice::default(), page: None, memory: Self::MEMORY, range: None }
    }
}

impl From<ReaderChoice> for OpenOptions {
    fn from(reader: ReaderChoice) -> Self {
        Self { reader, ..Self::default() }
    }
}

/// Which way a slide's full-size pixels come. They are the same either way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reader {
    /// The stored JPEG tiles are read from the TIFF file directly.
    Direct(NativeTiles),
    /// Through OpenSlide, for this reason.
    OpenSlide(DirectReadUnsupported),
    /// As an ordinary image.
    Image(ImageReader),
}

impl Reader {
    /// Whether the pixels come from a pipe, so that there is no file to be read again.
    #[must_use]
    pub const fn is_pipe(&self) -> bool {
        matches!(self, Self::Image(ImageReader { access: Access::Once, .. }))
    }
}

/// How an ordinary image is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImageReader {
    /// Its format.
    pub format: ImageFormat,
    /// What it is, for people: `16-bit gray, interlaced`.
    pub coding: String,
    /// In which order its pixels can be had.
    pub access: Access,
}

/// In which order pixels can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Any part at any time.
    Parts,
    /// From the first row to the last, or all at once from memory.
    Rows,
    /// So too, but from a pipe: only once.
    Once,
}

impl fmt::Display for Reader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Direct(tiles) => {
                let color = match tiles.color {
                    TileColor::Gray => "gray",
                    TileColor::Rgb => "RGB",
                    TileColor::YCbCr => "YCbCr",
                };
                write!(formatter, "direct (TIFF with {} JPEG tiles in {color})", tiles.size)
            }
            Self::OpenSlide(reason) => write!(formatter, "OpenSlide ({reason})"),
            Self::Image(ImageReader { format, coding, .. }) => write!(formatter, "{} ({coding})", format.name()),
        }
    }
}

impl Serialize for Reader {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut object = serializer.serialize_struct("Reader", 2)?;
        match self {
            Self::Direct(tiles) => {
                object.serialize_field("kind", "direct")?;
                object.serialize_field("nativeTiles", tiles)?;
            }
            Self::OpenSlide(reason) => {
                object.serialize_field("kind", "openslide")?;
                object.serialize_field("reason", &reason.to_string())?;
            }
            Self::Image(image) => {
                object.serialize_field("kind", "image")?;
                object.serialize_field("image", image)?;
            }
        }
        object.end()
    }
}
