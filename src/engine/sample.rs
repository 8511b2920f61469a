//! Rough estimates of an export's size, time, and blank share, from a grid of sampled tiles.
//!
//! Only sources that are read at random are sampled, and only for exports of the full size: slides
//! and tiled images, not images that are decoded row by row. At most 8 megapixels are encoded.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::reading::{read_chunk, with_plan_colors};
use super::tiles::start_workers;
use crate::codec::TileEncoder;
use crate::error::Error;
use crate::geometry::{Rect, Size};
use crate::pixels::{PIXEL_BYTES, PixelView};
use crate::plan::{BytesPerPixel, ExportPlan};
use crate::source::{Access, ImageReader, Reader, SlideError, Source};

/// The maximum number of sampled tiles along each axis, and of their pixels together.
const GRID: u32 = 8;
const PIXELS: u64 = 8 << 20;

/// The size of a sampled tile if the native tile size is unknown or too large.
const PLAIN_TILE: Size = Size::new(256, 256).unwrap();

/// The side of the cells that are tested for being blank, in pixels.
const CELL: u32 = 8;

/// A cell is blank if each channel varies by at most this much. Empty glass mostly varies by 8;
/// with 12, 16, or 24, the blank share of stained slides changes by less than 2 % of the area.
const BLANK_WITHIN: u8 = 16;

/// Time to create, write, and close a tile file, measured on a 1-gigapixel slide.
const SECONDS_PER_TILE: f64 = 100e-6;

/// Time to sync an export to a local disk and rename it.
const SECONDS_TO_PUBLISH: f64 = 0.3;

/// Estimates from sampled tiles.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Sample {
    /// The blank share of the sampled pixels, from 0 to 1: never scanned, or a single color but for
    /// noise, as empty glass is. `None` for images, whose even areas can be content.
    pub blank: Option<f64>,
    /// The number of sampled tiles.
    pub tiles: usize,
    /// Bytes per pixel of encoded tiles.
    pub bytes_per_pixel: BytesPerPixel,
    /// Seconds that one worker takes to export a pixel of the full size, smaller levels included.
    seconds_per_pixel: f64,
    /// Errors of tiles that could not be read.
    pub unreadable: Vec<SlideError>,
}

impl Sample {
    /// Estimates how many seconds an export by `plan` takes with as many workers as were sampled
    /// with.
    #[must_use]
    pub fn estimated_seconds(&self, plan: &ExportPlan, jobs: NonZeroUsize) -> f64 {
        let pixels = plan.pyramid().size().area() as f64 * self.seconds_per_pixel;
        let files = plan.pyramid().tile_count() as f64 * SECONDS_PER_TILE;
        SECONDS_TO_PUBLISH + (pixels + files) / jobs.get() as f64
    }
}

/// Samples the area that `plan` exports, on `jobs` worker threads. Returns `None` if the source
/// cannot be sampled cheaply, or no tile could be read.
///
/// # Errors
/// [`Error`] if the workers cannot be started or a tile cannot be encoded. Unreadable tiles are
/// reported in [`Sample::unreadable`].
pub fn sample(
    source: &dyn Source,
    plan: &ExportPlan,
    jobs: NonZeroUsize,
) -> Result<Option<Sample>, Error> {
    let is_random_access = !matches!(
        source.info().reader,
        Reader::Image(ImageReader { access: Access::Rows | Access::Once, .. })
    );
    if !is_random_access || !plan.placement().is_upright_full_size() {
        return Ok(None);
    }
    let converted = with_plan_colors(source, plan);
    let source = converted.as_deref().unwrap_or(source);
    let encoder = || TileEncoder::new(plan.format(), plan.color().embedded());
    let measured = start_workers(jobs)?.install(|| {
        let measure = |encoder: &mut Result<TileEncoder, _>, tile: Rect| {
            let encoder = encoder.as_mut().map_err(|error| Error::Encoder(Clone::clone(error)))?;
            match measure_tile(source, plan, encoder, tile) {
                Err(Error::Slide(error)) => Ok(Err(error)),
                measured => measured.map(Ok),
            }
        };
        sampled_tiles(source, plan)
            .into_par_iter()
            .map_init(encoder, measure)
            .collect::<Result<Vec<_>, Error>>()
    })?;
    let (mut total, mut tiles, mut unreadable) = (Measured::default(), 0, Vec::new());
    for tile in measured {
        match tile {
            Ok(tile) => {
                total.add(&tile);
                tiles += 1;
            }
            Err(error) => unreadable.push(error),
        }
    }
    let per_pixel = |amount: f64, pixels: u64| amount / pixels.max(1) as f64;
    Ok((tiles > 0).then(|| Sample {
        blank: (!matches!(source.info().reader, Reader::Image(_)))
            .then(|| per_pixel(total.blank as f64, total.pixels)),
        tiles,
        bytes_per_pixel: BytesPerPixel {
            full_size: per_pixel(total.bytes as f64, total.pixels),
            reduced: per_pixel(total.reduced_bytes as f64, total.reduced_pixels),
        },
        seconds_per_pixel: per_pixel(total.time.as_secs_f64(), total.pixels),
        unreadable,
    }))
}

/// Returns a grid of native tiles over the exported area, or of plain tiles, in pixels of the area.
fn sampled_tiles(source: &dyn Source, plan: &ExportPlan) -> Vec<Rect> {
    let native = source.info().levels[0].tile_to_read_whole();
    let tile = native.unwrap_or(PLAIN_TILE);
    let (origin, size) = (plan.area().origin(), plan.pyramid().size());
    let count = (PIXELS / tile.area()).isqrt().clamp(1, GRID.into()) as u32;
    let spans = |origin: u32, length: u32, tile: u32| {
        let (offset, tile) = (u64::from(origin % tile), u64::from(tile));
        let cells = (offset + u64::from(length)).div_ceil(tile);
        let count = cells.min(u64::from(count));
        (0..count).map(move |number| {
            let start = (2 * number + 1) * cells / (2 * count) * tile;
            start.saturating_sub(offset) as u32
                ..(start + tile - offset).min(u64::from(length)) as u32
        })
    };
    let columns: Vec<_> = spans(origin.x, size.width(), tile.width()).collect();
    spans(origin.y, size.height(), tile.height())
        .flat_map(|rows| {
            columns.iter().filter_map(move |columns| Rect::spanning(columns.clone(), rows.clone()))
        })
        .collect()
}

/// Measurements of one or several tiles.
#[derive(Default)]
struct Measured {
    pixels: u64,
    blank: u64,
    bytes: u64,
    reduced_pixels: u64,
    reduced_bytes: u64,
    time: Duration,
}

impl Measured {
    fn add(&mut self, other: &Self) {
        self.pixels += other.pixels;
        self.blank += other.blank;
        self.bytes += other.bytes;
        self.reduced_pixels += other.reduced_pixels;
        self.reduced_bytes += other.reduced_bytes;
        self.time += other.time;
    }
}

/// Reads a tile, and encodes it at full and at half size. The time counts the half size 4/3 times,
/// for it represents all smaller levels.
fn measure_tile(
    source: &dyn Source,
    plan: &ExportPlan,
    encoder: &mut TileEncoder,
    tile: Rect,
) -> Result<Measured, Error> {
    let started = Instant::now();
    let (pixels, _) = read_chunk(source, plan, tile, Vec::new())?;
    let pixels = plan.rendered(pixels);
    let bytes = encoder.encode(pixels.view())?.len() as u64;
    let full_size = started.elapsed();
    let reduced = pixels.view().reduced(Rect::of(tile.size()), plan.reduction(), Vec::new());
    let reduced_bytes = encoder.encode(reduced.view())?.len() as u64;
    let elapsed = full_size + started.elapsed().saturating_sub(full_size) * 4 / 3;
    Ok(Measured {
        pixels: tile.size().area(),
        blank: blank_pixels(pixels.view()),
        bytes,
        reduced_pixels: reduced.size().area(),
        reduced_bytes,
        time: elapsed,
    })
}

/// Counts the pixels in blank cells.
fn blank_pixels(view: PixelView<'_>) -> u64 {
    let spans = |length: u32| {
        (0..length).step_by(CELL as usize).map(move |start| start..(start + CELL).min(length))
    };
    let size = view.size();
    let cells = spans(size.height()).flat_map(|rows| {
        spans(size.width()).filter_map(move |columns| Rect::spanning(columns, rows.clone()))
    });
    cells.filter(|cell| is_blank(view.part(*cell))).map(|cell| cell.size().area()).sum()
}

fn is_blank(cell: PixelView<'_>) -> bool {
    let (mut low, mut high) = ([u8::MAX; 3], [0; 3]);
    for pixel in cell.rows().flat_map(|row| row.chunks_exact(PIXEL_BYTES)) {
        for channel in 0..3 {
            low[channel] = low[channel].min(pixel[channel]);
            high[channel] = high[channel].max(pixel[channel]);
        }
    }
    low.iter().zip(high).all(|(low, high)| high - low <= BLANK_WITHIN)
}
