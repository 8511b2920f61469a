//! Compressed pixels: encoders, decoders, and the JPEG stream surgery that lossless tiles need.

pub(crate) mod decode;
mod encode;
pub(crate) mod jpeg;

pub use decode::ImageFormat;
pub use encode::{EncodeError, JpegCoding, Quality, Subsampling, TileEncoder, TileFormat, WebPCompression};
pub use jpeg::{JpegStreamError, TileColor};
