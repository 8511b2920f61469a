//! What a slide's native tiles are, and why a slide has none that can be read directly.

use serde::Serialize;

use crate::codec::{ImageFormat, JpegStreamError, TileColor};
use crate::geometry::Size;

/// The native tiles of a slide's full size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NativeTiles {
    /// The format of the slide's file, such as `TIFF`.
    #[serde(skip)]
    pub file_format: &'static str,
    /// Their size in pixels of slide level 0.
    pub size: Size,
    /// Their color model.
    pub color: TileColor,
    /// The total of their compressed bytes.
    pub bytes: u64,
}

/// Why native tiles cannot be exported without re-encoding.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoNativeTiles {
    /// The slide is read through OpenSlide.
    #[error("the slide is read through OpenSlide, because {0}")]
    OpenSlide(DirectReadUnsupported),
    /// The file is an ordinary image.
    #[error("the input is an ordinary image ({}), not a slide", .0.name())]
    Image(ImageFormat),
    /// The source is the library user's own.
    #[error("the source provides pixels only")]
    Custom,
}

/// Why a slide's full size is not read directly.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DirectReadUnsupported {
    /// The caller chose OpenSlide.
    #[error("as requested")]
    AskedFor,
    /// Slides of this vendor are more than a grid of tiles.
    #[error("{} files are not read directly", vendor.as_deref().unwrap_or("such"))]
    Vendor {
        /// The vendor as OpenSlide names it.
        vendor: Option<String>,
    },
    /// The first directory cannot be parsed.
    #[error("its first TIFF directory cannot be read: {message}")]
    Structure {
        /// What is wrong.
        message: String,
    },
    /// The first directory has another image.
    #[error("its first TIFF directory is {found} pixels, which is not the full size")]
    FirstDirectory {
        /// The first directory's size.
        found: Size,
    },
    /// The tiles are not JPEG.
    #[error("its tiles are not JPEG (TIFF compression {compression})")]
    Compression {
        /// TIFF tag 259.
        compression: u32,
    },
    /// The pixels are not 8-bit gray, RGB or YCbCr.
    #[error("its pixels are not 8-bit gray, RGB or YCbCr")]
    Pixels,
    /// The image is stored rotated or mirrored. OpenSlide respects that for some files only.
    #[error("its orientation is not upright (TIFF tag 274 is {orientation})")]
    Orientation {
        /// TIFF tag 274.
        orientation: u32,
    },
    /// A tag is repeated, and readers differ in which one they use.
    #[error("its first TIFF directory repeats a tag or has one of an unknown type")]
    RepeatedTag,
    /// The first tile is of a kind that is not read directly.
    #[error("its first tile: {0}")]
    FirstTile(JpegStreamError),
    /// The image is not stored in tiles.
    #[error("it is not stored in tiles")]
    NotTiled,
    /// The tile size is invalid, too large, or not the one that OpenSlide reports.
    #[error("its tiles of {width}×{height} pixels are not read whole")]
    TileSize {
        /// TIFF tag 322.
        width: u32,
        /// TIFF tag 323.
        height: u32,
    },
    /// The number of tiles does not match the image's size.
    #[error("its tables have {offsets} offsets and {lengths} lengths for {expected} tiles")]
    Tables {
        /// The number of tiles that cover the image.
        expected: u64,
        /// The number of offsets.
        offsets: usize,
        /// The number of lengths.
        lengths: usize,
    },
    /// The shared JPEG tables cannot be parsed.
    #[error("its shared JPEG tables cannot be read: {0}")]
    JpegTables(JpegStreamError),
}
