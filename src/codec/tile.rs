//! Native tiles: the stores that hold them compressed, and the codecs that decode them.
//!
//! A [`TileStore`] yields [`CompressedTile`]s without decoding them. Each names its [`TileCodec`],
//! which makes one [`TileDecoder`] per thread. [`region::read`] joins the two. To add a codec,
//! write a file with a `TileCodec` and list it in [`registry`](super::registry).

use std::any::Any;
use std::io;

use super::Subsampling;
use super::decode::samples::SampleLayout;
use super::jpeg::JpegStreamError;
use crate::geometry::Size;
use crate::pixels::{Pixels, ReductionMethod};

pub(crate) mod decompressor;
mod grid;
pub(crate) mod interleave;
pub(crate) mod predictor;
pub(crate) mod region;
pub(crate) mod row_stream;
#[cfg_attr(not(feature = "zstd"), path = "tile/zstd_disabled.rs")]
mod zstd;

pub(crate) use grid::TileGrid;

/// The address of a native tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NativeTile {
    /// The slide level; 0 is the full size.
    pub level: usize,
    /// The column in the level's grid.
    pub column: u32,
    /// The row in the level's grid.
    pub row: u32,
}

/// Holds the compressed tiles of an image. One value serves all threads at once.
pub(crate) trait TileStore: Send + Sync {
    /// The grid of each level that the store holds, full size first. Never empty.
    fn grids(&self) -> &[TileGrid];

    /// The layout of decoded rows.
    fn samples(&self) -> &SampleLayout;

    /// The number of planes that are compressed one by one; 1 if a tile holds all samples of its
    /// pixels.
    fn planes(&self) -> usize {
        1
    }

    /// Whether a tile has no data because it was never scanned.
    fn is_missing(&self, _tile: NativeTile) -> bool {
        false
    }

    /// Whether a tile's compressed data can become an export's tile without decoding it.
    fn is_lossless(&self) -> bool {
        false
    }

    /// Returns one plane of a tile, or `None` for a missing tile. `buffer` is reused memory for the
    /// compressed bytes.
    ///
    /// # Errors
    /// [`TileError`] if the bytes cannot be read.
    fn compressed<'a>(
        &'a self,
        tile: NativeTile,
        plane: usize,
        buffer: &'a mut Vec<u8>,
    ) -> Result<Option<CompressedTile<'a>>, TileError>;
}

/// A tile as it is stored, with all that its decoder needs.
#[derive(Clone, Copy)]
pub(crate) struct CompressedTile<'a> {
    /// The codec that decodes it.
    pub codec: &'static TileCodec,
    /// The compressed bytes.
    pub bytes: &'a [u8],
    /// The size of the decoded tile in pixels, including padding past the image's edge.
    pub size: Size,
    /// The layout to decode to.
    pub samples: &'a SampleLayout,
    /// What tiles share, such as JPEG tables and the color model. Each codec defines its own type.
    pub parameters: &'a (dyn Any + Send + Sync),
}

impl<'a> CompressedTile<'a> {
    /// Returns the parameters as the codec's own type.
    ///
    /// # Errors
    /// [`TileError::Parameters`] if the store passed another type.
    pub fn parameters<T: 'static>(&self) -> Result<&'a T, TileError> {
        self.parameters.downcast_ref().ok_or(TileError::Parameters { codec: self.codec.name })
    }
}

/// A compression of native tiles.
#[derive(Debug)]
pub(crate) struct TileCodec {
    /// The name to show: `LZW`.
    pub name: &'static str,
    /// Its values of TIFF tag 259.
    pub tiff_compressions: &'static [u64],
    /// Makes a decoder for one thread.
    pub decoder: fn() -> Box<dyn TileDecoder>,
}

/// Decodes tiles of one codec. Belongs to one thread and keeps its memory from tile to tile.
pub(crate) trait TileDecoder {
    /// Decodes all rows of a tile into `target`, `stride` bytes apart.
    ///
    /// `tile.size` and `tile.samples` give the number and length of the rows. `stride` is longer
    /// than a row if the tile is a part of a larger image. The bytes between rows belong to other
    /// tiles, and the last row is not followed by any.
    ///
    /// # Errors
    /// [`TileError`] if the tile is damaged in any way that the codec can tell. The contents of
    /// `target` are then undefined.
    fn decode(
        &mut self,
        tile: CompressedTile<'_>,
        target: &mut [u8],
        stride: usize,
    ) -> Result<(), TileError>;

    /// Returns the chroma subsampling in the tile's header; `None` if there is none or it is not
    /// one of [`Subsampling`]'s.
    ///
    /// # Errors
    /// [`TileError`] if the header cannot be read.
    fn subsampling(&mut self, _tile: CompressedTile<'_>) -> Result<Option<Subsampling>, TileError> {
        Ok(None)
    }

    /// Writes the top left `size` pixels of a tile to `output` as a complete file, without
    /// re-encoding, and returns these pixels at half size.
    ///
    /// # Errors
    /// [`TileError`] if the tile is damaged, or the codec has no lossless tiles.
    fn lossless(
        &mut self,
        tile: CompressedTile<'_>,
        _size: Size,
        _method: ReductionMethod,
        _output: &mut Vec<u8>,
        _spare: Vec<u8>,
    ) -> Result<Pixels, TileError> {
        Err(TileError::NotLossless { codec: tile.codec.name })
    }
}

/// Why a tile cannot be read or decoded. The messages follow the tile's name.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TileError {
    #[error(transparent)]
    System(io::Error),
    #[error(
        "its data is at byte {offset}, {length} bytes long, but the file ends at {file_length}"
    )]
    PastTheEnd { offset: u64, length: u64, file_length: u64 },
    #[error("its data is {length} bytes long, too long for its pixels")]
    TooLong { length: u64 },
    #[error("its data is truncated")]
    Truncated,
    #[error("its {codec} data is damaged")]
    Damaged { codec: &'static str },
    #[error("the checksum of its Deflate data does not match")]
    Checksum,
    #[error("its LZW data is in the format used before TIFF 6.0, which is not supported")]
    OldLzw,
    #[error(transparent)]
    JpegStream(#[from] JpegStreamError),
    #[error("libjpeg-turbo: {0}")]
    Turbo(#[from] turbojpeg::Error),
    #[cfg(feature = "jpeg2000")]
    #[error("{message}")]
    Jpeg2000 { message: String },
    #[error("{codec} tiles cannot be kept without re-encoding")]
    NotLossless { codec: &'static str },
    #[error("the tile does not start at ({x}, {y})")]
    Corner { x: u32, y: u32 },
    #[error("the {codec} decoder received the parameters of another codec")]
    Parameters { codec: &'static str },
}

impl TileError {
    /// Returns the error for a failed read. An end of file is truncation and not a system failure.
    pub fn reading(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            Self::Truncated
        } else {
            Self::System(error)
        }
    }

    /// Whether another reader may decode the tile correctly. Missing bytes and missing scans would
    /// be shown as if they were pixels.
    pub const fn is_doubt(&self) -> bool {
        !matches!(
            self,
            Self::System(_)
                | Self::PastTheEnd { .. }
                | Self::TooLong { .. }
                | Self::Truncated
                | Self::JpegStream(JpegStreamError::MissingScans)
        )
    }
}

/// A thread's decoders, each made when it is first needed.
#[derive(Default)]
struct TileDecoders(Vec<(&'static TileCodec, Box<dyn TileDecoder>)>);

impl TileDecoders {
    /// Returns the decoder of a codec.
    fn of(&mut self, codec: &'static TileCodec) -> &mut dyn TileDecoder {
        let index =
            self.0.iter().position(|(known, _)| std::ptr::eq(*known, codec)).unwrap_or_else(|| {
                self.0.push((codec, (codec.decoder)()));
                self.0.len() - 1
            });
        &mut *self.0[index].1
    }
}
