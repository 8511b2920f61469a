//! JPEG streams as slides store them: their tables and frames read, tiles cut and joined without decoding, and decoded.

pub(crate) mod scans;
pub(crate) mod segments;
pub(crate) mod stream;
pub(crate) mod tile_codec;

pub(crate) use stream::JpegTables;
pub use stream::{JpegStreamError, TileColor};
