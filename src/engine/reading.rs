//! How parts of an export's full size are made of the slide's pixels: read from one of its levels, halved, resampled, turned and mirrored.
//!
//! What always holds: a part is the same whatever the parts around it are, so that the full size can be read in any chunks. Made smaller,
//! pixels keep the slide's own colors and alpha, as those of the slide's own levels do; color and background come after.

use std::ops::Range;

use crate::error::Error;
use crate::geometry::{Orientation, Rect};
use crate::pixels::{PremultipliedPixels, relative_to};
use crate::plan::{ExportPlan, Placement, ReadErrorPolicy};
use crate::source::{SlideError, SlideLevel, Source};

/// More pixels of a level than these (32 MB) are not held at a time for the sake of making them smaller.
const LARGEST_PART: u64 = 8 << 20;

/// Returns `source` with its CMYK pixels converted as `plan` says; `None` if `source` is to be read as it is.
/// Every public function that reads pixels calls this once.
pub(crate) fn with_plan_colors(source: &dyn Source, plan: &ExportPlan) -> Option<Box<dyn Source>> {
    source.with_cmyk(plan.color().cmyk_conversion()?)
}

/// Reads a part of the exported area as the export has it; `rect` in pixels of the full-size level. Where parts of the slide cannot be read and the
/// plan allows it, they are clear, and are named in slide-level-0 pixels.
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

/// Whether it is known without reading that nothing under a part of the full-size level was scanned.
pub(crate) fn is_unscanned(source: &dyn Source, plan: &ExportPlan, rect: Rect) -> Result<bool, Error> {
    let placement = plan.placement();
    let upright = placement.upright(rect).ok_or_else(|| outside(rect))?;
    // What is known is known of the full size.
    Ok(placement.level() == SlideLevel::BASE
        && source.is_unscanned(placement.level_to_slide(placement.stored(upright))))
}

/// Where a part of the full-size level lies, in slide-level-0 pixels, where the export is of the slide's full size.
pub(crate) fn on_slide(plan: &ExportPlan, rect: Rect) -> Result<Rect, Error> {
    let upright = plan.placement().upright(rect).ok_or_else(|| outside(rect))?;
    Ok(plan.placement().level_to_slide(upright))
}

fn outside(rect: Rect) -> Error {
    Error::Defect { message: format!("the exported area's part {rect} lies outside the slide") }
}

/// One chunk under way. Each step is asked for a part in its own pixels, measured from the exported area's corner.
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

    fn halved(&mut self, rect: Rect, reduction_levels: u32, spare: Vec<u8>) -> Result<PremultipliedPixels, Error> {
        let Some(fewer) = reduction_levels.checked_sub(1) else { return self.stored(rect, spare) };
        let under = rect.size().area().checked_shl(2 * reduction_levels.min(31)).unwrap_or(u64::MAX);
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
        let under = Rect::spanning(doubled(rect.columns(), size.width()), doubled(rect.rows(), size.height()))
            .ok_or_else(|| outside(rect))?;
        Ok(self.halved(under, fewer, Vec::new())?.halved(spare))
    }

    /// Reads what the slide has.
    fn stored(&mut self, rect: Rect, spare: Vec<u8>) -> Result<PremultipliedPixels, Error> {
        let placement = self.placement();
        if placement.level() == SlideLevel::BASE && self.source.is_unscanned(placement.level_to_slide(rect)) {
            return Ok(PremultipliedPixels::clear(rect.size()));
        }
        match self.read(rect, spare) {
            Err(error) if self.is_tolerated(&error) => {}
            read => return Ok(read?),
        }
        // Once more, native tile by native tile: only what is damaged is lost.
        let mut joined = PremultipliedPixels::clear(rect.size());
        for (cell, whole) in self.stored_cells(rect) {
            match self.read(cell, Vec::new()) {
                Ok(pixels) => joined.paste(relative_to(cell, rect.origin()).origin(), &pixels),
                Err(error) if self.is_tolerated(&error) => self.unreadable.push(self.placement().level_to_slide(whole)),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(joined)
    }

    fn read(&self, rect: Rect, spare: Vec<u8>) -> Result<PremultipliedPixels, SlideError> {
        let (level, area) = (self.placement().level(), self.placement().area_on_level());
        // A part of the area: its edges fit.
        let region = rect.moved(area.origin()).unwrap_or(area);
        self.source.read_from_level(level, region, spare)
    }

    /// Whether the export goes on though this could not be read.
    fn is_tolerated(&self, error: &SlideError) -> bool {
        self.plan.on_read_error() == ReadErrorPolicy::Blank && error.is_of_a_part()
    }

    /// A part of the area cut at the edges of the slide's native tiles, row by row, each with what is to be named where it cannot be read; whole
    /// where the tiles are not known.
    fn stored_cells(&self, rect: Rect) -> Vec<(Rect, Rect)> {
        let level = &self.source.info().levels[self.placement().level().0 as usize];
        let Some(tile) = level.tile_to_read_whole() else { return vec![(rect, rect)] };
        let area = self.placement().area_on_level();
        let cells = |within: Range<u32>, length: u32, from: u32, end: u32| -> Vec<(Range<u32>, Range<u32>)> {
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
            // Parts that are made smaller need pixels around them: a tile may be read for several, and is one region.
            let is_whole = !self.placement().is_full_size();
            let whole = Rect::spanning(whole_column.clone(), whole_row.clone()).filter(|_| is_whole);
            Some((cell, whole.unwrap_or(cell)))
        })
        .collect()
    }
}
