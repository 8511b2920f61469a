//! JPEG streams as slides store them: parsing, lossless splicing and cropping, and decoding.

mod error;
mod scans;
mod segments;
pub(crate) mod stream;
pub(crate) mod tile_decoder;

pub use error::JpegStreamError;
pub(crate) use stream::JpegTables;
pub use stream::TileColor;
