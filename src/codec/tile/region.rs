//! Decodes any region of a store: the seam between [`TileStore`]s and
//! [`TileCodec`](super::TileCodec)s.
//!
//! Each thread keeps its decoders and buffers, so reading a tile takes neither locks nor memory.

use std::cell::RefCell;

use super::interleave::{copy, spread};
use super::{
    CompressedTile, NativeTile, TileCodec, TileDecoder, TileDecoders, TileError, TileStore,
};
use crate::geometry::Rect;
use crate::pixels::relative_to;

/// What a thread keeps from tile to tile.
#[derive(Default)]
struct Scratch {
    decoders: TileDecoders,
    /// The compressed bytes of a tile.
    compressed: Vec<u8>,
    /// The samples of a tile of which only a part is needed.
    tile: Vec<u8>,
    /// The samples of one plane.
    plane: Vec<u8>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Decodes `region`, in pixels of a level and inside it, into rows of samples `stride` bytes apart.
/// Returns whether all tiles were present; the samples of missing ones are 0.
///
/// A tile that cannot be decoded goes to `recover`: its part of the region, the error, and the
/// target from that part's first sample.
///
/// # Errors
/// The first error of `recover`.
pub(crate) fn read<E>(
    store: &dyn TileStore,
    level: usize,
    region: Rect,
    target: &mut [u8],
    stride: usize,
    mut recover: impl FnMut(Rect, TileError, &mut [u8]) -> Result<(), E>,
) -> Result<bool, E> {
    let grid = &store.grids()[level];
    let (columns, rows) = grid.cells(region);
    let mut is_complete = true;
    for row in rows {
        for column in columns.clone() {
            let Some(tile) = grid.rect(column, row) else { continue };
            let Some(shared) = tile.intersection(region) else { continue };
            let address = NativeTile { level, column, row };
            let result = SCRATCH.with_borrow_mut(|scratch| {
                decode_part(scratch, store, (address, tile), (shared, region), target, stride)
            });
            match result {
                Ok(is_present) => is_complete &= is_present,
                Err(error) => {
                    let place = relative_to(shared, region.origin()).origin();
                    let bits = store.samples().samples_a_pixel() * store.samples().sample.bits();
                    let first = place.y as usize * stride + place.x as usize * bits / 8;
                    recover(shared, error, &mut target[first..])?;
                    is_complete = false;
                }
            }
        }
    }
    Ok(is_complete)
}

/// Passes a tile's first plane, and its codec's decoder, to `use_tile`. Returns `None` for a
/// missing tile.
///
/// # Errors
/// [`TileError`] if the tile cannot be read, or from `use_tile`.
pub(crate) fn with_tile<T>(
    store: &dyn TileStore,
    tile: NativeTile,
    use_tile: impl FnOnce(&mut dyn TileDecoder, CompressedTile<'_>) -> Result<T, TileError>,
) -> Result<Option<T>, TileError> {
    SCRATCH.with_borrow_mut(|Scratch { decoders, compressed, .. }| {
        let Some(tile) = store.compressed(tile, 0, compressed)? else { return Ok(None) };
        use_tile(decoders.of(tile.codec), tile).map(Some)
    })
}

/// Passes this thread's decoder of a codec to `use_decoder`.
pub(crate) fn with_decoder<T>(
    codec: &'static TileCodec,
    use_decoder: impl FnOnce(&mut dyn TileDecoder) -> T,
) -> T {
    SCRATCH.with_borrow_mut(|scratch| use_decoder(scratch.decoders.of(codec)))
}

/// Decodes the `shared` part of a tile to its place in `region`. Returns `false` for a missing
/// tile.
fn decode_part(
    scratch: &mut Scratch,
    store: &dyn TileStore,
    (address, tile): (NativeTile, Rect),
    (shared, region): (Rect, Rect),
    target: &mut [u8],
    stride: usize,
) -> Result<bool, TileError> {
    let Scratch { decoders, compressed, tile: whole_tile, plane: plane_samples } = scratch;
    let samples = store.samples();
    let (bits, per_pixel) = (samples.sample.bits(), samples.samples_a_pixel());
    let (from, to) = (
        relative_to(shared, tile.origin()).origin(),
        relative_to(shared, region.origin()).origin(),
    );
    let target = &mut target[to.y as usize * stride..];
    let mut pitch = 0;
    for plane in 0..store.planes() {
        let Some(part) = store.compressed(address, plane, compressed)? else {
            let (first, length) =
                (to.x as usize * per_pixel * bits / 8, samples.row_bytes(shared.size().width()));
            let rows = target.chunks_mut(stride).take(shared.size().height() as usize);
            rows.for_each(|row| row[first..first + length].fill(0));
            return Ok(false);
        };
        let decoder = decoders.of(part.codec);
        if store.planes() == 1 && shared.size() == part.size && bits.is_multiple_of(8) {
            decoder.decode(part, &mut target[to.x as usize * per_pixel * bits / 8..], stride)?;
            return Ok(true);
        }
        pitch = samples.row_bytes(part.size.width());
        whole_tile.resize(pitch * part.size.height() as usize, 0);
        if store.planes() == 1 {
            decoder.decode(part, whole_tile, pitch)?;
            continue;
        }
        let plane_pitch = part.samples.row_bytes(part.size.width());
        plane_samples.resize(plane_pitch * part.size.height() as usize, 0);
        decoder.decode(part, plane_samples, plane_pitch)?;
        for (samples, row) in
            plane_samples.chunks_exact(plane_pitch).zip(whole_tile.chunks_exact_mut(pitch))
        {
            spread(samples, row, bits, plane, store.planes());
        }
    }
    let count = shared.size().width() as usize * per_pixel;
    let rows = whole_tile.chunks_exact(pitch).skip(from.y as usize).zip(target.chunks_mut(stride));
    for (source, target) in rows.take(shared.size().height() as usize) {
        copy(source, from.x as usize * per_pixel, target, to.x as usize * per_pixel, count, bits);
    }
    Ok(true)
}
