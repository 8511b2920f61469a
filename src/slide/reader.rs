//! Which way a slide's or an image's pixels come, and what the user wants of that.

use std::fmt;

use serde::Serialize;

use super::raster::ImageFormat;
use super::{NotDirect, StoredTiles, TileColour};

/// Which way to a slide's full-size pixels is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ReaderChoice {
    /// The fastest that fits the file.
    #[default]
    Auto,
    /// OpenSlide's, whatever the file is.
    OpenSlide,
}

/// Which way a slide's full-size pixels come. They are the same either way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reader {
    /// The stored JPEG tiles are read from the TIFF file directly.
    Direct(StoredTiles),
    /// Through OpenSlide, for this reason.
    OpenSlide(NotDirect),
    /// As an ordinary image.
    Image(ImageReader),
}

/// How an ordinary image is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImageReader {
    /// Its format.
    pub format: ImageFormat,
    /// What it is, for people: `16-bit grey, interlaced`.
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
}

impl fmt::Display for Reader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Direct(tiles) => {
                let colour = match tiles.colour {
                    TileColour::Grey => "grey",
                    TileColour::Rgb => "RGB",
                    TileColour::YCbCr => "YCbCr",
                };
                write!(formatter, "direct (TIFF with {} JPEG tiles in {colour})", tiles.size)
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
                object.serialize_field("way", "direct")?;
                object.serialize_field("storedTiles", tiles)?;
            }
            Self::OpenSlide(reason) => {
                object.serialize_field("way", "openslide")?;
                object.serialize_field("because", &reason.to_string())?;
            }
            Self::Image(image) => {
                object.serialize_field("way", "image")?;
                object.serialize_field("image", image)?;
            }
        }
        object.end()
    }
}

