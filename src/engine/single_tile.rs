//! Single tiles on demand, without an export.
//!
//! [`nearest_tile`] resamples the slide level of the nearest size, as openslide-python's
//! `DeepZoomGenerator` does: it is fast, and differs slightly from the tile of an export.
//! [`exact_tile`] reduces the full size as an export does and yields the same pixels: it takes as
//! long as reading everything under the tile.

use std::num::NonZeroUsize;
use std::ops::Range;

use super::reading::{read_chunk, with_plan_colors};
use super::tiles::start_workers;
use crate::error::Error;
use crate::geometry::{Point, Rect, Size};
use crate::pixels::{Canvas, Patch, Pixels, relative_to};
use crate::plan::ExportPlan;
use crate::pyramid::{Level, TileAddress};
use crate::source::{SlideLevel, Source};

/// Larger rectangles are split, which bounds the memory of a worker (4 MB per level) and occupies
/// the others.
const LARGEST_PART: u64 = 1 << 20;

/// The maximum number of pixels (256 MB) that [`nearest_tile`] reads at once. A slide without small
/// levels has more under a tile of a small level; it is then read as [`exact_tile`] does, which
/// holds little at a time.
const LARGEST_REGION: u64 = 1 << 26;

/// Returns the pixels of `tile` in an export of `plan`, with its overlap.
///
/// # Errors
/// [`Error`] if the slide cannot be read under the tile or the workers cannot be started.
pub fn exact_tile(
    source: &dyn Source,
    plan: &ExportPlan,
    tile: TileAddress,
    jobs: NonZeroUsize,
) -> Result<Pixels, Error> {
    let region = plan.pyramid().region(tile);
    start_workers(jobs)?.install(|| exact_region(source, plan, tile.level(), region.full))
}

/// Returns the pixels in `rect` of `level` in an export of `plan`. Uses the current rayon thread
/// pool.
///
/// # Errors
/// [`Error`] if the slide cannot be read under the rectangle.
pub fn exact_region(
    source: &dyn Source,
    plan: &ExportPlan,
    level: Level,
    rect: Rect,
) -> Result<Pixels, Error> {
    let converted = with_plan_colors(source, plan);
    region(converted.as_deref().unwrap_or(source), plan, level, rect)
}

fn region(
    source: &dyn Source,
    plan: &ExportPlan,
    level: Level,
    rect: Rect,
) -> Result<Pixels, Error> {
    if let Some((one, other)) = rect.halves().filter(|_| rect.size().area() > LARGEST_PART / 4) {
        let (first, second) =
            rayon::join(|| region(source, plan, level, one), || region(source, plan, level, other));
        let (first, second) = (first?, second?);
        let mut canvas = Canvas::default();
        let pieces = [(one, Patch::Pixels(&first)), (other, Patch::Pixels(&second))];
        let whole = canvas.assemble(rect, pieces.into_iter());
        return Ok(whole.to_pixels());
    }
    let Some(larger) = plan.pyramid().level(level.number() + 1) else {
        return Ok(plan.rendered(read_chunk(source, plan, rect, Vec::new())?.0));
    };
    let size = plan.pyramid().level_size(larger);
    let margin = plan.reduction().margin();
    let doubled = |range: Range<u32>, length: u32| 2 * range.start..(2 * range.end).min(length);
    let with_margin = |range: Range<u32>, length: u32| {
        range.start.saturating_sub(margin)..(range.end + margin).min(length)
    };
    let core =
        Rect::spanning(doubled(rect.columns(), size.width()), doubled(rect.rows(), size.height()));
    let under = core.and_then(|core| {
        Rect::spanning(
            with_margin(core.columns(), size.width()),
            with_margin(core.rows(), size.height()),
        )
    });
    let (core, under) = core.zip(under).ok_or_else(|| Error::Defect {
        message: format!("{rect} of level {level} has no source pixels"),
    })?;
    let pixels = region(source, plan, larger, under)?;
    Ok(pixels.view().reduced(relative_to(core, under.origin()), plan.reduction(), Vec::new()))
}

/// Returns `tile` with its overlap, resampled from the smallest slide level that is not smaller
/// than the tile's.
///
/// # Errors
/// [`Error::Slide`] if that level cannot be read under the tile.
pub fn nearest_tile(
    source: &dyn Source,
    plan: &ExportPlan,
    tile: TileAddress,
) -> Result<Pixels, Error> {
    let converted = with_plan_colors(source, plan);
    let source = converted.as_deref().unwrap_or(source);
    let full = plan.pyramid().region(tile).full;
    let scale = 1_u64 << plan.pyramid().reduction_levels(tile.level());
    let (placement, whole) = (plan.placement(), plan.pyramid().size());
    // The full size under the tile. At the right and bottom edges, a pixel can cover less than 2×2.
    let under = |range: Range<u32>, length: u32| {
        let edge = |at: u32| (u64::from(at) * scale).min(u64::from(length)) as u32;
        edge(range.start)..edge(range.end)
    };
    let upright =
        Rect::spanning(under(full.columns(), whole.width()), under(full.rows(), whole.height()))
            .and_then(|under| placement.upright(under))
            .ok_or_else(|| Error::Defect {
                message: format!("tile {tile} lies outside the slide"),
            })?;
    let [across, down] = placement.downsamples();
    let levels = &source.info().levels;
    let reached = scale as f64 * across.min(down);
    let nearest = levels.iter().enumerate().rev().find(|(_, level)| level.downsample <= reached);
    let (number, level) = nearest.unwrap_or((0, &levels[0]));
    let downsample = if number == 0 { 1.0 } else { level.downsample };

    // Rounds as `DeepZoomGenerator` does, the position down and the size up, but not beyond the
    // slide level and the area: a pixel past the level reads as transparent and would blend the
    // background into the edge of the tile.
    #[expect(clippy::cast_sign_loss, reason = "positions and lengths are never negative")]
    let axis = |taken: Range<u32>, step: f64, area: Range<u32>, begin: f64, level_length: u32| {
        // The tolerance absorbs rounding errors of quotients that should be whole.
        let on_level = |length: f64| (length / downsample - 1e-6).ceil();
        let (from, length) =
            (f64::from(taken.start) * step, f64::from(taken.end - taken.start) * step);
        let level_rest = f64::from(level_length) - on_level(f64::from(area.start));
        let reach = on_level(f64::from(area.end - area.start)).min(level_rest) - on_level(from);
        ((begin + from + 1e-6) as u32, on_level(length).min(reach).max(1.0) as u32)
    };
    let (area, begin) = (placement.area(), placement.begin());
    let (x, width) = axis(upright.columns(), across, area.columns(), begin[0], level.size.width());
    let (y, height) = axis(upright.rows(), down, area.rows(), begin[1], level.size.height());
    let size = Size::new(width, height).ok_or_else(|| Error::Defect {
        message: format!("tile {tile} has no pixels on slide level {number}"),
    })?;
    if size.area() > LARGEST_REGION {
        return region(source, plan, tile.level(), full);
    }
    let pixels = source.read_level(SlideLevel(number as u32), Point { x, y }, size)?;
    Ok(plan.rendered(pixels.oriented(placement.orientation(), Vec::new())).resampled(full.size()))
}
