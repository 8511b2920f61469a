//! Compressed pixels: encoders, decoders, and lossless operations on JPEG streams.

pub(crate) mod decode;
mod encode;
pub(crate) mod jpeg;
pub(crate) mod registry;
pub(crate) mod tile;

pub use decode::ImageFormat;
pub use encode::{
    EncodeError, JpegCoding, Quality, Subsampling, TileEncoder, TileFormat, WebPCompression,
};
pub use jpeg::{JpegStreamError, TileColor};
