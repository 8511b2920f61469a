//! In which chunks, and in which order, the slide is read.
//!
//! Chunks partition the exported area, so that each pixel is read once. Where the slide is stored in tiles of a sane size,
//! chunks are whole tiles of it and none is decoded twice. They come in *stripes*: a stripe is some columns of chunks, 4,096 to
//! 16,384 pixels wide, read from top to bottom. What is held in memory is then a few rows of a stripe, however wide the slide is,
//! and at a stripe's right edge the columns that wait for the next stripe. Among the possible right edges, the one is taken with
//! which the two together are least. Pure; the same for any number of workers.

use crate::geometry::{Rect, Size};
use crate::pyramid::PyramidPlan;
use crate::slide::SlideInfo;

use super::mosaic::{LevelAxes, level_axes, waiting_columns};

/// The narrowest and the widest stripe, in pixels of the full size.
const STRIPE_NARROWEST: u32 = 4_096;
const STRIPE_WIDEST: u32 = 16_384;

/// About how many rows of a stripe are held, those of the smaller levels reckoned in: three or four rows of chunks and twice as
/// many of pieces of each smaller level.
const ROWS_HELD: u64 = 1_500;

/// A chunk is at least this wide and high where whole stored tiles allow it: below, calls cost more than pixels.
const CHUNK_AT_LEAST: u32 = 192;

/// The chunk where the slide tells of no tiles of a sane size.
const CHUNK_DEFAULT: u32 = 512;

/// Chunks and their order.
#[derive(Debug)]
pub(super) struct ReadOrder {
    /// Where columns of chunks begin, in pixels of the exported area, and after the last of them its width.
    columns: Vec<u32>,
    rows: Vec<u32>,
    /// Where stripes begin, in columns of chunks, and after the last of them the number of columns.
    stripes: Vec<u32>,
}

impl ReadOrder {
    /// The order for the part `area` of a slide, in slide-level-0 pixels.
    pub fn new(info: &SlideInfo, area: Rect, plan: &PyramidPlan) -> Self {
        let chunk = chunk_size(info.levels[0].tile_to_read_whole());
        let columns = edges(area.origin().x, area.size().width(), chunk.0);
        let rows = edges(area.origin().y, area.size().height(), chunk.1);
        let stripes = stripes(plan, &columns);
        Self { columns, rows, stripes }
    }

    /// The largest chunk's bytes in memory.
    pub fn chunk_bytes(&self) -> u64 {
        let longest = |edges: &[u32]| edges.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
        u64::from(longest(&self.columns)) * u64::from(longest(&self.rows)) * crate::render::PIXEL_BYTES as u64
    }

    /// What the mosaics of all levels need to know of this order, smallest level first.
    pub fn level_axes(&self, plan: &PyramidPlan) -> Vec<LevelAxes> {
        let stripe_of_column = self
            .stripes
            .windows(2)
            .zip(0..)
            .flat_map(|(stripe, number)| std::iter::repeat_n(number, (stripe[1] - stripe[0]) as usize))
            .collect();
        level_axes(plan, &self.columns, &self.rows, stripe_of_column)
    }

    /// The column and row of every chunk, in order.
    pub fn chunks(&self) -> impl Iterator<Item = (u32, u32)> + use<> {
        let rows = self.rows.len() as u32 - 1;
        let stripes: Vec<_> = self.stripes.windows(2).map(|stripe| stripe[0]..stripe[1]).collect();
        stripes
            .into_iter()
            .flat_map(move |columns| (0..rows).flat_map(move |row| columns.clone().map(move |column| (column, row))))
    }
}

/// The width and height of a chunk: a whole number of stored tiles.
fn chunk_size(stored_tile: Option<Size>) -> (u32, u32) {
    let several = |length: u32| length * CHUNK_AT_LEAST.div_ceil(length);
    let default = (CHUNK_DEFAULT, CHUNK_DEFAULT);
    stored_tile.map_or(default, |tile| (several(tile.width()), several(tile.height())))
}

/// Where chunks begin along one axis: at whole multiples of `step` in the slide, which `offset` shifts against the area.
fn edges(offset: u32, length: u32, step: u32) -> Vec<u32> {
    let first = step - offset % step;
    let inner = (first..length).step_by(step as usize);
    std::iter::once(0).chain(inner).chain([length]).collect()
}

fn stripes(plan: &PyramidPlan, columns: &[u32]) -> Vec<u32> {
    let count = columns.len() - 1;
    let mut stripes = vec![0];
    let mut begin = 0;
    while columns[count] - columns[begin] > STRIPE_WIDEST {
        let after = |width: u32| columns.partition_point(|&edge| edge < columns[begin].saturating_add(width));
        let from = after(STRIPE_NARROWEST).max(begin + 1);
        let to = after(STRIPE_WIDEST).max(from + 1).min(count);
        begin = (from..to).min_by_key(|&end| pixels_held(plan, columns[begin], columns[end])).unwrap_or(from);
        stripes.push(begin as u32);
    }
    stripes.push(count as u32);
    stripes
}

/// Roughly how many pixels are held at most while the stripe from `begin` to `end` is read: its own rows, and the columns of all
/// levels that wait for the next stripe.
fn pixels_held(plan: &PyramidPlan, begin: u32, end: u32) -> u64 {
    let columns = waiting_columns(plan, end);
    let waiting = plan
        .levels()
        .zip(columns)
        .map(|(level, columns)| u64::from(columns) * u64::from(plan.level_size(level).height()));
    u64::from(end - begin) * ROWS_HELD + waiting.sum::<u64>()
}
