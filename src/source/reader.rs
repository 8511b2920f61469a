//! How a slide's or image's pixels are read, and the options for opening it.

use std::fmt;
use std::num::NonZeroU32;

use serde::Serialize;

use super::image::SampleRange;
use super::native_tiles::{DirectReadUnsupported, NativeTiles, NoNativeTiles};
use crate::codec::{ImageFormat, TileColor};

/// The reader to use for a slide's full-size pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ReaderChoice {
    /// The fastest that supports the file.
    #[default]
    Auto,
    /// OpenSlide.
    OpenSlide,
}

/// Options for opening a file.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct OpenOptions {
    /// The reader for a slide's full-size pixels. Default: the fastest.
    pub reader: ReaderChoice,
    /// The page of an image file, counted from 1. Default: `None`, for the first page, and for
    /// slides.
    pub page: Option<NonZeroU32>,
    /// The memory limit in bytes for an image that cannot be decoded row by row. Default:
    /// [`MEMORY`](Self::MEMORY).
    pub memory: u64,
    /// The sample values of an image that become black and white. Default: `None`, for the minimum
    /// and maximum of unsigned samples of up to 16 bits. Other samples have no range of their own.
    pub range: Option<SampleRange>,
}

impl OpenOptions {
    /// 2 GiB: an image of about 700 million pixels.
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

/// How the full-size pixels are read. The pixels are the same with every reader.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reader {
    /// Native tiles are read from the file directly.
    Direct(NativeTiles),
    /// OpenSlide reads the pixels, for this reason.
    OpenSlide(DirectReadUnsupported),
    /// An ordinary image is decoded.
    Image(ImageReader),
    /// A source of the library's user provides the pixels.
    Custom,
}

impl Reader {
    /// Whether the pixels come from a pipe, so that there is no file to read again.
    #[must_use]
    pub const fn is_pipe(&self) -> bool {
        matches!(self, Self::Image(ImageReader { access: Access::Once, .. }))
    }

    /// Returns the native tiles that can be exported without re-encoding.
    ///
    /// # Errors
    /// [`NoNativeTiles`] with the reason why there are none.
    pub fn native_tiles(&self) -> Result<NativeTiles, NoNativeTiles> {
        match self {
            Self::Direct(tiles) => Ok(*tiles),
            Self::OpenSlide(reason) => Err(NoNativeTiles::OpenSlide(reason.clone())),
            Self::Image(image) => Err(NoNativeTiles::Image(image.format)),
            Self::Custom => Err(NoNativeTiles::Custom),
        }
    }
}

/// How an ordinary image is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ImageReader {
    /// The format.
    pub format: ImageFormat,
    /// A description for people: `16-bit gray, interlaced`.
    pub coding: String,
    /// The order in which pixels can be read.
    pub access: Access,
}

/// The order in which pixels can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Access {
    /// Any part at any time.
    Parts,
    /// From the first row to the last, or all at once from memory.
    Rows,
    /// From the first row to the last, and only once: the image comes from a pipe.
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
                let NativeTiles { file_format, size, .. } = tiles;
                write!(formatter, "direct ({file_format} with {size} JPEG tiles in {color})")
            }
            Self::OpenSlide(reason) => write!(formatter, "OpenSlide ({reason})"),
            Self::Custom => write!(formatter, "custom"),
            Self::Image(ImageReader { format, coding, .. }) => {
                write!(formatter, "{} ({coding})", format.name())
            }
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
            Self::Custom => object.serialize_field("kind", "custom")?,
            Self::Image(image) => {
                object.serialize_field("kind", "image")?;
                object.serialize_field("image", image)?;
            }
        }
        object.end()
    }
}
