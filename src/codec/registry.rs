//! The codecs of native tiles. To add one, list it here.

#[cfg(feature = "jpeg2000")]
use super::decode::jpeg2000;
use super::jpeg::tile_decoder;
use super::tile::{TileCodec, row_stream};

/// Every codec of native tiles.
static CODECS: &[&TileCodec] = &[
    &tile_decoder::CODEC,
    #[cfg(feature = "jpeg2000")]
    &jpeg2000::CODEC,
    &row_stream::UNCOMPRESSED,
    &row_stream::LZW,
    &row_stream::DEFLATE,
    &row_stream::PACK_BITS,
    #[cfg(feature = "zstd")]
    &row_stream::ZSTD,
];

/// Returns the codec for a value of TIFF tag 259.
pub(crate) fn by_tiff_compression(compression: u64) -> Option<&'static TileCodec> {
    CODECS.iter().find(|codec| codec.tiff_compressions.contains(&compression)).copied()
}
