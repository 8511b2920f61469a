//! Tiles that are streams of rows: uncompressed, or compressed byte by byte.

use super::decompressor::{Compression, Decompressor, FillOrder, Place};
use super::predictor::Predictor;
use super::{CompressedTile, TileCodec, TileDecoder, TileError};

pub(crate) static UNCOMPRESSED: TileCodec = TileCodec {
    name: Compression::None.name(),
    // Writers before TIFF 6.0 use 0.
    tiff_compressions: &[0, 1],
    decoder: || decoder(Compression::None),
};
pub(crate) static LZW: TileCodec = TileCodec {
    name: Compression::Lzw.name(),
    tiff_compressions: &[5],
    decoder: || decoder(Compression::Lzw),
};
pub(crate) static DEFLATE: TileCodec = TileCodec {
    name: Compression::Deflate.name(),
    tiff_compressions: &[8, 32_946],
    decoder: || decoder(Compression::Deflate),
};
pub(crate) static PACK_BITS: TileCodec = TileCodec {
    name: Compression::PackBits.name(),
    tiff_compressions: &[32_773],
    decoder: || decoder(Compression::PackBits),
};
#[cfg(feature = "zstd")]
pub(crate) static ZSTD: TileCodec = TileCodec {
    name: Compression::Zstd.name(),
    tiff_compressions: &[50_000],
    decoder: || decoder(Compression::Zstd),
};

/// How the bytes of a stream become rows. The parameters of all codecs of this file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowParameters {
    pub compression: Compression,
    pub fill_order: FillOrder,
    pub predictor: Predictor,
}

fn decoder(compression: Compression) -> Box<dyn TileDecoder> {
    Box::new(RowStreamDecoder {
        compression,
        decompressor: None,
        rows: Vec::new(),
        spare: Vec::new(),
    })
}

/// Decodes tiles of one compression.
struct RowStreamDecoder {
    compression: Compression,
    decompressor: Option<Decompressor>,
    /// The rows of a tile whose target has gaps between them.
    rows: Vec<u8>,
    /// A row for the predictor.
    spare: Vec<u8>,
}

impl RowStreamDecoder {
    /// The number of bytes decompressed at a time, which stay in the processor's cache until the
    /// predictor is undone.
    const BLOCK_BYTES: usize = 256 << 10;
}

impl TileDecoder for RowStreamDecoder {
    fn decode(
        &mut self,
        tile: CompressedTile<'_>,
        target: &mut [u8],
        stride: usize,
    ) -> Result<(), TileError> {
        let RowParameters { fill_order, predictor, .. } = *tile.parameters()?;
        let Self { compression, decompressor, rows, spare } = self;
        let decompressor = match decompressor {
            Some(decompressor) => decompressor,
            none => none.insert(Decompressor::new(*compression)?),
        };
        decompressor.begin(Place { offset: 0, length: tile.bytes.len() as u64 }, fill_order)?;
        let (row_bytes, height) =
            (tile.samples.row_bytes(tile.size.width()), tile.size.height() as usize);
        let has_gaps = stride != row_bytes;
        let decoded = if has_gaps {
            rows.resize(row_bytes * height, 0);
            &mut rows[..]
        } else {
            &mut target[..row_bytes * height]
        };
        for block in decoded.chunks_mut((Self::BLOCK_BYTES / row_bytes).max(1) * row_bytes) {
            decompressor.read(tile.bytes, block)?;
            predictor.undo(block, row_bytes, spare);
        }
        decompressor.finish(tile.bytes)?;
        if has_gaps {
            for (row, target) in rows.chunks_exact(row_bytes).zip(target.chunks_mut(stride)) {
                target[..row_bytes].copy_from_slice(row);
            }
        }
        Ok(())
    }
}
