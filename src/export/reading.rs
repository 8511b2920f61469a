//! How parts of an export's full size are read from the slide.

use std::ops::Range;

use crate::error::Error;
use crate::geometry::{Orientation, Rect};
use crate::plan::ExportPlan;
use crate::render::PremultipliedPixels;
use crate::slide::{SlideInfo, Source};

/// Reads a part of the exported area, and lays it as the export has it; `rect` in pixels of the full-size level.
pub(super) fn read_chunk(
    source: &dyn Source,
    plan: &ExportPlan,
    rect: Rect,
    spare: Vec<u8>,
) -> Result<PremultipliedPixels, Error> {
    let (orientation, region) = (plan.placement().orientation(), on_slide(plan, rect)?);
    if orientation == Orientation::UPRIGHT {
        return Ok(source.read(region, spare)?);
    }
    Ok(source.read(region, Vec::new())?.oriented(orientation, spare))
}

/// Where a part of the full-size level lies, in slide-level-0 pixels.
pub(super) fn on_slide(plan: &ExportPlan, rect: Rect) -> Result<Rect, Error> {
    plan.placement()
        .on_slide(rect)
        .ok_or_else(|| Error::Defect { message: format!("the exported area's part {rect} lies outside the slide") })
}

/// A chunk cut at the edges of the slide's stored tiles, in the slide's order of rows; whole where these are not known. Both in pixels of the
/// full-size level.
pub(super) fn stored_cells(info: &SlideInfo, plan: &ExportPlan, chunk: Rect) -> Result<Vec<Rect>, Error> {
    let Some(tile) = info.levels[0].tile_to_read_whole() else { return Ok(vec![chunk]) };
    let region = on_slide(plan, chunk)?;
    let spans = |range: Range<u32>, length: u32| -> Vec<Range<u32>> {
        let cells = range.start / length..range.end.div_ceil(length);
        cells.map(|cell| (cell * length).max(range.start)..((cell + 1) * length).min(range.end)).collect()
    };
    let (columns, rows) = (spans(region.columns(), tile.width()), spans(region.rows(), tile.height()));
    let cells =
        rows.iter().flat_map(|row| columns.iter().filter_map(|column| Rect::spanning(column.clone(), row.clone())));
    Ok(cells.filter_map(|cell| plan.placement().from_slide(cell)).collect())
}
