//! JPEG streams as slides store them: parsing, lossless splicing and cropping, and decoding.

mod scans;
mod segments;
pub(crate) mod stream;
pub(crate) mod tile_decoder;

pub(crate) use stream::JpegTables;
pub use stream::{JpegStreamError, TileColor};
