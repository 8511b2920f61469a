//! Reads parts of an export's full size: from one level of the slide, downsampled, resampled,
//! rotated and flipped.
//!
//! A part does not depend on the parts around it, so the full size can be read in any chunks.
//! Downsampling keeps the slide's colors and alpha, as in the slide's own levels; color conversion
//! and background come after.

use std::ops::Range;

use crate::error::Error;
use crate::geometry::{Orientation, Rect};
use crate::pixels::{PremultipliedPixels, relative_to};
use crate::plan::{ExportPlan, Placement, ReadErrorPolicy};
use crate::source::{SlideError, SlideLevel, Source};

/// The maximum number of pixels (32 MB) of a level that are held at a time to downsample them.
const LARGEST_PART: u64 = 8 << 20;

/// Returns `source` with its CMYK pixels converted as `plan` says; `None` if `source` is to be read
/// as it is. Every public function that reads pixels calls this once.
pub(crate) fn with_plan_colors(source: &dyn Source, plan: &ExportPlan) -> Option<Box<dyn Source>> {
    source.with_cmyk(plan.color().cmyk_conversion()?)
}

/// Reads a part of the full size; `rect` is in pixels of the full size. Regions that cannot be read
/// are clear if the plan tolerates it; they are returned in slide-level-0 pixels.
pub(crate) fn read_chunk(
    source: &dyn Source,
    plan: &ExportPlan,
    rect: Rect,
    spare: Vec<u8>,
) -> Result<(PremultipliedPixels, Vec<Rect>), Error> {
    let placement = plan.placement();
    let upright = placement.upright(rect).ok_or_else(|| outside(rect))?;
    let mut reading = Reading { source, plan, unreadable: Vec::new() };
    let pixels = if placement.orientation() == Orientation::UPRIGHT {
        reading.resampled(upright, spare)?
    } else {
        reading.resampled(upright, Vec::new())?.oriented(placement.orientation(), spare)
    };
    Ok((pixels, reading.unreadable))
}

/// Whether a part of the full size is known, without reading it, not to have been scanned.
pub(crate) fn is_unscanned(
    source: &dyn Source,
    plan: &ExportPlan,
    rect: Rect,
) -> Result<bool, Error> {
    let placement = plan.placement();
    let upright = placement.upright(rect).ok_or_else(|| outside(rect))?;
    // Only known at the slide's full size.
    Ok(placement.level() == SlideLevel::BASE
        && source.is_unscanned(placement.level_to_slide(placement.stored(upright))))
}

/// Converts a part of the full size to slide-level-0 pixels, for an export of the slide's full
/// size.
pub(crate) fn on_slide(plan: &ExportPlan, rect: Rect) -> Result<Rect, Error> {
    let upright = plan.placement().upright(rect).ok_or_else(|| outside(rect))?;
    Ok(plan.placement().level_to_slide(upright))
}

fn outside(rect: Rect) -> Error {
    Error::Defect { message: format!("region {rect} of the export is outside the slide") }
}

/// A read in progress. Each step takes a rectangle in its own pixels, relative to the exported
/// area.
struct Reading<'a> {
    source: &'a dyn Source,
    plan: &'a ExportPlan,
    unreadable: Vec<Rect>,
}

impl Reading<'_> {
    fn placement(&self) -> &Placement {
        self.plan.placement()
    }

    fn resampled(&mut self, target: Rect, spare: Vec<u8>) -> Result<PremultipliedPixels, Error> {
        let reduction_levels = self.placement().reduction_levels();
        if !self.placement().is_resampled() {
            return self.halved(target, reduction_levels, spare);
        }
        let needed = self.placement().halved(target);
        let pixels = self.halved(needed, reduction_levels, Vec::new())?;
        Ok(pixels.resampled(needed.origin(), self.placement().axes(), target, spare))
    }

    fn halved(
        &mut self,
        rect: Rect,
        reduction_levels: u32,
        spare: Vec<u8>,
    ) -> Result<PremultipliedPixels, Error> {
        let Some(fewer) = reduction_levels.checked_sub(1) else { return self.native(rect, spare) };
        let under =
            rect.size().area().checked_shl(2 * reduction_levels.min(31)).unwrap_or(u64::MAX);
        if let Some((one, other)) = rect.halves().filter(|_| under > LARGEST_PART) {
            let mut joined = PremultipliedPixels::clear(rect.size());
            for part in [one, other] {
                joined.paste(
                    relative_to(part, rect.origin()).origin(),
                    &self.halved(part, reduction_levels, Vec::new())?,
                );
            }
            return Ok(joined);
        }
        let size = self.placement().halved_size_after(fewer);
        let doubled = |range: Range<u32>, length: u32| 2 * range.start..(2 * range.end).min(length);
        let under = Rect::spanning(
            doubled(rect.columns(), size.width()),
            doubled(rect.rows(), size.height()),
        )
        .ok_or_else(|| outside(rect))?;
        Ok(self.halved(under, fewer, Vec::new())?.halved(spare))
    }

    /// Reads pixels of the slide.
    fn native(&mut self, rect: Rect, spare: Vec<u8>) -> Result<PremultipliedPixels, Error> {
        let placement = self.placement();
        if placement.level() == SlideLevel::BASE
            && self.source.is_unscanned(placement.level_to_slide(rect))
        {
            return Ok(PremultipliedPixels::clear(rect.size()));
        }
        match self.read(rect, spare) {
            Err(error) if self.is_tolerated(&error) => {}
            read => return Ok(read?),
        }
        // Read each native tile on its own, so that only damaged ones are lost.
        let mut joined = PremultipliedPixels::clear(rect.size());
        for (cell, whole) in self.native_cells(rect) {
            match self.read(cell, Vec::new()) {
                Ok(pixels) => joined.paste(relative_to(cell, rect.origin()).origin(), &pixels),
                Err(error) if self.is_tolerated(&error) => {
                    self.unreadable.push(self.placement().level_to_slide(whole));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(joined)
    }

    fn read(&self, rect: Rect, spare: Vec<u8>) -> Result<PremultipliedPixels, SlideError> {
        let (level, area) = (self.placement().level(), self.placement().area_on_level());
        // The rectangle is inside the area, so its edges fit.
        let region = rect.moved(area.origin()).unwrap_or(area);
        self.source.read_from_level(level, region, spare)
    }

    /// Whether the export continues despite this error.
    fn is_tolerated(&self, error: &SlideError) -> bool {
        self.plan.on_read_error() == ReadErrorPolicy::Blank && error.is_of_a_part()
    }

    /// Cuts a part of the area at the edges of the slide's native tiles, row by row. Each cell
    /// comes with the region to report if it cannot be read. Without native tiles there is one
    /// cell.
    fn native_cells(&self, rect: Rect) -> Vec<(Rect, Rect)> {
        let level = &self.source.info().levels[self.placement().level().0 as usize];
        let Some(tile) = level.tile_to_read_whole() else { return vec![(rect, rect)] };
        let area = self.placement().area_on_level();
        let cells = |within: Range<u32>,
                     length: u32,
                     from: u32,
                     end: u32|
         -> Vec<(Range<u32>, Range<u32>)> {
            let cells = (within.start + from) / length..(within.end + from).div_ceil(length);
            let cut = |cell: u32, within: &Range<u32>| {
                (cell * length).saturating_sub(from).max(within.start)
                    ..((cell + 1) * length).saturating_sub(from).min(within.end)
            };
            cells.map(|cell| (cut(cell, &within), cut(cell, &(0..end)))).collect()
        };
        let columns = cells(rect.columns(), tile.width(), area.origin().x, area.size().width());
        let rows = cells(rect.rows(), tile.height(), area.origin().y, area.size().height());
        let both = rows.iter().flat_map(|row| columns.iter().map(move |column| (column, row)));
        both.filter_map(|((column, whole_column), (row, whole_row))| {
            let cell = Rect::spanning(column.clone(), row.clone())?;
            // When downsampling, a native tile may be read for several chunks and is one region.
            let is_whole = !self.placement().is_full_size();
            let whole =
                Rect::spanning(whole_column.clone(), whole_row.clone()).filter(|_| is_whole);
            Some((cell, whole.unwrap_or(cell)))
        })
        .collect()
    }
}
