//! The chunks in which the slide is read, and their order.
//!
//! Chunks partition the exported area, so that each pixel is read once. If the slide is stored in
//! tiles of a reasonable size, a chunk is made of whole native tiles and none is decoded twice.
//!
//! Chunks come in *stripes*: some columns of chunks, 4,096 to 16,384 pixels wide, read from top to
//! bottom. Memory then holds a few rows of a stripe, however wide the slide is, and at a stripe's
//! right end the pixels that wait for the next stripe. The end of a stripe is chosen so that both
//! together are smallest. If too much would still wait, because the slide is very high, the stripe
//! ends inside native tiles, just after tiles of the pyramid; those native tiles are decoded twice,
//! at most 1.5 % of all.
//!
//! If pixels come row by row, there is a single stripe as wide as the area, and chunks are flat, so
//! that few rows wait for the rest of their tiles.

use std::num::NonZeroU32;

use super::axes::{LevelAxes, after_tile, level_axes, waiting_pixels};
use crate::geometry::Size;
use crate::pixels::PIXEL_BYTES;
use crate::plan::Placement;
use crate::pyramid::PyramidPlan;
use crate::source::{Band, SlideInfo};

/// The size of the chunks that may be read ahead of the tiles, in bytes of pixels: enough to keep
/// some thirty workers busy.
const READ_AHEAD_BYTES: u64 = 16 << 20;

/// The width of a stripe, in pixels of the full size.
const STRIPE_NARROWEST: u32 = 4_096;
const STRIPE_WIDEST: u32 = 16_384;

/// The approximate number of rows of a stripe that are held, including those of smaller levels:
/// three or four rows of chunks, and twice as many of blocks of each smaller level.
const ROWS_HELD: u64 = 1_500;

/// The number of pixels (16 MB) above which decoding some native tiles twice is better than letting
/// the pixels wait at the end of a stripe.
const MOST_WAITING: u64 = 4 << 20;

/// The minimum side of a chunk, as far as whole native tiles allow. Below it, calls cost more than
/// pixels.
const CHUNK_AT_LEAST: u32 = 192;

/// The approximate maximum side of a chunk that is downsampled, of which a worker then holds 10 MB.
const CHUNK_HALVED: u32 = 1_536;

/// The minimum side of a chunk that is resampled. Resampling reads up to six downsampled pixels
/// around a chunk: at most a quarter of a chunk of this side, and a fiftieth of one of 1,536. As
/// native tiles are decoded whole, tiles of 256 pixels are decoded 1.8 times on average in chunks
/// of 1,536.
const CHUNK_RESAMPLED: u32 = 96;

/// The maximum side of a chunk, so that there are some for each worker.
const CHUNK_AT_MOST: u32 = 6_144;

/// The chunk of a source that yields pixels row by row. Its height adds a quarter of a tile to the
/// rows that are held.
const CHUNK_OF_ROWS: Size = Size::new(4_096, 32).unwrap();

/// The order in which chunks are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Traversal {
    /// Stripe by stripe, in chunks of this size in pixels of the slide level that is read.
    Stripes(Size),
    /// Row by row, each across the whole width.
    Rows,
}

/// The chunk of a slide without native tiles of a reasonable size.
const CHUNK_DEFAULT: Size = Size::new(512, 512).unwrap();

/// Returns the size of the chunks in which a slide is read, in pixels of the slide level that is
/// read: a whole number of native tiles.
pub(crate) fn chunk_size(info: &SlideInfo, placement: &Placement) -> Size {
    let level = &info.levels[placement.level().0 as usize];
    let tile = level.tile_to_read_whole();
    let of_halved = |length: u32| length.saturating_mul(1 << placement.reduction_levels().min(16));
    let wanted = match (placement.is_resampled(), placement.reduction_levels()) {
        (false, 0) if tile.is_none() => return CHUNK_DEFAULT,
        (false, 0) => CHUNK_AT_LEAST,
        (false, _) => of_halved(CHUNK_AT_LEAST).min(CHUNK_HALVED),
        (true, _) => of_halved(CHUNK_RESAMPLED).clamp(CHUNK_HALVED, CHUNK_AT_MOST),
    };
    let several = |length: u32| {
        // The edges of chunks are edges of downsampled pixels too, so that no native tile is
        // decoded for two.
        let halved = 1_u32.checked_shl(placement.reduction_levels()).unwrap_or(u32::MAX);
        let step = length.checked_mul(
            halved >> length.trailing_zeros().min(placement.reduction_levels()).min(31),
        );
        let step = step.filter(|&step| step <= 2 * wanted).unwrap_or(length);
        step * wanted.div_ceil(step)
    };
    let tile = tile.unwrap_or(CHUNK_DEFAULT);
    Size::new(several(tile.width()), several(tile.height())).unwrap_or(CHUNK_DEFAULT)
}

/// Chunks and their order.
#[derive(Debug)]
pub(crate) struct ReadOrder {
    /// Where columns of chunks begin, followed by the width, in pixels of the export's full size.
    columns: Vec<u32>,
    rows: Vec<u32>,
    /// Where stripes end, except the last, in the same pixels.
    stripe_ends: Vec<u32>,
    /// The pixels that the reduction filter reads beyond its core, on each side.
    margin: u32,
}

impl ReadOrder {
    /// The order in which the area of `placement` is read. Chunks begin at multiples of their size
    /// in the slide, whatever the orientation of the export. `margin` is the margin of the
    /// reduction filter.
    pub fn new(
        placement: &Placement,
        traversal: Traversal,
        plan: &PyramidPlan,
        margin: u32,
    ) -> Self {
        let chunk = match traversal {
            Traversal::Stripes(chunk) => chunk,
            Traversal::Rows => CHUNK_OF_ROWS,
        };
        let (area, size, [across, down]) =
            (placement.area_on_level(), placement.upright_size(), placement.scale());
        let smaller = |edges: Vec<u32>, scale: f64, length: u32| {
            smaller(edges, placement.reduction_levels(), scale, length)
        };
        let (mut columns, rows) = placement.orientation().edges(
            smaller(
                edges(area.origin().x, area.size().width(), chunk.width()),
                across,
                size.width(),
            ),
            smaller(
                edges(area.origin().y, area.size().height(), chunk.height()),
                down,
                size.height(),
            ),
        );
        if traversal == Traversal::Rows {
            return Self { columns, rows, stripe_ends: Vec::new(), margin };
        }
        // Chunks that are resampled are higher, so that more rows are held.
        let rows_held =
            if placement.is_resampled() { ROWS_HELD.max(3 * longest(&rows)) } else { ROWS_HELD };
        let stripe_ends = stripe_ends(plan, margin, &columns, rows_held);
        columns.extend_from_slice(&stripe_ends);
        columns.sort_unstable();
        columns.dedup();
        Self { columns, rows, stripe_ends, margin }
    }

    #[cfg(test)]
    pub(super) fn of_edges(
        columns: Vec<u32>,
        rows: Vec<u32>,
        stripe_ends: Vec<u32>,
        margin: u32,
    ) -> Self {
        Self { columns, rows, stripe_ends, margin }
    }

    /// The number of chunks that may be read ahead of the tiles. It does not depend on the number
    /// of workers, so that the order of the export does not either.
    pub fn read_ahead(&self) -> usize {
        let chunk_bytes = longest(&self.columns) * longest(&self.rows) * PIXEL_BYTES as u64;
        (READ_AHEAD_BYTES / chunk_bytes).clamp(8, 512) as usize
    }

    /// The axes of all levels, smallest level first.
    pub(super) fn level_axes(&self, plan: &PyramidPlan) -> Vec<LevelAxes> {
        level_axes(plan, self.margin, &self.columns, &self.rows, &self.stripe_ends)
    }

    /// The rows of chunks that remain after the first `chunks_read` chunks, in pixels of the
    /// export's full size, if there is one stripe.
    pub fn bands(&self, chunks_read: u64) -> Vec<Band> {
        let columns = self.columns.len() as u64 - 1;
        let begun = (chunks_read % columns) as usize;
        let width = self.columns[self.columns.len() - 1];
        let rows = self.rows.windows(2).skip((chunks_read / columns) as usize).enumerate();
        let band = |(number, row): (usize, &[u32])| {
            let rows = row[0]..row[1];
            let left = if number == 0 { self.columns[begun] } else { 0 };
            Band { pixels: u64::from(width - left) * rows.len() as u64, rows }
        };
        rows.map(band).collect()
    }

    /// The column and row of each chunk in order.
    pub fn chunks(&self) -> impl Iterator<Item = (u32, u32)> + use<> {
        let rows = self.rows.len() as u32 - 1;
        let column_at = |end: u32| self.columns.partition_point(|&edge| edge < end) as u32;
        let ends = self
            .stripe_ends
            .iter()
            .map(|&end| column_at(end))
            .chain([self.columns.len() as u32 - 1]);
        let stripes: Vec<_> =
            ends.scan(0, |begin, end| Some(std::mem::replace(begin, end)..end)).collect();
        stripes.into_iter().flat_map(move |columns| {
            (0..rows).flat_map(move |row| columns.clone().map(move |column| (column, row)))
        })
    }
}

/// Returns where chunks begin along one axis, followed by `length`: at multiples of `step` in the
/// slide, in which the area begins at `offset`.
pub(crate) fn edges(offset: u32, length: u32, step: u32) -> Vec<u32> {
    let first = step - offset % step;
    let inner = (first..length).step_by(step as usize);
    std::iter::once(0).chain(inner).chain([length]).collect()
}

/// Maps edges to an image that is downsampled `reduction_levels` times and then resampled to
/// `length` pixels. Edges that coincide are merged.
fn smaller(edges: Vec<u32>, reduction_levels: u32, scale: f64, length: u32) -> Vec<u32> {
    if reduction_levels == 0 && scale <= 1.0 {
        return edges;
    }
    let halved = |edge: u32| u64::from(edge).div_ceil(1 << reduction_levels.min(32));
    #[expect(clippy::cast_sign_loss, reason = "edges are counted from 0 on")]
    let resampled = |edge: u64| ((edge as f64 / scale).round() as u32).min(length);
    let inner = edges
        .into_iter()
        .map(|edge| resampled(halved(edge)))
        .filter(|edge| (1..length).contains(edge));
    let mut smaller: Vec<u32> = std::iter::once(0).chain(inner).chain([length]).collect();
    smaller.dedup();
    smaller
}

/// The largest distance between two edges.
fn longest(edges: &[u32]) -> u64 {
    edges.windows(2).map(|pair| u64::from(pair[1] - pair[0])).max().unwrap_or(0)
}

/// Returns where stripes end, except the last. The more rows are held, the narrower are the
/// stripes.
fn stripe_ends(plan: &PyramidPlan, margin: u32, columns: &[u32], rows_held: u64) -> Vec<u32> {
    let width = plan.size().width();
    let widest = (u64::from(STRIPE_WIDEST) * ROWS_HELD / rows_held) as u32;
    let narrowest = STRIPE_NARROWEST.min(widest / 2);
    let mut ends = Vec::new();
    let mut begin: u32 = 0;
    while width - begin > widest {
        let reach = begin + narrowest..begin + widest;
        let held =
            |end: u32| u64::from(end - begin) * rows_held + waiting_pixels(plan, margin, end);
        let first = columns.partition_point(|&edge| edge < reach.start);
        let within = columns[first..].iter().copied().take_while(|edge| *edge < reach.end);
        let between_chunks = within.min_by_key(|&end| held(end));
        let wait_little = |end: &u32| waiting_pixels(plan, margin, *end) <= MOST_WAITING;
        begin = between_chunks.filter(wait_little).unwrap_or_else(|| {
            let after_tiles =
                ends_after_tiles(plan, margin, &reach).filter(|end| reach.contains(end));
            after_tiles.chain(between_chunks).min_by_key(|&end| held(end)).unwrap_or(reach.end)
        });
        ends.push(begin);
    }
    ends
}

/// Returns the ends that just complete tiles of as many levels as possible: a number of tiles that
/// is divisible by 2 several times, and the pixels that the tiles of each of those levels need
/// beyond.
fn ends_after_tiles(
    plan: &PyramidPlan,
    margin: u32,
    reach: &std::ops::Range<u32>,
) -> impl Iterator<Item = u32> {
    let (tile_size, after) = (plan.geometry().tile_size(), after_tile(plan, margin));
    let tiles = (reach.start / tile_size).max(1)..=reach.end / tile_size;
    tiles.filter_map(NonZeroU32::new).map(move |tiles| {
        let levels = tiles.trailing_zeros().min(plan.levels().len() as u32);
        // Each level loses a margin.
        tiles.get() * tile_size + (after << levels) + margin * ((1 << levels) - 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_cover_the_remaining_chunks() {
        let order = ReadOrder {
            columns: vec![0, 5, 9, 20],
            rows: vec![0, 7, 8, 30],
            stripe_ends: Vec::new(),
            margin: 0,
        };
        let chunks: Vec<(u32, u32)> = order.chunks().collect();
        for read in 0..=chunks.len() {
            let area = |&(column, row): &(u32, u32)| {
                let length =
                    |edges: &[u32], at: u32| u64::from(edges[at as usize + 1] - edges[at as usize]);
                length(&order.columns, column) * length(&order.rows, row)
            };
            let of_row = |row: u32| {
                chunks[read..].iter().filter(|chunk| chunk.1 == row).map(area).sum::<u64>()
            };
            let expected = (0..3_u32)
                .map(|row| (order.rows[row as usize]..order.rows[row as usize + 1], of_row(row)));
            let expected: Vec<_> = expected.filter(|(_, pixels)| *pixels > 0).collect();
            let found: Vec<_> =
                order.bands(read as u64).into_iter().map(|band| (band.rows, band.pixels)).collect();
            assert_eq!(found, expected, "{read} read");
        }
    }
}
