//! Why the JPEG stream of a tile cannot be used.

use crate::geometry::Size;

/// Why a tile's JPEG stream cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JpegStreamError {
    /// It does not start with a JPEG's first two bytes.
    #[error("its data does not start with a JPEG header")]
    Start,
    /// It ends before the end of the image.
    #[error("its JPEG data is truncated")]
    CutShort,
    /// A marker is not allowed at its position.
    #[error("its JPEG header has an unexpected marker, {marker:#04x}")]
    Marker {
        /// The marker's second byte.
        marker: u8,
    },
    /// The stream does not have exactly one frame header.
    #[error("its JPEG data has {frames} frames instead of one")]
    Frames {
        /// The number of frames.
        frames: usize,
    },
    /// The samples do not have 8 bits, or the header is invalid.
    #[error("its JPEG frame header is invalid or not 8-bit")]
    Frame,
    /// The number of components does not match the declared color model.
    #[error("its JPEG frame has {found} components, but the file declares {expected}")]
    Components {
        /// The number that the color model needs.
        expected: usize,
        /// The number in the frame.
        found: usize,
    },
    /// There are more scans than any encoder writes. Each costs a pass over the whole tile, and a
    /// small file could contain a million.
    #[error("its JPEG data has more than {most} scans")]
    Scans {
        /// The limit.
        most: usize,
    },
    /// Scans are missing, so that decoders would show the image blurred or without color.
    #[error("some of its JPEG scans are missing")]
    MissingScans,
    /// The frame's size does not match the declared tile size.
    #[error("its JPEG frame is {found} pixels, but the file declares {expected}")]
    Dimensions {
        /// The declared size.
        expected: Size,
        /// The frame's size.
        found: Size,
    },
}
