//! Samples of an image that is decoded row by row: of its first rows, or of all where it is small.
//!
//! It is gone through as an export goes through it, one thread decoding and the others making tiles, and no further than is needed; no more of
//! it is held than some rows of some regions. What cannot be told so is what the rows below look like: a picture whose first rows are empty takes more than they say.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::{CHUNK_IN_PLAIN, Cells, Decoding, RegionSample, Sample, make_tiles, read_chunk, regions};
use crate::codec::TileEncoder;
use crate::engine::tiles::start_workers;
use crate::error::Error;
use crate::geometry::{Point, Rect, Size};
use crate::pixels::Pixels;
use crate::plan::{ExportPlan, Sampled};
use crate::source::{Band, SourcePass, SourceRows};

/// So many pixels are decoded, or one row of tiles: less than a second for what is decoded slowest, PNG of 16 bits.
const FIRST_PIXELS: u64 = 1 << 25;

/// Rows that are read at a time, as in an export.
const BAND_ROWS: usize = 32;

/// Regions side by side, whose rows come together.
struct RegionRow {
    rows: Range<u32>,
    regions: Vec<Rect>,
}

impl RegionRow {
    /// What is read of them together.
    fn bands(&self) -> impl Iterator<Item = Range<u32>> {
        let end = self.rows.end;
        self.rows.clone().step_by(BAND_ROWS).map(move |start| start..(start + BAND_ROWS as u32).min(end))
    }
}

/// Lets the decoder end, whatever becomes of those who wait for its rows.
struct Stop<'p>(&'p dyn SourcePass);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Looks at the first rows of the area that `plan` exports, which is upright and of the full size, on as many threads as `jobs`, but two at least.
pub(crate) fn sample(rows: &dyn SourceRows, plan: &ExportPlan, jobs: NonZeroUsize) -> Result<Sample, Error> {
    let all = plan.pyramid().size();
    let first = (FIRST_PIXELS / u64::from(all.width())) as u32;
    let first = first.max(plan.pyramid().geometry().tile_size()).min(all.height());
    let cells = Cells { chunk: CHUNK_IN_PLAIN, origin: Point::default(), are_the_slides: false, read_for_one: 1.0 };
    let region_rows = region_rows(regions(plan, Size::new(all.width(), first).unwrap_or(all), &cells));

    let above = plan.area().origin().y;
    let band = |row: &RegionRow, rows: Range<u32>| Band {
        pixels: row.regions.iter().map(|region| u64::from(region.size().width()) * rows.len() as u64).sum(),
        rows: rows.start + above..rows.end + above,
    };
    let bands = region_rows.iter().flat_map(|row| row.bands().map(move |rows| band(row, rows))).collect();
    let pass = rows.begin(bands)?;
    // The decoder's is one of them.
    let workers = start_workers(NonZeroUsize::new(jobs.get() - 1).unwrap_or(NonZeroUsize::MIN))?;
    let mut unreadable = Vec::new();
    let (mut total, mut read) = (RegionSample::default(), 0);
    std::thread::scope(|scope| {
        let failed = |error: std::io::Error| Error::Workers { jobs: jobs.get(), message: error.to_string() };
        let decoder = std::thread::Builder::new().name("decoder".to_owned());
        decoder.spawn_scoped(scope, || pass.run()).map_err(failed)?;
        let _stop = Stop(pass.as_ref());
        for row in &region_rows {
            match workers.install(|| sample_row(pass.as_ref(), plan, row)) {
                Ok(sampled) => {
                    total = total.and(&sampled);
                    read += row.regions.len();
                }
                Err(Error::Slide(error)) => {
                    unreadable.push(error);
                    break;
                }
                Err(other) => return Err(other),
            }
        }
        Ok(())
    })?;
    if unreadable.is_empty() {
        unreadable.extend(pass.end().err());
    }
    total.reading = total.reading.saturating_sub(pass.waited());
    let tiles = total.tiles(0.0);
    let decoding = Decoding::RowByRow(pass.time_to_decode().as_secs_f64());
    Ok(Sample {
        blank: None,
        contents: Sampled { blank: 0.0, tiles },
        regions: read,
        first_rows: (first < all.height()).then_some(first),
        unreadable,
        speed: tiles.map(|_| total.speed(decoding)),
    })
}

fn region_rows(regions: Vec<Rect>) -> Vec<RegionRow> {
    let mut by_row: BTreeMap<u32, Vec<Rect>> = BTreeMap::new();
    for region in regions {
        by_row.entry(region.origin().y).or_default().push(region);
    }
    let row = |mut regions: Vec<Rect>| {
        // Where there is not room for all, some fall together.
        regions.sort_by_key(|region| region.origin().x);
        regions.dedup();
        Some(RegionRow { rows: regions.first()?.rows(), regions })
    };
    by_row.into_values().filter_map(row).collect()
}

/// Reads regions side by side, band by band, and makes tiles of each.
fn sample_row(pass: &dyn SourcePass, plan: &ExportPlan, row: &RegionRow) -> Result<RegionSample, Error> {
    let mut pieces: Vec<Vec<(Rect, Pixels)>> = row.regions.iter().map(|_| Vec::new()).collect();
    let mut sample = RegionSample::default();
    for rows in row.bands() {
        let read = |(region, pieces): (&Rect, &mut Vec<(Rect, Pixels)>)| {
            let Some(rect) = Rect::spanning(region.columns(), rows.clone()) else { return Ok(Duration::ZERO) };
            let begun = Instant::now();
            let (pixels, _) = read_chunk(pass, plan, rect, Vec::new())?;
            pieces.push((rect, plan.rendered(pixels)));
            Ok(begun.elapsed())
        };
        // All of them, so that which error is told does not depend on which worker was first.
        let times: Vec<Result<Duration, Error>> = row.regions.par_iter().zip(&mut pieces).map(read).collect();
        for time in times {
            sample.reading += time?;
        }
    }
    sample.pixels_read = row.regions.iter().map(|region| region.size().area()).sum();
    let encoder = || TileEncoder::new(plan.format(), plan.color().embedded());
    let encode = |encoder: &mut Result<TileEncoder, _>, (&region, pieces): (&Rect, Vec<(Rect, Pixels)>)| {
        let encoder = encoder.as_mut().map_err(|error| Error::Encoder(Clone::clone(error)))?;
        let mut sample = RegionSample::default();
        make_tiles(plan, encoder, region, &pieces, &mut sample)?;
        Ok(sample)
    };
    let tiles = row.regions.par_iter().zip(pieces).map_init(encoder, encode).collect::<Result<Vec<_>, Error>>()?;
    Ok(tiles.iter().fold(sample, RegionSample::and))
}
