//! Where a slide shows nothing: what was never scanned, and what is of one color but for noise, as empty glass is.
//!
//! It is told from cells of 8×8 pixels and not from a color: glass is at 245 on one scanner and at 223 on another, and black under fluorescence.

use std::ops::Range;

use rayon::prelude::*;
use serde::Serialize;

use crate::geometry::{Point, Rect, Size};
use crate::pixels::{PIXEL_BYTES, PixelView, Pixels, PremultipliedPixels};
use crate::plan::ExportPlan;
use crate::source::{SlideError, SlideInfo, SlideLevel, Source};

/// The side of a cell, in pixels of what is looked at.
const CELL: u32 = 8;

/// A cell in which no channel's values lie further apart shows nothing. Glass lies within 8 mostly, and at 12, 16 or 24 the share
/// of what is blank is the same within 2 % of the area on slides of stained tissue.
const EVEN_WITHIN: u8 = 16;

/// A level is looked at that has so many pixels of the area, if there is one.
const LEVEL_PIXELS: Range<u64> = 1 << 20..1 << 25;

/// A smaller one is better than none down to this.
const LEVEL_PIXELS_LEAST: u64 = 1 << 16;

/// Rows of a level that are read at a time: a multiple of a cell's, and about as high as native tiles are.
const ROWS_AT_A_TIME: u32 = 256;

/// How much of the exported area is blank.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BlankShare {
    /// The share, from 0 to 1, that shows nothing: no pixel was scanned, or all pixels round about are of one color but for noise, as
    /// empty glass is. Cells of 8×8 pixels are looked at; of one color are those in which each channel's values lie within 16.
    pub share: f64,
    /// The share that is wholly transparent, since it was never scanned; a part of the former.
    pub transparent: f64,
    /// The slide level that was read; `None` where the regions of the full size were looked at, since no level is small enough.
    pub slide_level: Option<SlideLevel>,
}

/// Pixels, how many of them show nothing, and how many of these were never scanned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Blank {
    pub pixels: u64,
    nothing: u64,
    transparent: u64,
}

impl Blank {
    pub fn and(self, other: Self) -> Self {
        Self {
            pixels: self.pixels + other.pixels,
            nothing: self.nothing + other.nothing,
            transparent: self.transparent + other.transparent,
        }
    }

    pub fn is_unscanned(self) -> bool {
        self.transparent == self.pixels
    }

    pub fn share(self, slide_level: Option<SlideLevel>) -> BlankShare {
        let share = |count: u64| count as f64 / self.pixels.max(1) as f64;
        BlankShare { share: share(self.nothing), transparent: share(self.transparent), slide_level }
    }
}

/// The cells of pixels of this size, row by row.
fn cells(size: Size) -> impl Iterator<Item = Rect> {
    let spans = |length: u32| (0..length).step_by(CELL as usize).map(move |start| start..(start + CELL).min(length));
    spans(size.height())
        .flat_map(move |rows| spans(size.width()).filter_map(move |columns| Rect::spanning(columns, rows.clone())))
}

/// How many pixels of each cell are wholly transparent.
pub(crate) fn clear_in_cells(pixels: &PremultipliedPixels) -> Vec<u64> {
    let width = pixels.size().width() as usize;
    let clear = |cell: Rect| {
        let alphas = cell.rows().flat_map(|row| {
            let start = (row as usize * width + cell.origin().x as usize) * PIXEL_BYTES;
            pixels.bytes()[start..start + cell.size().width() as usize * PIXEL_BYTES]
                .iter()
                .skip(3)
                .step_by(PIXEL_BYTES)
        });
        alphas.filter(|&&alpha| alpha == 0).count() as u64
    };
    cells(pixels.size()).map(clear).collect()
}

/// What is blank of each cell of what these pixels, so many of which are transparent, were rendered to.
pub(crate) fn blank_cells(clear: &[u64], rendered: &Pixels) -> impl Iterator<Item = Blank> {
    cells(rendered.size()).zip(clear).map(|(cell, &transparent)| {
        let pixels = cell.size().area();
        let nothing = if is_even(rendered.view().part(cell)) { pixels } else { transparent };
        Blank { pixels, nothing, transparent }
    })
}

/// Whether all pixels are of one color but for noise.
fn is_even(cell: PixelView<'_>) -> bool {
    let (mut least, mut most) = ([u8::MAX; 3], [0; 3]);
    for pixel in cell.rows().flat_map(|row| row.chunks_exact(PIXEL_BYTES)) {
        for channel in 0..3 {
            least[channel] = least[channel].min(pixel[channel]);
            most[channel] = most[channel].max(pixel[channel]);
        }
    }
    least.iter().zip(most).all(|(least, most)| most - least <= EVEN_WITHIN)
}

/// Which slide level is looked at to see where an area of this size at full size is blank, and the area's size on it.
pub(crate) fn level_to_look_at(info: &SlideInfo, area: Size) -> Option<(SlideLevel, Size)> {
    #[expect(clippy::cast_sign_loss, reason = "lengths are never negative")]
    let on_level = |length: u32, downsample: f64, level: u32| ((f64::from(length) / downsample) as u32).clamp(1, level);
    let sizes = info.levels.iter().zip(0..).filter_map(|(level, number)| {
        let width = on_level(area.width(), level.downsample, level.size.width());
        let height = on_level(area.height(), level.downsample, level.size.height());
        Some((SlideLevel(number), Size::new(width, height)?))
    });
    let mut sizes: Vec<_> = sizes.filter(|(_, size)| size.area() < LEVEL_PIXELS.end).collect();
    sizes.sort_by_key(|(level, size)| (size.area(), std::cmp::Reverse(*level)));
    let enough = sizes.iter().find(|(_, size)| size.area() >= LEVEL_PIXELS.start);
    let largest = sizes.last().filter(|(level, size)| *level == SlideLevel::BASE || size.area() >= LEVEL_PIXELS_LEAST);
    enough.or(largest).copied()
}

/// Where the area is blank, as one of the slide's own levels shows it.
pub(crate) struct BlankMap {
    pub level: SlideLevel,
    /// How much smaller than the full size.
    downsample: f64,
    columns: usize,
    cells: Vec<Blank>,
}

impl BlankMap {
    /// Reads the area, which is of this `size` on the level.
    pub fn of_level(source: &dyn Source, plan: &ExportPlan, level: SlideLevel, size: Size) -> Result<Self, SlideError> {
        let downsample = source.info().levels[level.0 as usize].downsample;
        let Point { x, y } = plan.area().origin();
        let parts: Vec<Range<u32>> = (0..size.height())
            .step_by(ROWS_AT_A_TIME as usize)
            .map(|start| start..(start + ROWS_AT_A_TIME).min(size.height()))
            .collect();
        let read = |rows: &Range<u32>| {
            #[expect(clippy::cast_sign_loss, reason = "positions are never negative")]
            let origin = Point { x, y: y + (f64::from(rows.start) * downsample) as u32 };
            let Some(part) = Size::new(size.width(), rows.end - rows.start) else { return Ok(Vec::new()) };
            let pixels = source.read_level(level, origin, part)?;
            let clear = clear_in_cells(&pixels);
            Ok(blank_cells(&clear, &plan.rendered(pixels)).collect())
        };
        // All of them, so that which error is told does not depend on which worker was first.
        let read: Vec<Result<Vec<Blank>, SlideError>> = parts.par_iter().map(read).collect();
        let cells = read.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
        Ok(Self { level, downsample, columns: size.width().div_ceil(CELL) as usize, cells })
    }

    pub fn whole(&self) -> Blank {
        self.cells.iter().fold(Blank::default(), |sum, cell| sum.and(*cell))
    }

    /// Of a part of the area, in pixels of the full size: the cells that it touches.
    pub fn within(&self, part: Rect) -> Blank {
        let rows_of_cells = self.cells.len() / self.columns.max(1);
        #[expect(clippy::cast_sign_loss, reason = "positions are never negative")]
        let cells = |range: Range<u32>, most: usize| {
            let on_map = |at: u32| f64::from(at) / (self.downsample * f64::from(CELL));
            let first = (on_map(range.start) as usize).min(most.saturating_sub(1));
            first..(on_map(range.end).ceil() as usize).clamp(first + 1, most.max(first + 1))
        };
        let columns = cells(part.columns(), self.columns);
        let touched = cells(part.rows(), rows_of_cells)
            .flat_map(|row| columns.clone().map(move |column| row * self.columns + column))
            .filter_map(|cell| self.cells.get(cell));
        touched.fold(Blank::default(), |sum, cell| sum.and(*cell))
    }
}
